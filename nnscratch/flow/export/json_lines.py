"""A record as JSON lines: one object per recorded step."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nnscratch.arrays import Array
from nnscratch.files import PathLike, as_path, new_file
from nnscratch_records import STATES, Record, check_record, series


def to_json_lines(record: Mapping[str, Any], path: PathLike, *, histograms: bool = False) -> Path:
    """Write `record` to `path` as JSON lines, one object per recorded step, and return the path.

    ::

        {"label": "run", "step": 0, "loss": 2.31, "lr": 0.1, ...,
         "gradient_norm": {"0.dense": 0.012, "1.elu": 0.034, ...},
         "param_norm": {"0.weight": 9.8, ...}, ...,
         "census": {"1.elu": {"alive": 97, "dead": 3, "saturated_low": 0, "saturated_high": 0}}}

    Names are those of `nnscratch_records.FIELDS`; ``census`` is in the lines of the steps that have
    one. Every line is strict JSON, and a number in it reads back to the same float64. JSON has no
    word for the numbers that are not finite: they are the strings ``"NaN"``, ``"Infinity"`` and
    ``"-Infinity"``, which ``float`` in Python and ``Number`` in JavaScript understand. What was not
    measured is ``"NaN"`` as it is in the record.

    histograms : also write the counts of each histogram, a list of 64 per layer or parameter

    Raises `RecordError` for what is no record, and `FileError` if the file cannot be written; what
    was there is then still there.
    """
    record = check_record(record)
    with new_file(path) as file:
        for line in _lines(record, histograms):
            file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
    return as_path(path)


def _lines(record: Record, histograms: bool) -> Iterator[dict[str, Any]]:
    counted = _census(record)
    pending = sorted(counted)
    for i, step in enumerate(record["steps"].tolist()):
        while pending and pending[0] < step:  # a step whose row was thinned away
            yield _line(record, pending[0]) | {"census": counted[pending.pop(0)]}
        line = _line(record, step)
        for name, columns, values in series.scalars(record):
            row = _plain(values[i])
            line[name] = row[0] if columns is None else dict(zip(columns, row, strict=True))
        for name, columns, values in series.by_lag(record):
            if columns:
                line[name] = dict(zip(columns, _plain(values[i]), strict=True))
        if histograms:
            for name, columns, _, counts in series.histograms(record):
                line[name] = dict(zip(columns, counts[i].tolist(), strict=True))
        if pending and pending[0] == step:
            line["census"] = counted[pending.pop(0)]
        yield line
    for step in pending:
        yield _line(record, step) | {"census": counted[step]}


def _line(record: Record, step: int) -> dict[str, Any]:
    return {"label": record["label"], "step": step}


def _census(record: Record) -> dict[int, dict[str, dict[str, int]]]:
    """Return by step, layer and state how many units there were."""
    made: dict[int, dict[str, dict[str, int]]] = {}
    for layer, counts in series.census(record):
        for step, row in zip(record["census_steps"].tolist(), counts.tolist(), strict=True):
            made.setdefault(step, {})[layer] = dict(zip(STATES, row, strict=True))
    return made


def _plain(values: Array) -> list[float | str]:
    return [value if math.isfinite(value) else _NOT_FINITE[str(value)] for value in _flat(values)]


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _flat(values: Array) -> list[float]:
    return values.ravel().tolist()
