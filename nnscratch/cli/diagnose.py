"""``nnscratch diagnose``: what is wrong with a recorded run, and how well that is told."""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from nnscratch.cli import train
from nnscratch.cli.arguments import DATA, PUBLIC_GROUPS, add_data, count, make_folders
from nnscratch.cli.network import (
    add_network,
    add_training,
    names_a_network,
    names_to_choose_from,
    option_for,
)
from nnscratch.console import Console, table_of
from nnscratch.errors import ConfigError
from nnscratch.experiments import ladder
from nnscratch.files import write_atomically
from nnscratch.flow import load_record
from nnscratch.flow.findings import SEVERITIES, Finding, Findings, find
from nnscratch_records.words import one_line

FAILED = 1  # the exit code of a run with findings
NEVER = "never"
_TABLES = (".csv", ".tsv")
AIM = 0.95  # recall and precision of the self-test

_COLOURS = {"fatal": "bold red", "serious": "red", "notice": "yellow"}


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.description = (
        "Read records of runs, or train the network that options or --data name, and\n"
        "say in sentences what is wrong: where, since which step, why, and what cures it."
    )
    command.epilog = (
        "exit codes: 0 nothing as serious as --fail-on, 1 something, 2 bad input\n\n"
        "  nnscratch train --record run.flow && nnscratch diagnose run.flow\n"
        "  nnscratch diagnose --data table.csv --target price --activation tanh\n\n"
        + names_to_choose_from()
    )
    command.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="records: .flow files, or .npz"
    )
    command.add_argument(
        "--fail-on",
        choices=(*SEVERITIES, NEVER),
        default="serious",
        help="the mildest finding that makes the exit code 1",
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="also write the findings here")
    command.add_argument(
        "--self-test",
        action="store_true",
        help="diagnose labelled runs, faulty and healthy, and print how many are told right",
    )
    command.add_argument(
        "--public-cases",
        choices=(*PUBLIC_GROUPS, "all"),
        nargs="?",
        const="all",
        help="diagnose networks of other people: from question sites, issue trackers, published "
        "benchmarks and examples (docs/public-cases.md)",
    )
    command.add_argument(
        "--seeds",
        type=count("seeds", most=1000),
        metavar="N",
        help="make every labelled run N times (2), every public case N times (1)",
    )
    command.add_argument(
        "--markdown", type=Path, metavar="FILE", help="also write the tables of public cases here"
    )
    add_network(command)
    training = add_training(command)
    training.add_argument(
        "--epochs", type=count("epochs"), default=ladder.Settings.epochs, help="epochs"
    )
    add_data(command, choose=True)
    command.set_defaults(**train.UNWATCHED)


def run(options: argparse.Namespace) -> int:
    """Diagnose records, or with ``--self-test`` or ``--public-cases`` the diagnosis itself."""
    make_folders(options.json, options.markdown)
    if options.self_test or options.public_cases:
        if options.runs:
            what = "--self-test" if options.self_test else "--public-cases"
            raise ConfigError(f"{what} makes its own runs: leave the files out")
        if options.public_cases:
            from nnscratch.cli import public_cases

            return public_cases.run(options)
        return _self_test(options)
    names = names_a_network(options) or options.data != DATA
    if options.runs and names:
        raise ConfigError("a record says what its network was: leave out network and data")
    console = Console.beside(options.json)
    if names:
        return _judge(options, console, [_trained(options, console)])
    if not options.runs:
        raise ConfigError(
            "diagnose needs a record: nnscratch diagnose RUN, RUN being a file that "
            "nnscratch train --record RUN or flow.save(RUN) wrote; or a network to train, "
            "nnscratch diagnose --activation tanh"
        )
    for path in options.runs:
        if Path(path).suffix.lower() in _TABLES:
            raise ConfigError(
                f"{path} is a table, no record of a training: --data {path} trains on it first"
            )
    return _judge(options, console, [(str(path), find(load_record(path))) for path in options.runs])


def _trained(options: argparse.Namespace, console: Console) -> tuple[str, Findings]:
    """Train the network of the options, and return its name and what was found."""
    made, _ = train.train(options, console)
    made.trainer.history.whole()
    record = made.flow.to_dict()
    return "this network:", find(record)


def _judge(
    options: argparse.Namespace, console: Console, found: Sequence[tuple[str, Findings]]
) -> int:
    """Show what was found, write it, and return the exit code."""
    for path, findings in found:
        show(console, findings, path, here=option_for(str(findings.first), options))
    failed = [
        path
        for path, findings in found
        if options.fail_on != NEVER and findings.at_least(options.fail_on)
    ]
    if options.json is not None:
        runs = [{"file": path, **findings.to_dict()} for path, findings in found]
        _write(options.json, {"fail_on": options.fail_on, "failed": bool(failed), "runs": runs})
    return FAILED if failed else 0


