"""The labelled runs, made and diagnosed: how much is found, how much is wrong, how soon.

Limits were chosen on the cases that are not held out. Those that are have other architectures, data
and faults; the two are reported apart, and of both the seeds draw depths, widths, data and weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnscratch.experiments.faults import asked, faulty, flawed, held_out, misused, through_time
from nnscratch.experiments.faults.healthy import HEALTHY
from nnscratch.experiments.faults.register import FAULTY
from nnscratch.experiments.faults.setup import Case
from nnscratch.flow.findings import Findings, find
from nnscratch.flow.recorder import GradientFlow
from nnscratch.flow.records import Record
from nnscratch.training import Trainer
from nnscratch_records import FIELDS

_REGISTERED = (
    faulty,
    misused,
    asked,
    through_time,
    flawed,
    held_out,
)  # each registers its runs when it is imported
CASES: tuple[Case, ...] = (*FAULTY, *HEALTHY, *through_time.HEALTHY)
SEEDS = (0, 1)
_EARLY = (0.1, 0.25, 0.5)  # of the steps of a healthy run: no alarm on the way either


@dataclass(frozen=True)
class Result:
    """One labelled run and what was found in it.

    Attributes
    ----------
    case : Case
    seed : int
    findings : Findings
        At the end of the run.
    false : frozenset of str
        Kinds that stand by themselves, no consequence of another, and are neither expected nor
        allowed. Of a healthy run those that are serious or fatal, also at a tenth, a quarter and
        half of its steps.
    delay : int or None
        Steps recorded when an expected kind was found first, 1 being the first step, to within a
        fifth; None if never.
    """

    case: Case
    seed: int
    findings: Findings
    false: frozenset[str]
    delay: int | None

    @property
    def detected(self) -> bool:
        """Whether a right cause, and what it shows, are among the findings at the end."""
        kinds = set(self.findings.kinds)
        shown = not self.case.shows or bool(self.case.shows & kinds)
        return bool(self.case.cause & kinds) and shown

    @property
    def first(self) -> bool:
        """Whether a right cause comes first."""
        return bool(self.case.cause & set(self.findings.kinds[:1]))


@dataclass(frozen=True)
class Score:
    """The figures over many labelled runs."""

    results: tuple[Result, ...]

    @property
    def faulty(self) -> tuple[Result, ...]:
        """Runs with a fault."""
        return tuple(r for r in self.results if not r.case.healthy)

    @property
    def healthy(self) -> tuple[Result, ...]:
        """Runs without one."""
        return tuple(r for r in self.results if r.case.healthy)

    @property
    def recall(self) -> float:
        """Faulty runs in which a right cause, and what it shows, were found."""
        return _share(sum(r.detected for r in self.faulty), len(self.faulty))

    @property
    def first(self) -> float:
        """Faulty runs in which a right cause came first."""
        return _share(sum(r.first for r in self.faulty), len(self.faulty))

    @property
    def precision(self) -> float:
        """Causes that are expected, among all findings that stand by themselves."""
        right = sum(len(_alone(r.findings) & r.case.allowed) for r in self.faulty)
        return _share(right, right + self.false_alarms)

    @property
    def run_precision(self) -> float:
        """Faulty runs among all runs in which anything was found."""
        alarms = sum(bool(r.findings) for r in self.faulty)
        return _share(alarms, alarms + sum(bool(r.false) for r in self.healthy))

    @property
    def false_alarms(self) -> int:
        """Findings that stand by themselves and should not, in all runs."""
        return sum(len(r.false) for r in self.results)

    @property
    def delays(self) -> list[int]:
        """Steps to detection of the faults that were found."""
        return sorted(r.delay for r in self.faulty if r.delay is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON knows them."""
        delays = self.delays
        return {
            "runs": len(self.results),
            "faulty": len(self.faulty),
            "healthy": len(self.healthy),
            "recall": self.recall,
            "first": self.first,
            "precision": self.precision,
            "run_precision": self.run_precision,
            "false_alarms": self.false_alarms,
            "false_alarms_in_healthy_runs": sum(len(r.false) for r in self.healthy),
            "steps_to_detection_median": float(np.median(delays)) if delays else None,
            "steps_to_detection_90_percent": float(np.quantile(delays, 0.9)) if delays else None,
            "steps_to_detection_most": delays[-1] if delays else None,
        }


def run_suite(
    seeds: Sequence[int] = SEEDS,
    cases: Sequence[Case] = CASES,
    watch: Callable[[Result], None] = lambda result: None,
) -> Score:
    """Make and diagnose every run of `cases` with every seed; `watch` is told each result."""
    results = []
    for case in cases:
        for seed in seeds:
            results.append(diagnose(case, seed))
            watch(results[-1])
    return Score(tuple(results))


def diagnose(case: Case, seed: int) -> Result:
    """Make one labelled run and diagnose it."""
    record = make_record(case, seed)
    findings = find(record)
    steps = len(record["steps"])
    false = _alone(findings) - case.allowed
    delay = None
    if case.healthy:
        cuts = (cut(record, max(1, round(share * steps))) for share in _EARLY)
        read = [findings, *map(find, cuts)]
        false = frozenset(one.kind for found in read for one in found.at_least("serious"))
    else:
        later = np.geomspace(20, max(steps, 21), 20).astype(int).tolist()
        counts = sorted({*range(1, 21), *later, steps})
        delay = next((n for n in counts if n <= steps and _shows(cut(record, n), case)), None)
    return Result(case, seed, findings, frozenset(false), delay)


def make_record(case: Case, seed: int) -> Record:
    """Train one labelled run and return its record."""
    setup = case.make(seed)
    flow = GradientFlow(
        setup.model, probe=setup.x[:200], probe_every=10, histograms=False, label=case.name
    )
    trainer = Trainer(setup.model, setup.loss, setup.optimizer, truncate=setup.truncate)
    with np.errstate(all="ignore"):  # overflow is what some of the runs are about
        trainer.fit(
            setup.x,
            setup.y,
            epochs=case.steps,
            batch_size=setup.batch_size,
            callbacks=[flow, *setup.callbacks],
            progress=False,
            seed=seed,
            max_steps=case.steps,
            validation=setup.validation,
        ).whole()
    return flow.to_dict()


def cut(record: Record, steps: int) -> Record:
    """Return the record as it was after its first `steps` recorded steps."""
    if steps == len(record["steps"]):
        return record
    made = dict(record)
    for name, field in FIELDS.items():
        if field.axes[:1] == ("steps",) and len(record[name]):
            made[name] = record[name][:steps]
    taken = np.asarray(record["census_steps"]) <= record["steps"][steps - 1]
    made["census_steps"], made["census"] = record["census_steps"][taken], record["census"][taken]
    return made


def _alone(findings: Findings) -> frozenset[str]:
    """Return the kinds that stand by themselves."""
    return frozenset(finding.kind for finding in findings.causes)


def _shows(record: Record, case: Case) -> bool:
    return bool(case.expected & set(find(record).kinds))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
