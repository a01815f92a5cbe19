"""What data and network ask for as they are: each change with a case on both sides."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import LayerNorms, read_plan
from nnscratch.curing.conditions import Conditions
from nnscratch.curing.facts import repairs
from nnscratch.curing.skill import Answers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((80, 6)).astype(np.float32)
NUMBERS = RNG.standard_normal((80, 2)).astype(np.float32)
LABELS = RNG.integers(0, 3, 80)
YES = (X[:, :1] > 0).astype(np.float32)
BITS = RNG.integers(0, 2, (80, 4)).astype(np.float32)
BITS[0] = 1


def asked(*layers, loss=None, x=X, y=NUMBERS, classes=False, steps=300, penalty=None, batch=20):
    outputs = 2
    for layer in layers:
        outputs = getattr(layer, "n_out", outputs)
    model = nn.Sequential(*layers, seed=0)
    c = Conditions(
        x, y, x, Answers.of(y, y, outputs, classes), batch_size=batch, steps=steps, seed=0,
        all_seen=True,
    )  # fmt: skip
    plan = read_plan(model, nn.SGD(lr=0.1), loss or nn.MeanSquaredError(), penalty=penalty)
    return [str(change) for change in repairs(plan, c)]


def sound(outputs=2):
    return nn.Dense(6, 5), nn.Tanh(), nn.Dense(5, outputs)


@pytest.mark.parametrize(
    ("y", "whole"), [(X, True), (np.where(X > 0, X, 0), False), (X[:, :2], False)]
)
def test_inputs_are_given_back_where_each_of_them_is_an_answer(y, whole):
    c = Conditions(X, y, X, Answers.of(y, y, 6, False), 20, 300, seed=0, all_seen=True)
    assert c.given_back == whole


def test_a_sound_network_asks_for_nothing():
    assert asked(*sound()) == []
    assert asked(*sound(3), loss=nn.SoftmaxCrossEntropy(), y=LABELS, classes=True) == []


@pytest.mark.parametrize(
    ("x", "wanted"),
    [
        (X * 3.5, False),
        (X * 5, True),
        (X + 10, True),
        (X * 0.06, False),
        (X * 0.04, True),
        (X * [1, 1, 1, 1, 1, 0.001], False),  # one small column is no harm
        (X / X.std(axis=0) * [2, *[2 / 99] * 5], False),
        (X / X.std(axis=0) * [2, *[2 / 101] * 5], True),
        (np.abs(X) / 10, False),  # pixels from 0 to 1
    ],
)
def test_inputs_far_from_1_are_standardised(x, wanted):
    found = asked(*sound(), x=x.astype(np.float32))
    assert found == (["standard inputs"] if wanted else [])


@pytest.mark.parametrize(
    ("y", "wanted"), [(NUMBERS * 2.5, False), (NUMBERS * 4, True), (NUMBERS + 5, True),
                      (NUMBERS * 0.12, False), (NUMBERS * 0.08, True), (BITS[:, :2], False)]
)  # fmt: skip
def test_targets_far_from_1_are_standardised(y, wanted):
    assert ("standard targets" in asked(*sound(), y=y.astype(np.float32))) == wanted


@pytest.mark.parametrize(
    ("last", "loss", "y", "classes", "wanted"),
    [
        (3, nn.MeanSquaredError(), np.eye(3, dtype=np.float32)[LABELS], True, "Softmax"),
        (3, nn.SoftmaxCrossEntropy(), LABELS, True, ""),
        ([3, nn.Softmax()], nn.SoftmaxCrossEntropy(), LABELS, True, "Softmax"),
        ([3, nn.Softmax()], nn.CategoricalCrossEntropy(), LABELS, True, "Softmax"),
        ([1, nn.Softmax()], nn.BinaryCrossEntropy(), YES, True, "Sigmoid"),
        ([1, nn.Sigmoid()], nn.MeanSquaredError(), YES, True, "Sigmoid"),
        (1, nn.SigmoidCrossEntropy(), YES, True, ""),
        ([4, nn.Sigmoid()], nn.BinaryCrossEntropy(), BITS, False, "Sigmoid"),
    ],
)
def test_classes_get_a_cross_entropy_on_scores(last, loss, y, classes, wanted):
    width, *ends = last if isinstance(last, list) else [last]
    found = asked(nn.Dense(6, 5), nn.Tanh(), nn.Dense(5, width), *ends, loss=loss, y=y,
                  classes=classes)  # fmt: skip
    assert found == ([f"{wanted}CrossEntropy on a linear output"] if wanted else [])


@pytest.mark.parametrize(
    ("end", "y", "loss", "wanted"),
    [
        (nn.ReLU(), np.abs(NUMBERS), nn.MeanSquaredError(), "MeanSquaredError"),  # may die
        (nn.Sigmoid(), NUMBERS, nn.MeanAbsoluteError(), "MeanAbsoluteError"),
        (nn.Sigmoid(), np.abs(NUMBERS) / 4, nn.MeanSquaredError(), ""),
        (nn.Sigmoid(), np.abs(NUMBERS) / 400, nn.MeanSquaredError(), "MeanSquaredError"),
        (nn.Tanh(), NUMBERS / 5, nn.MeanSquaredError(), ""),
        (nn.Tanh(), NUMBERS, nn.MeanSquaredError(), "MeanSquaredError"),
        (nn.Softmax(), np.abs(NUMBERS) / 10, nn.MeanSquaredError(), "MeanSquaredError"),
        (nn.Sigmoid(), NUMBERS, nn.BinaryCrossEntropy(), "MeanSquaredError"),
        (nn.Identity(), NUMBERS, nn.Huber(), ""),
    ],
)
def test_numbers_get_an_output_that_reaches_them(end, y, loss, wanted):
    if wanted == "MeanSquaredError" and isinstance(loss, nn.BinaryCrossEntropy):
        loss = nn.BinaryCrossEntropy()
    found = asked(*sound(), end, loss=loss, y=y.astype(np.float32))
    assert [text for text in found if "output" in text] == (
        [f"{wanted} on a linear output"] if wanted else []
    )


def test_what_is_asked_for_is_told_from_the_input_to_the_output():
    wide = (nn.Dense(6, 5), nn.Dense(5, 2), nn.Tanh())
    assert asked(*wide, x=X * 5, y=NUMBERS * 100) == [
        "standard inputs",
        "standard targets",
        "MeanSquaredError on a linear output",
        "ReLU, he_normal",
    ]


@pytest.mark.parametrize(
    ("between", "wanted"),
    [
        ([], True),
        ([nn.BatchNorm(5), nn.Dropout(0.1)], True),
        ([nn.Softmax()], True),
        ([nn.Softsign()], False),
    ],
)
def test_dense_layers_get_an_activation_between_them(between, wanted):
    found = asked(nn.Dense(6, 5), *between, nn.Dense(5, 2))
    assert found == (["ReLU, he_normal"] if wanted else [])
    assert asked(nn.Dense(6, 2)) == []


@pytest.mark.parametrize(
    ("init", "wanted"),
    [("zeros", True), ("ones", True), (nn.initializers.Constant(0.1), True), ("normal", False)],
)
def test_weights_that_are_all_the_same_are_drawn(init, wanted):
    found = asked(nn.Dense(6, 5, init=init), nn.ReLU(), nn.Dense(5, 2, init=init))
    assert found == (["he_normal"] if wanted else [])
    found = asked(nn.Dense(6, 5, init=init), nn.Tanh(), nn.Dense(5, 2))
    assert found == (["glorot_uniform"] if wanted else [])


@pytest.mark.parametrize(
    ("momentum", "steps", "wanted"),
    [(0.99, 300, False), (0.99, 290, True), (0.999, 1000, True), (0.9, 30, False)],
)
def test_running_statistics_must_be_able_to_follow(momentum, steps, wanted):
    norm = nn.BatchNorm(5, momentum=momentum)
    found = asked(nn.Dense(6, 5), norm, nn.ReLU(), nn.Dense(5, 2), steps=steps)
    assert found == (["batch norm's momentum 0.9"] if wanted else [])


@pytest.mark.parametrize(("batch", "wanted"), [(7, True), (8, False)])
def test_batch_norm_over_few_rows_becomes_layer_norm(batch, wanted):
    found = asked(nn.Dense(6, 5), nn.BatchNorm(5), nn.ReLU(), nn.Dense(5, 2), batch=batch)
    assert found == (["layer norm for batch norm"] if wanted else [])
    normed = nn.Sequential(nn.Dense(6, 5), nn.BatchNorm(5))
    plan = read_plan(normed, nn.SGD(lr=0.1), nn.MeanSquaredError())
    assert "nn.LayerNorm(5)" in LayerNorms().apply(plan).model_python(0)


def test_a_loss_of_somebodys_own_is_left_alone():
    model = [*sound(), nn.Softmax()]
    assert asked(*model, loss=lambda p, t: (0.0, p)) == []


@pytest.mark.parametrize(("l2", "wanted"), [(1e-3, False), (0.05, False), (0.5, True)])
def test_a_penalty_that_outweighs_the_loss_is_left_out(l2, wanted):
    """The weights as they begin have a sum of squares of about 8, and the loss is about 1.4."""
    found = asked(*sound(), penalty=nn.Penalty(l2=l2))
    assert found == (["no penalty"] if wanted else [])


@pytest.mark.parametrize(
    ("rates", "wanted"),
    [
        ([0.64], False),
        ([0.66], True),  # most of a layer
        ([0.5, 0.5], False),
        ([0.46, 0.46, 0.46], False),  # 0.157 of the ways through all
        ([0.5, 0.5, 0.5], True),  # an eighth of them
        ([0.9, 0.0], True),
    ],
)
def test_dropout_takes_less_where_little_is_left(rates, wanted):
    hidden = [part for rate in rates for part in (nn.Dense(6, 6), nn.Tanh(), nn.Dropout(rate))]
    assert asked(*hidden, nn.Dense(6, 2)) == (["dropout of 0.1 at most"] if wanted else [])


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ((nn.Dropout(0.66), nn.Dense(6, 6), nn.Tanh()), "dropout of 0 at most"),
        ((nn.Dropout(0.64), nn.Dense(6, 6), nn.Tanh()), None),
        ((nn.Dense(6, 6), nn.Tanh(), nn.Dropout(0.66)), "dropout of 0.1 at most"),
    ],
)
def test_of_what_goes_in_nothing_is_dropped(parts, wanted):
    assert asked(*parts, nn.Dense(6, 2)) == ([wanted] if wanted else [])


@pytest.mark.parametrize(("decay", "wanted"), [(0.09, False), (0.11, True)])
def test_decay_that_takes_the_weights_away_becomes_the_usual_one(decay, wanted):
    """A hundredth of a weight in each step, at the rate 0.1."""
    model = nn.Sequential(*sound(), seed=0)
    answers = Answers.of(NUMBERS, NUMBERS, 2, False)
    c = Conditions(
        X, NUMBERS, X, answers, batch_size=20, steps=300, seed=0, all_seen=True,
    )  # fmt: skip
    plan = read_plan(model, nn.AdamW(lr=0.1, weight_decay=decay), nn.MeanSquaredError())
    (change,) = repairs(plan, c) or [None]
    assert (str(change) == "weight decay 0.01") == wanted
    if wanted:
        assert change.apply(plan).new_optimizer().weight_decay == 0.01


@pytest.mark.parametrize(("times", "wanted"), [(1.0, False), (90.0, True)])
def test_an_output_has_to_reach_targets_that_are_standardised(times, wanted):
    """Numbers above 0 are within an exponential's reach; standardised they are not."""
    y = (times * np.exp(NUMBERS)).astype(np.float32)
    found = asked(*sound(), nn.Exponential(), y=y)
    assert ("standard targets" in found) == wanted
    assert any("linear output" in one or "output" in one for one in found) == wanted


