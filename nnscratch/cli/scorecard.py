"""The claims of ``nnscratch reproduce``: list them, run them, print them, write the page."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich import box
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import nnscratch
from nnscratch.cli.arguments import make_folders
from nnscratch.console import Console
from nnscratch.errors import FileError, require_name
from nnscratch.experiments.claims import page, registry, store
from nnscratch.experiments.claims.claim import CONDITION, FAILS, HOLDS, UNCHECKED, Claim, Data
from nnscratch.experiments.claims.runner import Outcome, Show, run_claims
from nnscratch.files import make_folder, write_atomically

ALL = "all"
COLOURS = {HOLDS: "green", CONDITION: "yellow", FAILS: "red", UNCHECKED: "dim"}


def show_list(console: Console, others: Mapping[str, str]) -> None:
    """Print every claim by name, and `others` after them."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("name", no_wrap=True)
    table.add_column("claim")
    table.add_column("needs", no_wrap=True)
    for claim in registry.CLAIMS:
        sentence = f"{escape(claim.sentence)} [dim]({escape(claim.source)})[/]"
        table.add_row(claim.name, sentence, ", ".join(claim.needs))
    for name, says in others.items():
        table.add_row(name, says, "mnist")
    console.print(table)
    console.print("nnscratch reproduce NAME runs one, nnscratch reproduce all the whole scorecard")


def check_names(names: Sequence[str], also: str) -> None:
    """Raise `ConfigError` for a name that is none of a claim's, `also` or "all"."""
    known = {*registry.names(), also, ALL}
    for name in names:
        require_name("claim", name, known)


def run(options: argparse.Namespace) -> int:
    """Run the claims that are named; for all of them, and where it is asked for, write the page."""
    console = Console()
    whole = ALL in options.names
    only = None if whole or not options.page else options.names
    claims = registry.CLAIMS if options.page else registry.select(options.names)
    folder = make_folder(Path("runs") if options.out is None else options.out)
    make_folders(options.json)
    name = "scorecard-quick" if options.quick else "scorecard"
    data = Data(options.data_dir, options.download)
    if not whole:
        _require_data(registry.select(options.names), data)
    outcomes: list[Outcome] = []
    try:
        with _progress(len(claims), outcomes) as show:
            for outcome in run_claims(
                claims,
                folder / name,
                data,
                quick=options.quick,
                seeds=options.seeds,
                fresh=options.fresh,
                only=only,
                show=show,
            ):
                outcomes.append(outcome)
                _print(
                    console,
                    outcome,
                    len(outcomes),
                    len(claims),
                    details=not (whole or options.page),
                )
    except KeyboardInterrupt:
        console.say(
            f"interrupted: {len(outcomes)} of {len(claims)} claims are kept in {folder / name}; "
            "the same command goes on from there"
        )
        raise
    written = [] if options.json is None else [_write_json(outcomes, options.json)]
    if whole or options.page:
        console.print(page.summary(outcomes), highlight=False)
        written += page.write_pages(outcomes, folder, name, _colophon(outcomes, options.quick))
    else:
        written += [outcome.picture for outcome in outcomes if outcome.picture is not None]
    console.wrote(*written)
    return 0


def _require_data(claims: Sequence[Claim], data: Data) -> None:
    """Raise where a claim that was asked for by name lacks its data."""
    for claim in claims:
        for name in claim.needs:
            try:
                getattr(data, name)()
            except FileError as error:
                said = f"claim {claim.name!r} needs {name}: {error}"
                raise type(error)(said) from error  # one that lists goes on listing


@contextlib.contextmanager
def _progress(count: int, outcomes: Sequence[Outcome]) -> Iterator[Show | None]:
    """Show a bar over all claims on a terminal; elsewhere the printed lines are enough."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
    with bar:
        task = bar.add_task("", total=count, note="")

        def show(claim: Claim, fraction: float, note: str) -> None:
            done = len(outcomes) + fraction
            bar.update(task, completed=done, description=claim.name, note=note)

        yield show


def _print(console: Console, outcome: Outcome, number: int, count: int, details: bool) -> None:
    colour = COLOURS[outcome.verdict.word]
    if outcome.measured is None:
        took = "not run"
    else:
        took = f"{outcome.seconds:.1f} s" + (", kept" if outcome.kept else "")
    console.print(
        f"{number:>2}/{count}  {outcome.claim.name}: [{colour}]{page.verdict_text(outcome)}[/] "
        f"[dim]({took})[/]",
        highlight=False,
    )
    if not details:
        return
    claim = outcome.claim
    for line in (
        f"{claim.sentence} ({claim.source})",
        f"{outcome.verdict.reason}.",
        f"Rule: {claim.rule}",
        f"Tried on: {claim.described(outcome.settings)}.",
    ):
        console.print(line, highlight=False, markup=False)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("measured")
    table.add_column(escape("mean [95 % interval]"), justify="right")
    table.add_column("expected", justify="right")
    if outcome.measured is not None:
        for quantity in outcome.measured.quantities.values():
            table.add_row(escape(quantity.what), escape(str(quantity)), page.expectation(quantity))
    console.print(table)


def _write_json(outcomes: Sequence[Outcome], path: Path) -> Path:
    results = [
        store.to_dict(o.claim, o.settings, o.measured, o.seconds)
        if o.measured is not None
        else {"claim": o.claim.name, "verdict": o.verdict.word, "reason": o.verdict.reason}
        for o in outcomes
    ]
    return write_atomically(path, json.dumps({"claims": results}, indent=1).encode())


def _colophon(outcomes: Sequence[Outcome], quick: bool) -> str:
    command = "nnscratch reproduce all" + (" --quick" if quick else "")
    minutes = sum(outcome.seconds for outcome in outcomes) / 60
    threads = nnscratch.get_num_threads()
    earlier = sum(outcome.earlier for outcome in outcomes)
    before = (
        f" {earlier} of {len(outcomes)} claims were measured with an earlier version of it."
        if earlier
        else ""
    )
    return (
        f"Made by: {command} (nnscratch {nnscratch.__version__}), in {minutes:.1f} minutes on "
        f"{threads} thread{'s' if threads != 1 else ''}; the numbers of every seed are in the JSON "
        f"files beside the pictures.{before}"
    )
