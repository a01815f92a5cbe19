"""What makes the updates, in Python: the run's own optimizer, and the one to begin anew with."""

from __future__ import annotations

import ast
import inspect
import math
import re
from collections.abc import Sequence
from dataclasses import replace

from nnscratch import optimizers, schedules
from nnscratch.flow.findings import rates
from nnscratch.flow.findings.finding import Finding
from nnscratch.flow.findings.view import View

# Adam's rate: of few layers, through time, of more than WIDE inputs of a unit, whose sum its steps
# move together, and of more than DEEP layers with weights.
FEW, IN_TIME, BROAD, MANY = 0.01, 0.005, 0.002, 0.001
WIDE, DEEP = 100, 6
TRAVELS = 1.5  # the farthest that Adam moves a weight in all its steps: less, and it is short
_WHOLE = ("clip", "rates")  # settings of any optimizer
_MADE = re.compile(r"nn\.(\w+)\(lr=.*\)$")  # at the end of a line
_RATE = re.compile(r"\blr=[0-9.e+-]+")


def optimizer_python(text: str, rate: float = math.nan, other: str = "") -> str:
    """Return the Python expression of an optimizer, from its text, without usual settings.

    rate : instead of its own; with it empty where it has a schedule, as for what is not ours
    other : the name of another optimizer, which takes over what all of them have
    """
    own = text.partition("(")[0]
    made = getattr(optimizers, own, None)
    if made is None:
        return ""
    usual = {key: one.default for key, one in inspect.signature(made).parameters.items()}
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:  # a rate that is a function has no text that could be pasted
        return ""
    if not isinstance(tree, ast.Call):
        return ""
    told = []
    for setting in tree.keywords:
        key, value = str(setting.arg), ast.unparse(setting.value)
        if other and key not in ("lr", *_WHOLE):
            continue
        if isinstance(setting.value, ast.Call):
            inner = value.partition("(")[0]
            value = f"nn.{'schedules.' if hasattr(schedules, inner) else ''}{value}"
            if key == "lr" and not math.isnan(rate):
                return ""
        elif key != "lr" and value == repr(usual.get(key)):
            continue
        told.append(f"lr={rate:g}" if key == "lr" and not math.isnan(rate) else f"{key}={value}")
    return f"nn.{other or own}({', '.join(told)})"


def adam_rate(view: View) -> float:
    """Return the rate of Adam that suits the network of a run by its size."""
    return rate_by_size([view.fan_in(layer) for layer in view.weights], bool(view.recurrent))


def rate_by_size(fans: Sequence[int], in_time: bool) -> float:
    """Return the rate of Adam that suits layers of weights that read so many inputs each.

    in_time : whether one of them is recurrent
    """
    if len(fans) > DEEP:
        return MANY
    return BROAD if max(fans, default=0) > WIDE else IN_TIME if in_time else FEW


def adam(view: View, text: str = "") -> str:
    """Return Adam, whose steps are as long as its rate says whatever the gradient's size.

    text : of the optimizer whose clip and rates by layer it takes over, if not the run's own
    """
    rate = adam_rate(view)
    return optimizer_python(text or view.text("optimizer"), rate, "Adam") or f"nn.Adam(lr={rate:g})"


def gives_up(view: View, rate: float) -> bool:
    """Whether plain descent with this rate is given up for Adam.

    With less than one begins with it takes thousands of steps to part units, or to leave a plateau,
    and through sigmoids, whose slope is a quarter at most, or time so it does with that; where
    momentum lasts for fifty steps, or there are many layers without a norm, it is thrown off. One
    layer alone has no plateau.
    """
    layers = len(view.weights)
    deep = layers > DEEP and not view.has_norm
    slow = rate < rates.usual(view)[1] * (1 - rates.ROUNDED)
    hard = deep or bool(view.recurrent) or "sigmoid" in view.kinds
    return rates.is_plain(view) and layers > 1 and (slow or rates.goes_on(view) or hard)


def is_short(view: View, rate: float) -> bool:
    """Return whether no weight could get far in all the run's steps of Adam, or its like."""
    return rates.is_adaptive(view) and rate * float(view.steps[-1] + 1) < TRAVELS


def fresh(view: View, text: str = "") -> str:
    """Return the optimizer to begin anew with; empty where it is not one of this package's.

    The run's own, unless its rate is below the one that one begins with: it may have been taken for
    numbers, weights or an output that are no more. Of Adam and its like also where no weight could
    get far in so many steps, or it is clearly beyond the usual ones. A schedule stays as it is.

    text : of the run's own, if that is to be another
    """
    text = text or view.text("optimizer")
    rate, begin = rates.rate_at(view, 0), rates.usual(view)[1]
    usual = optimizer_python(text, begin)
    if not usual or not rate > 0:
        return optimizer_python(text)
    if gives_up(view, rate):
        return adam(view, text)
    if is_short(view, rate):
        return optimizer_python(text, max(rate, adam_rate(view)))
    if rates.is_adaptive(view) and rate > rates.CLEARLY * rates.usual(view)[0]:
        return optimizer_python(text, adam_rate(view))
    return usual if rate < begin * (1 - rates.ROUNDED) else optimizer_python(text)


def with_one(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings whose lines all name the optimizer that a cause which asks for another
    learning rate names; its own lines name their own.
    """
    asked = [
        _MADE.search(one.advice[0].line)
        for one in found
        if one.kind.startswith("learning rate") and not one.because and one.advice
    ]
    wanted = next((match for match in asked if match), None)
    rate = _RATE.search(wanted[0]) if wanted else None
    if wanted is None or rate is None:
        return tuple(found)

    def named(line: str) -> str:
        own = _MADE.search(line)
        if own is None or own[1] == wanted[1]:
            return _RATE.sub(rate[0], line)
        return line[: own.start()] + wanted[0]

    made = []
    for one in found:
        own = one.kind.startswith("learning rate")
        kept = [a for a in one.advice if not a.line.startswith("optimizer = nn.Adam")]
        told = tuple(replace(a, line=named(a.line)) for a in kept)
        made.append(one if own else replace(one, advice=told))
    return tuple(made)
