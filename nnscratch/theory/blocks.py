"""Reading a model as theory sees it: dense layers, each with what follows it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from nnscratch.errors import ConfigError
from nnscratch.initializers import (
    Constant,
    Initializer,
    Normal,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    fans,
)
from nnscratch.layers import BatchNorm, Dense, Dropout, Identity, Layer, Softmax
from nnscratch.layers.recurrent import Recurrent
from nnscratch.model import Sequential
from nnscratch.theory.nonlinearity import Nonlinearity, nonlinearity, with_dropout
from nnscratch_records import WEIGHTED

LINEAR = nonlinearity("identity")
_NARROW_SUM = 0.05  # of 1/units over the hidden layers
NARROW = 10  # below so many units a layer is far from the Gaussian of wide layers


@dataclass(frozen=True)
class Block:
    """A dense layer and what follows it up to the next dense layer.

    Attributes
    ----------
    name : str
        Of the dense layer.
    n_in, n_out : int
    weight_variance : float
        Variance of one weight; ``sw2 = n_in * weight_variance``.
    sb2 : float
        Mean square of a bias.
    activation : Nonlinearity
    epsilon : float or None
        That of batch norm, or None without batch norm.
    norm_after : bool
        Whether batch norm comes after the activation instead of before it.
    dropout : float
        Factor ``1 / (1 - rate)`` on mean squares, forward and backward, of dropout after that batch
        norm. Other dropout is part of `activation`.
    """

    name: str
    n_in: int
    n_out: int
    weight_variance: float
    sb2: float
    activation: Nonlinearity = LINEAR
    epsilon: float | None = None
    norm_after: bool = False
    dropout: float = 1.0

    @property
    def sw2(self) -> float:
        """Return ``fan_in * Var(w)``."""
        return self.n_in * self.weight_variance


@dataclass(frozen=True)
class Network:
    """A model read for theory.

    Attributes
    ----------
    before : tuple of str
        Layers before the first dense layer.
    blocks : tuple of Block
    notes : tuple of str
        Where theory holds only in part.
    at_initialization : bool
        Whether the parameters are as the initializers draw them.
    probabilities : bool
        Whether a softmax ends it: for theory a part of the loss.
    """

    before: tuple[str, ...]
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]
    at_initialization: bool
    probabilities: bool


def read_network(model: Sequential) -> Network:
    """Return the blocks of `model`.

    Raises `ConfigError`, naming the layer, where theory does not know a kind of layer or an order
    of layers.
    """
    names = list(model.chain("theory"))
    probabilities = isinstance(model.layers[names[-1]], Softmax)
    names = names[:-1] if probabilities else names
    dense = [i for i, name in enumerate(names) if isinstance(model.layers[name], Dense)]
    if not dense:
        raise ConfigError("theory needs a model with at least one Dense layer, got none")
    for name in names[: dense[0]]:
        if model.layers[name].role in WEIGHTED:
            raise ConfigError(_unknown(name, model.layers[name]))
    notes: list[str] = []
    blocks = []
    fresh = True
    for start, end in zip(dense, [*dense[1:], len(names)], strict=True):
        layer = model.layers[names[start]]
        assert isinstance(layer, Dense)
        variance, sb2, as_drawn = _parameters(names[start], layer, notes)
        fresh &= as_drawn
        block = Block(names[start], layer.n_in, layer.n_out, variance, sb2)
        for name in names[start + 1 : end]:
            block = _extended(block, name, model.layers[name])
        blocks.append(block)
    for name, other in model.layers.items():
        if isinstance(other, BatchNorm) and not _is_fresh_norm(other):
            fresh = False
            notes.append(f"{name}: gamma or beta is no longer 1 or 0; theory uses 1 and 0")
    if not fresh:
        notes.insert(
            0,
            "parameters are no longer as their initializers draw them: theory holds at "
            "initialization, where weights are independent of the data and of each other",
        )
    notes += _limits(model, blocks)
    return Network(tuple(names[: dense[0]]), tuple(blocks), tuple(notes), fresh, probabilities)


def _extended(block: Block, name: str, layer: Layer) -> Block:
    """Return `block` with one more layer at its end."""
    if isinstance(layer, Identity):
        return block
    if isinstance(layer, Dropout):
        factor = 1 / (1 - layer.rate)
        if block.norm_after:
            return replace(block, dropout=block.dropout * factor)
        return replace(block, activation=with_dropout(block.activation, factor))
    if isinstance(layer, BatchNorm):
        if block.epsilon is not None:
            raise ConfigError(_order(name, block))
        return replace(block, epsilon=layer.epsilon, norm_after=block.activation != LINEAR)
    if isinstance(layer, Softmax):  # every one of its outputs depends on all its inputs
        raise ConfigError(_unknown(name, layer))
    if block.activation != LINEAR or block.norm_after:
        raise ConfigError(_order(name, block))
    try:
        return replace(block, activation=nonlinearity(layer))
    except ConfigError:
        raise ConfigError(_unknown(name, layer)) from None


def _unknown(name: str, layer: Layer) -> str:
    if isinstance(layer, Recurrent):
        return (
            f"layer {name!r} goes through time: nn.predict(model) says how many steps back it "
            f"can learn"
        )
    return (
        f"theory does not know layer {name!r} ({layer!r}): it knows Dense, BatchNorm, Dropout, "
        "Identity and activation functions applied element by element; nn.GradientFlow(model) "
        "measures the gradient of any network"
    )


def _order(name: str, block: Block) -> str:
    return (
        f"theory cannot follow layer {name!r} there: after each Dense (here {block.name!r}) it "
        "expects at most one activation, then Dropout, and one BatchNorm before or after them"
    )


def _parameters(name: str, layer: Dense, notes: list[str]) -> tuple[float, float, bool]:
    """Return variance of the weights, mean square of the biases, and whether both are as drawn."""
    weight, bias = (np.asarray(layer.params[p], dtype=np.float64) for p in ("weight", "bias"))
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ConfigError(f"theory cannot say anything about {name!r}: its parameters hold NaN")
    fresh = True
    squares = []
    for what, values, init in (("weights", weight, layer.init), ("biases", bias, layer.bias_init)):
        expected = _mean_square(init, values.shape)
        measured = float(np.mean(values * values))
        if not as_drawn(measured, init, values.shape):
            fresh = False
            notes.append(
                f"{name}: the {what} have mean square {measured:.3g} where {init!r} gives "
                f"{expected:.3g}; theory uses the measured one"
            )
            expected = measured
        squares.append(expected)
    variance, sb2 = squares
    average = float(weight.mean())
    if abs(average) > 6 * math.sqrt(max(variance, 1e-300) / weight.size):
        notes.append(
            f"{name}: the weights have mean {average:.3g}; theory is for weights of mean 0"
        )
    if np.ptp(bias) == 0 and sb2 > 0:
        notes.append(
            f"{name}: all biases are {bias[0]:.3g}; theory takes them as random of that mean square"
        )
    return variance, sb2, fresh


def _mean(init: Initializer) -> float:
    """Return the mean of what `init` draws: 0 for all that scale with the fans."""
    if isinstance(init, Constant):
        return init.value
    if isinstance(init, Normal | TruncatedNormal):
        return init.mean
    return (init.low + init.high) / 2 if isinstance(init, Uniform) else 0.0


def _mean_square(init: Initializer, shape: tuple[int, ...]) -> float:
    return init.variance(*fans(shape)) + _mean(init) ** 2


def as_drawn(measured: float, init: Initializer, shape: tuple[int, ...]) -> bool:
    """Whether a mean square is within 6 standard errors of that of what `init` draws."""
    expected = _mean_square(init, shape)
    return abs(measured - expected) <= expected * (6 * math.sqrt(2 / math.prod(shape)) + 1e-5)


def _is_fresh_norm(layer: BatchNorm) -> bool:
    return bool(np.all(layer.params["gamma"] == 1) and np.all(layer.params["beta"] == 0))


def _limits(model: Sequential, blocks: list[Block]) -> list[str]:
    """Return notes on what this model has that theory covers only in part."""
    notes = []
    if any(isinstance(layer, Dropout) for layer in model.layers.values()):
        notes.append(
            "dropout: its effect on mean squares is in the rates; that its noise makes two passes "
            "of one input differ, and the spread over draws of it, are not"
        )
    narrow = [block.n_out for block in blocks[:-1] if block.n_out < NARROW]
    if narrow:
        notes.append(
            f"a layer has only {min(narrow)} units: theory is for wide layers and can be far off"
        )
    beta = sum(1 / block.n_out for block in blocks[:-1])
    if any(block.epsilon is not None for block in blocks[:-1]) and beta > _NARROW_SUM:
        notes.append(
            f"batch norm in layers this narrow for their number (sum of 1/units {beta:.2g}): the "
            "gradient grows a little faster than in the wide layers of theory"
        )
    if any(block.norm_after for block in blocks):
        notes.append(
            "batch norm after an activation: to first order in 1 / batch; batches below 50, or "
            "inputs that are all alike, as raw data often are, can put the first layers off by a "
            "quarter"
        )
    if any(
        isinstance(layer, Dense) and isinstance(layer.init, Orthogonal)
        for layer in model.layers.values()
    ):
        notes.append(
            "orthogonal weights: the rates hold; the spread over draws is computed for independent "
            "weights and is an upper bound"
        )
    return notes
