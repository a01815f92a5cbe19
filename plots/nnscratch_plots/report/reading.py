"""What a report reads of a record: checked arrays, each with the layers it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from nnscratch_plots.records import Array, Record

# By layer (S, L), by parameter (S, P), and the histograms, which have one axis more.
LAYER_QUANTITIES = (
    "gradient_norm",
    "output_std",
    "output_zeros",
    "saturated_low",
    "saturated_high",
)
PARAMETER_QUANTITIES = ("update_ratio",)
BATCHNORM_QUANTITIES = ("batchnorm_mean_gap", "batchnorm_variance_ratio", "batchnorm_scale")
# By step (S,): lines over the steps, beside the loss.
SERIES = ("clip_before", "clip_after")
DEAD = 1  # in the census of units
# A column of these that is NaN at every step was not measured: the layer has no such thing.
SOMETIMES_MEASURED = {
    *("saturated_low", "saturated_high", "update_ratio", "dead_units"),
    *BATCHNORM_QUANTITIES,
}
HISTOGRAMS = {
    "output": ("output_histogram", "histogram_edges_signed"),
    "gradient": ("gradient_histogram", "histogram_edges_magnitude"),
    "weight": ("param_histogram", "histogram_edges_signed"),
}


@dataclass(frozen=True)
class Measured:
    """Values of shape (S, K) or (S, K, bins): column k belongs to layer number ``columns[k]``."""

    values: Array
    columns: Array


@dataclass(frozen=True)
class Run:
    """A checked record.

    `series` are (S,) by name, the loss always among them; `histograms` (values, edges of the bins).
    """

    label: str
    note: str
    layers: tuple[str, ...]
    steps: Array
    series: dict[str, Array]
    quantities: dict[str, Measured]
    histograms: dict[str, tuple[Measured, Array]]

    @property
    def loss(self) -> Array:
        """The loss (S,)."""
        return self.series["loss"]


def read_runs(records: Record | Iterable[Record]) -> list[Run]:
    """Check one record or several; ValueError names the record and the key."""
    if isinstance(records, Mapping):
        return [read_run(records)]
    if isinstance(records, str | bytes) or not isinstance(records, Iterable):
        got = type(records).__name__
        raise ValueError(f"records must be a record (a mapping) or several, got {got}")
    runs = [read_run(record, f"records[{index}]") for index, record in enumerate(records)]
    if not runs:
        raise ValueError("records is empty, expected at least one record")
    return runs


def read_run(record: Record, what: str = "record") -> Run:
    """Check one record; ValueError names `what` it is and the key."""
    if not isinstance(record, Mapping):
        raise ValueError(f"{what} is a {type(record).__name__}, expected a mapping")
    for key in ("label", "layers", "steps", "loss", "gradient_norm"):
        if key not in record:
            raise ValueError(f"{what} has no key {key!r}, got keys {sorted(record)}")
    label = str(record["label"])
    what = f"{what} {label!r}"
    layers = tuple(str(name) for name in np.atleast_1d(np.asarray(record["layers"])))
    steps = _numbers(record, what, "steps", (None,))
    if not steps.size or not layers:
        raise ValueError(f"{what} holds {len(steps)} steps of {len(layers)} layers: nothing to see")
    steps = steps.astype(np.int64)
    if np.any(np.diff(steps) <= 0):
        raise ValueError(f"{what}: key 'steps' must increase from entry to entry")
    shape = (len(steps), len(layers))
    quantities = {
        key: Measured(_numbers(record, what, key, shape), np.arange(len(layers)))
        for key in LAYER_QUANTITIES
        if key in record
    }
    chosen, owners = _weights(record, layers)
    parameters = len(np.atleast_1d(np.asarray(record.get("params", ()))))
    for key in PARAMETER_QUANTITIES:
        if key in record:
            values = _numbers(record, what, key, (len(steps), parameters))
            quantities[key] = Measured(values[:, chosen], owners)
    normed = _places(record.get("batchnorm_layers", ()), layers)
    for key in BATCHNORM_QUANTITIES:
        if key in record and len(normed):
            values = _numbers(record, what, key, (len(steps), len(normed)))
            quantities[key] = Measured(values, normed)
    if len(record.get("census_steps", ())) and len(record.get("census_layers", ())):
        quantities["dead_units"] = _dead_units(record, what, steps, layers)
    for key in SOMETIMES_MEASURED & set(quantities):
        seen = ~np.isnan(quantities[key].values).all(axis=0)
        quantities[key] = Measured(quantities[key].values[:, seen], quantities[key].columns[seen])
        if not seen.any():
            del quantities[key]
    histograms = {}
    for name, (key, edges) in HISTOGRAMS.items():
        if key not in record or edges not in record or not len(record[key]):
            continue
        bounds = _numbers(record, what, edges, (None,))
        count = parameters if name == "weight" else len(layers)
        values = _numbers(record, what, key, (len(steps), count, len(bounds) - 1))
        measured = (values[:, chosen], owners) if name == "weight" else (values, np.arange(count))
        if len(measured[1]):
            histograms[name] = (Measured(*measured), bounds)
    series = {"loss": _numbers(record, what, "loss", (len(steps),)).astype(np.float64)}
    for key in SERIES:
        values = _numbers(record, what, key, (len(steps),)) if key in record else np.array(np.nan)
        if not np.isnan(values).all():
            series[key] = values.astype(np.float64)
    note = str(record.get("note", ""))
    return Run(label, note, layers, steps, series, quantities, histograms)


def _dead_units(record: Record, what: str, steps: Array, layers: tuple[str, ...]) -> Measured:
    """Fraction of each layer's units that the latest census found dead, (S, layers counted)."""
    counted = _numbers(record, what, "census_steps", (None,))
    bounds = _numbers(record, what, "census_units", (len(record["census_layers"]) + 1,))
    states = _numbers(record, what, "census", (len(counted), int(bounds[-1])))
    dead = np.stack(
        [(states[:, a:b] == DEAD).mean(axis=1) for a, b in pairwise(bounds.tolist())], axis=1
    )
    latest = np.searchsorted(counted, steps, side="right") - 1
    values = np.where(latest[:, None] < 0, np.nan, dead[np.maximum(latest, 0)])
    return Measured(values, _places(record["census_layers"], layers))


