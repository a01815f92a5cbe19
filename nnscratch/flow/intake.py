"""What takes the tensors of a step in, by array or by address, into one row of a record."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, filled, rows
from nnscratch.errors import (
    ConfigError,
    require_count,
    require_flag,
    require_list,
    require_name,
    require_text,
)
from nnscratch.flow.answers import Function, Loss
from nnscratch.flow.given import Ascent, Given, as_batch
from nnscratch.flow.infos import LayerInfo, ParamInfo, initial_measures, network_facts
from nnscratch.flow.logging import Log
from nnscratch.flow.looks import Looks
from nnscratch.flow.measuring import Destination, Prepared, Remote, TensorMeasures
from nnscratch.flow.recording import Recording
from nnscratch_kernels.reference.measures import NOTHING

if TYPE_CHECKING:
    from nnscratch.files import PathLike

NO_END = (math.nan, math.nan)


def as_it_is(z: Array) -> Array:
    return z


class Intake(Recording):
    """The row of the step at hand, and who has given what of it; see `Recorder`."""

    def __init__(
        self,
        layers: Sequence[LayerInfo],
        params: Sequence[ParamInfo] = (),
        *,
        label: str = "run",
        clip: str = "",
        optimizer: str = "",
        every: int = 1,
        recorded: Sequence[str] | None = None,
        framework: str = "",
        histograms: bool = True,
        memory: str | int = "512 MB",
        file: PathLike | None = None,
        log: Log | None = None,
    ) -> None:
        super().__init__(label, memory, file, log)
        layers = require_list("Recorder layers", layers, LayerInfo)
        params = require_list("Recorder params", params, ParamInfo)
        if not layers:
            raise ConfigError("Recorder layers is empty: give a LayerInfo of each layer")
        if recorded is not None:
            recorded = require_list("Recorder recorded", recorded, str)
        known = {layer.name: layer for layer in layers}
        for name in recorded or ():
            require_name("recorded layer", name, known)
        self.layers = {n: known[n] for n in known if recorded is None or n in recorded}
        self._columns = {name: column for column, name in enumerate(self.layers)}
        self.params = {param.name: param for param in params if param.layer in self.layers}
        for layer in layers:
            require_count(f"features of layer {layer.name!r}", layer.features)
        counted = [name for name, layer in self.layers.items() if layer.role == "activation"]
        trained = {"clip": clip, "optimizer": optimizer, "framework": framework}
        for name, text in trained.items():
            require_text(f"Recorder {name}", text)
        run = {"label": label, **trained, "every": require_count("Recorder every", every)}
        facts = network_facts(layers, params, self.layers, counted)
        self._begin({**run, **facts}, require_flag("Recorder histograms", histograms))
        layout = self._layout
        self._row: Array = filled(layout.row_bytes, NOTHING, np.uint8)
        numbers, samples = layout.views(self._row)
        self._numbers = numbers
        self._step_row, tensors, self._params, self._norms, self._time, self._gates = layout.blocks(
            numbers
        )
        self._tensors, self._measured = tensors, TensorMeasures(tensors)
        ends = layout.sample_starts.tolist()
        self._samples = [samples[a:b] for a, b in itertools.pairwise(ends)]
        self._counted = tuple(counted)
        needed = {"input": ("",), "output": layout.layers, "gradient": layout.layers}
        needed |= {"parameter": layout.params, "statistics": layout.batchnorm_layers}
        needed |= {"recurrence": layout.recurrent_layers}
        self._given = Given({**needed, "probe output": self._counted}, ["probe output"])
        self._looks = Looks(layout.looks_of(numbers))
        self._ascent = Ascent()
        self._inputs: Array
        self._loss: Loss | None
        self._last: Function = as_it_is
        self._shape: tuple[int, ...] = ()
        self._dtype = np.dtype(np.float32)
        self._forget()

    def param_samples(self) -> list[Array]:
        """Return where the sampled bins of each parameter are put, of the step at hand."""
        return self._samples[2 * len(self.layers) :]

    def all_params(self, values: Array) -> None:
        """Take over what was measured of all parameters, (7, parameters), instead of `param`."""
        self._params[...] = values
        self._given.rest("parameter")

    def before_update(self, params: Mapping[str, Array]) -> None:
        """Look at all parameters before an update, where `all_params` follows."""
        for place, (name, info) in enumerate(self.params.items()):
            self._look_at(place, info, params[name])

    @property
    def looks_closely(self) -> bool:
        """Whether more is looked at in this step than measures: arrays have to be given."""
        return not len(self) or self._looks.due

    @property
    def asks(self) -> bool:
        """Whether `answers` adds anything at this step."""
        return self._looks.due or not self._looks.has_examples

    def prepare(
        self, what: str, layer: str, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> Prepared | None:
        """Return what measures "output" or "gradient" of a layer by address; None: give arrays.

        For tensors of that shape that lie row-major in memory. Calls of it do what `output` and
        `gradient` do, but for looks: see `looks_closely`; they are good until those are called for
        the same layer. `rest_unknown` ends the step.
        """
        to = self._destination(what, layer, shape)
        return None if to is None else self._measured.prepare(dtype, to)

    def remote(
        self, what: str, layer: str, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> Remote | None:
        """Return what takes measures of such tensors that others made, as `prepare` does.

        Of "input" too, whose examples `batch` counts then.
        """
        if what == "input":
            flat = math.prod(shape[:-1]), shape[-1]
            to: Destination | None = Destination(0, self._samples[0][:0], flat, NO_END, True)
        else:
            to = self._destination(what, layer, shape)
        return None if to is None else self._measured.remote(dtype, to)

    def batch(self, examples: int) -> None:
        """Note how many examples the input has, instead of `input`: nothing else is known of it."""
        self._batch, self._inputs = examples, np.zeros((examples, 0))
        self._given.add("input")

    def _destination(self, what: str, layer: str, shape: tuple[int, ...]) -> Destination | None:
        """Return where a tensor goes, None if nowhere."""
        info, column = self._info(layer), self._columns[layer]
        axis, signed = info.axis, what == "output"
        fits = -len(shape) <= axis < len(shape) >= 2 and shape[axis] == info.features
        if not fits or 0 in shape:
            return None
        place = column if signed else len(self.layers) + column
        flat = math.prod(shape) // info.features, info.features
        ends = info.saturation if signed else NO_END
        return Destination(1 + place, self._samples[place], flat, ends, signed)

    def rest_unknown(self) -> None:
        """Note that whatever else of the layers was not given cannot be had."""
        for place in np.flatnonzero(np.isnan(self._measured.sizes[1:])):
            self._samples[place][...] = NOTHING
        for what in ("output", "gradient", "statistics", "recurrence"):
            self._given.rest(what)

    def _forget(self) -> None:
        """Begin the next step."""
        self._numbers[...] = math.nan
        self._measured.forget()
        self._known: dict[str, float] = {}
        self._states: dict[str, Array] = {}
        self._batch = 0
        self._inputs, self._loss = np.zeros((0, 1)), None
        self._given.clear()

    def _info(self, layer: str) -> LayerInfo:
        require_name("layer", layer, self.layers)
        return self.layers[layer]

    def _measure(
        self,
        what: str,
        layer: str,
        given: npt.ArrayLike | None,
        place: int,
        ends: tuple[float, float],
    ) -> None:
        samples = self._samples[place]
        if given is None:
            self._measured.miss(1 + place)
            samples[...] = NOTHING
        else:
            info = self.layers[layer]
            values = as_batch(f"{what} of layer {layer!r}", given, info.features, info.axis)
            flat = values.reshape(-1, info.features)  # what is measured knows no order
            self._measured.take(1 + place, samples, flat, ends, what == "output")
            if what == "output":
                self._look(place, values, info.axis)
        self._given.add(what, layer)

    def _look_at(self, place: int, info: ParamInfo, values: Array) -> None:
        """Look at a parameter before its update."""
        if not len(self):
            for key, value in initial_measures([values]).items():
                self._layout.facts[key][place] = value[0]
        if self._looks.due:
            self._looks.at_param(place, values if info.fan_in is None else values.T, info.rate)

    def _look(self, column: int, values: Array, axis: int) -> None:
        if column == len(self.layers) - 1:
            self._shape, self._dtype = values.shape[1:], values.dtype
        if self._looks.due:
            self._looks.at_output(column, rows(np.moveaxis(values, axis, -1)))
