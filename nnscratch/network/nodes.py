"""The nodes of a network: each one call of a layer, and what a pass leaves behind of it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from nnscratch.arrays import Array
from nnscratch.display import Brief
from nnscratch.errors import ConfigError, DtypeError, ShapeError, require_name, shown
from nnscratch.layers.base import Layer, Shape
from nnscratch.sequences import NOTHING, Given
from nnscratch.workspace import Workspace
from nnscratch_records import ROLES

LossFunction = Callable[..., tuple[float, Array]]
"""``value, doutput = loss(output, labels)``, or with the examples' weights behind."""

_OPTIONS = {"statistics", *Given._fields}
INPUT = -1  # the source of a node that takes the network's input


class Node:
    """One call of a layer: where its inputs come from, and buffers of its own.

    A layer may stand in several nodes, which then share its parameters (tied weights).

    Attributes
    ----------
    name : str
        ``"2.elu"``; inside the block at index 3 ``"3.1.dense"``.
    layer : Layer
    sources : tuple of int
        The nodes whose outputs it takes, by index; `INPUT` is the network's input.
    key : str
        What the names of its parameters begin with: ``"2"``, ``"3.1"``.
    block : str
        ``"3"`` inside the block at index 3, ``"3.1"`` in a block inside that, else empty.
    workspace : Workspace
        The layer's buffers in this call.
    tied : bool
        Whether the layer stands in other nodes too.
    adds_gradient : bool
        Whether a later node has written to the layer's gradients when a backward pass comes here.
    """

    def __init__(
        self, name: str, key: str, layer: Layer, sources: tuple[int, ...], block: str
    ) -> None:
        self.name, self.key, self.block = name, key, block
        self.layer, self.sources = layer, sources
        self.workspace = layer.workspace
        self.tied = self.adds_gradient = False
        # What its layer's forward is told beside the input: statistics, mask, through, state.
        self.takes = set(inspect.signature(layer.forward).parameters) & _OPTIONS

    @classmethod
    def of(cls, layer: Layer) -> Node:
        """Return the node of a layer that is used by itself."""
        return cls(layer.name, layer.name, layer, (INPUT,), "")

    def tie(self, later: bool) -> None:
        """Note that the layer stands in other nodes, `later` in one that comes after this one."""
        if not self.tied:
            self.workspace = Workspace()
        self.tied = True
        self.adds_gradient |= later

    def forward(
        self, inputs: Sequence[Array], training: bool, statistics: str, given: Given = NOTHING
    ) -> Any:
        """Return the layer's output and cache for `inputs`."""
        if self.tied:
            self.layer.__dict__["workspace"] = self.workspace
        forward: Callable[..., Any] = self.layer.forward
        if not self.takes:
            return forward(*inputs, training)
        state = None if given.state is None else given.state.get(self.name)
        options = {**given._asdict(), "statistics": statistics, "state": state}
        return forward(*inputs, training, **{name: options[name] for name in self.takes})

    def backward(
        self,
        dy: Array,
        inputs: Sequence[Array],
        cache: Any,
        accumulate: bool,
        input_gradient: bool,
    ) -> tuple[Array | None, ...]:
        """Return the gradients with respect to the inputs, fit to be handed down.

        Raises `ShapeError` or `DtypeError` for what the layer must not return: kernels would read
        beyond its end. None is only for the network's input.
        """
        if self.tied:
            self.layer.__dict__["workspace"] = self.workspace
        dx = self.layer.backward(dy, cache, accumulate or self.adds_gradient, input_gradient)
        handed = dx if len(self.sources) > 1 else (dx,)
        if not isinstance(handed, tuple) or len(handed) != len(self.sources):
            raise ShapeError(
                f"backward of layer {self.name!r} must return a tuple of {len(self.sources)} "
                f"gradients, one for each input, got {_called(handed)}"
            )
        return tuple(map(self._checked, self.sources, inputs, handed))

    def _checked(self, source: int, x: Array, dx: Array | None) -> Array | None:
        if dx is None and source == INPUT:
            return None
        if not isinstance(dx, np.ndarray) or dx.shape != np.shape(x):
            raise ShapeError(
                f"backward of layer {self.name!r} must return the gradient of its input, an array "
                f"of shape {np.shape(x)}, got {_called(dx)}"
            )
        if dx.dtype != self.layer.dtype:
            raise DtypeError(
                f"backward of layer {self.name!r} must return {self.layer.dtype}, got {dx.dtype}; "
                f"convert with dx.astype(dy.dtype)"
            )
        return np.ascontiguousarray(dx)

    def __repr__(self) -> str:
        return f"{self.name}: {self.layer!r}"


