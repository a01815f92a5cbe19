"""Steps that throw a run off, or stay too long while nothing is learned."""

import numpy as np
import pytest

SIZES = "update_ratio"


@pytest.mark.parametrize(("size", "told"), [(0.31, True), (0.29, False)])
def test_one_violent_step(run, size, told):
    def change(record):
        run.dead(run.stuck(record), 30)
        record[SIZES][20] = size

    found = run(change)
    rate = run.of(found, "learning rate too large")
    assert (rate is not None) == told
    if told:
        assert rate.step == 20
        assert "the update of step 20 changed the weights by 31 % of their norm" in rate.sentence
        assert rate.numbers["ratio"] == pytest.approx(0.31)
        assert run.of(found, "dead layer").because == "learning rate too large"


def test_what_was_so_before_the_step_is_no_consequence(run):
    def change(record):
        run.dead(run.stuck(record))
        record[SIZES][20] = 0.5

    found = run(change, widths=(40, 40, 3))
    assert run.of(found, "dead layer").because == ""
    assert "dead layer" not in run.of(found, "learning rate too large").explains


def test_a_violent_step_of_a_run_that_learns_is_none(run):
    assert run(lambda r: r[SIZES].__setitem__(0, 0.9)).kinds == ()


@pytest.mark.parametrize(
    ("rows", "rate", "told"),
    [
        (range(20, 30), 0.1, False),  # weights on their way through 0
        (range(20, 31), 0.1, True),  # more than a tenth of the steps
        (range(9, 12), 0.1, True),  # among the first
        (range(10, 12), 0.1, False),
        (range(20, 30), 0.11, True),  # at a larger rate than one begins with
    ],
)
def test_a_few_violent_steps_of_a_run_that_stands_are_no_cause(run, rows, rate, told):
    """Of very few weights one or two may come near 0: a step is large beside them."""

    def change(record):
        run.stuck(record)[SIZES][list(rows)] = 0.4

    assert ("learning rate too large" in run(change, lr=rate).kinds) == told


@pytest.mark.parametrize(("size", "told"), [(1.1e-2, True), (0.9e-2, False)])
def test_steps_that_stay_long_while_nothing_is_learned(run, size, told):
    def change(record):
        run.stuck(record)[SIZES][...] = size

    assert run.of(run(change), "learning rate too large") is None  # at a rate one begins with
    found = run.of(run(change, lr=0.11), "learning rate too large")
    assert (found is not None) == told
    if told:
        assert "the updates are 1 % of the weights' norm in each step" in found.sentence
        assert "from the first step on" in found.sentence


@pytest.mark.parametrize(
    ("early", "rate", "broken_from", "learned", "told"),
    [
        (1.1e-2, 0.11, 1, 0.0, True),
        (0.9e-2, 0.11, 1, 0.0, False),
        (1.1e-2, 0.1, 1, 0.0, False),  # at a rate one begins with
        (1.1e-2, 0.11, 0, 0.0, False),  # it began broken
        (1.1e-2, 0.11, 1, 0.1, False),
    ],
)
def test_first_steps_after_which_no_gradient_arrives(run, early, rate, broken_from, learned, told):
    """What is left are short steps, and they are not what is wrong."""

    def change(record):
        run.stuck(record, (1 - learned) * record["loss_constant"][0])
        record["gradient_norm"][broken_from:, :3] = 1e-7
        record[SIZES][:10] = early
        record[SIZES][10:] = 2e-4

    found = run(change, lr=rate)
    large = run.of(found, "learning rate too large")
    assert (large is not None) == told
    if told:
        assert "of the first 10 steps were 1 % of the weights' norm" in large.sentence
        assert run.of(found, "vanishing").because == large.kind
        assert run.of(found, "learning rate too small") is None
        assert "let the rate grow" in large.advice[-1].what


