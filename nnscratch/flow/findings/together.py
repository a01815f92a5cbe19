"""Changes that help only together: a network that begins anew begins on numbers of its scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nnscratch.flow.findings.cures import STANDARDISE_TARGETS
from nnscratch.flow.findings.finding import Finding
from nnscratch.flow.findings.view import View

_SCALES = frozenset({"input scale", "target scale"})
_ANEW = "; model, optimizer = "  # between what scales, and the network that begins with it
_REMADE = "nn.remake(model"
_BEGINS = ("model", f"{STANDARDISE_TARGETS.line}; model")


def with_scales(found: Sequence[Finding], view: View) -> tuple[Finding, ...]:
    """Return findings whose first, where its line begins anew, scales what else is found to be too
    large or too small for a network to begin with: another one learns no more of it.
    """
    causes = [one for one in found if not one.because]
    scale = next((c for c in causes[1:] if c.kind in _SCALES and c.severity != "notice"), None)
    first = causes[0] if causes else None
    if scale is None or first is None or not first.advice or view.text("framework"):
        return tuple(found)
    own, scaling = first.advice[0], scale.advice[0]
    numbers, anew, _ = scaling.line.partition(_ANEW)
    if not anew or _REMADE not in own.line or not own.line.startswith(_BEGINS):
        return tuple(found)
    both = replace(own, what=f"{own.what}, and {scaling.what}", line=f"{numbers}; {own.line}")
    return tuple(
        replace(one, advice=(both, *one.advice[1:])) if one is first else one for one in found
    )
