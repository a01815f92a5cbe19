"""Runs that came to an end: not finite, or run away."""

import numpy as np
import pytest

import nnscratch as nn


def nan_at(record, row, layer):
    record["loss"][row:] = np.nan
    record["output_nonfinite"][row:, layer:] = 4


def test_the_first_value_that_is_not_finite(run):
    found = run(lambda r: nan_at(r, 40, 2))
    one = run.of(found, "non-finite")
    assert one.severity == "fatal"
    assert one.step == 40
    assert one.layers == ("2.dense",)
    assert "the output of 2.dense is not finite (4 values)" in one.sentence
    assert "In the step recorded before, the largest output was 3, at 0.dense" in one.sentence
    assert "weights or biases of 2.dense themselves must hold NaN" in one.cause
    assert found.first.line.startswith('callbacks = [nn.Forensics("runs")')


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda r: r["input_nonfinite"].__setitem__(slice(40, None), 2),
            "the inputs of the network",
        ),
        (lambda r: None, "the loss is NaN"),
    ],
)
def test_what_else_is_not_finite_first(run, change, said):
    def both(record):
        record["loss"][40:] = np.nan
        change(record)

    found = run.of(run(both), "non-finite")
    assert said in found.sentence
    if "inputs" in said:
        assert found.cause == "The data hold NaN or infinity."
        assert found.advice[0].line == "nn.datasets.check_inputs(x)"


def test_gradients_are_looked_at_from_the_top(run):
    def change(record):
        record["gradient_nonfinite"][40:, :3] = 5

    found = run.of(run(change), "non-finite")
    assert found.layers == ("2.dense",)
    assert "the gradient at 2.dense is not finite (5 values)" in found.sentence

    def param(record):
        record["param_gradient_nonfinite"][40:, 2] = 1

    assert "the gradient of the parameter 2.weight" in run.of(run(param), "non-finite").sentence


@pytest.mark.parametrize(
    ("falls", "weights", "severity"),
    [(True, 0, "serious"), (False, 0, "fatal"), (True, 1, "fatal")],
)
def test_what_learns_all_the_same_is_not_fatal(run, falls, weights, severity):
    """ReLUs that are off pass no NaN on: the weights may never see it."""

    def change(record):
        record["gradient_nonfinite"][5:, -1] = 3
        record["param_nonfinite"][20:, 1] = weights
        record["loss"][:] = np.linspace(1, 0.2, len(record["loss"])) if falls else 1.0

    one = run.of(run(change), "non-finite")
    assert one.severity == severity
    assert one.cause.startswith("What the network gives is finite, what comes back from the loss")


def test_a_parameter_that_was_not_finite_before(run):
    def change(record):
        nan_at(record, 40, 2)
        record["param_nonfinite"][39, 2] = 1

    assert "The parameter 2.weight was not finite" in run.of(run(change), "non-finite").cause


@pytest.mark.parametrize(("times", "told"), [(10.1, True), (9.9, False)])
def test_a_loss_that_had_run_away_before(run, times, told):
    def change(record):
        nan_at(record, 40, 2)
        record["loss"][39] = times * record["loss"][0]

    cause = run.of(run(change), "non-finite").cause
    assert ("The loss had run away before" in cause) == told


def test_outputs_that_overflow_at_once(run):
    def change(record, largest=1.1e15):
        nan_at(record, 0, 4)
        record["output_max"][:, -1] = largest

    assert "grow from layer to layer until they overflow" in run(change)[0].cause
    assert "overflow" not in run(lambda r: change(r, 0.9e15))[0].cause


@pytest.mark.parametrize(
    ("last", "told"),
    [(11.1, True), (10.9, False)],  # ten times 1.1
)
def test_a_last_loss_of_ten_times_the_level(run, last, told):
    def change(record):
        record["loss"][...] = 1.1
        record["loss"][-1] = last

    found = run.of(run(change), "diverged")
    assert (found is not None) == told
    if told:
        assert found.severity == "fatal"
        assert "1.1 at the beginning, 11 at step 99" in found.sentence


