"""Saturated and dead units, dead layers, outputs that hardly depend on the input."""

import numpy as np
import pytest

SIGMOIDS = {"kinds": "dense sigmoid dense sigmoid dense", "widths": (20, 20, 3)}


def ends(record, column, low, high, start=0):
    record["saturated_low"][start:, column] = low
    record["saturated_high"][start:, column] = high


@pytest.mark.parametrize(
    ("low", "high", "start", "told"),
    [
        (0.15, 0.06, 0, True),  # a fifth from the beginning on
        (0.15, 0.04, 0, False),
        (0.3, 0.21, 20, True),  # half, whenever it began
        (0.3, 0.19, 20, False),
    ],
)
def test_saturated_outputs(run, low, high, start, told):
    def change(record):
        ends(run.stuck(record), 3, low, high, start)

    found = run.of(run(change, **SIGMOIDS), "saturated")
    assert (found is not None) == told
    if told:
        assert found.layers == ("3.sigmoid",)
        assert found.step == start
        assert "the ends of sigmoid" in found.sentence
        assert found.numbers["share"] == pytest.approx(low + high)
        assert found.cause.startswith("The inputs of 3.sigmoid have mean 0 and standard deviation")


@pytest.mark.parametrize(("low", "told"), [(0.51, True), (0.49, False)])
def test_the_floor_of_an_activation_with_one_end(run, low, told):
    def change(record):
        ends(run.stuck(record), 1, low, np.nan)

    options = {"kinds": "dense elu dense elu dense", "widths": (20, 20, 3)}
    found = run.of(run(change, **options), "saturated")
    assert (found is not None) == told
    if told:
        assert "the floor of ELU (51 % low)" in found.sentence


def test_an_output_at_its_ends_may_be_right(run):
    options = {"kinds": "dense relu dense sigmoid", "widths": (20, 1), "targets": "numbers"}
    assert "saturated" not in run(lambda r: ends(r, 3, 0.5, 0.4), **options).kinds
    stands = run(lambda r: ends(run.stuck(r), 3, 0.5, 0.4), **options)
    assert "saturated" in stands.kinds


def test_half_of_a_rectifiers_outputs_are_no_saturation(run):
    assert run(lambda r: ends(run.stuck(r), 1, 0.8, np.nan)).kinds == ("does not learn",)


@pytest.mark.parametrize(("zeros", "told"), [(0.9995, True), (0.998, False)])
def test_a_layer_whose_outputs_are_0(run, zeros, told):
    def change(record):
        run.stuck(record)["output_zeros"][10:, 1] = zeros

    found = run.of(run(change, widths=(40, 40, 3)), "dead layer")
    assert (found is not None) == told
    if told:
        assert found.severity == "fatal"
        assert found.step == 10
        assert "1.relu is dead: its outputs are 0 for every example" in found.sentence


@pytest.mark.parametrize(("share", "told"), [(1.0, True), (0.999, False)])
def test_a_gradient_that_is_exactly_0(run, share, told):
    def change(record):
        run.stuck(record)["gradient_zeros"][:, :3] = share

    found = run.of(run(change), "dead layer")
    assert (found is not None) == told
    if told:
        assert found.sentence.startswith("No gradient reaches 0.dense and 2.dense: it is exactly 0")


@pytest.mark.parametrize("dead", ["dead layer", "dead units"])
def test_what_is_dead_begins_anew_with_an_activation_that_does_not_die(run, dead):
    """Whatever its rate: no other optimizer brings a unit back that no gradient reaches."""
    share = {"dead layer": 1.0, "dead units": 0.7}[dead]

    def dies(record, weights=1.0):
        run.stuck(record)["output_zeros"][:, 1] = share
        record["output_dead"][:, 1] = share
        record["param_norm"][:, 0] *= weights

    found = run(dies)
    assert run.of(found, dead).advice[0].line == run.remade('activation="elu"')
    assert found.first.line == run.remade('activation="elu"')
    none = run(lambda record: dies(record, weights=0.0))
    assert not run.of(none, dead).advice  # zeros give zeros whatever stands behind them


def test_a_loss_of_0_leaves_no_gradient_and_is_no_fault(run):
    def change(record):
        record["gradient_zeros"][...] = 1.0
        record["loss"][...] = 0.0

    assert "dead layer" not in run(change).kinds


def test_a_dead_layer_is_fatal_only_where_nothing_gets_past_it(run):
    def falls(record):
        record["output_zeros"][:, 1] = 1.0
        record["loss"][...] = np.linspace(1.1, 0.95, 100)

    assert run.of(run(falls, widths=(40, 40, 3)), "dead layer").severity == "serious"

    def branch(record):
        run.stuck(record)["output_zeros"][:, 1] = 1.0
        record["roles"][3] = "join"

    assert run.of(run(branch, widths=(40, 40, 3)), "dead layer").severity == "serious"

    def noise(record):
        run.stuck(record)["output_zeros"][:, 2] = 1.0

    options = {"kinds": "dense relu dropout dense", "widths": (40, 3)}
    assert run.of(run(noise, **options), "dead layer") is None


