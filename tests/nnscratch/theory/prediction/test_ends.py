"""Input and loss as theory sees them."""

import math

import numpy as np
import pytest

from nnscratch.theory.ends import input_statistics, softmax_gradient


def test_input_statistics(data):
    x = data[0][:300].astype(np.float64)
    found = input_statistics(x, 50)
    gram = x @ x.T / 64
    assert found.square == pytest.approx(np.trace(gram) / 300)
    assert found.product == pytest.approx((gram.sum() - np.trace(gram)) / (300 * 299))


@pytest.mark.parametrize(("q", "c"), [(0.01, 0.0), (2.0, 0.5), (30.0, 0.9)])
def test_softmax_gradient_against_sampling(q, c):
    rng = np.random.default_rng(1)
    classes, count = 10, 60_000
    shared, a, b = rng.standard_normal((3, count, classes))
    p = []
    for own in (a, b):
        e = np.exp(math.sqrt(q) * (math.sqrt(c) * shared + math.sqrt(1 - c) * own))
        p.append(e / e.sum(axis=1, keepdims=True))
    d = [one - np.eye(classes)[rng.integers(0, classes, count)] for one in p]
    found = softmax_gradient(q, c, classes)
    square = np.mean(np.sum(d[0] ** 2, axis=1))
    product = np.sum(d[0] * d[1], axis=1)
    assert found.square == pytest.approx(square, rel=0.03)
    assert found.correlation == pytest.approx(product.mean() / square, abs=0.02)
    assert found.correlation_square == pytest.approx(np.mean(product**2) / square**2, abs=0.02)
