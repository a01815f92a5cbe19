"""Checks of what is given to the pictures of theory: mappings of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnscratch_plots.records import Array
from nnscratch_records.errors import ConfigError


def entry(given: Mapping[str, Any], key: str) -> Any:
    """The entry of that key; ConfigError with the keys there are otherwise."""
    if key not in given:
        raise ConfigError(f"key {key!r} is missing, got keys {sorted(given)}")
    return given[key]


def numbers(given: Mapping[str, Any], key: str, shape: Sequence[int], meaning: str) -> Array:
    """The entry of that key as numbers of that shape, none below 0."""
    values = np.asarray(entry(given, key), dtype=np.float64)
    if values.shape != tuple(shape):
        raise ConfigError(
            f"key {key!r} has shape {values.shape}, expected {meaning} = {tuple(shape)}"
        )
    if np.any(values < 0):
        raise ConfigError(f"key {key!r} holds {values[values < 0][0]}, expected nothing below 0")
    return values


def increasing(given: Mapping[str, Any], key: str) -> Array:
    """The entry of that key as two or more increasing numbers."""
    values = np.asarray(entry(given, key), dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.all(np.diff(values) > 0):
        raise ConfigError(f"key {key!r} must hold two or more increasing numbers, got {values!r}")
    return values


def pairs(what: str, given: Any) -> Array:
    """Finite pairs (sw2, sb2)."""
    made = np.asarray(given, dtype=np.float64)
    if made.ndim != 2 or made.shape[1] != 2 or not np.isfinite(made).all():
        raise ConfigError(f"{what} must be pairs (sw2, sb2), got shape {made.shape}")
    return made
