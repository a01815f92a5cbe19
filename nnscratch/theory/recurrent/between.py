"""What stands between recurrent layers, as theory sees it: units over time, and their products.

A wide layer tells the next one no more than ``E h_t h_s`` over its units. Where more than that is
asked (the norm of a step, an activation, a sum around a layer), units are drawn.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError
from nnscratch.layers import Dense, Dropout, Identity, Layer, LayerNorm, RMSNorm, Softmax
from nnscratch.layers.joins import Concatenate, Sum
from nnscratch.network.nodes import Node
from nnscratch.theory.nonlinearity import nonlinearity
from nnscratch.theory.recurrent.cells import UNITS
from nnscratch.theory.weights import dense_parameters, is_fresh_norm


@dataclass(frozen=True, eq=False)
class Signal:
    """What comes out of a node at every step of time.

    Attributes
    ----------
    products : (time, time) array
        ``E h_t h_s`` over features.
    units : (time, units) array, or None where none were drawn
    """

    products: Array
    units: Array | None = None

    @classmethod
    def of(cls, units: Array) -> Signal:
        """Return the signal of units that were drawn."""
        return cls(units @ units.T / units.shape[1], units)

    def turned(self) -> Signal:
        """Return it from the last step to the first."""
        return Signal(self.products[::-1, ::-1], None if self.units is None else self.units[::-1])

    def latest(self, steps: int) -> Signal:
        """Return it over its last so many steps, without units."""
        return Signal(self.products[-steps:, -steps:])

    def drawn(self, rng: np.random.Generator) -> Array:
        """Return its units; where none were drawn, of a Gaussian process with its products."""
        return _gaussian(self.products, rng) if self.units is None else self.units


def _gaussian(products: Array, rng: np.random.Generator) -> Array:
    values, vectors = np.linalg.eigh(products)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn: Array = root @ rng.standard_normal((len(products), UNITS))
    return drawn


def through(node: Node, given: list[Signal], seed: int, notes: list[str]) -> Signal:
    """Return what `node`, which is no recurrent layer, makes of what is given to it.

    seed : of what is drawn, another one for each node
    notes : where what is to be said of its weights is added

    Raises `ConfigError`, naming the layer, for one that theory does not know there.
    """
    layer, rng = node.layer, np.random.default_rng(seed)
    if isinstance(layer, Dropout | Identity):  # Branch and Skip are kinds of Identity
        return given[0]
    if isinstance(layer, Sum):
        branch, skip = (signal.drawn(rng) for signal in given)
        return Signal.of(skip + layer.scale * branch)
    if isinstance(layer, Concatenate):
        there, back = (signal.drawn(rng)[:, : UNITS // 2] for signal in given)
        return Signal.of(np.concatenate([there, back], axis=1))
    if isinstance(layer, Dense):
        variance, sb2, _ = dense_parameters(node.name, layer, notes)
        return Signal(layer.n_in * variance * given[0].products + sb2)
    units = given[0].drawn(rng)
    if isinstance(layer, LayerNorm | RMSNorm):
        if not is_fresh_norm(layer):
            notes.append(f"{node.name}: its gain or shift is no longer 1 or 0; theory uses 1 and 0")
        if isinstance(layer, LayerNorm):
            units = units - units.mean(axis=1, keepdims=True)
        squares = np.mean(units * units, axis=1, keepdims=True)
        return Signal.of(units / np.sqrt(squares + layer.epsilon))
    return Signal.of(_activation(node.name, layer, units))


def _activation(name: str, layer: Layer, units: Array) -> Array:
    with contextlib.suppress(ConfigError):
        if not isinstance(layer, Softmax):  # every one of its outputs depends on all its inputs
            return nonlinearity(layer).value(units)
    raise ConfigError(
        f"theory through time cannot follow layer {name!r} ({layer!r}) between recurrent layers: "
        f"it knows Dense, Residual, Bidirectional, LayerNorm, RMSNorm, Dropout, Identity and "
        f"activation functions there; nn.GradientFlow(model) measures the gradient of any network"
    )
