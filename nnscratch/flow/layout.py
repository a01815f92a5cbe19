"""How one recorded step lies in memory and in a file: a row of numbers and a row of samples.

A row is float64 numbers, field after field, followed by uint8 samples, tensor after tensor: the bin
that each sampled element lies in, from which the histograms are counted when somebody asks. A
`Layout` says which field is where, what its axis is called, and turns rows into a record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import DataError
from nnscratch.sampling import count_samples, parameter_sample, tensor_sample
from nnscratch_kernels.memory import whole_lines
from nnscratch_kernels.reference.measures import MEASURES as TENSOR_FIELDS

FORMAT = 2

# One number a step.
STEP_FIELDS = (
    *("loss", "lr", "batch_size"),
    *("clip_before", "clip_after", "clip_fraction", "clip_cosine"),
)
PARAM_FIELDS = (
    *("param_norm", "param_mean", "param_norm_before", "param_update_norm"),
    *("param_gradient_norm", "param_nonfinite", "param_gradient_nonfinite"),
)
BATCHNORM_FIELDS = (
    *("batchnorm_mean_gap", "batchnorm_variance_ratio"),
    *("batchnorm_scale", "batchnorm_scale_max"),
)
HISTOGRAMS = ("output_histogram", "gradient_histogram", "param_histogram")

_POWERS = 2.0 ** np.arange(-19, 13)
SIGNED_EDGES: Array = np.concatenate((-_POWERS[::-1], [0.0], _POWERS))
MAGNITUDE_EDGES: Array = np.concatenate(([0.0], 2.0 ** np.arange(-100.0, 27.0, 2.0)))


@dataclass(frozen=True)
class Layout:
    """The static side of a recording: what is recorded, and where in a row it lies.

    Attributes
    ----------
    label : str
    layers : tuple of str
        The layers recorded, first to last.
    features : tuple of int
        The width of each one's output.
    params : tuple of str
    param_sizes : tuple of int
    batchnorm_layers : tuple of str
    census_layers : tuple of str
    census_units : tuple of int
        Where each of their units begin in a row of the census; one longer than `census_layers`.
    every : int
        One step in so many was recorded.
    clip : str
        What clips the gradient; empty for nothing.
    histograms : bool
    """

    label: str
    layers: tuple[str, ...]
    features: tuple[int, ...]
    params: tuple[str, ...]
    param_sizes: tuple[int, ...]
    batchnorm_layers: tuple[str, ...] = ()
    census_layers: tuple[str, ...] = ()
    census_units: tuple[int, ...] = (0,)
    every: int = 1
    clip: str = ""
    histograms: bool = True

    @property
    def numbers(self) -> int:
        """How many float64 a row holds."""
        tensors = 1 + 2 * len(self.layers)
        return (
            len(STEP_FIELDS)
            + tensors * len(TENSOR_FIELDS)
            + len(PARAM_FIELDS) * len(self.params)
            + len(self.batchnorm_layers) * len(BATCHNORM_FIELDS)
        )

    @property
    def sample_starts(self) -> Array:
        """Where in a row the samples begin of outputs, gradients and parameters; and their end."""
        tensors = [tensor_sample(features) for features in self.features]
        sizes = [*tensors, *tensors, *(parameter_sample(size) for size in self.param_sizes)]
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

    @property
    def row_bytes(self) -> int:
        """Bytes of a row in memory, in whole cache lines."""
        return whole_lines(self.samples_start + self.samples)

    def views(self, rows: Array) -> tuple[Array, Array]:
        """Return numbers and samples of rows in memory, uint8 (..., row_bytes), as views."""
        start = self.samples_start
        numbers = rows[..., : 8 * self.numbers].view(np.float64)
        return numbers, rows[..., start : start + self.samples]

    def blocks(self, numbers: Array) -> tuple[Array, Array, Array, Array]:
        """Return views of rows of numbers, shape (..., numbers): step, tensors, params, batch norm.

        Their shapes are (..., 7), (..., 8, 1 + 2 layers), (..., 7, params) and (..., N, 4). Tensors
        are the input, the outputs of all layers, and the gradients that arrive there.
        """
        shapes = (
            (len(STEP_FIELDS),),
            (len(TENSOR_FIELDS), 1 + 2 * len(self.layers)),
            (len(PARAM_FIELDS), len(self.params)),
            (len(self.batchnorm_layers), len(BATCHNORM_FIELDS)),
        )
        views, start = [], 0
        for shape in shapes:
            size = int(np.prod(shape))
            views.append(numbers[..., start : start + size].reshape(*numbers.shape[:-1], *shape))
            start += size
        return views[0], views[1], views[2], views[3]

    def describe(self) -> dict[str, Any]:
        """Return the layout as plain values, for a file's header."""
        return {
            "format": FORMAT,
            **{
                name: list(value) if isinstance(value, tuple) else value
                for name, value in self.__dict__.items()
            },
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Layout:
        """Return the layout that `describe` described; `DataError` if it does not fit."""
        if description.get("format") != FORMAT:
            raise DataError(
                f"this record has format {description.get('format')!r}, expected {FORMAT}: "
                f"it was written by another version of nnscratch"
            )
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in description.items()
            if name != "format"
        }
        try:
            return cls(**fields)
        except TypeError as error:
            raise DataError(f"this record's description is damaged: {error}") from None

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

        See `nnscratch.flow.records` for what a record is.
        """
        n = len(self.layers)
        step, tensors, params, batchnorm = self.blocks(numbers)
        record: dict[str, Any] = {
            "format": FORMAT,
            "label": self.label,
            "layers": np.array(self.layers, dtype=str),
            "features": np.array(self.features, dtype=np.int64),
            "params": np.array(self.params, dtype=str),
            "param_sizes": np.array(self.param_sizes, dtype=np.int64),
            "every": self.every,
            "kept_every": kept_every,
            "note": note,
            "clip": self.clip,
            "steps": np.asarray(steps, dtype=np.int64),
        }
        record.update({name: step[:, i].copy() for i, name in enumerate(STEP_FIELDS)})
        record["batch_size"] = record["batch_size"].astype(np.int64)
        for i, field in enumerate(TENSOR_FIELDS[:6]):
            record[f"input_{field}"] = tensors[:, i, 0].copy()
            record[f"output_{field}"] = tensors[:, i, 1 : 1 + n].copy()
            record[f"gradient_{field}"] = tensors[:, i, 1 + n :].copy()
        record["saturated_low"] = tensors[:, 6, 1 : 1 + n].copy()
        record["saturated_high"] = tensors[:, 7, 1 : 1 + n].copy()
        record.update({name: params[:, i].copy() for i, name in enumerate(PARAM_FIELDS)})
        with np.errstate(divide="ignore", invalid="ignore"):
            record["update_ratio"] = record["param_update_norm"] / record.pop("param_norm_before")
        record["batchnorm_layers"] = np.array(self.batchnorm_layers, dtype=str)
        record.update({name: batchnorm[:, :, i].copy() for i, name in enumerate(BATCHNORM_FIELDS)})
        starts, ends = self.sample_starts, np.cumsum([0, n, n, len(self.params)])
        kept = samples if self.histograms else samples[:0]
        for i, name in enumerate(HISTOGRAMS):
            record[name] = count_samples(kept, starts[ends[i] : ends[i + 1] + 1])
        record["histogram_edges_signed"] = SIGNED_EDGES.copy()
        record["histogram_edges_magnitude"] = MAGNITUDE_EDGES.copy()
        units = self.census_units[-1]
        record["census_layers"] = np.array(self.census_layers, dtype=str)
        record["census_units"] = np.array(self.census_units, dtype=np.int64)
        record["census_steps"] = np.asarray(census_steps, dtype=np.int64)
        record["census"] = np.zeros((0, units), np.uint8) if census is None else census
        return record
