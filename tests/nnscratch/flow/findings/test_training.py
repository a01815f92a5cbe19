"""Steps that are too long or too short, and too few of them."""

import re

import numpy as np
import pytest

SIZES = "update_ratio"


def dead_later(record, step=30):
    record["output_zeros"][step:, 1] = 1.0
    record["output_dead"][step:, 1] = 1.0


@pytest.mark.parametrize(("size", "told"), [(0.31, True), (0.29, False)])
def test_one_violent_step(run, size, told):
    def change(record):
        dead_later(run.stuck(record))
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
        dead_later(run.stuck(record), 0)
        record[SIZES][20] = 0.5

    found = run(change, widths=(40, 40, 3))
    assert run.of(found, "dead layer").because == ""
    assert "dead layer" not in run.of(found, "learning rate too large").explains


def test_a_violent_step_of_a_run_that_learns_is_none(run):
    assert run(lambda r: r[SIZES].__setitem__(0, 0.9)).kinds == ()


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
        dead_later(record)
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
        assert found.advice[0].line == "model, optimizer = nn.remake(model), nn.SGD(lr=0.01)"


@pytest.mark.parametrize(("share", "told"), [(1.1e-6, True), (0.9e-6, False)])
def test_a_loss_that_rises_beyond_all_measure_names_no_step(run, share, told):
    """No parabola rises so: what it would say of the best step is a number without a meaning."""
    rate, square = 0.1, 4.0

    def change(record):
        run.stuck(record)
        dead_later(record)
        record["lr"][...] = rate
        record["param_gradient_norm"][0] = record["param_update_norm"][0] = 0.0
        record["param_gradient_norm"][0, 0] = np.sqrt(square)
        record["param_update_norm"][0, 0] = rate * np.sqrt(square)
        record["loss"][1:] = 0.5 * rate * square / share

    found = run.of(run(change), "learning rate too large")
    assert ("would have led down best" in found.sentence) == told
    assert ("best" in found.numbers) == told


@pytest.mark.parametrize(
    ("rate", "size", "share", "falls", "told"),
    [
        (0.101, 0.31, 0.5, 0.0, True),
        (0.099, 0.31, 0.5, 0.0, False),  # five times the largest usual rate, 0.02
        (0.101, 0.29, 0.5, 0.0, False),
        (0.101, 0.31, 0.76, 0.0, False),  # it has learned
        (0.101, 0.31, 0.5, 0.2, False),  # it goes on
    ],
)
def test_a_run_that_was_thrown_by_a_wild_rate_and_stands_halfway(
    run, rate, size, share, falls, told
):
    def change(record):
        level = (1 - share) * record["loss_constant"][0]
        record["loss"] = level * (1 + 0.002 * (-1.0) ** np.arange(100))
        record["loss"][:50] *= 1 + falls
        record["loss"][50:75] *= 1 + falls / 2
        record[SIZES][:5] = size

    options = {"optimizer": f"Adam(lr={rate})", "lr": rate}
    found = run.of(run(change, **options), "learning rate too large")
    assert (found is not None) == told
    if told:
        assert found.severity == "serious"
        assert "with Adam it is usually 0.02 at most" in found.sentence


def test_a_loss_that_ran_away(run):
    def change(record):
        record["loss"][...] = 1.1 * 1.2 ** np.arange(100)

    found = run(change)
    assert found.kinds[:2] == ("learning rate too large", "diverged")
    assert found[0].severity == "fatal"


