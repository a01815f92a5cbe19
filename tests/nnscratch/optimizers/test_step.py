"""A step as one native call: its bits, by threads, measured or not; and what it measures."""

from __future__ import annotations

import copy
import math
import tracemalloc

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.clipping import Clip, ClipReport
from nnscratch.optimizers import Optimizer
from nnscratch.optimizers.measures import ParameterMeasures
from nnscratch.parameters import Parameters

# Longer than a block, shorter than one, empty of neighbours; large enough for several threads.
SHAPES = {"0.weight": (70, 90), "0.bias": (90,), "1.gamma": (1,), "2.weight": (90, 3)}
LARGE = {"0.weight": (300, 400), "0.bias": (400,), "2.weight": (400, 257), "2.bias": (257,)}

MAKERS = {
    "sgd": lambda **k: nn.SGD(0.1, **k),
    "momentum": lambda **k: nn.SGD(0.1, momentum=0.9, **k),
    "nesterov": lambda **k: nn.SGD(0.1, momentum=0.9, nesterov=True, **k),
    "rmsprop": lambda **k: nn.RMSProp(0.1, **k),
    "adamw": lambda **k: nn.AdamW(0.1, **k),
}
CLIPS = {
    "none": None,
    "value": nn.ClipByValue(0.8),
    "global": nn.ClipByGlobalNorm(3.0),
    "norm": nn.ClipByNorm(3.0),
}
each = pytest.mark.parametrize("name", MAKERS)
clips = pytest.mark.parametrize("clip", CLIPS)
KERNELS = pytest.mark.parametrize("kernels", ["numba", "reference"])


class Watch:
    """A tap that keeps copies of what it is told."""

    due = True

    def __init__(self, params, grads, samples=256):
        self.measures = ParameterMeasures(params, grads, samples=samples)
        self.told = []

    def before_update(self, optimizer):
        self.steps = optimizer.steps

    def updated(self, optimizer, report, lr):
        assert optimizer.steps == self.steps + 1
        self.told.append((report, lr, self.measures.values.copy(), self.measures.histogram.copy()))


def train(optimizer, shapes=SHAPES, dtype=np.float32, steps=3, tap=False, scale=1.0):
    """Make steps; return the bits of parameters, gradients and state after, and the reports."""
    rng = np.random.default_rng(0)
    params, grads = Parameters(shapes, dtype), Parameters(shapes, dtype)
    params.flat[...] = rng.standard_normal(params.flat.size)
    if tap:
        optimizer.tap = Watch(params, grads)
    reports = []
    for _ in range(steps):
        grads.flat[...] = scale * rng.standard_normal(grads.flat.size)
        reports.append(optimizer.step(params, grads))
    bits = [array.tobytes() for array in (params.flat, grads.flat, *optimizer.state.values())]
    return bits, reports


@pytest.fixture
def threads():
    """Set the number of threads for a test, whatever the machine has."""
    module = nn.backend.load_module("nnscratch_kernels.threads")
    before = module._threads

    def choose(n):
        module._threads = n

    yield choose
    module._threads = before


class InTwo:
    """Clip, then update: two calls of kernels."""

    def __init__(self, optimizer):
        self.clip, self.optimizer = optimizer.clip, optimizer
        optimizer.clip = None

    @property
    def state(self):
        return self.optimizer.state

    def step(self, params, grads):
        report = None if self.clip is None else self.clip.clip(grads)
        seen = self.optimizer
        if not seen.state:
            seen._attach(params, grads)
        seen.update(params, grads, seen.lr)
        seen.steps += 1
        return report


@each
@clips
def test_the_same_bits_as_clip_and_kernel_by_themselves(name, clip):
    expected = train(InTwo(MAKERS[name](clip=CLIPS[clip])))
    assert train(MAKERS[name](clip=CLIPS[clip])) == expected
    assert train(MAKERS[name](clip=CLIPS[clip]), tap=True) == expected
    if clip != "none":
        assert all(report.fired for report in expected[1])


@pytest.mark.parametrize("name", ["momentum", "adamw"])
@clips
def test_the_same_bits_for_any_number_of_threads(name, clip, threads):
    found = []
    for n in (1, 2, 3):
        threads(n)
        for tap in (False, True):
            optimizer = MAKERS[name](clip=CLIPS[clip])
            bits, reports = train(optimizer, LARGE, tap=tap)
            found.append((bits, reports))
            assert [step.parts for step in optimizer._compiled.values()] == [n]
        if n == 1:
            told = optimizer.tap.told
        for got, want in zip(optimizer.tap.told, told, strict=True):
            np.testing.assert_array_equal(got[2], want[2])
            np.testing.assert_array_equal(got[3], want[3])
    assert all(each == found[0] for each in found)


