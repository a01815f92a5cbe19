"""One look for every picture: colours, marks and figures that stay out of pyplot.

Colours follow Okabe and Ito (2008), safe for colour-blind readers; each comes with its own marker
and a line style, so that lines can also be told apart in grayscale print.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from nnscratch_plots.picture import Picture
from nnscratch_plots.records import Array

INK = "#222222"
# Half transparent grey, so that both also work on the dark axes that a caller may bring.
GRID: dict[str, Any] = {"color": "0.5", "alpha": 0.35, "linewidth": 0.6}
STRIP: dict[str, Any] = {"color": "0.5", "alpha": 0.13, "linewidth": 0}

COLORS = (
    "#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7",
    "#56b4e9", "#e69f00", "#7a7a7a", "#661100", "#332288",
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "h")
DASHES = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))

PATCH_LEGEND: dict[str, Any] = {
    "frameon": False,
    "borderpad": 0.0,
    "borderaxespad": 0.0,
    "handlelength": 2.4,
    "handleheight": 1.2,
}
_PAD = 0.06  # inches between a picture and the edge
_LEFT = 0.012

# A figure made here looks the same whatever style sheet is active; on axes that the caller brings,
# the caller's own settings hold.
_SETTINGS: Any = {
    "text.usetex": False,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "white",
    "axes.grid": False,
    "axes.labelsize": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "normal",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "figure.dpi": 100,
    "font.size": 9,
    "legend.fontsize": 9,
    "hatch.linewidth": 0.8,
}

_SMALL: Any = {
    "axes.labelsize": 7,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "font.size": 7,
    "hatch.linewidth": 0.5,
    "legend.fontsize": 6.5,
}


def line_style(index: int, count: int, ax: Axes) -> dict[str, Any]:
    """Colour, marker and dashes of line `index` of `count`; later lines are thinner."""
    marker = MARKERS[index % len(MARKERS)]
    ahead = 1.0 - index / max(1, count - 1)
    scale = min(1.0, (matplotlib.rcParams["font.size"] / 9) ** 2)  # smaller on a page of panels
    return {
        "color": line_color(index, ax),
        "marker": marker,
        "markersize": scale * ((7.5 if marker == "*" else 5.0) + 2.0 * ahead),
        "markeredgecolor": ax.get_facecolor(),
        "markeredgewidth": 0.5,
        "linestyle": DASHES[index % len(DASHES)],
        "linewidth": scale * (1.4 + 0.9 * ahead if count > 1 else 1.8),
    }


def line_color(index: int, ax: Axes) -> str:
    """Colour of line `index`, lightened where the axes are dark."""
    color = COLORS[index % len(COLORS)]
    if np.mean(to_rgb(ax.get_facecolor())) >= 0.5:
        return color
    red, green, blue = (0.5 + part / 2 for part in to_rgb(color))
    return to_hex((red, green, blue))


def seen_through(ax: Axes, gid: str, x: Array, y: Array, looks: dict[str, Any]) -> dict[str, Any]:
    """The looks of a line, made to show the lines on the axes that it would cover exactly.

    Such a line is thinner and leaves out every second of its markers.
    """
    covered = sum(
        line.get_gid() == gid
        and np.array_equal(line.get_xdata(), x)
        and np.allclose(line.get_ydata(), y, rtol=1e-3, atol=0.0, equal_nan=True)
        for line in ax.get_lines()
    )
    if not covered or np.isnan(y).all():
        return looks
    marks = np.array(looks["markevery"])[covered % 2 :: 2].tolist()
    return {**looks, "markevery": marks, "linewidth": 0.6 * looks["linewidth"]}


def plain(text: str) -> str:
    """Text that is drawn as it stands: a dollar sign does not start a formula."""
    return text.replace("$", r"\$")


def wrapped(text: str, width: int) -> str:
    """Text as it stands, broken into lines of at most `width` characters."""
    return plain(textwrap.fill(text, width))


def fitted(text: str, inches: float, size: float, most: int | None = None) -> list[str]:
    """Text in lines that are no wider than so many inches in `size` points; `most` lines."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        # Small letters on a coarse screen are whole pixels wide: a little to spare.
        if lines[-1] and ems(longer) * size / 72 * (1.08 if size < 8 else 1.03) > inches:
            lines.append(word)
        else:
            lines[-1] = longer
    if most is None or len(lines) <= most:
        return lines
    return [*lines[: most - 1], f"{lines[most - 1].rstrip('.,;:')} …"]


