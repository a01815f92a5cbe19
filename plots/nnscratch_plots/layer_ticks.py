"""Layers on an axis: where each stands, the names that fit, and the blocks they are in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from nnscratch_plots import style
from nnscratch_plots.records import Array, Series

Mark = tuple[float, str]  # a place on the axis and its label
_STRIDES = (2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 10**4, 10**5, 10**6)
_CHARACTER = 0.0083  # inches across, for each point of the size: a letter
_DRAWN = 1.05  # letters are set on whole pixels
_APART = 0.8  # of the size: what is left free between two names
_MOST_BLOCKS = 60


def thinned_numbers(count: int, most: int) -> list[int]:
    """Which of the numbers 1 to `count` to label: the first, the last and about `most` in all."""
    if count <= most:
        return list(range(1, count + 1))
    if most < 3:
        return [1, count]
    every = next(n for n in _STRIDES if count / n <= most)
    inner = range(1 if every == 2 else every, count, every)
    return [1, *(n for n in inner if 1 + 0.6 * every < n < count - 0.6 * every), count]


def layers_agree(series: Sequence[Series]) -> bool:
    """Whether all runs have layers of the same names, which then stand side by side."""
    return all(one.layers == series[0].layers for one in series)


def layer_places(series: Sequence[Series]) -> list[Array]:
    """Where the layers of each run stand across: side by side, or by depth where runs differ."""
    agree = layers_agree(series)
    return [
        np.arange(1.0, len(one.layers) + 1) if agree or one.places is None else one.places
        for one in series
    ]


def label_layers_across(ax: Axes, series: Sequence[Series], *, room: float = 1.0) -> None:
    """Layers on the x axis where `layer_places` puts them: names, as many as fit, or depths.

    Where not all names fit, the layers of a block share its name. `room` is the part of the width
    that a legend beside the axes will leave.
    """
    width, character = room * style.inches_wide(ax), _CHARACTER * style.tick_size(ax)
    places = np.concatenate(layer_places(series))
    margin = max(0.5, 0.02 * np.ptp(places))
    if layers_agree(series):
        one, inch = series[0], (np.ptp(places) + 2 * margin) / width
        marks = _named(one)
        if any(one.blocks) and len(_kept(ax, marks, width, inch)) < len(marks):
            marks = _grouped(one)
        marks = _kept(ax, marks, width, inch)
        ax.set_xticks([at for at, _ in marks], [label for _, label in marks])
        ax.set_xlabel(f"{_called(one)} (input side on the left)")
        shade_blocks(ax, one)
    else:
        most = max(2, min(11, int(width / (5 * character))))
        ax.set_xticks(thinned_numbers(int(places.max()), most))
        ax.set_xlabel("depth, in layers with weights")
    ax.set_xlim(places.min() - margin, places.max() + margin)


def label_layers_up(ax: Axes, one: Series, most: int | None = None) -> None:
    """Names of layers on the y axis, as many as fit or `most`, with lines between blocks."""
    most = max(6, round(3.2 * style.inches_high(ax))) if most is None else most
    marks = _named(one)
    if len(marks) > most:
        grouped = _grouped(one)
        marks = [grouped[number - 1] for number in thinned_numbers(len(grouped), most)]
    ax.set_yticks([at for at, _ in marks], style.tick_names([label for _, label in marks], ax))
    for first, _ in _blocks(one):
        ax.axhline(first - 0.5, color="white", linewidth=0.5, gid="block")


def shade_blocks(ax: Axes, one: Series) -> None:
    """Every second block of layers that stand side by side on a grey ground."""
    for first, last in _blocks(one)[::2]:
        ax.axvspan(first - 0.5, last + 0.5, zorder=0, gid="block", **style.STRIP)


def _kept(ax: Axes, marks: Sequence[Mark], width: float, inch: float) -> list[Mark]:
    """Return marks with labels as they are written, of which none touches its neighbour's, where
    the axes are so many inches wide, of which one is `inch` of the marks' places.
    """
    size = style.tick_size(ax)
    labels = style.tick_names(
        [label for _, label in marks], ax, int(width / (3.5 * _CHARACTER * size))
    )
    sizes = [(_DRAWN * style.ems(label) + _APART) * size / 72 * inch for label in labels]
    return _apart([(at, label) for (at, _), label in zip(marks, labels, strict=True)], sizes)


def _apart(marks: Sequence[Mark], sizes: Sequence[float]) -> list[Mark]:
    """Return the first mark, the last, and of the others every second, third, fifth and so on,
    so that marks of such sizes do not touch.
    """

    def apart(i: int, j: int) -> bool:
        near = 1 - 1e-9  # places that just fit are computed
        return marks[j][0] - marks[i][0] >= near * (sizes[i] + sizes[j]) / 2

    last = len(marks) - 1
    for every in (1, 2, 3, *_STRIDES[1:]):
        others = range(0 if every <= 2 else every - 1, last, every)
        inner = [i for i in others if i and apart(0, i) and apart(i, last)]
        if all(apart(i, j) for i, j in pairwise(inner)):
            break
    return [marks[i] for i in sorted({0, *inner, last})]


def _called(one: Series) -> str:
    return "layer or block" if any(one.blocks) else "layer"


def _blocks(one: Series) -> list[tuple[int, int]]:
    """First and last place of each block, if any of them shows more layers than one."""
    spans = _spans(one)
    found = [(first, last) for first, last, block in spans if block]
    several = any(last > first for first, last in found)
    return found if several and len(found) <= _MOST_BLOCKS else []


def _spans(one: Series) -> list[tuple[int, int, str]]:
    """First place, last place and block of neighbours in one block; others stand alone."""
    spans: list[tuple[int, int, str]] = []
    for place, block in enumerate(one.blocks or [""] * len(one.layers), 1):
        if block and spans and spans[-1][2] == block:
            spans[-1] = (spans[-1][0], place, block)
        else:
            spans.append((place, place, block))
    return spans


def _named(one: Series) -> list[Mark]:
    return [(float(place), name) for place, name in enumerate(one.layers, 1)]


def _grouped(one: Series) -> list[Mark]:
    return [
        ((first + last) / 2, block or one.layers[first - 1]) for first, last, block in _spans(one)
    ]
