"""A record as the findings look at it: which columns are what, and what held when."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import DataError
from nnscratch.flow.attribution import index_of, kind_of
from nnscratch.flow.records import Record

NEEDED = (
    *("layers", "features", "params", "param_sizes", "steps", "loss", "lr", "batch_size", "clip"),
    *("input_mean", "input_std", "input_max", "input_nonfinite", "saturated_low", "saturated_high"),
    *(f"output_{what}" for what in ("norm", "mean", "std", "max", "zeros", "nonfinite")),
    *(f"gradient_{what}" for what in ("norm", "zeros", "nonfinite")),
    *("param_norm", "param_mean", "param_nonfinite", "update_ratio"),
    *("param_gradient_norm", "param_gradient_nonfinite", "clip_before", "clip_after"),
    *("clip_fraction", "batchnorm_layers", "batchnorm_mean_gap", "batchnorm_variance_ratio"),
    *("batchnorm_scale", "census_steps", "census_layers", "census_units", "census"),
)

LATEST = 20  # steps that "now" means, at most
MOST = 0.8  # the fraction of them that must show a thing
STALLED = 0.9  # a loss above this share of the first has not fallen


class View:
    """What a record says, by name.

    Attributes
    ----------
    record : Record
    rows : int
        Recorded steps up to the first that is not finite; the rest is for `non-finite` alone.
    layers, kinds : tuple of str
        Names of the layers, and what each is.
    dense : list of int
        Columns of the dense layers.
    """

    def __init__(self, record: Record) -> None:
        missing = [key for key in NEEDED if key not in record]
        if missing:
            raise DataError(
                f"the record of {record.get('label', 'a run')} lacks {', '.join(missing)}: "
                f"findings need a whole record of GradientFlow"
            )
        self.record = record
        self.layers = tuple(str(name) for name in record["layers"])
        self.kinds = tuple(kind_of(name) for name in self.layers)
        self.dense = [i for i, kind in enumerate(self.kinds) if kind == "dense"]
        self.steps: Array = np.asarray(record["steps"])
        self.rows = self._count_finite()

    def _count_finite(self) -> int:
        """Return the number of rows before the first with a NaN or an infinity."""
        bad = ~np.isfinite(self.record["loss"])
        for key in ("output_nonfinite", "gradient_nonfinite", "param_gradient_nonfinite"):
            bad = bad | (np.nan_to_num(self.record[key]) > 0).any(axis=1)
        return int(bad.argmax()) if bad.any() else len(bad)

    def get(self, key: str) -> Array:
        """Return the finite rows of one quantity."""
        return np.asarray(self.record[key][: self.rows])

    @property
    def now(self) -> slice:
        """The latest rows: a fifth of them, at least 5 and at most `LATEST`."""
        return slice(max(0, self.rows - min(LATEST, max(5, self.rows // 5))), self.rows)

    def holds(self, where: Array) -> bool:
        """Return whether `where`, one truth a row, is true of most of the latest rows."""
        latest = where[self.now]
        return bool(len(latest) and latest.mean() >= MOST)

    def since(self, where: Array) -> int:
        """Return the step from which on `where` was true of most rows."""
        backward = where[::-1].astype(np.float64)
        share = (np.cumsum(backward) / np.arange(1, len(backward) + 1))[::-1]
        good = np.flatnonzero((share >= MOST) & where)
        return int(self.steps[good[0] if good.size else len(where) - 1])

    @cached_property
    def first_loss(self) -> float:
        """The loss at the beginning: the median of three."""
        return float(np.median(self.get("loss")[:3])) if self.rows else math.nan

    @cached_property
    def last_loss(self) -> float:
        """The loss now."""
        return float(np.median(self.get("loss")[self.now])) if self.rows else math.nan

    def stalled(self, share: float = STALLED) -> bool:
        """Whether the loss has not fallen to this share of the first."""
        return not self.last_loss < share * self.first_loss

    @cached_property
    def weights(self) -> list[int]:
        """The columns of the dense layers' weights among the parameters, in order."""
        names = [str(name) for name in self.record["params"]]
        wanted = {f"{index_of(self.layers[i])}.weight" for i in self.dense}
        return [column for column, name in enumerate(names) if name in wanted]

    def param(self, layer: int, name: str) -> int | None:
        """Return the column of a layer's parameter, None if it has none of that name."""
        names = [str(param) for param in self.record["params"]]
        wanted = f"{index_of(self.layers[layer])}.{name}"
        return names.index(wanted) if wanted in names else None

    def before(self, layer: int, kind: str) -> int | None:
        """Return the closest layer of a kind below `layer`."""
        return next((i for i in range(layer - 1, -1, -1) if self.kinds[i] == kind), None)

    @cached_property
    def activations(self) -> dict[str, int]:
        """The kinds of activation, and how often each occurs."""
        others = [k for k in self.kinds if k not in ("dense", "batchnorm", "dropout", "identity")]
        return {kind: others.count(kind) for kind in others}

    @property
    def activation(self) -> str:
        """The kind of activation that occurs most often; empty if there is none."""
        return max(self.activations, key=self.activations.__getitem__, default="")

    @property
    def has_clip(self) -> bool:
        """Whether the gradient was clipped."""
        return bool(str(self.record["clip"]))

    @property
    def has_batchnorm(self) -> bool:
        """Whether the network has batch norm."""
        return "batchnorm" in self.kinds

    def now_of(self, key: str, column: int) -> float:
        """Return the median of one column over the latest rows; NaN if none is a number."""
        values = self.get(key)[self.now, column]
        values = values[~np.isnan(values)]
        return float(np.median(values)) if len(values) else math.nan

    def weight_scale(self, layer: int, row: int = -1) -> float:
        """Return n_in times the mean square of a dense layer's weights (``sw2`` of theory)."""
        column = self.param(layer, "weight")
        if column is None or not self.rows:
            return math.nan
        n_out = int(self.record["features"][layer])
        return float(self.get("param_norm")[row, column] ** 2 / n_out)

    def fan_in(self, layer: int) -> int:
        """Return how many inputs a dense layer has; 0 if its weights were not recorded."""
        column = self.param(layer, "weight")
        if column is None:
            return 0
        return int(self.record["param_sizes"][column] // self.record["features"][layer])

    def offset(self, layer: int, row: int | None = None) -> float:
        """Return the mean of a dense layer's biases, now or in a row; 0 if not recorded."""
        column = self.param(layer, "bias")
        if column is None:
            return 0.0
        if row is None:
            return self.now_of("param_mean", column)
        return float(self.get("param_mean")[row, column])

    def hidden_scale(self, row: int = -1, but: int | None = None) -> float:
        """Return the median of `weight_scale` over the dense layers between first and last.

        `but` is a layer to leave out.
        """
        inner = [i for i in self.dense[1:-1] if i != but] or [i for i in self.dense if i != but]
        return float(np.median([self.weight_scale(i, row) for i in inner])) if inner else math.nan

    def names(self, columns: list[int]) -> tuple[str, ...]:
        """Return the names of layers."""
        return tuple(self.layers[i] for i in columns)
