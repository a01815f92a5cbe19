"""Reading and checking records: plain mappings of arrays in, checked arrays out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_plots.quantities import QUANTITIES, quantity_named

Array = npt.NDArray[Any]
Record = Mapping[str, Any]
Step = str | int
Layers = str | Sequence[str]

FORMAT = 3
NOT_ACTIVATIONS = ("dense", "batchnorm", "dropout")
_SIGNED = ("lr", "clip_cosine", "input_mean")


@dataclass(frozen=True)
class Series:
    """One quantity of one record: `values` is (steps, names), or (steps,) for the loss."""

    label: str
    layers: tuple[str, ...]
    steps: Array
    values: Array

    def row(self, step: Step) -> int:
        """Index of a step given as "first", "last" or a recorded step number."""
        return _row(self.label, self.steps, step)


class Run:
    """One record, each key checked when a picture asks for it."""

    def __init__(self, record: Record, index: int = 0) -> None:
        self.label = _label(record, index)
        self._record = record
        version = int(record.get("format", FORMAT))
        if version not in (2, FORMAT):
            raise ValueError(
                f"record {self.label!r} has format {version}, expected {FORMAT}: "
                "draw it with the version that wrote it, or record the run again"
            )
        self.steps = self._increasing("steps")
        if not self.steps.size:
            raise ValueError(f"record {self.label!r}: key 'steps' is empty, expected (S,) numbers")
        self._kept: dict[str, Array] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._record

    def row(self, step: Step) -> int:
        """Index of a step given as "first", "last", "finite" or a recorded step number.

        "finite" is the last step at which the loss and every gradient norm were finite, if there
        was one, else the last.
        """
        if step != "finite":
            return _row(self.label, self.steps, step)
        finite = np.ones(len(self.steps), dtype=bool)
        for key in ("loss", "gradient_norm"):
            if key in self:
                finite &= np.isfinite(self.get(key).reshape(len(finite), -1)).all(axis=1)
        return int(np.flatnonzero(finite)[-1]) if finite.any() else len(finite) - 1

    def when(self, step: Step) -> str:
        """A step in words: "step 7", and where that is the last finite one, so."""
        row = self.row(step)
        text = f"step {self.steps[row]}"
        if step == "finite" and row < len(self.steps) - 1:
            text += f", the last finite one of {self.steps[-1]}"
        return text

    def text(self, key: str) -> str:
        """A string of the record, empty where it has none."""
        return str(np.asarray(self._record[key])) if key in self._record else ""

    def numbers(self, key: str) -> Array:
        """Numbers of the record as they stand, such as sizes."""
        return self._get(key)

    def names(self, axis: str) -> tuple[str, ...]:
        """The names along an axis: "layers", "params", "batchnorm_layers" or "census_layers"."""
        names = self._get(axis)
        empty_allowed = axis != "layers"
        if names.ndim != 1 or (names.dtype.kind != "U" if names.size else not empty_allowed):
            raise ValueError(
                f"record {self.label!r}: key {axis!r} has shape {names.shape} and dtype "
                f"{names.dtype}, expected one name or more, strings in one row"
            )
        return tuple(str(name) for name in names)

    def get(self, key: str) -> Array:
        """A measured quantity as float64: (steps,), or (steps, names) where it has names."""
        if key not in self._kept:
            shape: tuple[int, ...] = (len(self.steps),)
            meaning = "(steps,)"
            if key in QUANTITIES:
                over = QUANTITIES[key].over
                shape, meaning = (*shape, len(self.names(over))), f"(steps, {over})"
            signed = key in _SIGNED or (key in QUANTITIES and QUANTITIES[key].signed)
            self._kept[key] = self._measured(key, shape, meaning, signed=signed)
        return self._kept[key]

    def series(self, quantity: str, layers: Layers = "dense") -> Series:
        """A quantity at some layers (or parameters), see `select`; signed ones as magnitudes."""
        over = quantity_named(quantity).over
        names = self.names(over)
        chosen = self.select(over, layers)
        values = np.abs(self.get(quantity)[:, chosen])
        return Series(self.label, tuple(names[i] for i in chosen), self.steps, values)

    def select(self, axis: str, layers: Layers) -> list[int]:
        """Places of "all" names of an axis, of the "dense" layers (or their weights), of the
        "activations", or of the names given. Where the record has none of a kind: all."""
        names = self.names(axis)
        everything = list(range(len(names)))
        if isinstance(layers, str):
            kinds = [name.rpartition(".")[2] for name in names]
            wanted = {
                "all": everything,
                "dense": [i for i, kind in enumerate(kinds) if kind in ("dense", "weight")],
                "activations": [i for i, kind in enumerate(kinds) if kind not in NOT_ACTIVATIONS],
            }
            if layers not in wanted:
                raise ValueError(
                    f"layers must be 'all', 'dense', 'activations' or names, got {layers!r}"
                )
            return wanted[layers] or everything
        unknown = [name for name in layers if name not in names]
        if unknown or not len(layers):
            raise ValueError(
                f"record {self.label!r} has no {axis} {unknown}, it has {', '.join(names)}"
            )
        return [names.index(name) for name in layers]

    def histograms(self, quantity: str) -> tuple[Array, Array] | None:
        """Counts (steps, names, bins) and edges of "output", "gradient" or "param", if kept."""
        key = f"{quantity}_histogram"
        edges_key = f"histogram_edges_{'magnitude' if quantity == 'gradient' else 'signed'}"
        if key not in self._record or not len(self._get(key)):
            return None
        edges = self._get(edges_key).astype(np.float64)
        over = "params" if quantity == "param" else "layers"
        shape = (len(self.steps), len(self.names(over)), len(edges) - 1)
        counts = self._get(key)
        if counts.shape != shape or counts.dtype.kind not in "fiu" or np.any(np.diff(edges) <= 0):
            raise ValueError(
                f"record {self.label!r}: key {key!r} has shape {counts.shape}, expected counts of "
                f"shape (steps, {over}, bins) = {shape} between the increasing {edges_key!r}"
            )
        return counts, edges

    def census(self) -> tuple[Array, tuple[str, ...], Array]:
        """Steps (C,), layers (A,) and counts (C, A, 4) of alive, dead, low and high units."""
        steps, layers, states, bounds = self._census()
        counts = np.zeros((len(steps), len(layers), 4), dtype=np.int64)
        for state in range(4):
            cumulative = np.zeros((len(steps), states.shape[1] + 1), dtype=np.int64)
            np.cumsum(states == state, axis=1, out=cumulative[:, 1:])
            counts[:, :, state] = np.diff(cumulative[:, bounds], axis=1)
        return steps, layers, counts

    def alive(self) -> Array:
        """Whether each unit is alive at each census, (C, units)."""
        return self._census()[2] == 0

    def _census(self) -> tuple[Array, tuple[str, ...], Array, Array]:
        layers = self.names("census_layers") if "census_layers" in self._record else ()
        if not layers or not len(self._get("census_steps")):
            empty = np.zeros(len(layers) + 1, dtype=np.int64)
            return np.empty(0, dtype=np.int64), layers, np.empty((0, 0), dtype=np.uint8), empty
        steps = self._increasing("census_steps")
        states, bounds = self._get("census"), self._get("census_units").astype(np.int64)
        if (
            states.ndim != 2
            or len(states) != len(steps)
            or bounds.shape != (len(layers) + 1,)
            or np.any(np.diff(bounds) < 0)
            or bounds[-1] != states.shape[1]
            or (states.size and not 0 <= states.min() <= states.max() <= 3)
        ):
            raise ValueError(
                f"record {self.label!r}: key 'census' has shape {states.shape}, expected states 0 "
                f"to 3 of shape (census steps, units) = ({len(steps)}, census_units[-1])"
            )
        return steps, layers, states, bounds

    def _get(self, key: str) -> Array:
        if key not in self._record:
            hint = (
                "; it was written by an older version, record the run again"
                if "backprop_norm" in self._record
                else ""
            )
            raise ValueError(
                f"record {self.label!r} has no key {key!r}, got keys {sorted(self._record)}{hint}"
            )
        try:
            return np.asarray(self._record[key])
        except ValueError as error:
            raise ValueError(
                f"record {self.label!r}: key {key!r} is not an array: {error}"
            ) from error

    def _increasing(self, key: str) -> Array:
        steps = self._get(key)
        if steps.ndim != 1 or steps.dtype.kind not in "iu":
            raise ValueError(
                f"record {self.label!r}: key {key!r} has shape {steps.shape} and dtype "
                f"{steps.dtype}, expected integers in one row"
            )
        steps = steps.astype(np.int64)
        if np.any(np.diff(steps) <= 0):
            raise ValueError(f"record {self.label!r}: key {key!r} must increase at every entry")
        return steps

    def _measured(self, key: str, shape: tuple[int, ...], meaning: str, *, signed: bool) -> Array:
        values = self._get(key)
        what = f"record {self.label!r}: key {key!r}"
        if values.dtype.kind not in "fiu":
            raise ValueError(f"{what} has dtype {values.dtype}, expected real numbers")
        if values.shape != shape:
            raise ValueError(f"{what} has shape {values.shape}, expected {meaning} = {shape}")
        values = values.astype(np.float64)
        if not signed and np.any(values < 0):
            raise ValueError(f"{what} holds {values[values < 0][0]}, expected nothing below 0")
        return values


def read_runs(records: Record | Iterable[Record]) -> list[Run]:
    """Check what is one record or several and return each, its keys to be checked when read."""
    if isinstance(records, Mapping):
        return [Run(records)]
    if isinstance(records, str | bytes) or not isinstance(records, Iterable):
        raise ValueError(
            f"records must be a record (a mapping) or several, got {type(records).__name__}"
        )
    runs = [Run(record, index) for index, record in enumerate(records)]
    if not runs:
        raise ValueError("records is empty, expected at least one record")
    return runs


def read_run(record: Record) -> Run:
    """Check one record."""
    return Run(record)


def read_norms(
    records: Record | Iterable[Record], quantity: str, layers: Layers = "dense"
) -> list[Series]:
    """Check one record or several and return `quantity` at the chosen layers of each."""
    series = [run.series(quantity, layers) for run in read_runs(records)]
    for one in series:
        if not one.layers:
            raise ValueError(f"record {one.label!r} holds no parameters, so no {quantity!r}")
    return series


def read_losses(records: Record | Iterable[Record]) -> list[Series]:
    """Check one record or several and return the loss of each."""
    return [Series(run.label, (), run.steps, run.get("loss")) for run in read_runs(records)]


def _row(label: str, steps: Array, step: Step) -> int:
    if step == "first":
        return 0
    if step == "last":
        return len(steps) - 1
    if isinstance(step, bool) or not isinstance(step, int | np.integer):
        raise ValueError(f"step must be 'first', 'last' or a step number, got {step!r}")
    found = np.flatnonzero(steps == step)
    if not found.size:
        nearest = steps[np.argmin(np.abs(steps - step))]
        raise ValueError(
            f"record {label!r}: step {step} was not recorded; 'steps' runs from "
            f"{steps[0]} to {steps[-1]}, the nearest is {nearest}"
        )
    return int(found[0])


def _label(record: Record, index: int) -> str:
    if not isinstance(record, Mapping):
        raise ValueError(f"records[{index}] is a {type(record).__name__}, expected a mapping")
    if "label" not in record:
        raise ValueError(f"records[{index}] has no key 'label', got keys {sorted(record)}")
    label = np.asarray(record["label"])
    if label.ndim or label.dtype.kind != "U":
        raise ValueError(f"records[{index}]: key 'label' must be a string, got {record['label']!r}")
    return str(label)
