"""What one update did to every parameter: norms before and after, mean, histogram of a sample."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.clipping import ClipReport
from nnscratch.errors import ConfigError
from nnscratch.parameters import Parameters
from nnscratch.sampling import run_stride
from nnscratch_kernels.reference.measures import BINS

if TYPE_CHECKING:
    from nnscratch.optimizers.base import Optimizer


class ParameterMeasures:
    """Measures of each parameter around one update, one number per parameter, in float64.

    An optimizer with a tap fills them (see `Tap`). Names and order are those of `params`.

    Parameters
    ----------
    params, grads : Parameters
        Of the model that is trained.
    histogram : bool
        Whether to count a sample of each parameter's values (`nnscratch.sampling`).
    into : (values, histogram) or None
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
    histogram : uint16 array, shape (parameters, 64), or (0, 64)
        Counts of the sample after the update, in the signed bins of `kernels.sample_signed`: one
        per factor 2 for either sign. NaN is not counted.
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
        counted = len(self.names) if histogram else 0
        self.values, self.histogram = into or (
            np.full((7, len(self.names)), np.nan),
            np.zeros((counted, BINS), np.uint16),
        )
        self.param_norm, self.param_mean, self.param_norm_before = self.values[:3]
        self.param_update_norm, self.param_gradient_norm = self.values[3:5]
        self.param_nonfinite, self.param_gradient_nonfinite = self.values[5:]
        self.strides: Array = np.array([run_stride(p) for p in params.values()], int)
        self.target = (self.values, self.histogram, self.strides)
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
        if len(self.histogram):
            for i, segment in enumerate(self._segments(flat)):
                kernels.sample_signed(self.histogram[i], segment, int(self.strides[i]))

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
    def due(self) -> bool:
        """Whether the next step is to be measured."""

    def before_update(self, optimizer: Optimizer) -> None:
        """Called in a step that is due, before anything is changed."""

    def updated(self, optimizer: Optimizer, report: ClipReport | None, lr: float) -> None:
        """Called at the end of that step, when `measures` are filled."""
