"""The command ``nnscratch`` before its packages are there: Ctrl-C ends it quietly from the start.

They take seconds to import. So this one imports nearly nothing and comes first: until the command
itself is ready, Ctrl-C and the request to end (SIGTERM) end the program at once; from then on both
are Ctrl-C, which a training meets at the end of a step.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable

from nnscratch_start import signals


def main() -> int:
    """Run the command line and return its exit code."""
    _open_what_is_closed()
    return signals.run(_command)


def _command() -> Callable[[], int]:
    from nnscratch import cli

    warnings.formatwarning = cli.line_of
    return cli.main


def _open_what_is_closed() -> None:
    """Lead standard streams that were closed (``>&-``) nowhere, and no file into their places."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", closefd=False))
