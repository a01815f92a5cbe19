"""The rules on batch norm on made-up numbers."""

import pytest

from nnscratch.experiments.claims import Measured, Quantity, registry
from nnscratch.experiments.claims.claim import CONDITION, FAILS, HOLDS, UNCHECKED


def judge(name, curves=None, **means):
    """Return the verdict where three seeds measured about these means; a list is the values."""
    (claim,) = registry.select([name])
    quantities = {
        key.replace("_", " "): Quantity(
            key, mean if isinstance(mean, list) else [mean - 1e-4, mean, mean + 1e-4]
        )
        for key, mean in means.items()
    }
    return claim.verdict(Measured(quantities, curves or {}))


WIDE = [-9.0, 1.0, 11.0]


@pytest.mark.parametrize(
    ("ours", "plain", "word"),
    [(0.9, 0.1, HOLDS), (0.5, 0.1, FAILS), (0.9, 0.85, FAILS), (WIDE, 0.1, UNCHECKED)],
)
def test_allows_sigmoid(ours, plain, word):
    means = {"batch_norm_10": ours, "without_10": plain, "batch_norm_2": 0.9, "without_2": 0.9}
    assert judge("batchnorm-allows-sigmoid", {"depths": [2, 10]}, **means).word == word


@pytest.mark.parametrize(("ratio", "word"), [(3.0, HOLDS), (0.5, FAILS), (WIDE, UNCHECKED)])
def test_larger_rates(ratio, word):
    assert judge("batchnorm-larger-rates", ratio=ratio).word == word


@pytest.mark.parametrize(
    ("worst", "plain_worst", "count", "plain_count", "word"),
    [
        (0.9, 0.1, 9, 2, HOLDS),
        (0.1, 0.1, 5, 2, CONDITION),
        (0.9, 0.9, [9.0] * 3, [9.0] * 3, FAILS),
        (0.1, 0.1, 2, 4, FAILS),
        (0.1, 0.1, [1, 4, 7], 3, UNCHECKED),
    ],
)
def test_any_initialization(worst, plain_worst, count, plain_count, word):
    means = {
        "batch_norm_worst": worst, "without_worst": plain_worst,
        "batch_norm_count": count, "without_count": plain_count,
    }  # fmt: skip
    scales = {"scales": [0.1, 1, 10]}
    assert judge("batchnorm-any-initialization", scales, **means).word == word


@pytest.mark.parametrize(
    ("early", "ours", "plain", "word"),
    [
        (0.3, 0.1, 0.9, HOLDS),
        (0.3, WIDE, 0.9, CONDITION),
        (-0.3, 0.1, 0.9, FAILS),
        (0.3, 0.9, 0.1, FAILS),
        (WIDE, WIDE, 0.9, UNCHECKED),
    ],
)
def test_steadies(early, ours, plain, word):
    means = {"early": early, "late": 0.1, "batch_norm_drift": ours, "without_drift": plain}
    assert judge("batchnorm-steadies", **means).word == word


@pytest.mark.parametrize(("ratio", "word"), [(1.2, HOLDS), (0.9, FAILS), (WIDE, UNCHECKED)])
def test_slower_step(ratio, word):
    assert judge("batchnorm-slower-step", ratio=ratio).word == word


@pytest.mark.parametrize(
    ("gain", "dropout", "fitted", "word"),
    [
        (0.01, 0.0, 1.0, HOLDS),
        ([-0.001, 0.0, 0.001], 0.0, 1.0, FAILS),
        (0.01, 0.1, 1.0, CONDITION),
        (-0.01, 0.0, 1.0, FAILS),
        (WIDE, 0.0, 1.0, UNCHECKED),
        (0.01, 0.0, 0.5, UNCHECKED),
    ],
)
def test_regularizes(gain, dropout, fitted, word):
    means = {
        "batch_norm_gain": gain, "dropout_gain": dropout,
        "plain_train": 1.0, "batch_norm_train": fitted,
    }  # fmt: skip
    assert judge("batchnorm-regularizes", **means).word == word


@pytest.mark.parametrize(
    ("relu", "tanh", "word"),
    [
        (1.21, 1.2, HOLDS),
        (1.21, 1.05, CONDITION),
        (0.9, 1.2, FAILS),
        (1.5, 1.5, FAILS),
        ([1.1, 1.2, 1.3], 1.05, UNCHECKED),
    ],
)
def test_explodes(relu, tanh, word):
    means = {"relu,_batch_200": relu, "relu,_batch_8": 1.2, "tanh,_batch_200": tanh}
    assert judge("batchnorm-explodes", **means).word == word