def ems(text: str) -> float:
    """Width of text in our font, as a multiple of its size."""
    return sum(map(_advance, text))


@lru_cache(maxsize=1024)
def _advance(character: str) -> float:
    font = get_font(findfont(FontProperties(family="DejaVu Sans")))
    font.set_size(100, 72)
    return float(font.load_char(ord(character)).linearHoriAdvance) / 65536 / 100


@contextmanager
def drawing_on(ax: Axes | None, width: float, height: float) -> Iterator[Axes]:
    """The caller's axes under the caller's settings, or axes of a new figure under ours."""
    if ax is not None:
        yield ax
        return
    with matplotlib.rc_context(_SETTINGS):
        layout = ConstrainedLayoutEngine(w_pad=_PAD, h_pad=_PAD)
        yield prepared(Picture(figsize=(width, height), layout=layout).only_axes())


@contextmanager
def explained_figure(
    width: float, body: float, heading: str, sentence: str, *, handles: Sequence[Artist] = ()
) -> Iterator[Figure]:
    """A figure with a heading above, and below a legend and the sentence that says how to read it.

    `body` is the height in inches between them; the panels are laid out there.
    """
    lines = fitted(f"How to read: {sentence}.", width - 0.3, 9.5)
    header, footer = 0.42, 0.24 + 0.165 * len(lines)
    legend = 0.34 if handles else 0.0
    height = header + body + legend + footer
    with matplotlib.rc_context(_SETTINGS):
        inside = (0.0, (footer + legend) / height, 1.0, body / height)
        layout = ConstrainedLayoutEngine(rect=inside, w_pad=_PAD, h_pad=_PAD)
        figure = Picture(figsize=(width, height), layout=layout)
        top = 1 - 0.1 / height
        (short,) = fitted(heading, 0.86 * width, 13, 1)
        figure.text(_LEFT, top, plain(short), ha="left", va="top", size=13, weight="bold")
        text = plain("\n".join(lines))
        figure.text(_LEFT, 0.08 / height, text, ha="left", va="bottom", size=9.5)
        if handles:
            place: dict[str, Any] = {
                "loc": "lower left",
                "bbox_to_anchor": (_LEFT, (footer + 0.04) / height),
            }
            figure.legend(handles=handles, ncols=len(handles), **place, **PATCH_LEGEND)
        yield figure


@contextmanager
def page(width: float, height: float) -> Iterator[Figure]:
    """A figure in small type for panels that are placed by hand."""
    with matplotlib.rc_context({**_SETTINGS, **_SMALL}):
        yield Picture(figsize=(width, height))


def retitle(ax: Axes, title: str) -> None:
    """Another text for the title of the axes, in the old place."""
    old = ax.get_title("left")
    for child in ax.get_children():
        if isinstance(child, Text) and child.get_text() == old:
            child.set_text(title)


def prepared(ax: Axes, *, size: float = 9) -> Axes:
    """Axes whose ticks have our look: they are made when drawn, after our settings have ended."""
    ax.tick_params(axis="both", which="both", colors=INK, labelsize=size)
    return ax


def step_ticks() -> MaxNLocator:
    """Ticks at round whole numbers."""
    return MaxNLocator(nbins=7, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)


def legend_beside(ax: Axes, handles: Sequence[Artist]) -> None:
    """A legend to the right of the axes where the figure makes room for it, else inside them."""
    outside = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
    makes_room = ax.figure.get_layout_engine() is not None
    place: dict[str, Any] = outside if makes_room else {"loc": "best", "framealpha": 0.85}
    ax.legend(handles=handles, frameon=not makes_room, handlelength=3.6, labelspacing=0.7, **place)


_LEGEND_ROWS, _LEAST_LETTERS, _TICK_LETTERS = 2, 12, 18
_HANDLE = 4.1  # ems: the mark before a text of a legend, and the spaces around it


