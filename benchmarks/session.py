"""The runner's side of the contenders' processes: start them, let them take turns, lose none.

One process a contender, all pinned to the same cores. Only one works at a time; while one is timed,
the others are stopped. A process that crashes, hangs or answers wrongly is set aside with a reason.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from benchmarks import machine
from benchmarks.contenders import CONTENDERS
from benchmarks.correctness import Verdict
from benchmarks.timing import Timing, Turn
from benchmarks.workloads import CHECK_STEPS, Array

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT = 300.0  # seconds; torch.compile and a thousand layers in JAX are slow to compile

Judge = Callable[[list[float], Mapping[str, Array]], Verdict]


class WorkerFailed(Exception):
    """A contender's process did not do what it was asked to; the message says what it did."""


class Worker:
    """One contender's process."""

    def __init__(
        self, name: str, threads: int, cores: list[int], isa: str = machine.NATIVE
    ) -> None:
        self.name = name
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, str(threads), json.dumps(cores)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd=ROOT,
            env=machine.environment(threads, isa),
            # Ctrl-C is for the runner, which ends its workers itself. In the same session, so that
            # the system hangs up a frozen worker whose runner was killed.
            process_group=0,
        )
        self._buffer = b""
        self.greeted = False
        self.import_seconds = 0.0

    def request(self, message: dict[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
        """Send a request and return the answer, or raise `WorkerFailed`."""
        if not self.greeted:
            self.import_seconds = self._answer(timeout)["import_seconds"]
            self.greeted = True
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise WorkerFailed(self._last_words()) from None
        return self._answer(timeout)

    def freeze(self) -> None:
        """Stop all of its threads: some libraries let idle threads spin for a while."""
        if hasattr(signal, "SIGSTOP"):
            self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if hasattr(signal, "SIGCONT"):
            self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                with contextlib.suppress(OSError):  # what was not read yet is lost
                    stream.close()

    def _answer(self, timeout: float) -> dict[str, Any]:
        reply: dict[str, Any] = json.loads(self._line(timeout))
        if not reply["ok"]:
            raise WorkerFailed(reply["error"])
        return reply

    def _line(self, timeout: float) -> bytes:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        end = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise WorkerFailed(f"no answer within {timeout:.0f} seconds")
                chunk = os.read(descriptor, 65536)
                if not chunk:
                    raise WorkerFailed(self._last_words())
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _last_words(self) -> str:
        code = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return f"its process ended with code {code}" + (f": {lines[-1]}" if lines else "")


@dataclass
class Outcome:
    """What came of a task for one contender: a verdict, and a timing if the verdict is good."""

    verdict: Verdict
    timing: Timing
    memory: dict[str, int | None]
    import_seconds: float
    first_seconds: float


@dataclass
class Session:
    """Contenders' processes for one number of threads; started when first needed."""

    threads: int
    isa: str = machine.NATIVE
    workers: dict[str, Worker] = field(default_factory=dict)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self.workers.values():
            worker.close()
        self.workers.clear()

    def measure(
        self,
        task: dict[str, Any],
        names: Iterable[str],
        judge: Judge,
        *,
        rounds: int,
        seconds: float,
        steps: int = CHECK_STEPS,
        least: int = 3,
        with_baseline: bool = False,
    ) -> tuple[dict[str, Outcome], dict[str, str]]:
        """Check every contender on `task`, time those that are right, in rounds.

        `with_baseline` makes the memory of a training step known, which takes one small step more.
        Returns what came of it, and for each of the others the reason.
        """
        names, failures = list(names), dict[str, str]()
        for name in names:
            self._start(name)
        checked: dict[str, tuple[Verdict, dict[str, Any]]] = {}
        for name in names:
            try:
                verdict, reply = self._check(name, task, judge, steps, with_baseline)
            except WorkerFailed as error:
                failures[name] = str(error)
                self._drop(name)
                continue
            if verdict.correct:
                checked[name] = verdict, reply
            else:
                failures[name] = f"wrong result: error {verdict.error:.3g} ({verdict.where})"
        request = {"do": "time", "seconds": seconds, "least": least}
        turns = self._turns(checked, request, rounds, failures)
        outcomes = {}
        for name, measured in turns.items():
            verdict, reply = checked[name]
            memory = {key: reply[key] for key in ("peak_memory_bytes", "step_memory_bytes")}
            imported = self.workers[name].import_seconds
            outcomes[name] = Outcome(
                verdict, Timing(tuple(measured)), memory, imported, reply["first_seconds"]
            )
        return outcomes, failures

    def ask(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """Return one contender's answer; `WorkerFailed` if there is none."""
        self._start(name)
        return self.workers[name].request(request)

    def _start(self, name: str) -> None:
        if name not in self.workers:
            cores = machine.pick_cores(self.threads)
            self.workers[name] = Worker(name, self.threads, cores, self.isa)

    def _drop(self, name: str) -> None:
        self.workers.pop(name).close()

    def _check(
        self, name: str, task: dict[str, Any], judge: Judge, steps: int, with_baseline: bool
    ) -> tuple[Verdict, dict[str, Any]]:
        worker = self.workers[name]
        if with_baseline and not CONTENDERS[name].slow:
            worker.request({"do": "baseline", "task": task})
        worker.request({"do": "prepare", "task": task})
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
            path = Path(folder, "arrays.npz")
            reply = worker.request({"do": "check", "steps": steps, "path": str(path)})
            with np.load(path, allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in archive.files}
        return judge(reply["values"], arrays), reply

    def _turns(
        self, names: Iterable[str], request: dict[str, Any], rounds: int, failures: dict[str, str]
    ) -> dict[str, list[Turn]]:
        """Let each of `names` take a turn in every round, while the others stand still."""
        turns: dict[str, list[Turn]] = {name: [] for name in names}
        for worker in self.workers.values():
            worker.freeze()
        try:
            for i in range(rounds):
                for name in order_of_turns(list(turns), i):
                    worker = self.workers[name]
                    worker.thaw()
                    try:
                        reply = worker.request(request)
                    except WorkerFailed as error:
                        failures[name] = str(error)
                        del turns[name]
                        self._drop(name)
                        continue
                    worker.freeze()
                    turns[name].append(Turn(reply["min_us"], reply["median_us"], reply["samples"]))
        finally:
            for worker in self.workers.values():
                worker.thaw()
        return turns


def order_of_turns(names: list[str], i: int) -> list[str]:
    """Return `names` in the order of round `i`: another one begins, and each second is backwards.

    So whoever follows another in one round comes before it in the next: what a contender leaves
    behind, in caches or as heat, is to nobody's advantage.
    """
    if not names:
        return names
    begin = i // 2 % len(names)
    turned = names[begin:] + names[:begin]
    return turned[::-1] if i % 2 else turned
