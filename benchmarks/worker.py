"""A contender's process: reads requests from the runner, one JSON object a line, and answers.

It speaks first, once its library is imported. Then ``{"do": "prepare", "task": {...}}`` builds a
task, ``check`` runs it a few times and saves what it computed, ``time`` runs it for a while;
``simulate`` is a step on more threads. Arrays travel as a file; everything random is drawn alike on
both sides. Standard output is the channel; what libraries print there goes to standard error.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from typing import Any

from benchmarks import machine
from benchmarks.memory import MemoryMeter


class Server:
    """Answers requests for one contender."""

    def __init__(self, name: str, threads: int) -> None:
        # Imported here, after the process was pinned: libraries start threads when imported.
        from benchmarks import contenders, tasks

        self.name, self.threads, self.tasks = name, threads, tasks
        start = time.perf_counter()
        contenders.load(name)
        self.import_seconds = time.perf_counter() - start
        self.meter = MemoryMeter()
        self.task: Any = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what the request says and return what there is to tell."""
        do = request["do"]
        if do == "baseline":
            return self.baseline(request)
        if do == "prepare":
            return self.prepare(request)
        if do == "simulate":
            return self.simulate(request)
        return self.check(request) if do == "check" else self.time(request)

    def baseline(self, request: dict[str, Any]) -> dict[str, Any]:
        """Make a step of a small network like the task's, and note the memory held then."""
        self.tasks.make_small_task(self.name, request["task"], self.threads).run()
        self.meter.set_baseline()
        return {}

    def prepare(self, request: dict[str, Any]) -> dict[str, Any]:
        """Build the task; compilation may come here or with the first run."""
        self.task = None
        gc.collect()
        self.task = self.tasks.make_task(self.name, request["task"], self.threads)
        return {}

    def check(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run the task `steps` times; save its arrays as the file `path`."""
        import numpy as np

        start = time.perf_counter()
        values = [self.task.run()]
        first = time.perf_counter() - start
        self.meter.begin()
        values += [self.task.run() for _ in range(request["steps"] - 1)]
        memory = self.meter.read()
        np.savez(request["path"], allow_pickle=False, **self.task.arrays())
        gc.collect()
        gc.freeze()  # the collector need not look at what is there by now
        return {"values": values, "first_seconds": first, **memory}

    def simulate(self, request: dict[str, Any]) -> dict[str, Any]:
        """Simulate a step of nnscratch on each of `counts` threads."""
        from benchmarks.more_threads import simulate
        from benchmarks.workloads import WORKLOADS

        workload = WORKLOADS[request["workload"]]
        return {"us": list(simulate(workload, request["counts"], request["rounds"]).values())}

    def time(self, request: dict[str, Any]) -> dict[str, Any]:
        """Time the task for one turn."""
        from dataclasses import asdict

        from benchmarks.timing import time_calls

        return asdict(time_calls(self.task.run, request["seconds"], request["least"]))


def main() -> None:
    """Serve until the runner closes the channel."""
    name, threads, cores = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    machine.pin(cores)
    try:
        server = Server(name, threads)
        reply: dict[str, Any] = {"ok": True, "import_seconds": server.import_seconds}
    except Exception as error:
        reply = _failure(error)
    channel.write(json.dumps(reply) + "\n")
    if not reply["ok"]:
        return
    for line in sys.stdin:
        try:
            reply = {"ok": True, **server.answer(json.loads(line))}
        except Exception as error:
            reply = _failure(error)
        channel.write(json.dumps(reply) + "\n")


def _failure(error: Exception) -> dict[str, Any]:
    """Whatever a library raises: the runner reports it and goes on."""
    lines = str(error).strip().splitlines() or [""]
    return {"ok": False, "error": f"{type(error).__name__}: {lines[0]}"}


if __name__ == "__main__":
    main()