@pytest.mark.parametrize(
    ("optimizer", "rate", "beyond", "first"),
    [
        ("SGD(lr=0.51)", 0.51, True, False),
        ("SGD(lr=0.49)", 0.49, False, False),
        ("SGD(lr=0.06, momentum=0.9)", 0.06, True, False),
        ("SGD(lr=0.04, momentum=0.9)", 0.04, False, False),
        ("Adam(lr=0.021)", 0.021, True, False),
        ("Adam(lr=0.019)", 0.019, False, False),
        ("Adagrad(lr=0.11)", 0.11, True, False),
        ("Adadelta(lr=1.5)", 1.5, False, False),
        (
            "SGD(lr=0.05, momentum=0.9)",
            0.05,
            False,
            False,
        ),  # in floats 0.5 (1 - 0.9) is a little less
        ("SGD(lr=0.0501, momentum=0.9)", 0.0501, True, False),
        ("", 30.0, False, False),
        ("SGD(lr=2.49)", 2.49, True, False),
        ("SGD(lr=2.51)", 2.51, True, True),
        ("Adam(lr=0.099)", 0.099, True, False),
        ("Adam(lr=0.101)", 0.101, True, True),
    ],
)
def test_a_rate_clearly_beyond_the_usual_comes_first(run, optimizer, rate, beyond, first):
    def change(record):
        record["update_ratio"][:, [0, 2, 4]] = 0.011
        record["loss"][...] = 1.1 * 1.2 ** np.arange(100)
        record["input_std"][...] = 50.0

    found = run(change, optimizer=optimizer, lr=rate)
    assert found[0].kind == ("learning rate too large" if first else "input scale")
    assert ("it is usually" in run.of(found, "learning rate too large").sentence) == beyond


@pytest.mark.parametrize(("size", "told"), [(2.9e-4, True), (3.1e-4, False)])
def test_short_steps_while_nothing_is_learned(run, size, told):
    def change(record):
        run.stuck(record)[SIZES][...] = size

    found = run(change)
    rate = run.of(found, "learning rate too small")
    assert (rate is not None) == told
    if told:
        assert found[0] == rate
        assert "the updates are 2.9e-4 of the weights' norm" in rate.sentence
        assert rate.advice[0].line == "optimizer = nn.SGD(lr=0.5)"
        assert run.of(found, "does not learn").because == "learning rate too small"


def smooth(**options):
    return {"kinds": "dense sigmoid dense", "widths": (20, 3), "scale": 1.0, **options}


@pytest.mark.parametrize(
    ("options", "level", "told"),
    [
        ({}, 1.0, True),
        ({"kinds": "dense tanh dense"}, 1.0, True),
        ({"kinds": "dense relu dense"}, 1.0, False),
        ({"lr": 0.49}, 1.0, True),
        ({"lr": 0.99}, 1.0, True),
        ({"lr": 1.01}, 1.0, False),
        ({"optimizer": "Adam(lr=0.1)"}, 1.0, False),
        ({}, 0.96, True),
        ({}, 0.94, False),
    ],
)
def test_a_plateau_where_all_answers_are_the_same(run, options, level, told):
    def change(record):
        run.stuck(record, level * record["loss_constant"][0])

    found = run.of(run(change, **smooth(**options)), "learning rate too small")
    assert (found is not None) == told
    if told:
        assert "stands on a plateau" in found.sentence
        longer = 2.0 if options.get("lr") == 0.99 else 0.5
        assert found.advice[0].line == f"optimizer = nn.SGD(lr={longer:g})"


def test_a_layer_that_is_slow_on_a_plateau_is_no_other_fault(run):
    def change(record):
        run.stuck(record)["update_ratio"][:, 2] = 2e-5

    options = smooth(kinds="dense sigmoid dense sigmoid dense", widths=(20, 20, 3))
    found = run(change, **options)
    assert {"slow layer", "learning rate too small"} <= set(found.kinds)


def test_what_else_is_wrong_is_no_plateau(run):
    def saturates(record):
        run.stuck(record)["saturated_low"][:, 1] = 0.9

    assert "learning rate too small" not in run(saturates, **smooth()).kinds


