"""Terms of a loss of which nothing is learned, while others bring the whole of it down."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nnscratch.pytorch.losses.in_graph import asked
from nnscratch.pytorch.losses.sent_back import name_of, nodes, terms
from nnscratch_records.words import number

SINCE = 64  # recorded steps before anything is said
LOOKS = 4  # the latest ones, at which it has to be so
NOTHING = 0.02  # of the way from a constant answer's loss to the least
FELL = 0.5  # of what the whole loss was
COLLAPSED = 12  # looks in a row at which a decoder has to stand at one answer for all
WORSE = 0.1  # of that way: a decoder that cannot even give that has another trouble
WANDERED = 5.0  # standard errors of a batch: targets are others than they were, as rewards are
_TINY = 1e-6  # of a constant answer's loss: less there is to learn


@dataclass(frozen=True)
class _Look:
    step: int
    whole: float
    name: str
    value: float
    constant: float
    share: float
    mean: float = 0.0  # of the targets, and its standard error in a batch
    error: float = 1.0
    drawn: bool = False  # it judges what is decoded of drawn codes, which another term holds


class Outweighed:
    """Looks at what a loss adds up, before it is sent back."""

    def __init__(self) -> None:
        self._looks: dict[int, list[_Look]] = {}  # by the term's place
        self._first = math.nan
        self._count = -1  # of terms

    def look(self, step: int, root: Any) -> None:
        """Look at the loss of a recorded step."""
        parts = [_below(node) for node in terms(root)] if root.grad_fn is not None else []
        if len(parts) < 2 or self._count not in (-1, len(parts)):
            self._looks = {}
            return
        whole, self._count = float(root.detach()), len(parts)
        self._first = whole if math.isnan(self._first) else self._first
        for place, node in enumerate(parts):
            learned = _learned(node)
            if learned is not None:
                drawn = -WORSE < learned[3] <= NOTHING and _drawn(node, parts)
                self._looks.setdefault(place, []).append(_Look(step, whole, *learned, drawn=drawn))

    def told(self) -> tuple[str, ...]:
        """Return what was seen, as a line of `Mistakes`; nothing where all is right."""
        for looks in self._looks.values():
            counted = [one for one in looks if one.step >= SINCE]
            if len(counted) >= COLLAPSED and all(one.drawn for one in counted[-COLLAPSED:]):
                return _collapsed(counted[-1])
            late = counted[-LOOKS:]
            if len(late) < LOOKS or max(one.share for one in late) > NOTHING:
                continue
            now = late[-1]
            if not self._first - now.whole > FELL * abs(self._first) or _wander(looks):
                continue
            return (
                "term outweighed",
                f"Of one of the {self._count} terms that the loss adds up nothing is learned: "
                f"{now.name} stands at {number(now.value, 3)}, where one answer for all gives "
                f"{number(now.constant, 3)}, while the whole loss went from "
                f"{number(self._first, 3)} to {number(now.whole, 3)}.",
                "The gradient of larger terms decides what is learned: a mean over numbers beside "
                "a sum over them, or a factor that is too large.",
                "bring the terms to one scale (sums over numbers, means over examples), or give "
                "this one a larger factor",
                "",
            )
        return ()


def _collapsed(now: _Look) -> tuple[str, ...]:
    return (
        "term outweighed",
        f"All answers are the same: {now.name} stands at {number(now.value, 3)}, where one answer "
        f"for all gives {number(now.constant, 3)}, while another term of the loss holds the codes "
        f"that are drawn at random: they carry nothing of what goes in (posterior collapse).",
        "That term outweighs the error: its factor is too large, or the error is a mean over "
        "numbers beside a sum over them. Or what is decoded is drawn without the mean.",
        "sum the error over the numbers of an example, give the term that holds the codes a factor "
        "of 1 or less, and let it grow from 0; decode mean + deviation * noise",
        "",
    )


def _wander(looks: list[_Look]) -> bool:
    """Whether what a term asks for changes as the network does: what its own actions bring it."""
    first, now = (np.median([one.mean for one in some]) for some in (looks[:LOOKS], looks[-LOOKS:]))
    return bool(abs(now - first) > WANDERED * np.median([one.error for one in looks]))


def _drawn(node: Any, parts: list[Any]) -> bool:
    """Whether what a term judges is made of an exponential, and so is a term without targets."""
    others = [one for one in parts if one is not node and asked(one) is None]
    return bool(others) and all(
        any(name_of(one) == "ExpBackward" for one in nodes([part])) for part in (node, *others[:1])
    )


def _below(node: Any) -> Any:
    """Return what a mean or sum over examples is taken of."""
    while name_of(node) in ("MeanBackward", "SumBackward", "MulBackward", "DivBackward"):
        below = [one for one, _ in node.next_functions if one is not None]
        if len(below) != 1:
            break
        node = below[0]
    return node


def _learned(node: Any) -> tuple[str, float, float, float, float, float] | None:
    """Return of a loss of PyTorch its name, value, that of one answer for all, the share of what
    there is to learn that is learned, and the targets' mean with its standard error; None of what
    is none, or of which nothing can be.
    """
    found = asked(node)
    if found is None:
        return None
    function, given, outputs, targets = found
    given["reduction"] = "mean"
    same, free = _answers(function.__name__, outputs, targets)
    if same is None:
        return None
    with torch.no_grad(), warnings.catch_warnings(action="ignore"):
        value, constant, least = (
            float(function(one, targets, **given)) for one in (outputs, same, free)
        )
    room = constant - least
    if not (math.isfinite(value + room) and room > _TINY * abs(constant)):
        return None
    y = targets.detach().double()
    mean, error = float(y.mean()), float(y.std()) / math.sqrt(len(y))
    return function.__name__, value, constant, (constant - value) / room, mean, error


def _answers(name: str, z: Any, y: Any) -> tuple[Any, Any]:
    """Return the best outputs that are one and the same, and the best of any kind."""
    if name in ("cross_entropy", "nll_loss"):
        if y.min() < 0 or len(y) < 2:
            return None, None
        hot = torch.nn.functional.one_hot(y, z.shape[1]).movedim(-1, 1).to(z.dtype)
        axes = [0, *range(2, hot.ndim)]
        share = hot.mean(axes, keepdim=True).clamp(1e-6, 1)
        return share.log().expand(z.shape), torch.log_softmax(50 * hot, 1)
    if z.shape != y.shape or len(y) < 2:
        return None, None
    mean = y.mean(0, keepdim=True).expand(y.shape)
    if name == "binary_cross_entropy_with_logits":
        return mean.clamp(1e-6, 1 - 1e-6).logit(), y.clamp(1e-6, 1 - 1e-6).logit()
    if name == "binary_cross_entropy":
        return mean.clamp(1e-6, 1 - 1e-6), y.clamp(0, 1)
    return mean, y
