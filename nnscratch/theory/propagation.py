"""Signal and gradient through the layers of one particular network, width by width.

Forward: mean squares and products of two inputs, from the data upward. Backward: the expected
squared norm of the gradient dL/dz at the output of each dense layer, from the logits down,

    E |dz_l|^2 = n_l Var(w_(l+1)) E phi'(z_l)^2 E |dz_(l+1)|^2

where n_l, the units of layer l, is the fan *in* of the weights above it: a norm sums over the units
that receive the gradient. Batch norm after the dense layer adds the factors of `batchnorm`; layer
norm and RMS norm divide by the variance and the mean square over the units of one example, which in
a wide layer are the same for all. At a sum ``y = skip + scale * branch`` mean squares add, and with
them what the means over the units have in common; at the fork below it the squared gradients add:
a branch with a dense layer hands back one of random direction.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import DataError
from nnscratch.theory import drawn
from nnscratch.theory.after_norm import Normalized
from nnscratch.theory.after_norm import normalized as normalized_after
from nnscratch.theory.batchnorm import batch_moments, checked_batch
from nnscratch.theory.blocks import BATCH, LAYER, RMS, Block, Fork, Step, parts_of
from nnscratch.theory.ends import InputStatistics
from nnscratch.theory.nonlinearity import Nonlinearity
from nnscratch.theory.quadrature import mean, pair_mean, sphere_mean
from nnscratch.theory.spectrum import Spectrum
from nnscratch.theory.wobble import Wobbles, behind_norm, behind_weights, summed, taken_out


@dataclass(frozen=True)
class Signal:
    """The signal at one block.

    Attributes
    ----------
    q, c : float
        Mean square of the dense layer's output over the draw of its weights, and the correlation of
        two inputs there.
    incoming, outgoing : InputStatistics
        What the dense layer gets, and what its block gives to the next.
    normalized : float
        Variance of the activation's inputs: with batch norm before it a little below 1, so with a
        norm of examples, else q.
    correlation : float
        Of two inputs there.
    inverse_variance : float
        With batch norm ``E 1 / (s^2 + epsilon)`` over draws, s^2 being the variance of the batch;
        after the activation ``E phi'^2 / (s^2 + epsilon)``. With a norm of examples
        ``1 / (s^2 + epsilon)``, s^2 over the units.
    after : Normalized or None
        What batch norm after the activation does.
    finite : float
        Factor on the squared gradient for the finite width of a norm of examples: see `wobble`.
    slope : float
        ``E phi'^2``; not with batch norm.
    units : (2, units) array or None
        What the activation gets in drawn units, where they are followed.
    """

    block: Block
    q: float
    c: float
    incoming: InputStatistics
    outgoing: InputStatistics
    normalized: float
    correlation: float
    inverse_variance: float = 1.0
    after: Normalized | None = None
    finite: float = 1.0
    slope: float = 1.0
    units: Array | None = None

    @property
    def gain(self) -> float:
        """Factor on the squared gradient of one input, in layers without batch norm."""
        return self.block.sw2 * self.inverse_variance * self.slope


@dataclass(frozen=True)
class Forked:
    """The signal in both lanes of a fork."""

    fork: Fork
    branch: tuple[Signal | Forked, ...]
    skip: tuple[Signal | Forked, ...]
    incoming: InputStatistics
    given: InputStatistics
    outgoing: InputStatistics

    @property
    def gain(self) -> float:
        """Factor on the squared gradient of one input."""
        return _gain(self.skip) + self.fork.scale**2 * _gain(self.branch)


def _gain(signals: Sequence[Signal | Forked]) -> float:
    return math.prod(signal.gain for signal in signals)


def weighted(signals: Sequence[Signal | Forked]) -> Iterator[Signal]:
    """Yield the signals at dense layers, in the order of the model's layers."""
    for signal in signals:
        if isinstance(signal, Forked):
            yield from weighted(signal.branch)
            yield from weighted(signal.skip)
        elif signal.block.weights:
            yield signal


