"""Errors of nnscratch: each names the object, what it got, what it expected and what to do.

Every error derives from `NnscratchError` and from the built-in exception that fits, so both
``except nn.NnscratchError`` and ``except ValueError`` work.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from numbers import Integral, Real


class NnscratchError(Exception):
    """Base of every error that nnscratch raises on purpose."""


class ConfigError(NnscratchError, ValueError):
    """An argument has a value that makes no sense, or a name is not known."""


class UnknownNameError(ConfigError, KeyError):
    """A mapping was asked for a name it does not have."""

    def __str__(self) -> str:  # KeyError would print the representation of the message
        return str(self.args[0])


class ShapeError(NnscratchError, ValueError):
    """An array has the wrong shape."""


class DtypeError(NnscratchError, TypeError):
    """An array has the wrong type of element."""


class DataError(NnscratchError, ValueError):
    """Data are wrong: NaN in the input, labels out of range, a corrupt or truncated file."""


class FileError(NnscratchError, OSError):
    """A file or folder is missing, or cannot be read or written."""


class NonFiniteError(NnscratchError, ArithmeticError):
    """A NaN or an infinity appeared where training cannot go on."""


def unknown_name(what: str, got: object, known: Iterable[str]) -> UnknownNameError:
    """Return the error for a name that is not in `known`, with the closest match suggested."""
    names = sorted(known)
    close = difflib.get_close_matches(str(got), names, n=1)
    close += [name for name in names if got and name.startswith(str(got))]
    hint = f"did you mean {close[0]!r}? " if close else ""
    return UnknownNameError(f"unknown {what} {got!r}: {hint}known are {', '.join(names)}")


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


def require_count(what: str, value: object, *, least: int = 1) -> int:
    """Return `value` as an int, or raise `ConfigError` if it is no whole number >= `least`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        raise ConfigError(f"{what} must be a whole number >= {least}, got {value!r}")
    return int(value)
