"""Compiled code kept between processes, until any source file of the kernels changes.

Numba's own cache is changed in two ways. A kernel contains the code of the functions it calls,
wherever they are written, but Numba compares only the caller's file, and would go on running a
callee that has changed since: here the code is tied to all source files. And Numba numbers the
files of a function's variants, so that two processes that compile different ones at the same time
may write them to one file, and later run one for the other: here a file is named after the variant.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import IndexDataCacheFile


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


class VariantsFile(IndexDataCacheFile):  # type: ignore[misc]  # Numba has no types
    """The compiled variants of one function: a file each, and an index of them."""

    def save(self, key: Any, data: Any) -> None:
        """Save a variant; the index is written last, so that it never names what is not there."""
        variants = self._load_index()
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        variants[key] = self._index_name.removesuffix("nbi") + f"{digest}.nbc"
        self._save_data(variants[key], data)
        self._save_index(variants)


@cache
def _sources() -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of every source file of this package."""
    found = []
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        state = path.stat()
        found.append((path.name, state.st_mtime_ns, state.st_size))
    return tuple(found)
