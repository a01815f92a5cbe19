"""The tables of the verdict, as rows of text: for a terminal and for docs/public-cases.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnscratch.experiments.public.case import Healthy, Sick
from nnscratch.experiments.public.verdict import (
    PUBLISHED,
    PUBLISHED_CASES,
    Answer,
    Tally,
)


@dataclass(frozen=True)
class Table:
    """A title, the headings and the rows."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [self.headings, ("---",) * len(self.headings), *self.rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"### {self.title}\n\n{body}\n"


def counts(groups: Mapping[str, Sequence[Answer]]) -> Table:
    """Return how many of each group were told how."""
    rows = []
    for name, answers in groups.items():
        t = Tally.of(answers)
        told = (_share(n, t.runs) for n in (t.first, t.anywhere, t.silent, t.wrong))
        rows.append((name, *told, f"{t.runs}"))
    headings = ("group", "first", "anywhere", "silent", "wrong", "runs")
    return Table("Sick cases", headings, tuple(rows))


def alarms(groups: Mapping[str, Sequence[Answer]]) -> Table:
    """Return in how many runs that learned anything serious was found."""
    rows = []
    for name, answers in groups.items():
        learned = [a for a in answers if a.learned]
        false = [a for a in learned if a.alarms]
        rows.append((name, f"{len(false)}", f"{len(learned)}", f"{len(answers) - len(learned)}"))
    headings = ("group", "false alarms", "runs that learned", "that did not")
    return Table("Healthy set-ups and mended cases", headings, tuple(rows))


def published() -> Table:
    """Return what other tools reach, on other programs: sick ones only."""
    n = PUBLISHED_CASES
    rows = tuple((tool, _share(named, n), _share(seen, n)) for tool, seen, named in PUBLISHED)
    return Table(
        f"Published tools, {n} faulty programs (Cao et al. 2022)",
        ("tool", "named one right kind of fault", "said that something is wrong"),
        rows,
    )


def sick_answers(title: str, cases: Sequence[Sick], answers: Sequence[Answer]) -> Table:
    """Return every case with its source, truth, answer and verdict."""
    rows = []
    for case in cases:
        truth = f"{case.cause}: {case.truth}"
        given = [(_found(a), a.verdict) for a in answers if a.case is case]
        rows += [(_link(case), truth, *said) for said in given or [(_needs(case), "not run")]]
    return Table(title, ("case", "truth", "found", "verdict"), tuple(rows))


def healthy_answers(title: str, cases: Sequence[Healthy], answers: Sequence[Answer]) -> Table:
    """Return every set-up with what it reached and what was found in it."""
    rows = []
    for case in cases:
        given = [
            (f"{a.outcome.score:.3f}", _found(a), "yes" if a.alarms else "no")
            for a in answers
            if a.case is case
        ]
        rows += [(_link(case), *said) for said in given or [("-", _needs(case), "not run")]]
    return Table(title, ("set-up", "reached", "found", "false alarm"), tuple(rows))


def _link(case: Sick | Healthy) -> str:
    return f"[{case.name}]({case.source})"


def _found(answer: Answer) -> str:
    return ", ".join(answer.kinds) or "nothing"


def _needs(case: Sick | Healthy) -> str:
    return f"needs {', '.join(case.recipe.needs)}"


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if whole else "-"
