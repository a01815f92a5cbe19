"""Says on standard error that kernels are being compiled, and which one: it takes a while, once.

Numba tells whoever listens when it begins and ends to compile a function. Only this package's own
functions are spoken of, and nothing is said when the code comes from the cache.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from numba.core import event as events

HEADING = (
    "nnscratch: compiling kernels for this processor, a minute or two at most, kept for next time"
)
CLEAR = "\r\x1b[K"  # back to the start of the line, and erase it


class Announcer(events.Listener):  # type: ignore[misc]
    """Prints a heading once, and on a terminal below it which is at work, how many, how long."""

    def __init__(self) -> None:
        self.begun = False
        self.depth = self.count = 0
        self.started = time.perf_counter()

    def on_start(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        if not function.__module__.startswith("nnscratch_kernels"):
            return
        if not self.begun:
            self.begun, self.started = True, time.perf_counter()
            print(HEADING, file=sys.stderr, flush=True)
        self.depth += 1
        self.count += 1
        if sys.stderr.isatty():
            seconds = time.perf_counter() - self.started
            said = f"{CLEAR}  {self.count}, {seconds:.0f} s: {function.__name__}"
            print(said, end="", file=sys.stderr, flush=True)

    def on_end(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        if not function.__module__.startswith("nnscratch_kernels"):
            return
        self.depth -= 1
        if self.depth == 0 and sys.stderr.isatty():
            print(CLEAR, end="", file=sys.stderr, flush=True)


def listen() -> Announcer:
    """Begin to announce; return the listener."""
    announcer = Announcer()
    events.register("numba:compile", announcer)
    return announcer
