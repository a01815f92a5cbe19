"""All claims, in the order of the page."""

from __future__ import annotations

from collections.abc import Sequence

from nnscratch.errors import require_name
from nnscratch.experiments.claims import (
    adding,
    bn_cost,
    bn_explodes,
    bn_freedom,
    bn_sigmoid,
    clipping_blamed,
    clipping_rescues,
    copying,
    digits_in_time,
    dying_relu,
    elu_median,
    elu_speed,
    first_question,
    glorot,
    glorot_table,
    hanin,
    he_xavier,
    ioffe_drift,
    jacobian,
    leaks,
    long_memory,
    lsuv,
    mean_field,
    omega_order,
    one_fan,
    orthogonal,
    overflow,
    post_table,
    random_truncation,
    ranking,
    recurrent,
    recurrent_rates,
    recurrent_start,
    residual_rates,
    saturates_first,
    saturation,
    selu,
    sigmoid_gradient,
    steepest,
    swapped_rows,
    temporal_order,
    trainable_depth,
    truncation,
    wide_orthogonal,
)
from nnscratch.experiments.claims.claim import Claim

# Whose claims stand where on the page.
_PAGE = (
    # The post
    saturation, sigmoid_gradient, first_question, swapped_rows, post_table, clipping_blamed,
    clipping_rescues, dying_relu, leaks, ranking, elu_speed, steepest,
    # Glorot & Bengio 2010
    glorot, jacobian, saturates_first, glorot_table,
    # He et al. 2015
    one_fan, he_xavier,
    # Batch norm: Ioffe & Szegedy 2015, Yang et al. 2019
    bn_sigmoid, bn_freedom, ioffe_drift, bn_cost, bn_explodes,
    # Recurrent networks: Pascanu et al. 2013, Jozefowicz et al. 2015
    recurrent, recurrent_start, recurrent_rates, wide_orthogonal, overflow, temporal_order,
    omega_order, long_memory, adding, copying, digits_in_time, truncation, random_truncation,
    # Clevert et al. 2015, Klambauer et al. 2017
    elu_median, selu,
    # Initialization at depth: Saxe et al. 2013, Mishkin & Matas 2015, Hanin 2018, Schoenholz 2017
    orthogonal, lsuv, hanin, mean_field, residual_rates, trainable_depth,
)  # fmt: skip
CLAIMS: tuple[Claim, ...] = tuple(
    claim for module in _PAGE for claim in vars(module).values() if isinstance(claim, Claim)
)


def names() -> tuple[str, ...]:
    """Return the names of all claims."""
    return tuple(claim.name for claim in CLAIMS)


def select(wanted: Sequence[str]) -> tuple[Claim, ...]:
    """Return the claims of these names, or all for "all", in the page's order."""
    known = {*names(), "all"}
    for name in wanted:
        require_name("claim", name, known)
    return tuple(claim for claim in CLAIMS if claim.name in wanted or "all" in wanted)
