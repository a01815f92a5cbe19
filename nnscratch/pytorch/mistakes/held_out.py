"""Losses of passes that nothing is sent back from: what is learned, judged by held-out examples.

Where a test computes the loss that the training computes, it is heard as that is. All tests
between two steps are one look.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from nnscratch.pytorch.mistakes.prepared import Prepared

_RIGHT: dict[str, Callable[[Any, Any], Any]] = {
    "SoftmaxCrossEntropy": lambda z, y: z.argmax(1) == y,
    "NLLLoss": lambda z, y: z.argmax(1) == y,
    "nll_loss": lambda z, y: z.argmax(1) == y,
    "SigmoidCrossEntropy": lambda z, y: (z > 0) == (y > 0.5),
    "BinaryCrossEntropy": lambda z, y: (z > 0.5) == (y > 0.5),
}


class HeldOut:
    """Adds up what tests give; tensors stay where they lie until a look has ended."""

    def __init__(self) -> None:
        self.prepared = Prepared()
        self._given: Any = None  # what went into the pass at hand
        self._forget()

    def _forget(self) -> None:
        self._open = self._first = False  # a test is under way; no loss of it was heard yet
        self._loss = self._right = self._count = 0.0
        self._rows = 0

    def begins(self, given: Any = None) -> dict[str, float]:
        """Note that a pass begins, and what goes in. Returns the look that has ended by that, see
        `ended`.
        """
        if torch.is_grad_enabled():
            self._given = None
            self.prepared.trains(given)
            return self.ended()
        self._open = self._first = True
        self._given = given
        return {}

    def hear(self, kind: str, given: tuple[Any, ...], value: Any, times: float) -> None:
        """Note a loss that a test computed, the mean over its examples.

        kind : what it is called, see `Criterion`; given : outputs and targets
        times : so many times that is what the training sends back
        """
        apart = not isinstance(value, torch.Tensor) or value.numel() != 1 or value.requires_grad
        tensors = [one for one in given[:2] if isinstance(one, torch.Tensor) and one.ndim]
        if not self._open or apart or len(tensors) < 2:
            return
        z, y = tensors
        rows = len(y)
        self._loss = self._loss + value.double() * (times * rows)
        self._rows += rows if self._first else 0
        self.prepared.tests(self._given)
        self._given = None
        self._first = False
        fits = z.shape[:1] + z.shape[2:] == y.shape if z.ndim > y.ndim else z.shape == y.shape
        if kind in _RIGHT and fits:
            self._right = self._right + _RIGHT[kind](z, y).double().sum()
            self._count += y.numel()

    def ended(self) -> dict[str, float]:
        """Return the look since the last one, by field of records; nothing where there was none."""
        loss, right = float(self._loss), float(self._right)
        rows, count = self._rows, self._count
        self._forget()
        if not rows or not math.isfinite(loss):
            return {}
        look = {"validation_loss": loss / rows}
        return {**look, "validation_accuracy": right / count} if count else look
