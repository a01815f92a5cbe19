"""The scale that weights began with."""

import math

import numpy as np
import pytest

DEEP = {"kinds": "dense relu " * 4 + "dense", "widths": (20, 20, 20, 20, 3)}


@pytest.mark.parametrize(
    ("scale", "down", "said"),
    [
        (3.7, 2.5, "too large"),  # 4 layers: log10(1.85) * 4 / 2 = 0.53
        (3.5, 2.5, None),  # 0.49
        (3.7, -2.5, None),  # what vanishes is not explained by large weights
        (1.07, -2.5, "too small"),
        (1.15, -2.5, None),
        (1.07, 2.5, None),
    ],
)
def test_weights_whose_scale_explains_what_the_gradient_does(run, scale, down, said):
    def change(record):
        run.stuck(record, 0.95)
        run.slope(record, down)
        run.scales(record, *[scale] * 4)

    found = run.of(run(change, **DEEP), "initial weights")
    assert (found is not None) == (said is not None)
    if said:
        assert f"The weights began {said}: those of" in found.sentence
        assert "2 suits ReLU (4 layers are off like that)" in found.sentence
        assert found.advice[0].line == run.remade('init="he_normal"')
        assert ("larger" in found.cause) == (said == "too large")
        assert ("exploding" in found.explains) == (said == "too large")
        kind = "exploding" if down > 0 else "vanishing"
        assert run.of(run(change, **DEEP), kind).because == "initial weights"


def test_numbers_are_those_before_the_first_update(run):
    def change(record):
        run.stuck(record, 0.95)
        run.slope(record, 2.5)
        run.scales(record, 8.0, 6.0, 6.0, 6.0)
        record["param_norm"][...] *= 3

    found = run.of(run(change, **DEEP), "initial weights")
    assert "0.dense with standard deviation 1 on 8 inputs, n_in Var(w) = 8, where" in found.sentence
    assert found.numbers["scale"] == pytest.approx(8)
    assert found.numbers["log10_off"] == pytest.approx(math.log10(4 * 27) / 2)


def test_a_slope_that_came_in_training_is_not_the_initial_weights(run):
    def change(record):
        run.stuck(record, 0.95)
        run.slope(record, 2.5, start=30)
        run.scales(record, *[4.0] * 4)

    assert run.of(run(change, **DEEP), "initial weights") is None


def test_a_norm_undoes_the_scale(run):
    def change(record):
        run.stuck(record, 0.95)
        run.slope(record, 2.5)
        run.scales(record, *[6.0] * 4)

    options = {**DEEP, "kinds": "dense batchnorm relu " * 4 + "dense"}
    assert run.of(run(change, **options), "initial weights") is None


@pytest.mark.parametrize(
    ("first", "scale", "inputs", "told"),
    [
        (3.1, 7.0, 1.0, True),  # the first loss is three times that of a constant answer
        (2.9, 7.0, 1.0, False),
        (3.1, 6.0, 1.0, False),  # of one layer less than half a power of ten
        (3.1, 7.0, 3.1, False),  # the inputs are large
    ],
)
def test_a_loud_beginning(run, first, scale, inputs, told):
    def change(record):
        record["loss"][0] = first * record["loss_constant"][0]
        record["input_std"][...] = inputs
        run.scales(record, scale)

    assert (run.of(run(change), "initial weights") is not None) == told


@pytest.mark.parametrize(("depth", "told"), [(2, False), (3, True)])
def test_a_loud_beginning_adds_up_over_layers(run, depth, told):
    """Each is off by log10(5 / 2) = 0.4: half of their sum is 0.4 of two layers, 0.6 of three."""

    def change(record):
        record["loss"][0] = 3.1 * record["loss_constant"][0]
        run.scales(record, *[5.0] * depth)

    options = {"kinds": "dense relu " * depth + "dense", "widths": (20,) * depth + (3,)}
    assert (run.of(run(change, **options), "initial weights") is not None) == told


@pytest.mark.parametrize(
    ("scale", "share", "told"), [(65.0, 0.5, True), (61.0, 0.5, False), (65.0, 0.1, False)]
)
def test_weights_far_off_are_told_until_the_run_has_learned(run, scale, share, told):
    def change(record):
        run.stuck(record, share)
        run.scales(record, scale)

    found = run.of(run(change), "initial weights")
    assert (found is not None) == told
    assert not told or found.severity == "notice"  # it is on its way


@pytest.mark.parametrize(("scale", "told"), [(1.1, True), (1.35, False)])
def test_small_weights_lose_what_goes_in(run, scale, told):
    def change(record):
        run.stuck(record)
        record["output_spread"][:, -1] = 0.0
        run.scales(record, *[scale] * 8)

    options = {"kinds": "dense relu " * 8 + "dense", "widths": (20,) * 8 + (3,)}
    found = run.of(run(change, **options), "initial weights")
    assert (found is not None) == told  # 8 layers: log10(2 / 1.1) * 8 / 2 = 1.04


