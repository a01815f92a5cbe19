"""Says that kernels are being compiled, and which one: it takes a while, once.

Numba tells whoever listens when it begins and ends to compile a function. Only this package's own
functions are spoken of, and nothing is said when the code comes from the cache.
"""

from __future__ import annotations

import time
from typing import Any

from numba.core import event as events

from nnscratch_kernels.streams import in_notebook, progress_stream

HEADING = (
    "nnscratch: compiling kernels for this processor, once, a minute or two at most; "
    "Ctrl-C waits for the one at work"
)
CLEAR = "\r\x1b[K"  # back to the start of the line, and erase it


class Announcer(events.Listener):  # type: ignore[misc]
    """Prints a heading once, and below it, where a line can be written anew, which is at work, how
    many, how long.
    """

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
            print(HEADING, file=progress_stream(), flush=True)
        self.depth += 1
        self.count += 1
        if _rewrites():
            seconds = time.perf_counter() - self.started
            said = f"{CLEAR}  {self.count}, {seconds:.0f} s: {function.__name__}"
            print(said, end="", file=progress_stream(), flush=True)

    def on_end(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        if not function.__module__.startswith("nnscratch_kernels"):
            return
        self.depth -= 1
        if self.depth == 0 and _rewrites():
            print(CLEAR, end="", file=progress_stream(), flush=True)


def _rewrites() -> bool:
    """Whether a line that is shown can be written anew: on a terminal, and in a notebook."""
    return in_notebook() or progress_stream().isatty()


def listen() -> Announcer:
    """Begin to announce; return the listener."""
    announcer = Announcer()
    events.register("numba:compile", announcer)
    return announcer
