"""What can cause what: the kinds of findings, and which of them are consequences of which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from nnscratch.flow.findings.finding import SEVERITIES, Finding

# What the loop around a network gets wrong.
WIRING: Final = (
    "broadcast loss",
    "gradients not cleared",
    "gradients cleared too soon",
    "weights set back",
    "steps uphill",
    "unused losses",
    "targets not detached",
    "batch taken for time",
    "softmax over the batch",
    "not log-probabilities",
    "several labels",
    "target values",
    "unbounded loss",  # what comes of most of these
    "class weights by frequency",
    "examples mixed",
    "unused layers",
    "shared layers",
    "looks ahead",
    "words hidden",
    "no positions",
    "state carried",
    "data written over",
    "padding counted",
    "term outweighed",
    "discriminator wins",
    "clipped too soon",
    "rounded updates",
    "held-out inputs",
    "training mode",
    "evaluation mode",
)
# Causes, in the order in which one looks at them: the loop, what is learned, what the loss can see,
# what the weights began as, what goes in, what the network is, how it is trained.
CAUSES: Final = (
    *WIRING[:-1],
    "category codes",
    "labels",
    "inputs alike",
    "outliers",
    "missing value code",
    "softmax over one unit",
    "norm over one unit",
    "softmax twice",
    "output activation",
    "penalty",
    "dropout",
    "frozen parameters",
    "padding read",
    "symmetric units",
    "small batches",
    "input scale",
    "target scale",
    "initial weights",
    "initial biases",
    "forget bias",
    "recurrent weights",
    "truncation",
    "learning rate too large",
    "gradient spikes",
    "activation",
    "depth",
    "no activation",
    "clip always",
    "epsilon",
    "capacity",
    "class weights",
    "learning rate too small",
    "too few steps",
    "loss",
    WIRING[-1],
    "batch norm statistics",
    "overfitting",
    "naive forecast",
    "clip never",
)
SYMPTOMS: Final = (
    "non-finite",
    "diverged",
    "dead layer",
    "exploding",
    "exploding through time",
    "vanishing",
    "vanishing through time",
    "saturated",
    "dead units",
    "constant output",
    "slow layer",
    "does not learn",
)
KINDS: Final = (*SYMPTOMS[:3], *CAUSES, *SYMPTOMS[3:])  # within one severity, in this order

_STARVED = frozenset(
    {"vanishing", "constant output", "slow layer", "does not learn", "learning rate too small"}
)
# However little comes from earlier steps, that of the last one arrives, in all layers.
_FORGETS = (_STARVED - {"vanishing", "learning rate too small"}) | {"too few steps"}
_DEAD = frozenset({"dead layer", "dead units"})
_RUNAWAY = frozenset({"non-finite", "diverged", "exploding", "does not learn", "clip always"})
_ALL = frozenset((*SYMPTOMS, *CAUSES)) - {*WIRING}
# What each kind brings with it. A finding may say more exactly what it does.
EXPLAINS: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(WIRING, _ALL),
    "padding counted": frozenset({"too few steps", "does not learn", "constant output", "labels"}),
    "term outweighed": frozenset({"constant output", "does not learn", "too few steps"}),
    "discriminator wins": frozenset({"does not learn", "overfitting", "slow layer"}),
    "clipped too soon": _RUNAWAY
    | {"gradient spikes", "learning rate too large", "recurrent weights", "dead units"}
    | {"exploding through time", "vanishing through time", "clip never", "saturated"},
    "rounded updates": _RUNAWAY
    | {"learning rate too small", "too few steps", "learning rate too large"}
    | {"slow layer", "frozen parameters", "constant output"},
    "looks ahead": frozenset({"too few steps", "overfitting", "no activation", "labels"}),
    "unused layers": frozenset({"no activation", "capacity", "does not learn", "too few steps"}),
    "shared layers": frozenset({"batch norm statistics", "capacity", "too few steps"})
    | {"does not learn", "vanishing", "exploding", "slow layer"},
    "held-out inputs": frozenset({"batch norm statistics", "overfitting", "labels"}),
    "training mode": frozenset({"batch norm statistics", "overfitting"}),
    "evaluation mode": frozenset({"batch norm statistics", "overfitting", "does not learn"}),
    "labels": frozenset({"does not learn", "constant output", "slow layer"})
    | {"overfitting", "too few steps", "learning rate too large"},
    "category codes": frozenset(
        {"labels", "input scale", "capacity", "no activation", "overfitting"}
    )
    | {"does not learn", "constant output", "too few steps"},
    "inputs alike": _STARVED
    | _DEAD
    | {"labels", "input scale", "initial biases", "no activation", "activation", "capacity"}
    | {"saturated", "too few steps", "learning rate too large"},
    "outliers": frozenset({"target scale", "too few steps", "overfitting", "output activation"})
    | {"labels", "learning rate too large"},
    **dict.fromkeys(
        ("softmax over one unit", "norm over one unit"),
        _STARVED | _DEAD | {"too few steps", "loss", "output activation"},
    ),
    "softmax twice": frozenset(
        {"does not learn", "too few steps", "output activation", "learning rate too small", "loss"}
        | {"constant output"}
    ),
    "output activation": _STARVED
    | _DEAD
    | {"non-finite", "saturated", "too few steps", "loss", "capacity"},
    "penalty": _STARVED
    | _DEAD
    | {"frozen parameters", "saturated", "capacity", "too few steps", "learning rate too large"},
    "dropout": _STARVED
    | _DEAD
    | {"saturated", "capacity", "too few steps", "learning rate too large"},
    "frozen parameters": _STARVED | {"too few steps", "learning rate too large"},
    "symmetric units": _STARVED
    | _DEAD
    | {"too few steps", "capacity", "initial weights"}
    | {"diverged", "saturated", "learning rate too large"},
    "input scale": _STARVED
    | _DEAD
    | _RUNAWAY
    | {"saturated", "learning rate too large", "too few steps", "vanishing through time"},
    "target scale": _STARVED
    | _DEAD
    | _RUNAWAY
    | {"saturated", "learning rate too large", "too few steps", "output activation"}
    | {"vanishing through time"},
    "initial weights": _STARVED | _DEAD | _RUNAWAY | {"saturated", "learning rate too large"},
    "initial biases": _STARVED | _DEAD | {"saturated"},
    "small batches": frozenset({"does not learn", "too few steps", "batch norm statistics"})
    | {"learning rate too large", "dead units", "exploding"},
    "learning rate too large": _STARVED - {"learning rate too small"}
    | _DEAD
    | _RUNAWAY
    | {"saturated", "gradient spikes", "exploding through time", "vanishing through time"},
    "activation": _STARVED
    | _DEAD
    | _RUNAWAY
    | {"saturated", "too few steps", "learning rate too large"},
    "depth": _STARVED | _DEAD | _RUNAWAY | {"learning rate too large", "small batches"},
    "no activation": frozenset({"does not learn", "capacity", "constant output", "slow layer"})
    | {"learning rate too large", "learning rate too small", "too few steps"},
    "clip always": frozenset({"learning rate too small", "too few steps", "does not learn"}),
    "epsilon": _STARVED - {"vanishing"} | {"too few steps"},
    "learning rate too small": frozenset({"does not learn", "too few steps", "constant output"}),
    "capacity": frozenset({"does not learn", "constant output", "saturated", "too few steps"}),
    "too few steps": frozenset({"does not learn", "constant output"}),
    "class weights": frozenset({"does not learn", "constant output", "too few steps"})
    | {"learning rate too small"},
    "overfitting": frozenset({"too few steps"}),  # more of them bind it to noise
    "forget bias": _FORGETS | {"vanishing through time", "clip never"},
    "recurrent weights": _STARVED
    | _RUNAWAY
    | {"vanishing through time", "exploding through time", "too few steps", "saturated"}
    | {"gradient spikes", "learning rate too large", "clip never"},
    "padding read": _STARVED
    | {"vanishing through time", "forget bias", "recurrent weights", "too few steps"},
    "truncation": _STARVED | {"vanishing through time", "too few steps", "overfitting", "depth"},
    "gradient spikes": _RUNAWAY | {"learning rate too large", "vanishing through time"},
    # consequences among themselves
    "vanishing through time": _FORGETS,
    "exploding through time": _RUNAWAY | {"gradient spikes", "vanishing through time"},
    "non-finite": frozenset({"diverged", "exploding", "does not learn"}),
    "diverged": frozenset({"does not learn", "learning rate too small"}),
    "dead layer": _STARVED | {"dead units", "too few steps"},
    "vanishing": frozenset(
        {"learning rate too small", "slow layer", "constant output", "does not learn"}
    )
    | {"too few steps"},
    "exploding": frozenset({"slow layer"}),
    "saturated": frozenset({"learning rate too small", "slow layer", "does not learn"}),
    "dead units": frozenset({"does not learn"}),
    "constant output": frozenset({"does not learn", "learning rate too small", "too few steps"}),
}
# Far from all others, such a number is what makes inputs large.
EXPLAINS["missing value code"] = EXPLAINS["input scale"] | {"input scale", "labels", "overfitting"}

# Initial weights that are too small: nothing grows by them.
SMALL_WEIGHTS: Final = EXPLAINS["initial weights"] - {
    *("exploding", "diverged", "non-finite", "saturated", "learning rate too large")
}


def _place(one: Finding) -> tuple[int, bool, int]:
    return SEVERITIES.index(one.severity), not one.first, KINDS.index(one.kind)


def arrange(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return causes, the most serious first, each followed by its consequences.

    A finding is a consequence of the first other one, in the order of `KINDS`' causes and then of
    symptoms, that explains it and began no later. A cause is as serious as what it brings.
    """
    rank = {kind: i for i, kind in enumerate((*CAUSES, *SYMPTOMS))}
    ordered = sorted(found, key=lambda one: rank[one.kind])
    parent: dict[str, Finding] = {}
    for one in ordered:
        for other in sorted(ordered, key=lambda other: not other.first):
            if other is one or one.kind not in other.explains or other.step > one.step:
                continue
            if one.first:
                continue
            if parent.get(other.kind) is one:
                continue  # no circle
            parent[one.kind] = other
            break

    def root(one: Finding) -> Finding:
        seen = {one.kind}
        while one.kind in parent and parent[one.kind].kind not in seen:
            one = parent[one.kind]
            seen.add(one.kind)
        return one

    groups: dict[str, list[Finding]] = {}
    for one in ordered:
        top = root(one)
        groups.setdefault(top.kind, [])
        if top is not one:
            groups[top.kind].append(one)
    causes = {one.kind: one for one in ordered if one.kind in groups}
    made = []
    for kind, brought in groups.items():
        worst = min(SEVERITIES.index(one.severity) for one in [causes[kind], *brought])
        made.append((replace(causes[kind], severity=SEVERITIES[worst]), brought))
    made.sort(key=lambda pair: _place(pair[0]))
    return tuple(
        one
        for cause, brought in made
        for one in [cause, *(replace(b, because=cause.kind) for b in brought)]
    )
