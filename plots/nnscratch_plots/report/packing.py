"""Records as the page holds them: thinned, and the arrays as base64 of their bytes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnscratch_plots.records import Array
from nnscratch_plots.report.reading import Measured, Run
from nnscratch_plots.report.thinning import MOST_STEPS, kept_losses, kept_steps, spread

# Bytes of all runs together; base64 makes 4 of 3, so that a page stays below 5 MB.
VALUE_BYTES = 2_000_000
HISTOGRAM_BYTES = 800_000
_MOST_HISTOGRAMS = 60


def pack_runs(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return what the page's script reads, one plain dict per run."""
    return [_pack(run, len(runs)) for run in runs]


def _pack(run: Run, count: int) -> dict[str, Any]:
    per_step = 4 * sum(len(measured.columns) for measured in run.quantities.values())
    most = min(MOST_STEPS, VALUE_BYTES // count // max(1, per_step))
    kept, losses = kept_steps(run, most), kept_losses(run)
    return {
        "label": run.label,
        "notes": [note for note in (run.note, thinning_note(len(run.steps), len(kept))) if note],
        "layers": list(run.layers),
        "steps": run.steps[kept].tolist(),
        "series": {
            "steps": run.steps[losses].tolist(),
            **{key: encoded(values[losses]) for key, values in run.series.items()},
        },
        "quantities": {
            key: {"columns": measured.columns.tolist(), **encoded(measured.values[kept])}
            for key, measured in run.quantities.items()
        },
        "histograms": _pack_histograms(run, kept, HISTOGRAM_BYTES // count),
    }


def thinning_note(recorded: int, kept: int) -> str:
    """What is said of a run that the page does not hold whole; nothing where it does."""
    if kept == recorded:
        return ""
    return (
        f"This page holds {kept:,} of the {recorded:,} recorded steps, evenly spaced, with those "
        "of the largest loss and gradient and of the first value that is not finite."
    )


def encoded(values: Array) -> dict[str, str]:
    """Little-endian bytes: float32 where that loses nothing but digits, otherwise float64."""
    if values.dtype.kind == "u":
        small = not values.size or int(values.max()) < 256
        return _bytes("u1" if small else "u2", values)
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    limits = np.finfo(np.float32)
    fits = not size.size or (size.min() >= limits.tiny and size.max() <= limits.max)
    return _bytes("f4" if fits else "f8", values)


def _bytes(kind: str, values: Array) -> dict[str, str]:
    content = np.ascontiguousarray(values.astype(f"<{kind}")).tobytes()
    return {"type": kind, "data": base64.b64encode(content).decode("ascii")}


def _pack_histograms(run: Run, kept: Array, most_bytes: int) -> dict[str, Any] | None:
    """Histograms of fewer steps than the values, in the bins that any of them uses."""
    if not run.histograms:
        return None
    candidates = spread(kept, _MOST_HISTOGRAMS)
    bins, per_step = {}, 0
    for name, (measured, _) in run.histograms.items():
        counts = measured.values[kept[candidates]]
        bins[name] = _used_bins(counts)
        wide = 1 if int(counts.max(initial=0)) < 256 else 2
        per_step += wide * len(measured.columns) * (bins[name].stop - bins[name].start)
    rows = candidates[spread(candidates, max(2, most_bytes // max(1, per_step)))]
    return {
        "rows": rows.tolist(),
        **{
            name: {
                "edges": edges[bins[name].start : bins[name].stop + 1].tolist(),
                "first": bins[name].start,
                "columns": measured.columns.tolist(),
                **encoded(_counts(measured, kept[rows], bins[name])),
            }
            for name, (measured, edges) in run.histograms.items()
        },
    }


def _counts(measured: Measured, rows: Array, bins: slice) -> Array:
    return measured.values[rows][..., bins].astype(np.uint16)


def _used_bins(counts: Array) -> slice:
    used = np.flatnonzero(counts.any(axis=(0, 1)))
    return slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 1)
