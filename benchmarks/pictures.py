"""Pictures of the results: step times, the fraction of the roofline, growth, matrix products."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from benchmarks.contenders import CONTENDERS, OURS, RECORDERS, STEPPERS
from benchmarks.growth import fitted, members
from benchmarks.machine import in_threads
from benchmarks.results import Results, StepResult
from benchmarks.workloads import WORKLOADS
from nnscratch_plots import save_figure
from nnscratch_plots.style import COLORS, MARKERS

LOOKS = {name: (COLORS[i], MARKERS[i]) for i, name in enumerate(STEPPERS)}
RECORDED = {name: COLORS[i] for i, name in enumerate(RECORDERS)}
LIMIT: dict[str, Any] = {
    "color": "#882255",
    "linestyle": (0, (3, 1)),
    "linewidth": 1.4,
    "path_effects": [withStroke(linewidth=3.0, foreground="white")],  # also on a dark bar
}
SETTINGS: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
}
GROWING = {
    "depth": "dense layers",
    "width": "width of the hidden layers",
    "batch": "examples in the batch",
    "time": "steps of time (LSTM)",
}
# What is shown as the time of one of them.
SHARED = {"depth": " and layer", "time": " and step of time"}
FIT: dict[str, Any] = {"color": "black", "linestyle": ":", "linewidth": 1.0}


def draw(results: Results, folder: Path) -> list[Path]:
    """Draw whatever was measured into `folder` and return the files."""
    pictures = {
        "steps.png": step_times,
        "roofline.png": roofline_fractions,
        "recording.png": recording,
        "growth.png": growth,
        "products.png": products,
    }
    written = []
    for name, make in pictures.items():
        with matplotlib.rc_context(SETTINGS):
            figure = make(results)
        if figure is not None:
            written.append(save_figure(figure, folder / name))
    return written


def step_times(results: Results) -> Figure | None:
    """One panel a workload: the step of each contender as a bar a number of threads."""
    workloads = _main(results)
    if not workloads:
        return None
    names = results.contenders()
    figure = Figure(figsize=(2.1 + 2.1 * len(workloads), 3.6), layout="constrained")
    panels = figure.subplots(1, len(workloads), squeeze=False)[0]
    for ax, workload in zip(panels, workloads, strict=True):
        for row, threads in enumerate(results.threads):
            for i, name in enumerate(names):
                step = results.find(workload, threads, name)
                if step is not None:
                    _bar(ax, _place(i, row, results), row, step, len(results.threads))
        middle = (len(results.threads) - 1) / 2
        ax.set_xticks(
            [_place(i, middle, results) for i in range(len(names))],
            [CONTENDERS[name].label for name in names],
            rotation=60,
            ha="right",
            rotation_mode="anchor",
        )
        ax.set_title(workload)
        ax.margins(x=0.03)
        highest = max(s.min_us for s in results.steps if s.workload == workload)
        ax.set_ylim(0, 1.2e-3 * highest)  # a median far above is cut off
        ax.tick_params(axis="x", length=0)
    panels[0].set_ylabel("milliseconds a training step (minimum)")
    handles: list[Any] = [
        Patch(facecolor=_shade("#444444", row), label=in_threads(threads))
        for row, threads in enumerate(results.threads)
    ]
    handles.append(matplotlib.lines.Line2D([], [], **LIMIT, label="roofline"))
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False)
    return figure


def _place(i: int, row: float, results: Results) -> float:
    return i + 0.8 * (row - (len(results.threads) - 1) / 2) / len(results.threads)


def _bar(ax: Axes, place: float, row: int, step: StepResult, rows: int) -> None:
    width = 0.8 / rows
    ax.bar(place, step.min_us / 1e3, width, color=_shade(LOOKS[step.contender][0], row))
    # From the minimum up to the median: what the noise of the machine adds.
    ax.vlines(place, step.min_us / 1e3, step.median_us / 1e3, color="0.25", linewidth=0.8)
    if step.limit_us:
        ax.hlines(step.limit_us / 1e3, place - width / 2, place + width / 2, **LIMIT)


def roofline_fractions(results: Results) -> Figure | None:
    """One panel a number of threads: how much of the machine's limit each contender reaches."""
    workloads = [
        w for w in _main(results) if any(s.limit_us for s in results.steps if s.workload == w)
    ]
    if not workloads:
        return None
    names = results.contenders()
    figure = Figure(figsize=(1.5 + 4.2 * len(results.threads), 3.4), layout="constrained")
    panels = figure.subplots(1, len(results.threads), squeeze=False, sharey=True)[0]
    for ax, threads in zip(panels, results.threads, strict=True):
        for i, name in enumerate(names):
            for j, workload in enumerate(workloads):
                step = results.find(workload, threads, name)
                if step is not None and step.limit_us:
                    place = j + 0.85 * (i - (len(names) - 1) / 2) / len(names)
                    height = 100 * step.limit_us / step.min_us
                    ax.bar(place, height, 0.85 / len(names), color=LOOKS[name][0])
        ax.axhline(100, **LIMIT)
        ax.set_xticks(range(len(workloads)), workloads, rotation=25, ha="right")
        ax.set_title(in_threads(threads))
    panels[0].set_ylabel("percent of the roofline")
    handles = [Patch(facecolor=LOOKS[n][0], label=CONTENDERS[n].label) for n in names]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), frameon=False)
    return figure


