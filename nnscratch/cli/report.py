"""``nnscratch report``: recorded runs as one HTML page that opens anywhere."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from nnscratch.cli.arguments import make_folders
from nnscratch.console import Console
from nnscratch.errors import FileError
from nnscratch.flow import load_record
from nnscratch.flow.findings import find
from nnscratch.flow.records import Record

_SUFFIXES = (".npz", ".flow")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.description = (
        "Write one self-contained HTML page about a recorded run, or several to\n"
        "compare on the same axes: what was found, and every layer at every step, with a slider\n"
        "over the steps and the values under the pointer. It opens offline in any browser."
    )
    command.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="a recorded run (.npz or .flow), or a folder of them",
    )
    command.add_argument(
        "--out", type=Path, default=Path("report.html"), metavar="FILE", help="page to write"
    )
    command.add_argument("--title", help="heading of the page (default: the names of the runs)")


def run(options: argparse.Namespace) -> int:
    """Read the runs, look for findings, write the page."""
    from nnscratch_plots.report import write_report

    console = Console()
    make_folders(options.out)
    paths = _files(options.runs)
    records = _told_apart(paths, [load_record(path) for path in paths])
    findings = [find(record) for record in records]
    path = write_report(records, options.out, findings=findings, title=options.title)
    count = sum(len(found) for found in findings)
    console.print(
        f"{len(records)} {'run' if len(records) == 1 else 'runs'}, "
        f"{count} {'finding' if count == 1 else 'findings'}",
        highlight=False,
    )
    console.wrote(path)
    return 0


def _files(given: Sequence[Path]) -> list[Path]:
    """The files named, a folder standing for the records in it, in the order of their names."""
    paths: list[Path] = []
    for path in given:
        if not path.is_dir():
            paths.append(path)
            continue
        inside = sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES)
        if not inside:
            raise FileError(f"folder {path} holds no recorded run (.npz or .flow)")
        paths += inside
    return paths


def _told_apart(paths: Sequence[Path], records: Sequence[Record]) -> list[Record]:
    """Add the file's name to labels that occur more than once."""
    counts = Counter(record["label"] for record in records)
    return [
        {**record, "label": f"{record['label']} ({path.stem})"}
        if counts[record["label"]] > 1
        else record
        for path, record in zip(paths, records, strict=True)
    ]
