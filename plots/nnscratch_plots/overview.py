"""A whole run on one page: eight panels, each with a sentence that reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.attribution import attribution_bars
from nnscratch_plots.axes import LEAST_DECADES, HonestLogAxis, axis_label
from nnscratch_plots.batchnorm import batchnorm_statistics, has_batchnorm
from nnscratch_plots.beside import Prediction, in_words
from nnscratch_plots.blocks import block_gradients, lanes
from nnscratch_plots.census import dead_units
from nnscratch_plots.clip import clip_ledger, clipped, fired
from nnscratch_plots.curves import loss_curves
from nnscratch_plots.heatmap import gradient_norm_heatmap
from nnscratch_plots.layer_ticks import label_layers_across
from nnscratch_plots.readings import READING, map_reading
from nnscratch_plots.records import Record, Run, read_run
from nnscratch_plots.ridges import histogram_ridges
from nnscratch_plots.saturation import ends, saturation
from nnscratch_plots.sentences import facts, shows
from nnscratch_plots.style import fitted
from nnscratch_plots.updates import update_ratios

WIDTH, HEIGHT = 8.27, 11.69  # A4
_MARGIN, _GUTTER = 0.35, 0.3
_TEXT = 6.8  # points
_LINE = 1.25 * _TEXT / 72
_MOST_FINDINGS, _MOST_PANELS = 5, 8


def overview_figure(
    record: Record, *, findings: Sequence[object] = (), prediction: Prediction = None
) -> Figure:
    """Draw a run on one A4 page: loss, gradient, its attribution, updates, outputs and more.

    Eight panels at most: the last three are, as far as the record has them, saturation, the census
    of units, clipping and batch norm, else the sizes of weight gradients and signal; what shows
    nothing gives way first. Under each panel one sentence says how to read it, and one what this
    run shows. `findings` (sentences, or objects with a `sentence`, a `cause` and `cures`) are
    printed at the top, five at most, each with its first cure; where they say what to `begin_with`,
    that stands above them, with the line of Python that does it. `prediction`, or a string that
    says why there is none, is told under the gradient (see `predicted_gradient_norms`). Raises
    ConfigError naming the record and key for wrong keys or shapes.
    """
    run = read_run(record)
    panels = _panels(run)
    with style.page(WIDTH, HEIGHT) as figure:
        top = _header(figure, run, findings)
        column = (WIDTH - 2 * _MARGIN - _GUTTER) / 2
        rows = [panels[i : i + 2] for i in range(0, len(panels), 2)]
        norms = run.get("gradient_norm")[0]
        told = in_words(prediction, run.names("layers"), int(run.steps[0]), norms)
        texts = {
            name: _text(run, name, column, told if name == "gradient_map" else "")
            for name in panels
        }
        lines = [max(len(a) + len(b) for a, b in (texts[n] for n in row)) for row in rows]
        room = top - 0.2 - sum(count * _LINE + 0.16 for count in lines)
        height = room / len(rows)
        for row, count in zip(rows, lines, strict=True):
            for place, name in enumerate(row):
                left = _MARGIN + place * (column + _GUTTER)
                title, draw = _PANELS[name]
                ax = _axes(figure, name, left, top - height, column, height)
                draw(run, ax)
                style.retitle(ax, title)
                _write(figure, left, top - height - 0.06, *texts[name])
            top -= height + count * _LINE + 0.16
    return figure


def _panels(run: Run) -> list[str]:
    """Which panels this record has: the usual five, and what else it holds up to eight."""
    chosen = ["loss", "gradient_map", "attribution", "updates"]
    chosen += ["outputs" if run.histograms("output") is not None else "signal"]
    others = {
        "blocks": bool(lanes(run)),
        "saturation": bool(ends(run)[0].layers),
        "census": len(run.census()[0]) > 0,
        "clip": clipped(run),
        "batchnorm": has_batchnorm(run),
        "weight_gradients": bool(run.names("params")),
        "signal": "signal" not in chosen,
    }
    chosen += [name for name, has in others.items() if has]
    idle = ["saturation"] if not _saturates(run) else []
    idle += ["clip"] if clipped(run) and not fired(run).any() else []
    for spare in (*idle, "weight_gradients", "saturation", "clip"):
        if len(chosen) > _MOST_PANELS and spare in chosen:
            chosen.remove(spare)
    return chosen[:_MOST_PANELS]


def _saturates(run: Run) -> bool:
    """Whether in some layer, at some step, one output in a hundred was saturated."""
    return bool(np.nanmax(np.fmax(*(one.values for one in ends(run))), initial=0.0) > 0.01)


def _told(findings: Sequence[object]) -> list[tuple[str, str]]:
    """Each finding with its cause, and what comes of it: its first cure and what it brings."""
    if hasattr(findings, "told"):  # causes, with what they bring
        first = str(getattr(findings, "first", ""))  # is told above them
        return [
            _row(one, [cure for cure in cures if cure != first], brought)
            for one, brought, cures in findings.told()
        ]
    return [_row(one, _strings(getattr(one, "cures", None)), ()) for one in findings]


def _row(finding: object, cures: Sequence[str], brought: Sequence[Any]) -> tuple[str, str]:
    said = f"{getattr(finding, 'sentence', finding)} {getattr(finding, 'cause', '') or ''}"
    brings = ", ".join(dict.fromkeys(one.kind for one in brought))
    parts = [f"It brings: {brings}."] * bool(brings) + [
        f"What may help: {one}" for one in cures[:1]
    ]
    return said.strip(), " ".join(parts)


def _strings(cures: Any) -> Sequence[str]:
    return [cures] if isinstance(cures, str) else [str(cure) for cure in cures or ()]


def _header(figure: Figure, run: Run, findings: Sequence[object]) -> float:
    """Title, facts and findings; returns the height, in inches, at which the panels begin."""
    told = _told(findings)
    begin = findings.begin_with() if hasattr(findings, "begin_with") else ("", "", "")
    top, inches = HEIGHT - _MARGIN + 0.05, WIDTH - 2 * _MARGIN

    def write(text: str, size: float, most: int, indent: float = 0.0, **looks: Any) -> None:
        nonlocal top
        wider = 0.85 if {"weight", "family"} & looks.keys() else 1.0
        for line in fitted(text, wider * inches - indent, size, most) if text else ():
            at = ((_MARGIN + indent) / WIDTH, top / HEIGHT)
            figure.text(*at, style.plain(line), size=size, ha="left", va="top", **looks)
            top -= 1.32 * size / 72

    write(run.label, 14, 1, weight="bold")
    write(facts(run), 8, 3, color="0.3")
    top -= 0.04
    if begin[0]:
        write(f"{begin[0]}{':' if begin[1] else '.'}", 9, 2, weight="bold")
        write(begin[1], 8, 3, indent=0.15, family="monospace")
        write(begin[2], 8.5, 2, indent=0.15, color="0.3")
        top -= 0.03
    for said, more in told[:_MOST_FINDINGS]:
        write(f"• {said}", 8.5, 3)
        if more:
            write(more, 8.5, 2, indent=0.15, color="0.3")
    if len(told) > _MOST_FINDINGS:
        write(f"… and {len(told) - _MOST_FINDINGS} more findings", 8.5, 1, style="italic")
    return top - 0.05


def _text(run: Run, name: str, inches: float, more: str) -> tuple[list[str], list[str]]:
    reading = map_reading("gradient_norm") if name == "gradient_map" else READING[name]
    said = f"This run: {shows(run, name)} {more}"
    return fitted(f"How to read: {reading}.", inches, _TEXT), fitted(said, inches, _TEXT)


def _write(figure: Figure, left: float, top: float, reading: list[str], run: list[str]) -> None:
    looks: dict[str, Any] = {"ha": "left", "va": "top", "size": _TEXT, "linespacing": 1.25}
    x = left / WIDTH
    figure.text(x, top / HEIGHT, style.plain("\n".join(reading)), color="0.35", **looks)
    below = top - len(reading) * _LINE
    figure.text(x, below / HEIGHT, style.plain("\n".join(run)), color=style.INK, **looks)


# Room inside a panel, in inches, for what stands around the axes: left, right, bottom, top.
_AROUND = {
    "loss": (0.5, 0.1, 0.36, 0.24),
    "gradient_map": (0.62, 0.0, 0.36, 0.4),
    "outputs": (0.62, 0.1, 0.36, 0.24),
    "saturation": (0.62, 0.0, 0.36, 0.4),
}
_USUAL = (0.5, 0.1, 0.36, 0.5)


def _axes(figure: Figure, name: str, x: float, y: float, width: float, height: float) -> Axes:
    """Axes in a box, given in inches, with room around them."""
    left, right, bottom, top = _AROUND.get(name, _USUAL)
    ax = figure.add_axes((
        (x + left) / WIDTH,
        (y + bottom) / HEIGHT,
        (width - left - right) / WIDTH,
        (height - bottom - top) / HEIGHT,
    ))  # fmt: skip
    return style.prepared(ax, size=6.5)


def _loss(run: Run, ax: Axes) -> None:
    loss_curves(run, ax=ax)
    legend = ax.get_legend()
    if legend is not None:
        legend.remove()
    held = [line for line in ax.get_lines() if line.get_gid() == "held out"]
    if held:
        held[0].set_label("on held-out examples")
        ax.legend(handles=held, loc="best", fontsize=6, frameon=False, handlelength=2.5)


def _two_steps(run: Run, ax: Axes, quantity: str) -> None:
    """A quantity over the layers, at the first and at the last finite step."""
    series = run.series(quantity)
    rows = sorted({0, run.row("finite")})
    scale = HonestLogAxis([series.values[row] for row in rows], least=LEAST_DECADES)
    scale.apply(ax)
    layers = np.arange(1, len(series.layers) + 1)
    handles = []
    for index, row in enumerate(rows):
        line = scale.draw(ax, index, layers, series.values[row])
        line.set_label(f"step {run.steps[row]}")
        handles.append(line)
    label_layers_across(ax, [series])
    ax.set_ylabel(axis_label(ax, quantity))
    style.legend_above(ax, quantity, handles)


_Draw = Callable[[Run, Axes], object]
_PANELS: dict[str, tuple[str, _Draw]] = {
    "loss": ("Loss", _loss),
    "gradient_map": ("Back-propagated gradient", lambda run, ax: gradient_norm_heatmap(run, ax=ax)),
    "attribution": ("What changes the gradient", lambda run, ax: attribution_bars(run, ax=ax)),
    "updates": ("Update-to-weight ratio", lambda run, ax: update_ratios(run, ax=ax)),
    "outputs": (
        "Outputs of the activations",
        lambda run, ax: histogram_ridges(run, ridges=7, ax=ax),
    ),
    "blocks": (
        "Gradient at each block",
        lambda run, ax: block_gradients(run, step="finite", ax=ax),
    ),
    "saturation": ("Saturated outputs", lambda run, ax: saturation(run, ax=ax)),
    "census": ("Dead and saturated units", lambda run, ax: dead_units(run, ax=ax)),
    "clip": ("Clipping", lambda run, ax: clip_ledger(run, ax=ax)),
    "batchnorm": (
        "Batch norm: batch against running mean",
        lambda run, ax: batchnorm_statistics(run, ax=ax),
    ),
    "signal": ("Forward signal", lambda run, ax: _two_steps(run, ax, "output_std")),
    "weight_gradients": (
        "Weight gradients",
        lambda run, ax: _two_steps(run, ax, "param_gradient_norm"),
    ),
}
