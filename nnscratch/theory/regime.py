"""What a network tends to as it is made deeper, and the weights that would hold it on the edge."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnscratch import initializers
from nnscratch.theory import batchnorm
from nnscratch.theory.blocks import LINEAR, Block
from nnscratch.theory.criticality import best_scale
from nnscratch.theory.ends import InputStatistics
from nnscratch.theory.meanfield import DEPTH_SCALES, depth_scale, fixed_point
from nnscratch.theory.nonlinearity import nonlinearity
from nnscratch.theory.propagation import Signal, propagate_signal
from nnscratch.theory.spectrum import even_spectrum

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
        Factor on the squared norm of the gradient per layer: chi_1, or that of batch norm.
    q, c : float
        Mean square of the activations' inputs and correlation of two inputs in the depth.
    gradient_depth, correlation_depth : float
        Depth scales ``1 / |ln .|`` of the gradient and of the correlation.
    trainable_depth : float
        Six times the smaller one (Schoenholz et al. 2017); with batch norm, whose inputs stay
        apart, six times the gradient's.
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


def common_block(blocks: Sequence[Block]) -> Block | None:
    """Return the hidden block that occurs most often, with the weights above it; None if none."""
    kinds = Counter(
        (lower.activation, lower.epsilon, lower.norm_after, lower.dropout, upper.sw2, upper.sb2)
        for lower, upper in itertools.pairwise(blocks)
    )
    if not kinds:
        return None
    (activation, epsilon, after, dropout, sw2, sb2), _ = kinds.most_common(1)[0]
    # As wide as it is high, so that n_in Var(w) is sw2.
    return Block("hidden", 1, 1, sw2, sb2, activation, epsilon, after, dropout)


def regime(block: Block, signals: Sequence[Signal], batch_size: int | None) -> Regime:
    """Return the `Regime` of endlessly many blocks like `block`."""
    phi, sw2, sb2 = block.activation, block.sw2, block.sb2
    if block.epsilon is None:
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


def cure(block: Block, now: Regime) -> Cure | None:
    """Return the weights with which `block` stands on the edge; None with batch norm before it.

    Batch norm undoes any scale of the weights.
    """
    if block.epsilon is not None:
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
