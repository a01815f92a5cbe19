"""Matrix products: against float64 truth, at every edge of the tiles, to the bit across threads."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from nnscratch_kernels.compiled import gemm
from nnscratch_kernels.runtime import threads
from nnscratch_kernels.vector.vectors import FUSED, WIDTH

compiled = importlib.import_module("nnscratch_kernels.compiled.matmul")
reference = importlib.import_module("nnscratch_kernels.reference.matmul")

DTYPES = [np.float32, np.float64]

# Around the tile heights (12, 8, 4, 2, 1; 6) and the vectors (16, 8, 4, 2), and shapes of layers.
SHAPES = [
    (1, 1, 1),
    (12, 5, 32),
    (13, 7, 33),
    (11, 64, 31),
    (27, 3, 17),
    (6, 16, 15),
    (1, 100, 10),
    (60, 100, 10),
    (64, 1, 48),
    (25, 600, 70),
]


@cache
def _family(width: int) -> gemm.Family:
    if width == WIDTH:
        return gemm.Family(gemm.multiply, gemm.pack_transposed, gemm.pack, gemm.add_product)
    if width == 0:
        return gemm.plain_family()
    return gemm.vector_family(width, 6, FUSED)


@pytest.fixture(autouse=True)
def _same_threads_after() -> Iterator[None]:
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def _random(shape: tuple[int, ...], dtype: Any, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def _close(got: np.ndarray, truth: np.ndarray, depth: int) -> None:
    """Within the rounding of a sum of `depth` products of standard normal numbers."""
    tolerance = 4 * np.finfo(got.dtype).eps * (depth + 4)
    assert got.shape == truth.shape
    np.testing.assert_allclose(got, truth, rtol=tolerance, atol=tolerance)


def _guarded(shape: tuple[int, int], dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """An output in the middle of a larger flat array, at an odd place; and that array."""
    size = shape[0] * shape[1]
    whole = np.full(size + 141, 77, dtype)
    return whole[37 : 37 + size].reshape(shape), whole


def _guards_stand(whole: np.ndarray) -> bool:
    return bool((whole[:37] == 77).all() and (whole[-104:] == 77).all())


def _run(width: int, kind: str, c: np.ndarray, a: np.ndarray, b: np.ndarray, start: Any) -> None:
    """One product of whole C by the family of `width`; `kind` says which operand is transposed."""
    family = _family(width)
    m, n = c.shape
    if kind == "a_bt":
        scratch, whole = _guarded((b.shape[1], b.shape[0]), b.dtype)
        family.pack_transposed(scratch, b, 0, n)
        assert _guards_stand(whole)
        family.multiply(c, a, scratch, start, False, True, 0, m, 0, n)
    else:
        family.multiply(c, a, b, start, kind == "at_b", False, 0, m, 0, n)


def _stored(kind: str, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The operands of `a @ b` as `kind` wants them stored."""
    if kind == "at_b":
        return np.ascontiguousarray(a.T), b
    return (a, np.ascontiguousarray(b.T)) if kind == "a_bt" else (a, b)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_family_multiplies_every_shape(width: int, dtype: Any) -> None:
    for m, k, n in SHAPES:
        a, b = _random((m, k), dtype, 1), _random((k, n), dtype, 2)
        bias, old = _random((1, n), dtype, 3), _random((m, n), dtype, 4)
        product = a.astype(np.float64) @ b.astype(np.float64)
        for kind in ("a_b", "at_b", "a_bt"):
            c, whole = _guarded((m, n), dtype)
            operands = _stored(kind, a, b)
            for start, truth in ((c[:0], product), (bias, product + bias), (c, product + old)):
                c[:] = old
                _run(width, kind, c, *operands, start)
                _close(c, truth, k)
                assert _guards_stand(whole)


@pytest.mark.skipif(not FUSED, reason="where products are rounded, loops may differ")
def test_every_vector_width_gives_the_same_bits(vector_width: int) -> None:
    a, b = _random((29, 50), np.float32, 1), _random((50, 61), np.float32, 2)
    expected = np.zeros((29, 61))
    for k in range(50):  # fma: the exact product (in float64) and the sum, rounded once
        expected = (np.outer(a[:, k].astype(float), b[k].astype(float)) + expected).astype("f4")
        expected = expected.astype(float)
    c = np.empty((29, 61), np.float32)
    _run(vector_width, "a_b", c, a, b, c[:0])
    # Twice-rounded sums (float64, then float32) differ from fma about once in 2^29 times.
    assert np.array_equal(c, expected)


