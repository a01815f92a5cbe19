"""What a file of this package says about itself: plain values, checked before they are believed."""

from __future__ import annotations

import reprlib
import types
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from nnscratch.arrays import Array
from nnscratch.errors import DataError
from nnscratch.files import PathLike, from_json
from nnscratch.network.model import Sequential
from nnscratch.sequences import RandomTruncation

T = TypeVar("T")


class Format(NamedTuple):
    """A kind of file: its name and version in the file, in words, what writes it, and its facts."""

    name: str
    version: int
    what: str
    writer: str
    facts: tuple[str, ...]


def read_facts(
    arrays: Mapping[str, Array], name: str, known: Format, path: PathLike
) -> dict[str, Any]:
    """Return the JSON object in the text ``arrays[name]``, of the file at `path`.

    Raises `DataError` unless it is of the format `known` and has all its facts.
    """
    text = arrays.get(name)
    if text is None or text.dtype.kind != "U" or text.shape:
        raise DataError(f"{path} is not a {known.what}; {known.writer} writes such files")
    try:
        facts = from_json(str(text))
        found = facts["format"], facts["version"]
    except (KeyError, ValueError) as error:
        raise DataError(f"{path} is a damaged {known.what}: {error!r}") from error
    if found != known[:2]:
        raise DataError(
            f"{path} is {found[0]!r} version {found[1]!r}, this program reads {known.name!r} "
            f"version {known.version}; load it with the program that wrote it"
        )
    missing = [fact for fact in known.facts if fact not in facts]
    if missing:
        raise DataError(f"{path} is a damaged {known.what}: it lacks {', '.join(missing)}")
    return facts


def group(arrays: Mapping[str, Array], name: str) -> dict[str, Array]:
    """Return the arrays called ``name/...``, by the rest of their names."""
    start = f"{name}/"
    return {key.removeprefix(start): arrays[key] for key in arrays if key.startswith(start)}


def set_noise(of: Sequential | RandomTruncation, state: Any, path: PathLike) -> None:
    """Put back where noise stood; `DataError` if `state` is none of it, and nothing is changed."""
    try:
        of.set_noise_state(state)
    except DataError as error:
        raise DataError(f"{path} is damaged: {error}") from error


def from_plain(kind: type[T], values: Mapping[str, Any]) -> T:
    """Return a dataclass made of `values`, one for each field that has no default.

    Raises `TypeError` naming the field that is missing, unknown or of another type.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"expected fields of {kind.__name__}, got {reprlib.repr(values)}")
    hints = get_type_hints(kind)
    for name, value in values.items():
        if name in hints and not _fits(value, hints[name]):
            raise TypeError(f"{name} is {reprlib.repr(value)}, expected {hints[name]}")
    return kind(**values)


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_fits(one, get_args(kind)[0]) for one in value)
    if get_origin(kind) is types.UnionType:
        return any(_fits(value, one) for one in get_args(kind))
    if kind is float and isinstance(value, int):  # as JSON writes 1.0 now and then
        return not isinstance(value, bool) and abs(value) < 2**63
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)
