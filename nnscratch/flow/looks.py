"""Looks: what is measured of a pass at a few steps only, farther and farther apart.

How different the examples are in each layer, which units are copies of one another, what the
answers are like and what the loss can come to: it changes slowly, or not at all, and takes longer
to find out than a norm.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, as_array, rows
from nnscratch.backend import kernels
from nnscratch.flow.answers import Answers, Function, Loss
from nnscratch.flow.flaws import padded
from nnscratch.flow.spectra import spectra
from nnscratch.layers.recurrent import Recurrent

if TYPE_CHECKING:
    from nnscratch.flow.layout import Layout
    from nnscratch.network.network import Network
    from nnscratch.optimizers import Optimizer

_EXAMPLES, _UNITS, _INPUTS = 64, 64, 256  # as many are looked at


def due(count: int) -> bool:
    """Whether to look at the `count`-th recorded step: 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, ...

    Where a long recording is thinned to every second, fourth, ... step, looks are left.
    """
    while count > 3 and count % 2 == 0:
        count //= 2
    return count <= 3


class Looks:
    """Looks at one thing after the other, where that is `due`, and writes what it sees.

    Parameters
    ----------
    into : dict of arrays
        By field; NaN where nothing is seen.

    Attributes
    ----------
    count : int
        Which of the recorded steps the next one is; the recorder sets it.
    written : bool
        Whether `into` holds something.
    """

    def __init__(self, into: dict[str, Array]) -> None:
        self.into = into
        self._answers = Answers()
        self.count = 0
        self.written = False

    @property
    def due(self) -> bool:
        """Whether to look at the step at hand."""
        return due(self.count)

    @property
    def has_examples(self) -> bool:
        """Whether no more are kept."""
        return self._answers.full

    def at_output(self, column: int, y: Array) -> None:
        """Look at what a layer gives, (rows, features)."""
        self.into["output_spread"][column] = kernels.spread(_part(y, _EXAMPLES))
        self.into["output_dead"][column] = kernels.dead(_part(y, len(y)))

    def at_param(self, column: int, values: Array, rate: float) -> None:
        """Look at a parameter, its units last, and the factor of its rate."""
        if values.ndim > 1 and values.size:
            units = values.reshape(-1, values.shape[-1])
            self.into["param_copies"][column] = kernels.copies(_part(units, _INPUTS))
        self.into["param_rate"][column] = rate

    def at_recurrence(self, first: int, weight: Array) -> None:
        """Look at recurrent weights, whose gates stand from `first` on: at steps 0, 1, 2, 4, 8, ...

        That takes longer than any other look.
        """
        if self.count & (self.count - 1):
            return
        for name, values in spectra(weight).items():
            self.into[name][first : first + len(values)] = values

    def keep(
        self, x: Array, answers: npt.ArrayLike, outputs: int, weights: Array | None = None
    ) -> None:
        """Keep the examples of a step, and the factors of their losses, while few were seen."""
        if not self._answers.full:
            given = np.atleast_1d(as_array(answers, "answers"))
            self._answers.add(self.count, x, given, outputs, weights)

    def scatter(self, answers: npt.ArrayLike, classes: int) -> None:
        """Keep labels at positions of examples, which are no examples themselves."""
        self._answers.scatter(self.count, np.atleast_1d(as_array(answers, "answers")), classes)

    def ask(
        self,
        value: float,
        loss: Loss | None,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        last: Function,
    ) -> None:
        """Ask what the loss can come to on the examples: see `Answers.known`."""
        self.note(**self._answers.known(self.count, value, loss, shape, dtype, last))

    def note(self, **known: float) -> None:
        """Write what is known by field, into the row of the next step."""
        for name, value in known.items():
            self.into[name][...] = value
        self.written = True

    def pending(self) -> dict[str, float]:
        """Return what was noted and stands in no row yet, and forget it."""
        known = {name: float(values[0]) for name, values in self.into.items() if len(values) == 1}
        self.forget()
        return {name: value for name, value in known.items() if not math.isnan(value)}

    def go_back(self, count: int) -> None:
        """Give up what was seen at the `count`-th recorded step and later."""
        self._answers.truncate(count)

    def forget(self) -> None:
        """Make room for the next step."""
        for values in self.into.values():
            values[...] = np.nan
        self.written = False


class PassLooks(Looks):
    """Looks at the passes of a model of this package, at all that `layout` records of it.

    Attributes
    ----------
    optimizer : Optimizer or None
        Who makes the updates; the recorder sets it.
    """

    def __init__(self, model: Network, layout: Layout, into: dict[str, Array]) -> None:
        super().__init__(into)
        self.model = model
        self.optimizer: Optimizer | None = None
        names = list(model.layers)
        self._nodes = [names.index(name) for name in layout.layers]
        self._params = layout.params
        own = [model.layers[name] for name in layout.recurrent_layers]
        self._through_time = [
            names.index(name)
            for name, layer in zip(layout.recurrent_layers, own, strict=True)
            if isinstance(layer, Recurrent)
        ]
        self._recurrent = {
            layout.gates_of(i).start: model.layers[name].params
            for i, name in enumerate(layout.recurrent_layers)
            if "recurrent_weight" in model.layers[name].params
        }

    def see(
        self,
        value: float,
        labels: Array | None,
        loss: Loss | None,
        weights: Array | None = None,
    ) -> None:
        """Look at the latest pass, if it is time; keep its examples while few were seen."""
        if self.has_examples and not self.due:
            return
        latest = self.model.latest
        output = latest.outputs[-1]
        if labels is not None:
            self.keep(latest.x, labels, output[0].size, weights)
        if not self.due:
            return
        for column, node in enumerate(self._nodes):
            self.at_output(column, rows(latest.outputs[node]))
        learned, optimizer = self.model.params, self.optimizer
        rates = {} if optimizer is None else optimizer.factors(learned)
        for column, name in enumerate(self._params):
            self.at_param(column, learned[name], rates.get(name, math.nan) or 0.0)
        share = math.nan if optimizer is None else optimizer.step_share(learned)
        if not math.isnan(share):
            self.note(step_share=share)
        masks = [latest.caches[node][2] for node in self._through_time]
        if any(mask.shape[1] for mask in masks):
            self.note(masked_steps=1 - float(np.mean(masks[0])))
        elif masks and latest.x.ndim == 3:
            self.note(padded_steps=padded(latest.x))
        cuts = [latest.caches[node][3] for node in self._through_time]
        if cuts and not math.isnan(piece := _piece(cuts[0])):
            self.note(cut_steps=piece)
        for first, params in self._recurrent.items():
            self.at_recurrence(first, params["recurrent_weight"])
        self.ask(value, loss, output.shape[1:], output.dtype, self._last)

    def _last(self, z: Array) -> Array:
        """Return what the last layer makes of its input, where it is an activation."""
        layer = self.model.nodes[-1].layer
        if layer.role != "activation" or layer.params:
            return z
        return np.asarray(copy.deepcopy(layer).forward(z)[0])


def _piece(through: Array) -> float:
    """Return after how many steps what goes back is cut, by its factors; NaN if it never is, or at
    random, which is made up for by what is left."""
    cuts = np.flatnonzero(through == 0)
    return float(cuts[0]) if len(cuts) and not (through > 1).any() else math.nan


def _part(y: Array, most: int) -> Array:
    """Return the first rows, so many at most, of the first units."""
    return np.ascontiguousarray(y[:most, :_UNITS])


def called(loss: Loss) -> str:
    """Return what a loss is called: a function by its name, an object by its class."""
    return str(getattr(loss, "__name__", type(loss).__name__))
