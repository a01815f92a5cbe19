"""Weights and biases that began on one side, and biases that drown what goes in."""

import math

import pytest

DEEP = {"kinds": "dense relu " * 4 + "dense", "widths": (20, 20, 20, 20, 3)}


@pytest.mark.parametrize(
    ("mean", "size", "told"),
    [(0.26, 0.5, True), (0.24, 0.5, False), (-0.26, 0.5, True)],
)
def test_weights_on_one_side(run, mean, size, told):
    """Their deviation is `size`; half of it is the limit."""

    def change(record):
        run.stuck(record)
        run.scales(record, 8 * (size**2 + mean**2))
        record["param_mean_initial"][0] = mean

    found = run.of(run(change), "initial weights")
    assert (found is not None) == told
    if told:
        assert "began on one side of 0: mean" in found.sentence


def test_a_lean_by_chance_of_few_weights_is_none(run):
    def change(record):
        run.stuck(record)
        record["param_sizes"][0] = 20  # an error of 0.5 / sqrt(20): four of them are 0.45
        run.scales(record, 8 * (0.25 + 0.4**2))
        record["param_mean_initial"][0] = 0.4

    assert run.of(run(change), "initial weights") is None


def test_and_of_units_with_few_inputs_nothing_is_said(run):
    def change(record):
        run.stuck(record)
        record["param_fan_in"][0] = 3
        run.scales(record, 3 * (0.25 + 0.4**2))
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
        run.slope(record, -2.5)
        run.scales(record, *[0.1] * 4)
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


@pytest.mark.parametrize(("since", "first"), [(0, "initial biases"), (1, "target scale")])
def test_biases_that_turn_a_layer_off_come_before_targets(run, since, first):
    """No scale of what is asked for brings back what was off before the first step."""

    def change(record):
        run.dead(run.stuck(record), since)
        run.fill(target_std=50.0)(record)
        record["output_mean"][:, 0], record["output_std"][:, 0] = -4.0, 1.0
        bias = list(record["params"]).index("0.bias")
        record["param_mean_initial"][bias] = -4.0
        record["param_norm_initial"][bias] = 4.0 * math.sqrt(record["param_sizes"][bias])

    made = run(change, targets="numbers", widths=(20, 20, 1))
    assert {"initial biases", "target scale"} <= set(made.kinds)
    assert made.kinds[0] == first
