"""Which initializer goes with which activation: the post's table, put right."""

from __future__ import annotations

from typing import Final

from nnscratch.errors import ConfigError, require_name, require_number, shown
from nnscratch.initializers.base import Initializer
from nnscratch.initializers.scaling import (
    Distribution,
    Mode,
    VarianceScaling,
    require_distribution,
)

# The factor multiplies sigma (or r) of Glorot's initialization, hence squares in the variance.
_VARIANCE_SCALE: Final[dict[str, tuple[float, Mode]]] = {
    "identity": (1.0, "fan_avg"),
    "tanh": (1.0, "fan_avg"),
    "softsign": (1.0, "fan_avg"),
    "sigmoid": (4.0**2, "fan_avg"),
    "relu": (2.0, "fan_avg"),
    "leaky_relu": (2.0, "fan_avg"),
    "prelu": (2.0, "fan_avg"),
    "rrelu": (2.0, "fan_avg"),
    "elu": (2.0, "fan_avg"),
    "softplus": (2.0, "fan_avg"),
    "gelu": (2.0, "fan_avg"),
    "silu": (2.0, "fan_avg"),
    "selu": (1.0, "fan_in"),
}
_WITH_SLOPE: Final = ("leaky_relu", "prelu", "rrelu")


def for_activation(
    name: str, distribution: Distribution = "normal", *, slope: float | None = None
) -> Initializer:
    """Return the initializer that goes with the activation `name`.

    With Glorot's sigma = sqrt(2/(n_in + n_out)) for ``distribution="normal"`` and
    r = sqrt(6/(n_in + n_out)) for ``"uniform"``, the standard deviation or bound is

    ============================================  ==========================================
    tanh, softsign, identity                      x 1
    sigmoid (the logistic function)               x 4
    relu, leaky_relu, prelu, rrelu, elu,          x sqrt(2): He's variance with the average
    softplus, gelu, silu                          of the fans, a compromise of the table; He
                                                  et al. use one fan, ``get("he_normal")``
    selu                                          not in the table: sigma = 1/sqrt(n_in),
                                                  that is LeCun's, which SELU's constants
                                                  were derived for (Klambauer et al. 2017)
    ============================================  ==========================================

    The 4 multiplies sigma or r, so the variance grows 16 times.

    **Erratum.** The table that circulates, in the post too, gives logistic x 1 and tanh x 4. The
    rows are swapped: Glorot's own tutorial gives tanh x 1 and sigmoid x 4, because the slope of the
    logistic function at 0 is 1/4 and the slope of tanh is 1. What each does to the gradient is
    chi_1, the factor on its squared norm per layer at the signal's fixed point (equal widths):

    ===========  ======================  ======================================================
    tanh x 1     1 (from below)          at the edge: the gradient survives
    tanh x 4     2.377, as circulated    explodes, and 45 % of the units have |tanh| > 0.99
    sigmoid x 1  0.0557, as circulated   vanishes: 18-fold a layer
    sigmoid x 4  0.399                   vanishes still: 2.5-fold a layer
    ===========  ======================  ======================================================

    So even the right factor does not save a deep sigmoid network. Its outputs are not centred on 0
    (they average 0.5), the inputs of the next layer are large because of that alone, and there the
    slope is far below the 1/4 that the factor 4 makes up for.

    `slope`, for leaky_relu, prelu and rrelu, is the slope a of the negative side. Given, the
    variance of the table is divided by ``1 + a^2``, as He et al. 2015 derive:
    ``(1 + a^2)/2 * n * Var(w) = 1`` (rrelu: a^2 is the mean square of the drawn slopes). Left out,
    it is the table's row for ReLU "and its variants", the same as ``slope=0``; at a = 0.01 the
    difference is 0.01 %, at 0.2 it is 4 %.

    ELU, softplus, GELU and SiLU have the ReLU's factor because they become it for large inputs, not
    because a theory says so. With ELU and equal widths the signal's variance still grows, slowly;
    with GELU and SiLU it falls, by 0.85 and 0.71 in the first layer after a variance of 1.

    Raises:
        ConfigError: `name` or `distribution` is unknown, `slope` is not finite, or is given for an
            activation that has none.
    """
    require_name("activation", name, _VARIANCE_SCALE)
    require_distribution("for_activation", distribution)
    scale, mode = _VARIANCE_SCALE[name]
    if slope is not None:
        if name not in _WITH_SLOPE:
            raise ConfigError(
                f"activation {name!r} has no slope, got slope={shown(slope)}: leave it out "
                f"(activations with one are {', '.join(_WITH_SLOPE)})"
            )
        a = require_number("slope of for_activation", slope)
        scale /= 1.0 + a * a
    return VarianceScaling(scale, mode, distribution)
