"""A record as the findings look at it: what held, and when."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings.columns import Columns
from nnscratch.flow.findings.progress import Progress
from nnscratch_records import Record, check_record
from nnscratch_records.limits import INCOMPARABLE

NEEDED = (
    *("label", "layers", "kinds", "roles", "depths", "features", "edges", "gaps", "saturation"),
    *("params", "param_sizes", "param_layers", "param_roles", "param_fan_in"),
    *("param_norm_initial", "param_mean_initial", "steps", "loss", "lr", "batch_size", "clip"),
    *("input_mean", "input_std", "input_max", "input_nonfinite", "saturated_low", "saturated_high"),
    *(f"output_{what}" for what in ("norm", "mean", "std", "max", "zeros", "nonfinite")),
    *(f"gradient_{what}" for what in ("norm", "zeros", "nonfinite")),
    *("param_norm", "param_mean", "param_nonfinite", "param_update_norm", "update_ratio"),
    *("param_gradient_norm", "param_gradient_nonfinite", "clip_before", "clip_after"),
    *("clip_fraction", "batchnorm_layers", "batchnorm_mean_gap", "batchnorm_variance_ratio"),
    *("batchnorm_scale", "census_steps", "census_layers", "census_units", "census"),
    *("recurrent_layers", "gates", "gate_layers", "lags", "time_steps", "time_rate", "gate_mean"),
    *("hidden_gradient_norm", "gate_weight_norm"),
)

LATEST = 20  # steps that "now" means, at most
MOST = 0.8  # the fraction of them that must show a thing
LOUD = 3.0  # times what a constant answer gives, at the first step; of inputs' root mean square
MOVED = 0.1  # of the way from there to a constant answer: where nothing moves, steps are short
OUTWEIGH = 0.5  # of the squared distances from the middle, by targets far from all others


class View(Columns):
    """What a record says, by what its layers and parameters are.

    Attributes
    ----------
    record : Record
    rows : int
        Recorded steps up to the first that is not finite; the rest is for `non-finite` alone.
    steps : ndarray of int
        Their numbers.
    """

    def __init__(self, record: Record) -> None:
        super().__init__(check_record(record, needed=NEEDED))
        self.steps: Array = self.record["steps"]
        self.rows = self._count_finite()
        self._looked: dict[str, Array] = {}

    def _count_finite(self) -> int:
        """Return the number of rows before the first with a NaN or an infinity."""
        loss = self.record["loss"]
        bad = ~np.isfinite(loss) & (~np.isnan(loss)).any()  # NaN everywhere: nobody knows it
        for key in ("output_nonfinite", "gradient_nonfinite", "param_gradient_nonfinite"):
            bad = bad | (np.nan_to_num(self.record[key]) > 0).any(axis=1)
        return int(bad.argmax()) if bad.any() else len(bad)

    # What held, and when

    def get(self, key: str) -> Array:
        """Return the finite rows of one quantity."""
        return np.asarray(self.record[key][: self.rows])

    @property
    def first_step(self) -> int:
        """The number of the first recorded step."""
        return int(self.steps[0])

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

    def now_of(self, key: str, column: int) -> float:
        """Return the median of one column over the latest rows; NaN if none is a number."""
        values = self.get(key)[self.now, column]
        values = values[~np.isnan(values)]
        return float(np.median(values)) if len(values) else math.nan

    def looks(self, key: str) -> Array:
        """Return the rows of a quantity, measured at a few steps only, in which it was."""
        return np.asarray(self.record[key][self.looked(key)])

    def looked(self, key: str) -> Array:
        """Return the rows at which such a quantity was measured, as indices."""
        if key not in self._looked:
            values = self.record[key][: max(1, self.rows)]
            there = ~np.isnan(values.reshape(len(values), -1)).all(axis=1)
            self._looked[key] = np.flatnonzero(there)
        return self._looked[key]

    def latest(self, key: str) -> float:
        """Return the latest value of such a quantity; NaN if it was never measured."""
        values = self.looks(key)
        return float(values[-1]) if len(values) else math.nan

    def latest_of(self, key: str, column: int) -> float:
        """Return the latest value of one column."""
        values = self.looks(key)
        return float(values[-1, column]) if len(values) else math.nan

    @cached_property
    def progress(self) -> Progress:
        """Whether the run learns."""
        known = {key: self.latest(f"loss_{key}") for key in ("constant", "free", "floor")}
        guesses = self.latest("guess_linear"), self.latest("guess_neighbours")
        return Progress(
            self.get("loss"), self.steps[: self.rows], **known, linear=guesses[0], near=guesses[1]
        )

    @property
    def harm(self) -> str:
        """How serious a thing is that may hold a run up: not at all in one that learns."""
        return "notice" if self.progress.learns else "serious"

    @property
    def alone(self) -> bool:
        """Whether the batches that are shown are of one example each."""
        sizes = self.get("batch_size")[:5]
        return bool(len(sizes)) and float(np.median(sizes)) == 1

    @property
    def sure(self) -> bool:
        """Whether scores of classes were sure from the first step on, and wrong: on the way down
        from there one answer for all would still be better.
        """
        p = self.progress
        loud = p.known and p.first > LOUD * p.constant and p.share < 0
        moved = p.first - p.now > MOVED * (p.first - p.constant)
        return loud and moved and "CrossEntropy" in self.text("loss_kind")

    # The run as a whole

    @cached_property
    def weight_params(self) -> list[int]:
        """The columns of the weights among the parameters, in order; not of frozen layers, unless
        all are.
        """
        every = [self.param(layer, "weight") for layer in self._with_weights]
        trained = [column for column in every if column is not None and self.factors[column] > 0]
        return trained or every  # type: ignore[return-value]

    @cached_property
    def typical_updates(self) -> Array:
        """The update over the weights in the middle of the layers, by row; NaN if none.

        Weights that began as zeros are as large as their updates have made them: they count as
        those of variance 1 / n_in until they are larger.
        """
        columns = self.weight_params
        ratios = self.get("update_ratio")[:, columns]
        none = self.record["param_norm_initial"][columns] == 0
        if none.any():
            fans = np.maximum(self.record["param_fan_in"][columns], 1)
            drawn = np.sqrt(self.record["param_sizes"][columns] / fans)
            norms = np.maximum(self.get("param_norm")[:, columns], drawn)
            ratios = np.where(none, self.get("param_update_norm")[:, columns] / norms, ratios)
        ratios = np.where(np.isfinite(ratios), ratios, np.nan)
        typical = np.full(len(ratios), np.nan)
        known = ~np.isnan(ratios).all(axis=1)
        if known.any():
            typical[known] = np.nanmedian(ratios[known], axis=1)
        return typical

    @cached_property
    def factors(self) -> Array:
        """The latest factor of the rate of each parameter, 0: frozen; 1 where it is not known."""
        known = self.looks("param_rate")
        return (
            np.nan_to_num(known[-1], nan=1.0) if len(known) else np.ones(len(self.record["params"]))
        )

    @property
    def has_clip(self) -> bool:
        """Whether the gradient was clipped."""
        return bool(str(self.record["clip"]))

    @property
    def incomparable(self) -> bool:
        """Whether a loss that rises or falls says nothing of what is learned."""
        return self.text("loss_kind") in INCOMPARABLE

    @cached_property
    def unmoved_loss(self) -> bool:
        """Whether no gradient ever comes back from the loss: what it does is rounding."""
        return bool(self.rows and (self.get("gradient_zeros")[:, -1] >= 1).all())

    @property
    def nan_alone(self) -> bool:
        """Whether a loss was seen to be NaN of outputs that are all finite."""
        overflows = (np.nan_to_num(self.record["output_nonfinite"]) > 0).any()
        return "non-finite" in self.text("mistakes") and not bool(overflows)

    @property
    def outweighed(self) -> bool:
        """Whether a few targets are most of the squares: they say nothing of what can be told."""
        return self.latest("target_far_share") > OUTWEIGH

    def text(self, key: str) -> str:
        """Return a field of text that a record may lack."""
        value: Any = self.record.get(key, "")
        return str(value)

    # Weights and biases

    def weight_scale(self, layer: int, row: int | None = -1) -> float:
        """Return n_in times the mean square of a layer's weights (``sw2`` of theory).

        row : of the record, after its update; None: before the first update, NaN where the record
            does not say
        """
        column = self.param(layer, "weight")
        if column is None or (row is not None and not self.rows):
            return math.nan
        record = self.record
        norm = record["param_norm_initial"] if row is None else self.get("param_norm")[row]
        fan, size = record["param_fan_in"][column], record["param_sizes"][column]
        return float(norm[column] ** 2 * fan / size)

    def offset(self, layer: int, initial: bool = False) -> float:
        """Return the mean of a layer's biases, now or before the first update; 0 if not known."""
        column = self.param(layer, "bias")
        if column is None:
            return 0.0
        if initial:
            return float(np.nan_to_num(self.record["param_mean_initial"][column]))
        return self.now_of("param_mean", column)

    def hidden_scale(self, row: int | None = -1, but: int | None = None) -> float:
        """Return the median of `weight_scale` over the layers between first and last.

        `but` is a layer to leave out.
        """
        inner = [i for i in self.weights[1:-1] if i != but] or [i for i in self.weights if i != but]
        return float(np.median([self.weight_scale(i, row) for i in inner])) if inner else math.nan
