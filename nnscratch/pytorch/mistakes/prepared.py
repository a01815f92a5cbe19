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
ROWS = 64  # examples of both kinds, before columns are compared
STILL = 0.5  # deviations from the mean: what stands still farther off is no rare thing left out
_COLUMNS = 1024  # at most


class Prepared:
    """Measures the first passes of both kinds; tensors stay where they lie."""

    def __init__(self) -> None:
        self._made = 0  # passes of the training
        self._own: list[Any] = []  # mean and mean square, by pass
        self._others: list[Any] = []
        self._columns, self._others_columns = Columns(), Columns()

    def trains(self, given: Any) -> None:
        """Look at what goes in in training."""
        self._made += 1
        if self._made <= PASSES or self._made & (self._made - 1) == 0:
            _look(self._own, given)
            self._columns.add(given)

    def tests(self, given: Any) -> None:
        """Look at what goes in in a test."""
        if len(self._others) < PASSES:
            _look(self._others, given)
            self._others_columns.add(given)

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
            return self._columns.told(self._others_columns)
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


class Columns:
    """Adds up examples that are rows of columns, by column."""

    def __init__(self) -> None:
        self.rows = 0
        self._sums: Any = None  # and those of squares, (2, columns)
        self._ends: Any = None  # least and largest, (2, columns)

    def add(self, given: Any) -> None:
        """Add rows; others than the first are left out."""
        fits = isinstance(given, torch.Tensor) and given.is_floating_point() and given.ndim == 2
        if not fits or not 2 <= given.shape[1] <= _COLUMNS or not len(given):
            return
        x = given.detach().double()
        sums, ends = torch.stack([x.sum(0), x.square().sum(0)]), torch.stack([x.amin(0), x.amax(0)])
        if self._sums is None:
            self._sums, self._ends = torch.zeros_like(sums), ends
        if self._sums.shape == sums.shape:
            self.rows += len(x)
            self._sums += sums
            self._ends[0] = torch.minimum(self._ends[0], ends[0])
            self._ends[1] = torch.maximum(self._ends[1], ends[1])

    def told(self, others: Columns) -> tuple[str, ...]:
        """Return which columns of others stand still, and vary here, as in `Prepared`."""
        few = min(self.rows, others.rows) < ROWS
        if few or self._ends is None or self._ends.shape != others._ends.shape:
            return ()
        mean, square = self._sums / self.rows
        deviation = (square - mean.square()).clamp(0).sqrt()
        low, high = others._ends
        still = (low == high) & ((low - mean).abs() > STILL * deviation) & (deviation > 0)
        still &= self._ends[0] < self._ends[1]
        if not bool(still.any()) or 2 * int(still.sum()) > len(still):
            return ()
        at = int(still.nonzero()[0])
        more = f" (and {int(still.sum()) - 1} more)" if still.sum() > 1 else ""
        return (
            "held-out inputs",
            f"Column {at}{more} of what goes in is {number(float(low[at]))} for all "
            f"{others.rows:,} held-out examples, and varies in the training's: mean "
            f"{number(float(mean[at]))}, standard deviation {number(float(deviation[at]))}.",
            "What stands there was not known yet of the held-out ones: it comes with the answer, "
            "or after it (target leakage), or was filled in otherwise. What is learned of it is "
            "nothing for new examples.",
            "leave out what is not known when an answer is asked for",
            f"x = torch.cat([x[:, :{at}], x[:, {at + 1}:]], 1)",
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
