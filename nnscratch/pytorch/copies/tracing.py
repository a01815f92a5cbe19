"""A module's forward as parts in a row: what `torch.fx` sees of it; ``x + f(x)`` is a block."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from nnscratch import layers
from nnscratch.errors import ConfigError
from nnscratch.network.blocks import Residual
from nnscratch.pytorch.copies.recurrent import Turned
from nnscratch.pytorch.copies.unseen import held, owned_twice, put_on

_ALL = slice(None)
_SUMS = (operator.add, operator.iadd, torch.add)
_PRODUCTS = (operator.mul, operator.imul, torch.mul)
_SAME = ("contiguous", "clone")  # what changes no number
_MOVED = (
    *("to", "cuda", "cpu", "float", "double", "type_as", "detach", "requires_grad_", "contiguous"),
    *("getitem", "transpose", "permute", "unsqueeze", "squeeze", "expand", "repeat"),
)  # zeros stay zeros
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
    needs : callable
        Returns how such a module has to be made to be one, empty if that helps nothing.

    Attributes
    ----------
    leaves : list of (Module, parts)
        Which parts were made of which module, each once.
    unknown : list of str
        What is none here, or is not as it looks, in the order of the model.
    """

    def __init__(
        self,
        model: nn.Module,
        make: Callable[[nn.Module], list[Any] | None],
        needs: Callable[[nn.Module], str],
    ) -> None:
        # A module that is one part: seen from outside, as those within a model are.
        self.model = nn.Sequential(model) if _Tracer().is_leaf_module(model, "") else model
        self.make, self.needs = make, needs
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
        self._other_mode = self._turned()
        self._written_over()
        ends = ("placeholder", "output")
        self.graph.eliminate_dead_code(lambda node: node.op in ends or node in self._unknown)

    def _turned(self) -> dict[str, fx.Node]:
        """Return the nodes that there are in evaluation, or if the model evaluates in training."""
        modes = {module: module.training for module in self.model.modules()}
        try:
            for module in modes:
                module.training = not self.model.training
            return {node.name: node for node in _Tracer().trace(self.model).nodes}
        except Exception:  # as above; then nothing is known of the other one
            return {}
        finally:
            for module, training in modes.items():
                module.training = training

    def _written_over(self) -> None:
        """Note what writes into a tensor that is read again afterwards."""
        order = {node: at for at, node in enumerate(self.graph.nodes)}
        for node in order:
            if not self._in_place(node):
                continue
            readers = [one for one in node.all_input_nodes[0].users if order[one] > order[node]]
            if readers or not node.users:
                self._not_known(node, f"{node.name}, which writes over a tensor that is read again")

    def _in_place(self, node: fx.Node) -> bool:
        if not node.all_input_nodes:
            return False
        if node.op == "call_module":
            return bool(getattr(self.model.get_submodule(node.target), "inplace", False))
        if node.op not in ("call_function", "call_method"):
            return False
        name = _name(node)
        written = name.endswith("_") and not name.startswith("_")
        return written or node.target is operator.iadd or bool(node.kwargs.get("inplace"))

    @property
    def unknown(self) -> list[str]:
        """See the class."""
        found = [self._unknown[node] for node in self.graph.nodes if node in self._unknown]
        twice = owned_twice(self.model, (module for module, _ in self.leaves))
        return [*held(self.model), *put_on(self.model), *found, *twice]

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
            beside = [*node.args[1:], *(v for k, v in node.kwargs.items() if k != "input")]
            if not all(map(_is_zero, beside)):
                said = f"the call of {node.target}, which begins with more than zeros"
                return self._not_known(node, said), sources[0]
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
            said = f"{node.target} ({' '.join(repr(module).split())[:60]})"
            asked = self.needs(module)
            return self._not_known(node, f"{said}, which needs {asked}" if asked else said)
        self.leaves.append((module, made))
        return made

    def _not_known(self, node: fx.Node, said: str) -> list[Any]:
        self._unknown[node] = said
        return []

    def _function(self, node: fx.Node) -> list[Any]:
        name, none = _name(node), (None, False)
        options = {k: v for k, v in node.kwargs.items() if k != "_stacklevel" and v not in none}
        if name in _SAME:
            return []
        if name.strip("_") == "dropout":
            return self._dropout(node)
        if name == "mean" and (*node.args[1:], *options.values()) in ((1,), ((1,),)):
            return [layers.MeanOverTime()]
        kind = _FUNCTIONS.get(name.replace("_", ""))
        if kind is not None and len(node.all_input_nodes) > 1:
            return self._not_known(node, f"the function {name} of several tensors")
        try:
            made = None if kind is None else self.make(kind(*node.args[1:], **options))
        except (TypeError, ValueError):
            made = None
        return self._not_known(node, f"the function {name}") if made is None else made

    def _dropout(self, node: fx.Node) -> list[Any]:
        on = {self.model.training: _drops(node)}
        other = self._other_mode.get(node.name)
        on[not self.model.training] = not self.model.training if other is None else _drops(other)
        if on[False]:
            said = "a dropout that is on in evaluation too (F.dropout(..., training=self.training))"
            return self._not_known(node, said)
        rate = node.args[1] if len(node.args) > 1 else node.kwargs.get("p", 0.5)
        return self.make(nn.Dropout(rate)) or [] if on[True] else []

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
        if len(sides) != 2 or len(node.args) != 2 or node.kwargs:
            said = "options, such as alpha" if node.kwargs else "a number"
            return self._not_known(node, f"a sum with {said}"), node.all_input_nodes[0]
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


def _name(node: fx.Node) -> str:
    name: str = node.target if isinstance(node.target, str) else node.target.__name__
    return name


def _drops(node: fx.Node) -> bool:
    """Whether a call of a dropout, as a function, is one that drops."""
    given = {**dict(zip(("input", "p", "training"), node.args, strict=False)), **node.kwargs}
    return bool(given.get("training", given.get("train", True)))


def _is_zero(value: Any) -> bool:
    """Whether a state to begin with, or each of several, is none or zeros."""
    if isinstance(value, tuple | list):
        return all(map(_is_zero, value))
    if not isinstance(value, fx.Node):
        return value is None
    if _name(value) in ("zeros", "new_zeros", "zeros_like"):
        return True
    return _name(value) in _MOVED and _is_zero(value.args[0])


def _is_sum(node: fx.Node) -> bool:
    return node.target in _SUMS or (node.op == "call_method" and node.target == "add")


def _scaled(node: fx.Node) -> tuple[float, fx.Node]:
    """Return the number that a node is multiplied by, and what it multiplies."""
    if node.target in _PRODUCTS and len(node.all_input_nodes) == 1:
        numbers = [one for one in node.args if isinstance(one, int | float)]
        if len(numbers) == 1:
            return float(numbers[0]), node.all_input_nodes[0]
    return 1.0, node
