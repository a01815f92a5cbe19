"""How one recorded step lies in memory and in a file: a row of numbers and a row of samples.

A row is float64 numbers, field after field, followed by uint8 samples, tensor after tensor: the bin
that each sampled element lies in, from which the histograms are counted when somebody asks. A
`Layout` says where in a row the fields of `nnscratch_records.FIELDS` are, and turns rows into a
record.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from nnscratch.arrays import Array
from nnscratch.optimizers.measures import PARAM_MEASURES
from nnscratch.sampling import count_samples, parameter_sample, tensor_sample
from nnscratch_kernels.reference.measures import BINS, MAGNITUDE_LEAST, MEASURES, SIGNED_LEAST
from nnscratch_kernels.runtime.memory import whole_lines
from nnscratch_records import FIELDS, FORMAT, LAGS, RecordError, check_record

# What a record holds of one recording however long it was: all fields without steps. The edges of
# the bins are the kernels'; how much was thinned, and what there is to note, is known at the end.
FACTS = tuple(
    name
    for name, field in FIELDS.items()
    if not {"steps", "census_steps", "bin_edges"} & set(field.axes)
    and field.axes != ("lags",)
    and name not in ("format", "note", "kept_every")
)
# One number a step, in the order of the table.
STEP_FIELDS = tuple(
    name
    for name, field in FIELDS.items()
    if field.is_series and not field.over and not name.startswith("input_")
)
# What is measured at some steps only, by what it is measured of.
LOOKED = {
    over: tuple(n for n, field in FIELDS.items() if field.looked and field.over == over)
    for over in ("", "layers", "params", "gates")
}
LOOKS = tuple(name for names in LOOKED.values() for name in names)
# What a header means that says only that rows hold such fields: those there were at that time,
# in this order. What was added since is listed in the header: this never changes.
_FIRST_LOOKS = (
    *("target_count", "target_values", "target_mean", "target_std", "target_min"),
    *("target_max", "target_classes", "target_far", "target_far_share", "loss_constant"),
    *("loss_free", "loss_floor", "guess_linear", "guess_neighbours", "feature_ratio"),
    *("feature_offset", "validation_accuracy", "gradient_kept", "validation_loss"),
    *("output_spread", "output_dead", "param_copies", "spectral_radius", "spectral_norm"),
)
# The statistics of a layer that normalises by the batch, in the order of their kernel.
BATCHNORM_FIELDS = tuple(n for n, field in FIELDS.items() if field.over == "batchnorm_layers")
# What is measured of a recurrent layer: numbers, then those of every lag; and of a gate.
TIME_FIELDS = tuple(n for n, field in FIELDS.items() if field.axes == ("steps", "recurrent_layers"))
LAG_FIELDS = tuple(n for n, field in FIELDS.items() if field.axes[2:] == ("lags",))
GATE_FIELDS = tuple(n for n, field in FIELDS.items() if field.is_series and field.over == "gates")

_ENDS = {"output_low": "saturated_low", "output_high": "saturated_high"}
_POWERS = 2.0 ** (SIGNED_LEAST + np.arange(1, BINS // 2 + 1))
EDGES: dict[str, Array] = {
    "lags": LAGS,
    "histogram_edges_signed": np.concatenate((-_POWERS[::-1], [0.0], _POWERS)),
    "histogram_edges_magnitude": np.concatenate(
        ([0.0], 4.0 ** (MAGNITUDE_LEAST / 2 + np.arange(1, BINS + 1)))
    ),
}


class Blocks(NamedTuple):
    """What a row of numbers holds, but for looks.

    Attributes
    ----------
    step : (..., 7)
    tensors : (..., 8, 1 + 2 layers)
        Of the input, the outputs of all layers, and the gradients that arrive there.
    params : (..., 7, params)
    batchnorm : (..., N, 4)
    time : (..., R, 131)
        `TIME_FIELDS`, then `LAG_FIELDS` of every lag.
    gates : (..., G, 5)
    """

    step: Array
    tensors: Array
    params: Array
    batchnorm: Array
    time: Array
    gates: Array


class Layout:
    """The static side of a recording: what is recorded, and where in a row it lies.

    Attributes
    ----------
    facts : dict
        The fields `FACTS` of the record.
    histograms : bool
        Whether samples are kept.
    looks : tuple of str
        Which of `LOOKS` rows hold: those of files written before may lack some, or all.
    """

    def __init__(
        self, facts: Mapping[str, Any], histograms: bool = True, looks: Sequence[str] = LOOKS
    ) -> None:
        texts = {name: facts.get(name, "") for name in FACTS if FIELDS[name].optional}
        self.facts: dict[str, Any] = {name: facts[name] for name in FACTS if name not in texts}
        self.facts.update(texts)
        self.histograms, self.looks = histograms, tuple(looks)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The layers recorded, first to last."""
        return tuple(self.facts["layers"].tolist())

    @cached_property
    def features(self) -> tuple[int, ...]:
        """The width of each one's output; 0 where it is not known yet."""
        return tuple(self.facts["features"].tolist())

    @cached_property
    def params(self) -> tuple[str, ...]:
        """The parameters recorded."""
        return tuple(self.facts["params"].tolist())

    @cached_property
    def batchnorm_layers(self) -> tuple[str, ...]:
        """The layers that normalise by the batch."""
        return tuple(self.facts["batchnorm_layers"].tolist())

    @cached_property
    def recurrent_layers(self) -> tuple[str, ...]:
        """The layers that go through time."""
        return tuple(self.facts["recurrent_layers"].tolist())

    def gates_of(self, place: int) -> slice:
        """Return where the gates of one of these layers are among all."""
        first, last = np.searchsorted(self.facts["gate_layers"], [place, place + 1])
        return slice(int(first), int(last))

    @property
    def codes(self) -> int:
        """How many units a census counts."""
        return int(self.facts["census_units"][-1])

    @cached_property
    def _shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the blocks of a row's numbers, see `blocks`."""
        return (
            (len(STEP_FIELDS),),
            (len(MEASURES), 1 + 2 * len(self.layers)),
            (len(PARAM_MEASURES), len(self.params)),
            (len(self.batchnorm_layers), len(BATCHNORM_FIELDS)),
            (len(self.recurrent_layers), len(TIME_FIELDS) + len(LAG_FIELDS) * len(LAGS)),
            (len(self.facts["gates"]), len(GATE_FIELDS)),
            (sum(self._looked_at.values()),),
        )

    @cached_property
    def _looked_at(self) -> dict[str, int]:
        """How many numbers each field of `LOOKED` takes, in the order in which they lie."""
        sizes = {over: len(self.facts[over]) if over else 1 for over in LOOKED}
        return {name: sizes[FIELDS[name].over] for name in self.looks}

    def looks_of(self, numbers: Array) -> dict[str, Array]:
        """Return views of rows of numbers, by field of `LOOKED`: (...,) or (..., columns)."""
        views, end = {}, self.numbers
        for name, size in reversed(self._looked_at.items()):
            views[name], end = numbers[..., end - size : end], end - size
        return views

    @cached_property
    def numbers(self) -> int:
        """How many float64 a row holds."""
        return sum(int(np.prod(shape)) for shape in self._shapes)

    @cached_property
    def sample_starts(self) -> Array:
        """Where in a row the samples begin of outputs, gradients and parameters; and their end."""
        tensors = [tensor_sample(features) for features in self.features]
        params = [parameter_sample(size) for size in self.facts["param_sizes"].tolist()]
        sizes = [*tensors, *tensors, *params]
        kept = sizes if self.histograms else [0] * len(sizes)
        return np.cumsum([0, *kept], dtype=np.int64)

    @property
    def samples(self) -> int:
        """How many uint8 a row holds."""
        return int(self.sample_starts[-1])

    @property
    def samples_start(self) -> int:
        """The byte of a row in memory where the samples begin; the numbers come first."""
        return whole_lines(8 * self.numbers)

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of a row in memory, in whole cache lines."""
        return whole_lines(self.samples_start + self.samples)

    def views(self, rows: Array) -> tuple[Array, Array]:
        """Return numbers and samples of rows in memory, uint8 (..., row_bytes), as views."""
        start = self.samples_start
        numbers = rows[..., : 8 * self.numbers].view(np.float64)
        return numbers, rows[..., start : start + self.samples]

    def blocks(self, numbers: Array) -> Blocks:
        """Return views of rows of numbers, shape (..., numbers)."""
        views, start = [], 0
        for shape in self._shapes[: len(Blocks._fields)]:
            size = int(np.prod(shape))
            views.append(numbers[..., start : start + size].reshape(*numbers.shape[:-1], *shape))
            start += size
        return Blocks(*views)

    def describe(self) -> dict[str, Any]:
        """Return the layout as plain values, for a file's header."""
        plain = {name: _plain(value) for name, value in self.facts.items()}
        return {"format": FORMAT, "histograms": self.histograms, "looks": list(self.looks), **plain}

    @classmethod
    def from_description(cls, description: Any) -> Layout:
        """Return the layout that `describe` described, in this format or the one before.

        `RecordError` if it does not fit.
        """
        if not isinstance(description, Mapping):
            raise RecordError(f"its description is damaged: {type(description).__name__}")
        given = {name: _numbers(name, value) for name, value in description.items()}
        histograms, looks = given.get("histograms"), given.get("looks", False)
        if isinstance(looks, bool):
            looks = _FIRST_LOOKS if looks else ()
        unknown = set(given) - {"format", "histograms", "looks", *FACTS}
        listed = list(looks) if isinstance(looks, list | tuple) else [looks]
        kept = [name for name in LOOKS if name in listed]
        if unknown or not isinstance(histograms, bool) or kept != listed:
            raise RecordError(f"its description is damaged: {', '.join(sorted(unknown))}")
        return cls(check_record(given, "description", needed=FACTS), histograms, kept)

    def to_record(
        self,
        steps: Sequence[int] | Array,
        numbers: Array,
        samples: Array,
        census_steps: Sequence[int] | Array = (),
        census: Array | None = None,
        kept_every: int = 1,
        note: str = "",
    ) -> dict[str, Any]:
        """Return rows, shapes (steps, numbers) and (steps, samples), as a record.

        See `nnscratch_records.FIELDS` for what a record is.
        """
        made = {
            "format": FORMAT,
            "kept_every": kept_every,
            "note": note,
            "steps": np.asarray(steps, dtype=np.int64),
            **self.facts,
            **EDGES,
            **self._measured(numbers),
            **self._histograms(samples),
            "census_steps": np.asarray(census_steps, dtype=np.int64),
            "census": np.zeros((0, self.codes), np.uint8) if census is None else census,
        }
        # Nobody who changes a record changes the next one.
        return {name: np.array(made[name]) if FIELDS[name].axes else made[name] for name in FIELDS}

    def _measured(self, numbers: Array) -> dict[str, Array]:
        n = len(self.layers)
        step, tensors, params, batchnorm, time, gates = self.blocks(numbers)
        made = {name: step[:, i] for i, name in enumerate(STEP_FIELDS)}
        with np.errstate(invalid="ignore"):  # what is no number becomes one that the check refuses
            made["batch_size"] = made["batch_size"].astype(np.int64)
        columns: dict[str, Any] = {"input": 0, "output": slice(1, 1 + n)}
        columns["gradient"] = slice(1 + n, None)
        for i, measure in enumerate(MEASURES):
            for tensor, chosen in columns.items():
                name = f"{tensor}_{measure}"
                made[_ENDS.get(name, name)] = tensors[:, i, chosen]
        made.update({name: params[:, i] for i, name in enumerate(PARAM_MEASURES)})
        with np.errstate(all="ignore"):
            made["update_ratio"] = made["param_update_norm"] / made["param_norm_before"]
        made.update({name: batchnorm[:, :, i] for i, name in enumerate(BATCHNORM_FIELDS)})
        made.update({name: time[:, :, i] for i, name in enumerate(TIME_FIELDS)})
        by_lag = time[:, :, len(TIME_FIELDS) :].reshape(*time.shape[:2], len(LAG_FIELDS), len(LAGS))
        made.update({name: by_lag[:, :, i] for i, name in enumerate(LAG_FIELDS)})
        made.update({name: gates[:, :, i] for i, name in enumerate(GATE_FIELDS)})
        looks = self.looks_of(numbers)
        for name in LOOKS:
            over = FIELDS[name].over
            values = looks.get(name)
            if values is None:
                values = np.full((len(numbers), len(self.facts[over]) if over else 1), np.nan)
            made[name] = values if over else values[:, 0]
        return made

    def _histograms(self, samples: Array) -> dict[str, Array]:
        made, first = {}, 0
        kept = samples if self.histograms else samples[:0]
        for name, field in FIELDS.items():
            if "bins" in field.axes:
                last = first + len(self.facts[field.over])
                made[name] = count_samples(kept, self.sample_starts[first : last + 1])
                first = last
        return made


def _numbers(name: str, value: Any) -> Any:
    """Return a field as `_plain` took it, as far as it is one."""
    if isinstance(value, list) and name in FIELDS and FIELDS[name].kind == "real":
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            return np.array(value, dtype=np.float64)
    return value


def _plain(value: Any) -> Any:
    """Return a field as JSON knows it; numbers that are not finite are text."""
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        return value.astype(str).tolist()
    return value.tolist()
