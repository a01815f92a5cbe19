"""Runs of fewer than fifty steps: that they are short is all that is wrong, or the rate is."""

import re

import numpy as np
import pytest

import nnscratch as nn

SIZES = "update_ratio"
FEW, RATE = "too few steps", "learning rate too small"


def falls(end=0.8, start=1.0):
    """The loss goes down evenly, from one part of what a constant answer gives to another."""

    def change(record):
        steps = len(record["steps"])
        record["loss"][...] = record["loss_constant"][0] * np.linspace(start, end, steps)

    return change


def stands(level=1.0, size=2e-3, **values):
    def change(record):
        record["loss"][...] = level * record["loss_constant"][0]
        record[SIZES][...] = size
        for name, value in values.items():
            record[name][...] = value

    return change


def paced(steps, left, size):
    """Half of what is missing takes `left` more steps, at the pace of both halves of the run."""

    def change(record):
        fall = 0.5 * steps / 2 / (left + steps / 4)
        losses = np.repeat([1.0, 1.0 - fall], steps // 2)
        record["loss"][...] = record["loss_constant"][0] * losses
        record[SIZES][...] = size

    return change


@pytest.mark.parametrize(("steps", "told"), [(2, False), (3, True), (10, True), (49, True)])
def test_a_run_of_few_steps_is_told_that_it_is_short(run, steps, told):
    found = run(falls(), steps=steps)
    assert found.kinds == ((FEW,) if told else ())
    if told:
        one = found[0]
        assert one.severity == "notice"
        assert f"Only {steps} steps were made, and " in one.sentence
        assert one.numbers["steps"] == steps
        assert ("and the loss falls, from 1.1 to " in one.sentence) == (steps > 3)
        assert ("takes about " in one.sentence) == (steps > 3)  # three losses are no pace


def test_from_fifty_steps_on_it_is_told_by_quarters(run):
    assert "still falls" in run.of(run(falls(), steps=50), FEW).sentence
    assert "Only 49 steps" in run.of(run(falls(), steps=49), FEW).sentence


def test_the_pace_says_how_many_more(run):
    one = run(paced(40, 300, 2e-3), steps=40)[0]
    assert one.numbers["steps_left"] == pytest.approx(300, rel=0.06)
    more = int(re.search(r"max_steps=(\d+)", one.advice[0].line)[1])
    assert more == pytest.approx(8 * one.numbers["steps_left"], rel=0.05)
    assert f"takes about {more // 8} more" in one.sentence
    assert len(one.advice) == 1
    soon, most = (run(paced(40, left, 2e-3), steps=40)[0] for left in (6, 5000))
    assert "max_steps=50," in soon.advice[0].line  # fewer would be few again
    assert "max_steps=10000," in most.advice[0].line  # as many as anybody would ask for


@pytest.mark.parametrize(("left", "falling"), [(0.9e4, True), (1.1e4, False)])
def test_nobody_is_asked_for_ten_thousand_steps(run, left, falling):
    one = run(paced(40, left, 2e-3), steps=40)[0]
    assert ("the loss falls" in one.sentence) == falling
    assert ("max_steps=500," in one.advice[0].line) == (not falling)


def test_a_loss_that_stands_says_nothing_yet(run):
    one = run(stands(), steps=30)[0]
    assert one.kind == FEW
    assert "Only 30 steps were made, and in them the loss stands at 1.1: " in one.sentence
    assert "whether it learns shows after 50 or more" in one.sentence
    assert (
        "An update is 0.2 % of the weights' norm: 30 of them change the weights by 6 % at most"
        in (one.cause)
    )
    assert one.advice[0].line == "trainer.fit(x, y, epochs=500, max_steps=500, batch_size=32)"


@pytest.mark.parametrize(("level", "told"), [(0.81, True), (0.79, False)])
def test_where_a_fifth_is_learned_and_it_stands_that_may_be_all(run, level, told):
    assert (FEW in run(stands(level), steps=30).kinds) == told


@pytest.mark.parametrize(("level", "told"), [(0.26, True), (0.24, False)])
def test_what_has_learned_three_quarters_is_not_short(run, level, told):
    def change(record):
        losses = np.where(np.arange(40) < 20, 0.5, level)
        record["loss"][...] = record["loss_constant"][0] * losses

    assert (FEW in run(change, steps=40).kinds) == told
    assert not run(falls(0.1, 0.15), steps=4).kinds  # a network that has learned before


@pytest.mark.parametrize(("rise", "told"), [(0.045, True), (0.055, False)])
def test_a_loss_that_rises_is_not_for_more_steps(run, rise, told):
    def change(record):
        losses = np.where(np.arange(30) < 15, 1.0, 1.0 + rise)
        record["loss"][...] = record["loss_constant"][0] * losses

    assert (FEW in run(change, steps=30).kinds) == told


@pytest.mark.parametrize(
    ("size", "kind"), [(0.9e-5, RATE), (1.1e-5, FEW), (1e-6, RATE), (1e-9, RATE)]
)
def test_updates_that_change_nothing_are_the_rate(run, size, kind):
    found = run(stands(size=size), steps=30)
    assert found.kinds == (kind,)
    if kind == RATE:
        assert found[0].severity == "serious"
        assert "30 were made, and the loss stands at 1.1" in found[0].sentence
        assert [one.line for one in found[0].advice] == [
            "optimizer = nn.Adam(lr=0.01)",
            "optimizer = nn.SGD(lr=1)",
        ]
        assert found[0].numbers == {"ratio": pytest.approx(size), "lr": 0.1}
        assert "change by their own size" in found[0].sentence


@pytest.mark.parametrize(("left", "kind"), [(470, FEW), (540, RATE)])
def test_but_not_if_the_loss_falls_with_them(run, left, kind):
    """As with inputs of thousands, where hardly any change of the weights is a large one."""
    assert run(paced(40, left, 0.9e-5), steps=40).kinds == (kind,)


def test_a_rate_that_is_still_warming_up_is_not_too_small(run):
    def change(record):
        stands(size=1e-6)(record)
        record["lr"][...] = np.linspace(1e-6, 1e-5, 30)

    assert run(change, steps=30).kinds == (FEW,)


@pytest.mark.parametrize(("size", "count"), [(2.9e-4, 2), (3.1e-4, 1)])
def test_longer_steps_may_be_tried_where_they_are_short(run, size, count):
    found = run(stands(size=size), steps=30)
    assert len(found[0].advice) == count
    assert "lr=0.6" in found[0].cures[-1] or "lr=0.5" in found[0].cures[-1] or count == 1
    brisk = run(paced(40, 470, size), steps=40)
    assert len(brisk[0].advice) == 1


def test_what_is_visible_at_once_comes_first(run):
    large = run(stands(input_std=50.0), steps=30)
    assert large.kinds == ("input scale", FEW)
    assert [one.severity for one in large.causes] == ["serious"]

    def squares(record):
        stands()(record)
        record["loss_kind"] = "MeanSquaredError"

    assert run(squares, steps=30).kinds == (FEW, "loss")  # what could be done otherwise does not
    bare = {"kinds": "dense dense dense", "widths": (20, 20, 3)}
    assert run(stands(), steps=30, **bare).kinds == (FEW, "no activation")


def test_where_something_is_broken_more_steps_are_not_the_cure(run):
    def saturates(record):
        stands(saturated_high=0.9)(record)

    tanh = {"kinds": "dense tanh dense tanh dense", "scale": 1.0}
    assert run(saturates, steps=30, **tanh).kinds == ("saturated",)

    def nan(record):
        stands()(record)
        record["loss"][20:] = np.nan

    assert FEW not in run(nan, steps=30).kinds


def test_a_gradient_that_vanishes_is_seen_at_once(run):
    def change(record):
        falls(0.97)(record)
        record["gradient_norm"][...] = np.geomspace(1e-7, 0.1, 9)

    found = run(change, steps=12, kinds="dense tanh " * 4 + "dense", widths=(20,) * 4 + (3,))
    assert found.kinds == ("vanishing",)
    assert found[0].severity == "notice"  # the loss falls so far


def test_a_record_that_begins_late_or_skips_steps_is_not_short(run):
    def later(record):
        stands()(record)
        record["steps"] += 40

    def skips(record):
        stands()(record)
        record["steps"] *= 10

    assert run(later, steps=30).kinds == run(skips, steps=30).kinds == ()
    assert run(lambda r: later(r) or r["steps"].__isub__(22), steps=30).kinds == (FEW,)


def test_of_a_loss_that_nobody_knows_nothing_is_said(run):
    assert FEW not in run(stands(loss=np.nan, loss_constant=np.nan), steps=30).kinds


def blobs(seed):
    rng = np.random.default_rng(seed)
    centres, y = rng.normal(0, 2, (4, 6)), rng.integers(0, 4, 120)
    return (centres[y] + rng.normal(size=(120, 6))).astype(np.float32), y


@pytest.mark.parametrize("batch", [1, 16, 120])
@pytest.mark.parametrize("steps", [3, 12, 30])
def test_a_small_network_that_was_stopped_early(batch, steps):
    x, y = blobs(0)
    model = nn.Sequential(nn.Dense(6, 16, init="he_normal"), nn.ReLU(), nn.Dense(16, 4), seed=0)
    flow, loss = nn.GradientFlow(model), nn.SoftmaxCrossEntropy()
    trainer = nn.Trainer(model, loss, nn.SGD(lr=1e-3))
    fit = {"epochs": steps, "batch_size": batch, "max_steps": steps, "progress": False, "seed": 0}
    trainer.fit(x, y, callbacks=[flow], **fit)
    found = flow.findings()
    assert found.kinds == (FEW,)
    line = found[0].advice[0].line
    before = trainer.evaluate(x, y).loss
    exec(line.replace(")", ", progress=False)"), {"trainer": trainer, "x": x, "y": y})
    assert trainer.evaluate(x, y).loss < before


@pytest.mark.parametrize("optimizer", [nn.SGD(lr=1e-6), nn.Adam(lr=1e-7)])
def test_a_small_network_at_a_rate_of_nothing(optimizer):
    x, y = blobs(1)
    model = nn.Sequential(nn.Dense(6, 16, init="he_normal"), nn.ReLU(), nn.Dense(16, 4), seed=1)
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), optimizer)
    trainer.fit(x, y, epochs=12, batch_size=120, callbacks=[flow], progress=False, seed=0)
    assert flow.findings().kinds == (RATE,)


