"""Ending a training when it no longer gets better, with the best weights it had."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nnscratch.arguments import Settings
from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, require_count, require_flag, require_name, require_number
from nnscratch.training.callbacks import Callback

if TYPE_CHECKING:
    from nnscratch.training.history import History
    from nnscratch.training.loop import Run
    from nnscratch.training.trainer import Trainer

MONITORS = ("val_loss", "val_accuracy", "train_loss")


class EarlyStopping(Settings, Callback):
    """End the training after `patience` epochs without a better one, and go back to the best.

    ``trainer.fit(..., validation=(x, y), callbacks=[nn.EarlyStopping(patience=5)])``

    Parameters and running statistics are put back to those of the best epoch when the training
    ends, be it early, in its last epoch or by a NaN; not when it was interrupted, so that `resume`
    goes on where it was. The optimizer's state stays. Prechelt 1998.

    Parameters
    ----------
    patience : int, default 5
    monitor : "val_loss", "val_accuracy" or "train_loss"
    least_change : float >= 0, default 0
        What must be better by more than this to be better.
    restore_best : bool

    Attributes
    ----------
    best : float
        The best value of what is watched; NaN before the first epoch.
    best_epoch : int
        Its epoch, counted from 1 as in `History`; 0 before the first.
    """

    def __init__(
        self,
        patience: int = 5,
        monitor: str = "val_loss",
        least_change: float = 0.0,
        restore_best: bool = True,
    ) -> None:
        self.patience = require_count("EarlyStopping patience", patience)
        require_name("monitor", monitor, MONITORS)
        self.monitor = monitor
        self.least_change = require_number("EarlyStopping least_change", least_change, least=0)
        self.restore_best = require_flag("EarlyStopping restore_best", restore_best)
        self._run: Run | None = None
        self._forget()

    def _forget(self) -> None:
        self.best, self.best_epoch = math.nan, 0
        self._kept: tuple[Array, Array] | None = None
        self._stopped = False

    def on_fit_start(self, trainer: Trainer) -> None:
        if trainer.run is not self._run:  # not a `resume` of what was watched before
            self._run = trainer.run
            self._forget()

    def on_epoch_end(self, trainer: Trainer, history: History) -> None:
        value = getattr(history, self.monitor)[-1]
        if math.isnan(value) and self.monitor.startswith("val_") and not history.diverged:
            raise ConfigError(
                f"EarlyStopping watches {self.monitor}, which this training does not measure: call "
                f"fit with validation=(x, y)"
                + (" whose y are classes" if self.monitor == "val_accuracy" else "")
            )
        gain = value - self.best if self.monitor == "val_accuracy" else self.best - value
        model = trainer.model
        if self.best_epoch == 0 or gain > self.least_change:
            self.best, self.best_epoch = value, history.epochs
            if self.restore_best:
                self._kept = model.params.flat.copy(), model.statistics.flat.copy()
        elif history.epochs - self.best_epoch >= self.patience:
            self._stopped = True
            trainer.stop(
                f"stopped: {self.monitor} has not got better for {self.patience} epochs; "
                f"the best was {self.best:.4g} after epoch {self.best_epoch}"
                + (", whose weights are back" if self.restore_best else "")
            )

    def on_fit_end(self, trainer: Trainer, history: History) -> None:
        over = self._stopped or history.diverged or (trainer.run is None or trainer.run.is_over)
        if self._kept is not None and over and history.epochs != self.best_epoch:
            trainer.model.params.flat[...], trainer.model.statistics.flat[...] = self._kept
