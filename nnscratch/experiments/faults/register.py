"""The list of runs with a known fault, and how one is put on it."""

from __future__ import annotations

from collections.abc import Callable

from nnscratch.experiments.faults.setup import STEPS, Case, Draw, Setup

FAULTY: list[Case] = []


def faulty(
    cause: str,
    name: str,
    shows: str = "",
    also: str = "",
    *,
    steps: int = STEPS,
    held_out: bool = False,
) -> Callable[[Callable[[Draw], Setup]], Callable[[Draw], Setup]]:
    """Register a run: `cause`, `shows` and `also` list kinds of finding, separated by commas.

    held_out : no threshold was chosen on it
    """

    def register(build: Callable[[Draw], Setup]) -> Callable[[Draw], Setup]:
        first, brought, more = (_kinds(text) for text in (cause, shows, also))
        case = Case(f"{cause}: {name}", name, first, brought, more, build, steps, held_out)
        FAULTY.append(case)
        return build

    return register


def _kinds(text: str) -> frozenset[str]:
    return frozenset(kind for kind in text.split(", ") if kind)
