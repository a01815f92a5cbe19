"""Callbacks: what one hangs into training to watch it or to act on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from nnscratch.clipping import ClipReport

if TYPE_CHECKING:
    from nnscratch.network.model import Sequential
    from nnscratch.network.nodes import LossFunction
    from nnscratch.nonfinite import NonFinite
    from nnscratch.optimizers import Optimizer
    from nnscratch.sequences import Truncate
    from nnscratch.training.history import History


class Training(Protocol):
    """What those that a `Trainer` calls see of it."""

    model: Sequential
    loss: LossFunction
    optimizer: Optimizer
    truncate: Truncate
    history: History
    nonfinite: NonFinite | None
    stop_message: str

    @property
    def steps(self) -> int:
        """Steps made so far."""


@dataclass(frozen=True, slots=True)
class StepInfo:
    """One training step.

    Attributes
    ----------
    step : int
        Counted from 0 over all epochs.
    epoch : int
        Counted from 0.
    loss : float
        Of the step's mini-batch, before the update.
    lr : float
        The learning rate of the step.
    clip : ClipReport or None
        What clipping did; None without a clip, and in `Callback.on_backward`, which comes before.
    """

    step: int
    epoch: int
    loss: float
    lr: float
    clip: ClipReport | None = None


class Callback:
    """Base of everything that watches training: override what you need.

    The callbacks of a run are called in the order they were given. The model is
    ``trainer.model``, its gradients ``trainer.model.grads``, its latest pass
    ``trainer.model.last``. ``trainer.stop()`` ends the training after the current step; raising
    `KeyboardInterrupt` does what Ctrl-C does. `trainer` is the `Trainer`: annotate it as that.

    Attributes
    ----------
    shows_progress : bool
        Whether this callback shows how the training goes, in the place of the trainer's own bar.
    """

    shows_progress: ClassVar[bool] = False

    def on_fit_start(self, trainer: Any) -> None:
        """Called once before the first step."""

    def on_step_start(self, trainer: Any, step: int) -> None:
        """Called before the forward pass of `step`, counted from 0 over all epochs."""

    def on_nonfinite(self, trainer: Any, found: NonFinite) -> None:
        """Called once, when a training meets its first NaN or infinity.

        In the pass, that is before `on_backward`; in an update, before it is undone.
        """

    def on_backward(self, trainer: Any, step: StepInfo) -> None:
        """Called between the backward pass and the update: gradients are not clipped yet."""

    def on_step(self, trainer: Any, step: StepInfo) -> None:
        """Called at the end of each step, after the update."""

    def on_epoch_end(self, trainer: Any, history: History) -> None:
        """Called after each finished epoch and its validation."""

    def on_fit_end(self, trainer: Any, history: History) -> None:
        """Called once at the end, also of a training that was ended early."""

    def on_fit_exit(self, trainer: Any) -> None:
        """Called last, however the training ended: by an error too, of whoever it was.

        The place to let go of what was taken in `on_fit_start`, even if that failed.
        """
