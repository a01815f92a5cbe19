"""Blocks: parts of a network that only write nodes."""

from __future__ import annotations

from typing import ClassVar

from nnscratch.arguments import arguments, make
from nnscratch.errors import ConfigError, require_number, shown
from nnscratch.layers.base import Layer
from nnscratch.layers.joins import Branch, Concatenate, Skip, Sum
from nnscratch.layers.recurrent import Recurrent
from nnscratch.network.nodes import Block, Writer

__all__ = ["Bidirectional", "Residual"]


class Residual:
    """``y = skip(x) + scale * layers(x)``: a way around the layers for signal and gradient.

    ``dx`` is the sum of what comes down the branch and the skip connection, so that the gradient
    cannot vanish faster than the latter loses it. Inside a model the nodes of the block at index 3
    are ``"3.branch"``, the layers ``"3.0.layernorm"``, ``"3.1.relu"``, ..., ``"3.skip"`` (and the
    layer of `skip`) and ``"3.sum"``; its parameters ``"3.0.gamma"``. He, Zhang, Ren & Sun, "Deep
    Residual Learning", 2016; with a normalization in front of the branch "Identity Mappings", 2016.

    Parameters
    ----------
    layers : Layer or Block
        The branch, in order; as wide at its end as `skip`.
    scale : float, default 1
        Of the branch: ``1 / sqrt(blocks)`` keeps the gradient of a deep network within a factor e.
    skip : Layer, Block or None
        What changes the width on the way around; None hands the input on.

    Raises `ConfigError` for a branch without layers, `ShapeError` where widths do not fit.

    >>> import nnscratch as nn
    >>> block = nn.Residual(nn.LayerNorm(64), nn.ReLU(), nn.Dense(64, 64), scale=0.5)
    >>> list(nn.Sequential(block, nn.Dense(64, 10)).layers)[-3:]
    ['0.skip', '0.sum', '1.dense']
    """

    kind: ClassVar[str] = "residual"

    def __init__(
        self, *layers: Layer | Block, scale: float = 1.0, skip: Layer | Block | None = None
    ) -> None:
        if not layers:
            raise ConfigError("Residual needs at least one layer in its branch, got none")
        self.layers = layers
        self.sum = Sum(require_number("Residual scale", scale))
        self.skip = skip

    @property
    def scale(self) -> float:
        """That of its sum, also once the block is in a model."""
        return self.sum.scale

    @scale.setter
    def scale(self, scale: float) -> None:
        self.sum.scale = require_number("Residual scale", scale)

    def write(self, writer: Writer, source: int) -> int:
        branch = writer.put_own(Branch(), source)
        for part in self.layers:
            branch = writer.put(part, branch)
        skip = writer.put_own(Skip(), source)
        if self.skip is not None:
            skip = writer.put(self.skip, skip)
        return writer.put_own(self.sum, branch, skip)

    def __repr__(self) -> str:
        options = [repr(part) for part in self.layers]
        options += [f"scale={self.scale:g}"] * (self.scale != 1)
        options += [f"skip={self.skip!r}"] * (self.skip is not None)
        return f"Residual({', '.join(options)})"


class Bidirectional:
    """A recurrent layer and another of its kind that goes the other way, side by side.

    Gives twice the layer's features: first those of the layer, then those of the one from the last
    step to the first, which has weights of its own. Inside a model the nodes of the block at index
    3 are ``"3.0.lstm"``, ``"3.1.lstm"`` and ``"3.concatenate"``. Schuster & Paliwal 1997.

    Parameters
    ----------
    layer : RNN, LSTM or GRU

    Raises `ConfigError` for anything else.

    >>> import nnscratch as nn
    >>> model = nn.Sequential(nn.Bidirectional(nn.GRU(6, 50)), nn.MeanOverTime(), nn.Dense(100, 4))
    >>> list(model.layers)[:3]
    ['0.0.gru', '0.1.gru', '0.concatenate']
    """

    kind: ClassVar[str] = "bidirectional"

    def __init__(self, layer: Recurrent) -> None:
        if not isinstance(layer, Recurrent):
            raise ConfigError(
                f"Bidirectional takes a recurrent layer such as nn.LSTM(6, 50), got {shown(layer)}"
            )
        self.layer = layer
        self.other = make(type(layer), {**arguments(layer), "reverse": not layer.reverse})

    def write(self, writer: Writer, source: int) -> int:
        there, back = writer.put(self.layer, source), writer.put(self.other, source)
        return writer.put_own(Concatenate(), there, back)

    def __repr__(self) -> str:
        return f"Bidirectional({self.layer!r})"