@pytest.mark.parametrize(
    ("late", "steps", "told"), [(2.25, 15, True), (2.15, 15, False), (2.25, 14, False)]
)
def test_a_loss_of_twice_the_level_for_a_while(run, late, steps, told):
    def change(record):
        record["loss"][...] = late
        record["loss"][:5] = 1.1

    assert (run.of(run(change, steps=steps), "diverged") is not None) == told


def test_what_a_constant_answer_gives_is_the_level_where_that_is_more(run):
    def change(record):
        record["loss"][...] = 0.01
        record["loss"][50:] = 1.5  # far more than at the beginning; a constant gives 1.1

    assert "diverged" not in run(change).kinds


def test_one_lucky_first_batch_is_not_the_level(run):
    """FAULTS A6: losses 10, 0, 0, 0.1, ... are no divergence, nor 0, 0, 10, 3."""

    def change(record):
        record["loss"][...] = 0.06
        record["loss"][:3] = [10.0, 0.0, 0.0]

    assert "diverged" not in run(change).kinds

    def unknown(record):
        for name in ("constant", "free", "floor"):
            record[f"loss_{name}"][...] = np.nan
        record["loss"][...] = 1.0
        record["loss"][0] = 0.0

    assert "diverged" not in run(unknown).kinds


def test_a_run_that_comes_back_is_not_given_up(run):
    def change(record):
        record["loss"][...] = np.linspace(9.0, 3.0, 100)
        record["loss"][:5] = 1.1

    assert run.of(run(change), "diverged").severity == "serious"


def test_since_when(run):
    def change(record):
        record["loss"][...] = 1.1
        record["loss"][40:] = 4.0

    found = run.of(run(change), "diverged")
    assert found.step == 40
    assert "it has been over 2.2 since step 40" in found.sentence


@pytest.mark.parametrize(
    ("kind", "compared"),
    [
        ("", True),
        ("against another network", False),
        ("of another number of passes each time", False),
    ],
)
def test_losses_that_are_not_to_be_compared_do_not_run_away(run, kind, compared):
    def change(record):
        record["loss_kind"] = kind
        record["loss"] = np.linspace(1.0, 30.0, len(record["loss"]))
        record["update_ratio"][:, ::2] = 0.02

    found = run(change).kinds
    assert ("diverged" in found) == compared
    assert ("learning rate too large" in found) == compared


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
def test_numbers_whose_squares_float64_cannot_hold(activation):
    """Losses of 1e300 before the first infinity: told in words and pictures, without a warning."""
    x = np.random.default_rng(0).standard_normal((64, 8))
    layers = nn.Dense(8, 16), activation(), nn.Dense(16, 16), activation(), nn.Dense(16, 1)
    model = nn.Sequential(*layers, seed=0, dtype="float64")
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(
        model, nn.MeanSquaredError(), nn.SGD(10.0 if activation is nn.ReLU else 1e3)
    )
    trainer.fit(x, 3 * x[:, :1], epochs=30, batch_size=16, callbacks=[flow], progress=False)
    assert trainer.history.diverged
    assert max(loss for loss in trainer.history.loss if loss < np.inf) > 1e200
    assert flow.findings().kinds[0] in {"learning rate too large", "non-finite"}
    flow.overview()


def test_a_loss_of_which_nothing_comes_back_runs_nowhere(run):
    """What it does from step to step is rounding."""

    def change(record):
        record["loss"] = 1e-9 * np.linspace(1, 50, 100)
        record["loss_constant"][...] = record["loss_free"][...] = np.nan
        record["gradient_zeros"][:, -1] = 1.0

    assert "diverged" not in run(change).kinds

    def once(record):
        change(record)
        record["gradient_zeros"][50, -1] = 0.99

    assert "diverged" in run(once).kinds
