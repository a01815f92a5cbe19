"""What weights and biases began as."""

import math

import numpy as np
import pytest

DEEP = {"kinds": "dense relu " * 4 + "dense", "widths": (20, 20, 20, 20, 3)}


def slope(record, down, start=0):
    """The gradient changes by this many powers of ten towards the input, from a row on."""
    n = len(record["layers"])
    record["gradient_norm"][start:] = 0.1 * 10.0 ** (down * (1 - np.arange(n) / (n - 1)))


def scales(record, *values):
    """n_in Var(w) of the layers with weights, before training."""
    columns = [i for i, role in enumerate(record["param_roles"]) if role == "weight"]
    for column, value in zip(columns, values, strict=False):
        size, fan = record["param_sizes"][column], record["param_fan_in"][column]
        record["param_norm_initial"][column] = math.sqrt(value * size / fan)


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
        slope(record, down)
        scales(record, *[scale] * 4)

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
        slope(record, 2.5)
        scales(record, 8.0, 6.0, 6.0, 6.0)
        record["param_norm"][...] *= 3

    found = run.of(run(change, **DEEP), "initial weights")
    assert "0.dense with standard deviation 1 on 8 inputs, n_in Var(w) = 8, where" in found.sentence
    assert found.numbers["scale"] == pytest.approx(8)
    assert found.numbers["log10_off"] == pytest.approx(math.log10(4 * 27) / 2)


def test_a_slope_that_came_in_training_is_not_the_initial_weights(run):
    def change(record):
        run.stuck(record, 0.95)
        slope(record, 2.5, start=30)
        scales(record, *[4.0] * 4)

    assert run.of(run(change, **DEEP), "initial weights") is None


def test_a_norm_undoes_the_scale(run):
    def change(record):
        run.stuck(record, 0.95)
        slope(record, 2.5)
        scales(record, *[6.0] * 4)

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
        scales(record, scale)

    assert (run.of(run(change), "initial weights") is not None) == told


@pytest.mark.parametrize(("depth", "told"), [(2, False), (3, True)])
def test_a_loud_beginning_adds_up_over_layers(run, depth, told):
    """Each is off by log10(5 / 2) = 0.4: half of their sum is 0.4 of two layers, 0.6 of three."""

    def change(record):
        record["loss"][0] = 3.1 * record["loss_constant"][0]
        scales(record, *[5.0] * depth)

    options = {"kinds": "dense relu " * depth + "dense", "widths": (20,) * depth + (3,)}
    assert (run.of(run(change, **options), "initial weights") is not None) == told


@pytest.mark.parametrize(
    ("scale", "share", "told"), [(65.0, 0.5, True), (61.0, 0.5, False), (65.0, 0.1, False)]
)
def test_weights_far_off_are_told_until_the_run_has_learned(run, scale, share, told):
    def change(record):
        run.stuck(record, share)
        scales(record, scale)

    found = run.of(run(change), "initial weights")
    assert (found is not None) == told
    assert not told or found.severity == "notice"  # it is on its way


@pytest.mark.parametrize(("scale", "told"), [(1.1, True), (1.35, False)])
def test_small_weights_lose_what_goes_in(run, scale, told):
    def change(record):
        run.stuck(record)
        record["output_spread"][:, -1] = 0.0
        scales(record, *[scale] * 8)

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
        scales(record, scale, 1.0)

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
        scales(record, *[100.0] * hidden)

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
        scales(record, *[scale] * 8)

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
        scales(record, *[scale] * 6)

    options = {"kinds": "dense relu " * 6 + "dense", "widths": (20,) * 6 + (3,)}
    found = run.of(run(change, **options), "initial weights")
    assert (found is not None) == told
    if told:
        assert "n_in Var(w) = 3.1, where 1 to 2 are usual (6 layers" in found.sentence


@pytest.mark.parametrize(
    ("mean", "size", "told"),
    [(0.26, 0.5, True), (0.24, 0.5, False), (-0.26, 0.5, True)],
)
def test_weights_on_one_side(run, mean, size, told):
    """Their deviation is `size`; half of it is the limit."""

    def change(record):
        run.stuck(record)
        scales(record, 8 * (size**2 + mean**2))
        record["param_mean_initial"][0] = mean

    found = run.of(run(change), "initial weights")
    assert (found is not None) == told
    if told:
        assert "began on one side of 0: mean" in found.sentence


