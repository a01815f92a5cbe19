"""One layer far behind the others: its updates against the weights they change."""

from __future__ import annotations

import numpy as np

from nnscratch.flow.findings import cures
from nnscratch.flow.findings.finding import Finding
from nnscratch.flow.findings.view import View
from nnscratch_records.words import number, since

SLOWER = 50.0  # times slower than the layers' median
LARGER = 9.0  # its weights, on average, than those of the others: that is why
STANDS = 1e-7  # of the weights' norm: shorter steps no digit of the weights shows
_ENOUGH = 20  # steps


def find(view: View) -> list[Finding]:
    """Return layers whose weights change far less, in proportion, than those of the others."""
    weights = view.weight_params
    if view.rows < _ENOUGH or len(weights) < 3:
        return []
    ratios = view.get("update_ratio")[:, weights]
    reached = view.get("param_gradient_norm")[:, weights] > 0  # one that nothing asks for is told
    typical = view.typical_updates
    typical = np.where(typical > STANDS, typical, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        behind = np.where(reached, typical[:, None] / ratios * view.factors[weights], np.nan)
    slow = [i for i in range(len(weights)) if view.holds(behind[:, i] > SLOWER)]
    if not slow or len(slow) > len(weights) // 2:
        return []
    owners = [int(view.record["param_layers"][column]) for column in weights]
    worst = max(slow, key=lambda i: float(np.nanmedian(behind[view.now, i])))
    times = float(np.nanmedian(behind[view.now, worst]))
    layer = owners[worst]
    middle = float(np.nanmedian(np.where(np.isnan(behind[:, worst]), np.nan, typical)))
    slower = f"learns {number(times)} times slower than" if np.isfinite(times) else "stands beside"
    own, usual = float(np.nanmedian(ratios[view.now, worst])), view.hidden_scale(but=layer)
    step = view.since(behind[:, worst] > SLOWER)
    scale = view.weight_scale(layer)
    cause = ""
    if scale > LARGER * usual:
        cause = (
            f"Its weights are large: n_in Var(w) = {number(scale)}, {number(usual)} in the other "
            f"layers. A gradient changes large weights less, in proportion"
            + (", and under batch norm it is smaller besides." if view.has_batchnorm else ".")
        )
    return [
        Finding(
            "slow layer",
            view.harm,
            view.names([owners[i] for i in slow]),
            step,
            f"{view.layers[layer]} {slower} the other layers: its updates are {number(own)} of "
            f"its weights' norm, {number(middle)} in the middle of the layers, "
            f"{since(step, view.first_step)}.",
            cause,
            (*cures.suitable_init(view), *cures.adaptive(view)),
            {"times": times, "ratio": own, "scale": scale},
        )
    ]
