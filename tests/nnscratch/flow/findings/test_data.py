"""Scales of inputs and targets, and labels: on both sides of every limit."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.findings import Finding, labels


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"input_std": 9.9}, None),
        ({"input_std": 10.1}, "large"),
        ({"input_mean": 7.5, "input_std": 7.0}, "large"),
        ({"input_std": 0.011}, None),
        ({"input_std": 0.0095}, "small"),
        ({"input_mean": 5.2, "input_std": 1.0}, "far from zero"),
        ({"input_mean": 4.8, "input_std": 1.0}, None),
        ({"input_mean": 0.9, "input_std": 0.1}, None),  # less than 1 in all
        ({"feature_offset": 5.2, "input_std": 1.1}, "far from zero"),
        ({"feature_offset": 4.8, "input_std": 1.1}, None),
        ({"feature_ratio": 105.0, "input_std": 1.1}, "of very different scales"),
        ({"feature_ratio": 95.0, "input_std": 1.1}, None),
        ({"feature_ratio": 105.0, "input_std": 0.9}, None),
        ({"feature_ratio": 200.0, "input_std": 30.0}, "large and of very different scales"),
    ],
)
def test_the_scale_of_inputs(run, values, words):
    found = run.of(run(run.fill(**values)), "input scale")
    if words is None:
        assert found is None
    else:
        assert f"The inputs are {words}: mean" in found.sentence
        assert found.advice[0].line.startswith("x = (x - x.mean(axis=0)) / (x.std(axis=0)")
        assert found.severity == "notice"  # the run learns all the same


def test_inputs_that_are_not_finite_have_no_scale(run):
    change = run.fill(input_std=100.0, input_nonfinite=1.0)
    assert run.of(run(change), "input scale") is None


@pytest.mark.parametrize(
    ("std", "explained", "alone"),
    [
        (50.0, "saturated, diverged, learning rate too large", ""),
        (1e-3, "vanishing, constant output, does not learn", "diverged, saturated, exploding"),
    ],
)
def test_large_and_small_inputs_explain_different_things(run, std, explained, alone):
    def change(record):
        run.stuck(record)["input_std"][...] = std

    found = run.of(run(change), "input scale")
    assert found.severity == "serious"
    assert set(explained.split(", ")) <= found.explains
    assert not set(alone.split(", ")) & found.explains
    assert ("too large" in found.cause) == (std > 1)
    assert ("too small" in found.cause) == (std < 1)


TARGETS = {"targets": "numbers", "widths": (20, 20, 1)}


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"target_std": 10.1}, "large"),
        ({"target_std": 9.9}, None),
        ({"target_mean": 300.0, "target_std": 1.0}, "large"),
        ({"target_std": 50.0, "output_std": 11.0}, None),  # the network gives as much
        ({"target_std": 50.0, "output_std": 9.0}, "large"),
        ({"target_std": 0.0095}, "small"),
        ({"target_std": 0.011}, None),
        ({"target_std": 0.0095, "output_std": 0.04}, None),
        ({"target_std": 50.0, "target_classes": 1.0}, None),
    ],
)
def test_the_scale_of_targets(run, values, what):
    def change(record):
        run.fill(**values)(run.stuck(record))

    found = run.of(run(change, **TARGETS), "target scale")
    if what is None:
        assert found is None
    else:
        assert f"The targets are {what}: mean" in found.sentence
        assert found.advice[0].line.startswith("y = (y - y.mean(axis=0)) / (y.std(axis=0)")
        broken = {"diverged", "non-finite", "exploding", "learning rate too large"}
        assert broken & found.explains == (broken if what == "large" else set())


@pytest.mark.parametrize(
    ("inputs", "targets", "both"), [(10.1, 10.1, True), (10.1, 9.9, False), (9.9, 10.1, False)]
)
def test_where_both_are_far_off_one_line_brings_both(run, inputs, targets, both):
    """Neither alone is enough: what is left holds the run up as before."""

    def change(record):
        run.fill(input_std=inputs, target_std=targets)(run.stuck(record))

    found = run(change, **TARGETS)
    made = {"x": np.arange(6.0).reshape(3, 2), "y": np.arange(3.0)[:, None] * 100}
    exec(found.first.line, made)
    assert (abs(made["x"]).max() < 2 and abs(made["y"]).max() < 2) == both


def test_targets_that_the_loss_still_falls_towards_are_brought_near_with_the_inputs(run):
    def change(record):
        run.fill(input_std=50.0, target_std=50.0)(record)
        record["loss"][...] = np.linspace(1.0, 0.9, len(record["loss"]))

    found = run(change, **TARGETS)
    assert run.of(found, "target scale").severity == "notice"
    assert run.of(found, "input scale").advice[0].line.partition("; ")[2].startswith("y = ")


def test_targets_that_are_learned_have_the_right_scale(run):
    assert run.of(run(run.fill(target_std=50.0), **TARGETS), "target scale") is None


@pytest.mark.parametrize(
    ("start", "end", "severity"),
    [
        (1.0, 0.9, "notice"),  # it falls: by half of 0.1 in the last half
        (1.0, 0.99, "serious"),  # by less than 0.005 a quarter: it stands
        (0.9, 1.0, "serious"),
    ],
)
def test_targets_far_off_are_a_notice_while_the_loss_falls(run, start, end, severity):
    def change(record):
        record["loss"][...] = np.linspace(start, end, len(record["loss"]))
        record["target_std"][...] = 50.0

    assert run.of(run(change, **TARGETS), "target scale").severity == severity


def test_no_target_makes_a_linear_layer_run_away(run):
    def change(record):
        run.fill(target_std=50.0)(run.stuck(record))

    found = run.of(run(change, kinds="dense", widths=(1,), targets="numbers"), "target scale")
    assert not {"diverged", "learning rate too large"} & found.explains
    assert "does not learn" in found.explains


@pytest.mark.parametrize(("off", "told"), [(1.0, True), (1.01, False)])
def test_without_targets_a_squared_error_shows_their_size(run, off, told):
    """|dL/dp|^2 size / 4 is the loss itself."""

    def change(record):
        for name in record:
            if name.startswith(("target_", "loss_c", "loss_f")):
                record[name][...] = np.nan
        record["loss"][...] = 900.0
        size = record["batch_size"][0]
        record["gradient_norm"][:, -1] = np.sqrt(4 * 900.0 / size) * off

    found = run.of(run(change, **TARGETS), "target scale")
    assert (found is not None) == told
    if told:
        assert "standard deviation 30," in found.sentence


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"target_values": 1.0, "target_count": 8.0}, "have the same answer, one class"),
        ({"target_values": 1.0, "target_count": 7.0}, None),
        ({"target_values": 2.0, "target_count": 8.0}, None),
    ],
)
def test_one_answer_for_all(run, values, said):
    found = run.of(run(run.fill(**values)), "labels")
    assert (found is not None) == (said is not None)
    if said:
        assert said in found.sentence
        assert found.severity == "serious"


def test_one_number_for_all_is_named(run):
    found = run.of(run(run.fill(target_values=1.0, target_mean=4.25), **TARGETS), "labels")
    assert "the same answer, 4.2: whatever" in found.sentence


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"guess_linear": 0.04, "guess_neighbours": -0.2}, True),
        ({"guess_linear": -0.2, "guess_neighbours": 0.04}, True),
        ({"guess_linear": 0.06, "guess_neighbours": -0.2}, False),
        ({"guess_linear": 0.0, "guess_neighbours": 0.0, "target_count": 150}, True),
        ({"guess_linear": 0.0, "guess_neighbours": 0.0, "target_count": 149}, False),
        ({"guess_linear": np.nan, "guess_neighbours": np.nan}, False),
    ],
)
def test_answers_that_nothing_tells(run, values, told):
    def change(record):
        run.fill(**values)(run.stuck(record))

    found = run.of(run(change), "labels")
    assert (found is not None) == told
    if told:
        assert "nor does the network" in found.sentence
        assert "shuffled" in found.cause
        assert run(change).kinds == ("labels", "does not learn")


@pytest.mark.parametrize("through_time", [True, False])
def test_what_no_guess_tells_of_a_sequence_may_be_its_order(run, through_time):
    def change(record):
        run.fill(guess_linear=0.0, guess_neighbours=0.0)(run.stuck(record))
        if through_time:
            record["roles"] = ["recurrent", *record["roles"][1:]]

    assert ("labels" in run(change).kinds) != through_time


@pytest.mark.parametrize(
    ("share", "severity", "kept"),
    [(0.0, "serious", ("labels", "does not learn")), (0.2, "notice", ("labels",)), (0.31, "", ())],
)
def test_what_no_guess_tells_of_a_picture_may_lie_elsewhere_in_each(run, share, severity, kept):
    """Behind a convolution: neither guess, by each pixel, knows a thing that is shifted."""

    def change(record):
        run.stuck(record, (1 - share) * record["loss_constant"][0])
        run.fill(guess_linear=-0.1, guess_neighbours=-0.2)(record)
        record["kinds"] = ["conv2d", *record["kinds"][1:]]

    found = run(change)
    assert found.kinds == kept
    if kept:
        assert found[0].severity == severity
        assert "Neither guess knows a thing that lies elsewhere" in found[0].sentence
        assert "is by heart" not in found[0].sentence

    def twice(record):
        change(record)
        record["loss_kind"] = "SoftmaxCrossEntropy"

    other = run(twice, kinds="dense relu dense relu dense softmax")
    if share == 0.0:
        assert (other.kinds[0], run.of(other, "labels").severity) == ("softmax twice", "notice")


@pytest.mark.parametrize(
    ("end", "steps", "told"), [(0.72, 50, True), (0.68, 50, False), (0.72, 49, False)]
)
def test_answers_learned_by_heart_are_told_while_they_are_few(run, end, steps, told):
    def change(record):
        run.fill(guess_linear=0.0, guess_neighbours=-0.1)(record)
        start = record["loss_constant"][0]
        record["loss"][...] = np.linspace(start, end * start, steps)
        record["loss"][-5:] = end * start

    found = run.of(run(change, steps=steps), "labels")
    assert (found is not None) == told
    if told:
        assert "is by heart" in found.sentence


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"target_values": 4.0, "target_count": 200}, True),
        ({"target_values": 5.0, "target_count": 200}, False),
        ({"target_values": 4.0, "target_count": 199}, False),
        ({"target_values": 4.0, "target_count": 200, "target_classes": 1.0}, False),
    ],
)
def test_few_of_the_classes(run, values, told):
    found = run.of(run(run.fill(**values), widths=(20, 20, 10)), "labels")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"
        assert "Only 4 of the 10 classes occur among the 200 examples" in found.sentence


def test_a_run_that_learns_has_good_labels(run):
    change = run.fill(guess_linear=0.0, guess_neighbours=0.0)
    assert run.of(run(change, loss=run.falling(1.1, 0.02, 100)), "labels") is None


def alike(run, spread=0.0, count=10):
    def change(record):
        run.stuck(record)
        record["feature_ratio"][...] = np.nan
        record["target_count"][...] = count
        record["output_spread"][:, 0] = spread

    return change


@pytest.mark.parametrize(
    ("spread", "count", "told"), [(9e-10, 8, True), (2e-9, 8, False), (0.0, 7, False)]
)
def test_inputs_that_are_all_the_same(run, spread, count, told):
    found = run(alike(run, spread, count))
    assert ("inputs alike" in found.kinds) == told
    if told:
        assert found[0].kind == "inputs alike"
        assert found[0].severity == "serious"
        assert "the answers have 3 values" in found[0].sentence
        assert found.first.line == "print(np.ptp(np.asarray(x), axis=0).max())"
        assert run.of(found, "does not learn").because == "inputs alike"
        assert "labels" not in found.kinds


def test_features_that_differ_are_not_alike_though_the_first_layer_gives_one_answer(run):
    def change(record):
        alike(run)(record)
        record["feature_ratio"][...] = 1.0

    assert "inputs alike" not in run(change).kinds


def test_a_first_layer_of_zeros_says_nothing_of_its_inputs(run):
    def change(record):
        alike(run)(record)
        record["param_norm_initial"][0] = 0.0

    assert "inputs alike" not in run(change).kinds


@pytest.mark.parametrize(("other", "told"), [(0.0, True), (1e-3, False)])
def test_sequences_that_are_all_the_same(other, told):
    """What a recurrent layer gives differs from step to step even then."""
    x = np.zeros((40, 5, 3), np.float32) + 0.5
    x[0] += other
    model = nn.Sequential(nn.LSTM(3, 4), nn.LastStep(), nn.Dense(4, 10), seed=0)
    flow = nn.GradientFlow(model, histograms=False)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    y = np.arange(40) % 10
    trainer.fit(x, y, epochs=30, batch_size=20, callbacks=[flow], progress=False)
    found = flow.findings()
    assert found.kinds[0] == "inputs alike"
    assert found[0].sentence.startswith(
        "All examples" if told else "98 % of the examples have inputs that come with other"
    )


def far(count=4, share=0.9, **values):
    def change(record):
        known = {"far": count, "far_share": share, "min": -3.0, "max": 20.0} | values
        for name, value in known.items():
            record[f"target_{name}"][...] = value

    return change


@pytest.mark.parametrize(("share", "told"), [(0.51, True), (0.49, False), (0.0, False)])
@pytest.mark.parametrize("count", [1, 4, 20])
def test_targets_far_from_all_others(run, share, told, count):
    """However few of how many, and however many standard deviations of all that is."""
    found = run.of(run(far(count, share), targets="numbers"), "outliers")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"  # it learns
        assert found.advice[0].line == "loss = nn.Huber()"
        assert f"of 400 examples {count}, as far as 20, make up 51 % of the squ" in found.sentence
        assert found.numbers == {"far": count, "share": share, "end": 20.0}


@pytest.mark.parametrize(("low", "end"), [(-19.0, 20.0), (-21.0, -21.0)])
def test_the_one_that_is_farthest_is_named(run, low, end):
    found = run.of(run(far(min=low), targets="numbers"), "outliers")
    assert found.numbers["end"] == end


def test_what_is_far_is_a_fault_where_nothing_is_learned_and_squares_are_asked(run):
    def change(record):
        run.stuck(far()(record) or record)

    assert run.of(run(change, targets="numbers"), "outliers").severity == "serious"

    def half(record):
        run.stuck(far()(record) or record, 0.5)  # not what it should be, and on its way

    assert run.of(run(half, targets="numbers"), "outliers").severity == "notice"

    def absolute(record):
        change(record)
        record["loss_kind"] = "MeanAbsoluteError"

    assert "outliers" not in run(absolute, targets="numbers").kinds
    assert "outliers" not in run(far(), targets="classes").kinds


@pytest.mark.parametrize(
    ("outputs", "classes", "std", "told"),
    [
        (1, 1.0, 0.28, True),  # 2 x 0.28^2 of 512: 80 pairs in 512 have unlike answers
        (1, 1.0, 0.26, False),
        (4, 2.0, 0.2, True),  # 4 x 0.2^2 of 512: 82
        (4, 2.0, 0.18, False),
        (1, 0.0, 0.1, True),  # numbers
    ],
)
def test_of_rare_answers_few_can_be_told_from_others(run, outputs, classes, std, told):
    def change(record):
        run.stuck(record)
        run.fill(target_count=512, target_values=2, target_classes=classes, target_std=std)(record)
        run.fill(guess_linear=0.04, guess_neighbours=-0.1)(record)

    of = "numbers" if outputs == 1 else "classes"
    found = run.of(run(change, widths=(20, 20, outputs), targets=of), "labels")
    assert (found is not None) == told


@pytest.mark.parametrize("loss", ["MeanSquaredError", "MeanAbsoluteError"])
@pytest.mark.parametrize(("share", "told"), [(0.51, False), (0.49, True)])
def test_a_few_far_targets_say_nothing_of_the_labels(run, share, told, loss):
    """The variance, of which other examples should tell a part, is theirs."""

    def change(record):
        run.stuck(far(share=share)(record) or record)
        record["guess_linear"][...] = record["guess_neighbours"][...] = 0.0
        record["loss_kind"] = loss

    assert ("labels" in run(change, targets="numbers").kinds) == told


@pytest.mark.parametrize(
    ("mean", "std", "told"),
    [
        (0.0, 31.0, False),  # of the others 31 sqrt(1 - 0.9) = 9.8
        (0.0, 33.0, True),
        (9.5, 20.0, False),  # four of 400 move the mean by 20 sqrt(0.9 / 100) = 1.9
        (9.8, 20.0, True),
        (-9.5, 20.0, False),
        (-9.8, 20.0, True),
    ],
)
def test_the_scale_of_targets_is_that_of_the_others(run, mean, std, told):
    def change(record):
        run.stuck(far(mean=mean, std=std)(record) or record)
        record["loss_kind"] = "MeanAbsoluteError"

    assert ("target scale" in run(change, **TARGETS).kinds) == told


@pytest.mark.parametrize(
    ("size", "first"),
    [(300.0, "input scale"), (10.1, "input scale"), (9.9, "learning rate too large")],
)
def test_inputs_come_before_the_nan_that_they_bring(run, size, first):
    def change(record):
        run.stuck(record)
        run.fill(input_std=size)(record)
        record["loss"][5:20] = 10.0 ** np.arange(15)
        record["loss"][20:] = np.nan
        record["update_ratio"][1] = 2.0

    found = run(change)
    assert found[0].kind == first
    assert found[0].severity == "fatal"
    assert run.of(found, "non-finite").because == first


@pytest.mark.parametrize(
    ("early", "late", "told"),
    [
        (3.1e-4, 1e-5, True),
        (1e-5, 3.1e-4, True),
        (2.9e-4, 2.9e-4, False),  # by such steps nothing is learned of any labels
        (np.nan, np.nan, True),
    ],
)
def test_labels_are_judged_by_a_run_that_moves(run, early, late, told):
    def change(record):
        run.stuck(record)
        run.fill(guess_linear=0.0, guess_neighbours=0.0)(record)
        record["update_ratio"][...] = late
        record["update_ratio"][:10] = early

    assert ("labels" in run(change).kinds) == told


def cause(kind, severity="notice", explains=("too few steps",)):
    return Finding(kind, severity, (), 0, "", explains=frozenset(explains))


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ([], True),
        ([cause("clip never", explains=())], True),  # holds nothing up
        ([cause("too few steps")], False),
        ([cause("batch norm statistics", "serious", ())], False),
    ],
)
def test_labels_that_are_not_sure_explain_what_nothing_else_does(others, told):
    found = labels.last_resort([cause("labels", explains=()), *others])
    assert (found[0].explains == {"does not learn"}) == told
    assert found[1:] == others
    sure = cause("labels", "serious", ("constant output",))
    assert labels.last_resort([sure]) == [sure]


@pytest.mark.parametrize(
    ("told", "share", "severity"),
    [
        (-0.01, 0.29, "serious"),
        (-0.01, 0.31, "notice"),  # learned by heart, as far as the guesses go
        (-0.01, 0.74, "notice"),
        (-0.01, 0.76, ""),
        (0.01, 0.29, "serious"),
        (0.01, 0.31, ""),
    ],
)
def test_what_no_guess_tells_may_be_learned_by_heart(run, told, share, severity):
    def change(record):
        run.stuck(record, (1 - share) * record["loss_constant"][0])
        run.fill(guess_linear=told, guess_neighbours=-0.2)(record)

    found = run.of(run(change), "labels")
    assert (found.severity if found else "") == severity
    if found:
        assert "what it learns is by heart" in found.sentence


@pytest.mark.parametrize(
    ("told", "loss", "found"),
    [
        (0.49, 1.0, True),
        (0.51, 1.0, False),
        (-0.1, 1.0, True),
        (0.4, 0.2, False),  # it has learned
    ],
)
def test_equal_inputs_with_other_answers(run, told, loss, found):
    def change(record):
        run.stuck(record, loss * record["loss_constant"][0])
        run.fill(repeated_share=0.8, repeated_told=told)(record)

    one = run.of(run(change), "inputs alike")
    assert (one is not None) == found
    if found:
        assert one.severity == "serious"
        assert one.sentence == (
            "80 % of the examples have inputs that come with other answers too: of the answers' "
            f"variance the inputs tell {max(0, told) * 100:.0f} %, and no network tells more of "
            "these examples."
        )
        assert "rounded, cut off" in one.cause
        assert "np.unique(" in one.advice[0].line
