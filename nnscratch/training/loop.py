"""The training loop: one call of `Trainer.fit` or `Trainer.resume`."""

from __future__ import annotations

import contextlib
import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.clipping import ClipReport
from nnscratch.errors import ConfigError, require_count, require_list
from nnscratch.nonfinite import UPDATE, NonFinite
from nnscratch.training.callbacks import Callback, StepInfo, Training
from nnscratch.training.evaluation import evaluate_examples
from nnscratch.training.examples import Examples
from nnscratch.training.interrupt import DeferredInterrupt
from nnscratch.training.progress import Display
from nnscratch.training.stretch import Stretch
from nnscratch.training.watch import NonFiniteWatch

_HOOKS = (
    "on_fit_start",
    "on_step_start",
    "on_nonfinite",
    "on_backward",
    "on_step",
    "on_epoch_end",
    "on_fit_end",
    "on_fit_exit",
)


@dataclass
class Run:
    """Where a `fit` stands: with the examples and the model, all that decides its next step.

    `epoch` and `position` (steps made in that epoch) point at the next step; the run is over when
    `epoch` reaches `end`. Epochs count over all calls of `fit`.
    """

    examples: int
    batch_size: int
    seed: int
    drop_last: bool
    stop_on_nonfinite: bool
    end: int
    epoch: int
    position: int = 0

    @property
    def steps_per_epoch(self) -> int:
        """Mini-batches of an epoch."""
        full, rest = divmod(self.examples, self.batch_size)
        return full if self.drop_last or not rest else full + 1

    @property
    def is_over(self) -> bool:
        """Whether every epoch was finished."""
        return self.epoch >= self.end