@pytest.mark.parametrize(
    ("rate", "early", "learned", "told"),
    [
        (0.251, 1.1e-2, 0.0, True),
        (0.249, 1.1e-2, 0.0, False),  # five times the largest usual one, of momentum 0.9
        (0.251, 0.9e-2, 0.0, False),
        (0.251, 1.1e-2, 0.1, False),
    ],
)
def test_a_rate_far_beyond_the_usual_need_break_nothing_that_shows(run, rate, early, learned, told):
    def change(record):
        run.stuck(record, (1 - learned) * record["loss_constant"][0])
        record[SIZES][:10] = early
        record[SIZES][10:] = 2e-3

    options = {"lr": rate, "optimizer": f"SGD(lr={rate}, momentum=0.9)"}
    found = run(change, **options)
    large = run.of(found, "learning rate too large")
    assert (large is not None) == told

    def scaled(record):
        change(record)
        record["input_std"][...] = record["input_mean"][...] = 300.0

    raw = run(scaled, **options)  # then it is not the rate that is to blame
    assert "input scale" in raw.kinds
    assert "learning rate too large" not in raw.kinds
    if told:
        assert large.first
        assert "of the first 10 steps were 1 % of the weights' norm" in large.sentence


@pytest.mark.parametrize(
    ("rate", "size", "told"), [(0.41, 1.1e-2, True), (0.39, 1.1e-2, False), (0.41, 0.9e-2, False)]
)
def test_a_loss_that_falls_in_spite_of_a_rate_beyond_all_usual_ones(run, rate, size, told):
    def change(record):
        start = record["loss_constant"][0]
        record["loss"] = np.linspace(start, 0.6 * start, len(record["loss"]))
        record[SIZES][...] = size

    found = run(change, lr=rate, optimizer=f"Adam(lr={rate})")
    large = run.of(found, "learning rate too large")
    assert (large is not None) == told
    if told:
        assert large.severity == "serious"

    def learned(record):
        record[SIZES][...] = size

    assert not run(learned, lr=rate, optimizer=f"Adam(lr={rate})").kinds


@pytest.mark.parametrize(
    ("clip", "optimizer", "told"),
    [("norm", "SGD", False), ("", "SGD", True), ("norm", "Adam", True)],
)
def test_a_rate_is_not_the_length_of_steps_that_a_clip_shortens(run, clip, optimizer, told):
    """As of language models by plain descent: a rate of 20 and a clip of a quarter."""

    def change(record):
        start = record["loss_constant"][0]
        record["loss"] = np.linspace(start, 0.6 * start, len(record["loss"]))
        record[SIZES][...] = 5e-2
        record["clip"] = np.array(clip)

    found = run(change, lr=20.0, optimizer=f"{optimizer}(lr=20.0)")
    assert (run.of(found, "learning rate too large") is not None) == told


@pytest.mark.parametrize(("wobble", "told"), [(0.03, True), (0.01, False)])
def test_a_loss_that_jumps_about_zero_says_of_no_run_that_it_has_learned(run, wobble, told):
    """As of a policy's gradient: it stands far below where it began, and means nothing."""

    def change(record):
        record["loss_constant"][...] = record["loss_free"][...] = np.nan
        record["loss"][...] = -0.02 + wobble * (-1.0) ** np.arange(len(record["loss"]))
        record["loss"][0] = -0.01
        record[SIZES][...] = 1e-3
        record[SIZES][0] = 2.0
        run.dead(record, 1)

    kinds = run(change, lr=0.3, optimizer="Adam(lr=0.3)").kinds
    assert ("learning rate too large" in kinds) == told


@pytest.mark.parametrize(("layer", "told"), [(True, True), (False, False)])
def test_units_that_die_in_the_first_steps_are_no_layer_that_does(run, layer, told):
    def change(record):
        run.stuck(record)
        record[SIZES][:10], record[SIZES][10:] = 1.1e-2, 2e-4
        record["output_dead"][5:, 1] = 1.0 if layer else 0.6
        if layer:
            record["output_zeros"][5:, 1] = 1.0

    found = run(change, lr=0.11, widths=(40, 40, 3))
    assert run.of(found, "dead units" if not layer else "dead layer")
    assert (run.of(found, "learning rate too large") is not None) == told


