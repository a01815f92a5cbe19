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
_X, _Y, _LENGTHS = "x", "y", "lengths"


class _Graph:
    """Nodes and weights as they are written."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: dict[str, Any] = {}
        self.valid = ""  # (batch, time, 1), which steps a sequence has; "" where all have all

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


def to_onnx(
    model: Network, path: PathLike, positions: int | None = None, lengths: bool = False
) -> Path:
    """Write a network to `path` and return it: input `x`, output `y`, in float32, any batch.

    What dropout and batch norm do is what they do in evaluation. Sequences are
    ``(batch, time, features)`` as here.

    Parameters
    ----------
    model : Network
    path : str or path
    positions : int or None
        How many axes stand between batch and features in `x`, each of any size: 1 for a network of
        dense layers at every place of a sequence. None: 1 where layers go through time, else 0.
    lengths : bool
        Take a second input, `lengths` of shape (batch,) and dtype int32: how many steps each
        sequence has, 1 or more. What stands behind them is padding, as with a mask here.

    Raises `ConfigError` naming the layer that ONNX, or this function, does not know, and
    `FileError`.

    Examples
    --------
    >>> import nnscratch as nn
    >>> from nnscratch.onnx import to_onnx
    >>> model = nn.Sequential(nn.GRU(3, 8), nn.LastStep(), nn.Dense(8, 2))
    >>> file = to_onnx(model, "model.onnx", lengths=True)
    """
    if not isinstance(model, Network):
        raise ConfigError(f"to_onnx takes a network such as nn.Sequential(...), got {shown(model)}")
    axes = _axes(model, positions)
    graph, x = _Graph(), _X
    if lengths:
        x = _with_lengths(graph, model)
    made: dict[int, str] = {INPUT: x}
    shapes = model.shapes((1,) * len(axes) + (model.features_in or 1,))
    for index, node in enumerate(model.nodes):
        layer = node.layer
        rule = _RULES.get(type(layer))
        if rule is None:
            raise ConfigError(f"to_onnx does not know layer {node.name!r} ({layer!r})")
        y = rule(graph, layer, *(made[source] for source in node.sources))
        holds = graph.valid and isinstance(layer, (Recurrent, Sum)) and len(shapes[index]) == 3
        made[index] = _held(graph, y) if holds else y
    graph.nodes.append(onnx.helper.make_node("Identity", [made[len(model.nodes) - 1]], [_Y]))
    shape = [*axes[: len(shapes[-1]) - 1], model.features_out or "features"]
    value, real = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    inputs = [value(_X, real, [*axes, model.features_in or "features"])]
    if lengths:
        inputs.append(value(_LENGTHS, onnx.TensorProto.INT32, axes[:1]))
    whole = onnx.helper.make_graph(
        *(graph.nodes, "nnscratch", inputs),
        [value(_Y, real, shape)],
        [*graph.weights.values()],
    )
    opset = [onnx.helper.make_opsetid("", _OPSET)]
    file = onnx.helper.make_model(
        whole, producer_name="nnscratch", opset_imports=opset, ir_version=_FORMAT
    )
    onnx.checker.check_model(file)
    return write_atomically(path, file.SerializeToString())


def _axes(model: Network, positions: int | None) -> list[str]:
    """Return the names of the axes of `x` before the features, checked."""
    through_time = model.positions == 1
    if positions is None:
        positions = model.positions
    if not isinstance(positions, int) or isinstance(positions, bool) or positions < 0:
        raise ConfigError(f"positions is a number of axes, 0 or more, got {shown(positions)}")
    if through_time and positions != 1:
        raise ConfigError(
            f"this network goes through time: between batch and features stands 1 axis, got "
            f"positions={positions}"
        )
    names = ["time"] if through_time else [f"position_{axis}" for axis in range(positions)]
    return ["batch", *names]


def _with_lengths(graph: _Graph, model: Network) -> str:
    """Let the graph know which steps there are; return `x` with 0 in the others."""
    if not any("mask" in node.takes for node in model.nodes):
        raise ConfigError(
            "lengths=True is for a network with a layer that takes a mask, such as nn.LSTM or "
            "nn.MeanOverTime: this one has none"
        )
    steps = graph.add("Gather", graph.add("Shape", _X), graph.hold(1, np.int64))
    zero, one = graph.hold(0, np.int64), graph.hold(1, np.int64)
    at = graph.add("Cast", graph.add("Range", zero, steps, one), to=onnx.TensorProto.INT32)
    lengths = graph.add("Unsqueeze", _LENGTHS, graph.hold([1], np.int64))
    graph.valid = graph.add("Unsqueeze", graph.add("Less", at, lengths), graph.hold([2], np.int64))
    return graph.add("Where", graph.valid, _X, graph.hold(0))


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
    starts = [_LENGTHS if graph.valid else "", *[""] * len(layer.state_shapes())]
    if layer.initial == "learned":
        starts[1:] = [_start(graph, layer, by_step, name) for name in layer.state_shapes()]
    steps = graph.add(layer.kind.upper(), by_step, *weights, *starts, **options)
    one_way = graph.add("Squeeze", steps, graph.hold([1], np.int64))
    return graph.add("Transpose", one_way, perm=[1, 0, 2])


def _held(graph: _Graph, y: str) -> str:
    """Return outputs that stay what they are at the last step of each sequence."""
    last = graph.add("Sub", _LENGTHS, graph.hold(1, np.int32))
    last = graph.add("Cast", last, to=onnx.TensorProto.INT64)
    at_end = graph.add("Unsqueeze", last, graph.hold([1], np.int64))
    end = graph.add("GatherND", y, at_end, batch_dims=1)
    return graph.add(
        "Where", graph.valid, y, graph.add("Unsqueeze", end, graph.hold([1], np.int64))
    )


def _mean_over_time(graph: _Graph, layer: Any, x: str) -> str:
    if not graph.valid:
        return graph.add("ReduceMean", x, axes=[1], keepdims=0)
    there = graph.add("Where", graph.valid, x, graph.hold(0))
    total = graph.add("ReduceSum", there, graph.hold([1], np.int64), keepdims=0)
    steps = graph.add("Cast", _LENGTHS, to=onnx.TensorProto.FLOAT)
    return graph.add("Div", total, graph.add("Unsqueeze", steps, graph.hold([1], np.int64)))


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
    layers.MeanOverTime: _mean_over_time,
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
