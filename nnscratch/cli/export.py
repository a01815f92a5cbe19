"""``nnscratch export``: a recorded run for other tools."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from nnscratch.cli.arguments import count, make_folders
from nnscratch.console import Console
from nnscratch.errors import ConfigError
from nnscratch.flow import load_record, save_record
from nnscratch.flow.export import to_json_lines, to_tensorboard
from nnscratch_records.words import plural


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.description = (
        "Write what was recorded of a run for other tools. At least one of\n"
        "--json-lines, --tensorboard and --npz says as what and where to.\n"
        "A .flow file is read as far as it is whole, also while its run goes on."
    )
    command.add_argument("file", type=Path, metavar="RUN", help="a record, .flow or .npz")
    command.add_argument(
        "--json-lines", type=Path, metavar="FILE", help="one JSON object per recorded step"
    )
    command.add_argument(
        "--histograms", action="store_true", help="with --json-lines: write the histograms too"
    )
    command.add_argument(
        "--tensorboard",
        type=Path,
        metavar="DIR",
        help="an event file; each run in a folder of its own",
    )
    command.add_argument("--npz", type=Path, metavar="FILE", help="NumPy arrays by name")
    command.add_argument(
        "--keep-every", type=count("keep-every"), default=1, metavar="N", help="one step in N"
    )
    command.add_argument(
        "--last", type=count("last"), metavar="N", help="of these, only the last N steps"
    )
    command.add_argument(
        "--memory",
        type=count("memory"),
        default=512,
        metavar="MB",
        help="read of a .flow file only as many steps, evenly spread, as fit",
    )


def run(options: argparse.Namespace) -> int:
    """Read the record, write it as asked, and say what was written and what is missing."""
    if not (options.json_lines or options.tensorboard or options.npz):
        raise ConfigError(
            "nothing to write: say --json-lines FILE, --tensorboard DIR or --npz FILE"
        )
    if options.histograms and not options.json_lines:
        raise ConfigError("--histograms has no meaning without --json-lines FILE")
    for path in (options.json_lines, options.npz):
        if path and _same(path, options.file):
            raise ConfigError(f"{path} is the record itself; choose another name")
    outputs = options.json_lines, options.npz
    make_folders(*outputs)
    console = Console.beside(*outputs, soft_wrap=True, highlight=False, markup=False)
    record = load_record(
        options.file,
        keep_every=options.keep_every,
        last=options.last,
        memory=options.memory * 10**6,
    )
    steps = record["steps"]
    console.say(
        f"{options.file}: {record['label']}, {plural(len(steps), 'recorded step')}, {steps[0]} to "
        f"{steps[-1]}, of {plural(len(record['layers']), 'layer')}"
    )
    if record["note"]:
        console.say(f"Note: {record['note']}.")
    if options.json_lines:
        path = to_json_lines(record, options.json_lines, histograms=options.histograms)
        console.wrote(path)
    if options.tensorboard:
        console.wrote(to_tensorboard(record, options.tensorboard))
        console.say(f"look at it with: tensorboard --logdir {options.tensorboard}")
    if options.npz:
        console.wrote(save_record(options.npz, record))
    return 0


def _same(path: Path, other: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):  # no such file, or no such name
        return path.samefile(other)
    return False
