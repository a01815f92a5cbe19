"""The tap: measures every tensor of a pass, as kernel calls of their own.

In a captured pass the calls stand in the list of the pass, each right behind the call that fills
the tensor, and are shared out over the threads with the rest. In a pass made layer by layer the
same kernels are called at its end: the same numbers, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.errors import ConfigError
from nnscratch.flow.layout import Layout
from nnscratch.layers import BatchNorm
from nnscratch.optimizers.measures import ParameterMeasures
from nnscratch.sampling import run_stride
from nnscratch_kernels.reference.measures import BINS, MEASURES

if TYPE_CHECKING:
    from nnscratch.clipping import ClipReport
    from nnscratch.model import Sequential
    from nnscratch.optimizers import Optimizer

RUN = 32768  # elements of a tensor that are measured by one call
_NONFINITE = MEASURES.index("nonfinite")
Request = tuple[Array, str, tuple[Any, ...]]  # a tensor, the kernel that measures it, its arguments


@dataclass(frozen=True)
class _Places:
    """Where the runs of all tensors are measured, for one size of batch."""

    sums: Array
    starts: Array
    sizes: Array


class Tap:
    """Measures passes of `model` while `due`, and parameters in the updates that follow.

    Parameters
    ----------
    model : Sequential
    layout : Layout
        Which layers.
    is_due : callable
        Says whether the step at hand is to be measured.
    finished : callable
        Called when a step has been measured as far as it will be.

    Attributes
    ----------
    numbers, counts : array
        The row of the latest step (see `Layout`).
    """

    def __init__(
        self,
        model: Sequential,
        layout: Layout,
        is_due: Callable[[], bool],
        finished: Callable[[], None],
    ) -> None:
        self.model, self.layout = model, layout
        self._is_due, self._finished = is_due, finished
        self.waiting = False  # a pass is measured, its update has not been made
        self.loss = math.nan
        self.numbers: Array = np.full(layout.numbers, np.nan)
        self.counts: Array = np.zeros(layout.counts, np.uint16)
        self.step_row, self.tensors, self.params, self.batchnorm = layout.blocks(self.numbers)
        names = list(model.layers)
        self._indices = [names.index(name) for name in layout.layers]
        params = list(model.params.names)
        # None: all of them, in their order.
        self._param_indices = (
            None
            if tuple(params) == layout.params
            else np.array([params.index(name) for name in layout.params], int)
        )
        self._ends = np.array([model.layers[name].saturation for name in layout.layers]).reshape(
            -1, 2
        )
        self._places: dict[int, _Places] = {}
        n = 2 * len(layout.layers)
        histograms = self.counts.reshape(-1, BINS)
        self._tensor_counts, self._param_counts = histograms[:n], histograms[n:]
        whole = self._param_indices is None
        self.measures = ParameterMeasures(
            model.params,
            model.grads,
            histogram=layout.histograms,
            into=(self.params, self._param_counts) if whole else None,
        )

    @property
    def due(self) -> bool:
        """Whether the step at hand is to be measured."""
        return self._is_due()

    # What the model calls

    def requests(
        self, inputs: Sequence[Array], outputs: Sequence[Array], upstream: Sequence[Array]
    ) -> list[Request]:
        """Return the calls that measure a pass with these tensors."""
        x = inputs[0]
        places = self._places_for(len(x))
        requests: list[Request] = []
        tensors = [x, *(outputs[i] for i in self._indices), *(upstream[i] for i in self._indices)]
        n = len(self._indices)
        for t, tensor in enumerate(tensors):
            low, high = self._ends[t - 1] if 1 <= t <= n else (math.nan, math.nan)
            for run in range(places.starts[t], places.starts[t + 1]):
                first = (run - int(places.starts[t])) * RUN
                last = min(first + RUN, tensor.size)
                arguments = (places.sums[run], tensor, float(low), float(high), first, last)
                requests.append((tensor, "measure_elements", arguments))
            if self.layout.histograms and t > 0:
                kernel = "sample_signed" if t <= n else "sample_magnitudes"
                stride = run_stride(tensor)
                requests.append((tensor, kernel, (self._tensor_counts[t - 1], tensor, stride)))
        requests += map(self._batchnorm_request, range(len(self.layout.batchnorm_layers)))
        return requests

    def _batchnorm_request(self, i: int) -> Request:
        layer = self.model.layers[self.layout.batchnorm_layers[i]]
        assert isinstance(layer, BatchNorm)
        shape, statistics = (layer.features,), layer.statistics
        arguments = (
            self.batchnorm[i],
            layer.buffer("mean", shape),
            layer.buffer("variance", shape),
            statistics["running_mean"],
            statistics["running_variance"],
            layer.params["gamma"],
            layer.epsilon,
        )
        return statistics["running_mean"], "measure_batchnorm", arguments

    def passed(self, loss: float, measured: bool) -> None:
        """Note the end of a training pass; `measured` if its list of calls held the requests."""
        model = self.model
        self.loss = loss
        if not measured:
            if not model._upstream:
                raise ConfigError("GradientFlow needs a backward pass before it records")
            for _, kernel, arguments in self.requests(
                model._inputs, model._outputs, model._upstream
            ):
                getattr(kernels, kernel)(*arguments)
        places = self._places_for(len(model._inputs[0]))
        kernels.finish_measures(self.tensors, places.sums, places.starts, places.sizes)
        self.waiting = True

    @property
    def saw_nonfinite(self) -> bool:
        """Whether the pass that waits for its update holds a NaN or an infinity."""
        return self.waiting and bool(self.tensors[:, _NONFINITE].any())

    # What the optimizer calls

    def before_update(self, optimizer: Optimizer) -> None:
        """Measure the pass before this update, if it was none of `training_pass`."""
        if not self.waiting:
            self.passed(math.nan, measured=False)

    def updated(self, optimizer: Optimizer | None, report: ClipReport | None, lr: float) -> None:
        """Take over what the update measured."""
        measures, order = self.measures, self._param_indices
        if order is not None:  # else they are measured where they belong
            np.take(measures.values, order, axis=1, out=self.params)
            self._param_counts[...] = measures.histogram[order] if self.layout.histograms else 0
        self.step_row[3:] = np.nan
        if report is not None:
            self.step_row[3:] = (
                report.norm_before,
                report.norm_after,
                report.fraction,
                report.cosine,
            )
        self.step_row[:3] = self.loss, lr, len(self.model._inputs[0])
        if optimizer is not None:
            self._deliver()

    def unfinished(self, lr: float) -> None:
        """Finish a step that has no update: parameters as they are, gradients as they arrived."""
        model, measures = self.model, self.measures
        measures.measure_before(model.params, model.grads)
        measures.measure_after(model.params)
        self.updated(None, None, lr)
        self.params[2:4] = np.nan
        self._deliver()

    def _deliver(self) -> None:
        self.waiting = False
        self._finished()

    def _places_for(self, batch: int) -> _Places:
        found = self._places.get(batch)
        if found is None:
            layers = self.layout.features
            first = self.model.features_in or self.model._inputs[0].shape[1]
            sizes = np.array([first, *layers, *layers], np.int64) * batch
            runs = -(-sizes // RUN)
            starts = np.concatenate(([0], np.cumsum(runs))).astype(np.int64)
            found = _Places(np.zeros((int(starts[-1]), 7)), starts, sizes.astype(np.float64))
            self._places[batch] = found
        return found