@pytest.mark.parametrize(("steps", "told"), [(50, True), (49, False)])
def test_and_that_takes_fifty_steps_to_say(run, steps, told):
    def change(record):
        record["loss"][...] = 0.2
        record["loss"][steps // 2 :] = 0.9  # risen again
        record[SIZES][...] = 0.02

    kinds = run(change, steps=steps).kinds
    assert ("learning rate too large" in kinds) == told


@pytest.mark.parametrize(
    ("rate", "rise", "told"), [(0.102, 0.7, True), (0.098, 0.7, False), (0.102, 0.45, False)]
)
def test_a_first_step_that_is_too_far_along_its_own_direction(run, rate, rise, told):
    """Down with slope 4, up with curvature 80: 0.05 leads down best, beyond 0.1 the loss rises."""

    def change(record):
        run.stuck(record)
        run.dead(record, 30)
        record["lr"][...] = rate
        record["param_gradient_norm"][0] = 0.0
        record["param_gradient_norm"][0, 0] = 2.0
        record["param_update_norm"][0] = 0.0
        record["param_update_norm"][0, 0] = rate * 2.0
        moved = -4 * rate + 80 * rate**2 / 2
        record["loss"][1] = record["loss"][0] + moved
        record["loss"][2] = record["loss"][0] + rise * record["loss_constant"][0]

    found = run.of(run(change), "learning rate too large")
    assert (found is not None) == told
    if told:
        assert "one of 0.05 would have led down best, and one of 0.1 not at all" in found.sentence
        assert found.numbers["best"] == pytest.approx(0.05)
        lines = [f"model, optimizer = nn.remake(model), nn.{o}(lr=0.01)" for o in ("Adam", "SGD")]
        assert [one.line for one in found.advice] == lines


@pytest.mark.parametrize(("share", "told"), [(1.1e-6, True), (0.9e-6, False)])
def test_a_loss_that_rises_beyond_all_measure_names_no_step(run, share, told):
    """No parabola rises so: what it would say of the best step is a number without a meaning."""
    rate, square = 0.1, 4.0

    def change(record):
        run.stuck(record)
        run.dead(record, 30)
        record["lr"][...] = rate
        record["param_gradient_norm"][0] = record["param_update_norm"][0] = 0.0
        record["param_gradient_norm"][0, 0] = np.sqrt(square)
        record["param_update_norm"][0, 0] = rate * np.sqrt(square)
        record["loss"][1:] = 0.5 * rate * square / share

    found = run.of(run(change), "learning rate too large")
    assert ("would have led down best" in found.sentence) == told
    assert ("best" in found.numbers) == told


def test_a_loss_that_ran_away(run):
    def change(record):
        record["loss"][...] = 1.1 * 1.2 ** np.arange(100)

    found = run(change)
    assert found.kinds[:2] == ("learning rate too large", "diverged")
    assert found[0].severity == "fatal"


@pytest.mark.parametrize(("rise", "told"), [(1.55, True), (1.45, False)])
def test_a_first_batch_without_rare_answers_is_no_rate_that_is_too_large(run, rise, told):
    """What there is to learn is 0.06, and one batch differs from another by more."""

    def change(record):
        run.stuck(record, 1.0)
        run.dead(record, 30)
        record["loss_constant"][...] = 0.06
        record["param_gradient_norm"][0] = 0.0
        record["param_gradient_norm"][0, 0] = 2.0
        record["param_update_norm"][0] = 0.0
        record["param_update_norm"][0, 0] = 0.2
        record["loss"][:3] = 1.0, 1.05, rise  # the best step is 0.044

    assert ("learning rate too large" in run(change).kinds) == told


@pytest.mark.parametrize(("noise", "told"), [(0.25, True), (0.35, False)])
def test_a_first_rise_counts_beyond_how_batches_differ(run, noise, told):
    def change(record):
        record["loss"] = 1.1 + noise * (-1.0) ** np.arange(100) / 2
        record["loss"][:3] = 1.1, 1.1 - 4 * 0.102 + 80 * 0.102**2 / 2, 1.1 + 0.7
        record["lr"][...] = 0.102
        for name, size in (("param_gradient_norm", 2.0), ("param_update_norm", 0.204)):
            record[name][0] = 0.0
            record[name][0, 0] = size

    assert ("learning rate too large" in run(change).kinds) == told
