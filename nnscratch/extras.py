"""Packages that are imported only when used: who lacks one is told which extra to install."""

from __future__ import annotations

import importlib
from typing import Any

from nnscratch.errors import MissingPackageError


def missing(what: str, extra: str, needs: str = "") -> MissingPackageError:
    """Return the error that says which extra brings the package that `what` needs.

    needs : the package, where it is not called as the extra is
    """
    return MissingPackageError(f"{what} needs {needs or extra}: pip install 'nnscratch[{extra}]'")


def optional(module: str, what: str, extra: str, needs: str = "") -> Any:
    """Return `module`, imported now, or raise `MissingPackageError` as `missing` says it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing(what, extra, needs) from error
