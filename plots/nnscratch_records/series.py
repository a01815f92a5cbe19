"""A record, quantity by quantity, as exports and tables want it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_records.fields import FIELDS, STATES, histogram_edges

Array = npt.NDArray[Any]
Record = Mapping[str, Any]


def scalars(record: Record) -> Iterator[tuple[str, list[str] | None, Array]]:
    """Yield name, names of the columns, values: (S,) and no columns, or (S, columns)."""
    for name, field in FIELDS.items():
        if name in record and field.is_series:
            yield name, _columns(record, field.over), record[name]


def by_lag(record: Record) -> Iterator[tuple[str, list[str], Array]]:
    """Yield name, ``"layer lag"`` of each column, values (S, columns): lags that any batch has."""
    reached = ~np.isnan(record["hidden_gradient_norm"]).all(axis=(0, 1))
    lags = record["lags"][reached].tolist()
    for name, field in FIELDS.items():
        if "lags" in field.axes and name in record and len(field.axes) > 1:
            layers = _columns(record, "recurrent_layers") or []
            columns = [f"{layer} {lag}" for layer in layers for lag in lags]
            values = record[name][:, :, reached]
            yield name, columns, values.reshape(len(values), len(columns))


def histograms(record: Record) -> Iterator[tuple[str, list[str], Array, Array]]:
    """Yield name, names of the columns, edges (65,), counts (S, columns, 64); none if not kept."""
    for name, field in FIELDS.items():
        if "bins" in field.axes and name in record and len(record[name]):
            columns = _columns(record, field.over) or []
            yield name, columns, record[histogram_edges(name)], record[name]


def census(record: Record) -> Iterator[tuple[str, Array]]:
    """Yield a layer and how many of its units were in each of the `STATES`: (C, 4)."""
    codes, ends = record["census"], record["census_units"]
    for i, layer in enumerate(record["census_layers"] if len(codes) else ()):
        units = codes[:, ends[i] : ends[i + 1]]
        counts = [(units == code).sum(axis=1) for code in range(len(STATES))]
        yield str(layer), np.stack(counts, axis=1)


def _columns(record: Record, axis: str) -> list[str] | None:
    return [str(name) for name in record[axis]] if axis else None
