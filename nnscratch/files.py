"""Files of named arrays: `.npz`, never pickle, and never half written."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import DataError, FileError

PathLike = str | os.PathLike[str]


@contextlib.contextmanager
def new_file(path: PathLike) -> Iterator[BinaryIO]:
    """Open a file under a temporary name beside `path`, and rename it into place at the end.

    Raises `FileError` when the folder is missing, cannot be written, or the disk is full; then, and
    after any other error, whatever was at `path` is still there.
    """
    target = Path(path)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            yield cast(BinaryIO, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, FileError):
            raise FileError(f"cannot write {target}: {error.strerror or error}") from error
        raise


def write_atomically(path: PathLike, content: bytes) -> Path:
    """Write `content` to `path`, whole or not at all; raises as `new_file` does."""
    with new_file(path) as file:
        file.write(content)
    return Path(path)


def make_folder(path: PathLike) -> Path:
    """Return the folder `path`, made if need be; `FileError` if it cannot be made or written."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise FileError(
            f"cannot write into folder {folder}: {error.strerror or error}; choose another folder"
        ) from error
    return folder


def save_npz(path: PathLike, arrays: Mapping[str, Array | str]) -> Path:
    """Save `arrays` to `path` (uncompressed `.npz`), atomically."""
    # Not np.savez: some versions of NumPy would pickle, and no array could be called "file".
    with new_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(values), allow_pickle=False)
    return Path(path)


def load_npz(path: PathLike) -> dict[str, Array]:
    """Return the arrays saved at `path`.

    Raises `FileError` if it cannot be read and `DataError` if it is corrupt, truncated, or holds
    Python objects.
    """
    source = Path(path)
    try:
        content = source.read_bytes()
    except FileNotFoundError as error:
        raise FileError(f"no such file: {source}") from error
    except OSError as error:
        raise FileError(f"cannot read {source}: {error.strerror or error}") from error
    try:
        # From memory: NumPy leaves a file that it cannot open as an archive unclosed.
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {
                member.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(member)), allow_pickle=False
                )
                for member in archive.namelist()
            }
    # What zipfile and NumPy raise for damaged content: no zip, a bad checksum or header, the end
    # too early; NotImplementedError, a RuntimeError, for an unknown compression or version.
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, KeyError, RuntimeError) as error:
        raise DataError(f"{source} is not a complete .npz file of arrays: {error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