def recording(results: Results) -> Figure | None:
    """One panel a number of threads: how many times as long a step takes that is recorded."""
    recorded = [r for r in results.recording if not WORKLOADS[r.workload].grows]
    if not recorded:
        return None
    workloads = list(dict.fromkeys(r.workload for r in recorded))
    names = list(dict.fromkeys(r.contender for r in recorded))
    figure = Figure(figsize=(1.5 + 4.2 * len(results.threads), 3.4), layout="constrained")
    panels = figure.subplots(1, len(results.threads), squeeze=False, sharey=True)[0]
    for ax, threads in zip(panels, results.threads, strict=True):
        for r in recorded:
            if r.threads == threads:
                i = names.index(r.contender)
                place = workloads.index(r.workload) + 0.8 * (i - (len(names) - 1) / 2) / len(names)
                ax.bar(place, r.overhead - 1, 0.8 / len(names), 1, color=RECORDED[r.contender])
                ax.annotate(
                    f"{r.overhead:.2f}", (place, r.overhead), (0, 2), textcoords="offset points",
                    ha="center", fontsize=7,
                )  # fmt: skip
        ax.axhline(1, color="0.35", linewidth=1)
        ax.set_yscale("log", base=2)
        ax.yaxis.set_major_formatter("{x:g}")
        ax.set_xticks(range(len(workloads)), workloads, rotation=25, ha="right")
        ax.set_title(in_threads(threads))
    panels[0].set_ylabel("recorded / not recorded")
    handles = [Patch(facecolor=RECORDED[n], label=CONTENDERS[n].label) for n in names]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), frameon=False)
    return figure


def growth(results: Results) -> Figure | None:
    """One row a number of threads, one panel a family; depth and time as time a layer or step."""
    families = [f for f in GROWING if any(WORKLOADS[w].family == f for w in results.workloads())]
    if not families:
        return None
    rows = len(results.threads)
    figure = Figure(figsize=(0.6 + 3.8 * len(families), 0.5 + 2.9 * rows), layout="constrained")
    panels = figure.subplots(rows, len(families), squeeze=False)
    handles: dict[str, Any] = {}
    for row, threads in enumerate(results.threads):
        for ax, family in zip(panels[row], families, strict=True):
            _growth_panel(ax, results, threads, family, handles)
            ax.set_title(f"{family}, {in_threads(threads)}")
            if row == rows - 1:
                ax.set_xlabel(GROWING[family])
            ax.set_ylabel(f"microseconds a step{SHARED.get(family, '')}")
    figure.legend(
        handles=list(handles.values()), loc="outside upper left", ncols=len(handles), frameon=False
    )
    return figure


