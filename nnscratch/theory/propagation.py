"""Signal and gradient through the layers of one particular network, width by width.

Forward: mean squares and products of two inputs, from the data upward. Backward: the expected
squared norm of the gradient dL/dz at the output of each dense layer, from the logits down,

    E |dz_l|^2 = n_l Var(w_(l+1)) E phi'(z_l)^2 E |dz_(l+1)|^2

where n_l, the units of layer l, is the fan *in* of the weights above it: a norm sums over the units
that receive the gradient. Batch norm after the dense layer adds the factors of `batchnorm`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import DataError
from nnscratch.theory.after_norm import Normalized
from nnscratch.theory.after_norm import normalized as normalized_after
from nnscratch.theory.batchnorm import batch_moments, checked_batch
from nnscratch.theory.blocks import Block
from nnscratch.theory.ends import InputStatistics, LossGradient
from nnscratch.theory.finite_width import (
    LayerNoise,
    log_ratio_variance,
    normalized_noise,
    plain_noise,
)
from nnscratch.theory.quadrature import mean, pair_mean
from nnscratch.theory.spectrum import Spectrum


@dataclass(frozen=True)
class Signal:
    """The signal at one dense layer.

    Attributes
    ----------
    q, c : float
        Mean square of the dense layer's output over the draw of its weights, and the correlation of
        two inputs there.
    incoming, outgoing : InputStatistics
        What the dense layer gets, and what its block gives to the next.
    normalized : float
        Variance that batch norm before the activation leaves: a little below 1.
    inverse_variance : float
        ``E 1 / (s^2 + epsilon)`` over draws, s^2 being the variance of the batch; with batch norm
        after the activation ``E phi'^2 / (s^2 + epsilon)``.
    after : Normalized or None
        What batch norm after the activation does.
    """

    block: Block
    q: float
    c: float
    incoming: InputStatistics
    outgoing: InputStatistics
    normalized: float = 1.0
    inverse_variance: float = 1.0
    after: Normalized | None = None


@dataclass(frozen=True)
class Flow:
    """What theory says of each dense layer, first to last.

    Attributes
    ----------
    signals : tuple of Signal
    factor : (L,) array
        Factor on the expected squared norm from the layer above; the last one, from dL/dlogits to
        the output of the last dense layer.
    variance : (L,) array
        Variance over draws of the logarithm of the squared norm relative to the last layer.
    """

    signals: tuple[Signal, ...]
    factor: Array
    variance: Array


def propagate_signal(
    blocks: Sequence[Block], inputs: InputStatistics, batch_size: int | None
) -> tuple[Signal, ...]:
    """Return the signal at each block. Raises `DataError` where batch norm would divide by 0."""
    signals: list[Signal] = []
    state = inputs
    for block in blocks:
        signal = _through(block, state, batch_size)
        signals.append(signal)
        state = signal.outgoing
    return tuple(signals)


def _through(block: Block, state: InputStatistics, batch_size: int | None) -> Signal:
    phi = block.activation
    q = block.sw2 * state.square + block.sb2
    covariance = block.sw2 * state.product + block.sb2
    c = min(1.0, max(-1.0, covariance / q)) if q > 0 else 1.0
    if block.epsilon is None:
        square = mean(phi.square, q)
        product = pair_mean(phi.value, phi.value, q, c)
        # The correlations of single pairs differ around c, and follow the slope of the map.
        slope = q * pair_mean(phi.slope, phi.slope, q, c)
        out = _outgoing(state.spectrum, square, product, slope * (1 - c), batch_size)
        return Signal(block, q, c, state, out)
    spread = block.sw2 * (state.square - state.product)
    if batch_size is not None:
        spread *= (batch_size - 1) / batch_size
    if not spread > 0:
        raise DataError(
            f"all inputs of a batch look the same to {block.name!r}: batch norm after it would "
            "divide by 0"
        )
    if block.norm_after:
        norm = normalized_after(phi, q, c, block.epsilon)
        slope = q * pair_mean(phi.slope, phi.slope, q, c) * (1 - c)
        square, product = mean(phi.square, q), pair_mean(phi.value, phi.value, q, c)
        active = _outgoing(state.spectrum, square, product, slope, batch_size).spectrum
        few = 1.0 if batch_size is None else batch_size / (checked_batch(batch_size) - 1)
        inverse = norm.rate * norm.uneven(few * active.inverse_mean())
        out = InputStatistics(block.dropout, 0.0, active.normalized())
        return Signal(block, q, c, state, out, 1.0, inverse, norm)
    normalized = spread / (spread + block.epsilon)
    inverse = normalized / spread * state.spectrum.inverse_mean()
    moments = batch_moments(phi, batch_size, normalized)
    slope = normalized * moments.slope_product
    spectrum = state.spectrum.normalized()
    out = _outgoing(spectrum, moments.square, moments.product, slope, batch_size)
    return Signal(block, q, c, state, out, normalized, inverse)


def _outgoing(
    spectrum: Spectrum, square: float, product: float, slope: float, batch_size: int | None
) -> InputStatistics:
    spread = square - product
    kept = min(1.0, slope / spread) if spread > 0 else 0.0
    return InputStatistics(square, product, spectrum.mixed(kept, batch_size))


def propagate_gradient(
    signals: Sequence[Signal], loss: LossGradient, batch_size: int | None
) -> Flow:
    """Return the `Flow` of a network from its signals and what the loss sends back."""
    r = loss.correlation
    factors, noises = [], []
    above = 1.0  # n_l Var(w_(l+1)) of the weights between
    for signal in reversed(signals):
        factor, noise, r = _passed(signal, r, batch_size)
        factors.append(above * factor)
        noises.append(noise)
        above = signal.block.sw2
    sw2 = [signal.block.sw2 for signal in signals[1:]]
    batch = math.inf if batch_size is None else float(batch_size)
    rho_square = loss.correlation_square * noises[0].kept ** 2
    variance = log_ratio_variance(noises[:0:-1], sw2, rho_square, batch)
    return Flow(tuple(signals), np.array(factors[::-1]), variance)


def _passed(signal: Signal, r: float, batch_size: int | None) -> tuple[float, LayerNoise, float]:
    """Return the factor of one block, its noise, and the gradients' mean correlation below it."""
    block, phi, q = signal.block, signal.block.activation, signal.q
    batch = math.inf if batch_size is None else float(batch_size)
    if block.epsilon is None:
        noise = plain_noise(phi, q, signal.c, block.n_out, batch)
        return mean(phi.slope_square, q), noise, r * noise.kept
    noise = normalized_noise(phi, signal.normalized, block.n_out)
    apart = -1 / (batch - 1) if batch_size is not None else 0.0
    if signal.after is not None:
        return block.dropout * signal.inverse_variance * signal.after.passed(r, batch), noise, apart
    moments = batch_moments(phi, batch_size, signal.normalized)
    return signal.inverse_variance * moments.passed(r), noise, apart
