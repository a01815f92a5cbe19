"""The labelled runs, made and diagnosed: how much is found, how much is wrong, how soon.

Thresholds were chosen on the seeds `TUNING`; what is reported comes from `HELD_OUT`, which draw
other depths, widths, data, weights and orders of the examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnscratch.experiments.faults import faulty, misused
from nnscratch.experiments.faults.healthy import HEALTHY
from nnscratch.experiments.faults.register import FAULTY
from nnscratch.experiments.faults.setup import Case
from nnscratch.flow.findings import Findings, find
from nnscratch.flow.recorder import GradientFlow
from nnscratch.flow.records import Record
from nnscratch.training import Trainer

_REGISTERED = (faulty, misused)  # each registers its runs when it is imported
CASES: tuple[Case, ...] = (*FAULTY, *HEALTHY)
TUNING = (0, 1, 2, 10, 11, 12, 13, 2000, 2001, 2002, 2003, 2004)
HELD_OUT = (3000, 3001)

_BY_STEP = ("steps", "loss", "lr", "batch_size")
_PREFIXES = ("input_", "output_", "gradient_", "param_", "clip_", "saturated_", "update_ratio")
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
        Kinds that are neither expected nor a consequence; of a healthy run also those found on the
        way, at a tenth, a quarter and half of its steps.
    delay : int or None
        Steps recorded when an expected kind was found first, 1 being the first step; None if never.
    """

    case: Case
    seed: int
    findings: Findings
    false: frozenset[str]
    delay: int | None

    @property
    def detected(self) -> bool:
        """Whether an expected kind is among the findings at the end."""
        return bool(self.case.expected & set(self.findings.kinds))


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
        """Faulty runs in which an expected kind was found."""
        return _share(sum(r.detected for r in self.faulty), len(self.faulty))

    @property
    def precision(self) -> float:
        """Findings that are expected or a consequence, among all findings."""
        right = sum(len(set(r.findings.kinds) & r.case.allowed) for r in self.faulty)
        return _share(right, right + self.false_alarms)

    @property
    def run_precision(self) -> float:
        """Faulty runs among all runs in which anything was found."""
        alarms = sum(bool(r.findings) for r in self.faulty)
        return _share(alarms, alarms + sum(bool(r.false) for r in self.healthy))

    @property
    def false_alarms(self) -> int:
        """Findings that are neither expected nor a consequence, in all runs."""
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
            "precision": self.precision,
            "run_precision": self.run_precision,
            "false_alarms": self.false_alarms,
            "false_alarms_in_healthy_runs": sum(len(r.false) for r in self.healthy),
            "steps_to_detection_median": float(np.median(delays)) if delays else None,
            "steps_to_detection_90_percent": float(np.quantile(delays, 0.9)) if delays else None,
            "steps_to_detection_most": delays[-1] if delays else None,
        }


def run_suite(
    seeds: Sequence[int] = HELD_OUT,
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
    false = set(findings.kinds) - case.allowed
    delay = None
    if case.healthy:
        for share in _EARLY:
            false |= set(find(cut(record, max(1, round(share * steps)))).kinds)
    else:
        delay = next((n for n in range(1, steps + 1) if _shows(cut(record, n), case)), None)
    return Result(case, seed, findings, frozenset(false), delay)


def make_record(case: Case, seed: int) -> Record:
    """Train one labelled run and return its record."""
    setup = case.make(seed)
    flow = GradientFlow(
        setup.model, probe=setup.x[:200], probe_every=10, histograms=False, label=case.name
    )
    trainer = Trainer(setup.model, setup.loss, setup.optimizer)
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
        ).whole()
    return flow.to_dict()


def cut(record: Record, steps: int) -> Record:
    """Return the record as it was after its first `steps` recorded steps."""
    if steps == len(record["steps"]):
        return record
    made = dict(record)
    for key, value in record.items():
        by_step = key in _BY_STEP or key.startswith(_PREFIXES) or key.startswith("batchnorm_")
        if by_step and key != "batchnorm_layers" and key != "param_sizes":
            made[key] = value[:steps]
    taken = np.asarray(record["census_steps"]) <= record["steps"][steps - 1]
    made["census_steps"], made["census"] = record["census_steps"][taken], record["census"][taken]
    return made


def _shows(record: Record, case: Case) -> bool:
    return bool(case.expected & set(find(record).kinds))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
