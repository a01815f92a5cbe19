"""Runs that learn nothing, and what is said of those that do."""

import math

import numpy as np
import pytest


def test_a_loss_at_what_a_constant_gives(run):
    found = run(run.stuck)
    one = run.of(found, "does not learn")
    assert found.kinds == ("does not learn",)
    assert one.severity == "serious"
    assert "one and the same answer for all examples gives 1.1, ln 3: in 100" in one.sentence
    assert "the labels (the nearest neighbours tell 60 % of the answers' variance)" in one.cause
    assert "the gradient (norm 0.1 at the top, 0.1 below)" in one.cause
    assert "the units of 1.relu and 3.relu" in one.cause
    assert "the size of the updates (0.002 of the weights)" in one.cause
    assert found.first.line == "optimizer = nn.Adam(lr=0.01)"
    assert one.advice[1].line == "trainer.fit(x[:20], y[:20], epochs=500, batch_size=20)"


@pytest.mark.parametrize(
    ("constant", "named"), [(1.008 * math.log(3), True), (1.012 * math.log(3), False)]
)
def test_the_logarithm_of_the_classes_is_named(run, constant, named):
    def change(record):
        record["loss_constant"][...] = constant
        run.stuck(record)

    assert ("ln 3" in run(change).state) == named


def test_a_linear_fit_that_tells_more_is_named(run):
    def change(record):
        run.stuck(record)["guess_linear"][...] = 0.7

    assert "a linear fit tells 70 %" in run(change)[0].cause


def test_what_is_shown_is_not_ruled_out(run):
    def change(record):
        run.stuck(record)
        record["gradient_norm"][:, 0] = 1e-9
        record["output_dead"][:, 1] = 0.9
        record["update_ratio"][...] = 0.02

    cause = run.of(run(change), "does not learn").cause
    assert "the gradient" not in cause
    assert "the units" not in cause
    assert "updates" not in cause


def test_a_record_that_does_not_know_what_a_constant_gives(run):
    def change(record):
        for name in ("constant", "free", "floor"):
            record[f"loss_{name}"][...] = np.nan
        run.stuck(record, 1.1)

    found = run(change)
    assert found[0].sentence.startswith("The loss has not fallen: 1.1 at the beginning, 1.1 now")
    assert found.state == "The loss stands at 1.1."


@pytest.mark.parametrize(
    ("finite", "state"),
    [
        (0, ""),
        (1, "The loss is not finite since step 1. It was 7 the step before."),
        (9, "The loss began at 7. The loss is not finite since step 9. It was 7 the step b"),
        (100, "The loss goes from 7"),
    ],
)
def test_a_loss_that_is_no_number_any_more(run, finite, state):
    def change(record):
        record["loss"][...] = 7.0
        record["loss"][90:] = 6.0
        record["loss"][finite:] = np.nan

    said = run(change).state
    assert said.startswith(state)
    assert bool(said) == bool(state)


@pytest.mark.parametrize(("role", "told"), [("mix", False), ("opaque", True)])
def test_what_anybody_knows_is_not_said_to_be_unknown(run, role, told):
    def change(record):
        record["roles"] = [role, *record["roles"][1:]]

    assert ("It is not known what" in run(change).scope) == told


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        (
            (1.5, 0.55),
            "The loss goes from 1.5 to 0.55; one and the same answer for all examples "
            "gives 1.1, ln 3: 50 % of the way down is made.",
        ),
        ((0.3, 0.55), "gives 1.1, ln 3: it is 50 % of the way below."),
        ((1.5, 1.2), "gives 1.1, ln 3: nothing is learned so far."),
    ],
)
def test_how_far_a_run_has_come(run, losses, said):
    def change(record):
        record["loss"][...] = losses[1]
        record["loss"][0] = losses[0]

    assert run(change).state.endswith(said)


@pytest.mark.parametrize(
    ("kind", "role", "told"),
    [("rnn", "weights", True), ("lstm", "weights", False), ("rnn", "recurrent", None)],
)
def test_what_a_hook_does_not_see_of_recurrent_modules_is_said(run, kind, role, told):
    """PyTorch's are watched as layers of weights: their outputs, and nothing through time."""

    def change(record):
        run.stuck(record)
        record["kinds"] = [kind, *record["kinds"][1:]]
        record["roles"] = [role, *record["roles"][1:]]
        record["param_roles"] = ["recurrent_weight", *record["param_roles"][1:]]
        record["param_norm_initial"][0] = 0.6 * np.sqrt(20)

    found = run.of(run(change), "does not learn")
    if told is None:
        assert "Not seen" not in found.cause
        assert not any("from_torch" in advice.line for advice in found.advice)
        return
    name = "0.dense"
    assert f"Not seen: what the gradient does through time, inside {name}" in found.cause
    assert (f"weights of {name} began with |U| / sqrt(units) = 0.6," in found.cause) == told
    line = "print(nnscratch.predict(nnscratch.pytorch.from_torch(model), x))"
    assert found.advice[0].line == line
