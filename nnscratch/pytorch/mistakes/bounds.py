"""Outputs that have an end, whatever the weights are, and a loss that asks for more.

It is asked by going forward with all parameters many times as large: what a cosine, a sigmoid or a
softmax gives stays where it is. How that is written does not matter.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch

from nnscratch.flow.constants import usual
from nnscratch.pytorch.losses.criterion import Criterion
from nnscratch_records.words import number

TIMES = (8.0, 64.0)  # as large
STAYS = 0.25  # of the larger end: what has none goes 8 times as far
MISSES = 0.1  # of the way from a constant answer's loss to the least: it cannot be gone
_ROUNDED = 1e-6  # an end that is 1 may be so much beyond it
_SURE = 25.0  # a logit that leaves nothing to wish for


def bounded(answers: Callable[[float], Any], criterion: Criterion) -> tuple[str, ...]:
    """Return that the loss cannot be brought down by such outputs, as a line of `Mistakes`.

    answers : what the network gives with all parameters times a number
    """
    if criterion.outputs is None or criterion.targets is None or criterion.calls != 1:
        return ()
    if not criterion.outputs.numel() or not float(criterion.outputs.abs().max()) <= 1:
        return ()  # cosines, sigmoids and the like do not come so far
    ends = [(float(one.min()), float(one.max())) for one in map(answers, TIMES)]
    (low, high), (lower, higher) = ends
    size = STAYS * max(abs(low), abs(high))
    if not (high - low > 0 and abs(low - lower) <= size and abs(high - higher) <= size):
        return ()
    low = float(math.floor(min(low, lower) + _ROUNDED))
    high = float(math.ceil(max(high, higher) - _ROUNDED))
    losses = _losses(criterion, low, high)
    if losses is None:
        return ()
    least, free, constant = losses
    if not least - free > MISSES * (constant - free):
        return ()
    classes = _hot(criterion) is not None
    return (
        "output activation",
        f"Whatever its weights, what the network gives lies between {number(low)} and "
        f"{number(high)}: with all of them {TIMES[0]:g} and {TIMES[1]:g} times as large it does "
        f"not grow. By such numbers the loss cannot fall below {number(least, 3)} (without an end "
        f"it could, to {number(free, 3)}).",
        "What is last has an end: a cosine of normalised vectors, a softmax, a sigmoid or a tanh.",
        "let the loss see it times a number, such as 16, or a learned one"
        if classes
        else "bring the targets to where it can go, or take away what ends there",
        "outputs = 16 * model(x)" if classes else "",
    )


def _hot(criterion: Criterion) -> Any:
    """Return labels as zeros and ones in the shape of the outputs; None if they are no labels."""
    z, y = criterion.outputs, criterion.targets
    if y.is_floating_point() or z.ndim != y.ndim + 1 or z.ndim < 2 or z.shape[0] != y.shape[0]:
        return None
    hot = torch.nn.functional.one_hot(y.clamp(min=0), z.shape[1])
    return hot.movedim(-1, 1).to(z.dtype)


def _losses(criterion: Criterion, low: float, high: float) -> tuple[float, float, float] | None:
    """Return the least loss of outputs from `low` to `high`, of any, and of a constant."""
    z, y, loss = criterion.outputs, criterion.targets, criterion.function
    t = _hot(criterion)
    if t is None and y.numel() != z.numel():
        return None
    shown = y.reshape(z.shape).to(z.dtype) if t is None else t
    yes_or_no = bool(((shown == 0) | (shown == 1)).all())
    best = [shown.clamp(low, high), *([low + (high - low) * shown] if yes_or_no else [])]
    free = [shown, *([_SURE * (2 * shown - 1)] if yes_or_no else [])]
    same = [z.new_tensor(one)[None] for one in usual(shown.double().cpu().numpy())]
    try:
        with torch.no_grad(), warnings.catch_warnings(action="ignore"):
            found = [
                min(float(loss(one.expand(z.shape).contiguous(), y).mean()) for one in some)
                for some in (best, free, same)
            ]
    except (RuntimeError, ValueError, IndexError, TypeError):
        return None
    least, most, constant = found
    return (least, most, constant) if all(map(math.isfinite, found)) else None