def show(console: Console, findings: Findings, title: str, here: str = "") -> None:
    """Print the findings of a run; `here`: how to do on the command line what is to be done."""
    name, label = escape(one_line(title)), escape(one_line(findings.label))
    console.print(f"[bold]{name}[/] {label}", highlight=False)
    if not findings:
        console.print(Padding("[green]nothing wrong was found[/]", (0, 0, 0, 2)))
    if findings.state:
        console.print(Padding(escape(findings.state), (0, 0, 0, 2)), highlight=False)
    begin, line, why = findings.begin_with()
    if begin:
        console.print(Padding(f"[bold]{escape(begin)}[/]", (0, 0, 0, 2)), highlight=False)
        if line:  # as long as it is, to be pasted
            console.say(f"      {line}")
        if here:
            console.say(f"      {here}")
        if why:
            console.print(Padding(f"[dim]{escape(why)}[/]", (0, 0, 0, 6)), highlight=False)
    for finding, brought, cures in findings.told():
        console.print(Padding(_said(finding), (0, 0, 0, 2)), highlight=False)
        console.print(Padding(_why(finding, brought, cures), (0, 0, 0, 4)), highlight=False)
    console.print(Padding(f"[dim]{escape(findings.scope)}[/]", (0, 0, 1, 2)), highlight=False)


def _said(finding: Finding) -> str:
    colour = _COLOURS[finding.severity]
    return f"[{colour}]{finding.kind}[/] ({finding.severity}): {escape(finding.sentence)}"


def _why(finding: Finding, brought: Sequence[Finding], cures: Sequence[str]) -> Table:
    grid = Table.grid(padding=(0, 1))
    if finding.cause:
        grid.add_row("[bold]why[/]", escape(finding.cause))
    for one in brought:
        grid.add_row("[bold]brings[/]", f"{one.kind}: {escape(one.sentence)}")
    for cure in cures:
        grid.add_row("[bold]cure[/]", escape(cure))
    return grid


def _self_test(options: argparse.Namespace) -> int:
    from nnscratch.experiments import faults

    console = Console()
    seeds = list(range(options.seeds or len(faults.SEEDS)))
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as p:
        task = p.add_task("labelled runs", total=len(faults.CASES) * len(seeds))
        score = faults.run_suite(
            seeds, faults.CASES, watch=lambda result: p.update(task, advance=1)
        )
    figures = score.to_dict()
    console.print(_table(score.results))
    for result in score.results:
        missed = not result.case.healthy and not result.detected
        if missed or result.false:
            what = f"false alarm {', '.join(sorted(result.false))}" if result.false else "missed"
            console.print(f"{what}: {result.case.name} (seed {result.seed})", highlight=False)
    groups = {"on which limits were chosen": False, "held out": True}
    parts = {
        name: faults.Score(tuple(r for r in score.results if r.case.held_out == held_out))
        for name, held_out in groups.items()
    }
    for name, part in parts.items():
        if not part.results:
            continue
        told = part.to_dict()
        console.print(
            f"{told['faulty']} faulty and {told['healthy']} healthy runs of cases {name}: cause "
            f"first {told['first']:.3f}, recall {told['recall']:.3f} (the cause, and what it "
            f"shows, are found), precision {told['precision']:.3f} (findings that are right), "
            f"{told['false_alarms']} false alarms "
            f"({told['false_alarms_in_healthy_runs']} in healthy runs)",
            highlight=False,
        )
    if score.delays:
        console.print(
            f"steps to detection: median {figures['steps_to_detection_median']:.0f}, "
            f"nine in ten within {figures['steps_to_detection_90_percent']:.0f}, "
            f"the slowest {figures['steps_to_detection_most']}",
            highlight=False,
        )
    if options.json is not None:
        rows = [
            {
                "case": r.case.name,
                "seed": r.seed,
                "held_out": r.case.held_out,
                "cause": sorted(r.case.cause),
                "shows": sorted(r.case.shows),
                "found": list(r.findings.kinds),
                "first": r.first,
                "false": sorted(r.false),
                "steps_to_detection": r.delay,
            }
            for r in score.results
        ]
        by_group = {name: part.to_dict() for name, part in parts.items()}
        _write(options.json, {**figures, **by_group, "seeds": seeds, "results": rows})
    return 0 if min(score.recall, score.precision) >= AIM else FAILED


def _table(results: Sequence[Any]) -> Table:
    made = table_of(
        "fault",
        ("runs", "found", "false alarms", "steps"),
        caption="steps: recorded until the fault was found, median (a NaN is planted at step 25 or "
        "40, a huge step at 20); healthy runs are also read at a tenth, a quarter and half of "
        "their steps",
    )
    groups = defaultdict(list)
    for result in results:
        groups[" or ".join(sorted(result.case.cause)) or "healthy"].append(result)
    for name, group in groups.items():
        delays = [r.delay for r in group if r.delay is not None]
        made.add_row(
            name,
            f"{len(group)}",
            "-" if name == "healthy" else f"{sum(r.detected for r in group)}",
            f"{sum(len(r.false) for r in group)}",
            f"{statistics.median(delays):.0f}" if delays else "-",
        )
    return made


def _write(path: Path, content: dict[str, Any]) -> None:
    write_atomically(path, json.dumps(content, indent=2, allow_nan=False).encode())
