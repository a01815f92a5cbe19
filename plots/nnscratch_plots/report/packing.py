"""Records as the page holds them: thinned, and the arrays as base64 of their bytes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnscratch_plots.blocks import lanes
from nnscratch_plots.records import Array, Run
from nnscratch_plots.report.thinning import MOST_STEPS, kept_losses, kept_steps, spread
from nnscratch_plots.through_time import has_time
from nnscratch_records import FIELDS, RecordError
from nnscratch_records.attribution import TERMS
from nnscratch_records.words import plural

# What the page shows by layer, in the order in which it offers them; some share a chart.
ENDS = ("saturated", "saturated_low", "saturated_high", "output_zeros", "dead_units")
BATCHNORM = ("batchnorm_mean_gap", "batchnorm_variance_ratio", "batchnorm_scale")
QUANTITIES = ("gradient_norm", "output_std", "update_ratio", *ENDS, *BATCHNORM)
# Every layer has these. Others that are NaN at every step were not measured: the layer has none.
OF_EVERY_LAYER = ("gradient_norm", "output_std")
_ALWAYS = (*OF_EVERY_LAYER, "output_zeros")
TIME = ("hidden_gradient_norm", "cell_gradient_norm")
SERIES = ("loss", "validation_loss", "clip_before", "clip_after")
HISTOGRAMS = ("output", "gradient", "param")

# Bytes of all runs together; base64 makes 4 of 3, so that a page stays below 5 MB.
VALUE_BYTES = 2_000_000
HISTOGRAM_BYTES = 800_000
_MOST_HISTOGRAMS = 60

Held = tuple[Array, Array]  # values (S, K, ...), and the layer's column of each of the K


def pack_runs(runs: Sequence[Run]) -> dict[str, Any]:
    """Return what the page's script reads: one plain dict per run, and notes on them."""
    packed = [_pack(run, len(runs)) for run in runs]
    kept = [len(one["steps"]) for one in packed]
    return {"runs": packed, "notes": notes(runs, kept)}


def notes(runs: Sequence[Run], kept: Sequence[int]) -> list[str]:
    """What the records say of themselves, and what the page does not hold: each sentence once."""
    said: dict[str, list[str]] = {}
    for run in runs:
        if run.text("note"):
            said.setdefault(run.text("note"), []).append(run.label)
    made = [text if len(runs) == 1 else f"{', '.join(who)}: {text}" for text, who in said.items()]
    thinned = [
        (count, len(run.steps))
        for run, count in zip(runs, kept, strict=True)
        if count < len(run.steps)
    ]
    if thinned:
        held, of = zip(*thinned, strict=True)
        where = "" if len(runs) == 1 else f" of {plural(len(thinned), 'run')}"
        made.append(
            f"This page holds {_span(held)} of the {_span(of)} recorded steps{where}, evenly "
            "spaced, with those of the largest loss and gradient and of the first value that is "
            "not finite."
        )
    return made


def quantities(run: Run) -> dict[str, Held]:
    """What the page shows of a run by layer."""
    found = {}
    for key in QUANTITIES:
        if not run.has(key):
            continue
        values, columns = run.by_layer(key)
        seen = ~np.isnan(values).all(axis=0) | (key in _ALWAYS)
        if seen.any():
            found[key] = (values[:, seen], columns[seen])
    return found


def series(run: Run) -> dict[str, Array]:
    """The lines over the steps: the loss, and what a clip did where there is one."""
    found = {
        key: run.held(key) if FIELDS[key].looked else run.get(key) for key in SERIES if key in run
    }
    return {
        key: values for key, values in found.items() if key == "loss" or not np.isnan(values).all()
    }


def _pack(run: Run, count: int) -> dict[str, Any]:
    held, lines = quantities(run), series(run)
    split, time = _attribution(run), through_time(run)
    sizes = [values.shape[1] for values, _ in held.values()]
    sizes += [split[1].shape[1] * split[1].shape[2]] if split else []
    sizes += [values[0].size for values in time.values()] if len(run.steps) else []
    most = min(MOST_STEPS, VALUE_BYTES // count // max(1, 4 * sum(sizes)))
    kept, losses = kept_steps(run, most), kept_losses(run, lines)
    return {
        "label": run.label,
        "layers": list(run.layers),
        "places": run.places.round(4).tolist(),
        **{key: run.facts(key).tolist() for key in ("roles", "blocks")},
        "lanes": {lane: [list(blocks), at] for lane, (blocks, at) in lanes(run).items()},
        "steps": run.steps[kept].tolist(),
        "series": {
            "steps": run.steps[losses].tolist(),
            **{key: encoded(values[losses]) for key, values in lines.items()},
        },
        "quantities": {
            key: {"columns": columns.tolist(), **encoded(values[kept])}
            for key, (values, columns) in held.items()
        },
        "attribution": split
        and {
            "columns": [run.layers.index(name) for name in split[0]],
            "terms": split[2],
            **encoded(split[1][kept]),
        },
        "time": _pack_time(run, time, kept),
        "histograms": _pack_histograms(run, kept, HISTOGRAM_BYTES // count),
    }


def _attribution(run: Run) -> tuple[tuple[str, ...], Array, list[str]] | None:
    """Layers, what each term adds at each (S, layers, terms), and the terms that occur, if any."""
    try:
        names, sums = run.attribution.grouped()
    except RecordError:  # of a record that has not all of it
        return None
    occur = np.flatnonzero((sums != 0).any(axis=(0, 1)))
    return (names, sums[..., occur], [TERMS[term] for term in occur]) if occur.size else None


def through_time(run: Run) -> dict[str, Array]:
    """Of a run through time, norms by lag, (S, layers, lags), as far back as any sequence goes."""
    if not has_time(run):
        return {}
    reached = run.facts("lags") < np.nanmax(run.facts("time_steps"))
    held = {key: run.facts(key)[..., reached] for key in TIME}
    return {key: values for key, values in held.items() if not np.isnan(values).all()}


def _pack_time(run: Run, held: dict[str, Array], kept: Array) -> dict[str, Any] | None:
    if not held:
        return None
    lags = next(iter(held.values())).shape[2]
    return {
        "layers": run.names("recurrent_layers"),
        "lags": run.facts("lags")[:lags].tolist(),
        **{name: encoded(run.facts(f"time_{name}")[kept]) for name in ("rate", "steps")},
        **{key: encoded(values[kept]) for key, values in held.items()},
    }


def _span(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


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
    found = {}
    for name in HISTOGRAMS:
        if (counted := run.histograms(name)) is not None:
            values, columns = run.by_layer(f"{name}_histogram")
            if len(columns):
                found[name] = (values, columns, counted[1])
    if not found:
        return None
    candidates = spread(kept, _MOST_HISTOGRAMS)
    bins, per_step = {}, 0
    for name, (values, columns, _) in found.items():
        counts = values[kept[candidates]]
        bins[name] = _used_bins(counts)
        wide = 1 if int(counts.max(initial=0)) < 256 else 2
        per_step += wide * len(columns) * (bins[name].stop - bins[name].start)
    rows = candidates[spread(candidates, max(2, most_bytes // max(1, per_step)))]
    return {
        "rows": rows.tolist(),
        **{
            name: {
                "edges": edges[bins[name].start : bins[name].stop + 1].tolist(),
                "first": bins[name].start,
                "columns": columns.tolist(),
                **encoded(values[kept[rows]][..., bins[name]].astype(np.uint16)),
            }
            for name, (values, columns, edges) in found.items()
        },
    }


def _used_bins(counts: Array) -> slice:
    used = np.flatnonzero(counts.any(axis=(0, 1)))
    return slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 1)
