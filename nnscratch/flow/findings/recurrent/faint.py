"""Recurrent layers whose weights began far smaller than anything draws them by itself."""

from __future__ import annotations

import math

from nnscratch.flow.findings import cures
from nnscratch.flow.findings.finding import Finding, Shown
from nnscratch.flow.findings.graph import EXPLAINS, SMALL_WEIGHTS
from nnscratch.flow.findings.view import View
from nnscratch_records.words import number, plural

FAINT = 0.1  # of the least variance that a framework draws by default
LOST = 1.0  # log10 of what that takes of signal and gradient, over all such layers


def find(view: View, shown: Shown) -> list[Finding]:
    """Return whether the signal, and the gradient with it, are lost in recurrent layers.

    Each hands on a sum of what comes in, times its weights: of weights of a tenth of the usual size
    a tenth of the usual signal, whose tenth the next one makes.
    """
    lost = {"vanishing", "constant output"} & {
        kind for kind, one in shown.items() if kind == "constant output" or _early(view, one)
    }
    if not lost or view.progress.learned or view.has_norm:
        return []
    ratios = {i: _ratio(view, i) for i in view.weights[:-1] if view.recurs(i)}
    faint = {i: ratio for i, ratio in ratios.items() if 0 < ratio < FAINT}
    whole = sum(map(math.log10, faint.values())) / 2
    if not whole < -LOST:
        return []
    worst = min(faint, key=lambda i: faint[i])
    deviation = math.sqrt(faint[worst] * _least(view, worst))
    more = f" ({len(faint)} layers are off like that)" if len(faint) > 1 else ""
    return [
        Finding(
            "initial weights",
            view.harm,
            view.names(list(faint)),
            view.first_step,
            f"The weights began too small: those of {view.layers[worst]} with standard deviation "
            f"{number(deviation)}, where {number(math.sqrt(_least(view, worst)))} is the least "
            f"that is drawn by default for {plural(int(view.record['features'][worst]), 'unit')}"
            f"{more}.",
            f"Over all layers that makes signal and gradient about {number(10**-whole)} times "
            f"smaller.",
            (
                cures.remade(
                    view,
                    "draw the weights in their usual size",
                    'input_init="glorot_uniform", recurrent_init="orthogonal"',
                ),
            ),
            {"deviation": deviation, "log10_off": whole, "large": 0.0},
            SMALL_WEIGHTS | EXPLAINS["vanishing through time"] | {"vanishing through time"},
        )
    ]


def _early(view: View, one: Finding) -> bool:
    return one.kind == "vanishing" and one.step <= view.first_step


def _ratio(view: View, layer: int) -> float:
    """Return the variance that a layer's input weights began with, over the least usual one."""
    column = view.param(layer, "weight")
    if column is None:
        return math.nan
    norm = float(view.record["param_norm_initial"][column])
    if math.isnan(norm) and view.rows:
        norm = float(view.get("param_norm")[0, column])
    return norm**2 / float(view.record["param_sizes"][column]) / _least(view, layer)


def _least(view: View, layer: int) -> float:
    return least_variance(view.fan_in(layer), float(view.record["features"][layer]))


def least_variance(n_in: float, units: float) -> float:
    """Return the least variance of the input weights of a recurrent layer that a framework draws.

    PyTorch's is 1/(3 units); Keras's is Glorot's for the four gates together.
    """
    return min(1 / (3 * units), 2 / (n_in + 4 * units))
