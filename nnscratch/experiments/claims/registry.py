"""All claims, in the order of the page."""

from __future__ import annotations

from collections.abc import Sequence

from nnscratch.errors import unknown_name
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

CLAIMS: tuple[Claim, ...] = (
    # The post
    saturation.SATURATES,
    sigmoid_gradient.GRADIENT,
    first_question.QUESTION,
    swapped_rows.SWAPPED,
    post_table.ACCURACY,
    clipping_blamed.BLAMED,
    clipping_rescues.RESCUES,
    dying_relu.DIES,
    leaks.LARGE_LEAK,
    leaks.RANDOM_AND_LEARNED,
    ranking.RANKING,
    elu_speed.ELU_SPEED,
    steepest.STEEPEST,
    # Glorot & Bengio 2010
    glorot.KEEPS,
    glorot.MISLEADS,
    jacobian.JACOBIAN,
    saturates_first.TOP,
    saturates_first.BOTTOM,
    glorot_table.ERRORS,
    # He et al. 2015
    one_fan.ONE_FAN,
    he_xavier.DEPTH,
    # Batch norm: Ioffe & Szegedy 2015, Yang et al. 2019
    bn_sigmoid.SIGMOID,
    bn_freedom.RATES,
    bn_freedom.SCALES,
    ioffe_drift.DRIFT,
    bn_cost.COST,
    bn_cost.REGULARIZER,
    bn_explodes.EXPLODES,
    # Recurrent networks: Pascanu et al. 2013, Jozefowicz et al. 2015
    recurrent.SINGULAR,
    recurrent_start.DEFAULTS,
    recurrent_start.FORGET,
    recurrent_rates.RATES,
    wide_orthogonal.WIDE,
    overflow.OVERFLOW,
    temporal_order.CLIPPED,
    omega_order.ORDERED,
    long_memory.CHRONO,
    long_memory.IDENTITY,
    adding.ADDING,
    copying.COPYING,
    digits_in_time.DIGITS,
    truncation.TRUNCATED,
    random_truncation.UNBIASED,
    # Clevert et al. 2015, Klambauer et al. 2017
    elu_median.MEDIAN,
    selu.SELU,
    # Initialization at depth: Saxe et al. 2013, Mishkin & Matas 2015, Hanin 2018, Schoenholz 2017
    orthogonal.ORTHOGONAL,
    lsuv.LSUV,
    hanin.WIDTHS,
    mean_field.RATES,
    trainable_depth.DEPTH,
)


def names() -> tuple[str, ...]:
    """Return the names of all claims."""
    return tuple(claim.name for claim in CLAIMS)


def select(wanted: Sequence[str]) -> tuple[Claim, ...]:
    """Return the claims of these names, or all for "all", in the page's order."""
    known = {*names(), "all"}
    for name in wanted:
        if name not in known:
            raise unknown_name("claim", name, known)
    return tuple(claim for claim in CLAIMS if claim.name in wanted or "all" in wanted)
