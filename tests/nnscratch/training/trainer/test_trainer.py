"""The trainer: the loop against one written out, determinism, targets, weights."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.training.examples import Examples

from .runs import LABELS, SETTINGS, Watch, X, bits, make


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
