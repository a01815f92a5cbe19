"""The command line, ``nnscratch COMMAND``: one module for each command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from nnscratch.cli import (
    compare,
    cure,
    diagnose,
    export,
    find_rate,
    predict,
    replay,
    report,
    reproduce,
    train,
)
from nnscratch.errors import NnscratchError

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    from nnscratch import __version__

    root = argparse.ArgumentParser(
        prog="nnscratch",
        description="See, predict and cure vanishing and exploding gradients.",
    )
    root.add_argument("--version", action="version", version=f"nnscratch {__version__}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    train.add_command(commands)
    compare.add_command(commands)
    find_rate.add_command(commands)
    predict.add_command(commands)
    cure.add_command(commands)
    reproduce.add_command(commands)
    diagnose.add_command(commands)
    replay.add_command(commands)
    export.add_command(commands)
    report.add_command(commands)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 bad input, 130 interrupted."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (NnscratchError, OSError) as error:
        print(f"nnscratch {options.command}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"nnscratch {options.command}: interrupted", file=sys.stderr)
        return INTERRUPTED
