"""Records: what a recorder measured, as plain arrays by name.

A record is a dict. S steps were recorded of L layers with P parameters; N of the layers are batch
norm; C times the units of A activation layers were counted.

==============================  ================================================================
``format``                      2
``label``, ``clip``, ``note``   the run's name; what clipped its gradient; what is missing
``every``, ``kept_every``       one step in `every` was recorded, and one in `kept_every` of these
                                is kept
``layers``, ``features`` (L,)   names of the layers, first to last; width of their outputs
``params``, ``param_sizes``     (P,) names of their parameters; how many numbers each has
``steps``, ``loss``, ``lr``,    (S,) step; loss before its update; learning rate; examples
``batch_size``
``input_*`` (S,)                of the batch of inputs, and
``output_*`` (S, L)             of each layer's output y, and
``gradient_*`` (S, L)           of dL/dy, the back-propagated gradient that arrives there:
  ``norm, mean, std``           Euclidean norm over batch and features; mean; standard deviation
  ``max, zeros, nonfinite``     largest finite magnitude; fraction of zeros; count of NaN and
                                infinities
``saturated_low``, ``_high``    (S, L) fraction of an activation's outputs at that end
                                (`Layer.saturation`); NaN where it has no such end
``param_norm``, ``param_mean``  (S, P) after the step's update; the mean of a PReLU's slope shows
                                its drift
``param_gradient_norm``         (S, P) before clipping
``param_update_norm``           (S, P) norm of the change; ``update_ratio`` the same over the norm
                                of the parameter before it; NaN where a step made no update
``param_nonfinite``,            (S, P) counts of NaN and infinities
``param_gradient_nonfinite``
``output_histogram`` (S, L, 64) and ``gradient_histogram``, ``param_histogram`` (S, P, 64): counts
                                of a sample of elements; of outputs and parameters between
                                ``histogram_edges_signed`` (65,), of gradients' magnitudes between
                                ``histogram_edges_magnitude`` (65,); NaN is not counted
``batchnorm_layers`` (N,)       and (S, N) of them ``batchnorm_mean_gap``, the root mean square of
                                (batch mean - running mean) / running deviation;
                                ``batchnorm_variance_ratio``, the geometric mean of batch variance
                                over running variance; ``batchnorm_scale`` and
                                ``batchnorm_scale_max``, root mean square and largest of
                                |gamma| / sigma
``clip_before``, ``_after``     (S,) norm of the whole gradient; ``clip_fraction`` of its
                                components that were changed; ``clip_cosine`` of the angle between
                                the two; NaN without a clip
``census_steps`` (C,)           ``census_layers`` (A,), ``census_units`` (A + 1,), ``census``
                                (C, units): 0 alive, 1 dead, 2 saturated low, 3 saturated high
==============================  ================================================================

It is saved as an ordinary `.npz` that any NumPy can read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nnscratch.errors import DataError, require_count
from nnscratch.files import PathLike, load_npz, save_npz
from nnscratch.flow.layout import FORMAT, Layout
from nnscratch.flow.quantities import AXES, HISTOGRAMS
from nnscratch.flow.stream import SUFFIX, Stream, is_stream, left_out, read_stream
from nnscratch_kernels.reference.measures import BINS

Record = dict[str, Any]

_PLAIN = {"format": int, "label": str, "clip": str, "note": str, "every": int, "kept_every": int}
_TEXT = ("label", "clip", "note", "layers", "params", "batchnorm_layers", "census_layers")
# Along each axis of an array there is an entry for each of these, or so many.
_SHAPES: dict[str, tuple[str | int, ...]] = {
    **dict.fromkeys(_PLAIN, ()),
    **{name: (name,) for name in ("layers", "params", "batchnorm_layers", "steps")},
    "features": ("layers",),
    "param_sizes": ("params",),
    **AXES,
    **{name: ("steps", axis, BINS) for name, (axis, _) in HISTOGRAMS.items()},
    **{edges: (BINS + 1,) for _, edges in HISTOGRAMS.values()},
    **{name: (name,) for name in ("census_steps", "census_layers", "census_units")},
    "census": ("census_steps", "units"),
}


def save_record(path: PathLike, record: Record) -> Path:
    """Save `record` to `path` (`.npz`), atomically."""
    return save_npz(path, record)


def load_record(
    path: PathLike, *, keep_every: int = 1, last: int | None = None, memory: int = 2**29
) -> Record:
    """Return the record at `path`: one saved as `.npz`, or what was appended to a ``.flow`` file.

    A ``.flow`` file is read as far as it is whole, and may be large: beyond `memory` bytes steps
    are left out evenly. The record's note says so.

    keep_every : keep the first step and every so many-th after it
    last : of these, keep only the last so many

    Raises `FileError` if it cannot be read, `DataError` if it is damaged, is no record, or was
    written in another format.
    """
    if is_stream(path) or Path(path).suffix == SUFFIX:
        stream = read_stream(path, keep_every=keep_every, last=last, memory=memory)
        return _from_stream(path, stream)
    record: Record = dict(load_npz(path))
    _check(path, record)
    for key, kind in _PLAIN.items():
        record[key] = kind(record[key])
    return _select(record, keep_every, last)


def _check(path: PathLike, record: Record) -> None:
    """Raise unless `record` is one of this format and nothing of it is missing or misshapen."""
    kept = record.get("format", np.array(1 if "backprop_norm" in record else FORMAT))
    if kept.shape == () and kept != FORMAT:
        raise DataError(
            f"{path} is a record of format {kept}, expected {FORMAT}: it was written by another "
            f"version of nnscratch; record the run again"
        )
    missing = [key for key in _SHAPES if key not in record]
    if missing:
        raise DataError(f"{path} is no record of a run: it lacks {', '.join(missing)}")
    lengths = {key: record[key].size for key in _SHAPES}
    lengths["census_units"] = lengths["census_layers"] + 1
    lengths["units"] = int(record["census_units"].flat[-1]) if record["census_units"].size else 0
    for key, axes in _SHAPES.items():
        shape = tuple(axis if isinstance(axis, int) else lengths[axis] for axis in axes)
        if key in HISTOGRAMS and not len(record[key]):
            shape = (0, *shape[1:])
        found, kinds = record[key], "U" if key in _TEXT else "iuf"
        if found.shape != shape or found.dtype.kind not in kinds:
            raise DataError(
                f"{path} is no record of a run: {key} has shape {found.shape} of {found.dtype}, "
                f"expected {shape} of {'text' if key in _TEXT else 'numbers'}"
            )
    if not lengths["steps"]:
        raise DataError(f"{path} holds no step of a run")


def _select(record: Record, keep_every: int, last: int | None) -> Record:
    """Return `record` with the steps that `read_stream` would select."""
    count = len(record["steps"])
    require_count("load_record keep_every", keep_every)
    most = count if last is None else require_count("load_record last", last)
    chosen = np.arange(0, count, keep_every)[-most:]
    if len(chosen) == count:
        return record
    for key in ("steps", *AXES, *HISTOGRAMS):
        record[key] = record[key][chosen] if len(record[key]) else record[key]
    record["kept_every"] *= keep_every
    notes = [record["note"], *left_out(count, keep_every, last)]
    return record | {"note": "; ".join(filter(None, notes))}


def _from_stream(path: PathLike, stream: Stream) -> Record:
    try:
        layout = Layout.from_description(stream.description)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    widths = stream.scalars.shape[1], stream.samples.shape[1], stream.census.shape[1]
    if widths != (layout.numbers, layout.samples, layout.census_units[-1]):
        raise DataError(f"{path} is no record of a run: its rows are not what its header says")
    if not len(stream.steps):
        raise DataError(f"{path} holds no step of a run{stream.note and ': '}{stream.note}")
    return layout.to_record(
        stream.steps,
        stream.scalars,
        stream.samples,
        stream.census_steps,
        stream.census,
        stream.kept_every,
        stream.note,
    )
