"""Runs that end early: stopped, interrupted, diverged; and go on where they ended."""

import math
import signal

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.schedules import StepDecay

from .runs import LABELS, SETTINGS, At, Watch, X, bits, interrupt, make, press_ctrl_c


@pytest.mark.parametrize("stops", [[5], [4], [1, 1, 1, 7], [12], [0.5]])
def test_resume_gives_the_same_bits(stops):
    whole, parts = make(nn.Adam(StepDecay(0.01, 0.5, 3))), make(nn.Adam(StepDecay(0.01, 0.5, 3)))
    whole.fit(X, LABELS, **SETTINGS, seed=3)
    if stops == [0.5]:  # within a step: the interrupt waits for its end
        history = parts.fit(
            X, LABELS, **SETTINGS, seed=3, callbacks=[At("on_backward", 6, interrupt)]
        )
        assert (history.interrupted, len(history.loss)) == (True, 7)
    else:
        parts.fit(X, LABELS, **SETTINGS, seed=3, max_steps=stops[0])
        for count in stops[1:]:
            parts.resume(X, LABELS, progress=False, max_steps=count)
        assert parts.steps == sum(stops)
    history = parts.resume(X, LABELS, progress=False)
    assert bits(whole) == bits(parts)
    assert history.message == ""
    parts.resume(X, LABELS, progress=False)  # nothing is left
    assert bits(whole) == bits(parts)


def test_fit_after_an_early_end_starts_a_new_epoch():
    trainer = make()
    trainer.fit(X, LABELS, **SETTINGS, max_steps=6)
    watch = Watch()
    history = trainer.fit(X, LABELS, **{**SETTINGS, "epochs": 1}, callbacks=[watch])
    assert [(step.step, step.epoch) for step in watch.steps] == [(6, 2), (7, 2), (8, 2), (9, 2)]
    assert history.epoch_steps == [4, 10]


def test_stop():
    watch = Watch()
    stop = At("on_step", 4, lambda trainer: trainer.stop("good enough"))
    history = make().fit(X, LABELS, **SETTINGS, callbacks=[stop, watch])
    assert len(history.loss) == 5
    assert history.message == "good enough"
    assert not history.interrupted
    assert watch.calls[-2:] == ["step", "end"]


@pytest.mark.parametrize("action", [interrupt, press_ctrl_c])
@pytest.mark.parametrize("hook", ["on_backward", "on_step"])
def test_ctrl_c_keeps_what_was_trained(action, hook):
    watch = Watch()
    trainer, expected = make(), make()
    history = trainer.fit(X, LABELS, **SETTINGS, callbacks=[At(hook, 5, action), watch])
    assert history.interrupted
    assert history.message == "interrupted after step 5; what was trained is kept"
    assert len(history.loss) == 6
    assert watch.calls[-1] == "end"
    expected.fit(X, LABELS, **SETTINGS, max_steps=6)
    assert bits(trainer) == bits(expected)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    history = trainer.resume(X, LABELS, progress=False)
    assert not history.interrupted
    expected.resume(X, LABELS, progress=False)
    assert bits(trainer) == bits(expected)


def test_second_ctrl_c_does_not_wait():
    class Loss:
        calls = 0

        def __call__(self, logits, labels):
            Loss.calls += 1
            if Loss.calls == 2:
                press_ctrl_c(None)
                press_ctrl_c(None)
            return nn.SoftmaxCrossEntropy()(logits, labels)

    trainer = nn.Trainer(make().model, Loss(), nn.SGD(0.1))
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(X, LABELS, **SETTINGS)
    assert trainer.history.interrupted
    assert trainer.steps == 1


class BrokenAt:
    """A loss that is `value` at its call number `at`, with NaN for a gradient."""

    def __init__(self, at, value=math.nan):
        self.at, self.value, self.calls = at, value, 0
        self.loss = nn.SoftmaxCrossEntropy()

    def __call__(self, logits, labels):
        value, dlogits = self.loss(logits, labels)
        self.calls += 1
        if self.calls - 1 == self.at:
            return self.value, np.full_like(dlogits, np.nan)
        return value, dlogits


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nonfinite_loss_ends_before_the_update(value):
    watch, trainer, expected = Watch(), make(nn.SGD(0.1)), make(nn.SGD(0.1))
    trainer.loss = BrokenAt(5, value)
    history = trainer.fit(X, LABELS, **SETTINGS, callbacks=[watch])
    assert history.diverged
    assert "not finite at step 5 (epoch 2), in the forward pass: first the loss" in history.message
    assert len(history.loss) == trainer.steps == 6
    np.testing.assert_equal(history.loss[-1], value)
    assert watch.calls[-4:] == ["step start", "backward", "step", "end"]
    expected.fit(X, LABELS, **SETTINGS, max_steps=5)
    assert trainer.model.params.flat.tobytes() == expected.model.params.flat.tobytes()
    assert trainer.optimizer.steps == 5


def test_nonfinite_loss_may_be_ignored():
    trainer = make()
    trainer.loss = BrokenAt(5)
    with pytest.warns(RuntimeWarning, match="not finite at step 5 .*Training goes on") as caught:
        history = trainer.fit(X, LABELS, **SETTINGS, stop_on_nonfinite=False)
    assert len(caught) == 1
    assert trainer.nonfinite.step == 5
    assert (history.diverged, history.epochs) == (False, 3)
    assert np.isnan(trainer.model.params.flat).any()


def test_resume_needs_the_run_and_its_data():
    trainer = make()
    with pytest.raises(nn.ConfigError, match="nothing to resume"):
        trainer.resume(X, LABELS)
    trainer.fit(X, LABELS, **SETTINGS, max_steps=3)
    with pytest.raises(nn.ShapeError, match="on 70 examples, got 60"):
        trainer.resume(X[:60], LABELS[:60])
