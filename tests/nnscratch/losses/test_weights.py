"""Label smoothing, class weights and sample weights: what they multiply, what they refuse."""

import copy
import itertools
import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.gradcheck import check_gradients

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 2, (6, 4))
P = 1 / (1 + np.exp(-LOGITS))
LABELS = np.array([0, 3, 1, 1, 2, 0])
ONE_HOT = np.eye(4)[LABELS]
BITS = RNG.uniform(0, 1, (6, 4))
WEIGHTS = np.array([1, 0, 2.5, 1, 0.5, 3])

# loss, an output for it, labels
LOSSES = {
    "softmax": (nn.SoftmaxCrossEntropy, LOGITS, LABELS),
    "softmax, rows": (nn.SoftmaxCrossEntropy, LOGITS, ONE_HOT),
    "categorical": (nn.CategoricalCrossEntropy, P, LABELS),
    "sigmoid": (nn.SigmoidCrossEntropy, LOGITS, BITS),
    "binary": (nn.BinaryCrossEntropy, P, BITS),
    "squared": (nn.MeanSquaredError, LOGITS, BITS),
    "absolute": (nn.MeanAbsoluteError, LOGITS, BITS),
    "huber": (nn.Huber, LOGITS, BITS),
}
NAME = pytest.mark.parametrize("name", LOSSES)


@NAME
def test_sample_weights_multiply_the_loss_of_each_example(name):
    make, outputs, labels = LOSSES[name]
    value, gradient = make()(outputs, labels, WEIGHTS)
    rows = [make()(outputs[i : i + 1], labels[i : i + 1]) for i in range(6)]
    expected = sum(w * row[0] for w, row in zip(WEIGHTS, rows, strict=True)) / 6
    assert value == pytest.approx(expected, rel=1e-12)
    each = np.concatenate([w * row[1] / 6 for w, row in zip(WEIGHTS, rows, strict=True)])
    np.testing.assert_allclose(gradient, each, rtol=1e-11, atol=1e-15)


@NAME
def test_sample_weights_pass_the_gradient_check(name):
    make, outputs, labels = LOSSES[name]
    loss = make()
    assert (
        check_gradients(lambda o, t: loss(o, t, WEIGHTS), x=outputs, labels=labels, tolerance=1e-7)
        < 1e-7
    )


@NAME
def test_weights_of_one_change_nothing(name):
    make, outputs, labels = LOSSES[name]
    value, gradient = make()(outputs, labels)
    again, same = make()(outputs, labels, np.ones(6))
    assert again == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(same, gradient, rtol=1e-13)


@NAME
def test_positions_are_rows(name):
    make, outputs, labels = LOSSES[name]
    value, gradient = make()(outputs, labels, WEIGHTS)
    wide = make()
    labels = labels.reshape(2, 3, *labels.shape[1:])
    found, dwide = wide(outputs.reshape(2, 3, 4), labels, WEIGHTS.reshape(2, 3))
    assert found == value
    assert np.array_equal(dwide, gradient.reshape(2, 3, 4))
    whole, _ = wide(outputs.reshape(2, 3, 4), labels, np.array([1.0, 0.0]))
    first, _ = wide(outputs.reshape(2, 3, 4)[:1], labels[:1])
    assert whole == pytest.approx(first / 2, rel=1e-13)


def test_smoothed_labels_by_hand():
    smooth = 0.8 * ONE_HOT + 0.05
    expected, dexpected = nn.SoftmaxCrossEntropy()(LOGITS, smooth)
    for labels in (LABELS, ONE_HOT):
        value, gradient = nn.SoftmaxCrossEntropy(label_smoothing=0.2)(LOGITS, labels)
        assert value == pytest.approx(expected, rel=1e-14)
        np.testing.assert_allclose(gradient, dexpected, rtol=1e-12, atol=1e-15)
    value, _ = nn.SigmoidCrossEntropy(label_smoothing=0.2)(LOGITS, ONE_HOT)
    assert value == pytest.approx(nn.SigmoidCrossEntropy()(LOGITS, 0.8 * ONE_HOT + 0.1)[0])


def test_class_weights_multiply_the_terms_of_a_class():
    factors = [1, 0, 3, 0.5]
    for make, outputs in ((nn.SoftmaxCrossEntropy, LOGITS), (nn.CategoricalCrossEntropy, P)):
        for given, labels in itertools.product(
            (factors, dict(enumerate(factors))), (LABELS, ONE_HOT)
        ):
            value, gradient = make(class_weights=given)(outputs, labels)
            expected, dexpected = make()(outputs, LABELS, np.array(factors)[LABELS])
            assert value == expected
            assert np.array_equal(gradient, dexpected)


