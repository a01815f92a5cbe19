"""`TimePrediction`: how far back each recurrent layer reaches, in numbers and in sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.console import table_of, text_of
from nnscratch.display import Brief
from nnscratch.theory.meanfield import DEPTH_SCALES, depth_scale
from nnscratch_records.limits import verdict
from nnscratch_records.words import number, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ENDS = 8  # of the lags, this part at either end is left out of a rate
_FAR = 1000


def rate_of(norms: Array) -> float:
    """Return the factor on the norm per step between the first and the last eighth of the lags."""
    if len(norms) < 2:
        return math.nan
    edge = len(norms) // _ENDS
    first, last = norms[edge], norms[-1 - edge]
    if not (first > 0 and last > 0):
        return 0.0
    return float((last / first) ** (1 / (len(norms) - 1 - 2 * edge)))


def horizon_of(rate: float) -> float:
    """Return over how many steps a gradient keeps its size, to a factor e^3 = 20 either way.

    Six depth scales of its square, as in the depth of trainable networks (Schoenholz et al. 2017).
    """
    return math.inf if math.isnan(rate) else DEPTH_SCALES * depth_scale(rate * rate)


@dataclass(frozen=True, eq=False, repr=False)
class LayerInTime(Brief):
    """What theory expects of one recurrent layer.

    Attributes
    ----------
    name, kind : str
    units : int
    relative_gradient : (steps,) array
        Norm of the gradient of the state, of h or in an LSTM of h and c together, by steps back
        from the last one, over that at the last.
    rate : float
        Factor on it per step.
    cure : str
        The argument of the layer with which it would reach back over the whole sequence; empty
        where it does already, or where none would.
    """

    name: str
    kind: str
    units: int
    relative_gradient: Array
    rate: float
    cure: str

    @property
    def horizon(self) -> float:
        """Steps back within which the gradient keeps its size to a factor of 20."""
        return horizon_of(self.rate)

    @property
    def word(self) -> str:
        """``"vanishing"``, ``"exploding"`` or ``"healthy"``, over the sequence's length."""
        return verdict(float(self.relative_gradient[-1]))


@dataclass(frozen=True, eq=False, repr=False)
class TimePrediction:
    """What theory expects of a model with recurrent layers before training.

    Attributes
    ----------
    layers : tuple of LayerInTime
    steps : int
        Length of the sequences.
    notes : tuple of str
        Where theory does not apply, or only in part.
    measured : (layers, steps) array or None
        Norms measured in one pass, by steps back, where data were given.
    concerns : tuple of str
        What is wrong with data and output before the first step, and what to do about it.
    """

    layers: tuple[LayerInTime, ...]
    steps: int
    notes: tuple[str, ...]
    measured: Array | None = None
    concerns: tuple[str, ...] = ()

    @property
    def best(self) -> LayerInTime:
        """The layer that reaches farthest back: the network reaches as far as that one."""
        return max(self.layers, key=lambda layer: layer.horizon)

    @property
    def horizon(self) -> float:
        """How many steps back the network can learn before training has changed it."""
        return self.best.horizon

    @property
    def word(self) -> str:
        """``"vanishing"``, ``"exploding"`` or ``"healthy"``; a layer that explodes is enough."""
        words = {layer.word for layer in self.layers}
        return "exploding" if "exploding" in words else self.best.word

    @property
    def verdict(self) -> str:
        """What to expect and what to do, in a sentence or two."""
        told = self.best
        if self.word == "exploding":
            told = max(self.layers, key=lambda layer: layer.rate)
        back = self.steps - 1
        text = (
            f"{self.word} through time: {plural(back, 'step')} back {told.name!r} has "
            f"{number(told.relative_gradient[-1])} times the last step's gradient "
            f"({told.rate:.3f} a step); {_reach(told)}"
        )
        if not back:
            text = "nothing goes back through time: the sequences have one step"
        if self.concerns:
            text = f"first of all: {'; '.join(self.concerns)}. Beside that, {text}"
        return f"{text}. For all {self.steps} steps: {told.cure}." if told.cure else f"{text}."

    def to_dict(self) -> dict[str, Any]:
        """Return plain arrays, as the pictures take them."""
        return {
            "layers": np.array([layer.name for layer in self.layers]),
            "relative_gradient": np.array([layer.relative_gradient for layer in self.layers]),
            "rate": np.array([layer.rate for layer in self.layers]),
            "horizon": np.array([layer.horizon for layer in self.layers]),
            "measured": self.measured,
        }

    def plot(self) -> Figure:
        """Return a figure: the predicted gradient by steps back, over what was measured."""
        from nnscratch_plots import predicted_gradient_by_lag

        figure = predicted_gradient_by_lag([self.to_dict()]).figure
        assert figure is not None
        return figure.get_figure(root=True)

    def __repr__(self) -> str:
        known = [] if self.measured is None else ["measured"]
        back = f"{self.steps - 1} back"
        made = table_of("layer", ["units", "a step", "steps back", back, *known])
        for i, layer in enumerate(self.layers):
            row = [
                layer.name,
                f"{layer.units}",
                "-" if math.isnan(layer.rate) else f"{layer.rate:.3f}",
                steps_text(layer.horizon),
                f"{layer.relative_gradient[-1]:.1e}",
            ]
            if self.measured is not None:
                row.append(f"{self.measured[i, -1] / self.measured[i, 0]:.1e}")
            made.add_row(*row)
        return text_of(
            f"Prediction: {self.verdict}",
            made,
            "a step: factor on the norm of the state's gradient; steps back: within which it keeps "
            f"its size to a factor of 20; {back}: what is left of it at the first step",
            *(f"Note: {note}." for note in self.notes),
        )


def steps_text(horizon: float) -> str:
    """Return a number of steps with no more digits than the theory has."""
    return f"> {_FAR}" if horizon > _FAR else f"{horizon:.0f}"


def _reach(layer: LayerInTime) -> str:
    """Return how far back a layer can learn, in words."""
    if layer.horizon > _FAR:
        return f"little is lost over {_FAR} steps"
    steps = plural(round(max(1.0, layer.horizon)), "step")
    if layer.rate > 1:
        return f"after about {steps} it is 20 times as large"
    return f"before training it can learn about {steps} back"
