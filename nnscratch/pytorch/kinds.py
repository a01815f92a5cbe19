"""What is known of PyTorch's modules: what each is called and does, and what its parameters are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from nnscratch import layers
from nnscratch.arrays import Array

_NO_END = (math.nan, math.nan)


@dataclass(frozen=True)
class Kind:
    """What a module or a function is.

    Attributes
    ----------
    kind, role, saturation, rectifies, by_batch
        See `nnscratch.LayerInfo`.
    axis : int or None
        The axis of the features of its output; None: that of what it reads.
    params : dict
        Roles of its parameters by name; of `nnscratch_records.PARAM_ROLES`.
    """

    kind: str
    role: str = "opaque"
    saturation: tuple[float, float] = _NO_END
    rectifies: bool = False
    by_batch: bool = False
    axis: int | None = None
    params: tuple[tuple[str, str], ...] = ()


def _like(layer: Any, **more: Any) -> Kind:
    """Return the kind of one of this package's layers."""
    low, high = layer.saturation
    return Kind(layer.kind, layer.role, (low, high), layer.rectifies, **more)


_AFFINE = (("weight", "weight"), ("bias", "bias"))
_SCALED = (("weight", "scale"), ("bias", "shift"))

# Functions of each element: the module, and how autograd calls what the function of that name does.
_ACTIVATIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "Sigmoid": ("SigmoidBackward", lambda m: layers.Sigmoid()),
    "Tanh": ("TanhBackward", lambda m: layers.Tanh()),
    "ReLU": ("ReluBackward", lambda m: layers.ReLU()),
    "LeakyReLU": (
        "LeakyReluBackward",
        lambda m: layers.LeakyReLU(getattr(m, "negative_slope", 0.01)),
    ),
    "ELU": ("EluBackward", lambda m: layers.ELU(getattr(m, "alpha", 1.0))),
    "SELU": ("", lambda m: layers.SELU()),  # autograd takes it for an ELU
    "Softsign": ("", lambda m: layers.Softsign()),
    "Softplus": ("SoftplusBackward", lambda m: layers.Softplus()),
    "GELU": ("GeluBackward", lambda m: layers.GELU()),
    "SiLU": ("SiluBackward", lambda m: layers.SiLU()),
    "Mish": ("MishBackward", lambda m: layers.Mish()),
    "Hardsigmoid": ("HardsigmoidBackward", lambda m: layers.HardSigmoid()),
    "Hardtanh": ("HardtanhBackward", lambda m: layers.HardTanh()),
    "Softmax": ("SoftmaxBackward", lambda m: layers.Softmax()),
    "PReLU": ("PreluKernelBackward", lambda m: layers.PReLU(getattr(m, "num_parameters", 1))),
    "RReLU": ("RreluWithNoiseBackward", lambda m: layers.RReLU()),
}
_OTHER_ACTIVATIONS = {
    "ReLU6": Kind("relu6", "activation", (0.0, 6.0)),
    "LogSoftmax": Kind("logsoftmax", "activation"),
    "LogSigmoid": Kind("logsigmoid", "activation"),
    "Hardswish": Kind("hardswish", "activation"),
    "CELU": Kind("celu", "activation"),
    "Tanhshrink": Kind("tanhshrink", "activation"),
    "Softshrink": Kind("softshrink", "activation"),
    "Threshold": Kind("threshold", "activation"),
    "Softmin": Kind("softmin", "activation"),
    "GLU": Kind("glu"),
}
_MODULES: dict[str, Kind] = {
    "Linear": Kind("linear", "weights", axis=-1, params=_AFFINE),
    "Bilinear": Kind("bilinear", "weights", axis=-1, params=_AFFINE),
    "Embedding": Kind("embedding", "lookup", axis=-1, params=_AFFINE),
    "MultiheadAttention": Kind("attention", "mix", axis=-1),
    "LayerNorm": Kind("layernorm", "norm", axis=-1, params=_SCALED),
    "RMSNorm": Kind("rmsnorm", "norm", axis=-1, params=_SCALED),
    "GroupNorm": Kind("groupnorm", "norm", axis=1, params=_SCALED),
    "Flatten": Kind("flatten", "shape", axis=-1),
    "Unflatten": Kind("unflatten", "shape", axis=1),
    "Identity": Kind("identity", "shape"),
    "FeatureAlphaDropout": Kind("dropout", "noise"),
    "AlphaDropout": Kind("dropout", "noise"),
    **{
        name: Kind("dropout", "noise")
        for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d")
    },
    **{name: Kind(name.lower(), "weights", axis=-1) for name in ("RNN", "LSTM", "GRU")},
    **{
        f"{name}{n}d": Kind(f"{name.lower()}{n}d", "weights", axis=1, params=_AFFINE)
        for name in ("Conv", "ConvTranspose")
        for n in (1, 2, 3)
    },
    **{
        f"{name}{n}d": Kind(kind, "norm", by_batch=kind == "batchnorm", axis=1, params=_SCALED)
        for name, kind in (("BatchNorm", "batchnorm"), ("InstanceNorm", "instancenorm"))
        for n in (1, 2, 3)
    },
    "SyncBatchNorm": Kind("batchnorm", "norm", by_batch=True, axis=1, params=_SCALED),
    **{
        f"{name}{n}d": Kind(f"{name.lower()}{n}d", "mix", axis=1)
        for name in ("MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool")
        for n in (1, 2, 3)
    },
}
# How the names of functions begin that bring several places together.
_MIXES = (
    *("maxpool", "avgpool", "adaptive", "scaleddotproduct"),
    *("cat", "stack", "mean", "sum", "amax", "max"),
)
_FUNCTIONS = {node: make for node, make in _ACTIVATIONS.values() if node}
POINTWISE = frozenset(_FUNCTIONS) - {"SoftmaxBackward", "PreluKernelBackward"}
# What changes no number, or hands each on.
SHAPES = frozenset(
    f"{name}Backward"
    for name in (
        *(
            "View",
            "UnsafeView",
            "ReshapeAlias",
            "Transpose",
            "T",
            "Permute",
            "Squeeze",
            "Unsqueeze",
        ),
        *("Alias", "Clone", "ToCopy", "Expand", "Slice", "Select", "Contiguous", "Split", "Unbind"),
        *("SplitWithSizes", "Chunk", "Movedim", "Index", "CopySlices", "AsStrided"),
    )
)