class Loop:
    """Trains until the run is over or something ends it. Its callbacks see the trainer."""

    def __init__(
        self,
        trainer: Training,
        run: Run,
        examples: Examples,
        validation: Examples | None,
        callbacks: Sequence[Callback],
        max_steps: int | None,
    ) -> None:
        callbacks = _check_callbacks(callbacks)
        if max_steps is not None:
            require_count("max_steps", max_steps)
        self.trainer, self.run = trainer, run
        self.examples, self.validation = examples, validation
        self.max_steps = max_steps
        self.made = 0
        self.interrupt = DeferredInterrupt()
        self.watch: NonFiniteWatch | None = NonFiniteWatch(trainer)
        # Only what a callback overrides is ever called.
        self.hooks = {
            hook: [
                getattr(callback, hook)
                for callback in callbacks
                if getattr(type(callback), hook) is not getattr(Callback, hook)
            ]
            for hook in _HOOKS
        }
        looked_at = any(self.hooks[hook] for hook in ("on_step_start", "on_backward", "on_step"))
        self.stretch = None if looked_at else Stretch(trainer, examples)

    def train(self, display: Display) -> None:
        """Run all that is left, and note in the history why if it ends early."""
        with contextlib.ExitStack() as exits:
            for function in self.hooks["on_fit_exit"]:
                exits.callback(function, self.trainer)
            before = self.trainer.optimizer.steps, len(self.trainer.history.loss)
            try:
                self._train(display)
            except BaseException:
                self._count(*before)
                raise

    def _count(self, steps: int, losses: int) -> None:
        """Count the steps whose updates were made since then, when something was raised before
        they were counted: `resume` makes none of them twice. Their losses are not known."""
        made, history = self.trainer.optimizer.steps - steps, self.trainer.history
        if made > self.made:
            self.run.position += made - self.made
            self.made = made
            history.loss += [math.nan] * (losses + made - len(history.loss))

    def _train(self, display: Display) -> None:
        run, history = self.run, self.trainer.history
        with self.interrupt:
            self._call("on_fit_start")
            while not run.is_over and not self._ended():
                started = time.perf_counter()
                order = self.examples.order(run.seed, run.epoch)
                while run.position < run.steps_per_epoch and not self._ended():
                    self._steps(order, display)
                if run.position == run.steps_per_epoch:
                    self._end_epoch(started, display)
            history.interrupted = self.interrupt.requested
            history.message = history.message or self._why_early()
            self._call("on_fit_end", history)

    def _why_early(self) -> str:
        if self.interrupt.requested:
            return f"interrupted after step {self.trainer.steps - 1}; what was trained is kept"
        if self.run.is_over:
            return ""
        return self.trainer.stop_message or f"stopped after max_steps = {self.max_steps} steps"

    def _ended(self) -> bool:
        return (
            self.interrupt.requested
            or self.trainer.history.diverged
            or self.trainer.stop_message != ""
            or self.made == self.max_steps
        )

    def _steps(self, order: Array, display: Display) -> None:
        """Make the next step, or several where nobody looks in between."""
        run, value = self.run, None
        if self.stretch is not None and self.made and self.watch is not None:
            ahead = order[run.position * run.batch_size :]
            most = None if self.max_steps is None else self.max_steps - self.made
            losses, whole = self.stretch.run(ahead, run.batch_size, most)
            value = None if whole else losses.pop()
            if losses:
                count = len(losses)
                self.trainer.history.loss += losses
                run.position += count
                self.made += count
                self._show(display, *self.examples.buffers(run.batch_size), count)
            if losses and whole:
                return
        self._step(order, display, value)

    def _step(self, order: Array, display: Display, value: float | None = None) -> None:
        """Make a step; `value` is the loss of its pass if that was made already."""
        trainer, run, examples = self.trainer, self.run, self.examples
        model, optimizer, history = trainer.model, trainer.optimizer, trainer.history
        start = run.position * run.batch_size
        rows = order[start : start + run.batch_size]
        x, y = examples.gather(rows)
        number, epoch, lr = trainer.steps, run.epoch, optimizer.lr
        if self.hooks["on_step_start"]:
            self._call("on_step_start", number)
        weights, mask = examples.gather_weights(rows), examples.gather_mask(rows)
        if value is None:
            value = model.training_pass(
                x, y, trainer.loss, weights, mask=mask, truncate=trainer.truncate
            )
        watch = self.watch
        if watch is not None and not watch.sees_finite(value):
            self._report(watch.find(value, epoch, _given(x, y, weights, mask), rows))
        if self.hooks["on_backward"]:
            self._call("on_backward", StepInfo(number, epoch, value, lr))
        report = None
        if not history.diverged:
            report = self._update(value, epoch, _given(x, y, weights, mask))
        history.loss.append(value)
        run.position += 1
        self.made += 1
        self._show(display, x, y, 1, mask)
        if self.hooks["on_step"]:
            self._call("on_step", StepInfo(number, epoch, value, lr, report))

    def _show(
        self, display: Display, x: Array, y: Array, steps: int, mask: Array | None = None
    ) -> None:
        """Let the display show the steps just made, the last one on `x` and `y`."""
        logits, loss = self.trainer.model.output, self.trainer.loss
        threshold = getattr(loss, "threshold", 0.5)
        value = self.trainer.history.loss[-1]
        display.step(
            len(x), value, lambda: self.examples.accuracy(logits, y, threshold, mask), steps
        )

    def _update(self, value: float, epoch: int, batch: dict[str, Array]) -> ClipReport | None:
        """Let the optimizer make its update, watched where values have become large."""
        trainer, watch = self.trainer, self.watch
        if watch is not None:
            watch.before_update()
        report = trainer.optimizer.step(trainer.model.params, trainer.model.grads)
        if watch is not None:
            self._report(watch.find_in_update(value, epoch, batch))
            if trainer.history.diverged:
                watch.undo_update()
        return report

    def _report(self, found: NonFinite | None) -> None:
        """Say where the first NaN or infinity is; end the training, or go on without looking."""
        if found is None:
            return
        trainer, history = self.trainer, self.trainer.history
        trainer.nonfinite, self.watch = found, None
        self._call("on_nonfinite", found)
        found.batch = found.kept = None  # their arrays are reused
        saved = ""
        if found.saved:
            saved = f". Saved for `nnscratch replay {found.saved}`"
        if self.run.stop_on_nonfinite:
            history.diverged = True
            done = "undone" if found.first.stage == UPDATE else "not made"
            history.message = (
                f"{found}. Stopped, the step's update {done}: try a smaller learning rate, "
                f"clipping, or another init{saved}"
            )
        else:
            warnings.warn(f"{found}. Training goes on{saved}", RuntimeWarning, stacklevel=2)

    def _end_epoch(self, started: float, display: Display) -> None:
        trainer, run, history = self.trainer, self.run, self.trainer.history
        steps = run.steps_per_epoch
        sizes = np.full(steps, run.batch_size)
        sizes[-1] = min(run.batch_size, run.examples - (steps - 1) * run.batch_size)
        loss, accuracy = math.nan, None
        if self.validation is not None:
            found = evaluate_examples(trainer.model, trainer.loss, self.validation)
            loss, accuracy = found.loss, found.accuracy
        history.epoch_steps.append(trainer.steps)
        history.train_loss.append(float(np.dot(history.loss[-steps:], sizes) / sizes.sum()))
        history.val_loss.append(loss)
        history.val_accuracy.append(math.nan if accuracy is None else accuracy)
        history.lr.append(trainer.optimizer.lr_at(max(trainer.optimizer.steps - 1, 0)))
        history.epoch_seconds.append(time.perf_counter() - started)
        run.epoch += 1
        run.position = 0
        display.epoch(history)
        self._call("on_epoch_end", history)

    def _call(self, hook: str, *arguments: Any) -> None:
        """Call every callback; `KeyboardInterrupt` from one counts as Ctrl-C."""
        for function in self.hooks[hook]:
            try:
                function(self.trainer, *arguments)
            except KeyboardInterrupt:
                self.interrupt.requested = True


def _given(x: Array, y: Array, weights: Array | None, mask: Array | None) -> dict[str, Array]:
    """Return what a step was given, by name."""
    given = {"x": x, "y": y, "weights": weights, "mask": mask}
    return {name: array for name, array in given.items() if array is not None}


def _check_callbacks(callbacks: Sequence[Callback]) -> Sequence[Callback]:
    if isinstance(callbacks, Callback):
        raise ConfigError(f"callbacks must be a list: callbacks=[{type(callbacks).__name__}(...)]")
    return require_list("callbacks", callbacks, Callback)