def test_large_products_are_blocked_to_the_same_bits() -> None:
    m, k, n = 410, 1100, 330
    assert k > gemm.DEPTH
    assert m > gemm.PACK_TILES * gemm.ROWS
    assert n > gemm.PACK_COLUMNS
    a, b = _random((m, k), np.float32, 1), _random((k, n), np.float32, 2)
    truth = a.astype(np.float64) @ b.astype(np.float64)
    bits = set()
    for kind in ("a_b", "at_b", "a_bt"):
        c = np.empty((m, n), np.float32)
        operands = _stored(kind, a, b)
        _run(WIDTH, kind, c, *operands, c[:0])
        assert np.abs(c - truth).max() < 1e-4 * np.abs(truth).max()
        bits.add(c.tobytes())
        if kind == "a_b":
            parts = np.empty_like(c)  # in slices of too few rows for B to be copied
            for i in range(0, m, 10):
                gemm.multiply(parts, a, b, parts[:0], False, False, i, i + 10, 0, n)
            bits.add(parts.tobytes())
    assert len(bits) == 1


@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_nan_and_infinity_reach_their_row_and_column_only(width: int, special: float) -> None:
    m, k, n = 14, 9, 35
    a, b = _random((m, k), np.float32, 1), _random((k, n), np.float32, 2)
    a[13, 4] = special
    b[3, 34] = special
    with np.errstate(invalid="ignore"):
        truth = a @ b
    for kind in ("a_b", "at_b", "a_bt"):
        c, whole = _guarded((m, n), np.float32)
        _run(width, kind, c, *_stored(kind, a, b), c[:0])
        assert np.array_equal(np.isnan(c), np.isnan(truth))
        assert np.array_equal(np.isinf(c), np.isinf(truth))
        assert np.isfinite(c[:13, :34]).all()
        assert _guards_stand(whole)


def _layer(batch: int, n_in: int, n_out: int, dtype: Any, module: Any) -> list[np.ndarray]:
    """Every public kernel once; the outputs start as rubbish, so that overwriting is seen."""
    x, weight = _random((batch, n_in), dtype, 1), _random((n_in, n_out), dtype, 2)
    bias, dy = _random((n_out,), dtype, 3), _random((batch, n_out), dtype, 4)
    names = {
        "y": (batch, n_out),
        "dweight": (n_in, n_out),
        "dbias": (n_out,),
        "dx": (batch, n_in),
        "a_b": (batch, n_out),
        "at_b": (n_in, n_out),
        "a_bt": (batch, n_in),
    }
    out = {name: np.full(shape, np.nan, dtype) for name, shape in names.items()}
    scratch = np.full((n_out, n_in), np.nan, dtype)
    module.dense_forward(out["y"], x, weight, bias)
    module.dense_backward_parameters(out["dweight"], out["dbias"], dy, x, False)
    twice = [out["dweight"].copy(), out["dbias"].copy()]
    module.dense_backward_parameters(*twice, dy, x, True)
    module.dense_backward_input(out["dx"], dy, weight, scratch)
    module.matmul(out["a_b"], x, weight)
    module.matmul_at_b(out["at_b"], x, dy)
    module.matmul_a_bt(out["a_bt"], dy, weight, scratch)
    return [*out.values(), *twice]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 20, 33), (60, 100, 100), (200, 130, 90)], ids=str)
def test_dense_layer_agrees_with_reference(shape: tuple[int, int, int], dtype: Any) -> None:
    truth = _layer(*shape, np.float64, reference)
    if dtype == np.float32:  # the float64 truth of the very same float32 inputs
        truth = _truth_of_float32(*shape)
    for got, expected in zip(_layer(*shape, dtype, compiled), truth, strict=True):
        _close(got, expected, 2 * max(shape))


