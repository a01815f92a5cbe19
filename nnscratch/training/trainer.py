"""The trainer: epochs of shuffled mini-batches, with validation, history and an early end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy.typing as npt

from nnscratch.arguments import Settings
from nnscratch.errors import (
    ConfigError,
    ShapeError,
    require_count,
    require_flag,
    require_seed,
    shown,
)
from nnscratch.network.model import Sequential, require_model
from nnscratch.network.nodes import LossFunction, require_loss
from nnscratch.nonfinite import NonFinite
from nnscratch.optimizers import Optimizer
from nnscratch.sequences import Truncate, factors_back
from nnscratch.training.callbacks import Callback
from nnscratch.training.evaluation import Evaluation, evaluate
from nnscratch.training.examples import Examples, held_out
from nnscratch.training.history import History
from nnscratch.training.loop import Loop, Run
from nnscratch.training.progress import make_display
from nnscratch_records.words import plural

Pair = tuple[npt.ArrayLike, ...]  # x, y, and a mask of sequences


class Trainer(Settings):
    """Trains a model: ``trainer.fit(x, y, epochs=20, batch_size=200)``.

    A run that was ended early, by Ctrl-C, by `stop` or by `max_steps`, is finished by `resume`, and
    ends with the same bits as one that was not. Between the two it may lie on disk::

        trainer.fit(x, y, epochs=20, batch_size=200)       # Ctrl-C in epoch 7
        nn.save_checkpoint(trainer, "run.npz")
        ...                                                # later: the same model and optimizer
        nn.load_checkpoint(trainer, "run.npz")
        trainer.resume(x, y)                               # the rest of epoch 7, then 8 to 20

    Parameters
    ----------
    model : Sequential
    loss : callable
        ``value, dlogits = loss(logits, labels)``, such as `SoftmaxCrossEntropy`.
    optimizer : Optimizer
    truncate : int, RandomTruncation or None
        How many steps back through time the gradient of recurrent layers goes: see
        `Network.training_pass`. The weights change once for each batch.

    Attributes
    ----------
    history : History
        Everything measured so far.
    run : Run or None
        Where the latest `fit` stands.
    nonfinite : NonFinite or None
        The first NaN or infinity that the latest `fit` or `resume` met, and where it was.
    callbacks : sequence of Callback
        Those of the latest `fit` or `resume`.
    stop_message : str
        Not empty once `stop` was called.
    """

    def __init__(
        self,
        model: Sequential,
        loss: LossFunction,
        optimizer: Optimizer,
        truncate: Truncate = None,
    ) -> None:
        require_model("Trainer model", model)
        require_loss("Trainer loss", loss)
        if not isinstance(optimizer, Optimizer):
            raise ConfigError(
                f"Trainer optimizer must be an optimizer such as SGD(lr=0.1), "
                f"got {shown(optimizer)}"
            )
        if truncate is not None:
            factors_back(truncate, 1, model.dtype)
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.truncate = truncate
        self.history = History()
        self.run: Run | None = None
        self.nonfinite: NonFinite | None = None
        self.callbacks: Sequence[Callback] = ()
        self.stop_message = ""

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy takes over: not who watches this one."""
        return {**self.__dict__, "callbacks": ()}

    def __repr__(self) -> str:
        made = plural(self.steps, "step")
        layers = plural(len(self.model), "layer")
        return f"Trainer({layers}, {self.loss!r}, {self.optimizer!r}, {made} made)"

    @property
    def steps(self) -> int:
        """Steps made so far."""
        return len(self.history.loss)

    def fit(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        epochs: int,
        batch_size: int,
        validation: Pair | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool = True,
        seed: int = 0,
        drop_last: bool = False,
        max_steps: int | None = None,
        stop_on_nonfinite: bool = True,
        sample_weights: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
    ) -> History:
        """Train for `epochs` more epochs and return the history.

        Parameters
        ----------
        x : array, shape (examples, *positions, features)
        y : array
            Labels, whole numbers of shape (examples, *positions), or targets of the output's shape.
        epochs, batch_size : int
            The last batch of an epoch may be shorter, unless `drop_last`.
        validation : (x, y), (x, y, mask) or None
            Evaluated after every epoch.
        callbacks : sequence of Callback
        progress : bool
            Show a bar on a terminal, one line per epoch elsewhere (on standard error), unless a
            callback shows the progress.
        seed : int
            Decides the order of the examples: each epoch has an order of its own, so 2 and 2
            epochs give the same bits as 4.
        drop_last : bool
            Leave out a last batch that is shorter than the others.
        max_steps : int or None
            End this call after so many steps.
        stop_on_nonfinite : bool
            End the training at the first NaN or infinity in loss, gradients or running statistics,
            before the step's update, or after undoing it if the update made it, so that the weights
            keep their last values. ``history.message`` then names step, layer and tensor. False:
            warn once, and go on. See also `Forensics`.
        sample_weights : array or None, shape (examples,) or (examples, *positions)
            Factors of the losses of the examples (see `Loss`).
        mask : booleans or None, shape (examples, time)
            Which steps of its sequence each example has (see `Network.training_pass`).

        Where no callback looks at the steps one by one, a small network makes up to 2 ms of them in
        one native call, with the same bits.

        Ctrl-C ends the training after the current step, or call; what was trained stays, and
        ``history.interrupted`` is True. A second Ctrl-C raises `KeyboardInterrupt` at once, and
        may leave a step half made.

        Raises `ConfigError`, `ShapeError`, `DtypeError` or `DataError` before anything is changed.
        """
        require_count("epochs", epochs)
        require_count("batch_size", batch_size)
        require_seed("seed", seed)
        examples = Examples(self.model, x, y, weights=sample_weights, mask=mask)
        first = 0 if self.run is None else self.run.epoch + (self.run.position > 0)
        run = Run(
            examples=len(examples),
            batch_size=batch_size,
            seed=int(seed),
            drop_last=require_flag("drop_last", drop_last),
            stop_on_nonfinite=require_flag("stop_on_nonfinite", stop_on_nonfinite),
            end=first + epochs,
            epoch=first,
        )
        if run.steps_per_epoch == 0:
            raise ConfigError(
                f"drop_last leaves nothing to train on: {len(examples)} examples make no batch "
                f"of {batch_size}; use a smaller batch_size"
            )
        return self._train(run, examples, validation, callbacks, progress, max_steps)

    def resume(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        validation: Pair | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool = True,
        max_steps: int | None = None,
        sample_weights: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
    ) -> History:
        """Finish the latest `fit`, on the same examples, from the step where it stopped.

        Epochs, batch size, seed and the like are those of that `fit`. Does nothing if it was
        finished. Raises `ConfigError` if there was none, and `ShapeError` for another number of
        examples.
        """
        if self.run is None:
            raise ConfigError("there is nothing to resume: call fit or load_checkpoint first")
        examples = Examples(self.model, x, y, weights=sample_weights, mask=mask)
        if len(examples) != self.run.examples:
            raise ShapeError(
                f"the run to resume was on {self.run.examples} examples, got {len(examples)}; "
                f"give it the same data, or start anew with fit"
            )
        return self._train(self.run, examples, validation, callbacks, progress, max_steps)

    def stop(self, message: str = "stopped by a callback") -> None:
        """End the training after the current step, as a callback may wish."""
        self.stop_message = message

    def evaluate(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        statistics: str = "running",
        batch_size: int = 1000,
        mask: npt.ArrayLike | None = None,
    ) -> Evaluation:
        """Return the loss and the scores on `x`, `y`: ``loss, accuracy = trainer.evaluate(x, y)``.

        `statistics` are those that batch norm uses.
        """
        options: Any = {"statistics": statistics, "batch_size": batch_size, "mask": mask}
        return evaluate(self.model, self.loss, x, y, **options)

    def _train(
        self,
        run: Run,
        examples: Examples,
        validation: Pair | None,
        callbacks: Sequence[Callback],
        progress: bool,
        max_steps: int | None,
    ) -> History:
        """Check what is left to check, then go through the loop."""
        checked = None if validation is None else held_out(self.model, validation)
        progress = require_flag("progress", progress)
        loop = Loop(self, run, examples, checked, callbacks, max_steps)
        model, optimizer = self.model, self.optimizer
        with (mine := Lock()):
            model.fitting.take(mine, model)
            optimizer.fitting.take(mine, optimizer)
            return self._loop(loop, run, callbacks, progress)

    def _loop(self, loop: Loop, run: Run, callbacks: Sequence[Callback], progress: bool) -> History:
        history = self.history
        self.run, self.stop_message = run, ""
        self.nonfinite, self.callbacks = None, tuple(callbacks)
        history.interrupted = history.diverged = False
        history.message = ""
        if run.is_over:
            return history
        started = time.perf_counter()
        wanted = progress and not any(callback.shows_progress for callback in callbacks)
        display = make_display(wanted, run.epoch, run.end, run.steps_per_epoch, run.position)
        try:
            loop.train(display)
        except KeyboardInterrupt:
            history.interrupted = True
            raise
        finally:
            history.seconds += time.perf_counter() - started
            display.close(history.message)
        return history
