"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import math
import os
import reprlib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from nnscratch import datasets
from nnscratch.errors import ConfigError, require_count, require_number
from nnscratch.experiments import ladder
from nnscratch.files import make_folder, naming
from nnscratch_records import files

DATA = "digits"  # where none are named
# Of sick public cases.
PUBLIC_GROUPS = (
    *("known", "tuned", "fresh", "opened", "aside", "unlike", "later", "untouched"),
    *("autumn", "winter", "spring", "summer", "dawn", "dusk"),
    *("east", "west"),
    *("north", "south"),
    *("harbour", "island", "meadow", "moor", "brook", "delta"),
    *("lake", "marsh"),
    *("sedge", "reed"),
)
MOST = 10**9  # of whatever is counted
HUGE = 10**30  # of sizes: what they would need is said
T = TypeVar("T")

CONFIGURATIONS = "configurations:\n" + "\n".join(
    f"  {rung.name:<24}{rung.label}" for rung in ladder.LADDER
)


def count(what: str, least: int = 1, most: float = MOST) -> Callable[[str], int]:
    """Return an argument type for a whole number from `least` to `most`."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            expected = f"{what} must be a whole number >= {least}"
            raise argparse.ArgumentTypeError(f"{expected}, got {reprlib.repr(text)}") from None
        return _checked(require_count, what, number, least=least, most=most)

    return parse


SEED = count("seed", least=0, most=math.inf)


def rate(what: str, above: float = 0.0) -> Callable[[str], float]:
    """Return an argument type for a finite number above `above`."""
    bound = f" > {above:g}" if math.isfinite(above) else ""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{what} must be a number{bound}, got {reprlib.repr(text)}"
            ) from None
        return _checked(require_number, what, number, above=above)

    return parse


def _checked(require: Callable[..., T], what: str, number: float, **limits: float) -> T:
    try:
        return require(what, number, **limits)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def make_folders(*paths: Path | None) -> None:
    """Make the folders of the files that will be written, before anything else is done.

    Not of devices, pipes and this program's own output. Raises `FileError`, as writing would.
    """
    for path in paths:
        if path is None:
            continue
        with naming("cannot write", path):
            if files.replaceable(path):
                make_folder(Path(os.path.realpath(path)).parent)


def add_sizes(command: argparse._ActionsContainer) -> None:
    """Add depth and width."""
    defaults = ladder.Settings()
    command.add_argument(
        "--depth",
        type=count("depth", most=HUGE),
        help=f"hidden layers (default: {defaults.depth})",
    )
    command.add_argument(
        "--width",
        type=count("width", most=HUGE),
        help=f"units in each (default: {defaults.width})",
    )


def add_ladder(command: argparse.ArgumentParser, *, least_batch: int = 1) -> None:
    """Add which configurations of the ladder, how deep and wide, on what batches, which seed."""
    defaults = ladder.Settings()
    command.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        help="these configurations only; all: each, of these sizes",
    )
    add_sizes(command)
    command.add_argument(
        "--batch",
        type=count("batch", least=least_batch),
        help=f"batch size (default: {defaults.batch_size})",
    )
    command.add_argument(
        "--seed",
        type=SEED,
        default=defaults.seed,
        help="random seed",
    )


def ladder_settings(options: argparse.Namespace) -> ladder.Settings:
    """Return what the options say of the ladder; its own defaults for what a command lacks."""
    given = {**vars(options), "batch_size": options.batch}
    names = [item.name for item in fields(ladder.Settings) if given.get(item.name) is not None]
    return ladder.Settings(**{name: given[name] for name in names})


def add_data(command: argparse.ArgumentParser, *, choose: bool, files: bool = True) -> None:
    """Add where the data come from; `choose` lets the user say which, `files` also own ones."""
    group = command.add_argument_group("data")
    if choose:
        group.add_argument(
            "--data",
            default=DATA,
            metavar="NAME",
            help=f"{' or '.join(datasets.names())}; digits (1,797 real 8x8 images) come with "
            "the package" + "; or a file, FILE.csv, .tsv or .txt, or FILE.npz with x and y" * files,
        )
    if choose and files:
        group.add_argument(
            "--target",
            metavar="COLUMN",
            help="of a file: what is to be learned (default: the last column, or the array y)",
        )
        group.add_argument(
            "--ignore",
            nargs="+",
            action="extend",
            metavar="COLUMN",
            help="of a table: columns to leave out, as ids and names are",
        )
        group.add_argument(
            "--standardise",
            action="store_true",
            help="bring inputs, and answers that are numbers, of a file to mean 0 and deviation 1",
        )
    group.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder with the four MNIST files (default: $NNSCRATCH_DATA, then the cache folder)",
    )
    group.add_argument(
        "--download", action="store_true", help="download MNIST into the cache folder if missing"
    )
