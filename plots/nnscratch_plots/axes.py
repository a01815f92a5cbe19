"""Axes that tell the truth: a log axis with strips for what it cannot hold."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter

from nnscratch_plots import style
from nnscratch_plots.records import Array
from nnscratch_records import field_named
from nnscratch_records.limits import FACTOR

# Beyond these there is no room for a strip above or below in the range of float64.
SMALLEST, LARGEST = 1e-250, 1e250
BELOW = ("tiny", "zero")
ABOVE = ("huge", "infinite", "nan")
STRIP_NAMES = {"zero": "0", "tiny": "< 1e-250", "huge": "> 1e250", "infinite": "∞", "nan": "NaN"}
NAMES = {
    "zero": "exactly 0",
    "tiny": "below 1e-250",
    "huge": "above 1e250",
    "infinite": "infinite",
    "nan": "not a number (NaN)",
}
ALL_MARKED = 25  # so many points of a line, at most, all carry a marker
# A limit up and a limit down: what is healthy looks level.
LEAST_DECADES = 2 * math.log10(FACTOR)
_LEAST_STRIP = 0.13  # inches, or the name of a strip would not fit
_ROW, _STRIP, _MOST, _GAP = 0.03, 0.06, 0.17, 0.015  # heights as fractions of the axes
_ALL_STRIPS, _LAST_DECADE = 0.6, 307.0  # no more than so much of the axes, nor beyond all numbers


def classified(values: Array) -> dict[str, Array]:
    """Masks by kind: "drawable" on a log axis, and "zero", "tiny", "huge", "infinite", "nan"."""
    return {
        "zero": values == 0,
        "tiny": (values > 0) & (values < SMALLEST),
        "drawable": (values >= SMALLEST) & (values <= LARGEST),
        "huge": (values > LARGEST) & np.isfinite(values),
        "infinite": np.isinf(values),
        "nan": np.isnan(values),
    }


class HonestLogAxis:
    """A log axis that marks what has no logarithm instead of dropping it.

    `series` holds, for each line, every value that will be drawn, on all panels that share the
    axis; it is `least` decades high or more. Zeros get a strip at the bottom, infinities and NaN
    strips at the top; inside a strip each line that needs it has a row of its own, so that marks of
    different lines never collide.
    """

    def __init__(self, series: Sequence[Array], *, least: float = 2.0) -> None:
        kinds = [classified(np.asarray(values)) for values in series]
        finite = [values[kind["drawable"]] for values, kind in zip(series, kinds, strict=True)]
        pooled = np.log10(np.concatenate(finite)) if finite else np.empty(0)
        low, high = (float(pooled.min()), float(pooled.max())) if pooled.size else (-1.0, 1.0)
        missing = max(0.0, least - (high - low)) / 2
        pad = 0.04 * max(high - low, least)
        self.low, self.high = low - missing - pad, high + missing + pad

        self._count = len(series)
        self._lines = {
            name: [index for index, kind in enumerate(kinds) if kind[name].any()]
            for name in BELOW + ABOVE
        }
        self._place(_STRIP)

    def _place(self, strip: float) -> None:
        """Lay out the strips, each at least the fraction `strip` of the axes high."""
        heights = {
            name: max(strip, min(_ROW * (len(lines) + 1), _MOST)) + _GAP
            for name, lines in self._lines.items()
            if lines
        }
        taken = sum(heights.values())
        fits = min(1.0, _ALL_STRIPS / taken) if taken else 1.0
        decades = (self.high - self.low) / (1.0 - fits * taken)
        self.strips: dict[str, tuple[float, float]] = {}
        self.bottom, self.top = self.low, self.high
        room = {BELOW: _LAST_DECADE + self.low, ABOVE: _LAST_DECADE - self.high}
        asked = {side: decades * fits * sum(heights.get(n, 0.0) for n in side) for side in room}
        for name, height in heights.items():
            side = BELOW if name in BELOW else ABOVE
            unit = decades * fits * min(1.0, room[side] / asked[side])
            inner, outer = _GAP * unit, height * unit
            if side is BELOW:
                self.strips[name] = (self.bottom - outer, self.bottom - inner)
                self.bottom -= outer
            else:
                self.strips[name] = (self.top + inner, self.top + outer)
                self.top += outer

    def apply(self, ax: Axes) -> None:
        """Scale, limits, ticks and strips; call it once, before drawing."""
        height = style.inches_high(ax)
        self._place(max(_STRIP, min(0.2, _LEAST_STRIP / height)))
        ax.set_yscale("log")
        ax.set_ylim(10**self.bottom, 10**self.top)
        for low, high in self.strips.values():
            ax.axhspan(10**low, 10**high, zorder=0, **style.STRIP)
        most = max(
            3, min(9, int(height * (self.high - self.low) / (self.top - self.bottom) / 0.16))
        )
        major, labels, minor = log_ticks(self.low, self.high, most)
        centres = {name: (low + high) / 2 for name, (low, high) in self.strips.items()}
        positions = [*major, *centres.values()]
        names = labels + [STRIP_NAMES[name] for name in centres]
        ax.yaxis.set_major_locator(FixedLocator([10.0**position for position in positions]))
        ax.yaxis.set_major_formatter(FixedFormatter(names))
        ax.yaxis.set_minor_locator(FixedLocator([10.0**position for position in minor]))
        ax.yaxis.set_minor_formatter(NullFormatter())
        for position in major:
            ax.axhline(10**position, zorder=0.5, **style.GRID)

    def row(self, name: str, index: int) -> float:
        """Height at which line `index` is marked inside the strip `name`."""
        lines = self._lines[name]
        low, high = self.strips[name]
        return float(10 ** (low + (high - low) * (lines.index(index) + 0.5) / len(lines)))

    def draw(
        self,
        ax: Axes,
        index: int,
        x: Array,
        values: Array,
        *,
        marked: bool = True,
        like: int | None = None,
    ) -> Line2D:
        """Draw line `index`: a gap where no logarithm exists, and there a mark in its strip.

        like : the line in whose colour it is drawn, where that is another one
        Returns the line of drawable values (NaN in the gaps), of gid "values". The marks are lines
        of their own, of gids "zero", "infinite", "nan", "tiny" and "huge".
        """
        looks = style.line_style(index if like is None else like, self._count, ax)
        if not marked:
            looks["linewidth"] = 1.2
        kinds = classified(values)
        drawable = np.where(kinds["drawable"], values, np.nan)
        looks["markevery"] = marked_points(kinds["drawable"], index, all_of_them=marked)
        line = ax.plot(x, drawable, **style.seen_through(ax, "values", x, drawable, looks))[0]
        line.set_gid("values")
        for name in self.strips:
            where = kinds[name]
            if where.any():
                looks["markevery"] = marked_points(where, index, all_of_them=marked)
                ax.plot(x, np.where(where, self.row(name, index), np.nan), gid=name, **looks)
        return line


def marked_points(drawable: Array, index: int, *, all_of_them: bool) -> list[int]:
    """Where a line carries its marker: everywhere if short, else a dozen places and lone points."""
    count = len(drawable)
    if all_of_them and count <= ALL_MARKED:
        return list(range(count))
    every = max(1, count // 12)
    chosen = set(range((index * every // 5) % every, count, every))
    padded = np.concatenate([[False], drawable, [False]])
    chosen.update(int(i) for i in np.flatnonzero(drawable & ~padded[:-2] & ~padded[2:]))
    return sorted(chosen)


def decade_ticks(low: float, high: float, most: int = 9) -> tuple[list[float], list[float]]:
    """Exponents of the labelled ticks (at most `most`) from `low` to `high`, and of the others."""
    first, last = int(np.ceil(low)), int(np.floor(high))
    every = next(n for n in (1, 2, 3, 5, 10, 20, 50, 100, 200) if (last - first) // n + 1 <= most)
    major = [float(k) for k in range(first, last + 1) if k % every == 0]
    if every > 1:
        minor = [float(k) for k in range(first, last + 1) if k % every]
    else:
        fractions = np.log10(np.arange(2, 10))
        minor = [float(k + f) for k in range(first - 1, last + 1) for f in fractions]
    return major, [tick for tick in minor if low <= tick <= high]


def log_ticks(low: float, high: float, most: int = 9) -> tuple[list[float], list[str], list[float]]:
    """Exponents and labels of the ticks from `low` to `high`, and exponents of the unlabelled.

    Powers of ten, and where fewer than two are in sight also the numbers between.
    """
    major, minor = decade_ticks(low, high, most)
    if len(major) >= 2:
        return major, [power_of_ten(tick) for tick in major], minor
    decades = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    for digits in ((1, 3), (1, 2, 5), (1, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8)):
        values = [digit * 10.0**decade for decade in decades for digit in digits]
        values = [value for value in values if low <= np.log10(value) <= high]
        if len(values) >= 3:
            break
    labels = [f"{value:.3g}" for value in values]
    return [float(np.log10(value)) for value in values], labels, minor


def power_of_ten(exponent: float) -> str:
    """A tick label such as 10^-3, in mathematical type."""
    return f"$\\mathdefault{{10^{{{round(exponent):d}}}}}$"


def axis_label(ax: Axes, quantity: str) -> str:
    """The name of a quantity for the y axis, the short one where the long one does not fit."""
    field = field_named(quantity)
    return field.axis if 0.072 * len(field.axis) < style.inches_high(ax) else field.short
