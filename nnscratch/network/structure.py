"""What a network is made of: nodes, and their layers' parameters, by name, in flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import check_dtype
from nnscratch.errors import (
    ConfigError,
    DataError,
    ShapeError,
    require_list,
    require_seed,
    shown,
    unknown_name,
)
from nnscratch.layers.base import Layer, Shape
from nnscratch.network.nodes import Layers, Node, Writer, input_of, shapes_of
from nnscratch.parameters import Parameters, Views, is_of, stays

_KEPT_SHAPES = 64


class Structure:
    """Nodes in topological order, each a call of a layer on the outputs of nodes before it.

    Parameters
    ----------
    write : callable
        Writes the nodes into a `Writer`. The last one gives the output.
    seed : int, SeedSequence or None
        Decides the initial weights and the noise of dropout and randomized slopes. Each layer has
        its own stream, so that changing one layer does not change the weights of another.
    dtype : float32 or float64

    Attributes
    ----------
    nodes : tuple of Node
    layers : mapping of Layer
        By the name of the node.
    params, grads, statistics : Parameters
        Every parameter ``"index.parameter"``, its gradient, and running statistics, each a view
        into one flat array.
    positions : int
        How many axes the input has between batch and features: what the first layer that needs
        some takes, else 0 (where any number will do).
    features_in, features_out : int or None
        The width of input and output; None where any will do.

    What others know the place of cannot be set: `params`, `grads`, `statistics` and `layers` stay.
    """

    params: Parameters = stays("params")
    grads: Parameters = stays("grads")
    statistics: Parameters = stays("statistics")
    layers: Mapping[str, Layer] = stays("layers")

    def __init__(
        self,
        write: Callable[[Writer], object],
        seed: int | np.random.SeedSequence | None,
        dtype: npt.DTypeLike,
    ) -> None:
        self.dtype = check_dtype(dtype)
        nodes: list[Node] = []
        write(Writer(nodes))
        self.nodes = tuple(nodes)
        if not self.nodes:
            raise ConfigError(f"{type(self).__name__} needs at least one layer, got none")
        self._check_uses()
        self.layers = Layers({node.name: node.layer for node in self.nodes})
        self.positions, self.features_in = input_of(self.nodes)
        self._shapes: dict[Shape, list[Shape]] = {}
        self.features_out = self.shapes()[-1][-1]
        self._owned = list({id(node.layer): node for node in reversed(self.nodes)}.values())[::-1]
        self.params = self._allocate("parameter_shapes")
        self.grads = self._allocate("parameter_shapes")
        self.statistics = self._allocate("statistic_shapes")
        self._own()
        self._bind(_seed_sequence(seed))

    def shapes(self, given: Shape | None = None) -> list[Shape]:
        """Return the shape that comes out of each node for an input of shape `given`."""
        key = (*[None] * (1 + self.positions), self.features_in) if given is None else given
        if not isinstance(key, tuple) or len(key) < 2 or not all(map(_is_size, key)):
            raise ShapeError(f"expected the shape (batch, ..., features), got {shown(given)}")
        if key not in self._shapes:
            if len(self._shapes) >= _KEPT_SHAPES:
                self._shapes.clear()
            self._shapes[key] = shapes_of(self.nodes, key)
        return self._shapes[key]

    def output_shape(self, given: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the output for an input of that shape."""
        output: Any = self._shapes.get(given) if isinstance(given, tuple) else None
        output = output or self.shapes(given)
        return tuple(output[-1])  # no size is left open

    def noise_state(self) -> list[dict[str, Any]]:
        """Return the state of every layer's source of noise."""
        return [dict(node.layer.noise.bit_generator.state) for node in self.nodes]

    def set_noise_state(self, states: list[dict[str, Any]]) -> None:
        """Put back what `noise_state` returned; `DataError`, and nothing is done, for others."""
        before = self.noise_state()
        try:
            for node, state in zip(self.nodes, states, strict=True):
                node.layer.noise.bit_generator.state = state
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            self.set_noise_state(before)
            raise DataError(f"that is no state of noise of this network: {error!r}") from error

    @property
    def owners(self) -> dict[str, str]:
        """By the name of a parameter, the name of the (first) node whose layer it belongs to."""
        return {name: layer.name for name, layer in self.params.owners.items()}

    # Frozen layers

    @property
    def frozen(self) -> tuple[str, ...]:
        """The names of the layers that `freeze` has frozen."""
        return tuple(node.name for node in self._owned if node.layer.frozen)

    def freeze(self, *names: str) -> None:
        """Have optimizers leave layers as they are: ``model.freeze("0.dense", "3")``.

        names : of layers, or of parts, ``"3"``: a block with all that is in it. None: all layers.

        The gradient goes through a frozen layer as before, and its own parameters' is recorded; the
        optimizer then sets it to 0, so that no clip counts it, and changes neither the parameters
        nor what it remembers of them. Batch norm that is frozen normalises with its running
        statistics, in training too, and leaves them alone (as in Keras). Raises `UnknownNameError`.
        """
        self._set_frozen(names, True)

    def unfreeze(self, *names: str) -> None:
        """Have optimizers change layers again: see `freeze`."""
        self._set_frozen(names, False)

    def _set_frozen(self, names: tuple[str, ...], frozen: bool) -> None:
        chosen = [] if names else self._owned
        for name in require_list("names of layers", names, str):
            own = [node for node in self.nodes if is_of(node.name, name)]
            if not own:
                raise unknown_name("layer", name, self.layers)
            chosen = [*chosen, *own]
        for node in chosen:
            node.layer.frozen = frozen

    # Making

    def _own(self) -> None:
        """Have the parameters know their layers, and take over whose turn it is with them."""
        self.turn = self.params.turn
        self.params.owners = {
            f"{node.key}.{key}": node.layer
            for node in self._owned
            for key in node.layer.parameter_shapes()
        }

    def _check_uses(self) -> None:
        used = {source for node in self.nodes for source in node.sources}
        for i, node in enumerate(self.nodes[:-1]):
            if i not in used:
                raise ConfigError(
                    f"nobody takes the output of {node.name!r}: the last node gives "
                    f"the network's output, every other one goes into a later one"
                )

    def _allocate(self, shapes: str) -> Parameters:
        """Return an array for each shape that the method `shapes` of the layers says."""
        named = {
            f"{node.key}.{name}": shape
            for node in self._owned
            for name, shape in getattr(node.layer, shapes)().items()
        }
        return Parameters(named, self.dtype)

    def _bind(self, seed: np.random.SeedSequence) -> None:
        weights, noise = (sequence.spawn(len(self._owned)) for sequence in seed.spawn(2))
        for i, node in enumerate(self._owned):
            layer, learned, measured = (
                node.layer,
                list(node.layer.parameter_shapes()),
                list(node.layer.statistic_shapes()),
            )

            def views(of: Parameters, names: list[str], key: str = node.key) -> Views:
                return of.part({name: f"{key}.{name}" for name in names})

            layer.bind(
                self.dtype,
                views(self.params, learned),
                views(self.grads, learned),
                views(self.statistics, measured),
                np.random.default_rng(noise[i]),
            )
            layer.reset(np.random.default_rng(weights[i]))


def _is_size(size: object) -> bool:
    return size is None or (isinstance(size, int | np.integer) and int(size) >= 0)


def _seed_sequence(seed: object) -> np.random.SeedSequence:
    if isinstance(seed, np.random.SeedSequence):  # spawning from the caller's would change it
        return np.random.SeedSequence(
            seed.entropy, spawn_key=seed.spawn_key, pool_size=seed.pool_size
        )
    if seed is not None:
        seed = require_seed("seed", seed)
    return np.random.SeedSequence(seed)