def _places(names: Any, layers: tuple[str, ...]) -> Array:
    return np.array([layers.index(str(name)) for name in np.atleast_1d(names)], dtype=int)


def _weights(record: Record, layers: tuple[str, ...]) -> tuple[Array, Array]:
    """Indices of the parameters called weight, "3.weight", and of the layers they belong to.

    Other parameters, such as batch norm's scale, learn at another pace: on one line with the
    weights they would hide it. They are taken where no parameter is called weight.
    """
    numbers = {name.split(".")[0]: index for index, name in enumerate(layers)}
    names = [str(name) for name in np.atleast_1d(np.asarray(record.get("params", ())))]
    owners = [numbers.get(name.split(".")[0]) for name in names]
    plain = [i for i, name in enumerate(names) if name.endswith(".weight")] or range(len(names))
    first: dict[int, int] = {}
    for index in plain:
        owner = owners[index]
        if owner is not None:
            first.setdefault(owner, index)
    return np.array(list(first.values()), dtype=int), np.array(list(first), dtype=int)


def _numbers(record: Record, what: str, key: str, shape: tuple[int | None, ...]) -> Any:
    values = np.asarray(record[key])
    if values.dtype.kind not in "fiu":
        raise ValueError(f"{what}: key {key!r} has dtype {values.dtype}, expected real numbers")
    fits = values.ndim == len(shape) and all(
        expected is None or got == expected
        for got, expected in zip(values.shape, shape, strict=True)
    )
    if not fits:
        expected = tuple("any" if part is None else part for part in shape)
        raise ValueError(f"{what}: key {key!r} has shape {values.shape}, expected {expected}")
    return values