@pytest.mark.parametrize(
    ("options", "share", "linear", "told"),
    [
        ({}, 0.1, 0.41, True),
        ({}, 0.1, 0.39, False),
        ({}, 0.19, 0.9, True),
        ({}, 0.21, 0.9, False),
        ({"lr": 0.099}, 0.1, 0.5, True),
        ({"lr": 0.1}, 0.1, 0.5, False),
        ({"optimizer": "Adam(lr=0.01)"}, 0.1, 0.5, False),
        ({"steps": 49}, 0.1, 0.5, False),
        ({"kinds": "dense tanh dense"}, 0.1, 0.5, True),
        ({"kinds": "dense relu dense"}, 0.1, 0.5, True),
    ],
)
def test_a_run_that_stands_far_behind_what_a_line_tells(run, options, share, linear, told):
    """Batches of one, say, whose loss jumps about more than it falls."""

    def change(record):
        run.stuck(record, (1 - share) * record["loss_constant"][0])
        record["guess_linear"][...] = linear

    found = run.of(run(change, **smooth(**{"lr": 0.01, **options})), "learning rate too small")
    assert (found is not None) == told
    if told:
        rates = re.findall(r"lr=([0-9.]+)", found.advice[0].line)
        assert [float(rate) for rate in rates] == [0.5 if "lr" in options else 0.1]
        assert found.severity == "serious"
        assert f"{100 * share:.0f} % of what there is to learn is learned" in found.sentence
        assert f"of which a linear fit tells {100 * linear:.0f} %" in found.sentence


@pytest.mark.parametrize(
    ("rate", "rows", "told"), [(0.0099, 19, True), (0.0101, 19, False), (0.0099, 20, False)]
)
def test_of_few_rows_no_line_tells_that_a_tenth_of_a_usual_rate_is_small(run, rate, rows, told):
    def change(record):
        run.stuck(record, 0.9 * record["loss_constant"][0])
        run.fill(guess_linear=np.nan, guess_neighbours=np.nan, target_count=rows)(record)

    found = run.of(run(change, **smooth(lr=rate)), "learning rate too small")
    assert (found is not None) == told
    if told:
        assert "10 % of what there is to learn is learned and the loss hardly" in found.sentence


@pytest.mark.parametrize(
    ("kinds", "rate", "told"),
    [
        ("dense tanh dense", 0.6, False),
        ("dense dense", 0.6, False),
        ("dense tanh dense", 1.01, True),
        ("dense relu dense", 0.11, True),  # what is off may stay so
    ],
)
def test_on_a_plateau_long_steps_wander_and_throw_nothing(run, kinds, rate, told):
    def change(record):
        run.stuck(record)[SIZES][...] = 0.02

    options = smooth(kinds=kinds, lr=rate, optimizer=f"SGD(lr={rate})")
    assert ("learning rate too large" in run(change, **options).kinds) == told


def test_a_run_behind_a_line_that_still_falls_has_few_steps(run):
    def change(record):
        slope(record, 0.03)
        record["guess_linear"][...] = 0.9

    assert run(change, **smooth(lr=0.01)).kinds == ("too few steps",)


def early(losses, size=0.02):
    """A short run: its losses, over a constant answer's, and the size of its updates."""

    def change(record):
        at = np.linspace(0, 1, len(record["steps"]))
        record["loss"][...] = record["loss_constant"][0] * np.interp(at, [0, 0.5, 1], losses)
        record[SIZES][...] = size

    return change


UNUSUAL, USUAL = (
    {"lr": 0.51, "optimizer": "SGD(lr=0.51)"},
    {"lr": 0.49, "optimizer": "SGD(lr=0.49)"},
)


@pytest.mark.parametrize(
    ("losses", "size", "options", "severity"),
    [
        ((1.0, 1.0, 1.0), 1.1e-2, UNUSUAL, "notice"),
        ((1.0, 1.0, 1.0), 0.9e-2, UNUSUAL, ""),
        ((1.0, 1.0, 1.0), 1.1e-2, USUAL, ""),
        ((1.0, 0.9, 0.8), 1.1e-2, UNUSUAL, ""),  # it falls
        ((1.06, 1.06, 1.06), 1.1e-2, UNUSUAL, "serious"),
        ((1.04, 1.04, 1.04), 1.1e-2, UNUSUAL, "notice"),
        ((1.0, 1.0, 1.24), 0.31, USUAL, "serious"),
        ((1.0, 1.0, 1.24), 0.29, USUAL, ""),
        ((1.0, 1.0, 1.04), 0.31, USUAL, ""),  # it does not rise so far
        ((0.5, 0.6, 0.7), 0.31, USUAL, ""),  # it is better than a constant answer
    ],
)
def test_long_steps_of_a_short_run(run, losses, size, options, severity):
    found = run.of(run(early(losses, size), steps=20, **options), "learning rate too large")
    assert (found.severity if found else "") == severity


