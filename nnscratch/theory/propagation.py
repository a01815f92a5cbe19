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

from nnscratch.errors import DataError
from nnscratch.theory.after_norm import Normalized
from nnscratch.theory.after_norm import normalized as normalized_after
from nnscratch.theory.batchnorm import batch_moments, checked_batch
from nnscratch.theory.blocks import BATCH, LAYER, Block, Fork, Step
from nnscratch.theory.ends import InputStatistics
from nnscratch.theory.quadrature import mean, pair_mean
from nnscratch.theory.spectrum import Spectrum


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


@dataclass(frozen=True)
class Forked:
    """The signal in both lanes of a fork."""

    fork: Fork
    branch: tuple[Signal | Forked, ...]
    skip: tuple[Signal | Forked, ...]
    incoming: InputStatistics
    given: InputStatistics
    outgoing: InputStatistics


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
    return Forked(fork, branch, skip, state, one, _summed(one, two, fork.scale))


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
    variance, correlation, inverse = q, c, 1.0
    if block.norm:
        # Over the units of a dense layer the mean is 0.
        centred = block.norm == LAYER and not block.weights
        left = q - state.average_square if centred else q
        shared = covariance - state.average_product if centred else covariance
        if not left > 0:
            raise DataError(
                f"all units of {block.name!r} give the same: the norm after it would divide by 0"
            )
        inverse = 1 / (left + block.epsilon)
        variance, correlation = left * inverse, _correlation(shared, left)
    square = mean(phi.square, variance)
    product = pair_mean(phi.value, phi.value, variance, correlation)
    # The correlations of single pairs differ around c, and follow the slope of the map.
    slope = variance * pair_mean(phi.slope, phi.slope, variance, correlation)
    out = _outgoing(state.spectrum, square, product, slope * (1 - correlation), batch_size)
    average = mean(phi.value, variance)
    squares = average**2, average**2
    if not block.weights and block.norm != LAYER and state.average_square:  # linear: see `reading`
        average = state.average * math.sqrt(inverse)
        squares = state.average_square * inverse, state.average_product * inverse
    out = replace(out, average=average, average_square=squares[0], average_product=squares[1])
    return Signal(block, q, c, state, out, variance, correlation, inverse)


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
        return Signal(block, q, c, state, out, 1.0, 0.0, inverse, norm)
    normalized = spread / (spread + block.epsilon)
    inverse = normalized / spread * state.spectrum.inverse_mean()
    moments = batch_moments(phi, batch_size, normalized)
    slope = normalized * moments.slope_product
    spectrum = state.spectrum.normalized()
    out = _outgoing(spectrum, moments.square, moments.product, slope, batch_size)
    average = mean(phi.value, normalized)
    out = replace(out, average=average, average_square=average**2, average_product=average**2)
    return Signal(block, q, c, state, out, normalized, 0.0, inverse)


def _correlation(covariance: float, q: float) -> float:
    return min(1.0, max(-1.0, covariance / q)) if q > 0 else 1.0


def _outgoing(
    spectrum: Spectrum, square: float, product: float, slope: float, batch_size: int | None
) -> InputStatistics:
    spread = square - product
    kept = min(1.0, slope / spread) if spread > 0 else 0.0
    return InputStatistics(square, product, spectrum.mixed(kept, batch_size))
