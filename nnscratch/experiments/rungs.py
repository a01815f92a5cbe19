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


def are_all(names: Sequence[str] | None) -> bool:
    """Whether names mean all rungs of a ladder: None, or "all" alone."""
    return names is None or list(names) == ["all"]


def chosen(ladder: tuple[R, ...], names: Sequence[str] | None) -> tuple[R, ...]:
    """Return the rungs called `names` (see `are_all`), in the ladder's order."""
    if names is None or are_all(names):
        return ladder
    known = {rung.name for rung in ladder}
    for name in names:
        require_name("configuration", name, known)
    return tuple(rung for rung in ladder if rung.name in names)
