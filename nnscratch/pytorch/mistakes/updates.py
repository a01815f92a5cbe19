"""What is done to gradients too soon, and what of an update the numbers of parameters lose."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch

from nnscratch_records.words import number, percent

STEPS = 3  # in each of which nothing was there to be clipped, or all passes but one were lost
SEVERAL = 3  # passes back in a step: of two the first may be for something else
LOOKS = 8  # steps whose updates are looked at
_SAME = 1e-2  # a norm and the limit that it was clipped to, relative to it
LOST = 0.8  # of the numbers with a gradient, in the middle of these steps


class Updates:
    """Looks at the first updates.

    Parameters
    ----------
    own : set of int
        The identities of the parameters that the optimizer has.
    """

    def __init__(self, own: Collection[int]) -> None:
        self._own = own
        self._calls: list[bool] = []  # in this step: whether there were gradients to clip
        self._too_soon = 0  # steps in a row
        self._over = False
        self._limit, self._scale = math.nan, 1.0
        self._still = 0  # steps in a row that were clipped with the scale
        self._lost: list[float] | None = []  # None: judged
        self._found: list[float] = []  # norms in the gradients, before the passes of this step
        self._attacked = False  # what goes in asks for a gradient: passes of its own
        self._alone: list[int] = []  # passes of each step of which the last one counts

    def begins(self, given: Any) -> None:
        """Note what goes in."""
        self._attacked = self._attacked or given.requires_grad

    def goes_back(self, left: float) -> None:
        """Note a pass back before an update, and what norm earlier ones left in the gradients."""
        self._found.append(left)

    def clips(self, parameters: Any, limit: Any) -> None:
        """Look at what is about to be clipped, and to what."""
        self._limit = float(limit) if isinstance(limit, int | float) else math.nan
        given = [parameters] if isinstance(parameters, torch.Tensor) else parameters
        own = [] if self._over else [one for one in given if id(one) in self._own]
        if own:
            self._calls.append(any(p.grad is not None and bool(p.grad.any()) for p in own))

    def clipped(self, norm: float, scale: float) -> None:
        """Look at the norm that a clip has left, without the scale of the loss."""
        still = scale > 1 and math.isclose(norm * scale, self._limit, rel_tol=_SAME)
        self._still = self._still + 1 if still else 0
        self._scale = scale

    def made(self, norm: float, unmoved: Callable[[], float]) -> float:
        """Look at an update that was made, by gradients of that norm; return the least norm that
        was in them before a pass of the step; infinite where none was looked at.

        unmoved : asks for the part of the numbers of under 32 bits that it left as they were, or
            NaN: of the first updates alone
        """
        nothing = bool(self._calls) and not any(self._calls) and norm > 0
        self._too_soon = self._too_soon + 1 if nothing else 0
        self._over = self._over or (bool(self._calls) and not nothing)
        self._calls = []
        if self._lost is not None:
            self._lost.append(unmoved())
        found, self._found = self._found, []
        if found and not self._attacked:
            self._alone.append(0 if any(found) else len(found))
        return min(found, default=math.inf)

    def told(self) -> list[tuple[str, ...]]:
        """Return what was seen, as lines of `Mistakes`, each once."""
        lines: list[tuple[str, ...]] = []
        if self._too_soon == STEPS and not self._over:
            self._over = True
            lines.append(_CLIPPED_TOO_SOON)
        if self._still == STEPS:
            lines.append(_with_the_scale(self._limit, self._scale))
        if len(self._alone) == STEPS and min(self._alone) >= SEVERAL:
            lines.append(_one_counts(max(self._alone)))
        if self._lost is not None and len(self._lost) == LOOKS:
            lost, self._lost = float(np.median(self._lost)), None
            lines += [_rounded(lost)] if lost > LOST else []
        return lines


_CLIPPED_TOO_SOON = (
    "clipped too soon",
    f"Gradients are clipped when there are none: in each of the first {number(STEPS)} steps every "
    f"gradient is None or 0 at that call, and the update goes by what comes after it.",
    "The clip stands before backward(), or behind zero_grad().",
    "clip between backward() and step()",
    "loss(model(x), y).backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); "
    "optimizer.step()",
)


def _one_counts(passes: int) -> tuple[str, ...]:
    return (
        "gradients cleared too soon",
        f"{passes} passes go back before each update, and in front of each the gradients of the "
        f"one before are cleared: the update goes by the last one alone.",
        "step() stands behind the loop over batches, and zero_grad() inside it.",
        "make an update after each pass: move step() into the loop",
        "optimizer.zero_grad(); loss(model(x), y).backward(); optimizer.step()",
    )


def _with_the_scale(limit: float, scale: float) -> tuple[str, ...]:
    return (
        "clipped too soon",
        f"Gradients are clipped while they still are {number(scale)} times as large, for the sake "
        f"of float16: to {number(limit)}, of which {number(limit / scale)} is left at the update.",
        "The clip stands before the scaler has taken its scale away.",
        "take the scale away before",
        "scaler.unscale_(optimizer); torch.nn.utils.clip_grad_norm_(model.parameters(), "
        f"{limit:g}); scaler.step(optimizer)",
    )


def _rounded(lost: float) -> tuple[str, ...]:
    return (
        "rounded updates",
        f"{percent(lost)} of the parameters' numbers that have a gradient stay as they are at an "
        f"update: it is less than half of what their last digit stands for.",
        "They are kept in bfloat16 or float16, of which a number of size 1 is told from its "
        "neighbours by 0.008 or 0.001: what is added must be larger than half of that, relative "
        "to it, or nothing is.",
        "keep the parameters in float32, and compute in bfloat16: with "
        'torch.autocast("cpu", torch.bfloat16) around the pass',
        "model.float()",
    )


def called(optimizer: Any) -> str:
    """Return an optimizer with those of its settings that are not the usual ones."""
    usual = inspect.signature(type(optimizer)).parameters
    told = []
    for name, value in optimizer.defaults.items():
        plain = value.item() if isinstance(value, torch.Tensor) else value
        if name == "lr" or (name in usual and plain != usual[name].default and plain is not None):
            told.append(f"{name}={plain!r}")
    return f"{type(optimizer).__name__}({', '.join(told)})"