@pytest.mark.parametrize(("steps", "told"), [(2, False), (3, True)])
def test_and_of_one_or_two_steps_no_word(run, steps, told):
    found = run(early((1.0, 1.0, 1.0), 0.5), steps=steps, **UNUSUAL)
    assert ("learning rate too large" in found.kinds) == told


def slope(record, quarters):
    """The loss falls by this share of what a constant gives in each quarter of the run."""
    record["loss"][...] = record["loss_constant"][0] * np.linspace(1.0, 1 - 4 * quarters, 100)


@pytest.mark.parametrize(
    ("fall", "size", "kind"),
    [
        (0.011, 0.9e-3, "learning rate too small"),  # 0.48 / 0.011 / 4: eleven times the steps
        (0.0135, 0.9e-3, "too few steps"),
        (0.011, 1.1e-3, "too few steps"),
        (0.15, 0.9e-3, "too few steps"),
    ],
)
def test_a_loss_that_falls_slowly(run, fall, size, kind):
    def change(record):
        slope(record, fall)
        record[SIZES][...] = size

    found = run(change)
    assert found.kinds[0] == kind
    assert found[0].severity == ("serious" if kind.startswith("learning") else "notice")


@pytest.mark.parametrize(
    ("share", "fall", "told"),
    [(0.8, 0.025, True), (0.9, 0.025, False), (0.9, 0.048, False), (0.9, 0.052, True)],
)
def test_more_steps_are_asked_for_until_85_percent_are_learned(run, share, fall, told):
    """Or while a twentieth is learned over a quarter of the steps."""

    def change(record):
        steps = np.repeat([1.0, 1 - share + fall, 1 - share + fall, 1 - share], 25)
        record["loss"][...] = record["loss_constant"][0] * steps

    found = run.of(run(change), "too few steps")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"
        steps = int(re.search(r"max_steps=(\d+)", found.advice[0].line)[1])
        assert steps == round(found.numbers["steps_left"])
        assert f"takes about {steps} more" in found.sentence


@pytest.mark.parametrize(
    "cause",
    [
        lambda r: r["param_copies"].__setitem__((slice(None), 0), 1.0),
        lambda r: r["target_values"].__setitem__(slice(None), 1.0),
    ],
)
def test_short_steps_are_not_told_where_something_else_makes_them_short(run, cause):
    def change(record):
        cause(run.stuck(record))
        record[SIZES][...] = 1e-5

    assert "learning rate too small" not in run(change).kinds


def fades(run, to=0.009, part=0.5, share=0.1, size=1e-9):
    def change(record):
        steps = len(record["steps"])
        run.stuck(record, (1 - share) * record["loss_constant"][0])
        late = steps - round(part * steps)
        record["lr"][late:] = to * record["lr"][0]
        record[SIZES][late:] = size

    return change


@pytest.mark.parametrize(
    ("to", "part", "told"),
    [(0.009, 0.5, True), (0.011, 0.5, False), (0.009, 0.49, False), (0.0, 0.7, True)],
)
def test_a_schedule_that_has_ended_too_soon(run, to, part, told):
    schedule = "SGD(lr=StepDecay(initial=0.1, factor=0.5, every=10))"
    found = run.of(run(fades(run, to, part), optimizer=schedule), "learning rate too small")
    seen = found is not None and found.sentence.startswith("Its schedule has made")
    assert seen == told
    if told:
        assert found.severity == "serious"
        assert found.step == 100 - round(100 * part)
        assert "it was 0.1, has been below 1 % of that since step" in found.sentence
        assert "while 10 % of the way down is made" in found.sentence
        assert found.advice[0].line == "optimizer.lr = 0.1"