def _called(returned: object) -> str:
    if isinstance(returned, tuple):
        return f"a tuple of {len(returned)}"
    return f"shape {returned.shape}" if isinstance(returned, np.ndarray) else repr(returned)[:80]


class Layers(Mapping[str, Layer]):
    """The layers of a network by the names of its nodes, as it was made: none is exchanged."""

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        self._layers = dict(layers)

    def __getitem__(self, name: str) -> Layer:
        require_name("layer", name, self._layers)
        return self._layers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def __repr__(self) -> str:
        return repr(self._layers)

    def __setitem__(self, name: str, layer: Layer) -> None:
        raise ConfigError(
            f"the layers of a network are its own: layers[{name!r}] = {layer!r} would change none "
            f"of its nodes; make a network with it, nn.Sequential(...), or see nn.remake"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Layers:
        return Layers({name: copy.deepcopy(layer, memo) for name, layer in self.items()})


class Block(Protocol):
    """What only writes nodes, such as `Residual`."""

    def write(self, writer: Writer, source: int) -> int:
        """Write the nodes that take the output of `source`; return the one that gives the output.

        Layers go into `writer.put`, which names them.
        """
        ...


class Writer:
    """Where layers and blocks write their nodes.

    Attributes
    ----------
    nodes : list of Node
        In topological order: a node comes after its sources.
    """

    def __init__(self, nodes: list[Node], block: str = "") -> None:
        self.nodes, self.block = nodes, block
        self._count = 0

    def put(self, part: Layer | Block, *sources: int) -> int:
        """Write a numbered layer, or what a block writes; return the node that gives the output."""
        index = f"{self.block}{'.' * bool(self.block)}{self._count}"
        self._count += 1
        if isinstance(part, Layer):
            return self._write(f"{index}.{part.kind}", index, part, sources)
        if isinstance(part, type) or not callable(getattr(part, "write", None)):
            raise ConfigError(
                f"layer {index} must be a Layer, or a block that writes nodes as nn.Residual does, "
                f"got {shown(part)}"
            )
        made = part.write(Writer(self.nodes, index), *sources)
        if made not in range(INPUT, len(self.nodes)):
            raise ConfigError(
                f"write of block {index} ({part!r}) must return what put returned for the layer "
                f"that gives its output, got {shown(made)}"
            )
        return made

    def put_own(self, layer: Layer, *sources: int) -> int:
        """Write a layer that is the block's own, such as its sum: ``"3.sum"``. One of each kind."""
        name = f"{self.block}{'.' * bool(self.block)}{layer.kind}"
        return self._write(name, name, layer, sources)

    def _write(self, name: str, key: str, layer: Layer, sources: tuple[int, ...]) -> int:
        if layer.role not in ROLES:
            raise ConfigError(
                f"layer {name!r} says that its role is {layer.role!r}; "
                f"expected one of {', '.join(ROLES)}: set role in class {type(layer).__name__}"
            )
        if "workspace" not in layer.__dict__:
            raise ConfigError(
                f"layer {name!r} was not begun: the __init__ of class {type(layer).__name__} must "
                f"call super().__init__()"
            )
        if layer.dtype is not None:
            raise ConfigError(
                f"layer {name!r} ({layer!r}) is in use already, in another model or by itself; "
                f"make a new instance"
            )
        if any(other.name == name for other in self.nodes):
            raise ConfigError(
                f"two layers would be called {name!r}: a block writes one of a kind with put_own, "
                f"others with put, which numbers them"
            )
        node = Node(name, key, layer, sources, self.block)
        twins = [other for other in self.nodes if other.layer is layer]
        for other in twins:
            other.tie(later=True)
        if twins:
            node.tie(later=False)
        else:
            layer.name = name  # errors about what does not fit say it
        self.nodes.append(node)
        return len(self.nodes) - 1


@dataclass(repr=False)
class Pass(Brief):
    """Everything that one pass computed, a row for each node.

    Attributes
    ----------
    x : array
        The input.
    outputs, caches : list
        As far as the forward pass came.
    upstream : list of array or None
        The gradient that arrives at each node's output; empty before the backward pass. None where
        its memory was used again in the pass (see `Network.keep_gradients`).
    downstream : list of tuple
        The gradients that each node hands down, by source; None where nobody needed one, and as
        above.
    """

    x: Array
    outputs: list[Array] = field(default_factory=list)
    caches: list[Any] = field(default_factory=list)
    upstream: list[Array | None] = field(default_factory=list)
    downstream: list[tuple[Array | None, ...]] = field(default_factory=list)

    def inputs(self, node: Node) -> list[Array]:
        """Return what went into a node."""
        return [self.x if source == INPUT else self.outputs[source] for source in node.sources]

    def arriving(self, i: int) -> Array:
        """Return the gradient that arrives at the output of node `i` of a pass that kept it."""
        dy = self.upstream[i]
        assert dy is not None
        return dy


def shapes_of(nodes: Sequence[Node], given: Shape) -> list[Shape]:
    """Return the shapes that come out of the nodes when `given` goes in.

    Sizes that are not known before there is data are None. Raises `ShapeError` where two
    neighbours do not fit.
    """
    shapes: list[Shape] = []
    for node in nodes:
        taken = [given if source == INPUT else shapes[source] for source in node.sources]
        expected = node.layer.input_features()
        for source, shape in zip(node.sources, taken, strict=True):
            if expected is not None and shape[-1] not in (None, expected):
                giver = "the input" if source == INPUT else nodes[source].name
                raise ShapeError(
                    f"layer {node.name!r} expects {expected} features, but {giver!r} gives "
                    f"{shape[-1]}"
                )
        if expected is not None:
            taken = [(*shape[:-1], expected) for shape in taken]
        shapes.append(node.layer.output_shape(*taken))
    return shapes


def input_of(nodes: Sequence[Node]) -> tuple[int, int | None]:
    """Return how many positions and features the network's input has: what the first layer says
    that expects some. No positions where nobody says, None for features.
    """
    said = [node.layer.positions for node in nodes if node.layer.positions is not None]
    positions = said[0] if said else 0
    leading = (None,) * (1 + positions)
    shapes = shapes_of(nodes, (*leading, None))
    for node in nodes:
        expected = node.layer.input_features()
        source = node.sources[0]
        if expected is not None and (source == INPUT or shapes[source][-1] is None):
            # Layers between may make another width of any: then nobody says.
            below = shapes_of(nodes[: source + 1], (*leading, expected)) if source != INPUT else []
            return positions, expected if not below or below[-1][-1] == expected else None
        if source != INPUT and shapes[source][-1] is not None:
            break  # a layer below makes its own width of any
    return positions, None


def require_loss(what: str, loss: object) -> None:
    """Raise `ConfigError` unless `loss` can be called as a loss is."""
    if not callable(loss) or isinstance(loss, type) or is_of_torch(loss):
        raise ConfigError(f"{what} must be a loss such as SoftmaxCrossEntropy(), got {shown(loss)}")


def value_of(
    loss: LossFunction, output: Array, labels: Array, *weights: Array
) -> tuple[float, Array]:
    """Return the value of a loss and its gradient; `ConfigError` unless it has both."""
    found = loss(output, labels, *weights)
    try:
        value, doutput = found
        return float(value), doutput
    except (TypeError, ValueError):
        raise ConfigError(
            f"{loss!r} must return its value, a number, and the gradient of the output, "
            f"got {shown(found)}"
        ) from None


def is_of_torch(thing: object) -> bool:
    """Whether something is a module of PyTorch, which is not imported for that."""
    return any(kind.__module__ == "torch.nn.modules.module" for kind in type(thing).__mro__)
