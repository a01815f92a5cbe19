"""What a network tends to as it is made deeper, and the weights that would hold it on the edge.

Of networks in a row; `residual` is of blocks with a way around them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nnscratch import initializers
from nnscratch.theory import batchnorm
from nnscratch.theory.blocks import BATCH, LAYER, LINEAR, RMS, Block
from nnscratch.theory.criticality import best_scale
from nnscratch.theory.ends import InputStatistics, LossGradient
from nnscratch.theory.gradient import propagate_gradient
from nnscratch.theory.meanfield import DEPTH_SCALES, depth_scale, fixed_point
from nnscratch.theory.nonlinearity import nonlinearity
from nnscratch.theory.propagation import Signal, propagate_signal, weighted
from nnscratch.theory.quadrature import mean
from nnscratch.theory.spectrum import even_spectrum
from nnscratch_records.words import listed

_NO_EFFECT = (
    "With {} the scale of the weights has no effect: take fewer layers or an activation whose "
    "rate is nearer 1."
)
_CLEARLY = 0.01
_WIDE = 10**9
_SETTLED = 12  # layers after which a network with batch norm has settled, but for its epsilon


@dataclass(frozen=True)
class Regime:
    """Many more layers like the most common hidden layer of a network.

    Attributes
    ----------
    activation : str
    sw2, sb2 : float
        ``fan_in * Var(w)`` and ``Var(b)``.
    formula : str
        Where the rate comes from.
    rate : float
        Factor on the squared norm of the gradient per layer: chi_1, or that of a norm. Of residual
        blocks, per block.
    q, c : float
        Mean square of the activations' inputs and correlation of two inputs in the depth.
    gradient_depth, correlation_depth : float
        Depth scales ``1 / |ln .|`` of the gradient and of the correlation.
    trainable_depth : float
        Six times the smaller one (Schoenholz et al. 2017); with batch norm, whose inputs stay
        apart, with other norms and in residual networks six times the gradient's.
    growth : str
        How the gradient changes on its way, where a rate per layer does not say it.
    advice : str
        What to do where no scale of the weights helps.
    block_layers : int
        Dense layers in the branch of a residual block; 0 of layers in a row.
    """

    activation: str
    sw2: float
    sb2: float
    formula: str
    rate: float
    q: float
    c: float
    gradient_depth: float
    correlation_depth: float
    trainable_depth: float
    growth: str = ""
    advice: str = ""
    block_layers: int = 0

    @property
    def blocks_within(self) -> float:
        """Residual blocks up to which the gradient stays within six depth scales."""
        return self.trainable_depth / self.block_layers if self.block_layers else math.inf


@dataclass(frozen=True)
class Cure:
    """The weights that bring the rate closest to 1, all else the same.

    Attributes
    ----------
    sw2 : float
        ``fan_in * Var(w)``.
    initializer : str
        The Python expression for it.
    rate : float
        The rate then; 1 where the edge can be reached.
    caution : str
        What is wrong with it all the same; empty if nothing.
    """

    sw2: float
    initializer: str
    rate: float
    caution: str = ""


Module = tuple[Block, ...]


def common_module(steps: Sequence[Block]) -> Module | None:
    """Return the hidden layer that occurs most often, with the weights above it; None if none.

    A block with weights, and the blocks without that follow it.
    """
    groups: list[list[Block]] = []
    for step in steps:
        like = replace(step, name="hidden", n_in=1, n_out=1, weight_variance=1.0, sb2=0.0)
        if step.weights:
            groups.append([like])
        else:
            groups[-1].append(like)
    above = [(step.sw2, step.sb2) for step in steps if step.weights][1:]
    kinds = Counter(zip(map(tuple, groups), above, strict=False))
    if not kinds:
        return None
    ((first, *others), (sw2, sb2)), _ = kinds.most_common(1)[0]
    # As wide as it is high, so that n_in Var(w) is sw2.
    return (replace(first, weight_variance=sw2, sb2=sb2), *others)


def regime(module: Module, signals: Sequence[Signal], batch_size: int | None) -> Regime:
    """Return the `Regime` of endlessly many layers like `module`; `signals` are those of the
    network's dense layers."""
    block = module[0]
    if len(module) > 1 or block.norm in (LAYER, RMS):
        return _normed(module, batch_size)
    phi, sw2, sb2 = block.activation, block.sw2, block.sb2
    if block.norm != BATCH:
        start = float(np.median([signal.q for signal in signals[:-1]]))
        point = fixed_point(phi, sw2, sb2, start if start > 0 else 1.0)
        return Regime(
            phi.name,
            sw2,
            sb2,
            "sw2 E phi'^2 at the fixed point, by quadrature",
            point.chi_1,
            point.q,
            point.c,
            point.gradient_depth,
            point.correlation_depth,
            point.trainable_depth,
        )
    even = InputStatistics(1.0, 0.0, even_spectrum(batch_size))
    last = propagate_signal([block] * _SETTLED, even, batch_size)[-1]
    assert isinstance(last, Signal)
    apart = 0.0 if batch_size is None else -1 / (batch_size - 1)
    kept = 0.0
    if last.after is not None:
        passed = last.after.passed(apart, math.inf if batch_size is None else float(batch_size))
    else:
        moments = batchnorm.batch_moments(phi, batch_size, last.normalized)
        passed = moments.passed(apart)
        kept = last.normalized * moments.slope_product / (moments.square - moments.product)
    rate = sw2 * block.dropout * last.inverse_variance * passed
    scale = depth_scale(rate)
    return Regime(
        phi.name,
        sw2,
        sb2,
        _formula(block, batch_size),
        rate,
        last.q,
        last.c,
        scale,
        depth_scale(kept),
        DEPTH_SCALES * scale,
        advice=_NO_EFFECT.format(BATCH),
    )


