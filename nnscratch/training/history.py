"""What a training run measured on its way."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from nnscratch.saved import from_plain
from nnscratch_records.words import plural


@dataclass
class History:
    """Everything a trainer measured, over all its calls of `fit` and `resume`.

    Attributes
    ----------
    loss : list of float
        The loss of each step's mini-batch, before that step's update: 32 bytes a step, which is
        what a long training's memory grows by beside its recorder's (at most its `memory`).
    epoch_steps : list of int
        For each finished epoch the number of steps made by its end; the lists below go with it.
    train_loss : list of float
        Mean of the mini-batch losses of the epoch, each example counting once.
    val_loss, val_accuracy : list of float
        On the validation data after the epoch; NaN where that was not measured.
    lr : list of float
        The learning rate of the epoch's last step.
    epoch_seconds : list of float
        Time the epoch took, validation and callbacks included (since it was resumed, if it was).
    seconds : float
        Time spent in `fit` and `resume` altogether.
    interrupted : bool
        Whether the latest call was ended by Ctrl-C.
    diverged : bool
        Whether the latest call ended because of a NaN or an infinity (`Trainer.nonfinite`).
    message : str
        Why the latest call ended early; empty if it did not.
    """

    loss: list[float] = field(default_factory=list)
    epoch_steps: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    epoch_seconds: list[float] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    diverged: bool = False
    message: str = ""

    @property
    def epochs(self) -> int:
        """How many epochs were finished."""
        return len(self.epoch_steps)

    def whole(self) -> Self:
        """Return the history; raise `KeyboardInterrupt` if Ctrl-C ended the latest call.

        For a training that is part of something larger, which Ctrl-C ends too.
        """
        if self.interrupted:
            raise KeyboardInterrupt
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of new lists and plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> History:
        """Return the history that `to_dict` described.

        `KeyError` names a missing field, `TypeError` one of another type.
        """
        return from_plain(cls, {item.name: values[item.name] for item in fields(cls)})

    def __repr__(self) -> str:
        epochs, steps = plural(self.epochs, "epoch"), plural(len(self.loss), "step")
        parts = [f"{epochs}, {steps}, {self.seconds:.1f} s"]
        if self.loss:
            parts.append(f"loss {self.loss[0]:.4g} -> {self.loss[-1]:.4g}")
        if self.val_accuracy and not math.isnan(self.val_accuracy[-1]):
            parts.append(f"validation accuracy {self.val_accuracy[-1]:.4f}")
        if self.message:
            parts.append(self.message)
        return f"History({'; '.join(parts)})"
