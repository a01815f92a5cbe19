"""The command ``nnscratch`` before its packages are there: Ctrl-C ends it quietly from the start.

They take seconds to import. So this one imports nearly nothing and comes first: until the command
itself is ready, Ctrl-C and the request to end (SIGTERM) end the program at once; from then on both
are Ctrl-C, which a training meets at the end of a step.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

from nnscratch_start import signals, streams


def main() -> int:
    """Run the command line and return its exit code."""
    streams.open_what_is_closed()
    return signals.run(_command)


def _command() -> Callable[[], int]:
    from nnscratch import cli

    warnings.formatwarning = cli.line_of
    return cli.main
