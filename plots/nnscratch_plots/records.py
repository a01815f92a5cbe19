"""Reading records: each is checked once, and then asked for what a picture draws of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nnscratch_records import DERIVED, ROLES, WEIGHTED, RecordError, check_record, field_named
from nnscratch_records import histogram_edges as edges_of
from nnscratch_records.attribution import Attribution, attribute
from nnscratch_records.ends import ends, ratios
from nnscratch_records.errors import ConfigError
from nnscratch_records.words import printable

Array = npt.NDArray[Any]
Record: TypeAlias = "Mapping[str, Any] | Run"  # a run that was read already is one too
Step = str | int
Layers = str | Sequence[str]

NEEDED = ("label", "steps")
_WEIGHTS = ("weight", "recurrent_weight")
_AS_BEFORE = {"dense": "weights", "activations": "activation"}  # of the first version
_DEAD = 1  # in the census of units


@dataclass(frozen=True)
class Series:
    """One quantity of one record: `values` is (steps, layers), or (steps,) for the loss.

    `places` says where each layer stands on an axis of depth, `blocks` which block it is part of.
    """

    label: str
    layers: tuple[str, ...]
    steps: Array
    values: Array
    places: Array | None = None
    blocks: tuple[str, ...] = ()

    def row(self, step: Step) -> int:
        """Index of a step given as "first", "last" or a recorded step number."""
        return _row(self.label, self.steps, step)


class Run:
    """One record that fits; a key that it lacks is named when a picture asks for it."""

    def __init__(
        self,
        record: Mapping[str, Any],
        what: str = "record",
        needed: Collection[str] = NEEDED,
    ) -> None:
        self._record = check_record(record, what, needed)
        self.label = printable(str(self._record["label"]))
        self.steps = np.asarray(self._record["steps"], dtype=np.int64)
        self._kept: dict[str, Array] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._record

    @cached_property
    def attribution(self) -> Attribution:
        """What each layer adds to the size of gradient and signal."""
        return attribute(self._record)

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers."""
        return self.names("layers")

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
        return printable(str(self._record.get(key, "")))

    def names(self, axis: str) -> tuple[str, ...]:
        """The names along an axis: "layers", "params", "batchnorm_layers" or "census_layers"."""
        return tuple(printable(str(name)) for name in self.facts(axis))

    def facts(self, key: str) -> Array:
        """What the record says of each layer or parameter, as it stands."""
        if key not in self._record:
            raise RecordError(f"record {self.label!r} lacks {key}")
        return np.asarray(self._record[key])

    def has(self, key: str) -> bool:
        """Whether there is anything of a quantity."""
        if key == "dead_units":
            return bool(len(self.census()[0]))
        return ("saturated_low" if key == "saturated" else key) in self

    def get(self, key: str) -> Array:
        """A quantity, measured or made of others, as float64: (steps,) or (steps, names)."""
        if key not in self._kept:
            made = {"saturated": lambda: np.add(*self.ends()), "dead_units": self._dead_units}
            values = made[key]() if key in DERIVED else self.facts(key)
            self._kept[key] = np.asarray(values, dtype=np.float64)
        return self._kept[key]

    def held(self, key: str) -> Array:
        """A number that is measured at some steps only, between them as it was last measured."""
        values = self.get(key) if key in self else np.full(len(self.steps), np.nan)
        latest = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
        return np.where(latest < 0, np.nan, values[latest])

    def series(self, quantity: str, layers: Layers = "weights") -> Series:
        """A quantity at some layers (or parameters), see `select`; signed ones as magnitudes."""
        over = field_named(quantity).over
        if over not in ("layers", "params", "batchnorm_layers", "census_layers"):
            raise ConfigError(f"quantity {quantity!r} is not recorded by layer or parameter")
        chosen = self.select(over, layers) if over in ("layers", "params") else slice(None)
        return self.made(over, np.abs(self.get(quantity)), chosen)

    def made(self, over: str, values: Array, chosen: Any = slice(None)) -> Series:
        """Values along an axis, or at some places of it, with what is known of these places."""
        names, owners = np.array(self.names(over), dtype=np.str_)[chosen], self.owners(over)[chosen]
        known = (owners >= 0).all() if len(owners) else False
        places = self.places[owners] if known else np.arange(1.0, len(owners) + 1)
        blocks = self.facts("blocks")[owners].tolist() if known else [""] * len(owners)
        return Series(
            self.label, tuple(names.tolist()), self.steps, values[:, chosen], places, tuple(blocks)
        )

    @cached_property
    def outer(self) -> tuple[int, int]:
        """The columns of the first and the last layer with weights: `nnscratch_records.ends`."""
        needed = ("roles", "depths", "blocks", "gradient_norm")
        return ends({key: self.facts(key) for key in needed})

    def ratio_of_ends(self) -> float:
        """Gradient norm at the first layer with weights over that at the last, a median of steps.

        Steps at which one is not finite are left out. NaN where none is left, or the last is 0.
        """
        finite = np.isfinite(self.series("gradient_norm").values).all(axis=1)
        norms = self.get("gradient_norm")[finite]
        known = len(norms) and norms[:, self.outer[1]].all()
        return float(np.median(ratios(norms, self.outer))) if known else float("nan")

    def owners(self, axis: str) -> Array:
        """Which column of the layers each name of an axis belongs to; -1: not known."""
        if axis == "params":
            return self.facts("param_layers")
        columns = {name: column for column, name in enumerate(self.layers)}
        return np.array([columns[name] for name in self.names(axis)], dtype=np.int64)

    @property
    def places(self) -> Array:
        """Where the layers stand on an axis of depth.

        Layers with weights stand at the whole numbers, from 1 on, and what follows one of them
        spread evenly over the way to the next: so runs with other layers between can be compared.
        """
        depths = np.maximum.accumulate(self.facts("depths"))
        _, first, count = np.unique(depths, return_index=True, return_counts=True)
        within = np.arange(len(depths)) - np.repeat(first, count)
        return np.asarray(depths + within / np.repeat(count, count))

    def select(self, axis: str, layers: Layers) -> list[int]:
        """Places of "all" names of an axis, of the layers of a role ("weights" of parameters: the
        weights themselves), or of the names given. Where the record has none of a role: all."""
        names = self.names(axis)
        everything = list(range(len(names)))
        if layers == "all":
            return everything
        if isinstance(layers, str):
            layers = _AS_BEFORE.get(layers, layers)
            if layers not in ROLES:
                known = ", ".join(map(repr, ("all", *ROLES)))
                raise ConfigError(f"layers must be one of {known}, or names, got {layers!r}")
            if axis == "params" and layers == "weights":
                has = np.isin(self.facts("param_roles"), _WEIGHTS)
            else:
                owners = self.owners(axis)
                has = np.isin(
                    self.facts("roles")[owners], WEIGHTED if layers == "weights" else layers
                ) & (owners >= 0)
            return np.flatnonzero(has).tolist() or everything
        unknown = [name for name in layers if name not in names]
        if unknown or not len(layers):
            raise ConfigError(
                f"record {self.label!r} has no {axis} {unknown}, it has {', '.join(names)}"
            )
        return [names.index(name) for name in layers]

    def by_layer(self, key: str) -> tuple[Array, Array]:
        """Values (S, K, ...) of a quantity and the column of the layer that each belongs to.

        Of parameters the first weights of each layer: others, such as batch norm's scale, learn at
        another pace, and on one line with the weights they would hide it.
        """
        over = field_named(key).over
        values = self.get(key) if field_named(key).is_series else self.facts(key)
        owners = self.owners(over)
        if over != "params":
            return values, owners
        chosen = np.array(self.select(over, "weights"), dtype=np.int64)
        columns, first = np.unique(owners[chosen], return_index=True)
        known = columns >= 0
        return values[:, chosen[first[known]]], columns[known]

    def histograms(self, quantity: str) -> tuple[Array, Array] | None:
        """Counts (steps, names, bins) and edges of "output", "gradient" or "param", if kept."""
        key = f"{quantity}_histogram"
        if key not in self or not len(self.facts(key)):
            return None
        return self.facts(key), self.facts(edges_of(key)).astype(np.float64)

    def census(self) -> tuple[Array, tuple[str, ...], Array]:
        """Steps (C,), layers (A,) and counts (C, A, 4) of alive, dead, low and high units."""
        steps, layers, states = self._census()
        counts = np.zeros((len(steps), len(layers), 4), dtype=np.int64)
        for state in range(4 if len(steps) else 0):
            before = np.zeros((len(steps), states.shape[1] + 1), dtype=np.int64)
            np.cumsum(states == state, axis=1, out=before[:, 1:])
            counts[:, :, state] = np.diff(before[:, self.facts("census_units")], axis=1)
        return steps, layers, counts

    def alive(self) -> Array:
        """Whether each unit is alive at each census, (C, units)."""
        return self._census()[2] == 0

    def _census(self) -> tuple[Array, tuple[str, ...], Array]:
        layers = self.names("census_layers") if "census_layers" in self else ()
        if not layers or not len(self.facts("census_steps")):
            return np.empty(0, dtype=np.int64), layers, np.empty((0, 0), dtype=np.uint8)
        return self.facts("census_steps"), layers, self.facts("census")

    def ends(self) -> tuple[Array, Array]:
        """Shares (S, L) of outputs at the low and at the high end of each layer's range.

        An end that a layer lacks counts as 0 while the other one has a share, so that the two add
        up; NaN where it has no end, or none that was finite.
        """
        low, high = self.get("saturated_low"), self.get("saturated_high")
        no_low, no_high = (np.isnan(end).all(axis=0) for end in (low, high))
        filled = np.where(no_low & ~np.isnan(high), 0.0, low)
        return filled, np.where(no_high & ~np.isnan(low), 0.0, high)

    def _dead_units(self) -> Array:
        """Fraction of each layer's units that the latest census found dead, (S, layers counted)."""
        counted, _, counts = self.census()
        latest = np.searchsorted(counted, self.steps, side="right") - 1
        dead = counts[:, :, _DEAD] / np.maximum(counts.sum(axis=2), 1)
        return np.where(latest[:, None] < 0, np.nan, dead[np.maximum(latest, 0)])


