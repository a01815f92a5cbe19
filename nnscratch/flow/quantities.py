"""Which quantities a record holds, and what their axes are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.layout import BATCHNORM_FIELDS, STEP_FIELDS

_TENSOR = ("norm", "mean", "std", "max", "zeros", "nonfinite")

AXES = {
    **dict.fromkeys((*STEP_FIELDS, *(f"input_{field}" for field in _TENSOR)), ("steps",)),
    **dict.fromkeys((f"output_{field}" for field in _TENSOR), ("steps", "layers")),
    **dict.fromkeys(("saturated_low", "saturated_high"), ("steps", "layers")),
    **dict.fromkeys((f"gradient_{field}" for field in _TENSOR), ("steps", "layers")),
    **dict.fromkeys(("param_norm", "param_mean", "param_gradient_norm"), ("steps", "params")),
    **dict.fromkeys(("param_update_norm", "update_ratio"), ("steps", "params")),
    **dict.fromkeys(("param_nonfinite", "param_gradient_nonfinite"), ("steps", "params")),
    **dict.fromkeys(BATCHNORM_FIELDS, ("steps", "batchnorm_layers")),
}
# Each with 64 counts, between these edges; of no steps if they were not kept.
HISTOGRAMS = {
    "output_histogram": ("layers", "histogram_edges_signed"),
    "gradient_histogram": ("layers", "histogram_edges_magnitude"),
    "param_histogram": ("params", "histogram_edges_signed"),
}
STATES = ("alive", "dead", "saturated_low", "saturated_high")  # the codes of a census

Series = Mapping[str, Any]


def scalars(record: Series) -> Iterator[tuple[str, list[str] | None, Array]]:
    """Yield name, names of the columns, values: (S,) and no columns, or (S, columns)."""
    for name, axes in AXES.items():
        if name in record:
            columns = [str(key) for key in record[axes[1]]] if len(axes) > 1 else None
            yield name, columns, record[name]


def histograms(record: Series) -> Iterator[tuple[str, list[str], Array, Array]]:
    """Yield name, names of the columns, edges (65,), counts (S, columns, 64); none if not kept."""
    for name, (axis, edges) in HISTOGRAMS.items():
        if name in record and len(record[name]):
            yield name, [str(key) for key in record[axis]], record[edges], record[name]


def census(record: Series) -> Iterator[tuple[str, Array]]:
    """Yield a layer and how many of its units were in each of the `STATES`: (C, 4)."""
    codes, ends = record["census"], record["census_units"]
    for i, layer in enumerate(record["census_layers"] if len(codes) else ()):
        units = codes[:, ends[i] : ends[i + 1]]
        yield str(layer), np.stack([(units == code).sum(axis=1) for code in range(4)], axis=1)
