"""Files of named arrays: `.npz`, never pickle, and never half written."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import DataError, FileError

PathLike = str | os.PathLike[str]


def write_atomically(path: PathLike, content: bytes) -> Path:
    """Write `content` under a temporary name beside `path`, then rename it into place.

    Raises `FileError` when the folder is missing, cannot be written, or the disk is full; whatever
    was at `path` is then still there.
    """
    target = Path(path)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FileError(f"cannot write {target}: {error.strerror or error}") from error
        raise
    return target


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
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **{k: np.asarray(v) for k, v in arrays.items()})
    return write_atomically(path, content.getvalue())


def load_npz(path: PathLike) -> dict[str, Array]:
    """Return the arrays saved at `path`.

    Raises `FileError` if it cannot be read and `DataError` if it is corrupt, truncated, or holds
    Python objects.
    """
    source = Path(path)
    try:
        # Opened here, because np.load leaves a damaged file open.
        with source.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise FileError(f"no such file: {source}") from error
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError, AttributeError) as error:
        raise DataError(f"{source} is not a complete .npz file of arrays: {error}") from error
    except OSError as error:
        raise FileError(f"cannot read {source}: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
