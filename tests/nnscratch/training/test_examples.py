"""Examples: checks, order, mini-batches, accuracy."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.training.examples import Examples

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 4))
LABELS = RNG.integers(0, 3, 30)


def model(dtype=np.float32, outputs=3):
    return nn.Sequential(nn.Dense(4, outputs), dtype=dtype)


def test_conversion():
    examples = Examples(model(), X, LABELS.astype(np.uint8))
    assert (examples.x.dtype, examples.y.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(examples.x, X.astype(np.float32))
    one_hot = Examples(model(np.float64), X, np.eye(3, dtype=int)[LABELS])
    assert (one_hot.x.dtype, one_hot.y.dtype) == (np.float64, np.float64)
    assert len(examples) == 30


def test_good_data_are_not_copied():
    x = X.astype(np.float32)
    assert np.shares_memory(Examples(model(), x, LABELS).x, x)


def test_order_is_a_permutation_of_its_own_for_each_seed_and_epoch():
    examples = Examples(model(), X, LABELS)
    orders = [examples.order(seed, epoch) for seed in (0, 1) for epoch in (0, 1, 2)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(30))
    assert len({order.tobytes() for order in orders}) == 6
    np.testing.assert_array_equal(orders[1], examples.order(0, 1))


def test_gather_reuses_its_arrays():
    examples = Examples(model(), X, LABELS)
    rows = np.array([4, 29, 0, 4])
    x, y = examples.gather(rows)
    np.testing.assert_array_equal(x, X.astype(np.float32)[rows])
    np.testing.assert_array_equal(y, LABELS[rows])
    again, _ = examples.gather(rows[::-1].copy())
    assert again is x
    short, _ = examples.gather(rows[:2])
    assert np.shares_memory(short, x)


def test_accuracy():
    logits = np.eye(3, dtype=np.float32)[(LABELS + (np.arange(30) < 6)) % 3]
    one_hot = np.eye(3)[LABELS]
    for y in (LABELS, one_hot):
        examples = Examples(model(), X, y)
        assert examples.accuracy(logits, examples.y) == 0.8
    for y in (0.5 * one_hot, one_hot + one_hot[:, ::-1], np.zeros((30, 3))):
        examples = Examples(model(), X, y)
        assert examples.accuracy(logits, examples.y) is None
    column = Examples(model(outputs=1), X, np.ones((30, 1)))
    assert column.accuracy(np.ones((30, 1)), column.y) is None


def nan_at(row, column):
    x = X.copy()
    x[row, column] = np.nan
    return x


@pytest.mark.parametrize(
    ("x", "y", "error", "match"),
    [
        (X[:, :3], LABELS, nn.ShapeError, "x has 3 features .* the model expects 4"),
        (X[:, 0], LABELS, nn.ShapeError, "two dimensions"),
        (X[:0], LABELS[:0], nn.ShapeError, "x is empty"),
        (nan_at(7, 2), LABELS, nn.DataError, "row 7, column 2"),
        (X.astype(complex), LABELS, nn.DtypeError, "float32 or float64"),
        (X, LABELS[:29], nn.ShapeError, "29 labels for 30 examples"),
        (X, LABELS + 1, nn.DataError, "label 3 at index"),
        (X, LABELS - 1, nn.DataError, "label -1 at index"),
        (X, LABELS.astype(float), nn.DtypeError, "must hold integers"),
        (X, np.eye(4)[LABELS], nn.ShapeError, r"expected the output's shape \(30, 3\)"),
        (X, LABELS[:, None], nn.ShapeError, r"becomes these with np.asarray\(y\)\[\.\.\., 0\]"),
        (X, nan_at(3, 1)[:, :3], nn.DataError, "row 3, column 1"),
        (X, X[:, :3, None], nn.ShapeError, "one label per example"),
    ],
)
def test_bad_data_are_refused(x, y, error, match):
    with pytest.raises(error, match=match):
        Examples(model(), x, y)


def test_a_column_of_targets_is_asked_for():
    with pytest.raises(nn.ShapeError, match=r"y.reshape\(-1, 1\)"):
        Examples(model(outputs=1), X, X[:, 0])


def test_names_in_messages():
    with pytest.raises(nn.DataError, match="validation y is out of range"):
        Examples(model(), X, LABELS + 5, ("validation x", "validation y"))


def test_a_model_without_widths_keeps_that_of_the_input():
    examples = Examples(nn.Sequential(nn.ReLU()), X, X)
    assert examples.y.shape == (30, 4)
    with pytest.raises(nn.DataError, match=r"0 \.\. 3"):
        Examples(nn.Sequential(nn.ReLU()), X, LABELS + 4)


def test_positions():
    wide = nn.Sequential(nn.Dense(4, 3))
    x, labels = RNG.standard_normal((6, 5, 4)), RNG.integers(0, 3, (6, 5))
    examples = Examples(wide, x, labels, weights=np.ones((6, 5)))
    assert examples.has_classes
    gathered, y = examples.gather(np.array([3, 1]))
    np.testing.assert_array_equal(gathered, x.astype(np.float32)[[3, 1]])
    np.testing.assert_array_equal(y, labels[[3, 1]])
    assert Examples(wide, x, np.eye(3)[labels]).has_classes
    with pytest.raises(nn.ShapeError, match=r"y has shape \(6, 4\), expected \(6, 5\)"):
        Examples(wide, x, labels[:, :4])
    narrow = nn.Sequential(nn.Dense(4, 1))
    with pytest.raises(nn.ShapeError, match=r"make it a column with y\[\.\.\., None\]"):
        Examples(narrow, x, x[..., 0])


def test_weights_are_gathered_with_their_examples():
    weights = RNG.uniform(0, 2, 30)
    examples = Examples(model(), X, LABELS, weights=weights)
    rows = np.array([4, 29, 0])
    np.testing.assert_array_equal(examples.gather_weights(rows), weights[rows])
    assert Examples(model(), X, LABELS).gather_weights(rows) is None
    for wrong in (np.ones(29), np.ones((30, 1)), 1.0):
        with pytest.raises(nn.ShapeError, match=r"sample_weights has shape .* expected \(30,\)"):
            Examples(model(), X, LABELS, weights=wrong)


def test_one_output_and_answers_of_no_and_yes():
    column = (LABELS[:, None] > 0).astype(np.float32)
    examples = Examples(model(outputs=1), X, column)
    outputs = np.where(column > 0, 0.9, 0.4).astype(np.float32)
    assert examples.accuracy(outputs, examples.y) == 1
    assert examples.accuracy(outputs, examples.y, threshold=0.3) == column.mean()
    assert not Examples(model(outputs=1), X, np.zeros((30, 1))).has_classes
    with pytest.raises(nn.ShapeError, match=r"make it a column with y.reshape\(-1, 1\)"):
        Examples(model(outputs=1), X, LABELS > 0)
