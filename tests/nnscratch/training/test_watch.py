"""What a training sees of NaN and infinity, without anyone asking, and what it costs the bits."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.initializers import Normal
from nnscratch.training import watch

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 40)


def make(*parts, optimizer=None, loss=None):
    model = nn.Sequential(*parts, seed=0)
    return nn.Trainer(model, loss or nn.SoftmaxCrossEntropy(), optimizer or nn.SGD(0.1))


def fit(trainer, x=X, y=Y, **options):
    options = {"epochs": 2, "batch_size": 10, "progress": False, **options}
    return trainer.fit(x, y, **options)


def small():
    return nn.Dense(6, 8), nn.ReLU(), nn.Dense(8, 3)


def wide():
    """More parameters than are looked at one by one."""
    return nn.Dense(6, 2000), nn.Tanh(), nn.Dense(2000, 3)


class Spoil(nn.Callback):
    """Plants a value into the parameters before a step."""

    def __init__(self, at, name, value):
        self.at, self.name, self.value = at, name, value

    def on_step_start(self, trainer, step):
        if step == self.at:
            trainer.model.params[self.name].flat[0] = self.value


class SpoiledGradient:
    """The loss, whose gradient is spoiled at one call."""

    def __init__(self, at, value):
        self.at, self.value, self.calls = at, value, 0
        self.loss = nn.SoftmaxCrossEntropy()

    def __call__(self, logits, labels):
        value, dlogits = self.loss(logits, labels)
        if self.calls == self.at:
            dlogits[0, 0] = self.value
        self.calls += 1
        return value, dlogits


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("parts", [small, wide])
def test_gradients_are_seen_before_they_are_applied(parts, bad):
    trainer = make(*parts(), loss=SpoiledGradient(3, bad))
    expected = make(*parts())
    history = fit(trainer)
    fit(expected, max_steps=3)
    assert history.diverged
    assert np.isfinite(history.loss).all()
    found = trainer.nonfinite
    assert (found.step, found.epoch, found.first.stage) == (3, 0, "backward")
    assert found.first.name == "the gradient that arrives at the output of 2.dense"
    assert found.first.bad == 1
    assert found.losses == history.loss[:3]
    assert "the loss is still" in history.message
    assert trainer.model.params.flat.tobytes() == expected.model.params.flat.tobytes()


@pytest.mark.parametrize("parts", [small, wide])
def test_a_spoiled_parameter_is_laid_to_the_update_before(parts):
    trainer = make(*parts())
    history = fit(trainer, callbacks=[Spoil(3, "2.weight", np.inf)])
    assert "first the weight of 2.dense" in history.message
    assert "made so by the update of step 2" in history.message
    trainer = make(*parts())
    history = fit(trainer, callbacks=[Spoil(0, "2.weight", np.nan)])
    assert "1 of " in history.message
    assert "it was so before the first step" in history.message


def test_overflow_in_the_forward_pass_names_the_layer():
    parts = [nn.Dense(6, 8, init=Normal(1e9))]
    for _ in range(5):
        parts += [nn.ReLU(), nn.Dense(8, 8, init=Normal(1e9))]
    trainer = make(*parts)
    history = fit(trainer, y=Y)
    first = trainer.nonfinite.first
    assert (first.stage, first.tensor, first.layer) == ("forward", "output", "8.dense")
    assert first.infinite > 0
    assert trainer.nonfinite.before.largest < np.finfo(np.float32).max
    assert "Stopped, the step's update not made: try a smaller" in history.message


def test_overflow_in_the_update_is_undone():
    trainer = make(
        nn.Dense(6, 8, init=Normal(1e10)), nn.ReLU(), nn.Dense(8, 3, init=Normal(1e10)),
        optimizer=nn.SGD(1e37, momentum=0.9),
    )  # fmt: skip
    before = trainer.model.params.flat.copy()
    history = fit(trainer)
    found = trainer.nonfinite
    assert (found.step, found.first.stage) == (0, "update")
    assert found.first.name == "the weight of 0.dense"
    assert found.before.name == "the gradient of the weight of 0.dense"
    assert "the step's update undone" in history.message
    assert trainer.model.params.flat.tobytes() == before.tobytes()
    assert trainer.optimizer.steps == 0


def test_adams_moments_overflow_in_silence_no_more():
    """An infinite second moment would freeze its weight for good, with a finite loss."""
    big = nn.Dense(6, 8, init=Normal(1e10)), nn.ReLU(), nn.Dense(8, 3, init=Normal(1e15))
    trainer = make(*big, nn.ReLU(), nn.Dense(3, 3, init=Normal(1e10)), optimizer=nn.Adam(0.1))
    fit(trainer)
    assert trainer.nonfinite.first.name == "the optimizer's second_moment of the weight of 0.dense"
    np.testing.assert_array_equal(list(trainer.optimizer.state), [])


@pytest.mark.parametrize("width", [8, 2000])
def test_running_statistics_are_looked_at(width):
    trainer = make(nn.Dense(6, width), nn.BatchNorm(width), nn.ReLU(), nn.Dense(width, 3))
    history = fit(trainer, x=X * np.float32(1e25))
    assert trainer.nonfinite.first.name == "the running_variance of 1.batchnorm"
    assert trainer.nonfinite.before.name == "the output of 0.dense"
    assert np.isfinite(history.loss[-1])


def test_the_examples_are_named():
    x = X.copy()
    x[[7, 23]] *= np.float32(1e30)
    trainer = make(nn.Dense(6, 8, init=Normal(1e10)), nn.ReLU(), nn.Dense(8, 3))
    history = fit(trainer, x=x, batch_size=40)
    assert trainer.nonfinite.first.name == "the output of 0.dense"
    assert sorted(trainer.nonfinite.examples) == [7, 23]
    assert "from 2 examples (" in history.message
    trainer = make(*small(), loss=SpoiledGradient(0, np.nan))
    fit(trainer, seed=3)
    order = nn.training.examples.Examples(trainer.model, X, Y).order(3, 0)
    assert trainer.nonfinite.examples == [order[0]]
    assert f"from example {order[0]} of the training data" in str(trainer.nonfinite)
    trainer = make(*small())
    fit(trainer, callbacks=[Spoil(0, "0.weight", np.nan)])
    assert trainer.nonfinite.examples == []


def test_going_on_warns_once():
    trainer = make(*small(), loss=SpoiledGradient(3, np.inf))
    with pytest.warns(RuntimeWarning, match="step 3 .*Training goes on") as caught:
        history = fit(trainer, stop_on_nonfinite=False)
    assert len(caught) == 1
    assert (history.diverged, history.message, len(history.loss)) == (False, "", 8)
    assert trainer.nonfinite.step == 3


def test_the_hook_is_called_once_with_the_batch():
    class Hook(nn.Callback):
        calls = 0

        def on_nonfinite(self, trainer, found):
            self.calls += 1
            assert found.batch["x"].shape == (10, 6)
            assert found.batch["y"].shape == (10,)

    hook = Hook()
    trainer = make(*small(), loss=SpoiledGradient(3, np.inf))
    fit(trainer, callbacks=[hook])
    assert hook.calls == 1
    assert trainer.nonfinite.batch is None
    fit(trainer, epochs=1)
    assert trainer.nonfinite is None


@pytest.mark.parametrize("large", [1e6, 1e-12])
def test_looking_changes_no_bit(monkeypatch, large):
    """Not even where every update is watched."""
    monkeypatch.setattr(watch, "LARGE", large)
    trainer = make(*wide(), nn.BatchNorm(3), optimizer=nn.Adam(0.01))
    history = fit(trainer)
    monkeypatch.setattr(watch.NonFiniteWatch, "sees_finite", lambda self, loss: True)
    blind = make(*wide(), nn.BatchNorm(3), optimizer=nn.Adam(0.01))
    assert fit(blind).loss == history.loss
    assert trainer.model.params.flat.tobytes() == blind.model.params.flat.tobytes()
