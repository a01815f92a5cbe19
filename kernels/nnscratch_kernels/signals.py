"""Work that no Python signal handler breaks in on: what handlers would do, they do afterwards.

What a handler raises while Numba is loaded or compiles (Ctrl-C, an alarm) would leave Numba's own
tables half written, and every later compilation of the process would fail. Masking the signals of
one thread would not do: the system gives them to another, and Python calls the handler in the main
thread all the same.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any]


class _Pause:
    """Stands in for the handlers of signals that are Python functions, and notes what comes."""

    def __init__(self) -> None:
        self.over = False
        self.handlers: dict[int, Handler] = {}
        self.noted: set[int] = set()

    def begin(self) -> None:
        for number in signal.valid_signals():
            handler = signal.getsignal(number)
            if callable(handler):
                self.handlers[number] = handler
                signal.signal(number, self)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self.over:
            self.noted.add(number)
            return
        # This one was not put back yet, for another one raised something.
        signal.signal(number, self.handlers[number])
        self.handlers[number](number, frame)

    def end(self) -> None:
        """Put every handler back and call those whose signal came: all, whatever one raises."""
        try:
            while self.handlers:
                number, handler = next(iter(self.handlers.items()))
                signal.signal(number, handler)
                del self.handlers[number]
                if number in self.noted:
                    handler(number, None)
        finally:
            if self.handlers:
                self.end()


def postponing(work: Callable[..., Any], *arguments: Any) -> Any:
    """Call `work`, and handlers of signals that come meanwhile when it is done, once each.

    They run in the main thread alone, so that in other threads there is nothing to do.
    """
    if threading.current_thread() is not threading.main_thread():
        return work(*arguments)
    pause = _Pause()
    try:
        pause.begin()
        return work(*arguments)
    finally:
        pause.over = True
        pause.end()
