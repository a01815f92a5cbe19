"""Waiting until threads have cores of their own.

Two cores of a virtual machine may for minutes be the two halves of one, when its host is busy. What
several threads do then says little about the program. So before a measurement with several threads
a product is timed on one of them and on all, and while these are not nearly as many times as fast,
the runner waits, if it was told to; what was measured all the same is noted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks import kernels, roofline
from benchmarks.contenders import OURS
from benchmarks.session import Judge, Session

FREE = 0.75  # of the rate of one thread, each
PAUSE = 5.0  # seconds between two looks


class Quiet:
    """Looks at the cores before each measurement; waits so many seconds at most, all together.

    Attributes
    ----------
    patience : float
        Seconds left.
    shared : dict of int to list of str
        What was measured on shared cores, by the number of threads.
    """

    def __init__(
        self,
        patience: float,
        judge: Callable[[dict[str, Any]], Judge],
        say: Callable[[str], None],
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self.patience = patience
        self._judge, self._say, self._rest = judge, say, rest
        self.shared: dict[int, list[str]] = {}
        self._alone = 0.0
        self._sessions: dict[int, Session] = {}

    def wait(self, what: str, threads: int) -> bool:
        """Return True when each of the threads has a core, False out of patience."""
        if threads == 1:
            return True
        said = False
        while not self.is_free(threads):
            if self.patience < PAUSE:
                self.shared.setdefault(threads, []).append(what)
                return False
            if not said:
                said = True
                self._say(
                    f"{threads} threads share their cores: waiting up to {self.patience:.0f} s"
                )
            self.patience -= PAUSE
            self._rest(PAUSE)
        return True

    def notes(self) -> list[str]:
        """Return a sentence for each number of threads that had to share cores."""
        return [
            f"Measured with {threads} threads on cores that are not wholly theirs (shared with "
            f"another program, or two halves of one core): {', '.join(dict.fromkeys(what))}."
            for threads, what in self.shared.items()
        ]

    def is_free(self, threads: int) -> bool:
        """Whether so many threads compute about so many times as fast as one."""
        self._alone = max(self._alone, self.rate(1))
        return self.rate(threads) >= FREE * threads * self._alone

    def rate(self, threads: int) -> float:
        """Return the GFLOP/s of a product that lies in the caches; infinity if none is measured."""
        session = self._sessions.setdefault(threads, Session(threads))
        task = roofline.peak_tasks()[-1]
        outcomes, _ = session.measure(
            task, [OURS], self._judge(task), rounds=1, seconds=0.03, steps=1
        )
        if OURS not in outcomes:
            return float("inf")
        return kernels.product_flops(task) / outcomes[OURS].timing.min_us / 1e3

    def close(self) -> None:
        """End the processes."""
        for session in self._sessions.values():
            session.__exit__(None, None, None)
        self._sessions.clear()