def test_small_steps_stay_on_one_thread(threads):
    threads(2)
    optimizer = nn.Adam(clip=nn.ClipByGlobalNorm(1.0))
    train(optimizer)
    assert [step.parts for step in optimizer._compiled.values()] == [1]


@pytest.mark.parametrize("name", ["momentum", "adamw"])
def test_both_kernel_sets_make_the_same_step(name):
    for clip in CLIPS.values():
        results = []
        for kernels in ("numba", "reference"):
            with nn.use_kernels(kernels):
                bits, reports = train(MAKERS[name](clip=clip), dtype=np.float64)
                results.append((np.frombuffer(bits[0]), reports))
        np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-12, atol=1e-14)
        for ours, theirs in zip(results[0][1], results[1][1], strict=True):
            if ours is not None:
                for field in ("norm_before", "norm_after", "fraction", "largest", "cosine"):
                    assert getattr(ours, field) == pytest.approx(getattr(theirs, field), rel=1e-12)
                assert list(ours.norms) == list(theirs.norms)


# What is measured


def expected_measures(before, after, grads):
    """The seven rows, in extended precision from raw copies."""
    rows = []
    for name in before:
        p, q, g = (np.array(x[name], np.longdouble).ravel() for x in (after, before, grads))
        bad = [np.count_nonzero(~np.isfinite(x[name])) for x in (after, grads)]
        norms = [np.sqrt(np.sum(x * x)) for x in (p, q, p - q, g)]
        rows.append([norms[0], p.mean(), *norms[1:], *bad])
    return np.array(rows, float).T


