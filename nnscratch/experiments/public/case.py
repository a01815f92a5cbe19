"""`Sick` and `Healthy`: a public case with its source and, if it is sick, the true cause."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from nnscratch.experiments.public.recipe import Recipe

# What can be the cause of a network that does not train.
CAUSES: Final = (
    "input scale",
    "target scale",
    "labels",
    "initial weights",
    "symmetric units",
    "activation",
    "output activation",
    "loss",
    "rate too large",
    "too slow",  # a rate too small, or too few steps
    "norm",
    "clip",
    "depth",
    "capacity",
    "no activation",
    "softmax over one unit",
    "softmax twice",
    "batch norm momentum",
    "frozen parameters",
    "overfitting",
    "penalty",
    "dropout",
    "inputs alike",
)

SO: Final = "https://stackoverflow.com/questions/"
GH: Final = "https://github.com/"
MLM: Final = "https://machinelearningmastery.com/"

TUNED, UNTOUCHED = "tuned", "untouched"


def half(name: str) -> str:
    """Return the half that a sick case belongs to, by its name alone.

    Thresholds and words of findings may be chosen on the tuned half. The untouched one is for
    judging the result: who works on findings does not look at it.
    """
    return (TUNED, UNTOUCHED)[hashlib.sha256(name.encode()).digest()[0] % 2]


@dataclass(frozen=True)
class Sick:
    """A network that did not train.

    Attributes
    ----------
    name, source : str
        The source is where it was described.
    truth : str
        What was wrong, in one line.
    cause : str
        The same, one of `CAUSES`.
    recipe : Recipe
    mended : dict
        What to replace in the recipe so that it trains, as the source says or as was tried.
    reach : float
        A score that the mended run reaches and the sick one does not.
    also : tuple of str
        Causes that are right too: the source names them, undoing them alone lets the run learn, or
        it takes both.
    """

    name: str
    source: str
    truth: str
    cause: str
    recipe: Recipe
    mended: dict[str, Any]
    reach: float
    also: tuple[str, ...] = ()

    @property
    def causes(self) -> frozenset[str]:
        """Every cause that counts as right."""
        return frozenset((self.cause, *self.also))

    @property
    def cured(self) -> Recipe:
        """The recipe that trains."""
        return replace(self.recipe, **self.mended)


def in_order(cases: Iterable[Sick]) -> tuple[Sick, ...]:
    """Return sick cases in the order of their names' SHA-256, which decides what is put aside."""
    return tuple(sorted(cases, key=lambda case: hashlib.sha256(case.name.encode()).digest()))


def but(**changes: Any) -> dict[str, Any]:
    """Return what to replace in a recipe."""
    return changes


@dataclass(frozen=True)
class Healthy:
    """A published set-up that learns, with its own hyper-parameters.

    Attributes
    ----------
    name, source : str
    recipe : Recipe
    reach : float
        The score that it reaches in the steps of the recipe.
    """

    name: str
    source: str
    recipe: Recipe
    reach: float
