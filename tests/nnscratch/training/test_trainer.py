"""The trainer: the loop against one written out, determinism, early ends, callbacks, errors."""

import math
import signal

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.schedules import StepDecay
from nnscratch.training.examples import Examples

RNG = np.random.default_rng(0)
X = RNG.standard_normal((70, 6)).astype(np.float32)
LABELS = (X[:, :3] + 0.1 * RNG.standard_normal((70, 3))).argmax(axis=1)
SETTINGS = {"epochs": 3, "batch_size": 20, "progress": False}


def make(optimizer=None, seed=0, dtype=np.float32):
    model = nn.Sequential(
        nn.Dense(6, 12), nn.BatchNorm(12), nn.ELU(), nn.Dropout(0.2), nn.Dense(12, 3),
        seed=seed, dtype=dtype,
    )  # fmt: skip
    return nn.Trainer(model, nn.SoftmaxCrossEntropy(), optimizer or nn.SGD(0.1, momentum=0.9))


def bits(trainer):
    model = trainer.model
    return (
        model.params.flat.tobytes() + model.statistics.flat.tobytes(),
        {name: array.tobytes() for name, array in trainer.optimizer.state_dict().items()},
        trainer.history.loss,
        trainer.history.train_loss,
        trainer.history.lr,
        trainer.history.epoch_steps,
    )


class Watch(nn.Callback):
    """Writes down what it is called with."""

    def __init__(self):
        self.calls, self.steps, self.backward, self.before = [], [], [], []

    def on_fit_start(self, trainer):
        self.calls.append("start")

    def on_step_start(self, trainer, step):
        self.calls.append("step start")
        self.before.append((step, trainer.model.params.flat.copy(), trainer.optimizer.steps))

    def on_backward(self, trainer, step):
        self.calls.append("backward")
        self.backward.append((step, trainer.model.grads.flat.copy()))

    def on_step(self, trainer, step):
        self.calls.append("step")
        self.steps.append(step)

    def on_epoch_end(self, trainer, history):
        self.calls.append(f"epoch {history.epochs}")

    def on_fit_end(self, trainer, history):
        self.calls.append("end")


class At(nn.Callback):
    """Does something at one step."""

    def __init__(self, hook, number, action):
        self.number, self.action = number, action
        self.hook = hook

    def on_backward(self, trainer, step):
        if self.hook == "on_backward" and step.step == self.number:
            self.action(trainer)

    def on_step(self, trainer, step):
        if self.hook == "on_step" and step.step == self.number:
            self.action(trainer)


def interrupt(trainer):
    raise KeyboardInterrupt


def press_ctrl_c(trainer):
    signal.raise_signal(signal.SIGINT)


# The loop


@pytest.mark.parametrize("drop_last", [False, True])
def test_against_a_loop_written_out(drop_last):
    trainer, other = make(nn.Adam(0.01)), make()
    history = trainer.fit(
        X, LABELS, **SETTINGS, seed=5, drop_last=drop_last, validation=(X, LABELS)
    )
    model, loss, optimizer = other.model, nn.SoftmaxCrossEntropy(), nn.Adam(0.01)
    losses, means, values, accuracies = [], [], [], []
    for epoch in range(3):
        order = Examples(model, X, LABELS).order(5, epoch)
        parts = np.split(order, [20, 40, 60])[: 3 if drop_last else 4]
        for rows in parts:
            value, dlogits = loss(model.forward(X[rows], training=True), LABELS[rows])
            model.backward(dlogits)
            optimizer.step(model.params, model.grads)
            losses.append(value)
        mean = [losses[-len(parts) :][i] * len(rows) for i, rows in enumerate(parts)]
        means.append(sum(mean) / sum(map(len, parts)))
        logits = model.predict(X)
        values.append(loss(logits, LABELS)[0])
        accuracies.append(np.mean(logits.argmax(axis=1) == LABELS))
    assert history.loss == losses
    assert history.epoch_steps == ([3, 6, 9] if drop_last else [4, 8, 12])
    np.testing.assert_allclose(history.train_loss, means, rtol=1e-12)
    assert history.val_loss == values
    assert history.val_accuracy == accuracies
    assert history.lr == [0.01] * 3
    assert history.seconds > sum(history.epoch_seconds) > 0
    assert trainer.model.params.flat.tobytes() == model.params.flat.tobytes()
    assert (history.interrupted, history.diverged, history.message) == (False, False, "")


