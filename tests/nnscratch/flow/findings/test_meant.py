"""Names that are taken for measures, classes for numbers, and forecasts of the last value."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.findings import cures

from .test_flaws import RARE, at

ONE = {"targets": "numbers", "widths": (20, 20, 1)}


def both(*changes):
    return lambda record: [change(record) for change in changes]


def pasted(line, **given):
    made = {"np": np, "nn": nn} | given
    exec(line, made)
    return made


@pytest.mark.parametrize(
    ("share", "known", "told"),
    [
        (0.0, {"codes_told": 0.5, "codes_one": 1}, "serious"),
        (0.3, {"codes_told": 0.5, "codes_one": 1}, "notice"),
        (0.76, {"codes_told": 0.95, "codes_one": 1}, None),
        (0.76, {"codes_told": 0.97, "codes_one": 1}, "notice"),
        # as good as a line, which does not know that they are names
        (0.3, {"codes_told": 0.49, "codes_one": 1, "guess_linear": 0.33}, None),
        (0.3, {"codes_told": 0.51, "codes_one": 1, "guess_linear": 0.33}, "notice"),
        (0.0, {"codes_one": 1}, None),
        (0.0, {}, None),
    ],
)
def test_a_column_of_names(run, share, known, told):
    found = run(at(share, **{"guess_linear": 0.0, "guess_neighbours": 0.0} | known), **ONE)
    one = run.of(found, "category codes")
    assert (one and one.severity) == told
    if told:
        assert found[0] is one
        assert "Input 1 numbers things in no order" in one.sentence
        assert share or run.of(found, "labels").because == "category codes"


def test_the_line_for_names_gives_each_its_column(run):
    found = run(at(0.0, codes_told=0.5, codes_one=2, codes_other=0), **ONE)
    one = run.of(found, "category codes")
    assert "Inputs 2 and 0 number things" in one.sentence
    x = np.array([[7, 0.5, 1], [9, 0.1, 1], [7, 0.2, 4]], np.float32)
    model = nn.Sequential(nn.Dense(3, 4), nn.ReLU(), nn.Dense(4, 1))
    made = pasted(one.advice[0].line, x=x, model=model)
    wanted = [[0.5, 1, 0, 1, 0], [0.1, 1, 0, 0, 1], [0.2, 0, 1, 1, 0]]
    assert np.array_equal(made["x"], np.array(wanted, np.float32))
    assert made["model"].predict(made["x"]).shape == (3, 1)
    torch = run(at(0.0, codes_told=0.5, codes_one=2, framework="torch"), **ONE)
    assert run.of(torch, "category codes").advice[0].line == ""


@pytest.mark.parametrize(
    ("share", "told", "order", "said"),
    [
        (0.3, 0.51, 0.34, "notice"),
        (0.0, 0.51, 0.34, "serious"),
        (0.3, 0.49, 0.34, None),
        (0.3, 0.51, 0.36, None),  # what is near has a near number
        (0.76, 0.51, 0.34, None),
    ],
)
def test_numbers_of_classes(run, share, told, order, said):
    found = run(at(share, kinds_told=told, kinds_order=order, kinds_count=6), **ONE)
    one = run.of(found, "loss")
    assert (one and one.severity) == said
    if said:
        assert "6 whole numbers in no order" in one.sentence
        y = np.array([[3.0], [8], [3], [5], [9], [11], [12]], np.float32)
        model = nn.Sequential(nn.Dense(3, 4), nn.ReLU(), nn.Dense(4, 1))
        made = pasted(one.advice[0].line, y=y, model=model)
        assert made["y"].tolist() == [0, 2, 0, 1, 3, 4, 5]
        assert made["loss"](made["model"].predict(np.ones((7, 3), np.float32)), made["y"])[0] > 0


@pytest.mark.parametrize(
    ("share", "naive", "told"),
    [
        (0.9, 0.09, True),  # of a constant answer's 1
        (0.9, 0.11, False),
        (0.45, 0.49, True),
        (0.45, 0.51, False),  # that says little
        (0.0, 0.1, False),  # nothing is learned: other things are to be told
    ],
)
@pytest.mark.parametrize("kinds", ["dense relu dense relu dense", "lstm laststep dense"])
def test_a_forecast_no_better_than_the_last_value(run, share, naive, told, kinds):
    change = at(share, loss_naive=naive, naive_column=4)
    recurrent = kinds.startswith("lstm")
    widths = (20, 1) if recurrent else (20, 20, 1)
    one = run.of(run(change, targets="numbers", kinds=kinds, widths=widths), "naive forecast")
    assert (one is not None) == told
    if told:
        assert one.severity == "notice"
        assert "To hand input 4 on as the answer costs" in one.sentence
        v = np.cumsum(np.random.default_rng(0).standard_normal(200))
        w = np.lib.stride_tricks.sliding_window_view(v, 6).astype(np.float32)
        x, y = w[:, :5], w[:, 5:]
        x, parts = (x[:, :, None], (nn.LSTM(1, 3), nn.LastStep())) if recurrent else (x, ())
        model = nn.Sequential(*parts, nn.Dense(3 if recurrent else 5, 1))
        made = pasted(one.advice[0].line, x=x, y=y, model=model)
        assert made["y"].std() == pytest.approx(1, abs=1e-3)
        assert np.corrcoef(made["y"][:, 0], w[:, 5] - w[:, 4])[0, 1] > 0.99
        assert made["x"].shape[1] == (4 if recurrent else 5)
        assert made["model"].predict(made["x"]).shape == made["y"].shape
    torch = both(change, at(framework="torch"))
    found = run(torch, targets="numbers", kinds=kinds, widths=widths)
    assert all(not one.advice[0].line for one in found if one.kind == "naive forecast")


@pytest.mark.parametrize(
    ("few", "low", "told"),
    [(4, -0.5, True), (3, -0.5, False), (4, -3.9, True), (4, -4.1, False)],
)
def test_a_long_tail_is_learned_by_its_logarithms(run, few, low, told):
    """Of 400: a hundredth of them or more, five times as far above the mean as below."""
    known = {"far": few, "far_share": 0.9, "min": low, "max": 20.0}
    change = at(0.5, **{f"target_{name}": value for name, value in known.items()})
    one = run.of(run(change, **ONE), "outliers")
    assert (one.advice[0].line.startswith("y = y - y.min")) == told
    assert "nn.Huber" in " ".join(advice.line for advice in one.advice)
    if told:
        z = np.random.default_rng(0).standard_normal((300, 1))
        made = pasted(one.advice[0].line.partition("; model")[0], y=np.exp(2 * z))
        assert np.corrcoef(made["y"][:, 0], z[:, 0])[0, 1] > 0.97
        with_zeros = pasted(cures.LOGARITHMS.line, y=np.maximum(np.exp(2 * z) - 1, 0))
        assert np.isfinite(with_zeros["y"]).all()


@pytest.mark.parametrize(
    ("last", "low", "line"),
    [
        ("exponential", 0.0, "y = y / (y.mean"),
        ("softplus", 0.0, "y = y / (y.mean"),
        ("softplus", -1.0, "y = (y - y.mean"),
        ("sigmoid", 0.0, "y = (y - y.min"),
    ],
)
def test_large_targets_come_to_where_the_output_can_give_them(run, last, low, line):
    known = {"target_mean": 120.0, "target_std": 90.0, "target_min": low, "target_max": 900.0}

    def change(record):
        at(loss_constant=8100.0, **known)(record)
        run.stuck(record)

    kinds = f"dense relu dense relu dense {last}"
    found = run.of(run(change, kinds=kinds, **ONE), "target scale")
    assert found.advice[0].line.startswith(line)


@pytest.mark.parametrize(
    ("last", "loss", "share", "told"),
    [
        ("tanh", "custom", 0.3, "notice"),
        ("tanh", "custom", 0.0, "serious"),
        ("tanh", "MeanSquaredError", 0.3, None),  # 0 and 1 are within reach
        ("tanh", "custom", 0.76, None),
        ("sigmoid", "custom", 0.3, None),
    ],
)
@pytest.mark.parametrize("classes", [1, 2])
def test_tanh_for_yes_and_no(run, last, loss, share, told, classes):
    change = at(share, target_classes=classes, loss_kind=loss)
    kinds = f"dense relu dense relu dense {last}"
    found = run(change, kinds=kinds, widths=(20, 20, 2))
    ones = [one for one in found if "no probability" in one.sentence]
    assert [one.severity for one in ones] == ([told] if told else [])
    if told:
        assert ("nn.SoftmaxCrossEntropy()" in ones[0].advice[0].line) == (classes == 2)


@pytest.mark.parametrize(("reads", "told"), [("laststep", True), ("meanovertime", False)])
def test_a_mean_over_all_steps_hands_each_its_own_gradient(run, reads, told):
    def change(record):
        at(0.0)(record)
        record["time_rate"][...] = 0.6
        record["gate_mean"][...] = 0.5

    found = run(change, kinds=f"gru {reads} dense", widths=(20, 3), steps=250)
    assert ("vanishing through time" in found.kinds) == told
    assert ("forget bias" in found.kinds) == told


@pytest.mark.parametrize(
    ("common", "pace", "told"),
    [(0.91, 0.0, True), (0.89, 0.0, False), (0.91, 0.3, False), (0.91, 0.1, True)],
)
def test_a_rare_class_of_a_run_that_hardly_goes_on(run, common, pace, told):
    """By the pace of the last quarter half of what is missing takes half of the steps, or more."""

    def change(record):
        known = {"target_classes": 1, "target_common": common, "common_weight": 1}
        at(0.5, loss_kind="SigmoidCrossEntropy", **known)(record)
        record["loss"] += pace * np.linspace(4, 0, len(record["steps"]))

    one = run.of(run(change, steps=400, **ONE), "class weights")
    assert (one is not None) == told
    if told:
        assert one.severity == "notice"
        line = f"class_weights={{0: 1, 1: {round(common / (1 - common))}}}"
        assert line in one.advice[0].line


@pytest.mark.parametrize("hot", [True, False])
def test_several_classes_count_alike_by_a_line_that_runs(run, hot):
    known = {"target_common": 0.95, "common_weight": 1, "loss_kind": "SoftmaxCrossEntropy"}
    one = run.of(run(at(0.0, **known)), "class weights")
    assert one.advice[0].what == "let all 3 classes count as much as the common one"
    y = np.r_[np.zeros(90, int), np.ones(10, int)]
    made = pasted(one.advice[0].line, y=np.eye(3)[y] if hot else y)
    assert made["loss"].class_weights == pytest.approx((100 / 270, 100 / 30, 100 / 3))
    assert made["loss"](np.zeros((100, 3), np.float32), y)[0] > 0


@pytest.mark.parametrize(
    ("outputs", "falls", "common", "told"),
    [
        (12, 0.3, 0.98, "notice"),
        (12, 0.3, 0.96, None),  # that is how fast it can
        (12, 0.0, 0.96, "serious"),
        (1, 0.3, 0.96, "notice"),
    ],
)
def test_rare_labels_that_are_on_their_way_are_no_fault(run, outputs, falls, common, told):
    def change(record):
        at(**(RARE | {"target_common": common}))(record)
        start = float(record["loss_constant"][0])
        record["loss"] = start * (1 + falls * np.linspace(2, -0.2, 250))

    found = run(change, targets="numbers", widths=(20, 20, outputs), steps=250)
    one = run.of(found, "class weights")
    assert (one and one.severity) == told
