"""What the network is: its activations and its depth."""

import numpy as np
import pytest


@pytest.mark.parametrize(("width", "told"), [(16, True), (17, False)])
def test_narrow_layers_of_rectifiers_that_began_off(run, width, told):
    found = run(lambda r: run.dead(run.stuck(r)), widths=(width, 20, 3))
    cause = run.of(found, "activation")
    assert (cause is not None) == told
    if told:
        assert f"as narrow as {width} units: those of 1.relu" in cause.sentence
        assert cause.advice[0].line == run.remade('activation="elu"')
        assert cause.advice[1].line == run.remade("width=64")
        assert run.of(found, "dead layer").because == "activation"


@pytest.mark.parametrize(("dead", "told"), [(0.35, False), (0.37, True)])
def test_of_several_layers_that_are_off_those_are_told_that_began_so(run, dead, told):
    def change(record):
        run.dead(run.stuck(record))
        record["output_zeros"][0, 1] = 0.6
        record["output_dead"][:, 3] = 1.0  # a wider one, from the first step on
        record["output_dead"][0, 1] = dead

    found = run(change, widths=(16, 20, 3))
    assert run.of(found, "dead units").step == 0
    assert (run.of(found, "activation") is not None) == told


def test_narrow_layers_are_a_notice_in_a_run_that_is_on_its_way(run):
    found = run(lambda r: run.dead(run.stuck(r, 0.5)), widths=(16, 20, 3))
    assert run.of(found, "activation").severity == "notice"


def test_units_that_died_in_training_are_not_the_widths_fault(run):
    def change(record):
        run.dead(run.stuck(record))
        record["output_zeros"][:30, 1] = 0.5
        record["output_dead"][:30, 1] = 0.0

    assert run.of(run(change, widths=(5, 20, 3)), "activation") is None


def sigmoid(layers):
    return {"kinds": "dense sigmoid " * layers + "dense", "widths": (20,) * layers + (3,)}


def by_derivative(record):
    """All of the loss is in the activations' steps."""
    n = len(record["layers"])
    steps = np.array([kind == "sigmoid" for kind in record["kinds"][1:]] + [False])
    record["gradient_norm"][...] = 0.1 * 10.0 ** (-1.0 * np.cumsum(steps[::-1])[::-1])[:n]


@pytest.mark.parametrize(("layers", "told"), [(3, True), (2, False)])
def test_an_activation_that_no_weights_help(run, layers, told):
    found = run(lambda r: by_derivative(run.stuck(r)), **sigmoid(layers))
    cause = run.of(found, "activation")
    assert (cause is not None) == told
    if told:
        assert "sigmoid in 3 hidden layers: its slope is at most 0.25" in cause.sentence
        assert "a factor 64" in cause.sentence
        assert cause.advice[0].line == run.remade('activation="elu"', "Adam(lr=0.01)")
        assert cause.advice[1].line == run.remade("norm=True", "Adam(lr=0.01)")
        assert run.of(found, "vanishing").because == "activation"


def test_what_the_weights_lose_is_not_the_activations_fault(run):
    def change(record):
        run.stuck(record)
        n = len(record["layers"])
        steps = np.array([kind == "dense" for kind in record["kinds"][1:]] + [False])
        record["gradient_norm"][...] = 0.1 * 10.0 ** (-1.0 * np.cumsum(steps[::-1])[::-1])[:n]

    assert run.of(run(change, **sigmoid(4)), "activation") is None
    tanh = {**sigmoid(4), "kinds": sigmoid(4)["kinds"].replace("sigmoid", "tanh")}

    def lost(record):
        run.stuck(record)
        run.slope(record, -3.0)

    assert run.of(run(lost, **tanh), "activation") is None  # tanh has weights that suit it
    normed = {**sigmoid(4), "kinds": "dense batchnorm sigmoid " * 4 + "dense"}
    assert run.of(run(lambda r: by_derivative(run.stuck(r)), **normed), "activation") is None


def test_a_constant_output_through_sigmoids(run):
    def change(record):
        run.stuck(record)["output_spread"][:, -1] = 0.0

    found = run(change, **sigmoid(3))
    assert found[0].kind == "activation"
    assert run.of(found, "constant output").because == "activation"


