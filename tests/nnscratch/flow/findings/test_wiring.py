"""What is wrong with the loop around a network, as whoever watched it noted."""

import numpy as np
import pytest

from nnscratch.flow.findings.graph import WIRING

LINE = ("seen.", "why.", "do this", "do()")


def noted(*lines):
    return "\n".join("\t".join(line) for line in lines)


@pytest.mark.parametrize("kind", ["broadcast loss", "batch taken for time", "frozen parameters"])
def test_what_was_noted_comes_first_and_brings_the_rest(run, kind):
    def change(record):
        run.stuck(record)
        record["output_spread"][30:, -1] = 1e-3
        record["mistakes"] = noted((kind, *LINE))

    found = run(change)
    assert found.kinds[0] == kind
    assert {one.because for one in found[1:]} == {kind}
    assert found[0].severity == "serious"
    assert found.begin_with()[:2] == ("Do this first: do this", "do()")
    assert found[0].sentence == "seen."
    assert found[0].cause == "why."


def test_a_run_that_learns_is_only_told(run):
    severities = {}
    for kind in WIRING:
        found = run(lambda record, kind=kind: record.update(mistakes=noted((kind, *LINE))))
        severities[kind] = getattr(run.of(found, kind), "severity", "")
    # Whatever it learns, it is not this.
    serious = {"broadcast loss", "batch taken for time", "not log-probabilities"}
    serious |= {"several labels", "target values", "examples mixed", "looks ahead"}
    serious |= {"softmax over the batch", "steps uphill"}
    serious |= {"discriminator wins", "unused losses", "unbounded loss"}
    serious |= {"targets not detached", "class weights by frequency"}
    assert {kind for kind, how in severities.items() if how == "serious"} == serious
    untold = {"words hidden", "no positions", "state carried", "data written over"}
    untold |= {"held-out inputs"}  # unless those are judged worse
    untold |= {"gradients cleared too soon"}  # of some passes
    assert {kind for kind, how in severities.items() if not how} == untold
    assert set(severities.values()) == {"notice", "serious", ""}


@pytest.mark.parametrize(("left", "severity"), [(0.6, "serious"), (0.02, None)])
def test_of_a_run_that_learns_halfway_a_state_that_others_left_is_told(run, left, severity):
    def change(record):
        start = float(record["loss_constant"][0])
        record["loss"] = run.falling(start, left * start, len(record["loss"]))
        record["mistakes"] = noted(*((kind, *LINE) for kind in ("state carried", "no positions")))

    found = run(change)
    assert getattr(run.of(found, "state carried"), "severity", None) == severity
    assert run.of(found, "no positions") is None


@pytest.mark.parametrize(
    "kind", ["words hidden", "no positions", "state carried", "data written over"]
)
def test_a_run_that_does_not_learn_is_told_what_may_hold_it(run, kind):
    def change(record):
        run.stuck(record)
        record["mistakes"] = noted((kind, *LINE))

    assert run(change)[0].kind == kind


@pytest.mark.parametrize(("size", "is_told"), [(1.1e-5, True), (0.9e-5, False)])
def test_what_does_not_move_learns_nothing_of_an_order_for_want_of_steps(run, size, is_told):
    def change(record):
        run.stuck(record)
        record["update_ratio"][:] = size
        record["mistakes"] = noted(("no positions", *LINE), ("words hidden", *LINE))

    found = run(change)
    assert (run.of(found, "no positions") is not None) == is_told
    assert run.of(found, "words hidden") is not None


@pytest.mark.parametrize(
    "text", ["", "nonsense", "labels", "labels\ta\tb\tc", "no such kind\ta\tb\tc\td", "\t\t\t\t"]
)
def test_a_line_that_is_none_says_nothing(run, text):
    assert not run(lambda record: record.update(mistakes=text))


@pytest.mark.parametrize(
    ("early", "late", "told"),
    [
        (0.9, 0.9, True),
        (0.0, 0.12, True),  # the later half counts: what is left grows
        (0.9, 0.08, False),
        (0.0, 0.0, False),
    ],
)
def test_gradients_that_are_kept(run, early, late, told):
    def change(record):
        run.stuck(record)
        record["gradient_kept"][1:9] = early
        record["gradient_kept"][9:17] = late

    found = run.of(run(change), "gradients not cleared")
    assert bool(found) == told
    if told:
        assert found.advice[0].line == "model.grads.flat[:] = 0"
        assert found.numbers == {"kept": late}


def test_gradients_cleared_once_in_a_while_are_not_kept(run):
    def change(record):
        record["gradient_kept"][1:17] = [0.9, 0.9, 0.9, 0.0] * 4

    assert not run.of(run(change), "gradients not cleared")


@pytest.mark.parametrize(
    ("early", "late", "told"),
    [(1.0, 1.0, True), (0.0, 1.0, True), (1.0, 0.999, False), (0.0, 0.0, False)],
)
def test_gradients_that_are_gone_at_the_update(run, early, late, told):
    def change(record):
        run.stuck(record)
        record["gradient_lost"][:8] = early
        record["gradient_lost"][8:17] = late

    found = run.of(run(change), "gradients cleared too soon")
    assert bool(found) == told
    if told:
        assert found.severity == "serious"
        assert found.numbers["came"] > 0


