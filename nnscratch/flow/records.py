"""Records on disk: saved as `.npz` that any NumPy can read, or read of a ``.flow`` file.

A record is a dict of arrays; `nnscratch_records.FIELDS` says what is in it (docs/records.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch.errors import DataError, require_count
from nnscratch.files import PathLike, as_path, load_npz, save_npz
from nnscratch.flow.layout import Layout
from nnscratch.flow.stream import SUFFIX, Stream, is_stream, left_out, read_stream
from nnscratch_records import FIELDS, Record, RecordError, check_record

__all__ = ["Record", "load_record", "save_record"]


def save_record(path: PathLike, record: Mapping[str, Any]) -> Path:
    """Save `record` to `path` (`.npz`), atomically; `RecordError` if it is no whole record."""
    checked = check_record(record)
    return save_npz(path, {name: checked[name] for name in FIELDS})


def load_record(
    path: PathLike, *, keep_every: int = 1, last: int | None = None, memory: int = 2**29
) -> Record:
    """Return the record at `path`: one saved as `.npz`, or what was appended to a ``.flow`` file.

    A ``.flow`` file is read as far as it is whole, and may be large: beyond `memory` bytes steps
    are left out evenly. The record's note says so.

    keep_every : keep the first step and every so many-th after it
    last : of these, keep only the last so many

    Raises `FileError` if it cannot be read, `DataError` if it is damaged, is no record, or was
    written in a format that is no longer read.
    """
    if is_stream(path) or as_path(path).suffix == SUFFIX:
        stream = read_stream(path, keep_every=keep_every, last=last, memory=memory)
        return _from_stream(path, stream)
    return _select(check_record(load_npz(path), f"{path}: record"), keep_every, last)


def _select(record: Record, keep_every: int, last: int | None) -> Record:
    """Return `record` with the steps that `read_stream` would select."""
    count = len(record["steps"])
    require_count("load_record keep_every", keep_every)
    keep_every = min(keep_every, max(count, 1))
    most = count if last is None else require_count("load_record last", last)
    chosen = np.arange(0, count, keep_every)[-most:]
    if len(chosen) == count:
        return record
    for name, field in FIELDS.items():
        if field.axes[:1] == ("steps",) and len(record[name]):
            record[name] = record[name][chosen]
    record["kept_every"] *= keep_every
    notes = [record["note"], *left_out(count, keep_every, last)]
    return record | {"note": "; ".join(filter(None, notes))}


def _from_stream(path: PathLike, stream: Stream) -> Record:
    try:
        layout = Layout.from_description(stream.description)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None
    widths = stream.scalars.shape[1], stream.samples.shape[1], stream.census.shape[1]
    if widths != (layout.numbers, layout.samples, layout.codes):
        raise DataError(f"{path} is no record of a run: its rows are not what its header says")
    if not len(stream.steps):
        raise DataError(f"{path} holds no step of a run{stream.note and ': '}{stream.note}")
    record = layout.to_record(
        stream.steps,
        stream.scalars,
        stream.samples,
        stream.census_steps,
        stream.census,
        stream.kept_every,
        stream.note,
    )
    return check_record(record, f"{path}: record")
