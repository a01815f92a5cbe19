"""What goes in where a network trains, and where it is tested: were both prepared alike?"""

from __future__ import annotations

import math
from typing import Any

import torch

from nnscratch_records.words import number

PASSES = 32  # of each that are looked at, of the training later ones now and then
LEAST = 8  # of the training's
OTHERWISE = 1.8  # times the deviation, one over the other
ASIDE = 2.0  # of the training's deviations, from mean to mean: other classes lie less far away
_EXAMPLES = 2  # in a pass: one by one they differ


class Prepared:
    """Measures the first passes of both kinds; tensors stay where they lie."""

    def __init__(self) -> None:
        self._made = 0  # passes of the training
        self._own: list[Any] = []  # mean and mean square, by pass
        self._others: list[Any] = []

    def trains(self, given: Any) -> None:
        """Look at what goes in in training."""
        self._made += 1
        if self._made <= PASSES or self._made & (self._made - 1) == 0:
            _look(self._own, given)

    def tests(self, given: Any) -> None:
        """Look at what goes in in a test."""
        if len(self._others) < PASSES:
            _look(self._others, given)

    def told(self) -> tuple[str, ...]:
        """Return what differs, as a line of `Mistakes`; nothing where both are alike."""
        if len(self._own) < LEAST or not self._others:
            return ()
        own, others = (_moments(one) for one in (self._own, self._others))
        if own is None or others is None:
            return ()
        (means, stds), (mean, std) = own, _pooled(*others)
        middle, width = _pooled(means, stds)
        apart = not width / OTHERWISE <= std <= width * OTHERWISE
        apart = apart and not min(stds) <= std <= max(stds)
        aside = abs(mean - middle) > ASIDE * width and not min(means) <= mean <= max(means)
        if not (width > 0 and (apart or aside)):
            return ()
        return (
            "held-out inputs",
            f"Held-out examples go in otherwise than the training's: mean {number(mean)} and "
            f"standard deviation {number(std)}, where those have {number(middle)} and "
            f"{number(width)}.",
            "They were not prepared alike (scaled in one place and not in the other, by numbers of "
            "their own, by other transforms), or a series has gone on beyond what was trained on: "
            "what was learned is nothing for such numbers.",
            "prepare both by the same lines, with mean and deviation of the training's examples",
            "",
        )


def _look(kept: list[Any], given: Any) -> None:
    fits = isinstance(given, torch.Tensor) and given.is_floating_point()
    if fits and given.ndim > 1 and len(given) >= _EXAMPLES:
        x = given.detach().double()
        kept.append(torch.stack([x.mean(), x.square().mean()]))


def _moments(kept: list[Any]) -> tuple[list[float], list[float]] | None:
    """Return the means and deviations of passes; None where any is not finite."""
    pairs = torch.stack(kept).tolist()
    if not all(math.isfinite(square) for _, square in pairs):
        return None
    means = [mean for mean, _ in pairs]
    return means, [math.sqrt(max(0.0, square - mean**2)) for mean, square in pairs]


def _pooled(means: list[float], stds: list[float]) -> tuple[float, float]:
    """Return mean and deviation of all passes together."""
    mean = sum(means) / len(means)
    square = sum(m**2 + s**2 for m, s in zip(means, stds, strict=True)) / len(means)
    return mean, math.sqrt(max(0.0, square - mean**2))
