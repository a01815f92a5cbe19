"""A recurrent state that is handed on from batch to batch, and whose sequences it came from.

Where a batch goes on with the sequences of the one before, that is right: then the same one stands
before each in every epoch. Where examples are shuffled, each is given what others left, other ones
each time: that is seen once they come again.
"""

from __future__ import annotations

from typing import Any

from nnscratch.pytorch.tensors import as_array, tensors_in
from nnscratch_records.words import percent, plural

AGAIN = 1.5  # times the sequences, so many have come again before anything is said
MATCH = 0.02  # of those stand behind the same one as before, by chance
_LEAST, _MOST = 64, 20_000  # sequences


class Carried:
    """Looks at the states that recurrent modules begin a pass with."""

    def __init__(self) -> None:
        self._left: dict[str, Any] = {}  # states by module, as the pass before left them
        self._called: set[str] = set()  # in this pass
        self._rows: list[int] = []  # sequences of the pass before
        self._x: Any = None
        self._behind: dict[int, int] = {}  # which sequence stood before which
        self._again = self._same = 0
        self._who = ""
        self._over = False

    def begin(self, x: Any) -> None:
        """Begin a pass with what the network is given."""
        self._x, self._called = x, set()

    def gave(self, name: str, args: Any, kwargs: Any, output: Any) -> None:
        """Look at a call of a recurrent module."""
        if self._over or self._x is None:
            return
        first = name not in self._called
        self._called.add(name)
        left = next(tensors_in(output[1]), None)
        before, self._left[name] = self._left.get(name), None if left is None else left.detach()
        given = next(tensors_in((args[1:], kwargs.get("hx"))), None)
        if not first or given is None:  # within a pass it goes through time
            return
        rows = _numbers(self._x, given.shape[-2] if given.ndim > 2 else 1)
        if _handed_on(given, before) and len(rows) == len(self._rows):
            self._who = name
            self._count(rows)
        self._rows = rows

    def _count(self, rows: list[int]) -> None:
        for row, before in zip(rows, self._rows, strict=True):
            if row in self._behind:
                self._again += 1
                self._same += self._behind[row] == before
            self._behind[row] = before
        self._over = len(self._behind) > _MOST

    def told(self) -> tuple[str, ...]:
        """Return what was seen, as a line of `Mistakes`, once; nothing where all is right."""
        count = len(self._behind)
        if self._over or self._again < max(_LEAST, AGAIN * count):
            return ()
        self._over = True
        others = 1 - self._same / self._again
        if others < 1 - MATCH:
            return ()
        one = f"model.get_submodule({self._who!r})" if self._who else "model"
        return (
            "state carried",
            f"{self._who or 'The network'} begins each batch with the state that other sequences "
            f"left: {plural(self._again, 'time')} one came again, and {percent(others)} of these "
            f"behind another one than before.",
            "Rows of one batch go on in the next only where they are parts of long sequences, in "
            "order; of shuffled ones the state says nothing.",
            "begin each batch without a state",
            f"{one}.register_forward_pre_hook(lambda m, args, kwargs: (args[:1], {{}}), "
            f"with_kwargs=True)",
        )


def _handed_on(given: Any, left: Any) -> bool:
    """Whether a state is what the pass before left, and more than zeros."""
    if left is None or given.shape != left.shape or given.dtype != left.dtype:
        return False
    given = given.detach()
    return bool((given == left).all()) and bool(given.any())


def _numbers(x: Any, count: int) -> list[int]:
    """Return a number for each of `count` sequences that the network is given."""
    axis = next((i for i in (0, 1) if x.ndim > i and x.shape[i] == count), None)
    if axis is None:
        return []
    values = x.detach().movedim(axis, 0)
    rows = as_array(values) if x.is_floating_point() else values.cpu().numpy()
    return [hash(row.tobytes()) for row in rows]
