"""The public builder of records: from any loop, any framework, one array after the other."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels
from nnscratch.errors import (
    ConfigError,
    ShapeError,
    require_count,
    require_name,
    require_number,
    require_real,
    require_text,
)
from nnscratch.flow.answers import Function, Loss
from nnscratch.flow.census import unit_states
from nnscratch.flow.given import as_batch, as_floats, each_with_each
from nnscratch.flow.infos import gates_of
from nnscratch.flow.intake import NO_END, Intake, as_it_is
from nnscratch.flow.layout import STEP_FIELDS
from nnscratch.flow.looks import called
from nnscratch.flow.measuring import measure_parameter, note_states, recurrent_calls
from nnscratch.network.nodes import require_loss
from nnscratch_records import mistakes
from nnscratch_records.mistakes import Mistake
from nnscratch_records.words import plural

_TRAINED = ("clip", "optimizer", "penalty", "loss_kind", "mistakes")


class Recorder(Intake):
    """Record a network of any framework, trained in any loop: the same record as `GradientFlow`'s.

    ::

        recorder = nn.Recorder(
            layers=[
                nn.LayerInfo("fc0", "dense", 30, role="weights"),
                nn.LayerInfo("act", "relu", 30, (0.0, math.nan), "activation", rectifies=True),
                nn.LayerInfo("fc1", "dense", 10, role="weights"),
            ],
            params=[
                nn.ParamInfo("fc0.weight", "fc0", "weight", (64, 30)),
                nn.ParamInfo("fc1.weight", "fc1", "weight", (30, 10)),
            ],
            label="mine",
        )
        for x, labels in batches:
            recorder.input(x)
            ...                                     # recorder.output("fc0", y) of every layer,
            ...                                     # recorder.gradient("fc0", dy), dy = dL/dy
            recorder.param("fc0.weight", w, gradient=dw, before=w_before)  # of every parameter
            recorder.end_step(loss=value, lr=0.1)
        recorder.findings(), recorder.attribution(), recorder.report("mine.html")

    Arrays are ``(batch, *positions, features)``, features last unless a `LayerInfo` says another
    axis. They are measured at once and not kept, so buffers may be reused. What cannot be had is
    given as None and recorded as NaN.

    Parameters
    ----------
    layers : sequence of LayerInfo
        Each after its sources.
    params : sequence of ParamInfo
    label : str
        Name of the run in plots and tables.
    clip : str
        What clips the gradient, such as ``"clip_grad_norm_(1.0)"``; empty for nothing.
    optimizer : str
        What makes the updates, such as ``"SGD(lr=0.1, momentum=0.9)"``; empty if nobody knows.
    every : int
        One step in so many is recorded; steps that are not numbered are counted in these.
    recorded : sequence of str or None
        Names of the layers that are recorded; None: all.
    framework : str
        What it is trained with, such as ``"torch"``: findings then speak its language.
    histograms : bool
    memory, file, log
        See `GradientFlow`.

    Raises `ConfigError` for layers and parameters that do not fit each other.
    """

    # One step

    def input(self, x: npt.ArrayLike | None) -> None:
        """Measure the batch of inputs."""
        if x is not None:
            values = as_batch("input", x, None)
            self._batch, self._inputs = len(values), values
            self._measured.take(0, self._samples[0][:0], rows(values), NO_END, True)
        self._given.add("input")

    def output(self, layer: str, y: npt.ArrayLike | None) -> None:
        """Measure a layer's output. Raises `ConfigError` or `ShapeError` naming the layer."""
        ends = self._info(layer).saturation
        self._measure("output", layer, y, self._columns[layer], ends)

    def gradient(self, layer: str, dy: npt.ArrayLike | None) -> None:
        """Measure the gradient of the loss that arrives at a layer's output, as `output` does."""
        self._info(layer)
        self._measure("gradient", layer, dy, len(self.layers) + self._columns[layer], NO_END)

    def param(
        self,
        name: str,
        values: npt.ArrayLike,
        gradient: npt.ArrayLike | None = None,
        before: npt.ArrayLike | None = None,
    ) -> None:
        """Measure a parameter after the step's update.

        gradient : before clipping
        before : the values before the update; None: there was no update
        """
        require_name("parameter", name, self.params)
        shape, arrays = self.params[name].shape, []
        for what, given in (("values", values), ("gradient", gradient), ("before", before)):
            array = None if given is None else as_floats(f"{what} of parameter {name!r}", given)
            if array is not None and array.shape != shape:
                raise ShapeError(
                    f"{what} of parameter {name!r} has shape {array.shape}, expected {shape} as in "
                    f"its ParamInfo"
                )
            arrays.append(array)
        after, slope, old = arrays
        if after is None:
            raise ShapeError(f"values of parameter {name!r} are missing, expected {shape}")
        place = self._layout.params.index(name)
        self._look_at(place, self.params[name], after if old is None else old)
        own = not self._layout.facts["framework"]  # others may be asked to climb
        if own and self._looks.due and slope is not None and old is not None:
            self._ascent.see(after - old, slope)
        samples = self._samples[2 * len(self.layers) + place]
        measure_parameter(self._params[:, place], samples, after, slope, old)
        self._given.add("parameter", name)

    def trained(self, **known: str) -> None:
        """Note what turns out of how it is trained: `clip`, `optimizer`, `penalty`, `mistakes`."""
        for name, text in known.items():
            require_text(f"Recorder.trained {require_name('fact', name, _TRAINED)}", text)
        self._layout.facts.update(known)

    def noticed(self, **known: float) -> None:
        """Note what is known of this step beside arrays, by field: `gradient_kept`."""
        for name, value in known.items():
            require_real(f"Recorder.noticed {require_name('field', name, self._looks.into)}", value)
        self._looks.note(**known)

    def noticed_behind(self, **known: float) -> None:
        """Note, by field, what is known since the latest step, in its row: no other may follow."""
        self._amend(known)

    def answers(
        self,
        y: npt.ArrayLike,
        loss: Loss,
        last: Function = as_it_is,
        classes: int | None = None,
    ) -> None:
        """Note what the step's examples should give, and ask the loss what it can come to.

        Optional: with it the findings know what a constant answer gives. Call it after `input` and
        the outputs.

        y : labels or targets
        loss : ``loss(outputs, y)`` returns the value and the gradient, as this package's do; it is
            called with NumPy arrays, at a few steps only
        last : what the last layer makes of its input, NumPy arrays, where that is an activation
        classes : given, `y` are labels at positions of the examples, (rows,), as many as one likes,
            and outputs of the loss are (rows, classes)
        """
        if not self._layout.facts["loss_kind"]:
            self._layout.facts["loss_kind"] = called(loss)
        if "" in self._given.missing("input"):
            raise ConfigError("answers come after the input: call recorder.input(x) before")
        require_loss("Recorder.answers loss", loss)
        self._loss, self._last = loss, last
        if self._looks.due and self._shape == (1,) and not self._layout.facts["mistakes"]:
            self._mistaken(each_with_each(loss, y))
        if classes is None:
            self._looks.keep(self._inputs, y, math.prod(self._shape))
        else:
            self._shape = (require_count("Recorder.answers classes", classes),)
            self._looks.scatter(y, classes)

    def clipped(
        self, before: float, after: float, fraction: float = math.nan, cosine: float = math.nan
    ) -> None:
        """Note what clipping did: norms of the whole gradient, and see `FIELDS`."""
        known = {"before": before, "after": after, "fraction": fraction, "cosine": cosine}
        self._known |= {
            f"clip_{name}": require_real(f"Recorder.clipped {name}", value)
            for name, value in known.items()
        }

    def batchnorm(
        self,
        layer: str,
        mean: npt.ArrayLike,
        variance: npt.ArrayLike,
        running_mean: npt.ArrayLike,
        running_variance: npt.ArrayLike,
        gamma: npt.ArrayLike | None = None,
        epsilon: float = 1e-5,
    ) -> None:
        """Measure the statistics of a layer that normalises by the batch (`by_batch`)."""
        names = self._layout.batchnorm_layers
        require_name("layer with by_batch=True", layer, names)
        what, width = f"statistics of layer {layer!r}", self.layers[layer].features
        given = [mean, variance, running_mean, running_variance]
        given.append(np.ones(width) if gamma is None else gamma)
        arrays = [as_floats(what, array).astype(np.float64).ravel() for array in given]
        for array in arrays:
            if len(array) != width:
                raise ShapeError(f"{what} are of {plural(len(array), 'unit')}, expected {width}")
        epsilon = require_number("Recorder.batchnorm epsilon", epsilon, least=0)
        kernels.measure_batchnorm(self._norms[names.index(layer)], *arrays, epsilon)
        self._given.add("statistics", layer)

    def recurrent(
        self,
        layer: str,
        hidden_gradient: npt.ArrayLike,
        upstream: npt.ArrayLike,
        gates: npt.ArrayLike | None,
        weight: npt.ArrayLike,
        weight_gradient: npt.ArrayLike,
        cell_gradient: npt.ArrayLike | None = None,
    ) -> None:
        """Measure a layer whose role is "recurrent": what its gradient does through time.

        hidden_gradient : dL/dh of every step of time, (batch, time, units), whole: what comes from
            above and from the step after
        upstream : of that, what comes from above
        gates : (batch, time, gates * units) in the order of `LayerInfo.gates`, as they multiply;
            None for a layer without gates
        weight, weight_gradient : recurrent weights, (units, gates * units), before the update, and
            their gradient before clipping
        cell_gradient : dL/dc of a layer with a cell, whole; its gate "f" keeps the cell
        """
        names = self._layout.recurrent_layers
        require_name("layer whose role is 'recurrent'", layer, names)
        info, place = self.layers[layer], names.index(layer)
        what, own = f"of layer {layer!r}", self._layout.gates_of(place)
        state = as_batch(f"hidden_gradient {what}", hidden_gradient, info.features)
        square = (info.features, (own.stop - own.start) * info.features)
        wide = (*state.shape[:-1], square[1])

        def checked(name: str, values: npt.ArrayLike, shape: tuple[int, ...]) -> Array:
            array = as_floats(f"{name} {what}", values)
            if array.shape != shape:
                raise ShapeError(f"{name} {what} has shape {array.shape}, expected {shape}")
            return array

        has_gates = tuple(gates_of(info.gates)) != ("h",)
        if has_gates and gates is None:
            raise ShapeError(f"gates {what} are missing, expected {wide}")
        weights = checked("weight", weight, square)
        calls = recurrent_calls(
            *(self._time[place], self._gates[own].reshape(-1), info, state),
            checked("upstream", upstream, state.shape),
            state[:0]
            if cell_gradient is None
            else checked("cell_gradient", cell_gradient, state.shape),
            None if gates is None or not has_gates else checked("gates", gates, wide),
            *(weights, checked("weight_gradient", weight_gradient, square)),
        )
        for _, kernel, arguments in calls:
            getattr(kernels, kernel)(*arguments)
        if self._looks.due:
            self._looks.at_recurrence(own.start, weights)
        self._given.add("recurrence", layer)

    def census(self, layer: str, outputs: npt.ArrayLike) -> None:
        """Count the units of an activation as dead, saturated or alive.

        outputs : what the layer gives for a fixed probe batch, before the step; all activations of
            the network have theirs counted at the same steps
        """
        require_name("layer whose role is 'activation'", layer, self._counted)
        info = self.layers[layer]
        values = as_batch(f"probe output of layer {layer!r}", outputs, info.features, info.axis)
        self._states[layer] = unit_states(info, rows(np.moveaxis(values, info.axis, -1)))
        self._given.add("probe output", layer)

    def _mistaken(self, seen: Mistake | None) -> None:
        """Keep a mistake of the loop, if it is one and the first."""
        if seen is not None and not self._layout.facts["mistakes"]:
            self._layout.facts["mistakes"] = mistakes.written([seen])

    def end_step(
        self, loss: float | None = None, lr: float = math.nan, step: int | None = None
    ) -> None:
        """Keep the step: everything that was measured since the last one.

        loss : of the batch, before the update; NaN if nobody knows
        lr : the rate of the update; NaN: none was made
        step : its number; None: the one after the last. One that was recorded already takes the
            record back there

        Raises `ConfigError` that names what was forgotten; then nothing is lost, and may be added.
        """
        if step is None:
            step = self._latest + self._layout.facts["every"] if self._latest >= 0 else 0
        require_count("Recorder.end_step step", step, least=0)
        self._given.check(step)
        if loss is None:
            raise ConfigError(
                f"step {step} has no loss: recorder.end_step(loss=...), NaN if nobody knows it"
            )
        loss, lr = require_real("loss of a step", loss), require_real("lr of a step", lr)
        known = {**self._known, "loss": loss, "lr": lr, "batch_size": self._batch}
        self._step_row[...] = [known.get(name, math.nan) for name in STEP_FIELDS]
        if self._looks.due:
            self._looks.ask(loss, self._loss, self._shape, self._dtype, self._last)
            self._mistaken(self._ascent.told())
        self._looks.count += 1
        self._measured.finish()
        note_states(self._layout, self._tensors, self._gates)
        self._go_to(step)
        if self._states:
            states = [self._states[name] for name in self._counted]
            self._keep_census(step, np.concatenate(states))
        self._keep(step, self._row)
        self._forget()

    def _nothing(self) -> str:
        return f"Recorder {self.label!r} has recorded nothing yet: recorder.end_step(loss=...)"

    def __repr__(self) -> str:
        steps, layers = plural(len(self), "step"), plural(len(self.layers), "layer")
        return f"Recorder({self.label!r}, {steps} of {layers})"
