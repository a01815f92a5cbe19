"""Compiled code kept between processes, until any source file of the kernels changes.

Numba's own cache is changed in three ways. A kernel contains the code of the functions it calls,
wherever they are written, but Numba compares only the caller's file, and would go on running a
callee that has changed since: here the code is tied to all source files. Numba numbers the files of
a function's variants, so that two processes that compile different ones at the same time may write
them to one file, and later run one for the other: here a file is named after the variant. And Numba
believes what a file holds: here it begins with a seal, and what is damaged, cut off, or was written
for something else is compiled anew. What cannot be written is done without.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import uuid
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.serialize import dumps

# Whether code checks its indices (see `nnscratch_kernels.jit`); it is kept apart from other code.
CHECKED = os.environ.get("NNSCRATCH_BOUNDSCHECK", "") not in ("", "0")


def keep(compiled: Any) -> None:
    """Keep the code of a Numba function between processes, if a cache folder can be written."""
    if numba.config.DISABLE_JIT:
        return
    try:
        compiled.enable_caching()
    except RuntimeError as error:  # slower to start, not fatal
        if "cache" not in str(error):
            raise
        return
    kept = compiled._cache
    kept._cache_file = VariantsFile(
        kept.cache_path,
        kept._impl.filename_base,
        (kept._impl.locator.get_source_stamp(), _sources()),
    )
    save = kept.save_overload

    def save_if_possible(*arguments: Any) -> None:
        with contextlib.suppress(
            OSError
        ):  # the folder is gone, full or may not be written any more
            save(*arguments)

    kept.save_overload = save_if_possible


class VariantsFile:
    """The compiled variants of one function: a file each, with a seal before the code."""

    def __init__(self, folder: str, name: str, stamp: Any) -> None:
        self._start = Path(folder) / name
        self._stamp = numba.__version__, llvmlite.__version__, stamp

    def load(self, key: Any) -> Any:
        """Return what was saved for the variant `key`; None if that is not there, and whole."""
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        seal, data = content[:SEAL], content[SEAL:]
        return pickle.loads(data) if seal == self._seal(key, data) else None

    def save(self, key: Any, data: Any) -> None:
        """Save a variant, whole or not at all."""
        path, content = self._path(key), dumps(data)
        temporary = path.with_name(f"{path.name}.tmp.{uuid.uuid4().hex[:16]}")
        try:
            temporary.write_bytes(self._seal(key, content) + content)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _path(self, key: Any) -> Path:
        digest = hashlib.sha256(repr((key, CHECKED)).encode()).hexdigest()[:16]
        return self._start.with_name(f"{self._start.name}.{digest}.nbc")

    def _seal(self, key: Any, data: bytes) -> bytes:
        """Return what says for which variant, sources and versions `data` are, and that whole."""
        described = hashlib.sha256(repr((self._stamp, key, CHECKED)).encode()).digest()
        return described + zlib.crc32(data).to_bytes(4, "little")


SEAL = 36  # bytes of a seal


@cache
def _sources() -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of every source file of this package."""
    found = []
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        state = path.stat()
        found.append((path.name, state.st_mtime_ns, state.st_size))
    return tuple(found)
