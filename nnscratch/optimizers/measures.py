"""What one update did to every parameter: norms before and after, mean, histogram of a sample."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.clipping import ClipReport
from nnscratch.errors import ConfigError
from nnscratch.parameters import Parameters
from nnscratch.sampling import count_samples, parameter_sample, parameter_stride
from nnscratch_kernels.reference.measures import NOTHING

# In this order in `ParameterMeasures.values`.
PARAM_MEASURES = (
    *("param_norm", "param_mean", "param_norm_before", "param_update_norm"),
    *("param_gradient_norm", "param_nonfinite", "param_gradient_nonfinite"),
)


class ParameterMeasures:
    """Measures of each parameter around one update, one number per parameter, in float64.

    An optimizer with a tap fills them (see `Tap`). Names and order are those of `params`.

    Parameters
    ----------
    params, grads : Parameters
        Of the model that is trained.
    histogram : bool
        Whether to count a sample of each parameter's values (`nnscratch.sampling`).
    into : (values, samples) or None
        Arrays to fill, of the shapes below, instead of new ones.

    Attributes
    ----------
    param_norm, param_mean : arrays, shape (parameters,)
        Euclidean norm and mean after the update.
    param_norm_before : array
        Norm before the update.
    param_update_norm : array
        Norm of the change.
    param_gradient_norm : array
        Norm of the gradient before clipping.
    param_nonfinite, param_gradient_nonfinite : arrays
        How many components are NaN or infinite, after the update and before clipping.
    samples : uint8 array
        The signed bins of a sample after the update (see `kernels.measure_tensor`), one parameter
        after the other: `starts` says from where to where.
    """

    def __init__(
        self,
        params: Parameters,
        grads: Parameters,
        histogram: bool = True,
        into: tuple[Array, Array] | None = None,
    ) -> None:
        if params.offsets.tolist() != grads.offsets.tolist():
            raise ConfigError("ParameterMeasures got gradients of another layout than parameters")
        self.names = params.names
        self.offsets = params.offsets
        sizes = [parameter_sample(p.size) if histogram else 0 for p in params.values()]
        self.starts: Array = np.cumsum([0, *sizes], dtype=np.int64)
        if into is None:
            values = np.full((len(PARAM_MEASURES), len(self.names)), np.nan)
            into = values, np.empty(self.starts[-1], np.uint8)
        self.values, self.samples = into
        self.samples[...] = NOTHING  # a parameter may have fewer elements than places
        self.param_norm, self.param_mean, self.param_norm_before = self.values[:3]
        self.param_update_norm, self.param_gradient_norm = self.values[3:5]
        self.param_nonfinite, self.param_gradient_nonfinite = self.values[5:]
        self.strides: Array = np.array(
            [parameter_stride(p.size, p.shape[-1] if p.ndim > 1 else 1) for p in params.values()],
            np.int64,
        )
        self.target = (self.values, self.samples, self.starts, self.strides)
        self._before: Array = np.empty(0)

    def measure_before(self, params: Parameters, grads: Parameters) -> None:
        """Measure what is there before clip and update, and remember the parameters."""
        kernels.segment_norms(self.param_gradient_norm, grads.flat, self.offsets)
        kernels.segment_norms(self.param_norm_before, params.flat, self.offsets)
        self._count(self.param_gradient_nonfinite, self.param_gradient_norm, grads.flat)
        if self._before.shape != params.flat.shape or self._before.dtype != params.dtype:
            self._before = np.empty_like(params.flat)
        np.copyto(self._before, params.flat)

    def measure_after(self, params: Parameters) -> None:
        """Measure the parameters after the update, and the change."""
        flat, change = params.flat, self._before
        with np.errstate(all="ignore"):
            np.subtract(flat, change, out=change)
            for i, segment in enumerate(self._segments(flat)):
                self.param_mean[i] = segment.mean(dtype=np.float64) if segment.size else 0.0
        kernels.segment_norms(self.param_norm, flat, self.offsets)
        kernels.segment_norms(self.param_update_norm, change, self.offsets)
        self._count(self.param_nonfinite, self.param_norm, flat)
        if len(self.samples):
            for i, segment in enumerate(self._segments(flat)):
                places = self.samples[self.starts[i] : self.starts[i + 1]]
                kernels.sample_bins(places, segment, True, 0, int(self.strides[i]))

    def histogram(self) -> Array:
        """Return how many of each parameter's sample lie in each bin, (parameters, 64), uint16."""
        counts: Array = count_samples(self.samples[None], self.starts)[0]
        return counts

    def _segments(self, flat: Array) -> list[Array]:
        return [flat[a:b] for a, b in itertools.pairwise(self.offsets.tolist())]

    def _count(self, counts: Array, norms: Array, flat: Array) -> None:
        """Count what is not finite, where the norm says that there may be something."""
        counts[...] = 0
        for i in np.flatnonzero(~np.isfinite(norms)):
            counts[i] = kernels.count_nonfinite(flat[self.offsets[i] : self.offsets[i + 1]])


class Tap(Protocol):
    """What may watch an optimizer: ``optimizer.tap = tap``. It never changes the training."""

    measures: ParameterMeasures
    """Where to put the measures."""

    @property
    def watched(self) -> Parameters:
        """The parameters whose updates are to be measured."""

    @property
    def due(self) -> bool:
        """Whether the next step is to be measured."""

    def before_update(self) -> None:
        """Called in a step that is due, before anything is changed."""

    def updated(self, report: ClipReport | None, lr: float) -> None:
        """Called at the end of that step, when `measures` are filled."""


def step_share(roots: Sequence[float], epsilons: Sequence[float]) -> float:
    """Return the part of a step that epsilon leaves, in the middle of the parameters.

    ``root / (root + epsilon)``, the root of the mean square of a parameter's gradient by what the
    optimizer goes by; NaN where none has come to any.
    """
    parts = [root / (root + e) for root, e in zip(roots, epsilons, strict=True) if root > 0]
    return float(np.median(parts)) if parts else math.nan
