"""Callbacks: when they are called, and with what."""

import signal

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.schedules import StepDecay

from .runs import LABELS, SETTINGS, At, Watch, X, make


def test_callbacks_are_called_in_order():
    watch = Watch()
    optimizer = nn.SGD(StepDecay(0.1, 0.5, 2), clip=nn.ClipByGlobalNorm(1e-3))
    make(optimizer).fit(X, LABELS, epochs=2, batch_size=40, progress=False, callbacks=[watch])
    step = ["step start", "backward", "step"]
    assert watch.calls == ["start", *step, *step, "epoch 1", *step, *step, "epoch 2", "end"]
    assert [info.step for info in watch.steps] == [0, 1, 2, 3]
    assert [info.epoch for info in watch.steps] == [0, 0, 1, 1]
    assert [info.lr for info in watch.steps] == [0.1, 0.1, 0.05, 0.05]
    for (before, gradient), after in zip(watch.backward, watch.steps, strict=True):
        assert before.clip is None
        assert (before.loss, before.step) == (after.loss, after.step)
        # The gradient seen in on_backward is the raw one.
        norm = np.linalg.norm(gradient.astype(np.float64))
        assert norm == pytest.approx(after.clip.norm_before, rel=1e-6)
        assert after.clip.fired
        assert after.clip.norm_after <= 1e-3 < norm


def test_step_start_comes_before_the_step():
    watch, trainer = Watch(), make()
    initial = trainer.model.params.flat.copy()
    trainer.fit(X, LABELS, **SETTINGS, max_steps=3, callbacks=[watch])
    assert [step for step, _, _ in watch.before] == [0, 1, 2]
    assert [updates for _, _, updates in watch.before] == [0, 1, 2]
    np.testing.assert_array_equal(watch.before[0][1], initial)
    other = make()
    other.fit(X, LABELS, **SETTINGS, max_steps=2)
    np.testing.assert_array_equal(watch.before[2][1], other.model.params.flat)


def test_a_failing_callback_is_heard():
    def fail(trainer):
        raise RuntimeError("broken callback")

    with pytest.raises(RuntimeError, match="broken callback"):
        make().fit(X, LABELS, **SETTINGS, callbacks=[At("on_step", 1, fail)])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