def own(how, sign=1):
    """A loss of somebody's own: of pairs, or of a table of all outputs and all answers."""

    def loss(output, y):
        away = output - (y if how == "pairs" else y.mean(axis=0))
        return float((away**2).mean()) + float(np.var(y)), sign * 2 * away / away.size

    return loss


def of_any(output, y):
    """Cross-entropy of whatever the answers sum to."""
    p = np.clip(output / output.sum(axis=1, keepdims=True), 1e-7, 1)
    return float(-(y * np.log(p)).sum(axis=1).mean()), -y / p / len(y)


def of_softmax(output, y):
    """Squared distance of a softmax that the loss takes itself: over one unit that is 1."""
    p = np.exp(output - output.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    slope = 2 * (p - y) / p.size
    return float(((p - y) ** 2).mean()), p * (slope - (slope * p).sum(axis=1, keepdims=True))


def absolute(output, y):
    away = output - y
    return float(np.abs(away).mean()), (np.sign(away) / away.size).astype(output.dtype)


@pytest.mark.parametrize(
    ("last", "loss", "y", "wanted"),
    [
        ([2, nn.Sigmoid()], absolute, BITS[:, :2], "SigmoidCrossEntropy on a linear output"),
        ([2], absolute, NUMBERS, ""),
        ([1], of_softmax, BITS[:, :1], "SigmoidCrossEntropy on a linear output"),
        ([3], of_softmax, np.eye(3, dtype=np.float32)[LABELS], ""),
        ([2], own("pairs"), NUMBERS, ""),
        ([2], own("table"), NUMBERS, "MeanSquaredError on a linear output"),
        ([2], own("pairs", -1), NUMBERS, "MeanSquaredError on a linear output"),
        ([4, nn.Softmax()], of_any, BITS, "SigmoidCrossEntropy on a linear output"),
        ([3, nn.Softmax()], of_any, np.eye(3, dtype=np.float32)[LABELS], ""),
        ([4, nn.Sigmoid()], of_any, BITS, ""),
    ],
)
def test_a_loss_of_ones_own_that_cannot_be_learned_by(last, loss, y, wanted):
    found = asked(*sound(last[0]), *last[1:], loss=loss, y=y)
    assert found == ([wanted] if wanted else [])


@pytest.mark.parametrize(
    ("norm", "goes"),
    [(nn.LayerNorm(2), True), (nn.LayerNorm(3), False), (nn.RMSNorm(2), False),
     (nn.RMSNorm(1), True)],
)  # fmt: skip
def test_a_norm_that_leaves_nothing_of_one_unit_or_of_two_goes(norm, goes):
    n = norm.features
    found = asked(nn.Dense(6, n), norm, nn.Tanh(), nn.Dense(n, 2))
    assert bool([one for one in found if "norm" in one]) == goes
