"""The tap: measures every tensor of a pass, as kernel calls of their own.

In a captured pass the calls stand in the list of the pass, each right behind the call that fills
the tensor, and are shared out over the threads with the rest. In a pass made layer by layer the
same kernels are called at its end: the same numbers, bit for bit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnscratch.arrays import Array, filled, rows
from nnscratch.backend import kernels
from nnscratch.errors import ConfigError
from nnscratch.flow.answers import Loss
from nnscratch.flow.layout import STEP_FIELDS, Layout
from nnscratch.flow.looks import PassLooks, called
from nnscratch.flow.measuring import note_states, recurrent_calls, tensor_arguments
from nnscratch.layers.recurrent import Recurrent
from nnscratch.network.nodes import Pass
from nnscratch.network.replay import Request
from nnscratch.optimizers.measures import PARAM_MEASURES, ParameterMeasures
from nnscratch.parameters import Parameters
from nnscratch.sampling import measured_runs
from nnscratch_kernels.reference.measures import MEASURES, NOTHING, SUMS

if TYPE_CHECKING:
    from nnscratch.clipping import ClipReport
    from nnscratch.network.network import Network

_NONFINITE = MEASURES.index("nonfinite")
_OF_UPDATE = [PARAM_MEASURES.index(n) for n in ("param_norm_before", "param_update_norm")]


@dataclass(frozen=True)
class _Places:
    """Where the runs of all tensors are measured, for one shape of batch.

    Tensors are the input, the outputs of the layers, and the gradients that arrive there.

    Attributes
    ----------
    sums : array, shape (runs, 7, tensors or more)
    runs : list of int
        Of each tensor.
    sizes : array
        Elements of each tensor, as float64.
    """

    sums: Array
    runs: list[int]
    sizes: Array


class Tap:
    """Measures passes of `model` while `due`, and parameters in the updates that follow.

    Parameters
    ----------
    model : Network
    layout : Layout
        Which layers.
    is_due : callable
        Says whether the step at hand is to be measured.
    finished : callable
        Called when a step has been measured as far as it will be.
    learned : callable
        Gives the layout for a network whose layers turn out to have other widths.

    Attributes
    ----------
    row : array
        The latest step as it lies in memory (see `Layout.views`).
    """

    def __init__(
        self,
        model: Network,
        layout: Layout,
        is_due: Callable[[], bool],
        finished: Callable[[], None],
        learned: Callable[[Sequence[int]], Layout],
    ) -> None:
        self.model = model
        self._is_due, self._finished, self._learned = is_due, finished, learned
        self.waiting = False  # a pass is measured, its update has not been made
        self._first = True  # no pass back was seen since the latest update
        self.loss = math.nan
        self._lay_out(layout)

    def _lay_out(self, layout: Layout) -> None:
        model, self.layout = self.model, layout
        self.row: Array = filled(layout.row_bytes, NOTHING, np.uint8)
        numbers, self.samples = layout.views(self.row)
        numbers[...] = np.nan
        blocks = layout.blocks(numbers)
        self.step_row, self.tensors, self.params, self.batchnorm, self.time, self.gates = blocks
        self.looks = PassLooks(model, layout, layout.looks_of(numbers))
        places = {name: i for i, name in enumerate(model.layers)}
        self._indices = [places[name] for name in layout.layers]
        self._ends = np.array([model.layers[name].saturation for name in layout.layers]).reshape(
            -1, 2
        )
        self._places: dict[tuple[int, ...], _Places] = {}
        starts = layout.sample_starts
        tensors = 2 * len(layout.layers)
        self._tensor_samples = [
            self.samples[a:b] for a, b in itertools.pairwise(starts[: tensors + 1].tolist())
        ]
        self._param_samples = self.samples[starts[tensors] :]
        whole = tuple(model.params.names) == layout.params
        self.measures = ParameterMeasures(
            model.params,
            model.grads,
            histogram=layout.histograms,
            into=(self.params, self._param_samples) if whole else None,
        )
        # Which of the model's parameters and samples are recorded; None: all, where they belong.
        self._chosen = None if whole else self._choose(layout.params)

    @property
    def due(self) -> bool:
        """Whether the step at hand is to be measured."""
        return self._is_due()

    # What the model calls, and what the optimizer does: all of it for whoever has the model's turn

    def requests(self, latest: Pass) -> list[Request]:
        """Return the calls that measure the tensors of a pass."""
        tensors = self._tensors(latest)
        n = len(self._indices)
        self._check_widths([tensor.shape[1] for tensor in tensors[1 : n + 1]])
        places = self._places_for(latest)
        requests: list[Request] = []
        for t, tensor in enumerate(tensors):
            low, high = self._ends[t - 1] if 1 <= t <= n else (math.nan, math.nan)
            samples = self._tensor_samples[t - 1] if t > 0 else self.samples[:0]
            arguments = tensor_arguments(
                places.sums, samples, tensor, t, (low, high), t <= n, places.runs[t]
            )
            requests.append((tensor, "measure_tensor", arguments))
        requests += map(self._batchnorm_request, range(len(self.layout.batchnorm_layers)))
        for i, name in enumerate(self.layout.recurrent_layers):
            requests += self._recurrent_requests(latest, i, name)
        return requests

    def _check_widths(self, widths: Sequence[int]) -> None:
        """Lay out rows for these widths; `ConfigError` if others were measured already."""
        if tuple(widths) == self.layout.features:
            return
        if self._places:
            raise ConfigError(
                f"the layers give {list(widths)} features now, recorded were "
                f"{list(self.layout.features)}: record each with a GradientFlow of its own"
            )
        self._lay_out(self._learned(widths))

    def _batchnorm_request(self, i: int) -> Request:
        layer = self.model.layers[self.layout.batchnorm_layers[i]]
        arguments = layer.measured()
        return arguments[2], "measure_batchnorm", (self.batchnorm[i], *arguments)  # type: ignore[return-value]

    def _recurrent_requests(self, latest: Pass, i: int, name: str) -> list[Request]:
        """The calls that measure a recurrent layer that leaves its inside behind."""
        node = list(self.model.layers).index(name)
        layer: Any = self.model.layers[name]
        inside = layer.inside(latest.caches[node])
        if "hidden_gradient" not in inside or "recurrent_weight" not in layer.params:
            return []
        state, own = inside["hidden_gradient"], self.layout.gates_of(i)
        return recurrent_calls(
            *(self.time[i], self.gates[own].reshape(-1), layer, state, latest.arriving(node)),
            *(inside.get("cell_gradient", state[:0]), inside.get("gates")),
            *(layer.params["recurrent_weight"], layer.grads["recurrent_weight"]),
            *(latest.caches[node][2:4] if isinstance(layer, Recurrent) else ()),
        )

    def passed(
        self,
        loss: float,
        measured: bool,
        labels: Array | None = None,
        function: Loss | None = None,
        weights: Array | None = None,
    ) -> None:
        """Note the end of a training pass; `measured` if its list of calls held the requests.

        labels, function, weights : what the loss was computed of, by what, and by which factors of
            the examples, where that is known
        """
        model = self.model
        self.loss = loss
        if not measured:
            if not model.latest.upstream:
                raise ConfigError("GradientFlow needs a backward pass before it records")
            for _, kernel, arguments in self.requests(model.whole()):
                getattr(kernels, kernel)(*arguments)
        places = self._places_for(model.latest)
        kernels.finish_measures(self.tensors, places.sums, places.sizes)
        note_states(self.layout, self.tensors, self.gates)
        self.looks.see(loss, labels, function, weights)
        if function is not None and not self.layout.facts["loss_kind"]:
            self.layout.facts["loss_kind"] = called(function)
        self.waiting = True

    def went_back(self, kept: float) -> None:
        """Note the norm of what an earlier step left in the gradients, over theirs with it.

        A second pass before the update is added to the first on purpose.
        """
        if kept > 0 and self._first and not self.waiting:
            whole = float(np.linalg.norm(self.model.grads.flat))
            self.looks.note(gradient_kept=kept / whole if whole > 0 else 0.0)
        self._first = False

    @property
    def saw_nonfinite(self) -> bool:
        """Whether the pass that waits for its update holds a NaN or an infinity."""
        return self.waiting and bool(self.tensors[_NONFINITE].any())

    @property
    def watched(self) -> Parameters:
        """The parameters whose updates are measured: the model's."""
        return self.model.params

    def before_update(self) -> None:
        """Measure the pass before this update, if it was none of `training_pass`."""
        if not self.waiting:
            self.passed(math.nan, measured=False)

    def updated(self, report: ClipReport | None, lr: float) -> None:
        """Take over what the update measured."""
        self._take_over(report, lr)
        self._deliver()

    def _take_over(self, report: ClipReport | None, lr: float) -> None:
        if self._chosen is not None:
            params, samples = self._chosen
            np.take(self.measures.values, params, axis=1, out=self.params)
            np.take(self.measures.samples, samples, out=self._param_samples)
        known = {"loss": self.loss, "lr": lr, "batch_size": len(self.model.latest.x)}
        if report is not None:
            known["clip_before"], known["clip_after"] = report.norm_before, report.norm_after
            known["clip_fraction"], known["clip_cosine"] = report.fraction, report.cosine
        self.step_row[...] = [known.get(name, math.nan) for name in STEP_FIELDS]

    def unfinished(self, lr: float) -> None:
        """Finish a step that has no update: parameters as they are, gradients as they arrived."""
        model, measures = self.model, self.measures
        measures.measure_before(model.params, model.grads)
        measures.measure_after(model.params)
        self._take_over(None, lr)
        self.params[_OF_UPDATE] = np.nan
        self._deliver()

    def _choose(self, names: Sequence[str]) -> tuple[Array, Array]:
        """Return where these parameters, and their samples, are among all that is measured."""
        starts, known = self.measures.starts, self.model.params.names
        params = [known.index(name) for name in names]
        samples = [np.arange(starts[i], starts[i + 1]) for i in params]
        return np.array(params, int), np.concatenate([np.zeros(0, int), *samples])

    def _deliver(self) -> None:
        self.waiting, self._first = False, True
        self._finished()
        if self.looks.written:
            self.looks.forget()

    def _tensors(self, latest: Pass) -> list[Array]:
        """Return the input, the outputs and the gradients that arrive there, (rows, features)."""
        tensors = [latest.x, *(latest.outputs[i] for i in self._indices)]
        tensors += [latest.arriving(i) for i in self._indices]
        return [np.ascontiguousarray(rows(tensor)) for tensor in tensors]

    def _places_for(self, latest: Pass) -> _Places:
        found = self._places.get(latest.x.shape)
        if found is None:
            tensors = self._tensors(latest)
            runs = [measured_runs(*tensor.shape) for tensor in tensors]
            # Whole cache lines: what one thread measures lies on none that another writes to.
            width = -(-len(tensors) // 8) * 8
            sums = filled((max(runs), len(SUMS), width), 0.0, np.float64)
            sizes = np.array([tensor.size for tensor in tensors], np.float64)
            found = self._places[latest.x.shape] = _Places(sums, runs, sizes)
        return found