@pytest.mark.parametrize(("looks", "told"), [(2, False), (3, True)])
def test_two_looks_say_nothing_of_gradients(run, looks, told):
    def change(record):
        record["gradient_lost"][:looks] = 1.0

    assert bool(run.of(run(change), "gradients cleared too soon")) == told


def set_back(times=3, every=20, by=0.5, column=0, norm=1.0):
    """Of a record whose parameter is, every so many steps, shorter than it was left."""

    def change(record):
        run_stuck(record)
        record["param_norm"][:, column] = norm
        record["param_update_norm"][:, column] = 2e-3 * norm * (1 + 1e-5 * np.arange(100))
        for row in every * np.arange(1, times + 1):
            before = norm * (1 - by)
            update = record["param_update_norm"][row, column]
            record["update_ratio"][row, column] = update / before if before else np.inf

    return change


@pytest.mark.parametrize(
    ("left", "met", "told"),
    [
        (1e-3, 0.0, True),  # nearer than 2 %, and where it began
        (1e-3, 0.9e-5, True),
        (1e-3, 1.1e-5, False),  # elsewhere
        (1.1e-4, 0.0, True),
        (0.9e-4, 0.0, False),  # as near as digits are
    ],
)
def test_the_beginning_is_met_again_however_near(run, left, met, told):
    def change(record):
        set_back(by=0.0)(record)
        record["param_update_norm"][:, 0] = 1e-2
        record["param_norm"][:, 0] = 1 + left
        record["update_ratio"][:, 0] = 1e-2 / (1 + left)
        record["update_ratio"][[0, 20, 40, 60], 0] = 1e-2 / np.array([1, *[1 + met] * 3])

    assert ("weights set back" in run(change).kinds) == told


def run_stuck(record):
    record["loss"] = record["loss_constant"][0] * (1 + 0.002 * (-1.0) ** np.arange(100))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, True),
        ({"times": 2}, True),
        ({"times": 1}, False),  # a checkpoint was loaded
        ({"times": 49, "every": 1}, True),
        ({"times": 51, "every": 1}, False),  # whoever does it at most steps means to
        ({"by": 0.021}, True),
        ({"by": 0.0198}, False),
        ({"by": -0.021}, True),
        ({"by": -0.0202}, False),  # of the larger one
        ({"column": 1, "by": 1.0}, True),  # a bias, of zeros again
    ],
)
def test_weights_that_are_others_than_the_update_left(run, given, told):
    found = run.of(run(set_back(**given)), "weights set back")
    assert (found is not None) == told
    if told:
        times = given.get("times", 3)
        assert f": {times} times, first before step {given.get('every', 20)}," in found.sentence
        assert "was 1 and is" in found.sentence
        assert found.numbers == {"times": times}
        assert found.severity == "serious"


def test_weights_of_a_run_that_learns_may_be_set(run):
    def learns(record):
        set_back()(record)
        record["loss"] = run.falling(1.1, 0.02, 100)

    def seldom(record):
        set_back()(record)
        record["steps"] *= 10

    def against(record):
        set_back()(record)
        record["loss_kind"] = "against another network"

    for change in (learns, seldom, against):
        assert "weights set back" not in run(change).kinds


@pytest.mark.parametrize(("overflows", "sentence"), [(False, "seen."), (True, "NaN or infinity")])
def test_a_loss_that_is_nan_by_itself(run, overflows, sentence):
    """Of outputs that overflow it is NaN for their sake, and is told once."""

    def change(record):
        record["mistakes"] = noted(("non-finite", *LINE))
        record["loss"][60:] = np.nan
        record["output_nonfinite"][60, -1] = float(overflows)

    told = [one for one in run(change) if one.kind == "non-finite"]
    assert len(told) == 1
    assert told[0].sentence.startswith(sentence)


@pytest.mark.parametrize(("between", "mixed"), [(0.9e-2, False), (1e-11, False), (0.9e-12, True)])
def test_what_becomes_alike_layer_by_layer_does_not_mix_examples(run, between, mixed):
    """As in attention of all rows to all: what else is in the batch is all that is left then."""

    def change(record):
        run.stuck(record, 0.7 * record["loss_constant"][0])
        record["output_spread"][:5, :4] = 0.5
        record["output_spread"][:5, 4:] = between
        record["output_spread"][:5, 8:] = min(between, 1e-8)
        record["mistakes"] = noted(("examples mixed", *LINE))

    found = run(change, kinds="dense tanh " * 5 + "dense", widths=(20,) * 5 + (10,))
    assert ("examples mixed" in found.kinds) == mixed


@pytest.mark.parametrize(("held", "told"), [(0.16, True), (0.12, False), (np.nan, False)])
def test_inputs_of_held_out_examples_count_where_these_are_judged_worse(run, held, told):
    def change(record):
        run.stuck(record, 0.05 * record["loss_constant"][0])  # what there is to learn is learned
        record["mistakes"] = noted(("held-out inputs", *LINE))
        record["validation_loss"][50:] = held * record["loss_constant"][0]

    one = run.of(run(change), "held-out inputs")
    assert (one is not None) == told
    if told:
        assert one.severity == "serious"
