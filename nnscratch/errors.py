"""Errors of nnscratch: each names the object, what it got, what it expected and what to do.

Every error derives from `NnscratchError` and from the built-in exception that fits, so both
``except nn.NnscratchError`` and ``except ValueError`` work.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import TypeVar

import numpy as np

from nnscratch_records.errors import (
    ConfigError,
    DataError,
    FileError,
    ListedError,
    NnscratchError,
    RecordError,
    TooLargeError,
    UnknownNameError,
    require_name,
    shown,
    unknown_name,
)

__all__ = [
    "ConfigError",
    "DataError",
    "DtypeError",
    "FileError",
    "ListedError",
    "MissingPackageError",
    "NnscratchError",
    "NonFiniteError",
    "RecordError",
    "ShapeError",
    "TooLargeError",
    "UnknownNameError",
    "require_count",
    "require_flag",
    "require_list",
    "require_name",
    "require_number",
    "require_real",
    "require_seed",
    "require_text",
    "shown",
    "unknown_name",
]

T = TypeVar("T")


class ShapeError(NnscratchError, ValueError):
    """An array has the wrong shape."""


class DtypeError(NnscratchError, TypeError):
    """An array has the wrong type of element."""


class MissingPackageError(NnscratchError, ImportError):
    """Something was asked for that takes a package which is not installed."""


class NonFiniteError(NnscratchError, ArithmeticError):
    """A NaN or an infinity appeared where training cannot go on."""


def require_number(
    what: str,
    value: object,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
    most: float = math.inf,
) -> float:
    """Return `value` as a float, or raise `ConfigError` if it is no finite number in the range."""
    limits = [
        text
        for text, given in (
            (f"> {above:g}", above > -math.inf),
            (f">= {least:g}", least > -math.inf),
            (f"< {below:g}", below < math.inf),
            (f"<= {most:g}", most < math.inf),
        )
        if given
    ]
    expected = "a finite number" + (" " + " and ".join(limits) if limits else "")
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ConfigError(f"{what} must be {expected}, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond all floats
        number = math.inf
    inside = above < number < below and least <= number <= most
    if not (math.isfinite(number) and inside):
        raise ConfigError(f"{what} must be {expected}, got {shown(value)}")
    return number


def require_count(what: str, value: object, *, least: int = 1, most: float = sys.maxsize) -> int:
    """Return `value` as an int, or raise `ConfigError` if it is no whole number in the range."""
    expected = f"a whole number >= {least}"
    if isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        if least <= number <= most:
            return number
        if number > most:  # and perhaps too long to print
            raise ConfigError(f"{what} must be {expected} and <= {most:.6g}, got a larger one")
    raise ConfigError(f"{what} must be {expected}, got {shown(value)}")


def require_seed(what: str, value: object) -> int:
    """Return `value` as an int, or raise `ConfigError` if it is no seed."""
    return require_count(what, value, least=0, most=1e300)  # NumPy takes any


def require_real(what: str, value: object) -> float:
    """Return `value` as a float, NaN and infinity too; `ConfigError` if it is no number."""
    if not isinstance(value, Real | np.bool_):
        raise ConfigError(f"{what} must be a number, got {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ConfigError(f"{what} must be a number, got {shown(value)}") from None


def require_flag(what: str, value: object) -> bool:
    """Return `value` as True or False, or raise `ConfigError` if it says neither."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, Integral) and value in (0, 1)):
        return bool(value)
    raise ConfigError(f"{what} must be True or False, got {shown(value)}")


def require_text(what: str, value: object) -> str:
    """Return `value`, or raise `ConfigError` if it is no text."""
    if not isinstance(value, str):
        raise ConfigError(f"{what} must be text, got {shown(value)}")
    return value


def require_list(what: str, values: object, kind: type[T]) -> tuple[T, ...]:
    """Return `values` as a tuple, or raise `ConfigError` unless they are a list of that kind."""
    if isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping):
        with contextlib.suppress(TypeError):  # an array without axes is no list
            found = tuple(values)
            if all(isinstance(one, kind) for one in found):
                return found
    raise ConfigError(f"{what} must be a list, each of it a {kind.__name__}, got {shown(values)}")
