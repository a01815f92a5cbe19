"""Codes for missing values, padding, the commonest answer, and losses that see no pairs."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.datasets.codes import codes
from nnscratch.flow import flaws
from nnscratch.flow.answers import Answers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((400, 5))


def coded(code, rows, column=2):
    x = X.copy()
    x[:rows, column] = code
    return x


@pytest.mark.parametrize(
    ("x", "code"),
    [
        (coded(-999, 20), -999),
        (coded(99.0, 3), 99),
        (coded(99.0, 2), None),  # one may be an error, two a chance
        (coded(-999, 210), None),  # it is what the column mostly holds
        (coded(-999, 5)[:25], -999),
        (coded(-999, 5)[:24], None),  # of so few others several columns are alike by chance
        (coded(15.0, 20), None),  # not far away
        (coded(26.0, 20), 26),
        (X, None),
        (np.where(RNG.random(X.shape) < 0.02, 8.0, 0.0), None),  # a word in few texts
        (np.where(RNG.random(X.shape) < 0.02, 250.0, RNG.random(X.shape) < 0.1), None),  # pixels
    ],
)
def test_a_code_is_a_number_that_rows_share_far_from_all_others(x, code):
    found = codes(x)
    assert found.get("missing_code") == code
    if code is not None:
        assert found["missing_share"] == (x == code).any(axis=1).mean()


def test_codes_that_were_standardised_have_no_one_number():
    x = coded(-999, 20)
    x[:30, 4] = -999
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    found = codes(x)
    assert math.isnan(found["missing_code"])
    assert found["missing_share"] == 30 / 400


def test_padding_is_what_stands_behind_sequences_of_several_lengths():
    x = np.ones((4, 10, 2))
    assert flaws.padded(x) == 0
    x[:, 5:] = 0
    assert flaws.padded(x) == 0  # all end alike: that is no padding
    x[1, 2:] = 0
    x[2, 1] = 0  # in the middle
    assert flaws.padded(x) == pytest.approx((0.5 * 3 + 0.8) / 4)
    x[3] = 0
    assert flaws.padded(x) == pytest.approx((0.5 * 2 + 0.8 + 1) / 4)


@pytest.mark.parametrize(("gaps", "told"), [(2, True), (3, False)])
def test_where_zeros_are_what_sequences_hold_they_are_no_padding_behind_them(gaps, told):
    """Bits: of 20 steps up to the last one so many are 0."""
    x = np.ones((3, 10, 1))
    x[1:, 5:] = 0
    x[0, 1 : 1 + gaps] = 0
    assert flaws.padded(x) == (pytest.approx(1 / 3) if told else 0)


def asked(y, loss, outputs, last=lambda z: z):
    answers = Answers()
    answers.add(0, X[: len(y)].astype(np.float32), y, outputs)
    return answers.measure(loss, (outputs,), np.dtype(np.float32), last)


YES = (np.arange(400) % 10 == 0).astype(np.float32)[:, None]
WEIGHTS = {0: 9.0, 1: 3.0}


def normed(output, y):
    """A mean by weights, over the sum of these, as PyTorch takes it."""
    weights = np.array([3.0, 1.0, 1.0])[y]
    whole = np.log(np.exp(output).sum(axis=1)) - output[np.arange(len(y)), y]
    return float((weights * whole).sum() / weights.sum()), output


@pytest.mark.parametrize(
    ("y", "loss", "outputs", "common", "weight"),
    [
        (YES, nn.SigmoidCrossEntropy(), 1, 0.9, 1),
        (YES, nn.SigmoidCrossEntropy(class_weights=WEIGHTS), 1, 0.9, 3),
        (1 - YES, nn.SigmoidCrossEntropy(class_weights=WEIGHTS), 1, 0.9, 1 / 3),
        (YES[:, 0].astype(np.int64), nn.SoftmaxCrossEntropy(class_weights=WEIGHTS), 2, 0.9, 3),
        (np.repeat(YES, 3, axis=1), nn.SigmoidCrossEntropy(class_weights=WEIGHTS), 3, 0.9, 3),
        ((np.arange(400) % 10 == 0) * (1 + np.arange(400) % 20 // 10), normed, 3, 0.9, 3),
        (np.where(YES, X[:, :1], 0).astype(np.float32), nn.MeanAbsoluteError(), 1, 0.9, None),
        (YES, nn.MeanSquaredError(), 1, 0.9, np.nan),  # what is right for it does not go on
    ],
)
def test_the_commonest_answer_and_what_it_counts_for(y, loss, outputs, common, weight):
    found = asked(y, loss, outputs)
    assert found["target_common"] == pytest.approx(common)
    assert found.get("common_weight") == (
        None if weight is None else pytest.approx(weight, nan_ok=True)
    )


@pytest.mark.parametrize(("sign", "known"), [(-1.0, False), (1.0, False), (0.0, False)])
def test_a_loss_that_rises_for_one_of_them_counts_nothing(sign, known):
    found = asked(YES, lambda output, y: (sign * float(output.sum()), output), 1)
    assert math.isfinite(found.get("common_weight", math.nan)) == known


def table(output, y):
    """The mean over a table of all outputs and all answers."""
    away = output - y.reshape(1, -1)
    return float((away**2).mean()), 2 * away.mean(axis=1, keepdims=True) / len(output)


@pytest.mark.parametrize(
    ("y", "loss"),
    [
        (YES / 255, nn.SigmoidCrossEntropy()),
        (1e-6 * X[:, :1], nn.MeanSquaredError()),
    ],
)
def test_of_small_answers_too_a_loss_sees_whose_they_are(y, loss):
    assert asked(y.astype(np.float32), loss, 1)["loss_paired"] > 1e-4


@pytest.mark.parametrize(
    ("loss", "pairs"),
    [
        (table, False),
        (nn.MeanSquaredError(), True),
        (nn.MeanAbsoluteError(), True),
        (lambda output, y: (float((y**2).mean()), 0 * output), None),  # no output matters to it
    ],
)
def test_whether_a_loss_sees_which_output_is_whose(loss, pairs):
    found = asked(X[:, :1].astype(np.float32), loss, 1)
    assert ("loss_paired" in found) == (pairs is not None)
    if pairs is not None:
        assert (found["loss_paired"] > 0.1) == pairs
        assert pairs or found["loss_paired"] < 1e-6


def upside_down(output, y):
    value, slope = nn.MeanSquaredError()(output, y)
    return value, -slope


@pytest.mark.parametrize(
    ("loss", "y", "outputs", "slope"),
    [
        (nn.MeanSquaredError(), X[:, :1], 1, 1),
        (nn.MeanAbsoluteError(), X[:, :2], 2, 1),
        (nn.SoftmaxCrossEntropy(), np.arange(400) % 3, 3, 1),
        (nn.BinaryCrossEntropy(), YES, 1, 1),
        (nn.MeanSquaredError(), X[:, :1] * 1e-4, 1, 1),  # a step of any size is too long for it
        (nn.SoftmaxCrossEntropy(label_smoothing=0.98), np.arange(400) % 3, 3, 1),
        (nn.SigmoidCrossEntropy(class_weights=WEIGHTS), YES, 1, 1),
        (nn.CategoricalCrossEntropy(), np.eye(3)[np.arange(400) % 3], 3, 1),
        (nn.Huber(), X[:, :1] * 50, 1, 1),
        (upside_down, X[:, :1], 1, -1),
        (upside_down, X[:, :1] * 1e-4, 1, -1),
        (table, X[:, :1], 1, 1),
        (lambda output, y: (1.0, np.full_like(output, np.nan)), X[:, :1], 1, None),
    ],
)
def test_whether_a_loss_falls_against_its_gradient(loss, y, outputs, slope):
    found = asked(y if y.dtype.kind == "i" else y.astype(np.float32), loss, outputs)
    told = found.get("loss_slope")
    assert told == (None if slope is None else pytest.approx(slope, abs=0.3))


def absolute(output, y):
    away = output - y
    return float(np.abs(away).mean()), np.sign(away) / away.size


def hinge(output, y):
    """Of zeros and ones: it goes on past the answer, and is no distance from it."""
    side = np.where(y > 0, 1, -1)
    return float((2 - side * output).mean()), (-side / output.size).astype(output.dtype)


@pytest.mark.parametrize(
    ("loss", "y", "times"),
    [
        (absolute, YES, 1.0),
        (absolute, X[:, :2], 1.0),
        (nn.MeanAbsoluteError(), YES, 1.0),
        (nn.MeanSquaredError(), YES, 2.0),
        (nn.Huber(delta=1e-4), X[:, :2], 1.0),
        (nn.Huber(), YES, 2.0),
        (hinge, YES, None),
        (nn.SigmoidCrossEntropy(), YES, None),
        (nn.BinaryCrossEntropy(), YES, None),
        (lambda output, y: (1.0, 0 * output), YES, None),
        (lambda output, y: (1.0, np.full_like(output, np.nan)), YES, None),
    ],
)
def test_how_the_gradient_of_a_loss_grows_with_the_error(loss, y, times):
    found = asked(y.astype(np.float32), loss, y.shape[1]).get("loss_grows")
    assert found == (None if times is None else pytest.approx(times, rel=1e-4))


def test_when_a_quarter_of_what_is_asked_at_steps_has_come():
    t = RNG.standard_normal((50, 20, 1))
    assert flaws.quarter(t)["target_quarter"] == pytest.approx(5, abs=1)
    t[:, :15] = 0
    assert flaws.quarter(t)["target_quarter"] > 15
    assert flaws.quarter(np.zeros((50, 20, 1))) == {}
    assert flaws.quarter(t[:, 0]) == {}


@pytest.mark.parametrize("masked", [False, True])
def test_padding_is_seen_where_no_mask_says_so(masked):
    x = RNG.standard_normal((8, 10, 2)).astype(np.float32)
    there = np.arange(10) < np.array([3, 5, 7, 9, 3, 5, 7, 9])[:, None]
    x *= there[..., None]
    model = nn.Sequential(nn.GRU(2, 3), nn.LastStep(), nn.Dense(3, 2), seed=0)
    flow = nn.GradientFlow(model)
    nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1)).fit(
        *(x, np.arange(8) % 2),
        epochs=1,
        batch_size=8,
        callbacks=[flow],
        progress=False,
        mask=there if masked else None,
    )
    seen, other = ("masked_steps", "padded_steps")[:: 1 if masked else -1]
    assert flow.to_dict()[seen][0] == pytest.approx(0.4)
    assert np.isnan(flow.to_dict()[other]).all()
