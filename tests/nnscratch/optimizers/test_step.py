"""A step as one native call: the bits of its parts, by threads, measured or not."""

from __future__ import annotations

import copy
import tracemalloc

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.clipping import Clip, ClipReport
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
    "adagrad": lambda **k: nn.Adagrad(0.1, **k),
    "adadelta": lambda **k: nn.Adadelta(**k),
    "adamax": lambda **k: nn.Adamax(0.1, **k),
    "nadam": lambda **k: nn.Nadam(0.1, **k),
}
CLIPS = {
    "none": None,
    "value": nn.ClipByValue(0.8),
    "global": nn.ClipByGlobalNorm(3.0),
    "norm": nn.ClipByNorm(3.0),
}
each = pytest.mark.parametrize("name", MAKERS)
clips = pytest.mark.parametrize("clip", CLIPS)


@pytest.fixture
def compiled():
    """For what is said of the native step, whichever set the suite runs on."""
    with nn.use_kernels("numba"):
        yield


def train(optimizer, shapes=SHAPES, dtype=np.float32, steps=3, tap=None):
    """Make steps; return the bits of parameters, gradients and state after, and the reports."""
    rng = np.random.default_rng(0)
    params, grads = Parameters(shapes, dtype), Parameters(shapes, dtype)
    params.flat[...] = rng.standard_normal(params.flat.size)
    if tap is not None:
        optimizer.tap = tap(params, grads)
    reports = []
    for _ in range(steps):
        grads.flat[...] = rng.standard_normal(grads.flat.size)
        reports.append(optimizer.step(params, grads))
    bits = [array.tobytes() for array in (params.flat, grads.flat, *optimizer.state.values())]
    return bits, reports


@pytest.fixture
def threads():
    """Set the number of threads for a test, whatever the machine has."""
    module = nn.backend.load_module("nnscratch_kernels.runtime.threads")
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
def test_the_same_bits_as_clip_and_kernel_by_themselves(name, clip, watch):
    expected = train(InTwo(MAKERS[name](clip=CLIPS[clip])))
    assert train(MAKERS[name](clip=CLIPS[clip])) == expected
    assert train(MAKERS[name](clip=CLIPS[clip]), tap=watch) == expected
    if clip != "none":
        assert all(report.fired for report in expected[1])


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("name", ["momentum", "adamw"])
@clips
def test_the_same_bits_for_any_number_of_threads(name, clip, threads, watch):
    found = []
    for n in (1, 2, 3):
        threads(n)
        for tap in (None, watch):
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


@pytest.mark.usefixtures("compiled")
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


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("tap", [False, True])
@clips
def test_a_step_allocates_nothing(tap, clip, watch):
    optimizer = nn.Adam(0.01, clip=CLIPS[clip])
    rng = np.random.default_rng(0)
    params, grads = Parameters(LARGE, np.float32), Parameters(LARGE, np.float32)
    if tap:
        optimizer.tap = watch(params, grads)
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


def test_a_copy_leaves_the_original_alone_and_is_not_watched(watch):
    params, grads = Parameters(SHAPES, np.float32), Parameters(SHAPES, np.float32)
    optimizer = nn.Adam()
    optimizer.tap = watch(params, grads)
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


def test_a_clip_that_somebody_wrote_is_called(watch):
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
        optimizer.tap = watch(params, grads)
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
