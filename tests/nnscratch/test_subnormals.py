"""Subnormal numbers in training: kept, unless a block takes them for zero, and always alike."""

import contextlib
import threading

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.network.captures import CapturedPasses
from nnscratch_kernels.runtime import schedule
from nnscratch_kernels.runtime import threads as kernel_threads
from nnscratch_kernels.vector import subnormals

with_mode = pytest.mark.skipif(not subnormals.CONTROLLED, reason="processor without such a mode")
LEAST = np.finfo(np.float32).smallest_normal


def keeps_subnormals():
    return bool((np.full(20, LEAST, np.float32) * np.float32(0.5) > 0).all())


@with_mode
def test_until_the_block_ends_whatever_happens_in_it():
    assert keeps_subnormals()
    with contextlib.suppress(KeyError), nn.flush_subnormals():
        assert not keeps_subnormals()
        with nn.flush_subnormals():
            assert not keeps_subnormals()
        assert not keeps_subnormals()
        raise KeyError
    assert keeps_subnormals()


@with_mode
def test_other_threads_compute_as_before():
    told, begin = [], threading.Event()

    def other():
        begin.wait()
        told.append(keeps_subnormals())

    thread = threading.Thread(target=other)
    thread.start()
    with nn.flush_subnormals():
        begin.set()
        thread.join()
    assert told == [True]


def vanishing(recorded=False, steps=4):
    """Train 80 sigmoid layers for some steps; return parameters, gradients and the record."""
    rng = np.random.default_rng(1)
    x, labels = rng.standard_normal((40, 64)).astype(np.float32), rng.integers(0, 10, 40)
    hidden = [(nn.Dense(64, 64, init="glorot_uniform"), nn.Sigmoid()) for _ in range(80)]
    model = nn.Sequential(*sum(hidden, ()), nn.Dense(64, 10), seed=0)
    loss, optimizer = nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1, momentum=0.9)
    flow = nn.GradientFlow(model)
    with flow.attached(optimizer) if recorded else contextlib.nullcontext():
        for _ in range(steps):
            model.training_pass(x, labels, loss)
            optimizer.step(model.params, model.grads)
    return model.params.flat, model.grads.flat, flow.to_dict() if recorded else None


@pytest.mark.parametrize("threads", [1, 2])
def test_recording_does_not_change_a_bit_of_what_has_vanished(threads, monkeypatch):
    """Measuring skips subnormal numbers where they do not count; training does not."""
    monkeypatch.setattr(schedule, "WORTH_TEAM", 0)
    monkeypatch.setattr(kernel_threads, "_threads", threads)
    recorded, plain = vanishing(recorded=True), vanishing()
    for mine, others in zip(recorded[:2], plain[:2], strict=True):
        assert mine.tobytes() == others.tobytes()
    for grads in (recorded[1], plain[1]):
        assert ((grads != 0) & (abs(grads) < LEAST)).sum() > 1000


@with_mode
def test_vanished_gradients_are_zero_and_the_weights_as_good_as_the_same():
    params, grads, _ = vanishing()
    with nn.flush_subnormals():
        flushed_params, flushed, _ = vanishing()
        assert not np.any((flushed != 0) & (abs(flushed) < LEAST))
    assert np.any((grads != 0) & (abs(grads) < LEAST))
    np.testing.assert_allclose(flushed, grads, rtol=1e-3, atol=1e-36)
    np.testing.assert_allclose(flushed_params, params, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("how", [1, 2, 3, "layer by layer", "recorded"])
def test_the_bits_do_not_depend_on_how_it_is_computed(how, monkeypatch):
    monkeypatch.setattr(schedule, "WORTH_TEAM", 0)
    vanishing(steps=1)  # a team that is there already, in the usual mode
    with nn.flush_subnormals():
        params, grads, _ = vanishing()
        if how == "layer by layer":
            monkeypatch.setattr(CapturedPasses, "find", lambda *_: None)
        elif how != "recorded":
            monkeypatch.setattr(kernel_threads, "_threads", how)
        others = vanishing(recorded=how == "recorded")
    assert others[0].tobytes() == params.tobytes()
    assert others[1].tobytes() == grads.tobytes()


@with_mode
def test_the_record_says_zero_where_the_gradient_is():
    with nn.flush_subnormals():
        _, _, record = vanishing(recorded=True)
    zeros, norms = record["gradient_zeros"][0], record["gradient_norm"][0]
    assert zeros[0] == 1
    assert norms[0] == 0
    assert ((norms > 0) == (zeros < 1)).all()