def forks(signals: Sequence[Signal | Forked]) -> Iterator[Forked]:
    """Yield the forks, those inside others too."""
    for signal in signals:
        if isinstance(signal, Forked):
            yield signal
            yield from forks(signal.branch)
            yield from forks(signal.skip)


def propagate_signal(
    steps: Sequence[Step], inputs: InputStatistics, batch_size: int | None
) -> tuple[Signal | Forked, ...]:
    """Return the signal at each step. Raises `DataError` where a norm would divide by 0."""
    signals: list[Signal | Forked] = []
    state = inputs
    if any(block.norm in (LAYER, RMS) for block in parts_of(steps)):
        state = replace(inputs, wobble=inputs.wobble or Wobbles())
    if state.units is None and any(block.drawn for block in parts_of(steps)):
        # Before the first weights nobody looks at them.
        state = replace(state, units=drawn.fresh("input", state.square, 0.0))
    for step in steps:
        made = _around if isinstance(step, Fork) else _through
        signal = made(step, state, batch_size)  # type: ignore[arg-type]
        signals.append(signal)
        state = signal.outgoing
    return tuple(signals)


def _around(fork: Fork, state: InputStatistics, batch_size: int | None) -> Forked:
    branch = propagate_signal(fork.branch, state, batch_size)
    skip = propagate_signal(fork.skip, state, batch_size)
    one = branch[-1].outgoing if branch else state
    two = skip[-1].outgoing if skip else state
    back = fork.scale**2 * _gain(branch)
    whole = back + _gain(skip)
    out = _summed(one, two, fork.scale)
    share = fork.scale**2 * one.square / out.square if out.square > 0 else 0.0
    handed = back / whole if whole > 0 else 0.0
    wobble = None
    if one.wobble is not None and two.wobble is not None:
        wobble = summed(one.wobble, two.wobble, min(share, 1.0), handed, fork.n_out)
    units = None
    if one.units is not None and two.units is not None:
        units = drawn.added(two.units, one.units, fork.scale, one)
    return Forked(fork, branch, skip, state, one, replace(out, wobble=wobble, units=units))


def _summed(branch: InputStatistics, skip: InputStatistics, scale: float) -> InputStatistics:
    """Return what comes out of ``skip + scale * branch``, independent but for their means."""
    common = 2 * scale * branch.average * skip.average

    def of(name: str) -> float:
        added: float = getattr(skip, name) + scale**2 * getattr(branch, name) + common
        return added

    square, product = of("square"), of("product")
    spread = square - product
    share = scale**2 * (branch.square - branch.product) / spread if spread > 0 else 0.0
    return InputStatistics(
        square,
        product,
        skip.spectrum.blended(branch.spectrum, min(1.0, max(0.0, share))),
        skip.average + scale * branch.average,
        of("average_square"),
        of("average_product"),
    )