@pytest.mark.parametrize(
    ("end", "options", "told"),
    [
        (0.98, {}, True),
        (0.96, {}, False),
        (1.02, {"steps": 199}, False),
        (1.02, {"lr": 0.011}, True),
        (1.02, {"lr": 0.009}, False),  # such steps come nowhere through any layers
        (1.02, sigmoid(2), False),
    ],
)
def test_sigmoids_behind_which_the_last_biases_learn_alone(run, end, options, told):
    """It flows, and the loss falls: its last tenth costs 1.006 or 0.987 of it."""

    def change(record):
        record["loss"] = record["loss_constant"] * np.linspace(1.5, end, len(record["steps"]))

    found = run(change, **({"steps": 200} | sigmoid(3) | options))
    assert (run.of(found, "activation") is not None) == told


@pytest.mark.parametrize(
    ("kind", "layers", "told"),
    [
        *[("exponential", 3, "exponential in 3 hidden layers: "), ("exponential", 1, "1 hidden l")],
        *[("sigmoid", 3, "3 hidden"), ("sigmoid", 2, "")],
    ],
)
def test_what_overflows_in_the_first_step(run, kind, layers, told):
    def change(record):
        record["loss"][...] = np.nan
        record["output_nonfinite"][:, -2] = 3

    widths = (5,) * layers + (3,)
    found = run(change, kinds=f"dense {kind} " * layers + "dense", widths=widths, steps=1)
    assert found.kinds == (("activation", "non-finite") if told else ("non-finite",))
    assert told in found[0].sentence
    assert ("until numbers overflow" in found[0].sentence) == (kind == "exponential")


def test_many_normalised_layers_are_a_notice_in_a_run_that_is_on_its_way(run):
    def change(record):
        run.slope(run.stuck(record, 0.5), 4.0)

    options = {"kinds": "dense batchnorm relu " * 9 + "dense", "widths": (20,) * 9 + (3,)}
    assert run.of(run(change, **options), "depth").severity == "notice"


@pytest.mark.parametrize(("layers", "told"), [(10, True), (9, False)])
def test_many_layers_with_batch_norm(run, layers, told):
    options = {
        "kinds": "dense batchnorm relu " * (layers - 1) + "dense",
        "widths": (20,) * (layers - 1) + (3,),
    }
    found = run(lambda r: run.slope(run.stuck(r), 3.0), **options)
    cause = run.of(found, "depth")
    assert (cause is not None) == told
    if told:
        assert f"{layers} layers in a row" in cause.sentence
        assert cause.numbers["per_layer"] == pytest.approx(10 ** (3 / (layers - 1)))
        assert run.of(found, "exploding").because == "depth"
        assert cause.advice[0].line == run.remade('activation="elu"')


LONG = {"kinds": "dense relu " * 19 + "dense", "widths": (20,) * 19 + (3,)}


@pytest.mark.parametrize(
    ("spread", "layers", "told"), [(0.24, 20, True), (0.26, 20, False), (0.24, 19, False)]
)
def test_a_long_chain_makes_all_inputs_alike(run, spread, layers, told):
    def change(record):
        run.stuck(record)
        record["output_spread"][:, 2 * layers - 4] = spread
        record["output_mean"][:, 2 * layers - 4] = 0.6
        record["output_std"][:, 2 * layers - 4] = 0.8
        record["update_ratio"][...] = 1e-4

    kinds, widths = "dense relu " * (layers - 1) + "dense", (20,) * (layers - 1) + (3,)
    found = run(change, kinds=kinds, widths=widths)
    assert (found.kinds[0] == "depth") == told
    if told:
        assert "20 layers of ReLU in a row: at 36.dense all inputs look alike" in found[0].sentence
        assert found[0].severity == "serious"
        assert found[0].advice[0].line == run.remade("norm=True", "Adam(lr=0.001)")
        assert run.of(found, "does not learn").because == "depth"
        assert "learning rate too small" not in found.kinds


def test_a_long_chain_that_learns_or_is_normalised_or_has_other_weights_is_not_too_long(run):
    def alike(record, learns=False):
        if not learns:
            run.stuck(record)
        record["output_spread"][:, :] = 0.01

    assert "depth" not in run(lambda r: alike(r, learns=True), **LONG).kinds
    normed = {**LONG, "kinds": "dense batchnorm relu " * 19 + "dense"}
    assert "depth" not in run(alike, **normed).kinds
    small = run(alike, **LONG, scale=1.0)
    assert small.kinds[0] == "initial weights"
    assert "depth" not in small.kinds


