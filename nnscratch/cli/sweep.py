"""``nnscratch sweep``: many trainings from a file that says which."""

from __future__ import annotations

import argparse
import inspect
import tomllib
from pathlib import Path
from typing import Any

from nnscratch.cli.arguments import count
from nnscratch.console import Console
from nnscratch.errors import ConfigError, DataError, require_name, shown
from nnscratch.experiments.standard import standard
from nnscratch.files import make_folder, read_input
from nnscratch.sweeping import Sweep, sweep

_KNOWN = tuple(name for name in inspect.signature(standard).parameters if name != "seed")
_EXAMPLE = """a file such as

  seeds = 3                        # how many, or which: [0, 7]
  [grid]                           # every combination of these
  depth = [5, 10, 20]
  activation = ["tanh", "elu"]
  [network]                        # what all have in common
  width = 64
  epochs = 5

The same command again goes on where it was broken off. settings:
  """


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.description = (
        "Train every combination of a grid, record each run, and write one table:\n"
        "verdict, findings, rates, losses and the path of the record."
    )
    command.epilog = _EXAMPLE + ", ".join(_KNOWN)
    command.add_argument("grid", type=Path, metavar="GRID.toml", help="see below")
    add_executor(command, "runs/sweep")


def add_executor(command: argparse.ArgumentParser, folder: str) -> None:
    """Add where the runs are made, where what they give goes, and which are made again."""
    command.add_argument(
        "--out", type=Path, default=Path(folder), metavar="DIR", help="for what is written"
    )
    command.add_argument("--workers", type=count("workers"), help="processes (default: all cores)")
    command.add_argument(
        "--scheduler", metavar="ADDRESS", help="of Dask, in the place of processes: tcp://..."
    )
    command.add_argument(
        "--retry", action="store_true", help="make again the runs that ended in an error"
    )


def say_sweep(console: Console, found: Sweep) -> None:
    """Say what came of it; raise `ConfigError` if every run failed."""
    failed = found.failed
    if len(failed) == len(found):
        raise ConfigError(
            f"every run failed ({found.path} says how; --retry tries again): {failed[0]['error']}"
        )
    console.say(repr(found))
    if failed:
        console.say(
            f"{len(failed)} of {len(found)} runs ended in an error, the first in: "
            f"{failed[0]['error']}. With --retry the same command tries them again."
        )


def run(options: argparse.Namespace) -> int:
    """Read the file, train, say what came of it."""
    console = Console()
    content = read_input(options.grid)
    try:
        said: dict[str, Any] = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, UnicodeDecodeError, ...
        raise DataError(f"{options.grid} is no TOML: {error}") from error
    grid, common = (said.get(name, {}) for name in ("grid", "network"))
    for name, part in (("grid", grid), ("network", common)):
        if not isinstance(part, dict):
            raise ConfigError(f"{name} of {options.grid} must be a table, got {shown(part)}")
    for what, names, known in (
        ("part of a sweep", said, ("seeds", "grid", "network")),
        ("setting of a sweep", [*grid, *common], _KNOWN),
    ):
        for name in names:
            require_name(what, name, known)
    twice = sorted({*grid} & {*common})
    if twice:
        raise ConfigError(f"{', '.join(twice)} of {options.grid} stands in [grid] and [network]")
    folder = make_folder(options.out)
    # What all have in common is a column too: with other numbers they are other runs.
    whole = grid and {**grid, **{name: [one] for name, one in common.items()}}
    found = sweep(
        standard, whole, seeds=said.get("seeds", 1),
        executor=options.scheduler, workers=options.workers,
        table=folder / "sweep.csv", records=folder / "records", retry=options.retry,
    )  # fmt: skip
    say_sweep(console, found)
    console.wrote(found.path)
    return 0
