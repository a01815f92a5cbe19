"""Compiled recurrent kernels against the readable ones: sizes, masks, directions, dtypes, parts."""

from __future__ import annotations

import numpy as np
import pytest

import nnscratch_kernels
from nnscratch_kernels.runtime import threads

REFERENCE = nnscratch_kernels.load("reference")
COMPILED = nnscratch_kernels.load("numba")
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
# batch, steps, features in, units
SHAPES = [(1, 1, 1, 1), (3, 2, 5, 7), (20, 6, 6, 50), (33, 5, 17, 33), (5, 30, 3, 16)]
NAMES = [f"{cell}_{way}" for cell in GATES for way in ("forward", "backward")]


def arguments(
    name,
    rng,
    dtype,
    shape,
    masked=False,
    reverse=False,
    activation="tanh",
    constant=0.0,
    through=(),
):
    """Arguments for a recurrent kernel, outputs filled with noise; and how many it fills."""
    batch, steps, n_in, n = shape
    cell, way = name.split("_")
    wide = GATES[cell] * n

    def make(*size):
        return (rng.standard_normal(size) / np.sqrt(n)).astype(dtype)

    def states(count):
        return [make(batch, steps * n) for _ in range(count)]

    mask = (rng.random((batch, steps * masked)) < 0.7).astype(dtype)
    x, weight, bias = make(batch, steps * n_in), make(n_in, wide), make(wide)
    gates, weights = make(batch, steps * wide), make(n, wide)
    positive = abs(gates) / abs(gates).max()  # as gates are
    start = [make(batch, n) for _ in range(4)]
    rest = [mask, *[np.array(through, dtype)] * (way == "backward"), reverse]
    if cell == "rnn":
        rest += [f"{activation}_{way}", constant]
        if way == "forward":
            return [*states(3), x, weight, bias, weights, start[0], *rest], 3
        return [*states(2), start[0], *states(3), weights, *rest], 3
    if cell == "lstm":
        if way == "forward":
            return [*states(2), gates, *states(1), x, weight, bias, weights, *start[:2], *rest], 4
        outputs = [gates, *states(2), *start[:2]]
        return [*outputs, *states(2), positive, start[2], weights, *rest], 5
    if way == "forward":
        return [
            *(*states(1), gates, *states(2), x, weight, bias, weights, make(wide), start[0], *rest)
        ], 4
    outputs = [gates, make(batch, steps * wide), *states(1), start[0]]
    return [*outputs, *states(1), positive, *states(2), weights, *rest], 4


def copies(values):
    return [v.copy() if isinstance(v, np.ndarray) else v for v in values]


def compared(name, values, count, dtype):
    expected = copies(values)
    getattr(REFERENCE, name)(*expected)
    getattr(COMPILED, name)(*values)
    tolerance = 2e-5 if dtype == np.float32 else 1e-12
    for i, (got, want) in enumerate(zip(values[:count], expected, strict=False)):
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance, err_msg=f"{name} {i}")
    for got, want in zip(values[count:], expected[count:], strict=True):
        np.testing.assert_array_equal(got, want)  # what is read stays


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_compiled_and_readable_kernels_agree(name, dtype):
    rng = np.random.default_rng(1)
    for shape in SHAPES:
        for masked in (False, True):
            for reverse in (False, True):
                compared(name, *arguments(name, rng, dtype, shape, masked, reverse), dtype)


@pytest.mark.parametrize(
    ("activation", "constant"),
    [("relu", 0.0), ("leaky_relu", 0.2), ("elu", 0.5), ("softsign", 0.0), ("hard_sigmoid", 0.2)],
)
@pytest.mark.parametrize("way", ["forward", "backward"])
def test_any_activation_stands_in_a_plain_recurrent_layer(way, activation, constant):
    rng = np.random.default_rng(2)
    given = arguments(
        f"rnn_{way}", rng, np.float64, (9, 5, 3, 10), True, False, activation, constant
    )
    compared(f"rnn_{way}", *given, np.float64)


@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_threads_gives_the_same_bits(name):
    before, found = threads.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            values, filled = arguments(name, np.random.default_rng(3), np.float32, (41, 4, 7, 19))
            getattr(COMPILED, name)(*values)
            found.append(np.concatenate([v.ravel() for v in values[:filled]]))
    finally:
        threads.set_num_threads(before)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_a_step_not_taken_hands_on_no_nan():
    values, _ = arguments("lstm_forward", np.random.default_rng(4), np.float64, (2, 3, 2, 3), True)
    values[-2][...] = [[1, 0, 1], [1, 1, 1]]
    values[4].reshape(2, 3, 2)[0, 1] = np.nan
    COMPILED.lstm_forward(*values)
    assert np.isfinite(values[0]).all()
    np.testing.assert_array_equal(*values[0].reshape(2, 3, 3)[0, :2])


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("backward")])
def test_what_goes_back_from_a_step_is_scaled_or_cut(name, masked):
    rng = np.random.default_rng(5)
    for through in ([1, 0, 1, 1, 0], [0.5, 2, 0, 1, 1.5]):
        given = arguments(name, rng, np.float64, (9, 5, 3, 10), masked, masked, through=through)
        compared(name, *given, np.float64)
