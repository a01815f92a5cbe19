"""A loss that stands at what one answer for all gives, though the gradient arrives: small steps."""

from __future__ import annotations

from nnscratch.flow.findings import rates
from nnscratch.flow.findings.finding import Finding, Shown
from nnscratch.flow.findings.progress import ENOUGH, LEARNS
from nnscratch.flow.findings.training.steps import small_rate
from nnscratch.flow.findings.view import View
from nnscratch_records.words import number, percent, plural

BEHIND = 0.3  # of the answers' variance that a linear fit tells and the network does not
FEW_ROWS = 20
_STANDS = frozenset({"does not learn", "constant output", "slow layer"})


def find(view: View, shown: Shown, size: float) -> list[Finding]:
    """The answer is still one for all, or nearly, the gradient arrives: it takes its time."""
    p, rate = view.progress, rates.rate_at(view)
    largest, begin = rates.usual(view)
    most = largest if rate < largest else 2 * rates.CLEARLY * largest
    if rates.optimizer_name(view) not in rates.PLAIN or set(shown) - _STANDS:
        return []
    if p.nothing and rate < rates.CLEARLY * largest and _bends(view):
        where = "The loss stands on a plateau, at what one answer for all gives"
    elif (
        p.rows >= ENOUGH
        and p.share < LEARNS
        and (
            (p.linear > p.share + BEHIND and rate < begin)
            or (_few_rows(view) and rates.timid(view))
        )
    ):
        told = f", of which a linear fit tells {percent(p.linear)}," if p.linear > 0 else ""
        where = (
            f"{percent(max(0.0, p.share))} of what there is to learn is learned{told} and the loss "
            f"hardly falls"
        )
    else:
        return []
    seen = (
        f"{where}: the gradient arrives in every layer, the weights move by {number(size)} of "
        f"their norm a step, and in {plural(view.rows, 'step')} with the learning rate "
        f"{number(rate)} that is as far as they came."
    )
    why = "Units that began alike part slowly; longer steps, or many more, bring that about."
    return [small_rate(view, seen, rates.rounded(min(most, rates.LEAP * rate)), size, why)]


def _few_rows(view: View) -> bool:
    """Whether the examples are too few to guess any from the others, as of XOR."""
    return bool(view.latest("target_count") < FEW_ROWS)


def _bends(view: View) -> bool:
    """Whether the hidden activations are smooth at 0: where units are alike they are lines."""
    hidden = view.hidden_activations
    return bool(hidden) and not view.rectifiers and view.activation in ("sigmoid", "tanh")