def test_in_torch_a_schedule_is_no_part_of_the_optimizer(run):
    def change(record):
        fades(run, 0.009, 0.5)(record)
        record["framework"] = "torch"

    found = run.of(run(change, optimizer="SGD(lr=0.1)"), "learning rate too small")
    assert "call scheduler.step() once an epoch" in found.advice[0].what
    assert found.advice[0].line == ""


@pytest.mark.parametrize(("share", "severity"), [(0.19, "serious"), (0.21, "notice"), (0.8, "")])
def test_how_serious_that_is_says_what_was_learned(run, share, severity):
    found = run.of(run(fades(run, share=share)), "learning rate too small")
    assert (found.severity if found else "") == severity


@pytest.mark.parametrize(("times", "told"), [(20.5, True), (19.5, False)])
def test_a_rate_far_beyond_the_usual_is_to_blame_for_what_broke(run, times, told):
    """Momentum of 0.999 makes a rate a thousand times as large."""

    def change(record):
        dead_later(run.stuck(record, 0.7), 0)

    rate = times * 0.5 * (1 - 0.999)
    optimizer = f"SGD(lr={rate}, momentum=0.999)"
    found = run.of(run(change, lr=rate, optimizer=optimizer), "learning rate too large")
    assert (found is not None) == told
    if told:
        assert "with SGD and momentum 0.999 it is usually 5.0e-4 at most" in found.sentence
    whole = run(lambda r: run.stuck(r, 0.7), lr=rate, optimizer=optimizer)
    assert "learning rate too large" not in whole.kinds  # nothing is broken


@pytest.mark.parametrize(("rise", "told"), [(1.55, True), (1.45, False)])
def test_a_first_batch_without_rare_answers_is_no_rate_that_is_too_large(run, rise, told):
    """What there is to learn is 0.06, and one batch differs from another by more."""

    def change(record):
        run.stuck(record, 1.0)
        dead_later(record)
        record["loss_constant"][...] = 0.06
        record["param_gradient_norm"][0] = 0.0
        record["param_gradient_norm"][0, 0] = 2.0
        record["param_update_norm"][0] = 0.0
        record["param_update_norm"][0, 0] = 0.2
        record["loss"][:3] = 1.0, 1.05, rise  # the best step is 0.044

    assert ("learning rate too large" in run(change).kinds) == told


@pytest.mark.parametrize(
    ("rate", "size", "level", "told"),
    [
        (2.51, 0.011, 0.7, True),
        (2.49, 0.011, 0.7, False),
        (2.51, 0.009, 0.7, False),
        (2.51, 0.011, 0.2, False),  # it has learned
    ],
)
def test_a_rate_far_beyond_the_usual_holds_up_what_stands(run, rate, size, level, told):
    """A third of what there is to learn is learned, and then the steps are too long for more."""

    def change(record):
        run.stuck(record, level)[SIZES][...] = size

    found = run(change, lr=rate, optimizer=f"SGD(lr={rate})")
    assert ("learning rate too large" in found.kinds) == told


@pytest.mark.parametrize(
    ("rate", "died", "told"), [(1.01, 30, True), (0.99, 30, False), (1.01, 0, False)]
)
def test_a_rate_beyond_the_usual_is_to_blame_for_units_that_die_later(run, rate, died, told):
    def change(record):
        dead_later(run.stuck(record, 0.7), died)

    found = run(change, lr=rate, optimizer=f"SGD(lr={rate})")
    assert ("learning rate too large" in found.kinds) == told


@pytest.mark.parametrize(("size", "first"), [(0.011, True), (0.009, False)])
def test_a_rate_is_first_by_steps_that_are_long_indeed(run, size, first):
    """Of squares of sigmoids the gradient is small: a rate of three may be the right one."""

    def change(record):
        dead_later(run.stuck(record))
        record[SIZES][...] = size

    found = run.of(run(change, lr=3.0, optimizer="SGD(lr=3.0)"), "learning rate too large")
    assert found.first == first


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
