"""`Prediction`: the numbers by layer, and what they mean in a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.console import table_of, text_of
from nnscratch.theory.meanfield import DEPTH_SCALES
from nnscratch.theory.regime import Cure, Regime
from nnscratch_records.limits import FACTOR, verdict
from nnscratch_records.words import number, percent, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SAME = 0.99  # inputs more correlated than this look alike to the network
_CRITICAL = 2e-3
_GENTLE = 0.05  # rates this close to 1 need no cure at ordinary depths
_DEEP = 1000
_WIDE = 10  # times a network's depth: farther nobody asks what its width allows


@dataclass(frozen=True)
class BlockFlow:
    """What is expected at a residual block.

    Attributes
    ----------
    name : str
        Of its sum.
    second_moment : float
        Mean square of the sum.
    gradient : float
        Norm of the gradient that arrives at the sum over that of dL/dz at the last layer: root
        mean square over draws.
    rate : float
        Factor on its square from the sum to the block's input.
    branch : float
        Share of that which comes through the branch; the rest comes around it.
    """

    name: str
    second_moment: float
    gradient: float
    rate: float
    branch: float


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """What theory expects of a model before training. Arrays are by layer, dense layers in order.

    Attributes
    ----------
    layers : tuple of str
        Names of the dense layers.
    widths : (L,) array
        Their units.
    second_moment : (L,) array
        Expected mean square of each one's output z.
    correlation : (L,) array
        Correlation of two different inputs there.
    rate : (L,) array
        Factor on the squared norm of dL/dz from the layer above: 1 for the last.
    relative_gradient : (L,) array
        Norm of dL/dz over that at the last layer: the typical draw (geometric mean over draws).
    sd : (L,) array
        Standard deviation, over draws of the weights, of its natural logarithm.
    last_gradient : float
        Expected norm of dL/dz at the last layer for softmax cross-entropy, the mean over a batch;
        NaN where no batch size is known or the model has one output.
    batch_size : int or None
    regime : Regime or None
        What more such layers would lead to; None for a single dense layer.
    cure : Cure or None
        Weights that bring the rate closest to 1; None where their scale has no effect.
    at_initialization : bool
        False where parameters differ from what their initializers draw.
    notes : tuple of str
        Where theory does not apply, or only in part.
    measured : (L,) array or None
        Norms of dL/dz measured in one pass, where data and labels were given.
    concerns : tuple of str
        What is wrong before the first step: the scale of inputs or targets, saturated units,
        weights that are equal, targets that the output cannot give.
    blocks : tuple of BlockFlow
        Of residual networks, the signal and the gradient at each block.
    """

    layers: tuple[str, ...]
    widths: Array
    second_moment: Array
    correlation: Array
    rate: Array
    relative_gradient: Array
    sd: Array
    last_gradient: float
    batch_size: int | None
    regime: Regime | None
    cure: Cure | None
    at_initialization: bool
    notes: tuple[str, ...]
    measured: Array | None = None
    concerns: tuple[str, ...] = ()
    blocks: tuple[BlockFlow, ...] = ()

    @property
    def variance(self) -> Array:
        """Variance of each layer's output over different inputs, ``q (1 - c)``."""
        return self.second_moment * (1 - self.correlation)

    @property
    def gradient_norm(self) -> Array:
        """Expected norm of dL/dz at each layer; NaN where `last_gradient` is."""
        return self.last_gradient * self.relative_gradient

    @property
    def ratio(self) -> float:
        """Norm of dL/dz at the first dense layer over that at the last."""
        return float(self.relative_gradient[0])

    @property
    def rate_per_layer(self) -> float:
        """Geometric mean of the rates below the last layer; NaN for a single layer."""
        if len(self.rate) < 2:
            return math.nan
        with np.errstate(divide="ignore"):
            return float(np.exp(np.mean(np.log(self.rate[:-1]))))

    @property
    def depth_scale(self) -> float:
        """Layers over which the squared gradient changes by a factor e, deep in the network."""
        return math.nan if self.regime is None else self.regime.gradient_depth

    @property
    def trainable_depth(self) -> float:
        """Hidden layers up to which such a network trains, about.

        Six depth scales, or fewer where layers of this width lose the gradient of the typical draw.
        """
        if self.regime is None:
            return math.nan
        return min(self.regime.trainable_depth, self.width_depth)

    @property
    def width_depth(self) -> float:
        """Layers over which the typical draw's gradient shrinks by `FACTOR` for its width alone.

        The squared norm's logarithm has a variance that grows with every layer of finite width, and
        a mean of minus half of that (Hanin 2018); NaN for a single layer.
        """
        steps = len(self.sd) - 1
        if not steps:
            return math.nan
        a_layer = float(self.sd[0]) ** 2 / steps
        return math.log(FACTOR) / a_layer if a_layer > 0 else math.inf

    @property
    def word(self) -> str:
        """``"vanishing"``, ``"exploding"`` or ``"healthy"``, by the limits of `read_flow`."""
        return verdict(self.ratio)

    @property
    def verdict(self) -> str:
        """What to expect and what to do, in a sentence or two."""
        if self.concerns:
            return f"first of all: {'; '.join(self.concerns)}. Beside that, {self._of_gradient}"
        return self._of_gradient

    @property
    def _of_gradient(self) -> str:
        if self.regime is None:
            return "healthy: a single layer with weights has nothing that could vanish or explode"
        growth = self.regime.growth or f"{self.rate_per_layer:.3g} a layer on the squared norm"
        just = ", but only just" if self.word == "healthy" and self._too_deep else ""
        parts = [
            f"{self.word}{just}: the gradient reaches the first layer {number(self.ratio)} times "
            f"as large as at the last ({growth})"
        ]
        first, top = self.second_moment[0], self.second_moment[-2]
        if top > FACTOR**2 * first:
            parts.append(f"the signal's mean square grows {number(top / first)}-fold on the way up")
        if self.correlation[-1] > _SAME and self.word != "healthy":
            parts.append("all inputs look alike to the last layer")
        parts.append(self._of_depth(self.regime))
        text = "; ".join(parts) + "."
        advice = self._advice()
        return f"{text} {advice}" if advice else text

    @property
    def _too_deep(self) -> bool:
        """Whether the network is deeper than such ones train; a half is left to rounding."""
        if self.regime is None:
            return False
        if self.regime.block_layers:
            return self.regime.blocks_within + 0.5 < len(self.blocks)
        return self.trainable_depth + 0.5 < len(self.layers) - 1

    def _of_depth(self, regime: Regime) -> str:
        """Return how deep such a network can be, and whether it is deeper."""
        if regime.block_layers:
            return self._of_blocks(regime.blocks_within)
        said = _depth_sentence(self.trainable_depth)
        if self.width_depth < min(regime.trainable_depth, _WIDE * len(self.layers)):
            said += f", for their width: {int(np.median(self.widths[:-1]))} units"
        return f"{said}, and it has {len(self.layers) - 1}" if self._too_deep else said

    def _of_blocks(self, within: float) -> str:
        """Return up to how many residual blocks the gradient stays in bounds: six depth scales."""
        if within > _DEEP:
            return _UNLIMITED
        far, blocks = math.exp(DEPTH_SCALES / 2), plural(max(1, round(within)), "such block")
        if self._too_deep:
            return (
                f"it stays within a factor of {far:.0f} up to about {blocks}, and it has "
                f"{len(self.blocks)}"
            )
        if not 1 / far <= self.ratio <= far:  # for other reasons
            return f"{blocks} alone would keep it within a factor of about {far:.0f}"
        return f"it stays within a factor of {far:.0f} up to about {blocks}"

    def _advice(self) -> str:
        assert self.regime is not None
        if self.cure is None:
            deep = self._too_deep and bool(self.blocks)
            return self.regime.advice if deep or self.word != "healthy" else ""
        if abs(self.regime.rate - 1) < _CRITICAL:
            if abs(math.log(self.cure.sw2 / self.regime.sw2)) < _CRITICAL:
                return "The weights are at the critical scale."
            if math.isinf(self.regime.q):
                return "The rate tends to 1 only as the signal grows without end." + self._change()
        if self.word == "healthy" and abs(math.log(max(self.regime.rate, 1e-300))) < _GENTLE:
            return ""
        return self._change().lstrip()

    def _change(self) -> str:
        """Return which weights bring the rate closest to 1."""
        assert self.regime is not None
        assert self.cure is not None
        also = f", but {self.cure.caution}" if self.cure.caution else ""
        return (
            f" For a rate of {self.cure.rate:.3g}: init={self.cure.initializer}, "
            f"n_in Var(w) = {self.cure.sw2:.4g} for {self.regime.sw2:.4g} now{also}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain arrays, as the pictures take them."""
        return {
            "layers": np.array(self.layers),
            "relative_gradient": self.relative_gradient,
            "sd": self.sd,
            "second_moment": self.second_moment,
            "correlation": self.correlation,
            "rate": self.rate,
            "last_gradient": self.last_gradient,
        }

    def plot(self) -> Figure:
        """Return a figure: the predicted gradient by layer with its band, over what was
        measured."""
        from nnscratch_plots import predicted_gradient_norm_figure

        measured = None if self.measured is None else self.measured[None, :]
        return predicted_gradient_norm_figure(
            [{"label": self.word, **self.to_dict(), "measured": measured}]
        )

    def __repr__(self) -> str:
        known = [] if self.measured is None else ["measured"]
        made = table_of("layer", ["units", "E z^2", "corr.", "rate", "gradient", "spread", *known])
        for i, name in enumerate(self.layers):
            row = [
                f"{self.widths[i]}",
                f"{self.second_moment[i]:.3g}",
                f"{self.correlation[i]:.3f}",
                f"{self.rate[i]:.3f}",
                f"{self.relative_gradient[i]:.2e}",
                f"{math.exp(self.sd[i]):.2f}",
            ]
            if self.measured is not None:
                top = float(self.measured[-1])
                row.append(f"{self.measured[i] / top:.2e}" if top else "none")
            made.add_row(name, *row)
        tables = [made]
        if self.blocks:
            around = table_of("block", ["E y^2", "factor", "by the branch", "gradient"])
            for b in self.blocks:
                numbers = f"{b.second_moment:.3g}", f"{b.rate:.3f}", percent(b.branch)
                around.add_row(b.name, *numbers, f"{b.gradient:.2e}")
            tables.append(around)
        deep = [] if self.regime is None else [f"Deep in the network: {self.regime.formula}."]
        return text_of(
            f"Prediction: {self.verdict}",
            *tables,
            "gradient: norm of dL/dz relative to the last layer; rate: factor on its square from "
            "the layer above; spread: one standard deviation over draws, as a factor",
            *(
                ["factor: on its square from the sum to what the block is given"]
                * bool(self.blocks)
            ),
            *deep,
            *(f"Note: {note}." for note in self.notes),
        )


def depth_text(depth: float, digits: int = 0) -> str:
    """Return a number of layers with no more digits than the theory has."""
    if math.isnan(depth):
        return "-"
    if depth > _DEEP:
        return "no limit" if depth > 1e6 else f"> {_DEEP}"
    return f"{depth:.{digits}f}"


_UNLIMITED = "nothing in this theory limits the depth of such a network in practice"


def _depth_sentence(depth: float) -> str:
    if depth > _DEEP:
        return _UNLIMITED
    return f"such layers train up to a depth of about {max(1.0, depth):.0f}"