@pytest.mark.parametrize("answers", [BITS, ONE_HOT])  # some of them or all are certain
def test_class_weights_of_yes_and_no(answers):
    for make, outputs in ((nn.SigmoidCrossEntropy, LOGITS), (nn.BinaryCrossEntropy, P)):
        value, gradient = make(class_weights=(0.5, 4))(outputs, answers)
        yes, dyes = make(class_weights=(0, 1))(outputs, answers)
        yes, dyes = yes, dyes.copy()
        no, dno = make(class_weights=(1, 0))(outputs, answers)
        assert value == pytest.approx(4 * yes + 0.5 * no, rel=1e-12)
        np.testing.assert_allclose(gradient, 4 * dyes + 0.5 * dno, rtol=1e-11, atol=1e-15)
        assert yes + no == pytest.approx(make()(outputs, answers)[0], rel=1e-12)


def test_the_labels_given_are_not_changed():
    labels = ONE_HOT.copy()
    nn.SoftmaxCrossEntropy(0.1, [1, 2, 3, 4])(LOGITS, labels, WEIGHTS)
    nn.BinaryCrossEntropy(0.1, (1, 2))(P, labels, WEIGHTS)
    assert np.array_equal(labels, ONE_HOT)


SOFTMAX, SQUARED = nn.SoftmaxCrossEntropy(), nn.MeanSquaredError()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.SoftmaxCrossEntropy(1.0), "label_smoothing must be a finite number >= 0 and"),
        (lambda: nn.BinaryCrossEntropy(-0.1), "BinaryCrossEntropy label_smoothing"),
        (lambda: nn.SoftmaxCrossEntropy(class_weights={1: 2}), "weight for each class 0, 1"),
        (lambda: nn.SoftmaxCrossEntropy(class_weights=3), "weight for each class 0, 1"),
        (lambda: nn.SoftmaxCrossEntropy(class_weights=[1, -1]), "must be finite and >= 0"),
        (lambda: nn.SoftmaxCrossEntropy(class_weights=[1, math.inf]), "must be finite and >= 0"),
        (lambda: nn.SoftmaxCrossEntropy(class_weights=[]), "must be finite and >= 0"),
        (
            lambda: nn.SoftmaxCrossEntropy(class_weights=np.ma.array([1.0, 2.0], mask=[0, 1])),
            "weight for each class 0, 1",
        ),
        (
            lambda: nn.SoftmaxCrossEntropy(class_weights=[1, 2])(LOGITS, LABELS),
            "weights for 2 classes, there are 4",
        ),
        (
            lambda: nn.SigmoidCrossEntropy(class_weights=[1, 2, 3])(LOGITS, BITS),
            "weights for 3 classes, there are 2",
        ),
        (lambda: nn.Huber(0), "Huber delta must be a finite number > 0, got 0"),
        (lambda: nn.BinaryCrossEntropy(epsilon=0.5), "BinaryCrossEntropy epsilon"),
        (lambda: nn.CategoricalCrossEntropy(epsilon=0), "CategoricalCrossEntropy epsilon"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(nn.ConfigError, match=message):
        make()


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (np.ones(5), nn.ShapeError, r"weights of shape \(6,\), got shape \(5,\)"),
        (np.ones((6, 4)), nn.ShapeError, r"got shape \(6, 4\)"),
        (1.0, nn.ShapeError, r"got shape \(\)"),
        (np.array(["1"] * 6), nn.DtypeError, "sample weights .* numbers"),
        (np.array([1, 0, -1, 1, 1, 1]), nn.DataError, "finite and >= 0, got -1.0 at index 2"),
        (np.array([1, np.nan, 1, 1, 1, 1]), nn.DataError, "got nan at index 1"),
    ],
)
@pytest.mark.parametrize(("loss", "labels"), [(SOFTMAX, LABELS), (SQUARED, BITS)])
def test_wrong_sample_weights_are_refused(loss, labels, weights, error, message):
    with pytest.raises(error, match=message):
        loss(LOGITS, labels, weights)


@pytest.mark.parametrize(
    ("shape", "expected"), [((6, 4), r"\(6,\), got"), ((2, 3, 4), r"\(2,\) or \(2, 3\), got")]
)
def test_weights_may_be_of_examples_or_of_their_positions(shape, expected):
    outputs = LOGITS.reshape(shape)
    with pytest.raises(nn.ShapeError, match=f"sample weights of shape {expected}"):
        SQUARED(outputs, BITS.reshape(shape), np.ones(5))