def _truth_of_float32(batch: int, n_in: int, n_out: int) -> list[np.ndarray]:
    x, weight = (
        _random(s, np.float32, i).astype(float) for s, i in (((batch, n_in), 1), ((n_in, n_out), 2))
    )
    bias, dy = (
        _random(s, np.float32, i).astype(float) for s, i in (((n_out,), 3), ((batch, n_out), 4))
    )
    dweight, dbias, dx = x.T @ dy, dy.sum(0), dy @ weight.T
    y = x @ weight
    return [y + bias, dweight, dbias, dx, y, dweight, dx, 2 * dweight, 2 * dbias]


@pytest.mark.parametrize("module", [reference, compiled], ids=["reference", "compiled"])
@pytest.mark.parametrize("shape", [(0, 3, 4), (5, 0, 4), (5, 3, 0)], ids=str)
def test_empty_dimensions(module: Any, shape: tuple[int, int, int]) -> None:
    batch, n_in, n_out = shape
    y, dweight, dbias, dx, a_b, *_ = _layer(batch, n_in, n_out, np.float32, module)
    assert np.array_equal(a_b, np.zeros((batch, n_out)))
    assert np.array_equal(y, np.broadcast_to(_random((n_out,), np.float32, 3), y.shape))
    assert not dx.any()
    if batch == 0:
        assert not dweight.any()
        assert not dbias.any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(200, 150, 90), (130, 30, 1000), (1500, 101, 17)], ids=str)
def test_number_of_threads_changes_no_bit(shape: tuple[int, int, int], dtype: Any) -> None:
    assert np.prod(shape) > compiled.WORTH_THREADS
    threads.set_num_threads(1)
    alone = _layer(*shape, dtype, compiled)
    threads.set_num_threads(2)
    together = _layer(*shape, dtype, compiled)
    for one, two in zip(alone, together, strict=True):
        assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("chunks", [2, 3, 7])
def test_any_number_of_chunks_covers_the_output(chunks: int) -> None:
    for m, k, n in [(5, 4, 3), (50, 9, 130), (130, 9, 50)]:
        a, b = _random((m, k), np.float32, 1), _random((k, n), np.float32, 2)
        c, whole = _guarded((m, n), np.float32)
        for chunk in range(chunks):
            compiled.gemm_serial(c, a, b, b, c[:0], compiled.A_B, chunk, chunks)
        expected = np.empty_like(c)
        compiled.matmul(expected, a, b)
        assert np.array_equal(c, expected)
        assert _guards_stand(whole)


def test_rows_do_not_depend_on_the_rest_of_the_batch() -> None:
    x, weight = _random((37, 70), np.float32, 1), _random((70, 45), np.float32, 2)
    bias = _random((45,), np.float32, 3)
    y, row = np.empty((37, 45), np.float32), np.empty((1, 45), np.float32)
    compiled.dense_forward(y, x, weight, bias)
    for i in (0, 11, 12, 36):
        compiled.dense_forward(row, x[i : i + 1], weight, bias)
        assert np.array_equal(row[0], y[i])


def test_inputs_may_be_read_only() -> None:
    x, weight, bias = (_random(s, np.float32, 1) for s in ((9, 8), (8, 7), (7,)))
    y, expected = np.empty((9, 7), np.float32), np.empty((9, 7), np.float32)
    compiled.dense_forward(expected, x, weight, bias)
    x.flags.writeable = False
    compiled.dense_forward(y, x, weight, bias)
    assert np.array_equal(y, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_family_adds_a_product_with_packed_columns_inside_larger_arrays(
    width: int, dtype: Any
) -> None:
    """As one step of a recurrent layer does: rows 1 to m of wide arrays, some columns of B."""
    family = _family(width)
    for m, k, n in SHAPES:
        a, b = _random((m + 2, 3 * k), dtype, 1), _random((k, n + 5), dtype, 2)
        old = _random((m + 2, 2 * n + 3), dtype, 3)
        c, whole = _guarded(old.shape, dtype)
        c[:] = old
        panels = np.empty((k, n), dtype)
        family.pack(panels, b, 2, n + 2)
        family.add_product(c, a, panels, 1, m + 1, 3, k)
        expected = old.astype(np.float64)
        expected[1 : m + 1, 3 : n + 3] += a[1 : m + 1, k : 2 * k].astype(float) @ b[:, 2 : n + 2]
        _close(c, expected, k)
        assert _guards_stand(whole)