def read_runs(records: Record | Iterable[Record], needed: Collection[str] = NEEDED) -> list[Run]:
    """Check what is one record or several, and return each."""
    if isinstance(records, Mapping | Run):
        return [read_run(records, needed=needed)]
    if isinstance(records, str | bytes) or not isinstance(records, Iterable):
        raise ConfigError(
            f"records must be a record (a mapping) or several, got {type(records).__name__}"
        )
    runs = [read_run(one, f"records[{index}]", needed) for index, one in enumerate(records)]
    if not runs:
        raise ConfigError("records is empty, expected at least one record")
    return runs


def read_run(record: Record, what: str = "record", needed: Collection[str] = NEEDED) -> Run:
    """Check one record, unless that has been done."""
    return record if isinstance(record, Run) else Run(record, what, needed)


def read_norms(
    records: Record | Iterable[Record], quantity: str, layers: Layers = "weights"
) -> list[Series]:
    """Check one record or several and return `quantity` at the chosen layers of each."""
    series = [run.series(quantity, layers) for run in read_runs(records)]
    for one in series:
        if not one.layers:
            raise ConfigError(f"record {one.label!r} holds no parameters, so no {quantity!r}")
    return series


def _row(label: str, steps: Array, step: Step) -> int:
    if isinstance(step, str) and step in ("first", "last"):
        return 0 if step == "first" else len(steps) - 1
    if isinstance(step, bool) or not isinstance(step, int | np.integer):
        raise ConfigError(f"step must be 'first', 'last' or a step number, got {step!r}")
    found = np.flatnonzero(steps == step)
    if not found.size:
        nearest = steps[np.argmin(np.abs(steps - step))]
        raise ConfigError(
            f"record {label!r}: step {step} was not recorded; 'steps' runs from "
            f"{steps[0]} to {steps[-1]}, the nearest is {nearest}"
        )
    return int(found[0])
