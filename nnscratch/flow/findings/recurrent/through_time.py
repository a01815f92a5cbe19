"""Recurrent layers: a gradient that fades or grows on its way back through time, and why."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings import cures, rates
from nnscratch.flow.findings.finding import Advice, Finding, Shown
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.progress import ASKED, LEARNS, LITTLE, NOTHING, STEADY
from nnscratch.flow.findings.recurrent.layers import Recurrent, harm_in_time, recurrent_layers
from nnscratch.flow.findings.recurrent.truncation import truncation
from nnscratch.flow.findings.view import LATEST, View
from nnscratch.flow.flaws import QUARTER
from nnscratch.flow.reading import FACTOR
from nnscratch.theory.suited import suited_gate_bias
from nnscratch_records.words import number, percent, plural, since

OPEN = 0.85  # a gate that keeps the state, on average at the beginning: bias 1.73
SATURATES = 3.0  # the same: states of 1 and -1 throw each other about, whatever comes back
ABOVE, BELOW = 1.5, 0.9  # of what the recurrent weights multiply a vector by, at the beginning
SPIKE, OFTEN = 10.0, 3  # times the usual norm of the whole gradient, and in so many steps
STANDS_OUT, _WINDOW = 3.0, 10  # times the usual norm of so many steps before and after it
HALF = 0.5  # of all steps of a run that has not learned
_THROWN = frozenset({"learning rate too large"})
_SPARED = 0.05  # at this share of steps a larger norm is no spike but usual


def find_symptoms(view: View) -> list[Finding]:
    """Return whether the gradient vanishes or explodes through time, and its spikes."""
    if not view.rows or view.progress.learned:
        return []
    found: list[Finding] = []
    for layer in recurrent_layers(view):
        size = layer.change() / math.log10(FACTOR)
        for kind, beyond in (("vanishing", -size), ("exploding", size)):
            if kind == "vanishing" and (_averaged(view) or _within_reach(view, layer)):
                continue
            early = kind == "exploding" and beyond[0] > 1 and "exploding" not in _kinds(found)
            if (
                view.holds(beyond > 1)
                or early
                or (kind == "vanishing" and _faded(view, beyond > 1))
            ):
                found.append(_symptom(view, layer, kind, beyond > 1))
    return _worst(found) + _spikes(view)


def flows(view: View) -> bool:
    """Whether it is known that the gradient gets through time, and neither fades nor grows."""
    known = len(view.record["recurrent_layers"]) > 0
    return known and all(one.kind == "gradient spikes" for one in find_symptoms(view))


def find_causes(view: View, shown: Shown) -> list[Finding]:
    """Return what about recurrent layers explains what is shown."""
    if not view.rows or view.progress.learned:
        return []
    layers, found = recurrent_layers(view), list[Finding]()
    cuts = [one for layer in layers for one in truncation(view, layer)]
    if cuts:
        return cuts[:1]
    began: set[str] = {
        kind
        for kind in ("vanishing through time", "exploding through time")
        if kind in shown and shown[kind].step == view.first_step
    }
    for layer in sorted(layers, key=_begins_off, reverse=True):  # the worst is to blame
        if layer.name in {name for kind in began for name in shown[kind].layers}:
            found += _gate(view, layer, began) or _weights(view, layer, began)
        else:
            found += _weights(view, layer, {"exploding through time"}, SATURATES)
    return found[:1]


def _begins_off(layer: Recurrent) -> float:
    """Return how far from 1 the first factor of a step was, on a log scale."""
    began = float(layer.rate[0])
    return abs(math.log(began)) if 0 < began < math.inf else 0.0


def _within_reach(view: View, layer: Recurrent) -> bool:
    """Whether many of the answers at steps need nothing from farther back than the gradient gets,
    and these are not learned either: then that is not what holds the run up.
    """
    rates = layer.rate[np.isfinite(layer.rate) & (layer.rate > 0)]
    rate = float(np.median(rates[-LATEST:])) if len(rates) else math.nan
    reach = math.log(FACTOR) / -math.log(rate) if 0 < rate < 1 else 0.0
    p = view.progress
    stands = p.rows >= STEADY and p.share < LITTLE * QUARTER
    return stands and view.latest("target_quarter") <= reach


def _averaged(view: View) -> bool:
    """Whether the mean over all steps is read, which hands each of them its own gradient."""
    return "meanovertime" in view.kinds


def _faded(view: View, where: Array) -> bool:
    """Whether it was so in half of all steps, in a run that is not far: what came since is noise of
    saturated states, or too young to count.
    """
    return view.progress.share < LEARNS and float(np.mean(where)) >= HALF


def _symptom(view: View, layer: Recurrent, kind: str, where: Array) -> Finding:
    latest = view.now if view.holds(where) else where if _faded(view, where) else slice(0, 1)
    rate = float(np.nanmedian(layer.rate[latest]))
    steps = int(np.median(layer.steps[latest]))
    step = view.since(where) if view.holds(where) else view.first_step
    reach = abs(math.log(FACTOR) / math.log(rate)) if 0 < rate != 1 else 0.0
    change = math.log10(rate) * (steps - 1) if rate > 0 else -math.inf
    left = f"1/{FACTOR:.0f} of it is left" if kind == "vanishing" else f"it is {FACTOR:.0f} times"
    verb = "vanishes" if kind == "vanishing" else "explodes"
    horizon = max(1, round(reach))
    seen = (
        f"The gradient {verb} through time at {layer.name}: on its way back each step multiplies "
        f"it by {number(rate, 3)}, so that {left} after {plural(horizon, 'step')}, and the "
        f"sequences have {steps}; {since(step, view.first_step)}."
    )
    return Finding(
        f"{kind} through time",
        harm_in_time(view) if kind == "vanishing" else view.harm,
        (layer.name,),
        step,
        seen,
        _blame(layer, rate),
        (cures.keeps_state(view, steps),) if kind == "vanishing" else _clip(view),
        numbers={"rate": rate, "horizon": float(horizon), "steps": float(steps), "log10": change},
        explains=EXPLAINS[f"{kind} through time"] | (_THROWN if _explodes(view, kind) else set()),
    )


def _clip(view: View) -> tuple[Advice, ...]:
    return () if view.has_clip else (cures.clipped_anew(view),)


def _explodes(view: View, kind: str) -> bool:
    """Whether steps of a usual rate are too long for what comes back alone."""
    usual = rates.rate_at(view, 0) <= rates.usual(view)[0] * (1 + rates.ROUNDED)
    return kind == "exploding" and usual and not view.has_clip


def _blame(layer: Recurrent, rate: float) -> str:
    """Return in words what the factor of a step is made of, as the layer began."""
    began = float(layer.rate[0]) if np.isfinite(layer.rate[0]) else rate
    if layer.keeps == "f":
        return (
            f"At the beginning the forget gate keeps {number(layer.gates['f'])} a step, and the "
            f"way through the candidate brings about {number(layer.way_through)}: together "
            f"{number(layer.gates['f'] + layer.way_through)}, measured {number(began)}."
        )
    if layer.keeps == "z":
        return (
            f"At the beginning the update gate keeps {number(layer.gates['z'])} a step, and the "
            f"way through the candidate brings about {number(layer.way_through)}: together "
            f"{number(layer.gates['z'] + layer.way_through)}, measured {number(began)}."
        )
    (weights,) = layer.weights.values()
    return (
        f"At the beginning the recurrent weights multiply it by about {number(weights)} a step, "
        f"and the activation's derivative by {number(began / weights)}."
        if weights > 0
        else "The recurrent weights are 0."
    )


def _gate(view: View, layer: Recurrent, began: set[str]) -> list[Finding]:
    """A forget or update gate that begins too low to keep the state."""
    gate = layer.keeps
    if not gate or "vanishing through time" not in began or layer.gates[gate] > OPEN:
        return []
    mean, steps = layer.gates[gate], float(np.median(layer.steps))
    option, name = ("forget_bias", "forget gate") if gate == "f" else ("update_bias", "update gate")
    bias = suited_gate_bias(steps)
    keeps = 1 / (1 + math.exp(-bias))
    return [
        Finding(
            "forget bias",
            harm_in_time(view),
            (layer.name,),
            view.first_step,
            f"The {name} of {layer.name} began at {number(mean)} on average, and keeps "
            f"{percent(mean)} of the state from step to step: over {int(steps)} steps of time that "
            f"is {number(mean ** (steps - 1))}.",
            f"Its bias is too low for sequences of this length.{_or_nothing_tells(view)}",
            (
                cures.remade(
                    view,
                    f"let the {name} begin open, with a bias of {number(bias)}",
                    f"{option}={number(bias)}",
                    expect=f"It then keeps {percent(keeps)} a step.",
                ),
            ),
            {"gate": mean, "bias": bias},
            EXPLAINS["forget bias"],
        )
    ]


def _or_nothing_tells(view: View) -> str:
    """Return what else it may be, where simple guesses from the inputs come to nothing too."""
    p, asked = view.progress, view.latest("target_count") >= ASKED
    told = (
        " Or what goes in does not tell the answers: of other examples neither a linear fit nor "
        "the nearest neighbours do. Is what was before among it, such as the series itself?"
    )
    return told if p.nothing and p.told < NOTHING and asked else ""


def _weights(view: View, layer: Recurrent, began: set[str], above: float = ABOVE) -> list[Finding]:
    """Recurrent weights of a size that shrinks or blows up what goes through them.

    above : so large ones blow it up, or drive the states to their ends, where nothing shows of it
    """
    (key, size), *more = layer.weights.items()
    if more:  # of a layer with gates, those of the candidate
        key = "g" if "g" in layer.weights else "n"
        size = layer.weights[key]
    large = "exploding through time" in began
    if not (size > above if large else size < BELOW):
        return []
    return [
        Finding(
            "recurrent weights",
            view.harm if large else harm_in_time(view),
            (layer.name,),
            view.first_step,
            f"The recurrent weights of {layer.name} began too {'large' if large else 'small'}: "
            f"they multiply a state by about {number(size)}, and do it again at each of "
            f"{int(np.median(layer.steps))} steps of time.",
            "",
            (
                cures.remade(
                    view,
                    "draw them orthogonal, which keeps a state's size",
                    'recurrent_init="orthogonal"',
                ),
            ),
            {"size": size, "large": float(large)},
            EXPLAINS["recurrent weights"],
        )
    ]


def _spikes(view: View) -> list[Finding]:
    """Steps whose gradient is many times the usual one, in a recurrent network without a clip."""
    if not len(view.record["recurrent_layers"]) or view.has_clip or view.progress.learns:
        return []
    parts = view.get("param_gradient_norm")
    norms = np.sqrt(np.nansum(np.square(parts), axis=1))
    usual = float(np.median(norms))
    high = norms > SPIKE * usual
    high[: int(np.argmin(high))] = False  # it begins steeply, and gets less so
    spikes = np.flatnonzero(high & (norms > STANDS_OUT * _around(norms)))
    if len(spikes) < OFTEN or not usual > 0 or len(spikes) > max(OFTEN, _SPARED * len(norms)) * 4:
        return []
    largest = float(norms[spikes].max())
    step = int(view.steps[spikes[0]])
    limit = number(2 * usual)
    harmed = view.progress.worse  # else they bring nothing about
    return [
        Finding(
            "gradient spikes",
            "serious" if harmed else "notice",
            (),
            step,
            f"In {plural(len(spikes), 'step')} the gradient was more than {SPIKE:.0f} times the "
            f"usual one: its norm is {number(usual)} in the middle, and up to {number(largest)}, "
            f"from step {step} on.",
            "The loss of a recurrent network has walls: a step along the gradient there throws the "
            "weights far away.",
            (Advice("clip the gradient", f"optimizer.clip = nn.ClipByGlobalNorm({limit})"),),
            {"spikes": float(len(spikes)), "usual": usual, "largest": largest},
            EXPLAINS["gradient spikes"] if harmed else frozenset(),
        )
    ]


def _around(norms: Array) -> Array:
    """Return the middle of the norms around each step: where a run begins steeply all are large."""
    padded = np.pad(norms, min(_WINDOW, len(norms) - 1), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(padded) - len(norms) + 1)
    return np.asarray(np.median(windows, axis=1))


def _kinds(found: list[Finding]) -> set[str]:
    return {one.kind.partition(" ")[0] for one in found}


def _worst(found: list[Finding]) -> list[Finding]:
    """Return one finding of each kind, of the layer where it is worst, naming all of them."""
    made = []
    for kind in dict.fromkeys(one.kind for one in found):
        same = [one for one in found if one.kind == kind]
        worst = max(same, key=lambda one: abs(one.numbers["log10"]))
        made.append(replace(worst, layers=tuple(name for one in same for name in one.layers)))
    return made
