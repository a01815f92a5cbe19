"""Steps that are too short, on a plateau or by a schedule, and too few of them."""

import re

import numpy as np
import pytest

SIZES = "update_ratio"


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
        lines = ["optimizer = nn.Adam(lr=0.01)", "optimizer = nn.SGD(lr=0.5)"]
        assert [one.line for one in rate.advice] == lines
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
        ({"lr": 0.19, "optimizer": "SGD(lr=0.19, momentum=0.8)"}, 1.0, True),
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
        longer = {0.99: "lr=2", 0.19: "lr=0.2, momentum=0.8"}.get(options.get("lr"), "lr=0.5")
        assert found.advice[0].line == "optimizer = nn.Adam(lr=0.01)"
        assert found.advice[1].line == f"optimizer = nn.SGD({longer})"


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
        rates = re.findall(r"lr=([0-9.]+)", found.advice[1].line)
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
        half = round(found.numbers["steps_left"])
        assert steps == pytest.approx(max(50, 8 * half), rel=0.05)
        assert f"takes about {half} more" in found.sentence


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