def legend_above(ax: Axes, title: str, handles: Sequence[Artist]) -> None:
    """A title, and between it and the axes a legend in as many columns as fit.

    Long labels lose their middle rather than that each takes a line. Axes of a `page` have room
    for two lines, and give some of their height for more.
    """
    size = FontProperties(size=matplotlib.rcParams["legend.fontsize"]).get_size_in_points()
    labels = [str(handle.get_label()) for handle in handles]
    width = 72 * ax.get_window_extent().width / ax.figure.dpi
    columns, rows = _columns_and_rows(labels, size, width)
    if columns == 1 and rows > _LEGEND_ROWS:
        longest = max(map(len, labels))
        cuts = (without_middles(labels, most) for most in range(longest, _LEAST_LETTERS - 1, -1))
        short = next((cut for cut in cuts if _columns_and_rows(cut, size, width)[0] > 1), labels)
        labels = short if len(set(short)) == len(set(labels)) else labels
        columns, rows = _columns_and_rows(labels, size, width)
    if rows > _LEGEND_ROWS and _by_hand(ax):
        box, more = ax.get_position(), 1.3 * size / 72 * (rows - _LEGEND_ROWS)
        height = box.height - more * ax.figure.dpi / ax.figure.bbox.height
        ax.set_position((box.x0, box.y0, box.width, max(height, box.height / 3)))
    ax.set_title(title, pad=6 + (1.3 * size * rows + 6 if rows else 0))
    if labels:
        place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.02)}
        looks = {**PATCH_LEGEND, "columnspacing": 1.2, "labelspacing": 0.25, "handletextpad": 0.5}
        ax.legend(list(handles), labels, ncols=columns, **place, **looks)


def tick_names(names: Sequence[str], ax: Axes, most: int = _TICK_LETTERS) -> list[str]:
    """Return names as labels of ticks; beside axes of a `page` long ones do not fit."""
    fit = without_middles(names, max(_LEAST_LETTERS, most)) if _by_hand(ax) else names
    return [plain(name) for name in fit]


def _by_hand(ax: Axes) -> bool:
    """Whether the axes stand on a `page`, where nothing else makes room for what is around them."""
    return isinstance(ax.figure, Picture) and ax.figure.get_layout_engine() is None


def _columns_and_rows(labels: Sequence[str], size: float, width: float) -> tuple[int, int]:
    """Return the most columns that fit into so many points, and how many rows that makes."""
    widths = [ems(label) for label in labels]
    columns = next((n for n in range(len(widths), 1, -1) if size * _wide(widths, n) < width), 1)
    return columns, -(-len(widths) // columns)


def without_middles(names: Sequence[str], most: int) -> list[str]:
    """Return names of at most so many letters, cut where they still differ if there is a place."""
    cuts = []
    for end in sorted(range(most), key=lambda end: abs(end - 0.6 * most)):
        head = most - 1 - end
        cuts.append([
            name if len(name) <= most else f"{name[:head]}…{name[len(name) - end :]}"
            for name in names
        ])  # fmt: skip
    return max(cuts, key=lambda cut: len(set(cut)))


def _wide(widths: Sequence[float], columns: int) -> float:
    """How wide, in ems, a legend of texts of such widths is, filled column by column."""
    rows, longer = divmod(len(widths), columns)
    starts = [i * rows + min(i, longer) for i in range(columns + 1)]
    return sum(max(widths[a:b]) + _HANDLE for a, b in pairwise(starts))


def say_nothing(ax: Axes, reason: str) -> list[Artist]:
    """Say on the axes in words why they are empty; there is nothing for a legend."""
    ax.set_axis_off()
    size = FontProperties(size=matplotlib.rcParams["font.size"]).get_size_in_points()
    text = plain("\n".join(fitted(reason, inches_wide(ax), size)))
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
    return []


def grid_up(ax: Axes) -> None:
    """Level lines behind everything."""
    ax.grid(axis="y", **GRID)
    ax.set_axisbelow(True)


def steps_across(ax: Axes, label: str = "training step") -> None:
    """Training steps on the x axis."""
    ax.xaxis.set_major_locator(step_ticks())
    ax.set_xlabel(label)


def inches_high(ax: Axes) -> float:
    """Height of the axes as they stand."""
    return float(ax.get_window_extent().height / ax.figure.dpi)


def inches_wide(ax: Axes) -> float:
    """Width of the axes as they stand."""
    return float(ax.get_window_extent().width / ax.figure.dpi)


def tick_size(ax: Axes) -> float:
    """Size of the axes' tick labels, in points."""
    return float(ax.xaxis.get_tick_params().get("labelsize", 9))