def _through(block: Block, state: InputStatistics, batch_size: int | None) -> Signal:
    phi = block.activation
    q, covariance = block.sw2 * state.square + block.sb2, block.sw2 * state.product + block.sb2
    c = _correlation(covariance, q)
    if block.norm == BATCH:
        return _through_batch(block, state, q, c, batch_size)
    variance, correlation, inverse, finite = q, c, 1.0, 1.0
    centred, wobble = block.norm == LAYER, state.wobble
    if block.norm:
        # Over the units of a dense layer the mean is 0.
        taken = centred and not block.weights
        left = q - state.average_square if taken else q
        shared = covariance - state.average_product if taken else covariance
        if not left > 0:
            raise DataError(
                f"all units of {block.name!r} give the same: the norm after it would divide by 0"
            )
        inverse = 1 / (left + block.epsilon)
        variance, correlation = left * inverse, _correlation(shared, left)
        before = wobble or Wobbles()
        off = before.centred if taken else before.whole
        # Random weights add 2 / n to V; they hand down what lies along their input less.
        alone = block.weights - taken_out(phi, variance)
        finite = max(0.0, 1 + off.variance - off.tied - off.along + alone / block.n_out)
        wobble = behind_norm(phi, variance, centred, block.n_out)
    elif block.weights and wobble is not None:
        wobble = behind_weights(wobble, phi, q, block.n_out)
    units = _units(block, state, variance, correlation, inverse)
    if block.drawn:
        assert units is not None
        averages = _over_units(phi, units)
    else:
        # Behind a norm the units of one example lie on a sphere.
        over = partial(sphere_mean, dimensions=block.n_out - centred) if block.norm else mean
        averages = _Averages(
            over(phi.square, variance),
            over(phi.slope_square, variance),
            pair_mean(phi.value, phi.value, variance, correlation),
            pair_mean(phi.slope, phi.slope, variance, correlation),
            mean(phi.value, variance),
        )
    # The correlations of single pairs differ around c, and follow the slope of the map.
    slope = variance * averages.slope_product * (1 - correlation)
    out = _outgoing(state.spectrum, averages.square, averages.product, slope, batch_size)
    average = averages.value
    squares = average**2, average**2
    linear = not (block.weights or block.drawn or block.norm == LAYER)
    if linear and state.average_square:  # else Gaussian around 0: see `reading`
        average = state.average * math.sqrt(inverse)
        squares = state.average_square * inverse, state.average_product * inverse
    out = replace(
        out,
        average=average,
        average_square=squares[0],
        average_product=squares[1],
        wobble=wobble,
        units=None if units is None else phi.value(units),
    )
    made = Signal(block, q, c, state, out, variance, correlation, inverse)
    return replace(made, finite=finite, slope=averages.slope_square, units=units)


class _Averages(NamedTuple):
    """E phi^2, E phi'^2, E phi phi and E phi' phi' at two inputs, and E phi, over units."""

    square: float
    slope_square: float
    product: float
    slope_product: float
    value: float


def _over_units(phi: Nonlinearity, units: Array) -> _Averages:
    values, slopes = phi.value(units), phi.slope(units)
    return _Averages(
        float(phi.square(units).mean()),
        float(phi.slope_square(units).mean()),
        float(np.mean(values[0] * values[1])),
        float(np.mean(slopes[0] * slopes[1])),
        float(values.mean()),
    )


def _units(
    block: Block, state: InputStatistics, variance: float, correlation: float, inverse: float
) -> Array | None:
    """Return what a block's activation gets in drawn units, where they are followed."""
    if state.units is None:
        return None
    if block.weights:
        return drawn.fresh(block.name, variance, correlation)
    centre = state.units.mean() if block.norm == LAYER else 0.0
    return np.asarray((state.units - centre) * math.sqrt(inverse))


def _through_batch(
    block: Block, state: InputStatistics, q: float, c: float, batch_size: int | None
) -> Signal:
    phi = block.activation
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
        out = replace(out, units=state.units)  # of which nobody makes use
        return Signal(block, q, c, state, out, 1.0, 0.0, inverse, norm)
    normalized = spread / (spread + block.epsilon)
    inverse = normalized / spread * state.spectrum.inverse_mean()
    moments = batch_moments(phi, batch_size, normalized)
    slope = normalized * moments.slope_product
    spectrum = state.spectrum.normalized()
    out = _outgoing(spectrum, moments.square, moments.product, slope, batch_size)
    average = mean(phi.value, normalized)
    out = replace(out, average=average, average_square=average**2, average_product=average**2)
    units = None if state.units is None else drawn.fresh(block.name, normalized, 0.0)
    out = replace(out, wobble=state.wobble and Wobbles())
    out = replace(out, units=None if units is None else phi.value(units))
    return Signal(block, q, c, state, out, normalized, 0.0, inverse, units=units)


def _correlation(covariance: float, q: float) -> float:
    return min(1.0, max(-1.0, covariance / q)) if q > 0 else 1.0


def _outgoing(
    spectrum: Spectrum, square: float, product: float, slope: float, batch_size: int | None
) -> InputStatistics:
    spread = square - product
    kept = min(1.0, slope / spread) if spread > 0 else 0.0
    return InputStatistics(square, product, spectrum.mixed(kept, batch_size))
