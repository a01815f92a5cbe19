"""The errors that say what is wrong with a record, or with a question about one.

They are those of `nnscratch.errors`, which has the rest of the family; they live here because
nothing that this package needs may lie above it.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from nnscratch_records.words import one_line, printable_lines

_READ, _LISTED = 300, 3000  # characters of a value, and of a list of names
_COMPARED = 10_000  # names that are compared letter by letter: some 0.1 s


class NnscratchError(Exception):
    """Base of every error that nnscratch raises on purpose.

    What it says is one line: names of files, columns and layers in it give a terminal no orders.
    """

    def __str__(self) -> str:  # a KeyError would print the representation of what it says
        return one_line(str(self.args[0]) if len(self.args) == 1 else super().__str__())


class ConfigError(NnscratchError, ValueError):
    """An argument has a value that makes no sense, or a name is not known."""


class UnknownNameError(ConfigError, KeyError):
    """A mapping was asked for a name it does not have."""


class DataError(NnscratchError, ValueError):
    """Data are wrong: NaN in the input, labels out of range, a corrupt or truncated file."""


class FileError(NnscratchError, OSError):
    """A file or folder is missing, or cannot be read or written."""


class ListedError(FileError):
    """A file is missing, and its message lists the ways to it: in lines, on purpose.

    Whoever raises it puts names of files in as `one_line`.
    """

    def __str__(self) -> str:
        return printable_lines(str(self.args[0]))


class TooLargeError(NnscratchError, MemoryError):
    """Something needs more memory than there is."""


class RecordError(DataError):
    """A record does not fit: the message names the field, what it holds and what was expected."""


def unknown_name(what: str, got: object, known: Iterable[str]) -> UnknownNameError:
    """Return the error for a name that is not in `known`, with the closest match suggested."""
    names = sorted(known)
    near = closest(got, names) if isinstance(got, str) and len(got) <= _READ else ""
    hint = f"did you mean {near!r}? " if near else ""
    return UnknownNameError(f"unknown {what} {shown(got)}: {hint}known are {_listed(names)}")


def require_name(what: str, got: object, known: Collection[str]) -> str:
    """Return `got`, or raise `UnknownNameError` unless it is text, and one of `known`."""
    if not isinstance(got, str) or got not in known:
        raise unknown_name(what, got, known)
    return got


def shown(value: object) -> str:
    """Return what an error says of a value, in so many characters as a person reads."""
    try:
        text = repr(value)
    except Exception:  # a number of more digits than Python prints, or what nobody can answer for
        text = f"a {type(value).__name__}"
    return text if len(text) <= _READ else f"{text[:_READ]}..."


def _listed(names: list[str]) -> str:
    listed = ", ".join(names)
    if len(listed) <= _LISTED:
        return listed
    return f"{listed[:_LISTED].rpartition(', ')[0]}, ... ({len(names):,} in all)"


def closest(name: str, known: Iterable[str]) -> str:
    """Return the known name that `name` was probably meant to be, or nothing."""
    names = sorted(known)
    near = [one for one in names if one.lower() == name.lower()]
    near += difflib.get_close_matches(name, names[:_COMPARED], n=1)
    near += [one for one in names if name and one.startswith(name)]
    return near[0] if near else ""