def test_a_lean_by_chance_of_few_weights_is_none(run):
    def change(record):
        run.stuck(record)
        record["param_sizes"][0] = 20  # an error of 0.5 / sqrt(20): four of them are 0.45
        scales(record, 8 * (0.25 + 0.4**2))
        record["param_mean_initial"][0] = 0.4

    assert run.of(run(change), "initial weights") is None


def test_and_of_units_with_few_inputs_nothing_is_said(run):
    def change(record):
        run.stuck(record)
        record["param_fan_in"][0] = 3
        scales(record, 3 * (0.25 + 0.4**2))
        record["param_mean_initial"][0] = 0.4

    assert run.of(run(change), "initial weights") is None


@pytest.mark.parametrize(
    ("offset", "mean", "std", "told"),
    [
        (-1.1, -2.0, 1.0, True),
        (-0.9, -2.0, 1.0, False),  # less than half of it comes from the biases
        (1.1, -2.0, 1.0, False),  # they push the other way
        (-1.0, -1.0, 1.9, True),
        (-1.0, -1.0, 2.1, False),  # hardly to one side
    ],
)
def test_biases_that_push_to_one_side(run, offset, mean, std, told):
    def change(record):
        run.stuck(record)
        record["param_mean_initial"][1] = offset
        record["output_mean"][:, 0], record["output_std"][:, 0] = mean, std
        record["output_zeros"][:, 1] = 1.0

    found = run(change)
    cause = run.of(found, "initial biases")
    assert (cause is not None) == told
    if told:
        assert cause.advice[0].line == run.remade('bias_init="zeros"')
        assert run.of(found, "dead layer").because == "initial biases"


@pytest.mark.parametrize(("offset", "told"), [(0.185, True), (0.165, False)])
def test_biases_that_lie_to_one_side_by_chance(run, offset, told):
    """The mean of 20 biases of deviation 0.2: four standard errors are 0.175, less their mean."""

    def change(record):
        run.stuck(record)
        record["param_mean_initial"][1] = offset
        record["param_norm_initial"][1] = math.sqrt(20 * (0.2**2 + offset**2))
        record["output_mean"][:, 0], record["output_std"][:, 0] = offset, 0.3
        record["output_zeros"][:, 1] = 1.0

    assert (run.of(run(change), "initial biases") is not None) == told


@pytest.mark.parametrize(
    ("offset", "kind", "other"),
    [(0.29, "initial weights", "initial biases"), (0.31, "initial biases", "initial weights")],
)
def test_small_biases_are_not_to_blame_where_small_weights_are(run, offset, kind, other):
    def change(record):
        run.stuck(record)
        slope(record, -2.5)
        scales(record, *[0.1] * 4)
        record["param_mean_initial"][1] = record["output_mean"][:, 0] = offset
        record["output_std"][:, 0] = 0.1

    found = run(change, **DEEP)
    assert run.of(found, kind)
    assert not run.of(found, other)


def test_biases_are_a_notice_in_a_run_that_is_on_its_way(run):
    def change(record):
        run.stuck(record, 0.5)
        record["param_mean_initial"][1] = record["output_mean"][:, 0] = -2.0
        record["output_zeros"][:, 1] = 1.0

    assert run.of(run(change), "initial biases").severity == "notice"


@pytest.mark.parametrize(
    ("size", "spread", "told"), [(0.31, 0.1, True), (0.29, 0.05, False), (0.31, 0.11, False)]
)
def test_biases_that_drown_what_goes_in(run, size, spread, told):
    def change(record):
        run.stuck(record)
        record["output_spread"][...] = spread
        record["output_spread"][:, -1] = 0.0
        record["param_norm_initial"][1] = size * math.sqrt(20)

    found = run.of(run(change), "initial biases")
    assert (found is not None) == told
    if told:
        assert "what goes in hardly counts" in found.sentence


def test_overflow_at_the_first_step(run):
    def change(record):
        record["loss"][...] = np.nan
        record["output_nonfinite"][:, 4] = 2
        record["output_max"][...] = 1e30
        scales(record, 9.0, 9.0)

    found = run(change, steps=1)
    assert found.kinds == ("initial weights", "non-finite")
    assert found[0].severity == "fatal"

    def usual(record):
        change(record)
        scales(record, 2.0, 2.0)

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
