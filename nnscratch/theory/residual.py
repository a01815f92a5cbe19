"""What residual networks tend to as blocks are added, and what would hold their gradient.

With v and c the factors of a branch on the mean square of a signal of mean square 1 and on that of
the gradient, a block multiplies the squared gradient by

    1 + scale^2 c                    without norms: exponential in the number of blocks
    1 + scale^2 c / q                norm at the start of the branch, signal of mean square q: as q
                                     grows by scale^2 v a block, the product over blocks is about
                                     (q_L / q_0)^(c / v), a power of their number
    (1 + scale^2 c) / (1 + scale^2 v)   norm after the sum
    (1 + scale^2 c) s   activation after the sum, which lets a share s through: of ReLU half where
                        units are even, nearly all where they have been cut before (see `drawn`)

He, Zhang, Ren & Sun 2016; Yang & Schoenholz 2017; Xiong et al. 2020 (before and after the sum).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nnscratch.theory.aligned import leans
from nnscratch.theory.blocks import LINEAR, Fork, Step, blocks_of, parts_of
from nnscratch.theory.gradient import Split
from nnscratch.theory.meanfield import DEPTH_SCALES, depth_scale
from nnscratch.theory.propagation import Forked, Signal
from nnscratch.theory.regime import Regime
from nnscratch_records.words import number

_STEADY = 0.1  # rates whose distances from 1 differ by less of that are one


def fork_regime(passed: Sequence[Signal | Forked], splits: Mapping[str, Split]) -> Regime | None:
    """Return the `Regime` of ever more blocks like those that occur most often; None without any.

    passed : the signals of the network; splits : the gradient at each fork, by name
    """
    forked = [one for one in passed if isinstance(one, Forked)]
    if not forked:
        return None
    kind, _ = Counter(_kind(one.fork) for one in forked).most_common(1)[0]
    same = [one for one in forked if _kind(one.fork) == kind]
    last = same[-1]
    # Behind the first: one behind the last alone ends the network.
    behind = next(i for i, one in enumerate(passed) if one is same[0]) + 1
    several = len(same) > 1 or not _begins_with_norm(last.branch)
    after = passed[behind : behind + several]
    inside = list(parts_of((last.fork,)))
    dense = [block for block in inside if block.weights]
    layers = len(list(blocks_of(last.fork.branch))) or 1
    rate, growth, formula, advice = _growth(same, splits, after)
    power = growth.startswith(_POWER)
    scale = math.inf if power else depth_scale(rate) * layers
    return Regime(
        next((b.activation.name for b in inside if b.activation != LINEAR), LINEAR.name),
        dense[0].sw2,
        dense[0].sb2,
        formula,
        rate,
        last.outgoing.square,
        last.outgoing.product / last.outgoing.square if last.outgoing.square > 0 else 1.0,
        scale,
        math.nan,
        DEPTH_SCALES * scale,
        growth=growth,
        advice=advice,
        block_layers=layers,
    )


_AFTER = "norms after the sums: (1 + scale^2 c) / (1 + scale^2 v), more where layers are narrow"
_POWER = "a power of the depth"


def _growth(
    same: Sequence[Forked], splits: Mapping[str, Split], after: Sequence[Signal | Forked]
) -> tuple[float, str, str, str]:
    """Return the rate per block, how the gradient grows, where that comes from, what to do.

    after : what follows the sum of a block, none at the network's end
    """
    last, norm_after = same[-1], _begins_with_norm(after)
    fork, split = last.fork, splits[last.fork.name]
    if fork.scale == 0:
        told = "flat: blocks of scale 0 hand it on as it is, and their layers get none"
        return split.rate, told, "1 + scale^2 c with scale 0", ""
    if not norm_after and not any(splits[one.fork.name].branch for one in same):
        told = "flat: nothing comes back through the branches"
        return split.rate, told, "1 + scale^2 c with c of 0", ""
    if _begins_with_norm(last.branch) and not fork.skip and not norm_after:
        added = last.outgoing.square - last.incoming.square
        power = (split.rate - 1) * last.incoming.square / added if added > 0 else 0.0
        told = f"{_POWER}: as (number of blocks)^{power / 2:.2f}"
        formula = (
            "norms begin the branches: 1 + scale^2 c / q a block on the squared norm, and q, the "
            "signal's mean square, grows with every block"
        )
        return split.rate, told, formula, ""
    rates = _rates(same, splits)
    told = f"{rates[-1]:.3g} a block on the squared norm"
    if not norm_after and abs(rates[0] - rates[-1]) > _STEADY * abs(rates[0] - 1):
        told = (
            f"{rates[0]:.3g} a block on the squared norm at the first, {rates[-1]:.3g} at the last"
        )
    if norm_after:
        advice = (
            "Norms that begin the branches, in place of those after the sums, make the gradient "
            "grow as a power of the depth alone."
        )
        return rates[-1], told, _AFTER, advice
    bent, advice = _begins_with_activation(after), ""
    formula = "(1 + scale^2 c) s a block, s what the activation after it lets through"
    if bent and min(rates) < 1:
        advice = (
            "The activation after each sum takes from the gradient at every block: without it what "
            "goes around the branches comes back whole."
        )
    elif len(same) > 1 and not fork.skip and not any(b.norm for b in parts_of(fork.branch)):
        advice = _scaled(same, splits[last.fork.name].branch)
    return rates[-1], told, formula if bent else "1 + scale^2 c a block", advice


def _scaled(same: Sequence[Forked], branch: float) -> str:
    """Return which scale holds the gradient, of blocks with a share of the branch in it."""
    fork, count = same[-1].fork, len(same)
    norms = "norms that begin the branches make it a power of the depth."
    if leans(same[-1]):
        return (
            f"Branches that end in values of one sign add up their means: with "
            f"scale={1 / count:.3g} in each nn.Residual, 1 / blocks, it hardly grows however many "
            f"there are, with 1 / sqrt(blocks) only if a nn.Dense ends each branch; {norms}"
        )
    most = math.exp(branch / (1 - branch) / fork.scale**2 / 2)
    return (
        f"With scale={count**-0.5:.3g} in each nn.Residual, 1 / sqrt(blocks), it grows "
        f"{number(most)}-fold at most however many there are; {norms}"
    )


def _rates(same: Sequence[Forked], splits: Mapping[str, Split]) -> list[float]:
    """Return the factors on the squared gradient from one sum to the next below."""
    found = [splits[one.fork.name] for one in same]
    if len(found) == 1:
        return [found[0].rate]
    return [math.exp(low.log_square - high.log_square) for low, high in itertools.pairwise(found)]


def _begins_with_norm(signals: Sequence[Signal | Forked]) -> bool:
    if not signals or isinstance(signals[0], Forked):
        return False
    block = signals[0].block
    return not block.weights and bool(block.norm) and not block.norm_after


def _begins_with_activation(signals: Sequence[Signal | Forked]) -> bool:
    if not signals or isinstance(signals[0], Forked):
        return False
    return not signals[0].block.weights and signals[0].block.activation != LINEAR


def _kind(fork: Fork) -> tuple[Any, ...]:
    """Return what two blocks have in common that differ in their names and widths alone."""

    def of(steps: Sequence[Step]) -> tuple[Any, ...]:
        return tuple(
            _kind(step)
            if isinstance(step, Fork)
            else (step.weights, step.activation, step.norm, step.norm_after)
            for step in steps
        )

    return fork.scale, of(fork.branch), of(fork.skip)
