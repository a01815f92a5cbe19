"""The census: which units of a network live, are dead or saturated on a fixed probe batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array
from nnscratch.errors import ShapeError
from nnscratch.layers.activations import Activation
from nnscratch.layers.base import Layer
from nnscratch.layers.rectifiers import LeakyReLU, PReLU, ReLU
from nnscratch.layers.rrelu import RReLU

if TYPE_CHECKING:
    from nnscratch.model import Sequential

ALIVE, DEAD, SATURATED_LOW, SATURATED_HIGH = range(4)

_ONE_SIDED = (ReLU, LeakyReLU, PReLU, RReLU)


def is_activation(layer: Layer) -> bool:
    """Whether the census counts the layer's units."""
    return isinstance(layer, (Activation, *_ONE_SIDED))


def unit_states(layer: Layer, y: Array) -> Array:
    """Return a code for each unit, from its outputs `y` (examples, units).

    1, dead: of the ReLU family, when no example makes it positive; of any, when its output is the
    same for all examples and not saturated. 2 and 3, saturated: every example lies at the low or
    high end (`Layer.saturation`). 0: alive.
    """
    least, most = y.min(axis=0), y.max(axis=0)
    states = np.zeros(y.shape[1], np.uint8)
    if isinstance(layer, _ONE_SIDED):
        states[most <= 0] = DEAD
        return states
    low, high = layer.saturation
    states[most - least <= 1e-6 * np.maximum(np.abs(least), np.abs(most))] = DEAD
    states[most <= low] = SATURATED_LOW
    states[least >= high] = SATURATED_HIGH
    return states


class Census:
    """Counts the units of `layers` on `probe`, shape (examples, features).

    Batch norm normalises by the probe's own statistics; noise is off. Raises `ShapeError` or
    `DtypeError` if the probe does not fit the model.
    """

    def __init__(self, model: Sequential, layers: tuple[str, ...], probe: npt.ArrayLike) -> None:
        self.model = model
        self.layers = layers
        self.probe = np.ascontiguousarray(probe, dtype=model.dtype)
        if self.probe.ndim != 2 or len(self.probe) < 2:
            raise ShapeError(
                f"GradientFlow probe must have shape (examples, features) with 2 examples or more, "
                f"got {self.probe.shape}"
            )
        if model.features_in not in (None, self.probe.shape[1]):
            raise ShapeError(
                f"GradientFlow probe has {self.probe.shape[1]} features, "
                f"the model expects {model.features_in}"
            )

    def take(self) -> Array:
        """Return the codes of all units, layer after layer."""
        states = []
        x = self.probe
        for name, layer in self.model.layers.items():
            if layer.has_statistics:
                x, _ = layer.forward(x, False, "batch")  # type: ignore[call-arg]
            else:
                x, _ = layer.forward(x, False)
            if name in self.layers:
                states.append(unit_states(layer, x))
        return np.concatenate(states) if states else np.zeros(0, np.uint8)
