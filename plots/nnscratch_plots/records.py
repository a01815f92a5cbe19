"""Reading and checking records: plain mappings of arrays in, checked arrays out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Quantity:
    """How a recorded quantity is named in pictures, and how a newcomer reads it."""

    title: str
    axis: str
    reading: str


QUANTITIES: dict[str, Quantity] = {
    "backprop_norm": Quantity(
        title="Back-propagated gradient",
        axis="norm of the back-propagated gradient, ‖∂L/∂z‖",
        reading="a level line means that every layer receives a gradient of similar size; one that "
        "falls towards the input (left) shows a vanishing gradient, one that rises towards it an "
        "exploding gradient",
    ),
    "weight_gradient_norm": Quantity(
        title="Weight gradient",
        axis="norm of the weight gradient, ‖∂L/∂W‖",
        reading="layers where a line lies low are taught little, and a steep line means that some "
        "layers learn far faster than others; a level line alone does not prove a healthy network, "
        "so look at the back-propagated gradient too",
    ),
}


@dataclass(frozen=True)
class Series:
    """One checked record: `values` is (steps, layers) for a norm and (steps,) for the loss."""

    label: str
    layers: tuple[str, ...]
    steps: Array
    values: Array

    def row(self, step: str | int) -> int:
        """Index of a step given as "first", "last" or a recorded step number."""
        if step == "first":
            return 0
        if step == "last":
            return len(self.steps) - 1
        if isinstance(step, bool) or not isinstance(step, int | np.integer):
            raise ValueError(f"step must be 'first', 'last' or a step number, got {step!r}")
        found = np.flatnonzero(self.steps == step)
        if not found.size:
            nearest = self.steps[np.argmin(np.abs(self.steps - step))]
            raise ValueError(
                f"record {self.label!r}: step {step} was not recorded; 'steps' runs from "
                f"{self.steps[0]} to {self.steps[-1]}, the nearest is {nearest}"
            )
        return int(found[0])


def quantity_named(name: str) -> Quantity:
    """The quantity of that name; ValueError with the known names otherwise."""
    if name not in QUANTITIES:
        known = ", ".join(repr(known) for known in QUANTITIES)
        raise ValueError(f"quantity must be one of {known}, got {name!r}")
    return QUANTITIES[name]


def read_norms(records: Record | Iterable[Record], quantity: str) -> list[Series]:
    """Check one record or several and return the norms of `quantity` in each."""
    quantity_named(quantity)
    return [_read_norms(record, index, quantity) for index, record in enumerate(_several(records))]


def read_losses(records: Record | Iterable[Record]) -> list[Series]:
    """Check one record or several and return the loss of each."""
    series = []
    for index, record in enumerate(_several(records)):
        label = _label(record, index)
        steps = _steps(record, label)
        values = _measured(record, label, "loss", (len(steps),), "(steps,)")
        series.append(Series(label, (), steps, values))
    return series


def _several(records: Record | Iterable[Record]) -> list[Record]:
    if isinstance(records, Mapping):
        return [records]
    if isinstance(records, str | bytes) or not isinstance(records, Iterable):
        raise ValueError(
            f"records must be a record (a mapping) or several, got {type(records).__name__}"
        )
    listed = list(records)
    if not listed:
        raise ValueError("records is empty, expected at least one record")
    return listed


def _label(record: Record, index: int) -> str:
    if not isinstance(record, Mapping):
        raise ValueError(f"records[{index}] is a {type(record).__name__}, expected a mapping")
    if "label" not in record:
        raise ValueError(f"records[{index}] has no key 'label', got keys {sorted(record)}")
    label = np.asarray(record["label"])
    if label.ndim or label.dtype.kind != "U":
        raise ValueError(f"records[{index}]: key 'label' must be a string, got {record['label']!r}")
    return str(label)


def _get(record: Record, label: str, key: str) -> Array:
    if key not in record:
        raise ValueError(f"record {label!r} has no key {key!r}, got keys {sorted(record)}")
    try:
        return np.asarray(record[key])
    except ValueError as error:
        raise ValueError(f"record {label!r}: key {key!r} is not an array: {error}") from error


def _steps(record: Record, label: str) -> Array:
    steps = _get(record, label, "steps")
    if steps.ndim != 1 or not steps.size:
        raise ValueError(
            f"record {label!r}: key 'steps' has shape {steps.shape}, expected (steps,), one or more"
        )
    if steps.dtype.kind not in "iu":
        raise ValueError(
            f"record {label!r}: key 'steps' has dtype {steps.dtype}, expected integers"
        )
    steps = steps.astype(np.int64)
    if np.any(np.diff(steps) <= 0):
        raise ValueError(f"record {label!r}: key 'steps' must increase from entry to entry")
    return steps


def _measured(record: Record, label: str, key: str, shape: tuple[int, ...], meaning: str) -> Array:
    values = _get(record, label, key)
    if values.dtype.kind not in "fiu":
        raise ValueError(
            f"record {label!r}: key {key!r} has dtype {values.dtype}, expected real numbers"
        )
    if values.shape != shape:
        raise ValueError(
            f"record {label!r}: key {key!r} has shape {values.shape}, expected {meaning} = {shape}"
        )
    values = values.astype(np.float64)
    if np.any(values < 0):
        raise ValueError(
            f"record {label!r}: key {key!r} holds {values[values < 0][0]}, expected nothing below 0"
        )
    return values


def _read_norms(record: Record, index: int, quantity: str) -> Series:
    label = _label(record, index)
    layers = _get(record, label, "layers")
    if layers.ndim != 1 or not layers.size or layers.dtype.kind != "U":
        raise ValueError(
            f"record {label!r}: key 'layers' has shape {layers.shape} and dtype {layers.dtype}, "
            "expected one layer name or more, (L,) strings"
        )
    steps = _steps(record, label)
    shape = (len(steps), len(layers))
    values = _measured(record, label, quantity, shape, "(steps, layers)")
    return Series(label, tuple(str(name) for name in layers), steps, values)
