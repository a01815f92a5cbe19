"""The passes through a network's nodes: forward, backward, and gradients summed at forks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Lock

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, as_array, fitted, rows
from nnscratch.backend import kernels
from nnscratch.errors import ConfigError, ShapeError, require_flag, require_name
from nnscratch.layers.batchnorm import STATISTICS
from nnscratch.network.nodes import INPUT, Pass, Writer
from nnscratch.network.structure import Structure
from nnscratch.sequences import (
    NOTHING,
    Given,
    States,
    Truncate,
    as_mask,
    as_states,
    factors_back,
    without_padding,
)
from nnscratch.turns import Turn
from nnscratch.workspace import Workspace, changes


class Graph(Structure):
    """The passes through a `Structure` (see there for the parameters), forward and backward.

    Attributes
    ----------
    sums : Workspace
        The gradients that come together where a tensor has several consumers.
    number, latest : int, Pass
        Of the latest pass.
    keep_gradients : bool
        Whether a training pass leaves the gradient of every layer's output behind for `last`. False
        to begin with: where they take more than 2 MiB, they take turns in less memory, and `last`
        has None in their place. Those of `trace` are all there.
    turn, fitting : Turn
        Who goes through the nodes or updates the parameters (`turn` is theirs), and who trains
        them: one thread at a time, others are refused.
    """

    def __init__(
        self,
        write: Callable[[Writer], object],
        seed: int | np.random.SeedSequence | None = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(write, seed, dtype)
        self.number = 0
        self.latest = Pass(np.empty((0, 0), self.dtype))
        self.keep_gradients = False
        self.sums = Workspace()
        self.fitting = Turn()
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
        given = self.given(x, mask, state, truncate)
        return self._pass(without_padding(x, given.mask), training, statistics, given)

    def _pass(self, x: Array, training: bool, statistics: str, given: Given) -> Array:
        """Go forward, and keep what came out as the latest pass."""
        with (mine := Lock()):
            self.turn.take(mine, self)
            return self._kept(x, training, statistics, given)

    def _kept(self, x: Array, training: bool, statistics: str, given: Given) -> Array:
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
        dlogits = self.latest.upstream[-1] if self.latest.upstream else None
        of_loss = dlogits is not None and dlogits.base is base
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
        """Go forward through the nodes, and return all that came out, for whoever has the turn.

        Without `into` the latest pass stays the latest one; its buffers are used all the same.
        """
        require_name("kind of statistics", statistics, STATISTICS)
        if 0 in getattr(x, "shape", ())[:-1]:
            what = "sequences are" if len(x) else "the batch is"
            raise ShapeError(f"{what} empty: input of shape {x.shape}")
        made = Pass(x) if into is None else into
        outputs, caches = made.outputs, made.caches
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
        accumulate = require_flag("backward accumulate", accumulate)
        with (mine := Lock()):
            self.turn.take(mine, self)
            kept = self.left() if accumulate else 0.0
            made = self.back(dlogits, accumulate, input_gradient)
            self.went_back(kept)
            return made

    def left(self) -> float:
        """Return the norm of what `grads` hold, 0 where nobody asks: for recorders."""
        return 0.0

    def went_back(self, kept: float) -> None:
        """Note a pass back, and the norm of the gradients that it was added to: for recorders."""

    def back(
        self, dlogits: Array, accumulate: bool = False, input_gradient: bool = False
    ) -> Array | None:
        """Do what `backward` does for whoever has the turn."""
        if not self.is_complete:
            raise ConfigError("backward needs a forward pass first: call model.forward(x)")
        output = self.output
        if not isinstance(dlogits, np.ndarray) or dlogits.shape != output.shape:
            raise ShapeError(
                f"dlogits must have the shape of the output, {output.shape}, "
                f"got {getattr(dlogits, 'shape', type(dlogits).__name__)}"
            )
        if any(dy is None for dy in self.latest.upstream):
            self.latest = replace(self.latest)  # what was captured stays as it is
        latest, nodes = self.latest, self.nodes
        arriving: list[Array | None] = [None] * len(nodes)
        dlogits = self.apart(as_array(dlogits, "dlogits"))
        arriving[-1] = np.ascontiguousarray(fitted(dlogits, self.dtype, "dlogits"))
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
        latest.upstream = arriving
        latest.downstream = downstream[::-1]
        return of_input

    def whole(self) -> Pass:
        """Return the latest pass with all its gradients, for whoever has the turn.

        Those whose memory was used again are made again, layer by layer: before the weights change.
        """
        latest = self.latest
        if any(dy is None for dy in latest.upstream):
            dlogits = latest.upstream[-1]
            assert dlogits is not None  # has a place of its own
            self.back(dlogits)
        return self.latest

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

    @property
    def nbytes(self) -> int:
        """Bytes of parameters, gradients, statistics and reused buffers."""
        arrays = self.params.flat.nbytes + self.grads.flat.nbytes + self.statistics.flat.nbytes
        return arrays + self.sums.nbytes + sum(node.workspace.nbytes for node in self.nodes)
