"""The command line, ``nnscratch COMMAND``: one module for each command."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from nnscratch.cli import (
    compare,
    cure,
    diagnose,
    export,
    find_rate,
    map,
    predict,
    replay,
    report,
    reproduce,
    sweep,
    train,
)
from nnscratch.errors import NnscratchError
from nnscratch_records.words import printable, printable_lines
from nnscratch_start.signals import INTERRUPTED

BAD_INPUT, BROKEN_PIPE = 2, 141  # the latter is what a shell reports for a program that it ended


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and give the terminal no orders."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: error: {printable(message)} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    from nnscratch import __version__

    root = Parser(
        prog="nnscratch",
        description="See, predict and cure vanishing and exploding gradients.",
    )
    root.add_argument("--version", action="version", version=f"nnscratch {__version__}")
    commands: argparse._SubParsersAction[argparse.ArgumentParser]
    commands = root.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    train.add_command(commands)
    compare.add_command(commands)
    find_rate.add_command(commands)
    predict.add_command(commands)
    cure.add_command(commands)
    reproduce.add_command(commands)
    sweep.add_command(commands)
    map.add_command(commands)
    diagnose.add_command(commands)
    replay.add_command(commands)
    export.add_command(commands)
    report.add_command(commands)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 bad input, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may lack letters of ours, or of names
            stream.reconfigure(errors="backslashreplace")
    command = "nnscratch"
    try:
        options = parser().parse_args(arguments)
        command += f" {options.command}"
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read has read enough, as `head` does
        return _without_output(BROKEN_PIPE)
    except (NnscratchError, OSError) as error:
        said, code = f"error: {error}", BAD_INPUT
    except MemoryError as error:
        said, code = f"error: not enough memory: {error or 'nothing is left'}", BAD_INPUT
    except KeyboardInterrupt:
        said, code = "interrupted", INTERRUPTED
    print(f"{command}: {printable_lines(said)}", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # a full disk, which was said
        return _without_output(code)
    return code


def _without_output(code: int) -> int:
    """Return `code`, and leave nothing that Python would complain of when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return code