def die(record, begin, now, mean=0.0):
    record["output_dead"][:, 1] = now
    record["output_dead"][:20, 1] = begin
    record["output_mean"][:, 0] = mean


@pytest.mark.parametrize(
    ("begin", "now", "mean", "told"),
    [
        (0.61, 0.61, 0.0, True),  # six in ten, however it came
        (0.59, 0.59, 0.0, False),
        (0.15, 0.37, 0.0, True),  # a third, of which a fifth died in training
        (0.15, 0.34, 0.0, False),
        (0.18, 0.37, 0.0, False),
        (0.37, 0.37, -0.55, True),  # or whose inputs lean to the negative
        (0.37, 0.37, -0.45, False),
        (0.35, 0.35, -0.55, False),
    ],
)
def test_dead_units(run, begin, now, mean, told):
    found = run.of(run(lambda r: die(r, begin, now, mean), widths=(100, 40, 3)), "dead units")
    assert (found is not None) == told
    if told:
        assert f"{round(100 * now)} of the 100 units of 1.relu are 0 for every example" in (
            found.sentence
        )
        assert found.severity == "notice"
        assert found.step == (0 if begin == now else 20)


@pytest.mark.parametrize(
    ("batch", "zeros", "told"),
    [(16, 0.5, True), (15, 0.5, False), (15, 0.91, True), (15, 0.89, False)],
)
def test_units_are_counted_on_batches_of_sixteen(run, batch, zeros, told):
    def change(record):
        die(record, 0.7, 0.7)
        record["output_zeros"][:, 1] = zeros

    found = run(change, widths=(40, 40, 3), batch=batch)
    assert ("dead units" in found.kinds) == told
    assert ("Dead units were not counted" in found.scope) == (batch < 16)


def test_a_census_goes_before_batches(run):
    def change(record):
        record["census_steps"] = np.array([0, 50])
        record["census_layers"], record["census_units"] = np.array(["1.relu"]), np.array([0, 40])
        record["census"] = np.zeros((2, 40), np.uint8)
        record["census"][1, :30] = 1
        record["census"][1, 30:] = 2  # saturated ones are not dead

    found = run.of(run(change, widths=(40, 40, 3)), "dead units")
    assert "30 of the 40 units of 1.relu" in found.sentence
    assert found.step == 50


def test_several_layers_with_dead_units(run):
    def change(record):
        record["output_dead"][:, 1], record["output_dead"][:, 3] = 0.7, 0.8

    found = run.of(run(change, widths=(40, 40, 3)), "dead units")
    assert found.layers == ("1.relu", "3.relu")
    assert "32 of the 40 units of 3.relu" in found.sentence
    assert "in 1 more layer over 36 % are dead" in found.sentence


@pytest.mark.parametrize(
    ("spread", "steps", "told"), [(0.0230, 30, True), (0.0240, 30, False), (0.0, 29, False)]
)
def test_an_output_that_hardly_depends_on_the_input(run, spread, steps, told):
    """The answers differ by 0.47: a twentieth is 0.0235."""

    def change(record):
        run.stuck(record)["output_spread"][:, -1] = spread

    found = run.of(run(change, steps=steps), "constant output")
    assert (found is not None) == told
    if told:
        assert found.numbers == {"spread": pytest.approx(spread), "needed": pytest.approx(0.47)}
        assert found.severity != "fatal"


@pytest.mark.parametrize(("steps", "severity"), [(49, "notice"), (50, "serious")])
def test_a_constant_output_is_no_fault_of_a_run_too_short_to_change_it(run, steps, severity):
    def change(record):
        run.stuck(record)["output_spread"][:, -1] = 0.0

    found = run(change, steps=steps)
    assert run.of(found, "constant output").severity == severity
    assert (found[0].kind == "too few steps") == (steps < 50)


@pytest.mark.parametrize(("share", "told"), [(0.09, True), (0.11, False)])
def test_with_a_tenth_learned_it_does(run, share, told):
    def change(record):
        run.stuck(record, (1 - share) * record["loss_constant"][0])["output_spread"][:, -1] = 0.0

    assert ("constant output" in run(change).kinds) == told


def test_since_when_outputs_are_alike(run):
    def change(record):
        run.stuck(record)["output_spread"][:40, -1] = 0.5
        record["output_spread"][40:, -1] = 0.001

    assert run.of(run(change), "constant output").step == 40


@pytest.mark.parametrize(("move", "told"), [(0.02, True), (0.03, False)])
def test_outputs_of_single_examples_are_compared_between_steps(run, move, told):
    def change(record):
        run.stuck(record)["output_spread"][...] = np.nan
        record["output_mean"][:, -1] = move * (-1.0) ** np.arange(100)

    assert ("constant output" in run(change, batch=1).kinds) == told


@pytest.mark.parametrize(("spread", "told"), [(0.0045, True), (0.0055, False)])
def test_where_answers_are_not_known_outputs_are_compared_with_themselves(run, spread, told):
    def change(record):
        run.stuck(record)["output_spread"][:, -1] = spread
        record["target_std"][...] = np.nan

    assert ("constant output" in run(change).kinds) == told