def _growth_panel(
    ax: Axes, results: Results, threads: int, family: str, handles: dict[str, Any]
) -> None:
    ours_last = sorted(results.contenders(), key=lambda name: name == OURS)
    for name in ours_last:
        steps = members(results, threads, family, name)
        if steps:
            color, marker = LOOKS[name]
            width = 2.0 if name == OURS else 1.2
            sizes = [WORKLOADS[step.workload].size for step in steps]
            times = [step.min_us / _divisor(step) for step in steps]
            (handles[name],) = ax.plot(
                sizes, times, color=color, marker=marker, linewidth=width, markersize=4.5,
                label=CONTENDERS[name].label,
            )  # fmt: skip
            limits = [(step.limit_us or float("nan")) / _divisor(step) for step in steps]
    steps = members(results, threads, family, OURS)
    if steps:
        (handles["limit"],) = ax.plot(sizes, limits, **LIMIT, label="roofline")
    if line := fitted(steps):
        times = [line(size) / _divisor(step) for size, step in zip(sizes, steps, strict=True)]
        (handles["fit"],) = ax.plot(sizes, times, **FIT, label="fit to nnscratch")
    if ax.has_data():  # a run that was interrupted may lack a panel's
        ax.set_xscale("log")
        ax.set_yscale("log")
    ax.grid(color="0.5", alpha=0.25, linewidth=0.6)


def _divisor(step: StepResult) -> int:
    workload = WORKLOADS[step.workload]
    return workload.size if workload.family in SHARED else 1


def products(results: Results) -> Figure | None:
    """NumPy's time over nnscratch's for every matrix product, by its size."""
    found = [
        kernel
        for threads in results.threads
        for kind in ("layer", "square")
        for kernel in results.ratios(kind, threads)
    ]
    if not found:
        return None
    measured = [n for n in results.threads if any(k.threads == n for k in found)]
    figure = Figure(figsize=(1.0 + 4.0 * len(measured), 3.4), layout="constrained")
    panels = figure.subplots(1, len(measured), squeeze=False, sharey=True)[0]
    ops = list(dict.fromkeys(kernel.op for kernel in found))
    handles: dict[str, Any] = {}
    for ax, threads in zip(panels, measured, strict=True):
        for i, op in enumerate(ops):
            chosen = [k for k in found if (k.op, k.threads) == (op, threads)]
            sizes = [2e-6 * k.shape[0] * k.shape[1] * k.shape[2] for k in chosen]
            ratios = [k.ratio for k in chosen]
            (handles[op],) = ax.plot(
                sizes, ratios, MARKERS[i], color=COLORS[i + 1], markersize=4, alpha=0.8, label=op
            )
        ax.axhline(1, color="0.35", linewidth=1)
        ax.set_xscale("log")
        ax.set_yscale("log", base=2)
        ax.yaxis.set_major_formatter("{x:g}")
        ax.set_xlabel("millions of operations")
        ax.set_title(in_threads(threads))
        ax.grid(color="0.5", alpha=0.25, linewidth=0.6)
    panels[0].set_ylabel("NumPy's time / nnscratch's")
    figure.legend(
        handles=list(handles.values()), loc="outside upper left", ncols=len(handles), frameon=False
    )
    return figure


def _main(results: Results) -> list[str]:
    return [w for w in results.workloads() if not WORKLOADS[w].grows]


def _shade(color: str, row: int) -> tuple[float, float, float]:
    """The colour as it is for the first number of threads, lighter for the next."""
    red, green, blue = matplotlib.colors.to_rgb(color)
    keep = 1 - 0.45 * min(row, 1)
    return (1 - keep * (1 - red), 1 - keep * (1 - green), 1 - keep * (1 - blue))
