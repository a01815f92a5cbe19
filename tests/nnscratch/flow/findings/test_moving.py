"""Units that are copies of one another; weights that do not move as the gradient says."""

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [(1.0, 1.0, True), (0.51, 0.51, True), (0.49, 1.0, False), (1.0, 0.49, False)],
)
def test_units_that_began_as_copies_and_still_are(run, first, last, told):
    def change(record):
        run.stuck(record)
        record["param_copies"][:, 0] = np.linspace(first, last, len(record["steps"]))

    found = run(change)
    assert ("symmetric units" in found.kinds) == told
    if told:
        assert found[0].kind == "symmetric units"
        assert found[0].layers == ("0.dense",)
        assert found[0].severity == "serious"
        assert "copies of one another" in found[0].sentence
        assert found[0].advice[0].line == run.remade('init="he_normal"')
        assert run.of(found, "does not learn").because == "symmetric units"


def test_copies_in_a_run_that_learns_are_a_notice(run):
    found = run(lambda r: r["param_copies"].__setitem__((slice(None), 0), 1.0))
    assert run.of(found, "symmetric units").severity == "notice"


def test_the_last_layer_may_begin_with_copies(run):
    assert run(lambda r: r["param_copies"].__setitem__((slice(None), 4), 1.0)).kinds == ()


def zero(record):
    record["param_copies"][:, [0, 2]] = 1.0
    record["param_norm"][:, [0, 2]] = 0.0


def test_weights_of_zero(run):
    found = run(lambda r: zero(run.stuck(r)))
    assert found[0].kind == "symmetric units"
    assert found[0].severity == "fatal"
    assert "All weights of 0.dense and 2.dense are 0" in found[0].sentence

    def falls(record):
        zero(record)
        record["loss"][...] = np.linspace(1.1, 1.05, 100)

    assert run(falls)[0].severity == "serious"


def test_with_equal_units_no_more_is_said_of_the_weights(run):
    def change(record):
        zero(run.stuck(record))
        record["output_zeros"][:, [0, 1]] = 1.0

    assert "initial weights" not in run(change).kinds


def still(record, columns):
    record["param_update_norm"][:, columns] = 0.0
    record["update_ratio"][:, columns] = 0.0


def test_a_gradient_without_an_update(run):
    found = run(lambda r: still(run.stuck(r), [0]))
    assert found[0].kind == "frozen parameters"
    assert found[0].layers == ("0.dense",)
    assert found[0].severity == "serious"
    assert "get a gradient and do not move, from the first step on" in found[0].sentence
    frozen = run(lambda r: still(r, [0]))
    assert frozen[0].severity == "notice"
    assert run(lambda r: still(r, [0, 2, 4]))[0].severity == "serious"  # nothing moves at all


def test_what_is_all_frozen_is_told_so(run):
    def change(record):
        still(run.stuck(record), slice(None))
        record["param_rate"] = np.zeros_like(record["param_update_norm"])

    found = run(change)[0]
    assert found.cause == "All are frozen."
    assert found.advice[0].line == "model.unfreeze()"


@pytest.mark.parametrize(("steps", "told"), [(200, True), (199, False)])
def test_where_every_weight_is_frozen_only_biases_learn(run, steps, told):
    def change(record):
        run.stuck(record)
        rates = np.ones((len(record["steps"]), len(record["params"])))
        weights = [name.endswith("weight") for name in record["params"]]
        rates[:, weights] = 0
        record["param_rate"], record["param_update_norm"][:, weights] = rates, 0
        record["param_gradient_norm"][:, weights] = record["update_ratio"][:, weights] = 0
        record["framework"] = "torch"

    one = run.of(run(change, steps=steps), "frozen parameters")
    assert (one is not None) == told
    if told:
        assert "3 of the 3 layers with weights are frozen" in one.sentence
        assert "no weight is trained" in one.sentence
        line = one.advice[0].line
        assert line.startswith("model.requires_grad_(True); optimizer = torch.optim.")


def test_since_when(run):
    def change(record):
        still(run.stuck(record), [0])
        record["param_update_norm"][:40, 0] = 0.01

    assert run.of(run(change), "frozen parameters").step == 40


