"""A network as nodes in topological order: parameters by name, and the passes through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, as_array, check_dtype, rows
from nnscratch.backend import kernels
from nnscratch.errors import ConfigError, ShapeError, require_count, unknown_name
from nnscratch.layers.base import Layer, Shape
from nnscratch.layers.batchnorm import STATISTICS
from nnscratch.nodes import INPUT, Layers, Node, Pass, Writer, input_of, shapes_of
from nnscratch.parameters import Parameters, Views, is_of, stays
from nnscratch.sequences import NOTHING, Given, States, Truncate, as_mask, as_states, factors_back
from nnscratch.turns import Turn
from nnscratch.workspace import Workspace, changes

_KEPT_SHAPES = 64


class Graph:
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
    nodes : list of Node
    layers : dict of Layer
        By the name of the node.
    params, grads, statistics : Parameters
        Every parameter ``"index.parameter"``, its gradient, and running statistics, each a view
        into one flat array.
    sums : Workspace
        The gradients that come together where a tensor has several consumers.
    number, latest : int, Pass
        Of the latest pass.
    turn, fitting : Turn
        Who goes through the nodes, and who trains them: one thread at a time, others are refused.
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
    layers: dict[str, Layer] = stays("layers")

    def __init__(
        self,
        write: Callable[[Writer], object],
        seed: int | np.random.SeedSequence | None = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.dtype = check_dtype(dtype)
        self.nodes: list[Node] = []
        write(Writer(self.nodes))
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
        self.number = 0
        self.latest = Pass(np.empty((0, 0), self.dtype))
        self.sums = Workspace()
        self.turn, self.fitting = Turn(), Turn()
        self._memories: set[int] = set()
        self._seen_change = -1

    # Passes

    def forward(
        self,
        x: Array,
        training: bool = False,
        statistics: str = "running",
        *,
        mask: npt.ArrayLike | None = None,
        state: States | None = None,
        truncate: Truncate = None,
    ) -> Array:
        """Return the output for the batch `x`, shape ``(batch, *positions, features)``.

        training : True normalises by the batch, updates running statistics and draws noise.
        statistics : ``"running"``, ``"initial"`` or ``"batch"``: what batch norm normalises with
            when not training (see `BatchNorm`).
        mask : booleans, shape (batch, time), True where a sequence has a step. Over others the
            state of a recurrent layer is carried, and their inputs get no gradient from it.
        state : what recurrent layers begin with, as `state` returned it; a layer that is not in it
            begins as it was made to.
        truncate : see `training_pass`.

        The array returned is reused by the next pass. Raises `ShapeError` or `DtypeError` naming
        the layer, the shape it got and the one it expects.
        """
        return self._pass(x, training, statistics, self.given(x, mask, state, truncate))

    def _pass(self, x: Array, training: bool, statistics: str, given: Given) -> Array:
        """Go forward, and keep what came out as the latest pass."""
        if self.turn.lock.locked():
            raise self.turn.taken(self)
        self.number += 1
        x = self.apart(x)
        self.latest = Pass(x)
        return self.run(x, training, statistics, self.latest, given).outputs[-1]

    __call__ = forward

    def apart(self, array: Array) -> Array:
        """Return `array`, or a copy of what an earlier pass returned, as the next writes to it."""
        base = getattr(array, "base", None)
        if base is None:
            return array
        if self._seen_change != changes.number:
            spaces = [self.sums, *(node.workspace for node in self.nodes)]
            filled = [memory for space in spaces for memory in space.memories()]
            filled += [self.grads.memory.base, self.statistics.memory.base]
            self._memories = set(map(id, filled))
            self._seen_change = changes.number
        of_loss = self.latest.upstream and self.latest.upstream[-1].base is base
        return array.copy() if of_loss or id(base) in self._memories else array

    def given(
        self,
        x: Array,
        mask: npt.ArrayLike | None = None,
        state: States | None = None,
        truncate: Truncate = None,
    ) -> Given:
        """Return what is given to the layers beside `x`, checked."""
        if mask is None and state is None and truncate is None:
            return NOTHING
        for name, value in (("mask", mask), ("state", state), ("truncate", truncate)):
            takes = "through" if name == "truncate" else name
            if value is not None and not any(takes in node.takes for node in self.nodes):
                raise ConfigError(f"no layer of the model takes a {name}: none goes through time")
        takers = {name: layer.state_shapes() for name, layer in self.layers.items()}
        shape = np.shape(x)
        steps = shape[1] if len(shape) > 2 else 1
        return Given(
            None if mask is None else as_mask(mask, shape, self.dtype),
            None if truncate is None else factors_back(truncate, steps, self.dtype),
            None if state is None else as_states(state, takers, shape[0], self.dtype),
        )

    def state(self) -> dict[str, dict[str, Array]]:
        """Return the states in which the latest pass ended, by recurrent layer: copies.

        ``model.forward(x, state=model.state())`` goes on from there. No gradient does.
        """
        _ = self.output  # raises before the first pass
        return {
            node.name: node.layer.ends(cache)
            for node, cache in zip(self.nodes, self.latest.caches, strict=True)
            if "state" in node.takes
        }

    def run(
        self,
        x: Array,
        training: bool,
        statistics: str = "running",
        into: Pass | None = None,
        given: Given = NOTHING,
    ) -> Pass:
        """Go forward through the nodes, and return all that came out: see `forward`.

        Without `into` the latest pass stays the latest one; its buffers are used all the same.
        """
        if statistics not in STATISTICS:
            raise unknown_name("kind of statistics", statistics, STATISTICS)
        if 0 in getattr(x, "shape", ())[:-1]:
            what = "sequences are" if len(x) else "the batch is"
            raise ShapeError(f"{what} empty: input of shape {x.shape}")
        made = Pass(x) if into is None else into
        outputs, caches = made.outputs, made.caches
        if self.turn.lock.locked():
            raise self.turn.taken(self)
        with self.turn.lock:
            for node in self.nodes:
                y, cache = node.forward(made.inputs(node), training, statistics, given)
                outputs.append(y)
                caches.append(cache)
        return made

    def backward(
        self, dlogits: Array, accumulate: bool = False, input_gradient: bool = False
    ) -> Array | None:
        """Carry the gradient of the loss back through every node and fill `grads`.

        Where a tensor went to several nodes, the gradients that they hand down are added up.

        dlogits : gradient with respect to the output of the latest `forward`.
        accumulate : add to `grads` instead of replacing what they hold.
        input_gradient : also compute, and return, the gradient with respect to the input.
        """
        if not self.is_complete:
            raise ConfigError("backward needs a forward pass first: call model.forward(x)")
        output = self.output
        if not isinstance(dlogits, np.ndarray) or dlogits.shape != output.shape:
            raise ShapeError(
                f"dlogits must have the shape of the output, {output.shape}, "
                f"got {getattr(dlogits, 'shape', type(dlogits).__name__)}"
            )
        if self.turn.lock.locked():
            raise self.turn.taken(self)
        with self.turn.lock:
            return self._backward(dlogits, accumulate, input_gradient)

    def _backward(self, dlogits: Array, accumulate: bool, input_gradient: bool) -> Array | None:
        latest, nodes = self.latest, self.nodes
        arriving: list[Array | None] = [None] * len(nodes)
        dlogits = self.apart(as_array(dlogits, "dlogits"))
        arriving[-1] = np.ascontiguousarray(dlogits, dtype=self.dtype)
        downstream: list[tuple[Array | None, ...]] = []
        of_input: Array | None = None
        for i in range(len(nodes) - 1, -1, -1):
            node, dy = nodes[i], arriving[i]
            assert dy is not None  # every node has a reader, and gets an array from it
            wanted = input_gradient or node.sources != (INPUT,)
            handed = node.backward(dy, latest.inputs(node), latest.caches[i], accumulate, wanted)
            for source, dx in zip(node.sources, handed, strict=True):
                if source != INPUT:
                    arriving[source] = self._sum(source, arriving[source], dx)
                elif input_gradient:
                    of_input = self._sum(source, of_input, dx)
            downstream.append(handed)
        latest.upstream = arriving  # type: ignore[assignment]
        latest.downstream = downstream[::-1]
        return of_input

    def _sum(self, source: int, total: Array | None, dx: Array | None) -> Array | None:
        """Return the gradient of a tensor, as far as its consumers have handed it down."""
        if total is None or dx is None:
            return dx if total is None else total
        y = self.sums.get(f"{source}", dx.shape, self.dtype)
        if y is total:  # a third consumer
            y = self.sums.get(f"{source}+", dx.shape, self.dtype)
        kernels.add_scaled(rows(y), rows(total), rows(dx), 1.0)
        return y

    @property
    def output(self) -> Array:
        """What the latest forward pass returned."""
        if not self.is_complete:
            raise ConfigError("the model has made no pass yet: call model.forward(x)")
        return self.latest.outputs[-1]

    @property
    def is_complete(self) -> bool:
        """Whether the latest forward pass reached the end: a refused input leaves it half done."""
        return len(self.latest.caches) == len(self.nodes)

    # What it is

    def shapes(self, given: Shape | None = None) -> list[Shape]:
        """Return the shape that comes out of each node for an input of shape `given`."""
        key = (*[None] * (1 + self.positions), self.features_in) if given is None else given
        if key not in self._shapes:
            if len(self._shapes) >= _KEPT_SHAPES:
                self._shapes.clear()
            self._shapes[key] = shapes_of(self.nodes, key)
        return self._shapes[key]

    def output_shape(self, given: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the output for an input of that shape."""
        output: Any = self._shapes.get(given) or self.shapes(given)
        return tuple(output[-1])  # no size is left open

    def chain(self, purpose: str) -> dict[str, Layer]:
        """Return the layers of a network without branches; `ConfigError` for any other.

        purpose : who needs that, for the message: ``"theory"``
        """
        for i, node in enumerate(self.nodes):
            if node.sources != (i - 1,) or node.tied:
                what = "shares its weights with another" if node.tied else "begins or ends a branch"
                raise ConfigError(
                    f"{purpose} can follow layers in a row only, and {node.name!r} {what}"
                )
        return self.layers

    @property
    def nbytes(self) -> int:
        """Bytes of parameters, gradients, statistics and reused buffers."""
        arrays = self.params.flat.nbytes + self.grads.flat.nbytes + self.statistics.flat.nbytes
        return arrays + self.sums.nbytes + sum(node.workspace.nbytes for node in self.nodes)

    def noise_state(self) -> list[dict[str, Any]]:
        """Return the state of every layer's source of noise."""
        return [dict(node.layer.noise.bit_generator.state) for node in self.nodes]

    def set_noise_state(self, states: list[dict[str, Any]]) -> None:
        """Put back what `noise_state` returned."""
        for node, state in zip(self.nodes, states, strict=True):
            node.layer.noise.bit_generator.state = state

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
        for name in names:
            own = [node for node in self.nodes if is_of(node.name, name)]
            if not own:
                raise unknown_name("layer", name, self.layers)
            chosen = [*chosen, *own]
        for node in chosen:
            node.layer.frozen = frozen

    # Making

    def _own(self) -> None:
        """Have the parameters know their layers."""
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

            layer.name = node.name
            layer.bind(
                self.dtype,
                views(self.params, learned),
                views(self.grads, learned),
                views(self.statistics, measured),
                np.random.default_rng(noise[i]),
            )
            layer.reset(np.random.default_rng(weights[i]))


def _seed_sequence(seed: object) -> np.random.SeedSequence:
    if isinstance(seed, np.random.SeedSequence):  # spawning from the caller's would change it
        return np.random.SeedSequence(
            seed.entropy, spawn_key=seed.spawn_key, pool_size=seed.pool_size
        )
    if seed is not None:
        seed = require_count("seed", seed, least=0)
    return np.random.SeedSequence(seed)
