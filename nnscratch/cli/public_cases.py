"""``nnscratch diagnose --public-cases``: the findings judged on networks of other people."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from rich import box
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable

from nnscratch.console import Console
from nnscratch.experiments import public
from nnscratch.experiments.public.tables import (
    Table,
    alarms,
    counts,
    healthy_answers,
    published,
    sick_answers,
)
from nnscratch.files import write_atomically

ALL = "all"
AIMS = {"first": 0.85, "anywhere": 0.95, "alarms": 1 / 40}

_RULES = (
    "A finding counts as right if its kind names the true cause or one that would do as well. "
    "Anywhere counts the first ones too. A false alarm is a serious or fatal finding of a run that "
    "reached what was published; mended cases are the sick ones with the cure of their source."
)


def run(options: argparse.Namespace) -> int:
    """Run the public cases, print and write the tables; 1 if an aim is missed."""
    console = Console()
    seeds = range(options.seeds or 1)
    groups = {n: c for n, c in public.SICK.items() if options.public_cases in (n, ALL)}
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as p:
        total = len(public.HEALTHY) + 2 * sum(map(len, groups.values()))
        task = p.add_task("public cases", total=total)

        def answers(
            cases: Sequence[public.Sick | public.Healthy], mended: bool = False
        ) -> list[public.Answer]:
            return public.answer_all(cases, seeds, mended, lambda name: p.update(task, advance=1))

        sick = {name: answers(cases) for name, cases in groups.items()}
        healthy = answers(public.HEALTHY)
        mended = {f"mended, {name}": answers(cases, True) for name, cases in groups.items()}
    tables = [counts(sick), alarms({"healthy": healthy, **mended}), published()]
    # One by one what was put aside is shown to whom asks for nothing else.
    for name in [n for n in groups if n not in public.PUT_ASIDE or options.public_cases == n]:
        tables.append(sick_answers(f"Sick cases, {name}", groups[name], sick[name]))
    tables.append(healthy_answers("Healthy set-ups", public.HEALTHY, healthy))
    for table in tables:
        console.print(_rich(table))
    console.print(_RULES)
    if options.json is not None:
        made = {
            "sick": {name: [a.to_dict() for a in group] for name, group in sick.items()},
            "tally": {name: public.Tally.of(group).to_dict() for name, group in sick.items()},
            "healthy": [a.to_dict() for a in healthy],
            "mended": {name: [a.to_dict() for a in group] for name, group in mended.items()},
        }
        write_atomically(options.json, json.dumps(made, indent=2).encode())
    if options.markdown is not None:
        text = "\n".join(table.markdown() for table in tables)
        write_atomically(options.markdown, text.encode())
    return 0 if _reached([*sick.values()], healthy) else 1


def _reached(groups: Sequence[Sequence[public.Answer]], healthy: Sequence[public.Answer]) -> bool:
    tallies = [public.Tally.of(group) for group in groups]
    learned = [a for a in healthy if a.learned]
    return all(
        t.first >= AIMS["first"] * t.runs and t.anywhere >= AIMS["anywhere"] * t.runs
        for t in tallies
    ) and sum(bool(a.alarms) for a in learned) <= AIMS["alarms"] * len(learned)


def _rich(table: Table) -> RichTable:
    made = RichTable(box=box.SIMPLE_HEAD, title=table.title, title_justify="left")
    for heading in table.headings:
        made.add_column(heading)
    for row in table.rows:
        made.add_row(*(escape(_plain(cell)) for cell in row))
    return made


def _plain(cell: str) -> str:
    """Return the text of a Markdown link without its address."""
    return cell[1:].split("](")[0] if cell.startswith("[") else cell