def _normed(module: Module, batch_size: int | None) -> Regime:
    """Return the regime of layers with a norm of examples: numerically, once they have settled."""
    block, phi = module[0], module[0].activation
    even = InputStatistics(1.0, 0.0, even_spectrum(batch_size))
    wide = tuple(
        replace(one, n_in=_WIDE, n_out=_WIDE, weight_variance=one.sw2 / _WIDE) for one in module
    )
    passed = propagate_signal([*wide * _SETTLED, wide[0]], even, batch_size)
    logs = propagate_gradient(passed, LossGradient(1.0, 0.0, 0.0), batch_size).log_square
    rate = math.exp(float(logs[-3] - logs[-2]))
    settled = list(weighted(passed))[-1]
    scale = depth_scale(rate)
    norms = [one.norm for one in module if one.norm]
    before = block.norm in (LAYER, RMS)
    where = f"{listed(norms)} {'before' if before else 'after'} the activation"
    what = ("E phi'^2 / E phi^2" if before or norms[0] == RMS else "E phi'^2 / Var phi") * (
        len(norms) == 1 and norms[0] != BATCH
    )
    advice = _NO_EFFECT.format(norms[0]) if before else ""
    own = mean(phi.slope_square, 1.0) / mean(phi.square, 1.0)
    if not before and own > 0 and abs(math.log(own)) < abs(math.log(rate)) - _CLEARLY:
        advice = (
            f"A norm between the weights and the activation, not behind it, gives a rate of "
            f"{own:.3g}."
        )
    return Regime(
        phi.name,
        block.sw2,
        block.sb2,
        f"{where}, {'sw2 ' * (not before)}{what} by quadrature" if what else where,
        rate,
        settled.normalized,
        settled.correlation,
        scale,
        math.nan,
        DEPTH_SCALES * scale,
        advice=advice or "Take fewer layers or an activation whose rate is nearer 1.",
    )


def _formula(block: Block, batch_size: int | None) -> str:
    if block.norm_after:
        return "batch norm after the activation: numerically, to first order in 1 / batch"
    if batch_size is None:
        return "batch norm: limit of large batches, E phi'^2 / Var phi"
    if block.activation == LINEAR:
        return f"batch norm: exact for batches of {batch_size}, (B - 2) / (B - 3)"
    if block.activation == nonlinearity("relu"):
        return f"batch norm: exact for batches of {batch_size}, closed form"
    return f"batch norm: exact for batches of {batch_size}, by quadrature on the sphere"


def cure(module: Module, now: Regime) -> Cure | None:
    """Return the weights with which `module` stands on the edge; None with a norm in it.

    A norm undoes any scale of the weights.
    """
    block = module[0]
    if any(one.norm for one in module):
        return None
    sw2, point = best_scale(block.activation, block.sb2, near=now.sw2 or 1.0)
    caution = ""
    if math.isinf(point.q):
        caution = "the signal then still grows from layer to layer"
    elif sw2 > 10:
        caution = f"the units then saturate: their inputs have variance {point.q:.3g}"
    elif abs(point.chi_1 - 1) > 1e-3:
        caution = "no scale reaches a rate of 1 with this activation and bias"
    return Cure(sw2, _expression(sw2), point.chi_1, caution)


def _expression(sw2: float) -> str:
    for name in ("he_normal", "lecun_normal"):
        known = initializers.get(name)
        if abs(known.variance(100, 100) * 100 - sw2) < 1e-3 * sw2:
            return f'"{name}"'
    return f'nn.initializers.VarianceScaling({sw2:.5g}, "fan_in")'
