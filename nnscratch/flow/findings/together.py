"""Changes that help only together: a network that begins anew begins on numbers of its scale, and
with what bends between its layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from nnscratch.flow.findings.cures import (
    STANDARDISE_BOTH,
    STANDARDISE_INPUTS,
    STANDARDISE_TARGETS,
)
from nnscratch.flow.findings.data.scales import worth_a_try
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.network.reach import SQUARES
from nnscratch.flow.findings.view import View
from nnscratch_records.limits import TRIED_LARGE_TARGET, TRIED_SMALL_TARGET

_SCALES = frozenset({"input scale", "target scale"})
_ANEW = "; model, optimizer = "  # between what scales, and the network that begins with it
_REMADE, _AS_IT_IS = "nn.remake(model", "nn.remake(model)"
_BEGINS = ("model", f"{STANDARDISE_TARGETS.line}; model")
_STEPS = "optimizer = "
_BOTH = {
    (True, True): STANDARDISE_BOTH,
    (True, False): STANDARDISE_INPUTS,
    (False, True): STANDARDISE_TARGETS,
}


def with_others(found: Sequence[Finding], view: View) -> tuple[Finding, ...]:
    """Return findings whose first line does what helps only together with it.

    * where it begins anew, it scales what else is found to be too large or too small for a network
      to begin with, or is so that a cure would: another network learns no more of it;
    * where it names longer steps, and numbers are found to be of another scale, it scales them;
    * where it scales, and no activation bends what a network of several layers gives, it puts one.
    """
    causes = [one for one in found if not one.because]
    if not causes or not causes[0].advice or view.text("framework"):
        return tuple(found)
    first = causes[0]
    later = [one for one in causes[1:] if one.severity != "notice" and one.advice]
    scaling = next((one.advice[0] for one in later if one.kind in _SCALES), None)
    own = first.advice[0]
    if first.kind == "learning rate too small" and scaling and _anew(scaling):
        steps = own.line.removeprefix(_STEPS)
        if steps != own.line:
            own = replace(own, line=f"model, optimizer = {_AS_IT_IS}, {steps}")
    made = _bent(_scaled(own, scaling or _tried(own, view)), first, later)
    return tuple(
        replace(one, advice=(made, *one.advice[1:])) if one is first else one for one in found
    )


def _anew(scaling: Advice) -> str:
    """Return what of a line scales numbers, where a network begins with them."""
    numbers, anew, _ = scaling.line.partition(_ANEW)
    return numbers if anew else ""


def _scaled(own: Advice, scaling: Advice | None) -> Advice:
    numbers = _anew(scaling) if scaling else ""
    if not (scaling and numbers and _REMADE in own.line and own.line.startswith(_BEGINS)):
        return own
    return replace(own, what=f"{own.what}, and {scaling.what}", line=f"{numbers}; {own.line}")


def _tried(own: Advice, view: View) -> Advice | None:
    """Return what scales numbers as a cure would, of what has not been learned as it is."""
    if not view.rows or view.progress.learned:
        return None
    linear = 'output="identity"' in own.line or not view.output_activation
    targets = linear and STANDARDISE_TARGETS.line not in own.line and _worth_a_try(view)
    scaling = _BOTH.get((worth_a_try(view), targets))
    return scaling and replace(scaling, line=f"{scaling.line}{_ANEW}")


def _worth_a_try(view: View) -> bool:
    """Whether a cure would scale the targets."""
    mean, std = view.latest("target_mean"), view.latest("target_std")
    numbers = view.latest("target_classes") == 0 and view.text("loss_kind") in SQUARES
    far = math.hypot(mean, std) > TRIED_LARGE_TARGET or 0 < std < TRIED_SMALL_TARGET
    return numbers and far and not view.outweighed


def _bent(own: Advice, first: Finding, later: Sequence[Finding]) -> Advice:
    """Return a line that scales numbers with the activation that is found to be missing."""
    bare = next((one.advice[0] for one in later if one.kind == "no activation"), None)
    if bare is None or first.kind not in _SCALES or _AS_IT_IS not in own.line:
        return own
    head, _, rest = bare.line.partition(_REMADE)
    if head != f"model, {_STEPS}":
        return own
    changes = rest.partition("), ")[0]
    line = own.line.replace(_AS_IT_IS, f"{_REMADE}{changes})")
    return replace(own, what=f"{own.what}, and {bare.what}", line=line)
