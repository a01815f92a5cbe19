"""Are the gradients right? Each hand-written backward, compared with differences of its forward."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import (
    ConfigError,
    DtypeError,
    require_count,
    require_number,
    require_seed,
    shown,
)
from nnscratch.finite_differences import Comparison, Function, GradientMismatch
from nnscratch.layers.base import Layer
from nnscratch.network.graph import Graph
from nnscratch.network.network import Network
from nnscratch.network.nodes import LossFunction, Node, require_loss
from nnscratch.sequences import Given

__all__ = ["GradientMismatch", "check_gradients"]

BATCH, STEPS, FEATURES = 6, 4, 5  # of the default input


def check_gradients(
    target: Graph | Layer | LossFunction,
    loss: LossFunction | None = None,
    x: Array | None = None,
    labels: Array | None = None,
    *,
    training: bool = True,
    statistics: str = "running",
    mask: Array | None = None,
    tolerance: float = 1e-6,
    step: float = 1e-3,
    samples: int | None = None,
    seed: int = 0,
) -> float:
    """Compare analytic gradients with central differences; return the worst relative error.

    * ``check_gradients(model, loss, x, labels)``: the loss of a whole model, with respect to every
      parameter and to the input. Without a loss, a random projection of the output.
    * ``check_gradients(layer, x=x)``: a random projection of the layer's output. A layer that is in
      no model yet is checked on a copy with parameters drawn from `seed`.
    * ``check_gradients(loss, x=logits, labels=labels)``: a loss.

    A model or layer without `x` is tried on a small batch of standard normal numbers. Every
    evaluation sees the same noise (dropout, randomized slopes). Afterwards parameters, gradients,
    running statistics and sources of noise are, bit for bit, what they were. How the numbers are
    compared, and what happens at the kinks of ReLU: see `nnscratch.finite_differences`.

    Parameters
    ----------
    training, statistics, mask : as in `Graph.forward`
    tolerance : float
        On ``|analytic - numeric| / max(|analytic|, |numeric|, smallest)``, where `smallest`, by
        default about ``4e-6 * max(1, |f|)``, is the size below which rounding in f hides a relative
        difference of `tolerance`.
    step : float
        The first step, relative to ``max(1, |component|)``.
    samples : int or None
        None: every component. A number: that many of each array, drawn with `seed`.

    Raises
    ------
    GradientMismatch
        Naming layer, parameter, index, analytic and numeric value. When a model fails, its loss and
        its layers are then tried one by one, and the one that is wrong by itself is named.
    DtypeError
        For anything but float64: differences in float32 prove nothing.
    """
    if loss is not None:
        require_loss("check_gradients loss", loss)
    rng = np.random.default_rng(require_seed("seed", seed))
    compare = Comparison(
        require_number("tolerance", tolerance, above=0),
        require_number("step", step, above=0),
        None if samples is None else require_count("samples", samples),
        rng,
    )
    if isinstance(target, Layer) and target.dtype is None:
        target = copy.deepcopy(target).initialize(seed, np.float64)
    if isinstance(target, Layer | Graph):
        _require_float64(f"a {type(target).__name__}", target.dtype)
        if x is None:
            positions = (STEPS,) * (target.positions or 0)
            x = rng.standard_normal((BATCH, *positions, _features(target) or FEATURES))
    elif not callable(target) or isinstance(target, type):
        raise ConfigError(
            f"check_gradients expects a model, a layer or a loss, got {shown(target)}"
        )
    if x is None or (labels is None and not (isinstance(target, Layer | Graph) and not loss)):
        raise ConfigError(
            "a loss needs an input and labels: check_gradients(model, loss, x, labels) "
            "or check_gradients(loss, x=logits, labels=labels)"
        )
    if not isinstance(x, np.ndarray):
        raise DtypeError(f"x must be a float64 array, got {type(x).__name__}")
    _require_float64("an x", x.dtype)
    x = np.array(x, order="C")  # it is varied in place

    if not isinstance(target, Layer | Graph):
        return compare.run(_loss_function(target, x, labels))
    mode: dict[str, Any] = {"training": training, "statistics": statistics}
    if mask is not None:
        mode["mask"] = mask
    with _unchanged(target):
        try:
            return compare.run(_network_function(target, x, loss, labels, rng, mode))
        except GradientMismatch as mismatch:
            if isinstance(target, Network):
                _find_culprit(compare, target, x, loss, labels, mode, mismatch)
            raise


def _find_culprit(
    compare: Comparison,
    model: Network,
    x: Array,
    loss: LossFunction | None,
    labels: Any,
    mode: dict[str, Any],
    mismatch: GradientMismatch,
) -> None:
    """Raise for the loss or layer that is wrong by itself; return if none is.

    One wrong backward spoils the gradients of all layers below it.
    """
    output = model.forward(x, **mode).copy()
    inputs = {name: layer.input for name, layer in model.last.copy().items()}
    try:
        if loss is not None:
            compare.run(_loss_function(loss, output, labels))
        for node in reversed(model.nodes):
            if len(node.sources) == 1:
                batch = np.array(inputs[node.name], order="C")
                compare.run(_network_function(node.layer, batch, None, None, compare.rng, mode))
    except GradientMismatch as part:
        raise part from mismatch


def _network_function(
    network: Graph | Layer,
    x: Array,
    loss: LossFunction | None,
    labels: Any,
    rng: np.random.Generator,
    mode: dict[str, Any],
) -> Function:
    """Return the loss, or a random projection of the output, as a function of all arrays."""
    layers = _layers(network)
    start = _state(layers)
    cache: Any = None
    weights: Array | None = None

    def measure() -> tuple[float, Array]:
        nonlocal cache, weights
        _put_back(layers, start)
        if isinstance(network, Graph):
            y = network.forward(x, **mode)
        else:
            mask = mode.get("mask")
            y, cache = Node.of(network).forward(
                [x], mode["training"], mode["statistics"], Given(mask=mask)
            )
        if loss is not None:
            return loss(y, labels)
        if weights is None:
            weights = rng.standard_normal(y.shape)
        return float(np.vdot(weights, y)), weights

    def gradients() -> dict[tuple[str, str], Array]:
        for layer in layers.values():
            for grad in layer.grads.values():
                grad[...] = np.nan  # a gradient that nobody writes shows
        _, dy = measure()
        if isinstance(network, Graph):
            dx = network.backward(dy, input_gradient=True)
        else:
            dx = network.backward(dy, cache)
        found = {
            (name, key): grad.copy()
            for name, layer in layers.items()
            for key, grad in layer.grads.items()
        }
        return {**found, of_input: np.full_like(x, np.nan) if dx is None else dx.copy()}

    of_input = (next(iter(layers)), "input")
    arrays = {
        (name, key): param for name, layer in layers.items() for key, param in layer.params.items()
    }
    return Function({**arrays, of_input: x}, lambda: measure()[0], gradients)


def _loss_function(loss: LossFunction, logits: Array, labels: Any) -> Function:
    key = (getattr(loss, "__name__", None) or type(loss).__name__, "logits")
    return Function(
        {key: logits},
        lambda: loss(logits, labels)[0],
        lambda: {key: loss(logits, labels)[1].copy()},
    )


def _layers(network: Graph | Layer) -> Mapping[str, Layer]:
    return network.layers if isinstance(network, Graph) else {network.name: network}


def _features(network: Graph | Layer) -> int | None:
    return network.features_in if isinstance(network, Graph) else network.input_features()


State = list[tuple[Mapping[str, Any], dict[str, Array]]]


def _state(layers: Mapping[str, Layer]) -> State:
    return [
        (
            layer.noise.bit_generator.state,
            {name: values.copy() for name, values in layer.statistics.items()},
        )
        for layer in layers.values()
    ]


def _put_back(layers: Mapping[str, Layer], state: State) -> None:
    for layer, (noise, statistics) in zip(layers.values(), state, strict=True):
        layer.noise.bit_generator.state = noise
        for name, values in statistics.items():
            layer.statistics[name][...] = values


@contextmanager
def _unchanged(network: Graph | Layer) -> Iterator[None]:
    """Put everything back at the end of the block."""
    layers = _layers(network)
    state = _state(layers)
    arrays = [
        (array, array.copy())
        for layer in layers.values()
        for array in (*layer.params.values(), *layer.grads.values())
    ]
    try:
        yield
    finally:
        _put_back(layers, state)
        for array, before in arrays:
            array[...] = before


def _require_float64(what: str, dtype: np.dtype[Any] | None) -> None:
    if dtype != np.float64:
        raise DtypeError(
            f"gradients are checked in float64, got {what} of {dtype}; "
            f"make the model with dtype=np.float64, convert arrays with .astype(np.float64)"
        )
