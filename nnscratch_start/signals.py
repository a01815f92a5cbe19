"""Ctrl-C and the request to end, before the packages of the command are there and after."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from nnscratch_start import streams

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended

# Unless somebody handles or ignores them, as a shell does with Ctrl-C for what runs behind.
_HANDLED = [
    number
    for number in (signal.SIGINT, signal.SIGTERM)
    if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL)
]


def run(load: Callable[[], Callable[[], int]]) -> int:
    """Load a command, run it and return its exit code; an interrupt ends it without a word."""
    begin()
    atexit.register(_ignore)  # before anybody else does: it comes last
    code = INTERRUPTED
    try:
        try:
            command = load()
            for number in _HANDLED:
                asked = number == signal.SIGTERM
                signal.signal(number, _like_ctrl_c if asked else signal.default_int_handler)
            code = command()
        finally:
            begin()
    except KeyboardInterrupt:
        pass
    return code


def begin() -> None:
    """From now on Ctrl-C, and the request to end, end the program at once and without a word."""
    for number in _HANDLED:
        signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, RuntimeError, ValueError):
            stream.flush()  # unless there is none, or it is closed, full or in use
    os._exit(INTERRUPTED)


def _ignore() -> None:
    """Let the exit code stand: from here on Python gives signals back what they do by default."""
    for number in _HANDLED:
        signal.signal(number, signal.SIG_IGN)


def _like_ctrl_c(number: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):  # ignored
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def _run_as_module() -> bool:
    """Whether this is ``python -m nnscratch``, which imports that package before anything of it."""
    before = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]  # of the module's arguments
    return sys.argv[:1] == ["-m"] and "".join(before[-2:]).endswith("-mnnscratch")


if _run_as_module():  # libraries that it loads may keep files open
    begin()
    streams.open_what_is_closed()
