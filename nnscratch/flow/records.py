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
``param_norm``, ``param_mean``  (S, P) after the step's update
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

from nnscratch.errors import DataError
from nnscratch.files import PathLike, load_npz, save_npz
from nnscratch.flow.layout import FORMAT, Layout
from nnscratch.flow.stream import SUFFIX, Stream, is_stream, read_stream

Record = dict[str, Any]

_PLAIN = {"format": int, "label": str, "clip": str, "note": str, "every": int, "kept_every": int}
_SHAPES = {
    **dict.fromkeys(("loss", "lr", "batch_size", "clip_before", "clip_after"), ("steps",)),
    **dict.fromkeys(("output_norm", "gradient_norm", "output_std"), ("steps", "layers")),
    **dict.fromkeys(("param_norm", "param_gradient_norm"), ("steps", "params")),
}


def save_record(path: PathLike, record: Record) -> Path:
    """Save `record` to `path` (`.npz`), atomically."""
    return save_npz(path, record)


def load_record(
    path: PathLike, *, keep_every: int = 1, last: int | None = None, memory: int = 2**29
) -> Record:
    """Return the record at `path`: one saved as `.npz`, or what was appended to a ``.flow`` file.

    A ``.flow`` file is read as far as it is whole, and may be large: `keep_every` and `last` select
    steps as in `read_stream`, and beyond `memory` bytes steps are left out evenly. The record's
    note says so.

    Raises `FileError` if it cannot be read, `DataError` if it is damaged, is no record, or was
    written in another format.
    """
    if is_stream(path) or Path(path).suffix == SUFFIX:
        stream = read_stream(path, keep_every=keep_every, last=last, memory=memory)
        return _from_stream(path, stream)
    record: Record = dict(load_npz(path))
    if "backprop_norm" in record or int(record.get("format", FORMAT)) != FORMAT:
        raise DataError(
            f"{path} is a record of format {int(record.get('format', 1))}, expected {FORMAT}: it "
            f"was written by another version of nnscratch; record the run again"
        )
    needed = [*_PLAIN, "layers", "params", "steps", *_SHAPES]
    missing = [key for key in needed if key not in record]
    if missing:
        raise DataError(f"{path} is no record of a run: it lacks {', '.join(missing)}")
    for key, kind in _PLAIN.items():
        record[key] = kind(record[key])
    for key, axes in _SHAPES.items():
        shape = tuple(len(record[axis]) for axis in axes)
        if record[key].shape != shape:
            raise DataError(
                f"{path} is no record of a run: {key} has shape {record[key].shape}, "
                f"expected ({', '.join(axes)}) = {shape}"
            )
    return record


def _from_stream(path: PathLike, stream: Stream) -> Record:
    try:
        layout = Layout.from_description(stream.description)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    widths = stream.scalars.shape[1], stream.counts.shape[1], stream.census.shape[1]
    if widths != (layout.numbers, layout.counts, layout.census_units[-1]):
        raise DataError(f"{path} is no record of a run: its rows are not what its header says")
    if not len(stream.steps):
        raise DataError(f"{path} holds no step of a run{stream.note and ': '}{stream.note}")
    return layout.to_record(
        stream.steps,
        stream.scalars,
        stream.counts,
        stream.census_steps,
        stream.census,
        stream.kept_every,
        stream.note,
    )
