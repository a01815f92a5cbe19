"""The gradient from the loss down through the signals of `propagation`: its square and spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nnscratch.arrays import Array
from nnscratch.theory.aligned import around, leans
from nnscratch.theory.batchnorm import batch_moments
from nnscratch.theory.blocks import BATCH, LAYER
from nnscratch.theory.ends import LossGradient
from nnscratch.theory.finite_width import (
    LayerNoise,
    Spread,
    example_noise,
    from_signal,
    linear_noise,
    normalized_noise,
    plain_noise,
)
from nnscratch.theory.propagation import Forked, Signal, weighted


@dataclass(frozen=True)
class Split:
    """The gradient at one fork.

    Attributes
    ----------
    name : str
        Of the sum.
    log_square : float
        Logarithm of the expected squared norm that arrives at the sum, over that at the last layer.
    rate : float
        Factor on it from there to the fork.
    branch : float
        Share of the branch in what arrives at the fork; the rest came around it.
    """

    name: str
    log_square: float
    rate: float
    branch: float


@dataclass(frozen=True)
class Flow:
    """What theory says of each dense layer, first to last.

    Attributes
    ----------
    log_square : (L,) array
        Logarithm of the expected squared norm of dL/dz over that at the last layer.
    last : float
        The same of the last layer's over that of dL/dlogits.
    variance : (L,) array
        Variance over draws of the logarithm of the squared norm relative to the last layer.
    splits : tuple of Split
        By fork, as `forks` yields them.
    """

    log_square: Array
    last: float
    variance: Array
    splits: tuple[Split, ...]


@dataclass(frozen=True)
class _Gradient:
    """A gradient on its way down.

    log_square : of the expected squared norm over that at the last layer; correlation : mean, of
    two inputs; kept : what is left of their correlation, but for batch norm; spread : over draws,
    None before the last layer with weights; fresh : whether random weights are right above, whose
    part of the spread is not in it yet; aligned : share of the square along the signal; lifted :
    logarithm of what that has added, as a factor: see `aligned`; shares : how it is spread over
    drawn units, None where evenly: the square at two inputs and the product of both, each with mean
    1, shape (3, units): see `drawn`; norm: the norm of examples right above
    """

    log_square: float
    correlation: float
    kept: float
    spread: Spread | None
    fresh: bool
    aligned: float = 0.0
    lifted: float = 0.0
    shares: Array | None = None
    norm: str = ""


def propagate_gradient(
    signals: Sequence[Signal | Forked], loss: LossGradient, batch_size: int | None
) -> Flow:
    """Return the `Flow` of a network from its signals and what the loss sends back."""
    way = _Way(loss, batch_size)
    way.down(signals, _Gradient(0.0, loss.correlation, 1.0, None, fresh=False))
    dense = list(weighted(signals))
    found = way.at[::-1]  # skip before branch, from the last up: as `weighted` has them
    batch = math.inf if batch_size is None else float(batch_size)
    # Of the last layer nothing: all is relative to it.
    variance = np.array([0.0 if s is None else s.log_variance(batch) for _, s, _ in found])
    # What lies along the signal is one number for each example and class, a Gaussian over draws.
    of_one = np.array([-math.expm1(-lifted) for *_, lifted in found])
    variance += 2 * of_one**2 * (loss.correlation_square + (1 - loss.correlation_square) / batch)
    if len(dense) == len(signals):
        noises = way.noises[:0:-1]
        variance = variance + from_signal(noises, [signal.block.sw2 for signal in dense[1:]])
    logs, splits, last = np.array([square for square, *_ in found]), way.splits[::-1], way.last
    if last is None:  # a fork ends the network
        last = float(logs[-1])
        logs = logs - last
        splits = [replace(one, log_square=one.log_square - last) for one in splits]
    return Flow(logs, last, np.maximum(variance, 0.0), tuple(splits))


class _Way:
    """The way down, and what is seen on it."""

    def __init__(self, loss: LossGradient, batch_size: int | None) -> None:
        self.loss, self.batch_size = loss, batch_size
        self.at: list[tuple[float, Spread | None, float]] = []
        self.noises: list[LayerNoise] = []
        self.splits: list[Split] = []
        self.last: float | None = None

    def down(self, signals: Sequence[Signal | Forked], g: _Gradient) -> _Gradient:
        for signal in reversed(signals):
            g = self._fork(signal, g) if isinstance(signal, Forked) else self._block(signal, g)
        return g

    def _block(self, signal: Signal, g: _Gradient) -> _Gradient:
        block = signal.block
        shares, aligned, lifted = g.shares, g.aligned, g.lifted
        if signal.units is not None and (block.drawn or shares is not None):
            alone = 0.0 if block.weights else aligned
            factor, noise, shares, aligned, more = _passed_by_units(signal, shares, alone)
            r, lifted = g.correlation * noise.kept, lifted + more
            if block.norm == BATCH:  # these as if spread evenly, but for the slopes
                even = float(np.mean(block.activation.slope_square(signal.units)))
                uneven = factor / (signal.inverse_variance * even) if even > 0 else 0.0
                factor, noise, r = _passed(signal, g.correlation, self.batch_size)
                factor *= uneven
        else:
            factor, noise, r = _passed(signal, g.correlation, self.batch_size, g.norm)
        spread, log_square, kept = g.spread, g.log_square + _log(factor), g.kept * noise.kept
        if spread is not None:
            spread = spread.below(noise) if g.fresh else spread.below_slopes(noise)
        if not block.weights:
            aligned = 0.0 if block.norm else aligned
            norm = "" if block.norm == BATCH else block.norm
            return _Gradient(log_square, r, kept, spread, False, aligned, lifted, shares, norm)
        last = spread is None
        if last:
            self.last, log_square = log_square, 0.0
        self.at.append((log_square, spread, lifted))
        self.noises.append(noise)
        if spread is None:
            spread = Spread(aligned=self.loss.correlation_square * kept**2)
        aligned = (self.loss.along if last else 1.0) / block.n_in
        return _Gradient(log_square + _log(block.sw2), r, kept, spread, True, aligned, lifted)

    def _fork(self, signal: Forked, g: _Gradient) -> _Gradient:
        fork = signal.fork
        above = g.spread or Spread(aligned=self.loss.correlation_square * g.kept**2)
        g = _settled(replace(g, spread=above, norm=""), fork.n_out)
        scaled = replace(g, log_square=g.log_square + 2 * _log(abs(fork.scale)))
        skip = _settled(self.down(signal.skip, g), fork.n_in)
        branch = _settled(self.down(signal.branch, scaled), fork.n_in)
        whole = float(np.logaddexp(branch.log_square, skip.log_square))
        share = math.exp(branch.log_square - whole) if branch.log_square > -math.inf else 0.0
        aligned, more = g.aligned, 1.0
        if signal.skip:
            aligned = 1 / fork.n_in
        elif (leans(signal) or signal.outgoing.units is not None) and share < 1:
            more, aligned = around(signal, g.aligned, share / (1 - share), self.batch_size)
            whole += math.log(more)
        rate = math.exp(whole - g.log_square) if whole > -math.inf else 0.0
        self.splits.append(Split(fork.name, g.log_square, rate, share))
        assert g.spread is not None
        assert branch.spread is not None
        assert skip.spread is not None
        kept = branch.kept * skip.kept / g.kept**2 if g.kept else 0.0
        return _Gradient(
            whole,
            share * branch.correlation + (1 - share) * skip.correlation,
            share * branch.kept + (1 - share) * skip.kept,
            g.spread.joined(skip.spread, branch.spread, share, kept, fork.n_in),
            fresh=False,
            aligned=aligned,
            lifted=g.lifted + math.log(more),
            shares=_joined_shares(branch, skip, share),
        )


def _settled(g: _Gradient, units: int) -> _Gradient:
    """Return the gradient with the spread of the weights above it."""
    if not g.fresh or g.spread is None:
        return g
    return replace(g, spread=g.spread.below(linear_noise(units)), fresh=False)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _joined_shares(branch: _Gradient, skip: _Gradient, share: float) -> Array | None:
    """Return the shares below a fork, the branch having a share of the square there."""
    if branch.shares is None and skip.shares is None:
        return None
    one, two = (1.0 if lane.shares is None else lane.shares for lane in (branch, skip))
    ways = np.array([[1.0, r.correlation] for r in (branch, skip)])[:, [0, 0, 1], None]
    return _evenly(share * ways[0] * one + (1 - share) * ways[1] * two)


def _evenly(shares: Array) -> Array:
    """Return the rows of `shares` with mean 1; ones where that is 0."""
    means = shares.mean(axis=1, keepdims=True)
    return np.divide(shares, means, out=np.ones_like(shares), where=means != 0)


def _passed_by_units(
    signal: Signal, shares: Array | None, aligned: float
) -> tuple[float, LayerNoise, Array | None, float, float]:
    """Return what a block does to a gradient that is not spread evenly over its units: the factor,
    the noise, the shares below, the share along the signal there, and the logarithm of what that
    part adds, as a factor.

    Of the part along the signal y = phi(u), ``(E y phi' u)^2 / (E y^2 E u^2)`` lies along u below.
    """
    assert signal.units is not None
    phi, u = signal.block.activation, signal.units
    y, slopes = phi.value(u), phi.slope(u)
    above = np.ones((3, u.shape[1])) if shares is None else shares
    below: Array = above * np.vstack([phi.slope_square(u), slopes[0] * slopes[1]])
    passed, size = float(below[:2].mean()), float(np.mean(y * y))
    if not (passed > 0 and size > 0):
        return 0.0, LayerNoise(signal.block.n_out, 1.0, 1.0, 0.0), None, 0.0, 0.0
    kept, below = float(below[2].mean()) / passed, _evenly(below)
    # Units that get nothing here got little before: only what is new is noise.
    one, two = _unevenness(below) - _unevenness(above)
    noise = LayerNoise(signal.block.n_out, max(1.0, 1 + one), max(1.0, 1 + two), kept)
    along = float(np.mean(y * slopes * u)) ** 2 / (size * float(np.mean(u * u)))
    image = float(np.mean((y * slopes) ** 2)) / size
    whole = aligned * image + (1 - aligned) * passed
    factor = signal.inverse_variance * whole * signal.finite
    return factor, noise, below, aligned * along / whole, math.log(whole / passed)


def _unevenness(shares: Array) -> Array:
    """Return mean squares of the shares at one input, and mean products of those at two."""
    return np.array([np.mean(shares[0] ** 2), np.mean(shares[0] * shares[1])])


def _passed(
    signal: Signal, r: float, batch_size: int | None, above: str = ""
) -> tuple[float, LayerNoise, float]:
    """Return the factor of one block, its noise, and the gradients' mean correlation below it.

    above : the norm of examples that its output is given to
    """
    block, phi, q = signal.block, signal.block.activation, signal.normalized
    batch = math.inf if batch_size is None else float(batch_size)
    if block.norm == BATCH:
        noise = normalized_noise(phi, q, block.n_out)
        apart = -1 / (batch - 1) if batch_size is not None else 0.0
        if signal.after is not None:
            passed = block.dropout * signal.after.passed(r, batch)
        else:
            passed = batch_moments(phi, batch_size, q).passed(r)
        return signal.inverse_variance * passed, noise, apart
    noise = plain_noise(phi, q, signal.correlation, block.n_out, batch)
    norm = block.norm or above
    if norm and block.weights:
        shape = (q, signal.correlation, block.n_out)
        noise = example_noise(phi, *shape, norm == LAYER, after=not block.norm or block.norm_after)
    return signal.inverse_variance * signal.slope * signal.finite, noise, r * noise.kept
