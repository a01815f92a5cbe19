"""The weights that suit an activation: with which scale a layer hands the gradient on unchanged."""

from __future__ import annotations

import functools
import math

from nnscratch import initializers, layers
from nnscratch.initializers import Initializer, VarianceScaling
from nnscratch.layers import Layer
from nnscratch.theory.meanfield import gradient_rate, variance_map

_SMALL = 1e-4  # mean square of a signal that units with two ends do not feel
_GROWTH = 1.5  # a signal that becomes this much larger, relative to what came in, grows for ever
_NEAR = 0.08  # as near as the scale of a named initializer must be
_NAMED = ("he_normal", "lecun_normal")
_BIAS = (1.0, 5.0)  # of a gate, that are advised


@functools.cache
def suited_scale(kind: str) -> float:
    """Return n_in Var(w) at which a layer hands the squared gradient on as large as it came.

    For inputs of the activation of mean square 1; where it has two ends, for small ones. NaN for a
    kind of activation without one that helps: its units would saturate, or the signal grow for
    ever (sigmoid, softplus, exponential); and for one that is not this package's.

    kind : of the layer, such as ``"leakyrelu"``
    """
    names = {layers.activation(name).kind: name for name in layers.activation_names()}
    return _scale_of(layers.activation(names[kind])) if kind in names else math.nan


def _scale_of(layer: Layer) -> float:
    """Return that scale for an activation as it is set, also for one of somebody's own."""
    q = 1.0 if any(map(math.isnan, layer.saturation)) else _SMALL
    rate = gradient_rate(layer, q, 1.0)
    if not rate > 0:
        return math.nan
    one, more = (variance_map(layer, factor * q, 1 / rate) / (factor * q) for factor in (1, 1.5))
    return 1 / rate if 1 / _GROWTH**2 < one < _GROWTH and more < _GROWTH * one else math.nan


def suited_init(activation: str | Layer) -> Initializer | None:
    """Return an initializer of that scale, by name where it has one; None where there is none.

    activation : of the layer the kind, or the layer
    """
    if isinstance(activation, str):
        scale = suited_scale(activation)
    else:
        scale = _scale_of(activation)
    if math.isnan(scale):
        return None
    for name in _NAMED:
        known = initializers.get(name)
        if abs(known.variance(100, 100) * 100 / scale - 1) < _NEAR:
            return known
    return VarianceScaling(float(f"{scale:.3g}"), "fan_in")


def suited_gate_bias(steps: float) -> float:
    """Return the bias with which a gate keeps a state for about a third of so many steps.

    A gate of bias b keeps 1 - 1/(1 + e^b): it forgets within about e^b steps (Tallec & Ollivier
    2018). What the candidate brings comes on top, so a third of the sequence will do.
    """
    return round(min(max(math.log(max(steps, 1.0) / 3), _BIAS[0]), _BIAS[1]), 1)