def kind_of(module: nn.Module) -> Kind | None:
    """Return what a module is; None for one that nobody knows.

    A subclass is what it derives from as long as it computes the same.
    """
    for base in type(module).__mro__:
        name = base.__name__
        if not base.__module__.startswith("torch.nn.") or base.__dict__.get("forward") is None:
            continue
        if getattr(type(module), "forward", None) is not base.__dict__["forward"]:
            return None
        if name in _ACTIVATIONS:
            params = (("weight", "slope"),) if name == "PReLU" else ()
            return _like(_ACTIVATIONS[name][1](module), params=params)
        return _OTHER_ACTIVATIONS.get(name) or _MODULES.get(name) or _norm_of(module)
    return None


def _norm_of(module: nn.Module) -> Kind | None:
    """Return what the norms are, whose forward stands in a class that they share."""
    name = next((base.__name__ for base in type(module).__mro__ if base.__name__ in _MODULES), "")
    return _MODULES.get(name)


def function_kind(names: list[str]) -> Kind:
    """Return what functions do whose nodes autograd calls like that, the last one first."""
    told = [name.rstrip("0123456789") for name in names]
    told = [name for name in told if name not in SHAPES]
    if len(told) == 1 and told[0] in _FUNCTIONS:
        return _like(_FUNCTIONS[told[0]](None))
    if told and all(name == "AddBackward" for name in told):
        return Kind("sum", "join")
    if told == ["LogSoftmaxBackward"]:
        return _OTHER_ACTIVATIONS["LogSoftmax"]
    if told and all("Dropout" in name for name in told):
        return Kind("dropout", "noise")
    last = told[0].removesuffix("Backward").lower() if told else "shape"
    if told and all(map(_is_known, told)):
        return Kind(last, "mix")
    return Kind(last, "opaque" if told else "shape")


def _is_known(name: str) -> bool:
    """Whether anybody knows what a function does that autograd calls like that."""
    known = name in _FUNCTIONS or "Dropout" in name
    return known or name.removesuffix("Backward").lower().startswith(_MIXES)


def function_of(kind: str) -> Callable[[Array], Array]:
    """Return an activation without parameters as a function; that of another layer hands on."""
    make = next((make for _, make in _ACTIVATIONS.values() if make(None).kind == kind), None)

    def f(z: Array) -> Array:
        layer = None if make is None else make(None).initialize(0, z.dtype)
        return z if layer is None or layer.params else np.asarray(layer.forward(z)[0])

    return f


def param_role(module: nn.Module, name: str) -> str:
    """Return what a module's own parameter is to it."""
    kind = kind_of(module)
    known = dict(kind.params) if kind is not None else {}
    if name in known:
        return known[name]
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        of_state = "recurrent_weight" if name.startswith("weight_hh") else "weight"
        return "bias" if name.startswith("bias") else of_state
    if isinstance(module, nn.MultiheadAttention):
        return "bias" if "bias" in name else "weight"
    return "other"


def fan_in(module: nn.Module, name: str, shape: tuple[int, ...]) -> int:
    """Return how many inputs each output sums, of a parameter that is shaped as PyTorch does."""
    if param_role(module, name) not in ("weight", "recurrent_weight") or len(shape) < 2:
        return 0
    if isinstance(module, nn.Embedding):
        return 1
    if isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        taps = math.prod(shape[2:]) // max(1, math.prod(module.stride))
        return max(1, shape[0] // module.groups * taps)
    return math.prod(shape[1:])
