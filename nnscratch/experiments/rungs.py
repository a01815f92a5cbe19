"""What ladders of networks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from nnscratch.errors import require_name


class Named(Protocol):
    """A rung: it has a name."""

    @property
    def name(self) -> str: ...


R = TypeVar("R", bound=Named)


def chosen(ladder: tuple[R, ...], names: Sequence[str] | None) -> tuple[R, ...]:
    """Return the rungs called `names` (None, or "all" alone: all), in the ladder's order."""
    names = None if names is not None and list(names) == ["all"] else names
    known = {rung.name for rung in ladder}
    for name in names or ():
        require_name("configuration", name, known)
    return tuple(rung for rung in ladder if names is None or rung.name in names)
