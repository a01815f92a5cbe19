"""Labels of steps of time or of pixels, as rows that a loss of classes can be asked one by one.

PyTorch's take classes on the second axis, (examples, classes, *positions), or all positions of all
examples in one row after the other.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch

_MOST = 1024  # rows taken from a batch
_ASKED = 64  # of which it is asked whether the loss is their mean
_SAME = 1e-4  # two values of a loss, relative to them


def are_positions(outputs: Any, targets: Any, examples: int) -> bool:
    """Whether targets are labels of positions, and not of the `examples` that went in."""
    if outputs is None or targets.is_floating_point() or outputs.ndim != targets.ndim + 1:
        return False
    fits = outputs.shape[0] == targets.shape[0] and outputs.shape[2:] == targets.shape[1:]
    return fits and (targets.ndim > 1 or len(targets) != examples)


def labels(function: Callable[..., Any], outputs: Any, targets: Any, left_out: int | None) -> Any:
    """Return labels of some of the positions, (rows,), without those that count for nothing.

    None where the loss is no mean over them, as far as those of the first example show.
    """
    given = targets.detach().reshape(-1)
    if len(given) > _MOST:  # from all over, as pixels of one image have much in common
        which = torch.Generator().manual_seed(0)
        at = torch.randint(len(given), (_MOST,), generator=which)
        given = given[at.to(given.device)]
    kept = given[(given >= 0) & (given != (-1 if left_out is None else left_out))]
    count = 1 if targets.ndim > 1 else _ASKED
    few = outputs.detach()[:count], targets[:count]
    z, y = map(_rows, few)
    pairs = (few, (z, y)), ((z, y), (torch.cat([z, z]), torch.cat([y, y])))
    try:
        with torch.no_grad(), warnings.catch_warnings(action="ignore"):
            same = [
                math.isclose(*(float(function(*one).mean()) for one in pair), rel_tol=_SAME)
                for pair in pairs
            ]
    except (RuntimeError, ValueError, IndexError, TypeError):
        return None
    return kept if all(same) else None


def _rows(values: Any) -> Any:
    """Return outputs as (rows, classes), or labels as (rows,)."""
    if values.is_floating_point():
        return values.movedim(1, -1).reshape(-1, values.shape[1])
    return values.reshape(-1)
