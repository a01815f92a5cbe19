"""The threads that share the work of large kernels and of captured training steps.

Results are the same bits for every number of threads, so running alone is always right. It happens
while another Python thread uses the team. A forked child makes a team of its own when it needs one.
Nothing global of Numba's or of a BLAS is changed, here or on import.

Between two programs the threads watch for a moment, which makes the next start fast, and then
sleep until they are woken.

What a signal handler raises may come between any two instructions of Python's. So a program is
opened, run and closed in one native call, and no lock of Python's is held around it.
"""

from __future__ import annotations

import ctypes
import os
import threading
from queue import SimpleQueue

from nnscratch_kernels import forking
from nnscratch_kernels.runtime.program import Program, lead, new_state, run_alone, serve
from nnscratch_kernels.signals import postponing

# How often a thread without work looks for some (about 100 microseconds) before it sleeps.
WATCH = 6000


def _rest() -> int:
    """Return the address of a C function that sleeps for some microseconds, or 0."""
    try:
        return ctypes.cast(ctypes.CDLL(None).usleep, ctypes.c_void_p).value or 0
    except (AttributeError, OSError, TypeError):  # Windows
        return 0


class Team:
    """The calling thread and `threads` - 1 more, which run programs together."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.rest = _rest()
        self.state = new_state(threads)
        self.over = False
        self.asleep = [False] * (threads - 1)
        self.gates: list[SimpleQueue[None]] = [SimpleQueue() for _ in range(threads - 1)]
        # Compiled here, not in a thread: a child forked meanwhile would wait for Numba for ever.
        serve(self.state, 1, 0, 0, self.rest)
        try:
            for me in range(1, threads):
                threading.Thread(
                    target=self._work, args=(me,), name=f"nnscratch-{me}", daemon=True
                ).start()
        except BaseException:
            self.end()
            raise

    def run(self, program: Program) -> bool:
        """Run `program`; return False, at once, if another thread runs one."""
        if True in self.asleep:
            self._wake()
        return bool(lead(self.state, *program, self.rest))

    def end(self) -> None:
        """Let the threads go, when they have nothing to do."""
        self.over = True
        self._wake()

    def _wake(self) -> None:
        # Woken twice is no harm; a thread that falls asleep right now misses one program.
        for gate in self.gates:
            gate.put(None)

    def _work(self, me: int) -> None:
        seen, gate = 0, self.gates[me - 1]
        while not self.over:
            seen = serve(self.state, me, seen, WATCH, self.rest)
            self.asleep[me - 1] = True
            gate.get()
            self.asleep[me - 1] = False
            while not gate.empty():
                gate.get()


_lock = forking.lock()  # held while a team takes the place of another
_team: Team | None = None


def run(program: Program) -> bool:
    """Run `program` with a team, and return True; or return False if another thread has it."""
    team = _team
    if team is None or team.threads < program.parts:
        team = postponing(_replace, program.parts)
    return team.run(program)


def _replace(threads: int) -> Team:
    """Make a team of at least so many threads the one that everybody uses."""
    global _team
    with _lock:
        old = _team
        if old is not None and old.threads >= threads:
            return old
        _team = made = Team(threads)
        if old is not None:
            old.end()
    return made


def alone(program: Program) -> None:
    """Run `program` on the calling thread."""
    run_alone(program.rows, program.lists, program.arguments)


def _after_fork() -> None:
    """A child has none of its parent's threads."""
    global _team
    _team = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
