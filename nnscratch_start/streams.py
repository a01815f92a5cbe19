"""Standard streams that whoever started the command has closed."""

from __future__ import annotations

import os
import sys


def open_what_is_closed() -> None:
    """Lead standard streams that were closed (``>&-``) nowhere, and no file into their places."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", closefd=False))