def test_it_learns():
    trainer = make()
    before, _ = trainer.evaluate(X, LABELS)
    trainer.fit(X, LABELS, epochs=40, batch_size=20, progress=False)
    after, accuracy = trainer.evaluate(X, LABELS)
    assert after < before / 3
    assert accuracy > 0.9


def test_seeds():
    first, same, other = make(), make(), make()
    first.fit(X, LABELS, **SETTINGS, seed=1)
    same.fit(X, LABELS, **SETTINGS, seed=1)
    other.fit(X, LABELS, **SETTINGS, seed=2)
    assert bits(first) == bits(same)
    assert bits(first) != bits(other)


def test_the_kernel_sets_agree():
    ended = []
    for name in ("reference", "numba"):
        with nn.use_kernels(name):
            trainer = make(dtype=np.float64)
            trainer.fit(X, LABELS, **SETTINGS)
            ended.append(trainer.model.params.flat.copy())
    np.testing.assert_allclose(*ended, rtol=1e-9, atol=1e-12)


def test_watching_changes_nothing():
    plain, watched = make(), make()
    plain.fit(X, LABELS, **SETTINGS)
    watched.fit(X, LABELS, **SETTINGS, callbacks=[Watch()], validation=(X[:9], LABELS[:9]))
    assert bits(plain) == bits(watched)


def test_epochs_add_up():
    once, twice = make(), make()
    once.fit(X, LABELS, **SETTINGS)
    twice.fit(X, LABELS, **{**SETTINGS, "epochs": 1})
    history = twice.fit(X, LABELS, **{**SETTINGS, "epochs": 2})
    assert bits(once) == bits(twice)
    assert history is twice.history
    assert (history.epochs, twice.steps) == (3, 12)


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


def test_targets_and_losses():
    for loss, y in (
        (nn.SoftmaxCrossEntropy(), np.eye(3)[LABELS]),
        (nn.SigmoidCrossEntropy(), np.eye(3, dtype=int)[LABELS]),
        (nn.MeanSquaredError(), X[:, :3]),
    ):
        trainer = nn.Trainer(make().model, loss, nn.Adam(0.01))
        history = trainer.fit(X, y, epochs=20, batch_size=20, progress=False)
        assert history.train_loss[-1] < history.train_loss[0]
        value, accuracy = trainer.evaluate(X, y)
        assert value == loss(trainer.model.predict(X), y.astype(np.float32))[0]
        assert (accuracy is None) == isinstance(loss, nn.MeanSquaredError)


def test_evaluate_chooses_the_statistics():
    trainer = make()
    trainer.fit(X + 3, LABELS, **SETTINGS)
    running, _ = trainer.evaluate(X + 3, LABELS)
    initial, _ = trainer.evaluate(X + 3, LABELS, statistics="initial", batch_size=7)
    assert abs(initial - running) > 0.01
    logits = trainer.model.predict(X + 3, statistics="initial")
    assert initial == pytest.approx(nn.SoftmaxCrossEntropy()(logits, LABELS)[0], rel=1e-5)


# Callbacks


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


def test_stop():
    watch = Watch()
    stop = At("on_step", 4, lambda trainer: trainer.stop("good enough"))
    history = make().fit(X, LABELS, **SETTINGS, callbacks=[stop, watch])
    assert len(history.loss) == 5
    assert history.message == "good enough"
    assert not history.interrupted
    assert watch.calls[-2:] == ["step", "end"]


# Early ends


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


def test_a_failing_callback_is_heard():
    def fail(trainer):
        raise RuntimeError("broken callback")

    with pytest.raises(RuntimeError, match="broken callback"):
        make().fit(X, LABELS, **SETTINGS, callbacks=[At("on_step", 1, fail)])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# Errors


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"epochs": 0}, "epochs must be a whole number >= 1"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"batch_size": 2.5}, "batch_size must be"),
        ({"seed": -1}, "seed must be"),
        ({"max_steps": 0}, "max_steps must be"),
        ({"batch_size": 71, "drop_last": True}, "drop_last leaves nothing"),
        ({"callbacks": Watch()}, r"callbacks=\[Watch"),
        ({"callbacks": [print]}, "callbacks must be a list, each of it a Callback"),
        ({"validation": X}, "validation must be a pair"),
    ],
)
def test_nonsense_is_refused(changes, match):
    trainer = make()
    before = trainer.model.params.flat.copy()
    with pytest.raises(nn.ConfigError, match=match):
        trainer.fit(X, LABELS, **{**SETTINGS, **changes})
    np.testing.assert_array_equal(trainer.model.params.flat, before)
    assert trainer.run is None


