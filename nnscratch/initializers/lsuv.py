"""Layer-sequential unit-variance initialization (LSUV), which looks at data."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from nnscratch.arrays import Array, as_array
from nnscratch.errors import (
    ConfigError,
    DataError,
    NonFiniteError,
    require_count,
    require_number,
    shown,
)
from nnscratch.initializers.base import require_generator
from nnscratch.initializers.orthogonal import Orthogonal


class LSUVLayer(Protocol):
    """What `lsuv` needs of a layer."""

    @property
    def role(self) -> str: ...
    @property
    def params(self) -> Mapping[str, Array]: ...


class LSUVModel(Protocol):
    """What `lsuv` needs of a model: after `forward`, ``last[name].output`` is a layer's output."""

    @property
    def layers(self) -> Mapping[str, LSUVLayer]: ...
    @property
    def last(self) -> Any: ...
    def forward(self, x: Array, training: bool = ...) -> Any: ...


@dataclass(frozen=True)
class LSUVResult:
    """What `lsuv` did to one dense layer.

    Attributes:
        tries: how many times the weights were rescaled.
        variance_before: variance of the layer's output with its orthonormal weights.
        variance_after: the same at the end.
        converged: whether ``|variance_after - 1| < tolerance``.
    """

    tries: int
    variance_before: float
    variance_after: float
    converged: bool


def lsuv(
    model: LSUVModel,
    x: Array,
    *,
    rng: np.random.Generator,
    tolerance: float = 0.1,
    max_tries: int = 10,
) -> dict[str, LSUVResult]:
    """Initialize the dense layers of `model` in place so that each puts out unit variance on `x`.

    Mishkin & Matas 2015: give every dense layer orthonormal weights; then, from the first layer to
    the last, ``W /= sqrt(Var(output))`` until ``|Var(output) - 1| < tolerance``, at most
    `max_tries` times. The output is that of the dense layer itself, before any activation or batch
    norm after it, and its variance is taken over all units and all rows of `x`. Without bias one
    try is enough. Biases and all other parameters stay as they are; batch norm uses its running
    statistics and dropout is off (``training=False``).

    Args:
        model: a model with at least one layer of role ``"weights"`` that has a ``"weight"``.
        x: a batch of inputs, ``(batch, features)``, large enough to estimate a variance.
        rng: draws the orthonormal weights.
        tolerance: a number > 0.
        max_tries: a whole number >= 1.

    Returns:
        One `LSUVResult` per dense layer, by layer name, in order.

    Raises:
        ConfigError: an argument makes no sense, or the model has no dense layer.
        ShapeError, DtypeError: `x` is no batch for this model, which is untouched.
        DataError: `x` is empty or not finite (the model is untouched), or a layer puts out the
            same value everywhere, so that nothing can scale it.
        NonFiniteError: a layer's output is not finite. In the last two cases the layers before the
            one named are done and the others orthonormal.

    Warns:
        RuntimeWarning: a layer has not come within `tolerance` after `max_tries`.
    """
    require_number("tolerance of lsuv", tolerance, above=0.0)
    require_count("max_tries of lsuv", max_tries)
    require_generator("rng of lsuv", rng)
    if not isinstance(getattr(model, "layers", None), Mapping):
        raise ConfigError(f"model of lsuv must be a Sequential, got {shown(model)}")
    x = as_array(x, "x of lsuv")
    weights = {
        name: layer.params["weight"]
        for name, layer in model.layers.items()
        if layer.role == "weights" and "weight" in layer.params
    }
    if not weights:
        raise ConfigError(
            f"lsuv needs a layer with a weight, such as Dense; the model has "
            f"{', '.join(model.layers)}"
        )
    if x.size == 0 or (x.dtype.kind == "f" and not np.isfinite(x).all()):
        raise DataError(f"lsuv needs a finite, non-empty batch x, got shape {x.shape}")
    with np.errstate(all="ignore"):
        model.forward(x, training=False)  # which raises for what it cannot take

    for weight in weights.values():
        weight[...] = Orthogonal()(weight.shape, rng, weight.dtype)
    with np.errstate(all="ignore"):  # what overflows is reported as an error, by layer
        return {
            name: _scale_layer(model, x, name, weight, tolerance, max_tries)
            for name, weight in weights.items()
        }


def _scale_layer(
    model: LSUVModel, x: Array, name: str, weight: Array, tolerance: float, max_tries: int
) -> LSUVResult:
    variance = before = _output_variance(model, x, name)
    tries = 0
    while abs(variance - 1.0) >= tolerance and tries < max_tries:
        weight /= np.sqrt(variance)
        tries += 1
        variance = _output_variance(model, x, name)
    converged = abs(variance - 1.0) < tolerance
    if not converged:
        warnings.warn(
            f"lsuv left layer {name!r} at output variance {variance:.3g} after {tries} tries, "
            f"expected 1 +- {tolerance:g}: set its bias to 0 or raise max_tries",
            RuntimeWarning,
            stacklevel=3,
        )
    return LSUVResult(tries, before, variance, converged)


def _output_variance(model: LSUVModel, x: Array, name: str) -> float:
    model.forward(x, training=False)
    variance = float(np.var(model.last[name].output, dtype=np.float64))
    if not np.isfinite(variance):
        raise NonFiniteError(
            f"lsuv: the output of layer {name!r} has variance {variance}, expected a finite one: "
            "scale the inputs x down, and look for NaN among the other parameters"
        )
    if variance == 0.0:
        raise DataError(
            f"lsuv: layer {name!r} puts out the same value everywhere, expected a variance > 0: "
            "are all rows of x zero, or all units before it dead?"
        )
    return variance
