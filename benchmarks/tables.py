"""The tables: what was measured, row by row, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.contenders import CONTENDERS, OURS
from benchmarks.growth import fitted, members
from benchmarks.machine import in_threads
from benchmarks.results import KernelResult, Results, StepResult, mean_ratio
from benchmarks.workloads import FAMILIES, WORKLOADS


@dataclass
class Table:
    """A heading, a row of column names, and rows."""

    heading: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    remark: str = ""

    def markdown(self) -> str:
        """Return the table as Markdown; the first column is text, the others numbers."""
        lines = [f"## {self.heading}", ""]
        if self.remark:
            lines += [self.remark, ""]
        if self.rows:
            lines.append("| " + " | ".join(self.columns) + " |")
            lines.append("|---" + "|---:" * (len(self.columns) - 1) + "|")
            lines += ["| " + " | ".join(row) + " |" for row in self.rows]
            lines.append("")
        return "\n".join(lines)


def tables(results: Results, brief: bool = False) -> list[Table]:
    """Return every table for which something was measured; `brief` for narrow ones."""
    made = []
    for threads in results.threads:
        made += [_steps(results, threads, brief), _memory(results, threads)]
        made += [_recording(results, threads, growing) for growing in (False, True)]
        made += [_growth(results, threads, family, brief) for family in FAMILIES]
        made += [_fits(results, threads)]
        made += [_products(results, threads), _squares(results, threads)]
        made += [_activations(results, threads)]
    made += [
        _more_threads(results),
        _instead(results),
        _startup(results),
        _roofline(results),
        _skipped(results),
    ]
    return [table for table in made if table.rows]


# Best peer over nnscratch, nnscratch over the limit, and the spread of nnscratch.
OUR_COLUMNS = ["peer / ours", "ours / limit", "spread"]


def _steps(results: Results, threads: int, brief: bool) -> Table:
    names = results.contenders()
    table = Table(
        f"Training step, {in_threads(threads)}",
        ["workload", "limit", *(CONTENDERS[n].label for n in names), *OUR_COLUMNS],
    )
    for workload in results.workloads():
        if WORKLOADS[workload].grows:
            continue
        steps = {n: results.find(workload, threads, n) for n in names}
        network = f": {WORKLOADS[workload].network}, batch {WORKLOADS[workload].batch}"
        table.rows.append(
            [
                workload if brief else workload + network,
                _limit(list(steps.values())),
                *(_time(step, brief) for step in steps.values()),
                *_ours(steps.get(OURS)),
            ]
        )
    return table


def _instead(results: Results) -> Table:
    table = Table(
        "What one would pick instead",
        ["workload", "threads", "best peer", "takes", "nnscratch takes", "peer / ours"],
        remark="The fastest of the others, each at the best setting that is known for it.",
    )
    for step in results.steps:
        if step.best_peer is not None and not WORKLOADS[step.workload].grows:
            peer = results.find(step.workload, step.threads, step.best_peer)
            assert peer is not None
            row = CONTENDERS[step.best_peer].label, number(peer.min_us), number(step.min_us)
            table.rows.append([step.workload, str(step.threads), *row, _ours(step)[0]])
    return table


def _ours(step: StepResult | None) -> list[str]:
    if step is None:
        return ["-", "-", "-"]
    ratio = "-" if step.ratio_to_best_peer is None else f"{step.ratio_to_best_peer:.2f}"
    limit = f"{step.min_us / step.limit_us:.2f}" if step.limit_us else "-"
    return [ratio, limit, f"{step.spread:.0%}"]


def _memory(results: Results, threads: int) -> Table:
    names = results.contenders()
    table = Table(
        f"Memory in MiB, {in_threads(threads)}",
        ["workload", *(CONTENDERS[n].label for n in names)],
        remark="The most held while training, beyond what a small network needs; in brackets the "
        "peak of the whole process, libraries and compilers included.",
    )
    for workload in results.workloads():
        steps = [results.find(workload, threads, n) for n in names]
        if any(step and step.peak_memory_bytes for step in steps):
            table.rows.append([workload, *(_mebibytes(step) for step in steps)])
    return table


def _mebibytes(step: StepResult | None) -> str:
    if step is None or step.peak_memory_bytes is None:
        return "-"
    training = "-" if step.step_memory_bytes is None else f"{step.step_memory_bytes / 2**20:.1f}"
    return f"{training} ({step.peak_memory_bytes / 2**20:.0f})"


def _recording(results: Results, threads: int, growing: bool) -> Table:
    found = [
        r
        for r in results.recording
        if r.threads == threads and WORKLOADS[r.workload].grows == growing
    ]
    names = list(dict.fromkeys(r.contender for r in found))
    networks = ", growing networks" if growing else ""
    table = Table(
        f"Recording everything at every step{networks}, {in_threads(threads)}",
        ["workload", *(head for name in names for head in _pair(name))],
        remark="The step without and with the full panel of every layer recorded, and how many "
        "times as long it takes: the median over pairs of turns one after the other, in brackets "
        "the quartiles.",
    )
    for workload in dict.fromkeys(r.workload for r in found):
        row = [workload]
        for name in names:
            cells = ["-"] * 3
            for r in found:
                if (r.workload, r.contender) == (workload, name):
                    times = f"{r.overhead:.3f} ({r.overhead_low:.2f}-{r.overhead_high:.2f})"
                    cells = [number(r.plain_us), number(r.recorded_us), times]
            row += cells
        table.rows.append(row)
    return table


def _pair(name: str) -> tuple[str, str, str]:
    entry = CONTENDERS[name]
    return CONTENDERS[entry.recorded].label, entry.label, "times"


def _growth(results: Results, threads: int, family: str, brief: bool) -> Table:
    workloads = [w for w in results.workloads() if WORKLOADS[w].family == family]
    names = [n for n in results.contenders() if any(results.find(w, threads, n) for w in workloads)]
    per_layer = ["ours a layer"] if family == "depth" else []
    table = Table(
        f"Growth with {family}, {in_threads(threads)}",
        [family, "limit", *(CONTENDERS[n].label for n in names), *per_layer, *OUR_COLUMNS],
    )
    if workloads:
        example = WORKLOADS[workloads[-1]]
        table.remark = f"The last row is {example.network}, batch {example.batch}."
    for workload in workloads:
        steps = {n: results.find(workload, threads, n) for n in names}
        ours = steps.get(OURS)
        layer = [f"{ours.min_us / WORKLOADS[workload].depth:.1f}" if ours else "-"]
        table.rows.append(
            [
                str(WORKLOADS[workload].size),
                _limit(list(steps.values())),
                *(_time(step, brief) for step in steps.values()),
                *(layer if per_layer else []),
                *_ours(ours),
            ]
        )
    return table


def _fits(results: Results, threads: int) -> Table:
    found = {
        family: {
            name: line
            for name in results.contenders()
            if (line := fitted(members(results, threads, family, name)))
        }
        for family in FAMILIES
    }
    names = [n for n in results.contenders() if any(n in lines for lines in found.values())]
    table = Table(
        f"Growth fitted, {in_threads(threads)}",
        ["a step in microseconds", *(CONTENDERS[n].label for n in names)],
        remark="What grows is n; in brackets by how much of a measured time the sum is off.",
    )
    for family, lines in found.items():
        if lines:
            shown = (str(lines[name]) if name in lines else "-" for name in names)
            table.rows.append([f"n: {family}", *shown])
    return table


def _more_threads(results: Results) -> Table:
    counts = list(dict.fromkeys(found.threads for found in results.simulated))
    table = Table(
        "More threads, simulated",
        ["a step in microseconds", *(in_threads(count) for count in counts)],
        remark="Not measured: from the times of the step's segments on one core (see "
        "`benchmarks/more_threads.py`). In brackets how many times as fast as one thread.",
    )
    for workload in dict.fromkeys(found.workload for found in results.simulated):
        times = {f.threads: f.us for f in results.simulated if f.workload == workload}
        shown = (f"{number(times[n])} ({times[1] / times[n]:.1f})" for n in counts)
        table.rows.append([workload, *shown])
    return table


def _products(results: Results, threads: int) -> Table:
    table = Table(
        f"Matrix products of network layers, {in_threads(threads)}",
        ["product", "shapes", "geometric mean", "lowest", "highest", "lowest at", "oneDNN"],
        remark="NumPy's time over nnscratch's: above 1, nnscratch is faster. Last the geometric "
        "mean of NumPy's time over that of oneDNN.",
    )
    kernels, others = (results.ratios("layer", threads, name) for name in (OURS, "onednn"))
    groups = [(op, [k for k in kernels if k.op == op]) for op in dict.fromkeys(_ops(kernels))]
    for op, group in [*groups, ("all", kernels)]:
        if group:
            ordered = sorted(group, key=lambda k: k.ratio or 0.0)
            theirs = [k for k in others if op in (k.op, "all")]
            table.rows.append(
                [
                    op,
                    str(len(group)),
                    f"{mean_ratio(group):.2f}",
                    f"{ordered[0].ratio:.2f}",
                    f"{ordered[-1].ratio:.2f}",
                    ordered[0].case,
                    f"{mean_ratio(theirs):.2f}" if theirs else "-",
                ]
            )
    return table


def _ops(kernels: Sequence[KernelResult]) -> list[str]:
    return [kernel.op for kernel in kernels]


def _squares(results: Results, threads: int) -> Table:
    table = Table(
        f"Square matrix products, {in_threads(threads)}",
        ["product", "nnscratch GFLOP/s", "NumPy GFLOP/s", "NumPy / nnscratch", "oneDNN GFLOP/s"],
    )
    theirs = {k.case: f"{k.gflops:.1f}" for k in results.ratios("square", threads, "onednn")}
    for ours in results.ratios("square", threads):
        assert ours.gflops is not None
        assert ours.ratio is not None
        numpy = ours.gflops / ours.ratio
        speeds = f"{ours.gflops:.1f}", f"{numpy:.1f}", f"{ours.ratio:.2f}"
        table.rows.append([ours.case, *speeds, theirs.get(ours.case, "-")])
    return table


def _activations(results: Results, threads: int) -> Table:
    found = [k for k in results.kernels if k.kind == "activation" and k.threads == threads]
    names = list(dict.fromkeys(kernel.contender for kernel in found))
    table = Table(
        f"Activations in microseconds, {in_threads(threads)}",
        ["activation", *(CONTENDERS[n].label for n in names)],
    )
    for case in dict.fromkeys(kernel.case for kernel in found):
        times = {k.contender: k.min_us for k in found if k.case == case}
        table.rows.append([case, *(f"{times[n]:.1f}" if n in times else "-" for n in names)])
    if found:
        table.remark = f"Over an array of shape {found[0].shape}."
    return table


def _startup(results: Results) -> Table:
    table = Table(
        "Start-up in seconds",
        ["library", "import", "first step", "whole process", "runs"],
        remark="Fresh processes, the fastest of the runs. The first step includes building the "
        "network; cold means an empty cache of compiled kernels.",
    )
    for entry in results.startup:
        label = CONTENDERS[entry.contender].label
        if entry.contender == OURS:
            label += f", {entry.cache} cache"
        seconds = (entry.import_s, entry.first_step_s, entry.total_s)
        table.rows.append([label, *(f"{s:.2f}" for s in seconds), str(entry.runs)])
    return table


def _roofline(results: Results) -> Table:
    line = results.roofline
    sizes = sorted({size for rates in line.bandwidth_gbs.values() for size in rates})
    table = Table(
        "Roofline",
        ["threads", "peak GFLOP/s", *(f"GB/s at {_size(size)}" for size in sizes)],
    )
    for threads in results.threads:
        if threads in line.peak_gflops:
            rates = line.bandwidth_gbs.get(threads, {})
            shown = [f"{rates[size]:.0f}" if size in rates else "-" for size in sizes]
            table.rows.append([str(threads), f"{line.peak_gflops[threads]:.0f}", *shown])
    return table


def _skipped(results: Results) -> Table:
    table = Table("Left out, and remarks", ["what", "contender", "reason"])
    for skipped in results.skipped:
        threads = "" if skipped.threads is None else f", {in_threads(skipped.threads)}"
        table.rows.append(
            [f"{skipped.what}{threads}", CONTENDERS[skipped.contender].label, skipped.reason]
        )
    table.rows += [[note, "", ""] for note in results.notes]
    return table


def _limit(steps: Sequence[StepResult | None]) -> str:
    limits = [step.limit_us for step in steps if step and step.limit_us]
    return number(limits[0]) if limits else "-"


def _time(step: StepResult | None, brief: bool) -> str:
    if step is None:
        return "-"
    minimum = number(step.min_us)
    return minimum if brief else f"{minimum} ({number(step.median_us)})"


def number(value: float) -> str:
    """Return a time with three figures or all its whole ones."""
    if value <= 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:,.{min(decimals, 2)}f}"


def _size(size: int) -> str:
    return f"{size / 2**20:g} MiB" if size >= 2**20 else f"{size / 2**10:g} KiB"
