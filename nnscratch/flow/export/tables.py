"""A record as a table of pandas, or as a data set of xarray."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnscratch.extras import optional
from nnscratch_records import AXES, FIELDS, check_record, series

if TYPE_CHECKING:
    import pandas
    import xarray

# What labels the entries of an axis; the others are counted.
_LABELS = {axis for axis, counted in AXES.items() if axis == counted}


def to_frame(record: Mapping[str, Any]) -> pandas.DataFrame:
    """Return everything that is measured at every step as a data frame of pandas.

    A row is a step. Columns have two levels, the quantity and the layer or parameter (empty for
    what belongs to the step; of what is measured through time, the layer and the lag)::

        frame = flow.to_frame()
        frame["gradient_norm"]                    # a frame, steps by layers
        frame["gradient_norm", "0.dense"]         # a series
        frame["loss"]                             # a series
        frame["hidden_gradient_norm", "0.lstm 9"] # nine steps of time before the last

    Histograms and the census are not in it: see `to_xarray`. Raises `RecordError` for what is no
    record, and `MissingPackageError` without pandas.
    """
    pd = optional("pandas", "to_frame", "pandas")
    checked = check_record(record)
    columns: dict[tuple[str, str], Any] = {}
    for name, names, values in series.scalars(checked):
        labels = [""] if names is None else names
        for column, one in zip(labels, values.reshape(len(values), len(labels)).T, strict=True):
            columns[name, column] = one
    for name, labels, values in series.by_lag(checked):
        columns.update(zip(((name, label) for label in labels), values.T, strict=True))
    index = pd.Index(checked["steps"], name="step")
    frame = pd.DataFrame(columns, index=index)
    frame.columns.names = ["quantity", "of"]
    frame.attrs = {name: checked[name] for name in ("label", "clip", "note")}
    return frame


def to_xarray(record: Mapping[str, Any]) -> xarray.Dataset:
    """Return a record as a data set of xarray: each field a variable over its axes.

    ``flow.to_xarray()["gradient_norm"].sel(layers="0.dense", steps=slice(100, None))``. What a
    field means and is counted in is in its attributes. Raises `RecordError` for what is no record,
    and `MissingPackageError` without xarray.
    """
    xr = optional("xarray", "to_xarray", "xarray")
    checked = check_record(record)
    variables: dict[str, Any] = {}
    coordinates: dict[str, Any] = {}
    for name, field in FIELDS.items():
        if not field.axes or (field.optional and not len(checked[name])):
            continue
        values = np.asarray(checked[name])
        if values.dtype.kind == "U":
            values = values.astype(object)
        known = {"meaning": field.meaning, "units": field.unit}
        made = (field.axes, values, {key: text for key, text in known.items() if text})
        (coordinates if name in _LABELS else variables)[name] = made
    plain = {name: checked[name] for name, field in FIELDS.items() if not field.axes}
    return xr.Dataset(variables, coordinates, plain)
