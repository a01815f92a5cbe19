"""The command line, ``nnscratch COMMAND``: one module for each command."""

from __future__ import annotations

import argparse
import difflib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from nnscratch.errors import ConfigError, NnscratchError
from nnscratch_records.words import one_line, printable_lines
from nnscratch_start.signals import INTERRUPTED

BAD_INPUT, BROKEN_PIPE = 2, 141  # the latter is what a shell reports for a program that it ended
DRAWN_BY = "MPLBACKEND"  # the environment variable that matplotlib reads as it loads


# What every command does. Its module is imported once the command is asked for.
COMMANDS = {
    "train": "train one network; show, record and judge its gradient flow",
    "compare": "train one deep network under nine configurations and compare their gradients",
    "find-rate": "find the learning rate to begin with",
    "predict": "predict the gradient of every layer before training, and measure it beside",
    "cure": "find the change of a network with which it learns more",
    "reproduce": "try the claims of the post and the papers, beside the published figures",
    "sweep": "train every combination of a grid, here or on other machines, into one table",
    "map": "draw which networks learn over two settings, with theory's line",
    "diagnose": "say what is wrong with recorded runs, or with a network, and why",
    "replay": "make the step again that met NaN or infinity, tensor by tensor",
    "export": "write a recorded run as JSON lines, for TensorBoard, or as NumPy arrays",
    "report": "show recorded runs, and what was found in them, as one HTML page",
}


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Show the defaults that say something; leave the lines of description and epilog alone."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)


# What options are called in other commands and tools.
ELSEWHERE = {
    "--epochs": ["--steps", "--updates"],
    "--steps": ["--epochs", "--updates"],
    "--iterations": ["--steps", "--epochs"],
    "--learning-rate": ["--lr"],
    "--batch-size": ["--batch"],
    "--layers": ["--depth"],
    "--hidden": ["--width"],
    "--units": ["--width"],
    "--drop": ["--ignore"],
    "--exclude": ["--ignore"],
    "--output": ["--out"],
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and give the terminal no orders."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: error: {one_line(message)} (see {self.prog} --help)\n")


class Command(Parser):
    """The parser of one command, which knows what it takes from when it is asked to parse."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        name = self.prog.split()[-1].replace("-", "_")
        module = importlib.import_module(f"{__name__}.{name}")
        module.add_arguments(self)
        self.set_defaults(run=module.run)
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:  # said by the command, not by the whole
            takes_data = "--data" in self._option_string_actions and os.path.exists(unknown[0])
            hint = f"; give it data by --data {unknown[0]}" if takes_data else ""
            hint = hint or self._meant(unknown[0].partition("=")[0])
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return found, unknown

    def _meant(self, word: str) -> str:
        """Return which option of this command may have been meant; "" if none."""
        known = [option for option in self._option_string_actions if option.startswith("--")]
        near = [option for option in ELSEWHERE.get(word, ()) if option in known]
        near = near or difflib.get_close_matches(word, known, 1, 0.75)
        return f"; did you mean {near[0]}?" if near else ""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    from nnscratch import __version__

    root = Parser(
        prog="nnscratch",
        description="See, predict and cure vanishing and exploding gradients.",
    )
    root.add_argument("--version", action="version", version=f"nnscratch {__version__}")
    commands = root.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Command
    )
    for name, says in COMMANDS.items():
        commands.add_parser(name, help=says, formatter_class=HelpFormatter)
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
        _check_drawing()
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


def _check_drawing() -> None:
    """Raise `ConfigError`, before anything is trained, where matplotlib will not load."""
    given = os.environ.get(DRAWN_BY)
    if given:
        try:
            importlib.import_module("matplotlib")
        except ValueError as error:
            raise ConfigError(
                f"matplotlib, which draws the pictures, does not take the environment variable "
                f"{DRAWN_BY}={given}: unset it, or set it to agg ({error})"
            ) from None


def line_of(
    message: Warning | str, category: type, filename: str, lineno: int, line: str | None = None
) -> str:
    """Return how a warning is printed: one line, and none of our source."""
    return f"{one_line(str(message))}\n"


def _without_output(code: int) -> int:
    """Return `code`, and leave nothing that Python would complain of when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return code
