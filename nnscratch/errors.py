"""Errors of nnscratch: each names the object, what it got, what it expected and what to do.

Every error derives from `NnscratchError` and from the built-in exception that fits, so both
``except nn.NnscratchError`` and ``except ValueError`` work.
"""

from __future__ import annotations

import math
from numbers import Integral, Real

from nnscratch_records.errors import (
    ConfigError,
    DataError,
    FileError,
    NnscratchError,
    RecordError,
    TooLargeError,
    UnknownNameError,
    unknown_name,
)

__all__ = [
    "ConfigError",
    "DataError",
    "DtypeError",
    "FileError",
    "MissingPackageError",
    "NnscratchError",
    "NonFiniteError",
    "RecordError",
    "ShapeError",
    "TooLargeError",
    "UnknownNameError",
    "require_count",
    "require_number",
    "unknown_name",
]


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
        raise ConfigError(f"{what} must be {expected}, got {value!r}")
    number = float(value)
    inside = above < number < below and least <= number <= most
    if not (math.isfinite(number) and inside):
        raise ConfigError(f"{what} must be {expected}, got {value!r}")
    return number


def require_count(what: str, value: object, *, least: int = 1, most: float = math.inf) -> int:
    """Return `value` as an int, or raise `ConfigError` if it is no whole number in the range."""
    expected = f"a whole number >= {least}"
    if isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        if least <= number <= most:
            return number
        if number > most:  # and perhaps too long to print
            raise ConfigError(f"{what} must be {expected} and <= {most:.6g}, got a larger one")
    raise ConfigError(f"{what} must be {expected}, got {value!r}")
