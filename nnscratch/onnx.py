"""ONNX: a network as a file for other runtimes, with the weights that it has.

::

    from nnscratch.onnx import to_onnx

    to_onnx(model, "model.onnx")

Needs ``pip install 'nnscratch[onnx]'``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch import layers
from nnscratch.errors import ConfigError, shown
from nnscratch.extras import missing
from nnscratch.files import PathLike, write_atomically
from nnscratch.layers.joins import Branch, Concatenate, Skip, Sum
from nnscratch.layers.recurrent import Recurrent
from nnscratch.layouts import write_weights
from nnscratch.network.network import Network
from nnscratch.network.nodes import INPUT

try:
    import onnx
except ImportError as error:
    raise missing("nnscratch.onnx", "onnx") from error

__all__ = ["to_onnx"]

_OPSET, _FORMAT = 17, 8  # read by every onnxruntime since 1.12
_X, _Y = "x", "y"


class _Graph:
    """Nodes and weights as they are written."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: dict[str, Any] = {}

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Write a node; return the name of its first output."""
        names = [f"{kind.lower()}_{len(self.nodes)}", *[""] * (outputs - 1)]
        self.nodes.append(onnx.helper.make_node(kind, inputs, names, **attributes))
        return names[0]

    def hold(self, values: Any, kind: Any = np.float32) -> str:
        """Keep a constant; return its name."""
        name = f"weight_{len(self.weights)}"
        self.weights[name] = onnx.numpy_helper.from_array(np.asarray(values, kind), name)
        return name


def to_onnx(model: Network, path: PathLike) -> Path:
    """Write a network to `path` and return it: input `x`, output `y`, in float32, any batch.

    What dropout and batch norm do is what they do in evaluation. Sequences are
    ``(batch, time, features)`` as here. Raises `ConfigError` naming the layer that ONNX, or this
    function, does not know, and `FileError`.
    """
    if not isinstance(model, Network):
        raise ConfigError(f"to_onnx takes a network such as nn.Sequential(...), got {shown(model)}")
    graph = _Graph()
    made: dict[int, str] = {INPUT: _X}
    for index, node in enumerate(model.nodes):
        layer = node.layer
        rule = _RULES.get(type(layer))
        if rule is None:
            raise ConfigError(f"to_onnx does not know layer {node.name!r} ({layer!r})")
        made[index] = rule(graph, layer, *(made[source] for source in node.sources))
    graph.nodes.append(onnx.helper.make_node("Identity", [made[len(model.nodes) - 1]], [_Y]))
    leading = ["batch", *["time"] * any(node.layer.positions == 1 for node in model.nodes)]
    given = (1,) * len(leading) + (model.features_in or 1,)
    shape = [*leading[: len(model.output_shape(given)) - 1], model.features_out or "features"]
    value = onnx.helper.make_tensor_value_info
    whole = onnx.helper.make_graph(
        *(graph.nodes, "nnscratch"),
        [value(_X, onnx.TensorProto.FLOAT, [*leading, model.features_in or "features"])],
        [value(_Y, onnx.TensorProto.FLOAT, shape)],
        [*graph.weights.values()],
    )
    opset = [onnx.helper.make_opsetid("", _OPSET)]
    file = onnx.helper.make_model(
        whole, producer_name="nnscratch", opset_imports=opset, ir_version=_FORMAT
    )
    onnx.checker.check_model(file)
    return write_atomically(path, file.SerializeToString())


Rule = Callable[..., str]


def _op(kind: str, **attributes: Any) -> Rule:
    """Return the rule of an operator whose attributes are those of the layer, by their names."""

    def rule(graph: _Graph, layer: Any, x: str) -> str:
        given: dict[str, Any] = {
            name: float(getattr(layer, value)) if isinstance(value, str) else value
            for name, value in attributes.items()
        }
        return graph.add(kind, x, **given)

    return rule


def _dense(graph: _Graph, layer: Any, x: str) -> str:
    product = graph.add("MatMul", x, graph.hold(layer.params["weight"]))
    return graph.add("Add", product, graph.hold(layer.params["bias"]))


def _batchnorm(graph: _Graph, layer: Any, x: str) -> str:
    statistics = {name: np.float64(values) for name, values in layer.statistics.items()}
    scale = layer.params["gamma"] / np.sqrt(statistics["running_variance"] + layer.epsilon)
    shift = layer.params["beta"] - scale * statistics["running_mean"]
    return graph.add("Add", graph.add("Mul", x, graph.hold(scale)), graph.hold(shift))


def _layernorm(graph: _Graph, layer: Any, x: str) -> str:
    gamma, beta = (graph.hold(layer.params[name]) for name in ("gamma", "beta"))
    return graph.add("LayerNormalization", x, gamma, beta, axis=-1, epsilon=layer.epsilon)


def _rmsnorm(graph: _Graph, layer: Any, x: str) -> str:
    mean = graph.add("ReduceMean", graph.add("Mul", x, x), axes=[-1], keepdims=1)
    root = graph.add("Sqrt", graph.add("Add", mean, graph.hold(layer.epsilon)))
    return graph.add("Mul", graph.add("Div", x, root), graph.hold(layer.params["gamma"]))


def _gelu(graph: _Graph, layer: Any, x: str) -> str:
    erf = graph.add("Erf", graph.add("Mul", x, graph.hold(math.sqrt(0.5))))
    half = graph.add("Mul", x, graph.hold(0.5))
    return graph.add("Mul", half, graph.add("Add", erf, graph.hold(1)))


def _sum(graph: _Graph, layer: Any, branch: str, skip: str) -> str:
    if layer.scale != 1:
        branch = graph.add("Mul", branch, graph.hold(layer.scale))
    return graph.add("Add", skip, branch)


def _recurrent(graph: _Graph, layer: Any, x: str) -> str:
    by_step = graph.add("Transpose", x, perm=[1, 0, 2])
    weights = [graph.hold(values) for values in write_weights(layer, "onnx").values()]
    options: dict[str, Any] = {"hidden_size": layer.features}
    options["direction"] = "reverse" if layer.reverse else "forward"
    if isinstance(layer, layers.GRU):
        options["linear_before_reset"] = 1
    if isinstance(layer, layers.RNN):
        options |= _activation(layer)
    starts = [""] * (1 + len(layer.state_shapes()))  # the first: the lengths of the sequences
    if layer.initial == "learned":
        starts[1:] = [_start(graph, layer, by_step, name) for name in layer.state_shapes()]
    steps = graph.add(layer.kind.upper(), by_step, *weights, *starts, **options)
    one_way = graph.add("Squeeze", steps, graph.hold([1], np.int64))
    return graph.add("Transpose", one_way, perm=[1, 0, 2])


def _start(graph: _Graph, layer: Recurrent, by_step: str, name: str) -> str:
    """Return the learned state once for every example, (1, batch, features)."""
    batch = graph.add("Gather", graph.add("Shape", by_step), graph.hold([1], np.int64))
    one, width = (graph.hold([size], np.int64) for size in (1, layer.features))
    shape = graph.add("Concat", one, batch, width, axis=0)
    return graph.add("Expand", graph.hold(layer.params[f"initial_{name}"]), shape)


def _activation(layer: Any) -> dict[str, Any]:
    kind = layers.activation(layer.activation)
    known: dict[type[layers.Layer], tuple[str, list[str | float]]] = {  # with alpha and beta
        layers.Tanh: ("Tanh", []), layers.ReLU: ("Relu", []), layers.Sigmoid: ("Sigmoid", []),
        layers.Softsign: ("Softsign", []), layers.Softplus: ("Softplus", []),
        layers.ELU: ("Elu", ["alpha"]), layers.LeakyReLU: ("LeakyRelu", ["slope"]),
        layers.HardSigmoid: ("HardSigmoid", ["slope", 0.5]),
        layers.Identity: ("Affine", [1.0, 0.0]),
    }  # fmt: skip
    if type(kind) not in known:
        names = ", ".join(sorted(one.kind for one in known))
        raise ConfigError(
            f"ONNX has no recurrent layer with {layer.activation!r} ({layer!r}): it has {names}"
        )
    name, constants = known[type(kind)]
    values = [float(getattr(kind, one) if isinstance(one, str) else one) for one in constants]
    named = zip(("activation_alpha", "activation_beta"), values, strict=False)
    return {"activations": [name], **{key: [value] for key, value in named}}


_SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}
_RULES: dict[type, Rule] = {
    layers.Dense: _dense,
    layers.BatchNorm: _batchnorm,
    layers.LayerNorm: _layernorm,
    layers.RMSNorm: _rmsnorm,
    layers.RNN: _recurrent,
    layers.LSTM: _recurrent,
    layers.GRU: _recurrent,
    layers.LastStep: lambda g, _, x: g.add("Gather", x, g.hold(-1, np.int64), axis=1),
    layers.MeanOverTime: lambda g, _, x: g.add("ReduceMean", x, axes=[1], keepdims=0),
    Sum: _sum,
    Concatenate: lambda g, _, *several: g.add("Concat", *several, axis=-1),
    **{kind: _op("Identity") for kind in (Branch, Skip, layers.Identity, layers.Dropout)},
    layers.Sigmoid: _op("Sigmoid"),
    layers.Tanh: _op("Tanh"),
    layers.ReLU: _op("Relu"),
    layers.LeakyReLU: _op("LeakyRelu", alpha="slope"),
    layers.RReLU: _op("LeakyRelu", alpha="evaluation_slope"),
    layers.ELU: _op("Elu", alpha="alpha"),
    layers.SELU: _op("Selu", **_SELU),
    layers.Exponential: _op("Exp"),
    layers.Softsign: _op("Softsign"),
    layers.Softplus: _op("Softplus"),
    layers.Softmax: _op("Softmax", axis=-1),
    layers.HardSigmoid: _op("HardSigmoid", alpha="slope", beta=0.5),
    layers.HardTanh: lambda g, _, x: g.add("Clip", x, g.hold(-1), g.hold(1)),
    layers.GELU: _gelu,
    layers.SiLU: lambda g, _, x: g.add("Mul", x, g.add("Sigmoid", x)),
    layers.Mish: lambda g, _, x: g.add("Mul", x, g.add("Tanh", g.add("Softplus", x))),
    layers.PReLU: lambda g, layer, x: g.add("PRelu", x, g.hold(layer.params["slope"])),
}
