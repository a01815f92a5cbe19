"""Losses that are a sum over the examples of a batch, and no mean."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch

_EQUAL = 1e-4


def adds_up(loss: Callable[..., Any], outputs: Any, targets: Any) -> bool:
    """Whether a loss is twice what it is of examples where each of them comes twice."""
    if outputs is None or len(outputs) != len(targets):
        return False
    try:
        with torch.no_grad(), warnings.catch_warnings(action="ignore"):
            once = float(loss(outputs, targets).mean())
            twice = float(loss(torch.cat([outputs] * 2), torch.cat([targets] * 2)).mean())
    except (RuntimeError, ValueError, IndexError, TypeError):
        return False  # it takes so many alone
    return once != 0 and math.isclose(twice, 2 * once, rel_tol=_EQUAL)