def test_sample_weights_beyond_the_type_of_the_output_are_refused():
    with pytest.raises(nn.DataError, match=r"sample weights of Soft.*1e\+300, beyond the range"):
        SOFTMAX(LOGITS.astype(np.float32), LABELS, np.full(6, 1e300))


def test_a_row_of_numbers_for_a_column_is_refused_with_the_way_out():
    with pytest.raises(nn.ShapeError, match=r"got shape \(6,\); make it a column with targets"):
        nn.MeanSquaredError()(LOGITS[:, :1], BITS[:, 0])


# Losses that a captured pass works with, on the network's output of 4.
CAPTURED = {
    **{name: (make(), labels) for name, (make, _, labels) in LOSSES.items()},
    "smoothed": (nn.SoftmaxCrossEntropy(0.1), LABELS),
    "huber 2": (nn.Huber(2.0), BITS),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", CAPTURED)
def test_captured_passes_give_the_same_bits(name, weighted):
    loss, labels = CAPTURED[name]
    last = [nn.Sigmoid()] if name in ("binary", "categorical") else []
    found = nn.Sequential(nn.Dense(3, 5), nn.Tanh(), nn.Dense(5, 4), *last, seed=1)
    expected = copy.deepcopy(found)
    labels = labels if labels.ndim == 1 else labels.astype(np.float32)
    rng = np.random.default_rng(2)
    for _ in range(4):  # other inputs, labels and weights each time
        x = rng.standard_normal((6, 3), np.float32)
        labels = labels[rng.permutation(6)]
        weights = rng.uniform(0, 2, 6) if weighted else None
        value = found.training_pass(x, labels, loss, weights)
        other, dlogits = loss(expected.forward(x, training=True), labels, weights)
        expected.backward(dlogits)
        assert value == other
        assert np.array_equal(found.grads.flat, expected.grads.flat)
    with nn.use_kernels("numba"):
        assert found.captured(x, labels, loss) is not None


def test_another_constant_is_another_pass():
    model = nn.Sequential(nn.Dense(3, 4), seed=1)
    x, t = np.ones((6, 3), np.float32), BITS.astype(np.float32)
    values = []
    loss = nn.Huber(0.01)
    for delta in (0.01, 100.0):
        loss.delta = delta
        values.append(model.training_pass(x, t, loss))
    expected = [nn.Huber(delta)(model.forward(x), t)[0] for delta in (0.01, 100.0)]
    assert values == pytest.approx(expected)


def test_one_loss_serves_the_models_of_several_threads():
    loss = nn.SoftmaxCrossEntropy(label_smoothing=0.1)

    def train(seed):
        model = nn.Sequential(nn.Dense(3, 8), nn.ReLU(), nn.Dense(8, 4), seed=seed)
        x = np.random.default_rng(seed).standard_normal((60, 3), np.float32)
        labels = np.random.default_rng(seed).integers(0, 4, 60)
        trainer = nn.Trainer(model, loss, nn.SGD(lr=0.1))
        trainer.fit(x, labels, epochs=40, batch_size=20, progress=False)
        return [*trainer.history.loss, float(loss(model.forward(x), labels)[1].sum())]

    seeds = range(4)
    expected = [train(seed) for seed in seeds]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, seeds)) == expected


def test_a_copy_of_a_loss_has_buffers_of_its_own():
    loss = nn.Huber(2.0)
    _, gradient = loss(LOGITS, BITS)
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert repr(twin) == repr(loss)
        assert twin(LOGITS, BITS)[1] is not gradient


def test_classes_as_numbers_are_told_the_loss_that_takes_them():
    model = nn.Sequential(nn.Dense(4, 3))
    x, y = np.ones((6, 4), np.float32), np.arange(6) % 3
    for loss in (nn.MeanSquaredError(), nn.SigmoidCrossEntropy(), nn.BinaryCrossEntropy()):
        with pytest.raises(nn.ShapeError, match=r"go with SoftmaxCrossEntropy.*np\.eye\(3\)\[y\]"):
            nn.Trainer(model, loss, nn.SGD(lr=0.1)).fit(x, y, epochs=1, batch_size=6)
    onehot = np.eye(3)[y]
    nn.Trainer(model, loss, nn.SGD(lr=0.1)).fit(x, onehot, epochs=1, batch_size=6, progress=False)
