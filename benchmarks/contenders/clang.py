"""The compiler that tinygrad has its kernels made by."""

from __future__ import annotations

import shutil

_NEWEST, _OLDEST = 25, 14


def find_clang() -> str:
    """Return the name of a clang that is installed; empty if there is none."""
    names = ["clang", *(f"clang-{version}" for version in range(_NEWEST, _OLDEST - 1, -1))]
    return next((name for name in names if shutil.which(name)), "")