@pytest.mark.parametrize(
    ("wide", "scale", "told"),
    [
        (2.1, 5.0, True),
        (1.9, 5.0, False),
        (2.1, 1.2, False),  # no layer is off by a tenth
        (6.0, 5.0, False),  # what enters is larger than the weights are off
    ],
)
def test_weights_that_saturate(run, wide, scale, told):
    def change(record):
        run.stuck(record, 0.95)
        record["saturated_low"][:, 1] = 0.4
        record["output_std"][:, 0] = wide
        run.scales(record, scale, 1.0)

    found = run(change, kinds="dense tanh dense tanh dense", widths=(20, 20, 3))
    cause = run.of(found, "initial weights")
    assert (cause is not None) == told
    if told:
        assert run.of(found, "saturated").because == "initial weights"
        assert '"lecun_normal"' in cause.advice[0].line


@pytest.mark.parametrize(("hidden", "line"), [(3, "lecun_normal"), (4, 'activation="elu"')])
def test_deep_sigmoids_need_more_than_usual_weights(run, hidden, line):
    """With these the network vanishes: 4 slopes of a quarter are a factor of 256."""

    def change(record):
        run.stuck(record, 0.95)
        record["saturated_low"][:, 1] = 0.4
        record["output_std"][:, 0] = 6.0
        run.scales(record, *[100.0] * hidden)

    kinds = "dense sigmoid " * hidden + "dense"
    found = run(change, kinds=kinds, widths=(20,) * hidden + (3,))
    cause = run.of(found, "initial weights")
    assert line in cause.advice[0].line


@pytest.mark.parametrize(("scale", "told"), [(16.0 * 1.5, True), (16.0, False), (1.0, False)])
def test_sigmoids_of_weights_that_hand_the_gradient_on_did_not_begin_too_large(run, scale, told):
    """Between usual ones and 16, where their slope of a quarter is made good; the loss is loud."""

    def change(record):
        run.stuck(record)
        record["loss"][0] = 4 * record["loss_constant"][0]
        run.scales(record, *[scale] * 8)

    options = {"kinds": "dense sigmoid " * 8 + "dense", "widths": (20,) * 8 + (3,)}
    found = run.of(run(change, **options), "initial weights")
    assert (found is not None) == told
    if told:
        assert "n_in Var(w) = 24, where 1 to 16 are usual (8 layers" in found.sentence


@pytest.mark.parametrize(("scale", "told"), [(3.1, True), (2.0, False), (1.0, False)])
def test_what_a_block_adds_may_be_drawn_as_for_rectifiers(run, scale, told):
    def change(record):
        run.stuck(record)
        record["loss"][0] = 4 * record["loss_constant"][0]
        kinds, roles = list(record["kinds"]), list(record["roles"])
        for i, kind in enumerate(kinds):
            if kind == "relu":
                kinds[i], roles[i] = "sum", "join"
        record["kinds"], record["roles"] = kinds, roles
        run.scales(record, *[scale] * 6)

    options = {"kinds": "dense relu " * 6 + "dense", "widths": (20,) * 6 + (3,)}
    found = run.of(run(change, **options), "initial weights")
    assert (found is not None) == told
    if told:
        assert "n_in Var(w) = 3.1, where 1 to 2 are usual (6 layers" in found.sentence


def test_overflow_at_the_first_step(run):
    def change(record):
        record["loss"][...] = np.nan
        record["output_nonfinite"][:, 4] = 2
        record["output_max"][...] = 1e30
        run.scales(record, 9.0, 9.0)

    found = run(change, steps=1)
    assert found.kinds == ("initial weights", "non-finite")
    assert found[0].severity == "fatal"

    def usual(record):
        change(record)
        run.scales(record, 2.0, 2.0)

    assert "initial weights" not in run(usual, steps=1).kinds

    def bad(record):
        change(record)
        record["input_nonfinite"][...] = 1

    assert run(bad, steps=1).kinds == ("non-finite",)


@pytest.mark.parametrize(
    ("blocks", "grown", "loud", "norm", "told"),
    [
        (3, 1.6, 3.1, False, True),
        (3, 1.4, 3.1, False, False),
        (3, 1.6, 2.9, False, False),  # the loss begins as it should, or nearly
        (2, 1.6, 3.1, False, False),
        (3, 1.6, 3.1, True, False),
        (3, math.nan, math.inf, False, True),  # the sums overflow
    ],
)
def test_a_signal_that_grows_in_every_residual_block(run, blocks, grown, loud, norm, told):
    def change(record):
        run.stuck(record)
        kinds = record["kinds"] = list(record["kinds"])
        sums = [i for i, kind in enumerate(kinds) if kind == "relu"][:blocks]
        record["roles"] = list(record["roles"])
        for i in sums:
            kinds[i], record["roles"][i] = "sum", "join"
        record["output_mean"][...] = 0.0
        record["output_std"][:, sums[-1]] = 10**grown
        record["loss"][0] = loud * record["loss_constant"][0]

    kinds = (
        "dense batchnorm " if norm else "dense "
    ) + "relu dense relu dense relu dense relu dense"
    found = run.of(run(change, kinds=kinds, widths=(20, 20, 20, 20, 3)), "initial weights")
    assert (found is not None) == told
    if told:
        assert f"grows in each of {blocks} residual blocks" in found.sentence
        assert found.advice[0].line == run.remade("residual_scale=0.58")
        assert "nn.LayerNorm" in found.advice[1].what
        assert "learning rate too large" in found.explains
