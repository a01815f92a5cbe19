"""Files of named arrays: `.npz`, never pickle, and never half written."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import DataError, FileError, NnscratchError, TooLargeError
from nnscratch.extras import optional
from nnscratch_records import files, memory, npz
from nnscratch_records.files import PathLike as PathLike
from nnscratch_records.files import as_path as as_path


@contextlib.contextmanager
def new_file(path: PathLike) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of `path` at the end, as `nnscratch_records.files` does.

    Raises `FileError` when the folder is missing, cannot be written, or the disk is full; then, and
    after any other error, whatever was at `path` is still there.
    """
    with naming("cannot write", path), files.new_file(path) as file:
        yield file


@contextlib.contextmanager
def open_input(path: PathLike) -> Iterator[IO[bytes]]:
    """Open the file at `path` for reading.

    Raises `FileError` where there is none or it cannot be read, and for what is no file: a folder,
    a device, a pipe.
    """
    with naming("cannot read", path):
        try:
            opened = files.open_input(path)
        except FileNotFoundError as error:
            raise FileError(f"no such file: {path}") from error
        with opened as file:
            yield file


def read_input(path: PathLike) -> bytes:
    """Return the bytes of the file at `path`; raises as `open_input`, and `TooLargeError`."""
    with open_input(path) as file:
        memory.require(str(path), os.fstat(file.fileno()).st_size)
        return file.read() or b""  # None of a file of the system that waits for more


@contextlib.contextmanager
def naming(what: str, path: PathLike) -> Iterator[None]:
    """Turn an `OSError` within into a `FileError` that says what could not be done to `path`."""
    if "\0" in str(as_path(path)):  # of which Python tells in a ValueError
        raise FileError(f"{what} {path}: no file can have such a name")
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{what} {path}: {error.strerror or error}") from error


def write_atomically(path: PathLike, content: bytes) -> Path:
    """Write `content` to `path`, whole or not at all; raises as `new_file` does."""
    with new_file(path) as file:
        file.write(content)
    return as_path(path)


def write_rows(path: Path, mode: str, rows: Iterable[Sequence[object]]) -> None:
    """Write rows to a CSV file, anew (``"w"``) or behind what is there (``"a"``); `FileError`."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    with naming("cannot write", path), files.open_growing(path, anew=mode == "w") as file:
        files.put_whole(file, text.getvalue().encode(errors="replace"))


def make_folder(path: PathLike) -> Path:
    """Return the folder `path`, made if need be; `FileError` if it cannot be made or written."""
    folder = as_path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:  # ValueError: no folder can have such a name
        reason = getattr(error, "strerror", None) or error
        raise FileError(
            f"cannot write into folder {folder}: {reason}; choose another folder"
        ) from error
    return folder


def save_npz(path: PathLike, arrays: Mapping[str, Array | str]) -> Path:
    """Save `arrays` to `path` (uncompressed `.npz`), atomically."""
    with new_file(path) as file:
        npz.write_npz(file, arrays)
    return as_path(path)


def load_npz(
    path: PathLike, check: Callable[[npz.Described], None] | None = None
) -> dict[str, Array]:
    """Return the arrays saved at `path`.

    check : may refuse them by their types and shapes, before what they hold is read

    Raises `FileError` if it cannot be read, `DataError` if it is corrupt, truncated, or holds
    Python objects, and `TooLargeError` if the arrays do not fit into memory.
    """
    with open_input(path) as file:
        try:
            return npz.read_npz(file, check)
        except MemoryError as error:
            raise TooLargeError(f"{path} does not fit into memory: {error}") from None
        except NnscratchError:  # what `check` says
            raise
        except ValueError as error:
            reason = str(error)[:200]
            raise DataError(f"{path} is not a complete .npz file of arrays: {reason}") from error


def save_arrays(path: PathLike, arrays: Mapping[str, Array]) -> Path:
    """Save `arrays` to `path`, as its suffix says: `.safetensors`, anything else as `.npz`."""
    if as_path(path).suffix != ".safetensors":
        return save_npz(path, arrays)
    whole = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    package = optional("safetensors.numpy", str(path), "safetensors")
    return write_atomically(path, package.save(whole))


def load_arrays(path: PathLike) -> dict[str, Array]:
    """Return what `save_arrays` saved, or any other file of safetensors; raises as `load_npz`."""
    if as_path(path).suffix != ".safetensors":
        return load_npz(path)
    package = optional("safetensors.numpy", str(path), "safetensors")
    content = read_input(path)
    try:
        loaded: dict[str, Array] = package.load(content)
    except Exception as error:  # its own kind, and those of NumPy for types that this one lacks
        raise DataError(f"{path} is not a complete file of safetensors: {error}") from error
    return loaded


def from_json(text: str | bytes) -> dict[str, Any]:
    """Return the JSON object that `text` is; `ValueError` if it is none."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("lists within lists, too deep to be read") from None
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, got {type(value).__name__}")
    return value