def test_a_rate_of_zero(run):
    def change(record):
        still(run.stuck(record), [0, 2, 4])
        record["lr"][...] = 0.0

    found = run(change)[0]
    assert found.cause == "The learning rate is 0."
    assert found.advice[0].line == "optimizer.lr = 0.01"


@pytest.mark.parametrize(("gradient", "told"), [(1.1e-3, True), (0.9e-3, False)])
def test_a_step_too_small_to_be_seen_is_no_fault(run, gradient, told):
    """Of weights of norm 10, at the rate 0.1, a step of a gradient of 1e-3 shows in float32."""

    def change(record):
        still(run.stuck(record), [0])
        record["param_norm"][:, 0], record["param_gradient_norm"][:, 0] = 10.0, gradient

    assert (run.of(run(change), "frozen parameters") is not None) == told


def test_an_update_without_a_gradient(run):
    def change(record):
        run.stuck(record)["param_gradient_norm"][:, 2] = 0.0

    found = run.of(run(change), "frozen parameters")
    assert found.layers == ("2.dense",)
    assert "move, and no gradient of the loss reaches them" in found.sentence

    def nothing_arrives(record):
        change(record)
        record["gradient_norm"][:, 2] = 0.0

    assert run.of(run(nothing_arrives), "frozen parameters") is None

    def died(record):  # what enters is 0 by now, and only momentum is left of the gradient
        change(record)
        record["param_gradient_norm"][0, 2] = 0.1

    assert run.of(run(died), "frozen parameters") is None


@pytest.mark.parametrize(("steps", "told"), [(10, True), (9, False)])
def test_weights_that_are_put_back(run, steps, told):
    def change(record):
        record["param_update_norm"][:, 0] = 2e-3 * 3.7
        record["update_ratio"][:, 0] = 2e-3

    found = run.of(run(change, steps=steps), "frozen parameters")
    assert (found is not None) == told
    if told:
        assert "stand before each step where they began" in found.sentence

    def drift(record):
        change(record)
        record["param_update_norm"][:, 0] *= 1 + 1e-9 * np.arange(steps)

    assert run.of(run(drift, steps=steps), "frozen parameters") is None


@pytest.mark.parametrize(("share", "told"), [(1.01, True), (0.99, False)])
def test_small_steps_at_right_angles_to_weights_are_not_put_back(run, share, told):
    def change(record):
        ratio = (2 * share * 1e-6 / 40) ** 0.5
        record["param_update_norm"][:, 0] = ratio * 3.7
        record["update_ratio"][:, 0] = ratio

    assert (run.of(run(change, steps=40), "frozen parameters") is not None) == told


@pytest.mark.parametrize(
    ("optimizer", "moved", "told"),
    [
        ("Adam(lr=0.1)", 1, False),
        ("Adam(lr=0.1)", 0, True),
        ("SGD(lr=0.1)", 1, True),
        ("", 1, True),
    ],
)
def test_steps_that_fit_each_weight_may_become_too_small_to_see(run, optimizer, moved, told):
    """Adam remembers a huge gradient for long: only what has never moved was left out."""

    def change(record):
        still(run.stuck(record), [0])
        record["param_update_norm"][:moved, 0] = 0.01

    assert ("frozen parameters" in run(change, optimizer=optimizer).kinds) == told


@pytest.mark.parametrize(("steps", "told"), [(3, True), (2, False)])
def test_two_steps_say_nothing_of_what_is_frozen(run, steps, told):
    change = run.fill(param_update_norm=0.0, update_ratio=0.0)
    assert ("frozen parameters" in run(change, steps=steps).kinds) == told


@pytest.mark.parametrize(
    ("kinds", "level", "told"),
    [
        ("dense relu dropout dense relu dense", 0.7, True),
        ("dense relu dropout dense relu dense", 0.2, False),  # it has learned all the same
        ("dense relu dense relu dense", 0.7, False),
    ],
)
def test_copies_that_dropout_told_apart(run, kinds, level, told):
    def change(record):
        run.stuck(record, level * record["loss_constant"][0])
        record["param_copies"][:, 0] = np.linspace(0.51, 0.0, len(record["steps"]))

    found = run.of(run(change, kinds=kinds), "symmetric units")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"
        assert "only dropout, by chance, has told them apart" in found.sentence
