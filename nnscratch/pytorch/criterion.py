"""The loss as it is seen: its value, the answers it was given, and what it can come to."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import torch

from nnscratch.arrays import Array
from nnscratch.pytorch.tensors import as_array

# PyTorch's losses by what this package calls them.
_NAMES = {
    "CrossEntropyLoss": "SoftmaxCrossEntropy",
    "cross_entropy": "SoftmaxCrossEntropy",
    "BCEWithLogitsLoss": "SigmoidCrossEntropy",
    "binary_cross_entropy_with_logits": "SigmoidCrossEntropy",
    "BCELoss": "BinaryCrossEntropy",
    "binary_cross_entropy": "BinaryCrossEntropy",
    "MSELoss": "MeanSquaredError",
    "mse_loss": "MeanSquaredError",
    "L1Loss": "MeanAbsoluteError",
    "l1_loss": "MeanAbsoluteError",
    "HuberLoss": "Huber",
    "SmoothL1Loss": "Huber",
    "huber_loss": "Huber",
    "smooth_l1_loss": "Huber",
}


class Criterion:
    """What was seen of the loss since the latest pass began.

    Attributes
    ----------
    value : float
        NaN if nothing was seen.
    calls : int
        How many losses were computed.
    targets : tensor or None
    """

    def __init__(self) -> None:
        self.forget()
        self._function: Callable[..., Any] | None = None

    def forget(self) -> None:
        """Begin a pass."""
        self.value, self.calls, self.targets = math.nan, 0, None

    def see(self, function: Callable[..., Any], given: tuple[Any, ...], value: Any) -> None:
        """Note a value, of which function, and what that was given: outputs and targets."""
        number = value.item() if value.ndim == 0 else float(value.detach().mean())
        self.value = number if self.calls == 0 else self.value + number
        self.calls += 1
        known = len(given) > 1 and isinstance(given[1], torch.Tensor)
        self.targets = given[1] if known and self.calls == 1 else None
        self._function = function

    def answers(self) -> tuple[Array, Callable[..., Any]] | None:
        """Return the targets, and the loss as this package's are asked; None if they do not say."""
        function, targets = self._function, self.targets
        if targets is None or function is None or targets.ndim == 0:
            return None
        y = as_array(targets) if targets.is_floating_point() else targets.detach().cpu().numpy()

        def loss(outputs: Array, y: Array) -> tuple[float, None]:
            with torch.no_grad():
                return float(function(torch.from_numpy(outputs), torch.from_numpy(y)).mean()), None

        name = getattr(function, "__name__", type(function).__name__)
        loss.__name__ = _NAMES.get(name, name)
        return y, loss


def seen_by(criterion: Criterion, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a loss function that notes what it is asked and answers."""

    def seen(outputs: Any, targets: Any, **options: Any) -> Any:
        value = function(outputs, targets, **options)
        if torch.is_grad_enabled():
            criterion.see(function, (outputs, targets), value)
        return value

    return seen


def called(optimizer: Any) -> str:
    """Return an optimizer with those of its settings that are not the usual ones."""
    usual = inspect.signature(type(optimizer)).parameters
    told = []
    for name, value in optimizer.defaults.items():
        plain = value.item() if isinstance(value, torch.Tensor) else value
        if name == "lr" or (name in usual and plain != usual[name].default and plain is not None):
            told.append(f"{name}={plain!r}")
    return f"{type(optimizer).__name__}({', '.join(told)})"
