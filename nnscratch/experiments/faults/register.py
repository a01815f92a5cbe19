"""The list of runs with a known fault, and how one is put on it."""

from __future__ import annotations

from collections.abc import Callable

from nnscratch.experiments.faults.setup import STEPS, Case, Draw, Setup

FAULTY: list[Case] = []


def faulty(
    expected: str, name: str, also: str = "", steps: int = STEPS
) -> Callable[[Callable[[Draw], Setup]], Callable[[Draw], Setup]]:
    """Register a run: `expected` and `also` list kinds of finding, separated by commas."""

    def register(build: Callable[[Draw], Setup]) -> Callable[[Draw], Setup]:
        wanted, allowed = (frozenset(k for k in ks.split(", ") if k) for ks in (expected, also))
        FAULTY.append(Case(f"{expected}: {name}", name, wanted, allowed, build, steps))
        return build

    return register


# What a gradient that does not arrive brings with it.
STARVED = "constant output, updates too small, slow layer"
# What steps that are too long end in.
RUNAWAY = "updates too large, exploding, saturated, dead units, dead layer, constant output"
