"""Units that are too few."""

import numpy as np
import pytest

from nnscratch_records.limits import INCOMPARABLE


@pytest.mark.parametrize(
    ("width", "steps", "share", "told"),
    [
        (3, 200, 0.5, True),
        (4, 200, 0.5, False),
        (3, 199, 0.5, False),
        (3, 200, 0.2, False),  # learned
    ],
)
def test_few_units(run, width, steps, share, told):
    def change(record):
        run.stuck(record, share * record["loss_constant"][0])

    found = run.of(run(change, widths=(20, width, 3), steps=steps), "capacity")
    assert (found is not None) == told
    if told:
        assert f"through {width} units in 2.dense" in found.sentence
        assert found.layers == ("2.dense",)
        assert found.severity == "notice"


@pytest.mark.parametrize(
    ("width", "share", "severity"),
    [(1, 0.7, "serious"), (1, 1.0, "serious"), (2, 0.7, "notice"), (2, 0.85, "serious")],
)
def test_how_sure_it_is_that_units_are_too_few(run, width, share, severity):
    def change(record):
        run.stuck(record, share * record["loss_constant"][0])
        record["update_ratio"][...] = 2e-3

    kind = run.of(run(change, widths=(20, width, 3), steps=200), "capacity")
    assert kind.severity == severity


@pytest.mark.parametrize("falls", [0.0, 0.06])
@pytest.mark.parametrize(("share", "told"), [(0.94, True), (0.96, False)])
def test_two_units_learn_a_part(run, share, told, falls):
    """Where nothing at all is learned it is not their number, though the last biases learn."""

    def change(record):
        run.stuck(record, share * record["loss_constant"][0])
        record["loss"] *= np.linspace(1 + falls, 1, 200)

    found = run(change, widths=(20, 2, 3), steps=200)
    assert ("capacity" in found.kinds) == told


@pytest.mark.parametrize(("rate", "told"), [(0.0099, False), (0.0101, True)])
@pytest.mark.parametrize("falls", [True, False])
def test_units_are_not_blamed_while_a_small_rate_still_gets_on(run, rate, told, falls):
    """A tenth of what plain descent begins with."""

    def change(record):
        start = record["loss_constant"][0]
        run.stuck(record, 0.7 * start)
        if falls:
            record["loss"][...] = start * np.linspace(0.76, 0.7, 200)

    found = run(change, widths=(20, 3, 3), steps=200, lr=rate, optimizer=f"SGD(lr={rate})")
    assert ("capacity" in found.kinds) == told
    assert ("too few steps" in found.kinds) == falls


@pytest.mark.parametrize(("rate", "told"), [(0.0101, True), (0.0099, False)])
def test_at_a_small_rate_it_is_not_known_whether_units_are_few(run, rate, told):
    def change(record):
        run.stuck(record, 0.7)

    options = {"widths": (20, 2, 3), "steps": 200, "lr": rate, "optimizer": f"SGD(lr={rate})"}
    assert ("capacity" in run(change, **options).kinds) == told


def test_units_are_few_only_where_the_loss_hardly_falls_and_nothing_else_is_wrong(run):
    def falls(record):
        record["loss"][...] = np.linspace(1.1, 0.4, 200)

    assert run.of(run(falls, widths=(20, 2, 3), steps=200), "capacity") is None

    def vanishes(record):
        run.stuck(record, 0.7)
        run.slope(record, -3.0)

    assert run.of(run(vanishes, widths=(20, 2, 3), steps=200), "capacity") is None


@pytest.mark.parametrize("shows", ["slow layer", "saturated", "does not learn", "constant output"])
def test_units_are_few_though_that_shows_too(run, shows):
    learns = shows in ("slow layer", "saturated")

    def change(record):
        run.stuck(record, 0.7 if learns else None)
        if shows == "constant output":
            record["output_spread"][:, -1] = 1e-3
        if shows == "slow layer":
            record["update_ratio"][:, 2] = 2e-5
        if shows == "saturated":
            record["saturated_high"][...] = 0.9

    widths = (20, 2 if learns else 1, 3)
    options = {"kinds": "dense tanh dense tanh dense", "widths": widths, "scale": 1.0}
    assert {shows, "capacity"} <= set(run(change, **options, steps=300).kinds)


@pytest.mark.parametrize(
    ("way", "loss", "told"),
    [
        ((1, 2), "MeanSquaredError", True),
        ((-1, 2), "MeanSquaredError", True),  # around another layer
        ((0, 3), "MeanSquaredError", False),  # around the narrow one
        ((1, 4), "MeanSquaredError", False),  # it is a head of its own
        ((1, 2), INCOMPARABLE[0], False),
    ],
)
def test_all_has_to_pass_through_them_and_the_loss_has_to_tell(run, way, loss, told):
    def change(record):
        run.stuck(record, 0.5 * record["loss_constant"][0])
        record["edges"] = np.array(sorted([*record["edges"].tolist(), list(way)]))
        record["gaps"] = np.zeros(len(record["edges"]), int)
        record["loss_kind"] = loss

    kinds = run(change, steps=200, widths=(20, 2, 1), targets="numbers").kinds
    assert ("capacity" in kinds) == told