def test_a_small_network_that_learns_in_forty_steps():
    x, y = blobs(2)
    model = nn.Sequential(nn.Dense(6, 32, init="he_normal"), nn.ReLU(), nn.Dense(32, 4), seed=2)
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(lr=0.02))
    trainer.fit(x, y, epochs=40, batch_size=120, callbacks=[flow], progress=False, seed=0)
    assert flow.findings().kinds == ()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, True),
        ({"param_gradient_norm": 0.0}, False),  # nothing arrives: that is another fault
        ({"lr": 0.0}, False),
    ],
)
@pytest.mark.parametrize("steps", [3, 100])
def test_a_rate_whose_steps_change_no_digit(run, steps, values, told):
    def change(record):
        run.stuck(record)
        run.fill(update_ratio=0.0, param_update_norm=0.0, **values)(record)

    options = {"lr": 1e-20, "optimizer": "Adam(lr=1e-20)", "steps": steps}
    found = run.of(run(change, **options), RATE)
    assert (found is not None) == told
    if told:
        assert found.severity == "serious"
        assert "no update changes a digit of the weights" in found.sentence
        assert found.advice[0].line == "optimizer = nn.Adam(lr=0.001)"


def test_two_steps_that_change_nothing_are_a_look_at_the_network(run):
    change = run.fill(update_ratio=0.0, param_update_norm=0.0)
    assert RATE not in run(change, steps=2, lr=1e-20, optimizer="Adam(lr=1e-20)").kinds


@pytest.mark.parametrize(
    ("size", "rate", "told"),
    [
        (1.9e-3, 9e-5, True),  # a hundred of them: 0.19 of the weights
        (2.1e-3, 9e-5, False),
        (1.9e-3, 1e-4, True),
        (1.9e-3, 1.1e-4, False),  # a rate one may begin with
    ],
)
def test_steps_that_all_together_lead_nowhere(run, size, rate, told):
    def change(record):
        run.stuck(record)[SIZES][...] = size

    options = {"kinds": "dense tanh dense tanh dense", "lr": rate, "optimizer": f"Adam(lr={rate})"}
    assert (RATE in run(change, **options).kinds) == told
