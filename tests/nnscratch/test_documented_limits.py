"""The numbers that a docstring says an argument may be are those that it takes, to the last bit."""

import inspect
import math
import re

import pytest

import nnscratch as nn

# "beta1, beta2 : float in [0, 1), default 0.9 and 0.999", "epsilon : float > 0", "every : int >= 1"
DOCUMENTED = re.compile(
    r"^(\w[\w, ]*) : (float|int)(?: in ([\[(])([\d.]+), ([\d.]+)([])])| (>=?) ([\d.]+))",
    re.MULTILINE,
)
# What else has to be given, to whatever has it.
BESIDE = {"features": 3, "lr": 0.1, "path": "weights.npz"}


def numbers(kind, opens, low, high, closes, sign, least):
    """Numbers that are taken, and numbers that are not, as close to the limits as there are."""
    number, taken, refused = {"float": float, "int": int}[kind], [], []
    low, includes = (number(low), opens == "[") if low else (number(least), sign == ">=")
    beside = low + 1 if number is int else math.nextafter(low, math.inf)
    below = low - 1 if number is int else math.nextafter(low, -math.inf)
    (taken if includes else refused).append(low)
    taken.append(beside)
    refused.append(below)
    if high:
        (taken if closes == "]" else refused).append(float(high))
        taken.append(math.nextafter(float(high), 0))
        refused.append(math.nextafter(float(high), math.inf))
    return taken, refused


def limited():
    found = {}
    for place in (nn, nn.initializers):
        for name in dir(place):
            kind = getattr(place, name)
            if not inspect.isclass(kind) or issubclass(kind, BaseException):
                continue
            takes = inspect.signature(kind).parameters
            for above in inspect.getmro(kind)[-2::-1]:  # what a subclass says last counts
                text = inspect.cleandoc(above.__dict__.get("__doc__") or "")
                for names, *limits in DOCUMENTED.findall(text):
                    for one in [name for name in names.split(", ") if name in takes]:
                        found[name, one] = pytest.param(
                            kind, one, *numbers(*limits), id=f"{name}-{one}"
                        )
    return list(found.values())


@pytest.mark.parametrize(("kind", "argument", "taken", "refused"), limited())
def test_limits_are_as_documented(kind, argument, taken, refused):
    takes = inspect.signature(kind).parameters
    beside = {name: value for name, value in BESIDE.items() if name in takes}
    for number in taken:
        assert getattr(kind(**{**beside, argument: number}), argument) == number
    for number in refused:
        with pytest.raises(nn.ConfigError, match=argument):
            kind(**{**beside, argument: number})


def test_many_limits_are_documented():
    assert len(limited()) >= 40
