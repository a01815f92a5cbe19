"""The adaptive optimizers against their formulas, step by step."""

import numpy as np
import pytest

import nnscratch as nn

RTOL = {np.float32: 5e-5, np.float64: 1e-12}
each_dtype = pytest.mark.parametrize("dtype", RTOL)


def discounted(values, factor):
    """``(1 - factor) * sum_s factor^(t - s) * values[s]`` over the values so far."""
    t = len(values) - 1
    return (1 - factor) * sum(factor ** (t - s) * value for s, value in enumerate(values))


@each_dtype
def test_rmsprop(dtype, run, stream):
    p, gradients = stream
    path = run(nn.RMSProp(0.01, decay=0.9, epsilon=1e-4), dtype=dtype)
    for t, found in enumerate(path):
        average = discounted([g**2 for g in gradients[: t + 1]], 0.9)
        p = p - 0.01 * gradients[t] / (np.sqrt(average) + 1e-4)
        np.testing.assert_allclose(found, p, rtol=RTOL[dtype], atol=RTOL[dtype])


@each_dtype
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_adam(dtype, weight_decay, run, stream):
    p, gradients = stream
    settings = {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4}
    if weight_decay:
        optimizer = nn.AdamW(0.02, **settings, weight_decay=weight_decay)
    else:
        optimizer = nn.Adam(0.02, **settings)
    path = run(optimizer, dtype=dtype)
    for t, found in enumerate(path):
        # Weighted means: the correction makes the weights sum to 1.
        first = discounted(gradients[: t + 1], 0.8) / (1 - 0.8 ** (t + 1))
        second = discounted([g**2 for g in gradients[: t + 1]], 0.95) / (1 - 0.95 ** (t + 1))
        p = p * (1 - 0.02 * weight_decay) - 0.02 * first / (np.sqrt(second) + 1e-4)
        np.testing.assert_allclose(found, p, rtol=RTOL[dtype], atol=RTOL[dtype])


@each_dtype
def test_adagrad(dtype, run, stream):
    p, gradients = stream
    path = run(nn.Adagrad(0.05, initial=0.2, epsilon=1e-3), dtype=dtype)
    for t, found in enumerate(path):
        squares = 0.2 + sum(g**2 for g in gradients[: t + 1])
        p = p - 0.05 * gradients[t] / (np.sqrt(squares) + 1e-3)
        np.testing.assert_allclose(found, p, rtol=RTOL[dtype], atol=RTOL[dtype])


@each_dtype
def test_adadelta(dtype, run, stream):
    p, gradients = stream
    path, steps = run(nn.Adadelta(0.7, decay=0.8, epsilon=1e-3), dtype=dtype), []
    for t, found in enumerate(path):
        squares = discounted([g**2 for g in gradients[: t + 1]], 0.8)
        before = discounted([d**2 for d in steps], 0.8) if steps else 0
        steps.append(np.sqrt((before + 1e-3) / (squares + 1e-3)) * gradients[t])
        p = p - 0.7 * steps[-1]
        np.testing.assert_allclose(found, p, rtol=RTOL[dtype], atol=RTOL[dtype])


@each_dtype
def test_adamax(dtype, run, stream):
    p, gradients = stream
    path = run(nn.Adamax(0.02, beta1=0.8, beta2=0.5, epsilon=1e-3), dtype=dtype)
    for t, found in enumerate(path):
        first = discounted(gradients[: t + 1], 0.8) / (1 - 0.8 ** (t + 1))
        sizes = [0.5 ** (t - s) * (abs(g) + 1e-3) for s, g in enumerate(gradients[: t + 1])]
        p = p - 0.02 * first / np.max(sizes, axis=0)
        np.testing.assert_allclose(found, p, rtol=RTOL[dtype], atol=RTOL[dtype])


@each_dtype
def test_nadam(dtype, run, stream):
    p, gradients = stream
    settings = {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3, "momentum_decay": 0.5}
    path = run(nn.Nadam(0.02, **settings), dtype=dtype)
    mu = [0.8 * (1 - 0.96 ** (0.5 * t) / 2) for t in range(1, len(path) + 2)]
    for t, found in enumerate(path):
        now, ahead = (
            (1 - mu[t]) / (1 - np.prod(mu[: t + 1])),
            mu[t + 1] / (1 - np.prod(mu[: t + 2])),
        )
        second = discounted([g**2 for g in gradients[: t + 1]], 0.95) / (1 - 0.95 ** (t + 1))
        step = now * gradients[t] + ahead * discounted(gradients[: t + 1], 0.8)
        p = p - 0.02 * step / (np.sqrt(second) + 1e-3)
        np.testing.assert_allclose(found, p, rtol=RTOL[dtype], atol=RTOL[dtype])


@pytest.mark.parametrize("same", [True, False])
def test_nadam_goes_on_as_it_did_from_a_checkpoint(same, parameters):
    optimizer, params, grads = nn.Nadam(0.02), parameters(0), parameters(1)
    ends, kept = [], None
    for start in (0, 4):
        if kept is not None:  # back to where four steps were made
            optimizer = optimizer if same else nn.Nadam(0.02)
            optimizer.load_state_dict(kept[0])
            params.flat[...] = kept[1]
        for step in range(start, 8):
            if step == 4:
                kept = optimizer.state_dict(), params.flat.copy()
            grads.flat[...] = parameters(100 + step).flat
            optimizer.step(params, grads)
        ends.append(params.flat.tobytes())
    assert ends[0] == ends[1]


def test_adam_takes_steps_of_the_size_of_the_rate(parameters):
    """Whatever the scale of the gradient, the first step is lr * sign(g)."""
    for scale in (1e-4, 1.0, 1e6):
        params, grads = parameters(0), parameters(1)
        before = params.flat.copy()
        grads.flat *= scale
        signs = np.sign(grads.flat)
        nn.Adam(0.01, epsilon=1e-15).step(params, grads)
        np.testing.assert_allclose(params.flat - before, -0.01 * signs, rtol=1e-6)


def test_weight_decay_is_decoupled(parameters):
    """Without a gradient AdamW shrinks the weights by exactly 1 - lr * weight_decay."""
    params, grads = parameters(0), parameters(1)
    before = params.flat.copy()
    grads.flat[...] = 0
    nn.AdamW(0.1, weight_decay=0.5).step(params, grads)
    np.testing.assert_allclose(params.flat, 0.95 * before, rtol=1e-15)


def test_defaults():
    assert repr(nn.Adam()) == "Adam(lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08)"
    assert repr(nn.RMSProp(0.1)) == "RMSProp(lr=0.1, decay=0.99, epsilon=1e-08)"
    assert nn.AdamW().weight_decay == 0.01
