"""Optimizer updates of both kernel sets against formulas in extended precision over ten steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnscratch_kernels.compiled import updates as compiled
from nnscratch_kernels.reference import updates as reference

SETS = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SIZES = pytest.mark.parametrize("size", [1, 6, 231, 6400])
GUARD = 7.25
STEPS = 10

# name -> (number of state arrays, scalars)
UPDATES: dict[str, tuple[int, tuple[float, ...]]] = {
    "gradient_descent_update": (0, (0.1,)),
    "momentum_update": (1, (0.1, 0.9)),
    "nesterov_update": (1, (0.1, 0.9)),
    "rmsprop_update": (1, (0.01, 0.9, 1e-8)),
    "adagrad_update": (1, (0.01, 0.1, 1e-8)),
    "adadelta_update": (2, (1.0, 0.9, 1e-6)),
    "adam_update": (2, (0.01, 0.9, 0.999, 1e-8, 0.1)),
    "adamax_update": (2, (0.01, 0.9, 0.999, 1e-8)),
    "nadam_update": (2, (0.01, 0.9, 0.999, 1e-8)),
}
NAMES = pytest.mark.parametrize("name", list(UPDATES))
MU = [0.9 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in range(STEPS + 2)]


def expected_params(name: str, p: Any, gradients: Any, scalars: tuple[float, ...]) -> Any:
    """Parameters after all steps, each formula written out as sums over the history."""
    p = p.astype(np.longdouble)
    history = [g.astype(np.longdouble) for g in gradients]

    def average(decay: float, values: list[Any]) -> Any:
        newest = len(values) - 1
        return sum(decay ** (newest - i) * value for i, value in enumerate(values))

    steps: list[Any] = []
    for step in range(1, len(history) + 1):
        seen, g = history[:step], history[step - 1]
        squares = [past**2 for past in seen]
        lr = scalars[0]
        if name == "gradient_descent_update":
            p = p - lr * g
        elif name == "momentum_update":
            p = p - lr * average(scalars[1], seen)
        elif name == "nesterov_update":
            p = p - lr * (g + scalars[1] * average(scalars[1], seen))
        elif name == "rmsprop_update":
            mean_square = (1 - scalars[1]) * average(scalars[1], squares)
            p = p - lr * g / (np.sqrt(mean_square) + scalars[2])
        elif name == "adagrad_update":
            p = p - lr * g / (np.sqrt(scalars[1] + sum(squares)) + scalars[2])
        elif name == "adadelta_update":
            mean_square = (1 - scalars[1]) * average(scalars[1], squares)
            travelled = (1 - scalars[1]) * average(scalars[1], steps or [0 * g])
            change = np.sqrt(travelled + scalars[2]) / np.sqrt(mean_square + scalars[2]) * g
            steps.append(change**2)
            p = p - lr * change
        elif name == "adamax_update":
            _, beta1, beta2, epsilon = scalars
            m = average(beta1, seen) * (1 - beta1) / (1 - beta1**step)
            sizes = [beta2 ** (step - 1 - i) * (abs(g) + epsilon) for i, g in enumerate(seen)]
            p = p - lr * m / np.max(sizes, axis=0)
        elif name == "nadam_update":
            _, beta1, beta2, epsilon = scalars
            m = average(beta1, seen) * (1 - beta1)
            v = average(beta2, squares) * (1 - beta2) / (1 - beta2**step)
            now, ahead = MU[step], MU[step + 1]
            product = np.prod(MU[1 : step + 1])
            top = (1 - now) / (1 - product) * g + ahead / (1 - product * ahead) * m
            p = p - lr * top / (np.sqrt(v) + epsilon)
        else:
            _, beta1, beta2, epsilon, weight_decay = scalars
            m = average(beta1, seen) * (1 - beta1) / (1 - beta1**step)
            v = average(beta2, squares) * (1 - beta2) / (1 - beta2**step)
            p = p - lr * weight_decay * p
            p = p - lr * m / (np.sqrt(v) + epsilon)
    return p


def run(kernels: Any, name: str, params: Any, states: list[Any], gradients: Any) -> None:
    scalars = UPDATES[name][1]
    for step, grads in enumerate(gradients, start=1):
        extra = (step,) if name in ("adam_update", "adamax_update", "nadam_update") else ()
        if name == "nadam_update":
            extra += (MU[step], MU[step + 1], float(np.prod(MU[1 : step + 1])))
        getattr(kernels, name)(params, *states, grads, *scalars, *extra)


@SETS
@NAMES
@SIZES
@DTYPES
def test_ten_steps_equal_the_formula(kernels: Any, name: str, size: int, dtype: Any):
    rng = np.random.default_rng(size)
    gradients = rng.normal(size=(STEPS, size)).astype(dtype)
    untouched = gradients.copy()
    count = UPDATES[name][0]
    flat = np.full((1 + count) * (size + 5) + 5, GUARD, dtype)
    params, *states = (flat[5 + k * (size + 5) :][:size] for k in range(1 + count))
    params[:] = rng.normal(size=size)
    for state in states:
        state[:] = 0
    expected = expected_params(name, params, gradients, UPDATES[name][1])
    run(kernels, name, params, states, gradients)
    close = 5e-6 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(params, expected, rtol=close, atol=close)
    np.testing.assert_array_equal(gradients, untouched)
    for array in (params, *states):
        array[:] = GUARD
    assert (flat == GUARD).all()


@NAMES
@DTYPES
def test_compiled_equals_reference_and_repeats_its_bits(name: str, dtype: Any):
    rng = np.random.default_rng(1)
    start, gradients = rng.normal(size=1000).astype(dtype), rng.normal(size=(3, 1000)).astype(dtype)
    results = []
    for kernels in (reference, compiled, compiled):
        params, states = start.copy(), [np.zeros_like(start) for _ in range(UPDATES[name][0])]
        run(kernels, name, params, states, gradients)
        results.append([params, *states])
    for expected, got, again in zip(*results, strict=True):
        np.testing.assert_array_equal(got, again)
        close = 1e-6 if dtype == np.float32 else 1e-14
        np.testing.assert_allclose(got, expected, rtol=close, atol=close)


@SETS
@NAMES
@DTYPES
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, "largest"])
def test_a_bad_gradient_spoils_its_own_parameter_alone(
    kernels: Any, name: str, dtype: Any, bad: Any
):
    grads = np.ones((2, 40), dtype)
    grads[:, 17] = np.finfo(dtype).max if bad == "largest" else bad
    params, states = np.ones(40, dtype), [np.zeros(40, dtype) for _ in range(UPDATES[name][0])]
    run(kernels, name, params, states, grads)
    assert len(np.unique(np.delete(params, 17))) == 1
    assert np.isfinite(np.delete(params, 17)).all()
    if bad != "largest":
        assert not np.isfinite(params[17])


@SETS
@DTYPES
def test_zero_gradients_leave_adam_and_rmsprop_at_rest(kernels: Any, dtype: Any):
    params, zeros = np.ones(9, dtype), np.zeros(9, dtype)
    kernels.rmsprop_update(params, zeros.copy(), zeros, 0.1, 0.9, 1e-8)
    kernels.adam_update(params, zeros.copy(), zeros.copy(), zeros, 0.1, 0.9, 0.999, 1e-8, 0.0, 1)
    np.testing.assert_array_equal(params, 1)
