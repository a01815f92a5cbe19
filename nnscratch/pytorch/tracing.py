"""A module's forward as parts in a row: what `torch.fx` sees of it; ``x + f(x)`` is a block."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from nnscratch import layers
from nnscratch.blocks import Residual
from nnscratch.errors import ConfigError
from nnscratch.pytorch.recurrent import Turned

_ALL = slice(None)
_SUMS = (operator.add, operator.iadd, torch.add)
_PRODUCTS = (operator.mul, operator.imul, torch.mul)
_SAME = ("contiguous", "clone")  # what changes no number
_RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)
# Activations that are called as functions, by the name of the module without its underscores.
_NAMES = (
    *("ReLU", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Mish", "Softplus", "Softsign"),
    *("Sigmoid", "Tanh", "Hardtanh", "Hardsigmoid", "Softmax", "Dropout"),
)
_FUNCTIONS = {name.lower(): getattr(nn, name) for name in _NAMES}


class Reader:
    """Reads the parts of a model.

    Parameters
    ----------
    model : Module
    make : callable
        Returns the parts that a module is here; None for one that is none.

    Attributes
    ----------
    leaves : list of (Module, parts)
        Which parts were made of which module, each once.
    unknown : list of str
        What is none here, in the order of the model.
    """

    def __init__(self, model: nn.Module, make: Callable[[nn.Module], list[Any] | None]) -> None:
        # A module that is one part: seen from outside, as those within a model are.
        self.model = nn.Sequential(model) if model.__module__.startswith("torch.") else model
        self.make = make
        self.leaves: list[tuple[nn.Module, list[Any]]] = []
        self._unknown: dict[Any, str] = {}
        self._sums: dict[Any, tuple[list[Any], fx.Node]] = {}
        try:
            self.graph = _Tracer().trace(self.model)
        except Exception as error:  # whatever the module's forward raises of what it is given
            raise ConfigError(
                f"from_torch cannot follow the forward of {type(model).__name__}, which looks at "
                f"numbers or shapes ({error}): watch(model, optimizer) records any network"
            ) from error
        self.graph.eliminate_dead_code(lambda node: node.op in ("placeholder", "output"))

    @property
    def unknown(self) -> list[str]:
        """See the class."""
        return [self._unknown[node] for node in self.graph.nodes if node in self._unknown]

    def parts(self) -> list[Any]:
        """Return the parts from the model's first input to its output."""
        inputs = [node for node in self.graph.nodes if node.op == "placeholder"]
        end = next(node for node in self.graph.nodes if node.op == "output").args[0]
        if not isinstance(end, fx.Node):
            self._unknown[inputs[0]] = "a model of several outputs"
            return []
        for node in self.graph.nodes:  # in their order: of a deep model no sum asks for all others
            if _is_sum(node):
                self._sum(node)
        return self._between(inputs[0], end)

    def _between(self, start: fx.Node, end: fx.Node) -> list[Any]:
        made: list[Any] = []
        while end is not start and end.op != "placeholder":
            parts, end = self._step(end)
            made = [*parts, *made]
        if end is not start:
            self._unknown[end] = f"a second input, {end.name}"
        return made

    def _step(self, node: fx.Node) -> tuple[list[Any], fx.Node]:
        """Return what a node does, and the node that it does it to."""
        sources = node.all_input_nodes
        if node.op == "call_module":
            return self._module(node), sources[0]
        if node.op == "get_attr" or not sources:
            return self._not_known(node, f"the parameter {node.target}"), self._first()
        if _is_sum(node):
            return self._sum(node)
        picked = self._picked(node)
        if picked is not None:
            return picked
        return self._function(node), sources[0]

    def _first(self) -> fx.Node:
        first: fx.Node = next(iter(self.graph.nodes))
        return first

    def _module(self, node: fx.Node) -> list[Any]:
        module = self.model.get_submodule(node.target)
        for known, parts in self.leaves:
            if known is module:
                return parts
        made = self.make(module)
        if made is None:
            return self._not_known(node, f"{node.target} ({' '.join(repr(module).split())[:60]})")
        self.leaves.append((module, made))
        return made

    def _not_known(self, node: fx.Node, said: str) -> list[Any]:
        self._unknown[node] = said
        return []

    def _function(self, node: fx.Node) -> list[Any]:
        name = node.target if isinstance(node.target, str) else node.target.__name__
        options = {k: v for k, v in node.kwargs.items() if k not in ("training", "_stacklevel")}
        if name in _SAME:
            return []
        if name == "mean" and (*node.args[1:], *options.values()) in ((1,), ((1,),)):
            return [layers.MeanOverTime()]
        kind = _FUNCTIONS.get(name.replace("_", ""))
        try:
            made = None if kind is None else self.make(kind(*node.args[1:], **options))
        except (TypeError, ValueError):
            made = None
        return self._not_known(node, f"the function {name}") if made is None else made

    def _picked(self, node: fx.Node) -> tuple[list[Any], fx.Node] | None:
        """Return what an index takes: the outputs of a recurrent module, or the last step."""
        at, path = node, list[Any]()
        while at.target is operator.getitem:
            path.insert(0, at.args[1])
            at = at.args[0]
            if at.op == "call_module":
                break
        if not path:
            return None
        module = self.model.get_submodule(at.target) if at.op == "call_module" else None
        if isinstance(module, _RECURRENT):
            if path == [0]:
                return [], at
            last = [[1, 0, k] if isinstance(module, nn.LSTM) else [1, k] for k in (-1,)]
            if path in last and not module.bidirectional:
                return [layers.LastStep()], at
        if path[-1] in ((_ALL, -1), (_ALL, -1, _ALL), (_ALL, -1, ...)):
            return [layers.LastStep()], node.args[0]
        return None

    def _sum(self, node: fx.Node) -> tuple[list[Any], fx.Node]:
        """Return the block that a sum of two ways from one node is."""
        if node not in self._sums:
            self._sums[node] = self._block(node)
        return self._sums[node]

    def _block(self, node: fx.Node) -> tuple[list[Any], fx.Node]:
        sides = [one for one in node.args if isinstance(one, fx.Node)]
        if len(sides) != 2 or len(node.args) != 2:
            return self._not_known(node, "a sum with a number"), sides[0]
        scales, ends = zip(*(_scaled(one) for one in sides), strict=True)
        trails = [self._trail(one) for one in ends]
        fork = next((one for one in trails[0] if one in trails[1]), trails[0][-1])
        ways = [self._between(fork, one) for one in ends]
        # The branch is the longer way; the other hands on what it gets, or is one part.
        branch = int(len(ways[1]) >= len(ways[0]))
        around = ways[1 - branch]
        if not ways[branch] or len(around) > 1 or scales[1 - branch] != 1:
            return self._not_known(node, "a sum that is no x + scale * f(x)"), fork
        skip = around[0] if around else None
        return [Residual(*ways[branch], scale=scales[branch], skip=skip)], fork

    def _trail(self, node: fx.Node) -> list[fx.Node]:
        """Return a node and those that it comes of, one behind another."""
        trail = [node]
        while node.op != "placeholder" and node.all_input_nodes:
            node = self._sum(node)[1] if _is_sum(node) else _scaled(node.all_input_nodes[0])[1]
            trail.append(node)
        return trail


class _Tracer(fx.Tracer):  # type: ignore[misc]
    """Looks into modules, but not into those that are one part here."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, Turned) or bool(super().is_leaf_module(m, module_qualified_name))


def _is_sum(node: fx.Node) -> bool:
    return node.target in _SUMS or (node.op == "call_method" and node.target == "add")


def _scaled(node: fx.Node) -> tuple[float, fx.Node]:
    """Return the number that a node is multiplied by, and what it multiplies."""
    if node.target in _PRODUCTS and len(node.all_input_nodes) == 1:
        numbers = [one for one in node.args if isinstance(one, int | float)]
        if len(numbers) == 1:
            return float(numbers[0]), node.all_input_nodes[0]
    return 1.0, node
