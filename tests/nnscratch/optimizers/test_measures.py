"""What a tap is told of a step: measures of every parameter against raw copies."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.optimizers.measures import ParameterMeasures, step_share
from nnscratch.parameters import Parameters
from nnscratch.sampling import parameter_stride

# Longer than a block, shorter than a run of the sample, and between.
SHAPES = {"0.weight": (70, 90), "0.bias": (90,), "1.gamma": (1,), "2.weight": (90, 3)}
KERNELS = pytest.mark.parametrize("kernels", ["numba", "reference"])
CLIPS = {"none": None, "value": nn.ClipByValue(0.8), "global": nn.ClipByGlobalNorm(3.0)}


def expected_measures(before, after, grads):
    """The seven rows, in extended precision from raw copies."""
    rows = []
    for name in before:
        p, q, g = (np.array(x[name], np.longdouble).ravel() for x in (after, before, grads))
        bad = [np.count_nonzero(~np.isfinite(x[name])) for x in (after, grads)]
        norms = [np.sqrt(np.sum(x * x)) for x in (p, q, p - q, g)]
        rows.append([norms[0], p.mean(), *norms[1:], *bad])
    return np.array(rows, float).T


def expected_histogram(values):
    """Of evenly spaced runs of 16 elements (`test_sampling` says which columns they come by)."""
    samples = 64
    while samples < min(values.size / 64, 512):
        samples *= 2
    columns = values.shape[-1] if values.ndim > 1 else 1
    stride = parameter_stride(values.size, columns) // 16
    flat, length = values.ravel(), min(16, values.size)
    starts = range(0, flat.size - length + 1, 16 * stride)[: samples // 16]
    edges = np.concatenate((-(2.0 ** np.arange(12, -20, -1)), [0], 2.0 ** np.arange(-19, 13)))
    edges[0], edges[-1] = -np.inf, np.inf
    return np.histogram([flat[i : i + length] for i in starts], edges)[0]


class Own(nn.SGD):
    """An optimizer somebody wrote: no native step."""

    def update(self, params, grads, lr):
        params.flat[...] -= params.dtype.type(lr) * np.sign(grads.flat)


WATCHED = {
    "sgd": lambda **k: nn.SGD(0.1, **k),
    "momentum": lambda **k: nn.SGD(0.1, momentum=0.9, **k),
    "nesterov": lambda **k: nn.SGD(0.1, momentum=0.9, nesterov=True, **k),
    "rmsprop": lambda **k: nn.RMSProp(0.1, **k),
    "adamw": lambda **k: nn.AdamW(0.1, **k),
    "own": lambda **k: Own(0.1, **k),
    "steepest": lambda **k: nn.SteepestDescent(0.1, "spectral", **k),
}


@KERNELS
@pytest.mark.parametrize("name", WATCHED)
@pytest.mark.parametrize("clip", CLIPS)
def test_measures(kernels, name, clip, watch):
    rng = np.random.default_rng(1)
    dtype = np.float32
    params, grads = Parameters(SHAPES, dtype), Parameters(SHAPES, dtype)
    optimizer = WATCHED[name](clip=CLIPS[clip])
    optimizer.tap = watch(params, grads)
    params.flat[...] = rng.standard_normal(params.flat.size)
    with nn.use_kernels(kernels):
        for _ in range(2):
            grads.flat[...] = 0.1 * rng.standard_normal(grads.flat.size)
            before = {key: params[key].copy() for key in params}
            raw = {key: grads[key].copy() for key in grads}
            report = optimizer.step(params, grads)
            told, lr, values, histogram = optimizer.tap.told[-1]
            assert told is report
            assert lr == 0.1
            expected = expected_measures(before, params, raw)
            np.testing.assert_allclose(values[[0, 2, 3, 4]], expected[[0, 2, 3, 4]], rtol=1e-6)
            np.testing.assert_allclose(values[1], expected[1], atol=1e-7)
            np.testing.assert_array_equal(values[5:], 0)
            for row, key in zip(histogram, params, strict=True):
                np.testing.assert_array_equal(row, expected_histogram(params[key]))
                assert 0 < row.sum() <= 128


@KERNELS
@pytest.mark.parametrize(
    ("dtype", "size"),
    [(np.float32, 1e-30), (np.float32, 1e30), (np.float64, 1e-200), (np.float64, 1e200)],
)
@pytest.mark.parametrize("clip", ["none", "value"])
def test_measures_of_extreme_sizes(kernels, dtype, size, clip, watch):
    rng = np.random.default_rng(1)
    params, grads = Parameters(SHAPES, dtype), Parameters(SHAPES, dtype)
    optimizer = nn.SGD(0.5, clip=None if clip == "none" else nn.ClipByValue(size))
    optimizer.tap = watch(params, grads)
    params.flat[...] = size * rng.standard_normal(params.flat.size)
    grads.flat[...] = size * rng.standard_normal(params.flat.size)
    before = {key: params[key].copy() for key in params}
    raw = {key: grads[key].copy() for key in grads}
    with nn.use_kernels(kernels):
        report = optimizer.step(params, grads)
    expected = expected_measures(before, params, raw)
    close = 1e-6 if dtype == np.float32 else 1e-13
    values = optimizer.tap.measures.values
    np.testing.assert_allclose(values[[0, 2, 3, 4]], expected[[0, 2, 3, 4]], rtol=close)
    np.testing.assert_allclose(values[1], expected[1], rtol=1e-5, atol=1e-7 * size)
    if report is not None:
        g, c = (np.concatenate([x[key].ravel() for key in x]) / size for x in (raw, grads))
        g, c = g.astype(np.longdouble), c.astype(np.longdouble)
        assert report.cosine == pytest.approx(float(g @ c / np.sqrt((g @ g) * (c @ c))), rel=1e-6)
        assert 0.9 < report.cosine < 1


@KERNELS
@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "adamw"])
@pytest.mark.parametrize("least", [-45, -30, -18])
def test_measures_of_vanishing_gradients(kernels, name, least, watch):
    """Parameters as always, gradients (or their squares) subnormal, some zero."""
    rng = np.random.default_rng(1)
    params, grads = Parameters(SHAPES, np.float32), Parameters(SHAPES, np.float32)
    optimizer = WATCHED[name]()
    optimizer.tap = watch(params, grads)
    params.flat[...] = rng.standard_normal(params.flat.size)
    params["0.bias"][...] = 0  # moves by next to nothing
    grads.flat[...] = rng.choice([-1, 0, 1], grads.flat.size)
    grads.flat[...] *= 10 ** rng.uniform(least, least + 6, grads.flat.size)
    before = {key: params[key].copy() for key in params}
    raw = {key: grads[key].copy() for key in grads}
    with nn.use_kernels(kernels):
        optimizer.step(params, grads)
    expected = expected_measures(before, params, raw)
    values = optimizer.tap.measures.values
    np.testing.assert_allclose(values[[0, 2, 3, 4]], expected[[0, 2, 3, 4]], rtol=1e-6)
    np.testing.assert_allclose(values[1], expected[1], atol=1e-7)


@KERNELS
def test_measures_where_nothing_moves_or_all_is_lost(kernels, watch):
    params, grads = Parameters(SHAPES, np.float32), Parameters(SHAPES, np.float32)
    optimizer = nn.SGD(0.0, momentum=0.9, clip=nn.ClipByValue(1.0))
    optimizer.tap = watch(params, grads)
    with nn.use_kernels(kernels):
        report = optimizer.step(params, grads)
        assert math.isnan(report.cosine)
        np.testing.assert_array_equal(optimizer.tap.measures.values, 0)
        params["0.weight"][3, :5] = np.nan
        params["0.weight"][69, 89] = np.inf
        grads["0.bias"][[1, 5, 8]] = np.inf, -np.inf, np.nan
        params["0.bias"][7] = -0.0
        report = optimizer.step(params, grads)
    measures = optimizer.tap.measures
    np.testing.assert_array_equal(measures.param_gradient_nonfinite, [0, 3, 0, 0])
    np.testing.assert_array_equal(measures.param_nonfinite, [6, 1, 0, 0])
    assert math.isnan(measures.param_norm[0])
    assert math.isnan(measures.param_gradient_norm[1])
    assert math.isnan(report.norm_before)
    assert math.isnan(report.cosine)
    histogram = measures.histogram()
    assert histogram[1, 32] == 63  # zeros of either sign in four runs; not NaN
    assert histogram[1].sum() == 63


def test_a_step_that_is_not_due_is_not_measured(watch):
    params, grads = Parameters(SHAPES, np.float32), Parameters(SHAPES, np.float32)
    optimizer = nn.Adam()
    optimizer.tap = watch(params, grads)
    optimizer.tap.due = False
    optimizer.step(params, grads)
    assert np.isnan(optimizer.tap.measures.values).all()
    assert optimizer.tap.told == []


def test_measures_refuse_what_does_not_fit():
    params = Parameters(SHAPES, np.float32)
    with pytest.raises(nn.ConfigError, match="another layout"):
        ParameterMeasures(params, Parameters({"0.weight": (7, 9)}, np.float32))
    assert ParameterMeasures(params, params, histogram=False).samples.size == 0


def test_measures_of_parameters_whose_type_changes():
    measured = []
    measures = None
    for dtype in (np.float32, np.float64):
        params, grads = (Parameters(SHAPES, dtype) for _ in range(2))
        measures = measures or ParameterMeasures(params, grads)
        params.flat[...] = 1 / 3
        measures.measure_before(params, grads)
        params.flat += dtype(2.0**-30 if dtype == np.float64 else 2.0**-10)
        measures.measure_after(params)
        measured.append(measures.param_update_norm / np.sqrt(np.diff(params.offsets)))
    np.testing.assert_allclose(np.divide(*measured), 2.0**20, rtol=1e-3)


def test_the_part_of_a_step_that_epsilon_leaves():
    """In the middle of the parameters that have come to anything."""
    assert step_share([0.0, 1.0, 3.0], [1.0, 1.0, 1.0]) == (0.5 + 0.75) / 2
    assert math.isnan(step_share([0.0, 0.0], [1.0, 1.0]))