def test_bad_data_are_refused_before_training():
    trainer = make()
    bad = X.copy()
    bad[3, 2] = np.nan
    with pytest.raises(nn.DataError, match="x is not finite: nan at row 3, column 2"):
        trainer.fit(bad, LABELS, **SETTINGS)
    with pytest.raises(nn.DataError, match="validation x is not finite"):
        trainer.fit(X, LABELS, **SETTINGS, validation=(bad, LABELS))
    with pytest.raises(nn.DataError, match="label 3 at index"):
        trainer.fit(X, LABELS + 1, **SETTINGS)
    with pytest.raises(nn.ShapeError, match="x has 5 features"):
        trainer.evaluate(X[:, :5], LABELS)
    assert trainer.steps == 0


def test_resume_needs_the_run_and_its_data():
    trainer = make()
    with pytest.raises(nn.ConfigError, match="nothing to resume"):
        trainer.resume(X, LABELS)
    trainer.fit(X, LABELS, **SETTINGS, max_steps=3)
    with pytest.raises(nn.ShapeError, match="on 70 examples, got 60"):
        trainer.resume(X[:60], LABELS[:60])


def test_parts_of_the_wrong_kind_are_refused():
    model, loss, optimizer = make().model, nn.SoftmaxCrossEntropy(), nn.SGD(0.1)
    with pytest.raises(nn.ConfigError, match="model must be a Sequential"):
        nn.Trainer("model", loss, optimizer)
    with pytest.raises(
        nn.ConfigError, match=r"loss must be a loss such as SoftmaxCrossEntropy\(\)"
    ):
        nn.Trainer(model, nn.SoftmaxCrossEntropy, optimizer)
    with pytest.raises(nn.ConfigError, match="optimizer must be an optimizer"):
        nn.Trainer(model, loss, 0.1)


def test_sample_weights_train_as_examples_repeated_so_often():
    """A weight of 2 is two copies of the example, and 0 none, in a batch of all of them."""
    repeats = np.random.default_rng(0).integers(0, 3, len(X))
    weighted, repeated = (
        nn.Trainer(
            nn.Sequential(nn.Dense(X.shape[1], 3), seed=0, dtype=np.float64),
            nn.SoftmaxCrossEntropy(),
            nn.SGD(lr=rate),
        )
        for rate in (0.1 * len(X) / repeats.sum(), 0.1)
    )
    options = {"epochs": 3, "progress": False}
    x, y = X.astype(np.float64), LABELS
    weighted.fit(x, y, batch_size=len(x), sample_weights=repeats, **options)
    again = np.repeat(np.arange(len(x)), repeats)
    repeated.fit(x[again], y[again], batch_size=len(again), **options)
    np.testing.assert_allclose(
        weighted.model.params.flat, repeated.model.params.flat, rtol=1e-10, atol=1e-12
    )


def test_sequences_are_trained_position_by_position():
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((30, 7, 4)), rng.integers(0, 3, (30, 7))
    trainer = nn.Trainer(
        nn.Sequential(nn.Dense(4, 16), nn.Tanh(), nn.Dense(16, 3)),
        nn.SoftmaxCrossEntropy(),
        nn.Adam(lr=0.02),
    )
    history = trainer.fit(
        x, labels, epochs=3, batch_size=10, validation=(x, labels), progress=False
    )
    assert history.train_loss[-1] < history.train_loss[0]
    assert 0 < history.val_accuracy[-1] < 1


def test_the_history_holds_the_rate_of_each_epochs_last_step():
    trainer = nn.Trainer(
        nn.Sequential(nn.Dense(X.shape[1], 3)),
        nn.SoftmaxCrossEntropy(),
        nn.SGD(lr=lambda step: 0.1 / (step + 1)),
    )
    history = trainer.fit(X, LABELS, epochs=2, batch_size=20, progress=False)
    ends = [step - 1 for step in history.epoch_steps]
    assert history.lr == [0.1 / (step + 1) for step in ends]


def test_a_trainer_says_what_it_trains():
    model = nn.Sequential(nn.Dense(2, 3), nn.Tanh(), nn.Dense(3, 2), seed=0)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    trainer.fit(np.eye(2), [0, 1], epochs=1, batch_size=2, progress=False)
    expected = "Trainer(3 layers, SoftmaxCrossEntropy(), SGD(lr=0.1), 1 step made)"
    assert repr(trainer) == expected
