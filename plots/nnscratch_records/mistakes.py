"""What is wrong with a loop of training, as whoever watches it tells it: the field `mistakes`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Mistake(NamedTuple):
    """One line of the field.

    Attributes
    ----------
    kind : str
        Of the finding.
    seen, why, cure : str
        What was seen, in numbers; what comes of it; what to do.
    code : str
        That as a line of Python.
    """

    kind: str
    seen: str
    why: str
    cure: str
    code: str


def written(mistakes: Iterable[tuple[str, ...]]) -> str:
    """Return mistakes as the field holds them: a line each, tabs between its parts."""
    return "\n".join("\t".join(" ".join(p.split()) for p in one) for one in mistakes)


def read(text: str) -> list[Mistake]:
    """Return the mistakes that a field holds; lines that are none are passed over."""
    lines = [line.split("\t") for line in text.splitlines()]
    return [Mistake(*line) for line in lines if len(line) == len(Mistake._fields)]
