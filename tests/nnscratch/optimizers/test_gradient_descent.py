"""Gradient descent and momentum against their formulas, step by step."""

import numpy as np
import pytest

import nnscratch as nn

RTOL = {np.float32: 2e-5, np.float64: 1e-13}
each_dtype = pytest.mark.parametrize("dtype", RTOL)


@each_dtype
def test_gradient_descent(dtype, run, stream):
    p, gradients = stream
    expected = p - 0.1 * np.cumsum(gradients, axis=0)
    path = run(nn.SGD(0.1), dtype=dtype)
    np.testing.assert_allclose(path, expected, rtol=RTOL[dtype], atol=RTOL[dtype])


@each_dtype
@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum(dtype, nesterov, run, stream):
    p, gradients = stream
    path = run(nn.SGD(0.1, momentum=0.8, nesterov=nesterov), dtype=dtype)
    for t, found in enumerate(path):
        # The velocity written out: a sum of all gradients so far, the old ones discounted.
        velocity = sum(0.8 ** (t - s) * gradients[s] for s in range(t + 1))
        p = p - 0.1 * (gradients[t] + 0.8 * velocity if nesterov else velocity)
        np.testing.assert_allclose(found, p, rtol=RTOL[dtype], atol=RTOL[dtype])


def test_nesterov_is_momentum_seen_from_ahead(parameters):
    """Nesterov's own form evaluates the gradient at q = p - lr * momentum * v.

    On a quadratic both forms walk the same path, one seen at q, the other at p.
    """
    curvature = np.linspace(0.5, 2, 58)
    lr, momentum = 0.2, 0.7
    p, velocity, ahead = np.ones(58), np.zeros(58), []
    for _ in range(15):
        ahead.append(p - lr * momentum * velocity)
        velocity = momentum * velocity + curvature * ahead[-1]
        p = p - lr * velocity
    params, grads = parameters(0), parameters(1)
    params.flat[:] = 1
    optimizer = nn.SGD(lr, momentum=momentum, nesterov=True)
    for expected in ahead:
        np.testing.assert_allclose(params.flat, expected, rtol=1e-12, atol=1e-15)
        grads.flat[:] = curvature * params.flat
        optimizer.step(params, grads)


@pytest.mark.parametrize("optimizer", [nn.SGD(0.1), nn.SGD(0.1, momentum=0.9)])
def test_nan_reaches_only_its_own_parameter(optimizer, parameters):
    params, grads = parameters(0), parameters(1)
    grads.flat[7] = np.nan
    optimizer.step(params, grads)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(params.flat)), [7])


def test_without_momentum_nothing_is_kept_for_each_parameter(parameters):
    optimizer = nn.SGD(0.1)
    optimizer.step(parameters(0), parameters(1))
    assert not optimizer.state
