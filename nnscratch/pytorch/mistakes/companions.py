"""Does an answer depend on what else is in the batch? Asked with another example."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn

FELT = 0.5  # of what the answer of the example itself changes by, the others change on average
LEAST = 4  # examples
SAME = 1e-11  # of the largest answer, in float64: rounding changes it by no more


def by_the_batch(modules: Iterable[nn.Module]) -> bool:
    """Whether a module is known to go by the batch, or reads along the first axis."""
    for one in modules:
        if isinstance(one, nn.modules.batchnorm._BatchNorm):
            return True
        if isinstance(one, nn.RNNBase | nn.MultiheadAttention) and not one.batch_first:
            return True
    return False


def mixed(answers: Callable[[Any], Any], x: Any, targets: Any) -> tuple[str, ...]:
    """Tell where the answers of a batch change as much with other examples as with their own.

    answers : of what goes in, in the place of `x`
    """
    if targets is None or x.ndim < 2 or 1 in x.shape[:2] or len(x) < LEAST:
        return ()
    count, before = len(x), answers(x)
    rows = before.ndim >= 2 and before.shape[0] == count == len(targets)
    if not rows or (before.ndim == 2 and before.shape[1] == count):  # a table of each with each
        return ()
    largest = before.abs().max()
    for place in (0, count - 1):
        change = (answers(_with(x, 0, place)) - before).abs().flatten(1).sum(1)
        own = float(change[place])
        others = float(change.sum() - change[place]) / (count - 1)
        if not (own > SAME * largest and others > FELT * own):
            return ()
    for axis in range(1, min(2, x.ndim - 1) + 1) if x.ndim > 2 else ():
        at = 0 if x.shape[axis] == count else 1  # where the examples would be in the answers
        if before.shape[at] == x.shape[axis]:
            change = (answers(_with(x, axis, 0)) - before).abs()
            rest = change.narrow(at, 1, change.shape[at] - 1)
            if not bool((rest > SAME * largest).any()):
                return ()  # they lie along that axis
    return (
        "examples mixed",
        f"The answer for one example depends on the others of its batch as much as on itself: "
        f"with another example in the first place the other {count - 1} answers change too.",
        "Along the first axis something is averaged, summed or reshaped that belongs to one "
        "example: dim=0, or a view, where the examples lie.",
        "take it along the steps or features of each example, dim=1 or -1",
        "",
    )


def _with(x: Any, axis: int, place: int) -> Any:
    """Return these with those of the middle in the place of others."""
    other = x.clone()
    other.select(axis, place).copy_(x.select(axis, x.shape[axis] // 2))
    return other
