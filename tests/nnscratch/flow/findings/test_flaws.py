"""What is wrong with what is learned from: codes, rare classes, medians, tables."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.findings import cures


def at(share=None, **known):
    """A record that has come this share of the way, with these numbers known."""

    def change(record):
        if share is not None:
            start = float(record["loss_constant"][0])
            record["loss"] = np.full(len(record["steps"]), (1 - share) * start)
            record["loss"] *= 1 + 1e-3 * (-1.0) ** np.arange(len(record["steps"]))
        for name, value in known.items():
            if isinstance(value, str):
                record[name] = value
            else:
                record[name] = np.full(len(record["steps"]), float(value))

    return change


@pytest.mark.parametrize(
    ("share", "known", "told"),
    [
        (0.0, {"missing_share": 0.1, "missing_code": -999}, "serious"),
        (0.3, {"missing_share": 0.1, "missing_code": -999}, "notice"),
        (0.7, {"missing_share": 0.1, "missing_code": -999, "guess_linear": 0.5}, "notice"),
        (0.8, {"missing_share": 0.1, "missing_code": -999}, None),
        (0.0, {}, None),
    ],
)
def test_a_code_for_missing_values(run, share, known, told):
    found = run(at(share, input_std=300.0, **known))
    one = run.of(found, "missing value code")
    assert (one and one.severity) == told
    if told:
        assert found[0] is one
        assert "the number -999 in some column" in one.sentence
        assert one.advice[0].line.startswith("x = np.ma.masked_values(x, -999); ")
        assert run.of(found, "input scale").because == "missing value code"


def test_the_line_for_a_code_leaves_it_out_of_the_scale(run):
    found = run(at(0.0, missing_share=0.1, missing_code=-999))
    line = run.of(found, "missing value code").advice[0].line.partition("; model")[0]
    x = np.array([[1.0, 2], [3, -999], [-999, 4], [2, 6]])
    given = {"np": np, "x": x}
    exec(line, given)
    assert np.allclose(given["x"].mean(axis=0), 0)
    assert given["x"][2, 0] == given["x"][1, 1] == 0


def test_codes_of_several_numbers_are_what_is_far_from_the_middle(run):
    one = run.of(run(at(0.0, missing_share=0.1)), "missing value code")
    assert "have numbers in some column" in one.sentence
    line = one.advice[0].line.partition("; model")[0]
    x = np.random.default_rng(0).standard_normal((100, 3))
    x[:9, 0], x[5:9, 1], x[:, 2] = -40, 70, x[:, 2] > 1
    given = {"np": np, "x": x}
    exec(line, given)
    assert np.allclose(given["x"].mean(axis=0), 0)
    assert (given["x"][5:9, :2] == 0).all()
    assert len(np.unique(given["x"][:, 2])) == 2  # of a column that is mostly 0 nothing is left out


@pytest.mark.parametrize(("slope", "told"), [(-0.6, True), (-0.4, False), (1.0, False)])
def test_a_loss_whose_gradient_points_the_wrong_way(run, slope, told):
    one = run.of(run(at(0.0, loss_slope=slope)), "steps uphill")
    assert (one is not None) == told
    if told:
        given = {"loss": lambda output, y: (3.0, output), "nn": nn}
        exec(one.advice[0].line.partition("; model")[0], given)
        assert given["loss"](2.0, None) == (3.0, -2.0)


@pytest.mark.parametrize(
    ("kinds", "widths", "told"),
    [
        ("dense layernorm relu dense", (2, 3), True),
        ("dense batchnorm relu dense", (2, 3), False),
        ("dense layernorm relu dense", (3, 3), False),
    ],
)
def test_a_norm_over_two_units(run, kinds, widths, told):
    one = run.of(run(run.stuck, kinds=kinds, widths=widths), "norm over one unit")
    assert (one is not None) == told
    assert not told or "they come out as 1 and -1" in one.sentence


@pytest.mark.parametrize(("outputs", "mean", "told"), [(12, 0.02, False), (12, 0.3, True)])
def test_of_rare_labels_each_by_itself_nobody_can_tell_much(run, outputs, mean, told):
    known = YES | {"target_mean": mean, "target_std": np.sqrt(mean * (1 - mean))}
    change = at(0.0, guess_linear=-0.1, guess_neighbours=-0.1, **known)
    found = run(change, targets="numbers", widths=(20, 20, outputs))
    assert (run.of(found, "labels") is not None) == told


YES = {"target_classes": 1, "target_mean": 0.05, "loss_kind": "SigmoidCrossEntropy"}
RARE = YES | {"target_common": 0.95, "common_weight": 1}


@pytest.mark.parametrize(
    ("share", "known", "told"),
    [
        (0.0, {}, "serious"),
        (0.15, {}, "serious"),
        (0.25, {}, "notice"),  # it learns
        (0.76, {}, None),
        (0.0, {"target_common": 0.89}, None),
        (0.0, {"target_common": 0.91}, "serious"),
        (0.0, {"common_weight": 0.3}, "serious"),  # all of it still counts 5.7 times as much
        (0.0, {"common_weight": 0.2}, None),
        (0.0, {"loss_kind": "anything else"}, None),  # it is not known what counts how much
        (0.0, {"missing_share": 0.1}, None),  # that is enough to learn nothing
    ],
)
def test_a_rare_class(run, share, known, told):
    found = run(at(share, **(RARE | known)), targets="numbers", widths=(20, 20, 1))
    one = run.of(found, "class weights")
    assert (one and one.severity) == told
    if told:
        times = round(known.get("target_common", 0.95) / (1 - known.get("target_common", 0.95)))
        line = f"loss = nn.SigmoidCrossEntropy(class_weights={{0: 1, 1: {times}}})"
        assert one.advice[0].line == line
        if share == 0:
            assert found[0] is one
            assert run.of(found, "does not learn").because == "class weights"


@pytest.mark.parametrize(
    ("share", "known", "told"),
    [
        (0.5, {"common_weight": 2.1}, True),
        (0.5, {"common_weight": 1.9}, False),
        (0.5, {"common_weight": 9, "target_common": 0.5}, False),  # none is
        (0.5, {"common_weight": 0.012}, True),  # 4.6 % of what the loss sees
        (0.5, {"common_weight": 0.014}, False),
        (0.76, {"common_weight": 9}, False),
    ],
)
def test_weights_the_wrong_way_round_or_too_many_times_as_much(run, share, known, told):
    change = at(share, **(RARE | {"target_common": 0.8} | known))
    one = run.of(run(change, targets="numbers", widths=(20, 20, 1)), "class weights")
    assert (one is not None) == told
    if told:
        assert one.severity == "serious"
        assert f"the commonest answer {known['common_weight']} times as much" in one.sentence
        assert "wrong way round" in one.cause or known["common_weight"] < 1


@pytest.mark.parametrize(
    ("share", "kind", "common", "told"),
    [
        (0.0, "MeanAbsoluteError", 0.51, True),
        (0.0, "MeanAbsoluteError", 0.49, False),
        (0.25, "MeanAbsoluteError", 0.6, False),
        (0.0, "MeanSquaredError", 0.6, False),
    ],
)
def test_a_median_that_most_answers_are(run, share, kind, common, told):
    change = at(share, loss_kind=kind, target_common=common)
    one = run.of(run(change, targets="numbers", widths=(20, 20, 1)), "loss")
    assert (one is not None) == told
    if told:
        assert one.advice[0].line == "loss = nn.MeanSquaredError()"


@pytest.mark.parametrize(("paired", "told"), [(1e-6, True), (1e-3, False), (np.nan, False)])
def test_a_loss_that_sees_no_pairs(run, paired, told):
    found = run(at(0.0, loss_paired=paired), targets="numbers", widths=(20, 20, 1))
    assert (run.of(found, "broadcast loss") is not None) == told
    assert not told or found[0].kind == "broadcast loss"


@pytest.mark.parametrize(
    ("kinds", "ones", "kind"),
    [
        ("dense relu dense softmax", 1.01, "output activation"),
        ("dense relu dense softmax", 0.99, "labels"),
        ("dense relu dense softmax", 1.0, None),
        ("dense relu dense sigmoid", 3.0, None),
    ],
)
def test_a_softmax_for_answers_that_do_not_sum_to_one(run, kinds, ones, kind):
    known = {"target_classes": 1, "target_mean": ones / 4, "loss_kind": "custom"}
    found = run(at(0.0, **known), kinds=kinds, widths=(20, 4))
    told = [one.kind for one in found if "softmax shares out 1 among 4" in one.sentence]
    assert told == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("factor", "share", "told"), [(0.0, 0.5, True), (1.0, 0.5, False), (0.0, 0.8, False)]
)
def test_layers_that_are_frozen_on_purpose(run, factor, share, told):
    def change(record):
        at(share)(record)
        record["param_rate"] = np.ones((len(record["steps"]), len(record["params"])))
        record["param_rate"][:, :4] = factor
        if not factor:
            record["param_update_norm"][:, :4] = 0

    one = run.of(run(change, steps=250), "frozen parameters")
    assert (one is not None) == told
    if told:
        assert "2 of the 3 layers with weights are frozen, 0.dense and 2.dense" in one.sentence
        assert one.advice[0].line == "model.unfreeze()"


@pytest.mark.parametrize(
    ("momentum", "lr", "less"), [(0.99, 0.05, True), (0.97, 0.05, False), (0.99, 0.06, False)]
)
def test_momentum_that_makes_a_usual_rate_too_large(run, momentum, lr, less):
    def change(record):
        record["loss"] = 1.1 * 10.0 ** (4 * np.arange(100) / 100)
        record["update_ratio"][...] = 0.5

    name = f"SGD(lr={lr}, momentum={momentum})"
    one = run.of(run(change, lr=lr, optimizer=name), "learning rate too large")
    usual = f"model, optimizer = nn.remake(model), nn.SGD(lr={lr}, momentum=0.9)"
    assert (one.advice[0].line == usual) == less
    assert ("It is the momentum" in one.cause) == less


@pytest.mark.parametrize(
    ("lr", "above", "told"), [(0.01, 0.3, True), (0.011, 0.3, False), (0.01, -0.1, False)]
)
def test_small_steps_that_have_not_come_to_a_constant_answer(run, lr, above, told):
    def change(record):
        start = float(record["loss_constant"][0])
        record["loss"] = start * (1 + above + 0.5 * np.linspace(1, 0, 250))
        record["update_ratio"][...] = 4e-4

    found = run(change, steps=250, lr=lr, optimizer=f"SGD(lr={lr})")
    assert (run.of(found, "learning rate too small") is not None) == told


@pytest.mark.parametrize(
    ("quarter", "share", "told"),
    [(3, 0.0, False), (20, 0.0, True), (3, 0.1, True), (3, 0.036, False), (3, 0.039, True)],
)
def test_what_is_near_and_not_learned_either_is_not_for_the_memory(run, quarter, share, told):
    def change(record):
        at(share, target_quarter=quarter)(record)
        record["time_rate"][...] = 0.6  # a hundredth is left after 9 steps
        lags = record["lags"]
        record["hidden_gradient_norm"][...] = np.where(lags < 30, 0.6**lags, np.nan)
        record["gate_mean"][...] = 0.5

    found = run(change, kinds="gru dense", widths=(20, 3), steps=250)
    assert (run.of(found, "vanishing through time") is not None) == told
    assert (run.of(found, "forget bias") is not None) == told


@pytest.mark.parametrize(
    ("high", "times", "told"), [(3.2, 2, True), (2.8, 2, False), (3.2, 1, False), (3.2, 7, False)]
)
def test_small_targets_beside_one_that_is_far(run, high, times, told):
    def change(record):
        steps = len(record["steps"])
        record["loss"] = np.full(steps, 0.1)
        record["loss"][-1 : -1 - 2 * times : -2] = 0.1 * high
        for name, value in {"std": 1e-4, "mean": 1e-4, "classes": 0}.items():
            record[f"target_{name}"][...] = value
        record["loss_constant"][...] = 1e-8

    one = run.of(run(change, targets="numbers", steps=200), "target scale")
    assert ("nn.only_near(x, y)" in one.advice[0].line) == told
    assert ("some target that is not among" in one.cause) == told


@pytest.mark.parametrize(
    ("kinds", "line"),
    [
        (
            "rnn laststep dense",
            "model, optimizer = nn.Sequential(nn.LSTM(8, 20, forget_bias=2.3), nn.LastStep(), "
            "nn.Dense(20, 3)), nn.Adam(lr=0.005)",
        ),
        ("lstm laststep dense", "model, optimizer = nn.remake(model, forget_bias=2.3), "),
        ("gru laststep dense", "model, optimizer = nn.remake(model, update_bias=2.3), "),
        ("rnn unknown dense", ""),
    ],
)
def test_a_layer_that_keeps_its_state_is_a_line(run, kinds, line):
    view = run.view(kinds=kinds, widths=(20, 3))
    advice = cures.keeps_state(view, 30)
    assert advice.line.startswith(line)
    assert bool(advice.line) == bool(line)
    if line:
        exec(advice.line, {"nn": nn, "model": nn.Sequential(nn.LSTM(8, 20), nn.Dense(20, 3))})


@pytest.mark.parametrize(("kinds", "line"), [("dense layernorm", True), ("dense dense", False)])
def test_a_norm_over_one_unit_is_left_out_by_a_line(run, kinds, line):
    def change(record):
        run.stuck(record)
        record["output_spread"][:, -1] = 0.0

    widths = (1,) if line else (20, 1)
    one = run.of(run(change, kinds=kinds, widths=widths, targets="numbers"), "norm over one unit")
    assert (one is not None) == line
    if line:
        assert one.advice[0].line == run.remade('without="1.layernorm"')


@pytest.mark.parametrize(("classes", "told"), [(19, True), (21, False)])
def test_of_many_classes_few_examples_tell_little(run, classes, told):
    known = {"target_values": classes, "target_std": 0.22, "target_count": 400}
    change = at(0.1, guess_linear=-0.1, guess_neighbours=-0.1, **known)
    found = run(change, widths=(20, 20, 21))
    assert (run.of(found, "labels") is not None) == told
    if not told:  # whole rows of labels at steps, of few classes
        known["target_std"] = 0.47
        change = at(0.1, guess_linear=-0.1, guess_neighbours=-0.1, **known)
        assert run.of(run(change, widths=(20, 20, 3)), "labels")


@pytest.mark.parametrize(
    "loss", [nn.MeanSquaredError(), nn.SigmoidCrossEntropy(class_weights={0: 9, 1: 1})]
)
def test_where_all_answers_are_zeros_no_class_is_rare(loss):
    x, y = np.random.default_rng(0).standard_normal((200, 8)), np.zeros((200, 12), np.float32)
    model = nn.Sequential(nn.Dense(8, 16), nn.ReLU(), nn.Dense(16, 12), seed=0)
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, loss, nn.SGD(lr=1e-9))
    trainer.fit(x, y, epochs=20, batch_size=20, callbacks=[flow], progress=False)
    assert flow.findings().kinds[0] == "labels"