def expected_histogram(values, samples):
    """Of evenly spaced runs of 16 elements, the step between them coprime with the columns."""
    stride = max(1, -(-values.size // (samples // 16 * 16)))
    while math.gcd(stride, max(values.shape[-1] // 16, 1)) > 1:
        stride += 1
    flat, length = values.ravel(), min(16, values.size)
    starts = range(0, flat.size - length + 1, 16 * stride)
    edges = np.concatenate((-(2.0 ** np.arange(12, -20, -1)), [0], 2.0 ** np.arange(-19, 13)))
    edges[0], edges[-1] = -np.inf, np.inf
    return np.histogram([flat[i : i + length] for i in starts], edges)[0]


class Own(nn.SGD):
    """An optimizer somebody wrote: no native step."""

    def update(self, params, grads, lr):
        params.flat[...] -= params.dtype.type(lr) * np.sign(grads.flat)


WATCHED = {
    **MAKERS,
    "own": lambda **k: Own(0.1, **k),
    "steepest": lambda **k: nn.SteepestDescent(0.1, "spectral", **k),
}


@KERNELS
@pytest.mark.parametrize("name", WATCHED)
@pytest.mark.parametrize("clip", ["none", "value", "global"])
def test_measures(kernels, name, clip):
    rng = np.random.default_rng(1)
    dtype = np.float32
    params, grads = Parameters(SHAPES, dtype), Parameters(SHAPES, dtype)
    optimizer = WATCHED[name](clip=CLIPS[clip])
    optimizer.tap = Watch(params, grads, samples=100)
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
                np.testing.assert_array_equal(row, expected_histogram(params[key], 100))
                assert 0 < row.sum() <= 100


@KERNELS
@pytest.mark.parametrize(
    ("dtype", "size"),
    [(np.float32, 1e-30), (np.float32, 1e30), (np.float64, 1e-200), (np.float64, 1e200)],
)
@pytest.mark.parametrize("clip", ["none", "value"])
def test_measures_of_extreme_sizes(kernels, dtype, size, clip):
    rng = np.random.default_rng(1)
    params, grads = Parameters(SHAPES, dtype), Parameters(SHAPES, dtype)
    optimizer = nn.SGD(0.5, clip=None if clip == "none" else nn.ClipByValue(size))
    optimizer.tap = Watch(params, grads)
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
def test_measures_where_nothing_moves_or_all_is_lost(kernels):
    params, grads = Parameters(SHAPES, np.float32), Parameters(SHAPES, np.float32)
    optimizer = nn.SGD(0.0, momentum=0.9, clip=nn.ClipByValue(1.0))
    optimizer.tap = Watch(params, grads)
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
    assert measures.histogram[1, 32] == 79  # zeros of either sign in five runs; not NaN
    assert measures.histogram[1].sum() == 79


def test_a_step_that_is_not_due_is_not_measured():
    params, grads = Parameters(SHAPES, np.float32), Parameters(SHAPES, np.float32)
    optimizer = nn.Adam()
    optimizer.tap = Watch(params, grads)
    optimizer.tap.due = False
    optimizer.step(params, grads)
    assert np.isnan(optimizer.tap.measures.values).all()
    assert optimizer.tap.told == []


@pytest.mark.parametrize("tap", [False, True])
@clips
def test_a_step_allocates_nothing(tap, clip):
    optimizer = nn.Adam(0.01, clip=CLIPS[clip])
    rng = np.random.default_rng(0)
    params, grads = Parameters(LARGE, np.float32), Parameters(LARGE, np.float32)
    if tap:
        optimizer.tap = Watch(params, grads)
        optimizer.tap.updated = lambda *_: None
    grads.flat[...] = rng.standard_normal(grads.flat.size)
    for _ in range(3):
        optimizer.step(params, grads)
    tracemalloc.start()
    try:
        optimizer.step(params, grads)
        start = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            optimizer.step(params, grads)
        end, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert end - start < 3_000  # the latest report
    assert peak - start < 6_000  # the gradient has 900,000 bytes


# What may change between two steps


def test_settings_and_arrays_may_change_between_steps():
    """Every step is made with what is set when it is made."""

    def run(one_call):
        optimizer = nn.SGD(0.1, momentum=0.9)
        if not one_call:
            optimizer._is_one_call = lambda: False
        rng = np.random.default_rng(0)
        params, grads = Parameters(SHAPES, np.float32), Parameters(SHAPES, np.float32)
        for step in range(8):
            grads.flat[...] = rng.standard_normal(grads.flat.size)
            if step == 2:
                optimizer.momentum = 0.5
            if step == 3:
                optimizer.clip = nn.ClipByNorm(0.1)
            if step == 4:
                optimizer.lr = 0.01
            if step == 5:
                optimizer.load_state_dict(optimizer.state_dict())
            if step == 6:
                optimizer.nesterov = True
            if step == 7:
                optimizer = copy.deepcopy(optimizer)
            optimizer.step(params, grads)
        return params.flat.tobytes()

    assert run(True) == run(False)


def test_a_copy_leaves_the_original_alone_and_is_not_watched():
    params, grads = Parameters(SHAPES, np.float32), Parameters(SHAPES, np.float32)
    optimizer = nn.Adam()
    optimizer.tap = Watch(params, grads)
    grads.flat[...] = 1
    optimizer.step(params, grads)
    twin = copy.deepcopy(optimizer)
    before = [array.copy() for array in optimizer.state.values()]
    other = copy.deepcopy(params)
    twin.step(other, grads)
    assert twin.tap is None
    assert len(optimizer.tap.told) == 1
    for array, copied in zip(optimizer.state.values(), before, strict=True):
        np.testing.assert_array_equal(array, copied)
    optimizer.step(params, grads)
    np.testing.assert_array_equal(params.flat, other.flat)


def test_a_clip_that_somebody_wrote_is_called():
    class Halve(Clip):
        def clip(self, grads):
            grads.flat *= 0.5
            return ClipReport(2.0, 1.0, 1, 1.0, 1.0, {}, 1.0)

    class Twice(nn.ClipByValue):
        def clip(self, grads):
            super().clip(grads)
            return super().clip(grads)

    for clip, factor in ((Halve(), 0.5), (Twice(0.25), 0.25)):
        params, grads = Parameters(SHAPES, np.float32), Parameters(SHAPES, np.float32)
        optimizer = nn.SGD(1.0, clip=clip)
        optimizer.tap = Watch(params, grads)
        grads.flat[...] = 1
        optimizer.step(params, grads)
        np.testing.assert_array_equal(params.flat, -factor)
        expected = np.sqrt([np.prod(shape) for shape in SHAPES.values()])
        np.testing.assert_allclose(optimizer.tap.measures.param_gradient_norm, expected, rtol=1e-6)


def test_an_update_set_on_one_optimizer_is_called():
    params, grads = Parameters(SHAPES, np.float32), Parameters(SHAPES, np.float32)
    optimizer = nn.SGD(1.0)
    grads.flat[...] = 1
    optimizer.step(params, grads)
    optimizer.update = lambda params, grads, lr: params.flat.fill(lr + 6)
    optimizer.step(params, grads)
    np.testing.assert_array_equal(params.flat, 7)


def test_measures_refuse_what_does_not_fit():
    params = Parameters(SHAPES, np.float32)
    with pytest.raises(nn.ConfigError, match="another layout"):
        ParameterMeasures(params, Parameters(LARGE, np.float32))
    for samples in (0, 2**16, 1.5):
        with pytest.raises(nn.ConfigError, match="samples"):
            ParameterMeasures(params, params, samples=samples)
    assert ParameterMeasures(params, params, histogram=False).histogram.shape == (0, 64)
    assert isinstance(nn.SGD(0.1), Optimizer)