@pytest.mark.parametrize(
    ("width", "options", "told"),
    [
        (3, {}, True),
        (4, {}, False),
        (3, {"steps": 199}, False),
        (3, {"lr": 0.51, "optimizer": "SGD(lr=0.51)"}, False),
    ],
)
def test_of_two_or_three_rectifiers_none_can_be_spared(run, width, options, told):
    """Some went off on the way, and the loss stands where that left it."""

    def change(record):
        run.stuck(record, 0.6 * record["loss_constant"][0])
        record["output_dead"][40:, 1] = 0.5

    found = run.of(run(change, widths=(width, 20, 3), **{"steps": 200, **options}), "activation")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"
        assert found.step >= 40
        assert "as narrow as 3 units: some of 1.relu went off" in found.sentence
        assert found.advice[1].line == run.remade("width=64")


def test_what_falls_or_is_done_can_spare_them(run):
    def off(record):
        record["output_dead"][40:, 1] = 0.5

    def on_its_way(record):
        record["loss"][...] = np.linspace(1.1, 0.6, 200)
        off(record)

    for change in (off, on_its_way):
        assert "activation" not in run(change, widths=(3, 20, 3), steps=200).kinds


@pytest.mark.parametrize(
    ("kinds", "told"),
    [("dense softmax dense", True), ("dense relu dense softmax", False)],
)
def test_a_softmax_within(run, kinds, told):
    made = run(run.stuck, kinds=kinds, widths=(20, 3))
    found = run.of(made, "activation")
    assert (found is not None) == told
    if told:
        assert found.layers == ("1.softmax",)
        assert found.severity == "serious"
        assert "its 20 units share out one, 0.05 each on average" in found.sentence
        assert found.advice[0].line == run.remade('activation="relu"')
        assert run.of(made, "does not learn").because == "activation"
        assert "activation" not in run(kinds=kinds, widths=(20, 3)).kinds  # it learns


@pytest.mark.parametrize(("scale", "first"), [(200.0, True), (2.0, False)])
def test_a_softmax_within_comes_before_weights(run, scale, first):
    """Whatever they are, its units share out one."""

    def change(record):
        run.scales(run.stuck(record), scale, 1.0)

    made = run(change, kinds="dense softmax dense", widths=(20, 3))
    assert made.kinds[0] == "activation"
    assert ("initial weights" in made.kinds) == first
    assert run.of(made, "activation").first == first


ROUNDED = {"kinds": "dense relu " * 5 + "dense", "widths": (20,) * 5 + (3,)}


@pytest.mark.parametrize(
    ("top", "bottom", "last", "told"),
    [
        (0.9e-6, 0.5, 1e-8, True),
        (1.1e-6, 0.5, 1e-8, False),
        (1e-8, 0.011, 1e-8, True),
        (1e-8, 0.009, 1e-8, False),  # the inputs are alike
        (1e-8, 0.5, 1e-2, False),  # another way leads around them
    ],
)
def test_examples_that_rounding_alone_tells_apart(run, top, bottom, last, told):
    """However few layers, normalised or not, and though the loss falls for a while."""

    def change(record):
        run.stuck(record, 0.7 * record["loss_constant"][0])
        record["output_spread"][:5] = np.linspace(bottom, top, 11)
        record["output_spread"][:5, 8] = top
        record["output_spread"][:5, 10] = last

    found = run(change, **ROUNDED)
    assert ("depth" in found.kinds) == told
    if told:
        assert found.kinds[0] == "depth"
        assert "8.dense all inputs look alike before training" in found[0].sentence
        assert ", less than a millionth of it; from " in found[0].sentence
        assert "nn.Residual" in found[0].advice[0].what


def test_examples_that_come_apart_at_once_or_are_learned(run):
    def change(record, rows, stuck=True):
        if stuck:
            run.stuck(record)
        record["output_spread"][:rows, 8:] = 1e-8
        record["output_spread"][rows:, 8:] = 0.5

    assert "depth" in run(lambda r: change(r, 3), **ROUNDED).kinds
    assert "depth" not in run(lambda r: change(r, 2), **ROUNDED).kinds
    assert "depth" not in run(lambda r: change(r, 3, stuck=False), **ROUNDED).kinds
