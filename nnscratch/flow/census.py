"""The census: which units of a network live, are dead or saturated on a fixed probe batch."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, as_numbers, rows
from nnscratch.errors import ShapeError
from nnscratch.layers.base import Layer
from nnscratch.network.network import Network
from nnscratch_records import STATES

ALIVE, DEAD, SATURATED_LOW, SATURATED_HIGH = range(len(STATES))


class Unit(Protocol):
    """What is known of the units of a layer."""

    @property
    def saturation(self) -> tuple[float, float]:
        """Outputs at or beyond these are saturated; NaN: no such end."""

    @property
    def rectifies(self) -> bool:
        """Whether a unit is dead that is 0 or less for every example."""


def is_activation(layer: Layer) -> bool:
    """Whether the census counts the layer's units."""
    return layer.role == "activation"


def unit_states(layer: Unit, y: Array) -> Array:
    """Return a code for each unit, from its outputs `y` (examples, units).

    1, dead: of the ReLU family, when no example makes it positive; of any, when its output is the
    same for all examples and not saturated. 2 and 3, saturated: every example lies at the low or
    high end (`Layer.saturation`). 0: alive.
    """
    least, most = y.min(axis=0), y.max(axis=0)
    states = np.zeros(y.shape[1], np.uint8)
    if layer.rectifies:
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

    def __init__(self, model: Network, layers: tuple[str, ...], probe: npt.ArrayLike) -> None:
        self.model = model
        self.layers = layers
        self.probe = np.ascontiguousarray(as_numbers(probe, model.dtype, "GradientFlow probe"))
        if self.probe.ndim < 2 or len(self.probe) < 2:
            raise ShapeError(
                f"GradientFlow probe must have shape (examples, features) with 2 examples or more, "
                f"got {self.probe.shape}"
            )
        if model.features_in not in (None, self.probe.shape[-1]):
            raise ShapeError(
                f"GradientFlow probe has {self.probe.shape[-1]} features, "
                f"the model expects {model.features_in}"
            )

    def take(self) -> Array:
        """Return the codes of all units, layer after layer, for whoever has the model's turn."""
        layers = self.model.layers
        states = [unit_states(layers[name], rows(y)) for name, y in self._outputs(self.layers)]
        return np.concatenate(states) if states else np.zeros(0, np.uint8)

    def widths(self) -> dict[str, int]:
        """Return the width of every layer's output, as the probe finds it; see `take`."""
        return {name: y.shape[-1] for name, y in self._outputs(self.model.layers)}

    def _outputs(self, layers: Collection[str]) -> list[tuple[str, Array]]:
        looked = self.model.run(self.probe, training=False, statistics="batch")
        nodes = zip(self.model.nodes, looked.outputs, strict=True)
        return [(node.name, y) for node, y in nodes if node.name in layers]
