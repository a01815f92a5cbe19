"""The threads that share the work of large kernels and of captured training steps.

Results are the same bits for every number of threads, so running alone is always right. It happens
while another Python thread uses the team. A forked child makes a team of its own when it needs one.
Nothing global of Numba's or of a BLAS is changed, here or on import.

Between two programs the threads watch for a moment, which makes the next start fast, and then
sleep until they are woken.
"""

from __future__ import annotations

import ctypes
import os
import threading

from nnscratch_kernels.runtime.program import (
    GENERATION,
    Program,
    lead,
    new_state,
    post,
    run_alone,
    serve,
)

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
        self.condition = threading.Condition()
        self.sleepers = 0
        self.over = False
        # Compiled here, not in a thread: a child forked meanwhile would wait for Numba for ever.
        serve(self.state, 1, 0, 0, self.rest)
        for me in range(1, threads):
            threading.Thread(
                target=self._work, args=(me,), name=f"nnscratch-{me}", daemon=True
            ).start()

    def run(self, program: Program) -> None:
        """Run `program`. One thread at a time may call this."""
        with self.condition:
            post(self.state, *program)
            if self.sleepers:
                self.condition.notify_all()
        lead(self.state, self.rest)

    def end(self) -> None:
        """Let the threads go, when they have nothing to do."""
        with self.condition:
            self.over = True
            self.condition.notify_all()

    def _work(self, me: int) -> None:
        seen = 0
        while True:
            seen = serve(self.state, me, seen, WATCH, self.rest)
            with self.condition:
                self.sleepers += 1
                while self.state[GENERATION] == seen and not self.over:
                    self.condition.wait()
                self.sleepers -= 1
                if self.over:
                    return


_lock = threading.Lock()
_team: Team | None = None


def run(program: Program) -> bool:
    """Run `program` with a team, and return True; or return False if another thread has it."""
    global _team
    if not _lock.acquire(blocking=False):
        return False
    try:
        if _team is None or _team.threads < program.parts:
            if _team is not None:
                _team.end()
            _team = Team(program.parts)
        _team.run(program)
    finally:
        _lock.release()
    return True


def alone(program: Program) -> None:
    """Run `program` on the calling thread."""
    run_alone(program.rows, program.lists, program.arguments)


def _after_fork() -> None:
    """A child has none of its parent's threads, and perhaps a lock that one of them held."""
    global _lock, _team
    _lock, _team = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
