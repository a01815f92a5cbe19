"""The run: which sections, in which order, and what is kept when something fails or ends early."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import (
    contenders,
    correctness,
    judges,
    kernels,
    more_threads,
    recording,
    roofline,
    startup,
    tasks,
)
from benchmarks.contenders import CONTENDERS, OURS, OURS_RECORDED, STEPPERS
from benchmarks.machine import in_threads
from benchmarks.quiet import Quiet
from benchmarks.results import (
    KernelResult,
    Results,
    Skipped,
    StartUpResult,
    StepResult,
    set_kernel_ratios,
    set_step_ratios,
    start_results,
)
from benchmarks.session import Session, WorkerFailed
from benchmarks.workloads import WORKLOADS, Workload

SECTIONS = ("steps", "recording", "growth", "threads", "products", "activations", "startup")
GROWTH_CONTENDERS = (OURS, "numpy", "torch-eager", "jax-jit")


@dataclass(frozen=True)
class Plan:
    """What to measure and how long."""

    workloads: tuple[Workload, ...]
    threads: tuple[int, ...]
    isa: str
    contenders: tuple[str, ...]
    sections: tuple[str, ...]
    quick: bool
    rounds: int
    step_seconds: float
    growth_rounds: int
    kernel_rounds: int
    kernel_seconds: float
    startup_runs: int
    recording_rounds: int
    recording_seconds: float
    patience: float  # seconds to wait, in all, for cores that somebody else is using


Say = Callable[[str], None]


class Runner:
    """Carries out a plan; `results` hold what is there so far, at any time."""

    def __init__(self, plan: Plan, say: Say) -> None:
        self.plan, self.say = plan, say
        self.results = start_results(plan.contenders, plan.threads, plan.quick, plan.isa)
        self.present = self._present()
        self.quiet = Quiet(plan.patience, judges.kernel, say)

    def run(self) -> Results:
        """Measure everything; Ctrl-C ends it and keeps what was measured."""
        start = time.monotonic()
        try:
            self._roofline()
            self._sections()
            self._roofline()  # once more: the peak is the best of a quiet and a busy minute
        except KeyboardInterrupt:
            self.results.interrupted = True
            self.say("interrupted: what was measured is kept")
        finally:
            self.quiet.close()
            self.results.notes += self.quiet.notes()
            self._set_limits()
            self.results.seconds = time.monotonic() - start
        return self.results

    def _sections(self) -> None:
        main = [w for w in self.plan.workloads if not w.grows]
        growth = [w for w in self.plan.workloads if w.grows]
        if "steps" in self.plan.sections:
            names = [name for name in self.present if name in STEPPERS]
            known = [w for w in main if not w.made]  # by the reference too
            self._steps(known, names, self.plan.rounds, fresh=not self.plan.quick)
        if "recording" in self.plan.sections:
            self._recording(main, self.present, fresh=True)
            ours = [name for name in self.present if name in (OURS, OURS_RECORDED)]
            self._recording(growth, ours, fresh=False)
        if "growth" in self.plan.sections:
            names = [name for name in self.present if name in GROWTH_CONTENDERS]
            self._steps(growth, names, self.plan.growth_rounds, fresh=False)
        if "threads" in self.plan.sections and OURS in self.present:
            self._more_threads([w for w in main if w.family == "main" and not w.made])
        for threads in self.plan.threads:
            with Session(threads, self.plan.isa) as session:
                if "products" in self.plan.sections:
                    cases = kernels.product_cases(self.plan.quick)
                    self._kernels(session, cases, kernels.PRODUCT_CONTENDERS)
                if "activations" in self.plan.sections:
                    cases = kernels.activation_cases()
                    self._kernels(session, cases, kernels.ACTIVATION_CONTENDERS)
        if "startup" in self.plan.sections:
            self._startup()

    def _present(self) -> list[str]:
        """Contenders that can take part; why the others cannot is noted."""
        present = []
        for name in self.plan.contenders:
            reason = contenders.why_absent(name)
            if not reason and self.plan.quick and CONTENDERS[name].slow:
                reason = "slow to compile: it takes part in the full run only"
            if reason:
                self._skip("everything", name, reason)
            else:
                present.append(name)
        return present

    def _steps(
        self, workloads: Sequence[Workload], names: Sequence[str], rounds: int, fresh: bool
    ) -> None:
        """Measure workloads; in `fresh` processes for each, their memory is the workload's."""
        for threads in self.plan.threads:
            for group in [[w] for w in workloads] if fresh else [workloads]:
                with Session(threads, self.plan.isa) as session:
                    for workload in group:
                        self._step(session, workload, names, rounds, fresh)

    def _step(
        self,
        session: Session,
        workload: Workload,
        names: Sequence[str],
        rounds: int,
        fresh: bool,
    ) -> None:
        able = []
        for name in names:
            reason = contenders.why_unable(name, workload)
            if reason:
                self._skip(workload.name, name, reason, session.threads)
            else:
                able.append(name)
        self._wait(workload.name, session.threads)
        outcomes, failures = session.measure(
            tasks.step_task(workload.name),
            able,
            judges.step(workload),
            rounds=rounds,
            seconds=self.plan.step_seconds,
            least=1 if self.plan.quick else 2,
            with_baseline=fresh,
        )
        found = []
        for name, outcome in outcomes.items():
            step = StepResult(
                workload=workload.name,
                threads=session.threads,
                contender=name,
                min_us=outcome.timing.min_us,
                median_us=outcome.timing.median_us,
                limit_us=None,
                spread=outcome.timing.spread,
                rounds=outcome.timing.rounds,
                correct=outcome.verdict.correct,
                checked_error=outcome.verdict.error,
                first_step_s=outcome.first_seconds,
            )
            if fresh:
                step.peak_memory_bytes = outcome.memory["peak_memory_bytes"]
                step.step_memory_bytes = outcome.memory["step_memory_bytes"]
            found.append(step)
        set_step_ratios(found)
        self.results.steps += found
        for name, reason in failures.items():
            self._skip(workload.name, name, reason, session.threads)
        times = "  ".join(f"{s.contender} {s.min_us:.0f}" for s in found)
        self.say(f"{workload.name}, {in_threads(session.threads)}: {times} us")

    def _recording(self, workloads: Sequence[Workload], names: Sequence[str], fresh: bool) -> None:
        """Measure each contender that can record beside itself without recording."""
        for threads in self.plan.threads:
            for group in [[w] for w in workloads] if fresh else [workloads]:
                with Session(threads, self.plan.isa) as session:
                    for workload in group:
                        self._record(session, workload, names)

    def _record(self, session: Session, workload: Workload, names: Sequence[str]) -> None:
        self._wait(f"{workload.name}, recorded", session.threads)
        found, failures = recording.measure(
            session,
            workload,
            names,
            correctness.same() if workload.made else judges.step(workload),
            rounds=self.plan.recording_rounds,
            seconds=self.plan.recording_seconds,
        )
        self.results.recording += found
        for name, reason in failures.items():
            self._skip(f"{workload.name}, recorded", name, reason, session.threads)
        times = "  ".join(f"{r.contender} {r.overhead:.2f}" for r in found)
        self.say(f"{workload.name} recorded, {in_threads(session.threads)}: {times} times as long")

    def _more_threads(self, workloads: Sequence[Workload]) -> None:
        """Simulate steps on more threads than there are."""
        for workload in workloads:
            with Session(max(self.plan.threads), self.plan.isa) as session:
                try:
                    found = more_threads.ask(session, workload, 5 if self.plan.quick else 30)
                except WorkerFailed as error:
                    self._skip(f"{workload.name}, more threads", OURS, str(error))
                    continue
            self.results.simulated += found
            times = "  ".join(f"{each.threads}: {each.us:.0f}" for each in found)
            self.say(f"{workload.name} simulated, by threads: {times} us")

    def _kernels(
        self, session: Session, cases: Sequence[Mapping[str, object]], names: Sequence[str]
    ) -> None:
        names = [name for name in names if name in self.present]
        if cases:
            self._wait(f"cases of {cases[0]['kind']}", session.threads)
        for case in cases:
            task = dict(case)
            outcomes, failures = session.measure(
                task,
                names,
                judges.kernel(task),
                rounds=self.plan.kernel_rounds,
                seconds=self.plan.kernel_seconds,
                steps=1,
                least=1,
            )
            is_product = task["kind"] == "product"
            found = [
                KernelResult(
                    kind=str(task["group"]),
                    case=kernels.label(task),
                    op=str(task["op"]),
                    shape=tuple(task["shape"]),  # type: ignore[arg-type]
                    threads=session.threads,
                    contender=name,
                    min_us=outcome.timing.min_us,
                    median_us=outcome.timing.median_us,
                    spread=outcome.timing.spread,
                    gflops=kernels.product_flops(task) / outcome.timing.min_us / 1e3
                    if is_product
                    else None,
                )
                for name, outcome in outcomes.items()
            ]
            set_kernel_ratios(found)
            self.results.kernels += found
            for name, reason in failures.items():
                self._skip(kernels.label(task), name, reason, session.threads)
        if cases:
            self.say(f"{len(cases)} cases of {cases[0]['kind']}, {in_threads(session.threads)}")

    def _roofline(self) -> None:
        """Measure peak and bandwidth by nnscratch's process, whoever else takes part."""
        line = self.results.roofline
        for threads in self.plan.threads:
            with Session(threads, self.plan.isa) as session:
                for task in (*roofline.peak_tasks(), *roofline.memory_tasks()):
                    is_peak = task["kind"] == "product"
                    outcomes, failures = session.measure(
                        task,
                        [OURS],
                        judges.kernel(task) if is_peak else judges.anything,
                        rounds=3,
                        seconds=self.plan.kernel_seconds,
                        steps=1,
                    )
                    for reason in failures.values():
                        self._skip("roofline", OURS, reason, threads)
                    for outcome in outcomes.values():
                        best = outcome.timing.min_us
                        if is_peak:
                            line.raise_peak(threads, kernels.product_flops(task) / best / 1e3)
                        else:
                            size = task["bytes"]
                            line.raise_bandwidth(threads, size, roofline.gbs(size, best))
            if threads in line.peak_gflops:
                peak = line.peak_gflops[threads]
                self.say(f"peak of the tile, {in_threads(threads)}: {peak:.0f} GFLOP/s")

    def _set_limits(self) -> None:
        by_name = {workload.name: workload for workload in self.plan.workloads}
        for step in self.results.steps:
            step.limit_us = self.results.roofline.limit_us(by_name[step.workload], step.threads)

    def _startup(self) -> None:
        threads = max(self.plan.threads)
        cases = [
            (name, "warm")
            for name in self.present
            if name in STEPPERS and not CONTENDERS[name].slow
        ]
        if OURS in self.present and not self.plan.quick:
            cases.append((OURS, "cold"))
        for name, cache in cases:
            reason = contenders.why_unable(name, WORKLOADS[startup.WORKLOAD])
            if reason:
                self._skip("start-up", name, reason)
                continue
            cold = cache == "cold"
            runs = 1 if cold else self.plan.startup_runs
            asked = name, CONTENDERS[name].package, threads, cold, self.plan.isa
            try:
                best = startup.best([startup.measure(*asked) for _ in range(runs)])
            except startup.StartUpFailed as error:
                self._skip(f"start-up, {cache}", name, str(error), threads)
                continue
            self.results.startup.append(
                StartUpResult(
                    name, cache, threads, best.import_s, best.first_step_s, best.total_s, runs
                )
            )
            self.say(
                f"start-up of {name}, {cache}: import {best.import_s:.2f} s, "
                f"first step {best.first_step_s:.2f} s"
            )

    def _wait(self, what: str, threads: int) -> None:
        """Wait for free cores; a quick run does not look."""
        if not self.plan.quick:
            self.quiet.wait(what, threads)

    def _skip(self, what: str, name: str, reason: str, threads: int | None = None) -> None:
        self.results.skipped.append(Skipped(what, name, reason, threads))
