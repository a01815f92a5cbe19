"""Early stopping: when it ends a training, and which weights are left."""

import math

import numpy as np
import pytest

import nnscratch as nn

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((40, 4)), RNG.integers(0, 3, 40)
VALIDATION = RNG.standard_normal((20, 4)), RNG.integers(0, 3, 20)


def made(lr=0.5):
    model = nn.Sequential(nn.Dense(4, 30), nn.Tanh(), nn.Dense(30, 3), seed=1)
    return nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=lr))


def fit(trainer, *callbacks, epochs=60, **options):
    given = {"validation": VALIDATION, "batch_size": 10, "progress": False, **options}
    return trainer.fit(X, LABELS, epochs=epochs, callbacks=list(callbacks), **given)


class Snapshots(nn.Callback):
    """Keeps the weights after each epoch."""

    def __init__(self):
        self.weights = []

    def on_epoch_end(self, trainer, history):
        self.weights.append(trainer.model.params.flat.copy())


@pytest.mark.parametrize(
    ("monitor", "best"), [("val_loss", np.argmin), ("val_accuracy", np.argmax)]
)
def test_it_stops_after_its_patience_and_leaves_the_best_weights(monitor, best):
    trainer, snapshots, stop = made(), Snapshots(), nn.EarlyStopping(4, monitor)
    history = fit(trainer, snapshots, stop)
    values = getattr(history, monitor)
    epoch = int(best(values)) + 1
    assert history.epochs == epoch + 4 < 60
    assert (stop.best, stop.best_epoch) == (values[epoch - 1], epoch)
    assert np.array_equal(trainer.model.params.flat, snapshots.weights[epoch - 1])
    assert history.message == (
        f"stopped: {monitor} has not got better for 4 epochs; the best was {stop.best:.4g} after "
        f"epoch {epoch}, whose weights are back"
    )


def test_the_best_weights_are_left_at_the_natural_end_too():
    trainer, snapshots, stop = made(), Snapshots(), nn.EarlyStopping(patience=1000)
    history = fit(trainer, snapshots, stop, epochs=25)
    assert stop.best_epoch < history.epochs == 25
    assert np.array_equal(trainer.model.params.flat, snapshots.weights[stop.best_epoch - 1])
    assert history.message == ""


def test_the_last_weights_may_be_kept():
    trainer, snapshots = made(), Snapshots()
    history = fit(trainer, snapshots, nn.EarlyStopping(2, restore_best=False))
    assert np.array_equal(trainer.model.params.flat, snapshots.weights[-1])
    assert "whose weights" not in history.message


def test_a_change_that_is_too_small_is_none():
    patient = fit(made(0.01), nn.EarlyStopping(3), epochs=20)
    assert patient.epochs == 20
    stop = nn.EarlyStopping(3, least_change=10.0)
    assert fit(made(0.01), stop, epochs=20).epochs == 4
    assert stop.best_epoch == 1


def test_an_interrupted_training_goes_on_where_it_was():
    whole, parts = made(), made()
    fit(whole, nn.EarlyStopping(4))
    stop = nn.EarlyStopping(4)
    fit(parts, stop, max_steps=10)
    assert parts.run.position == 2
    parts.resume(X, LABELS, validation=VALIDATION, callbacks=[stop], progress=False)
    assert parts.history.val_loss == whole.history.val_loss
    assert np.array_equal(parts.model.params.flat, whole.model.params.flat)


def test_another_fit_begins_anew():
    trainer, stop = made(), nn.EarlyStopping(2)
    fit(trainer, stop)
    before = stop.best_epoch
    fit(trainer, stop)
    assert stop.best_epoch > before


def test_a_nan_ends_with_the_best_weights():
    trainer, snapshots, stop = made(), Snapshots(), nn.EarlyStopping(50)

    class Break(nn.Callback):
        def on_epoch_end(self, trainer, history):
            if history.epochs == 12:
                trainer.model.params.flat[0] = math.nan

    history = fit(trainer, snapshots, stop, Break())
    assert history.diverged
    assert np.array_equal(trainer.model.params.flat, snapshots.weights[stop.best_epoch - 1])


def test_without_validation_it_says_what_to_do():
    with pytest.raises(nn.ConfigError, match=r"watches val_loss, .* fit with validation=\(x, y\)$"):
        fit(made(), nn.EarlyStopping(), validation=None)
    assert fit(made(), nn.EarlyStopping(3, "train_loss"), validation=None, epochs=5).epochs == 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.EarlyStopping(0), "patience must be a whole number >= 1, got 0"),
        (lambda: nn.EarlyStopping(monitor="loss"), "unknown monitor 'loss'"),
        (lambda: nn.EarlyStopping(least_change=-1), "least_change must be a finite number >= 0"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(nn.ConfigError, match=message):
        make()
