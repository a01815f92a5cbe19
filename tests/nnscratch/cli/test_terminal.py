"""Commands as they run on a terminal, where bars move: elsewhere they print lines instead."""

import contextlib
import os
import re
import sys
import threading

import pytest

from nnscratch.cli import main
from nnscratch.experiments import faults, public

pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
SMALL = ["--depth", "3", "--width", "8"]


@pytest.fixture
def terminal(monkeypatch, tmp_path):
    """Return a function that runs a command on a terminal: its exit code and all that was shown.

    A bar that it had at the bottom of the screen is gone by its end, other than that of `train`.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "88")

    def run(*arguments):
        ours, theirs = pty.openpty()
        shown = []

        def read():
            with contextlib.suppress(OSError):  # the other side is closed
                while piece := os.read(ours, 1 << 16):
                    shown.append(piece)

        reader = threading.Thread(target=read)
        reader.start()
        with open(theirs, "w") as stream, monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", stream)
            patched.setattr(sys, "stderr", stream)
            code = main(list(arguments))
        reader.join()
        os.close(ours)
        written = b"".join(shown).decode()
        if arguments[0] != "train":
            assert written.rindex("\x1b[1A\x1b[2K") > written.rindex("\u2501"), written[-500:]
        return code, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)

    return run


@pytest.mark.parametrize(
    ("arguments", "bar"),
    [
        (["train", *SMALL, "--epochs", "1"], r"epoch 1/1 .*samples/s"),
        pytest.param(
            ["compare", *SMALL, "--epochs", "1", "--only", "sigmoid-glorot"],
            r"sigmoid-glorot .*\d/30 steps", marks=pytest.mark.slow),
        (["predict", *SMALL, "--measure", "3", "--only", "sigmoid-normal"],
         r"sigmoid, N\(0,1\) .*\d%"),
        (["cure", *SMALL, "--steps", "20", "--tries", "1", "--only", "relu-exploding"],
         r"as it is .*\d/60 steps"),  # three runs
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)  # fmt: skip
def test_a_bar_tells_how_far_it_is(terminal, arguments, bar):
    code, shown = terminal(*arguments)
    assert code == 0
    assert re.search(bar, shown), shown
    counted = re.findall(r"(\d+)/(\d+) (?:steps|epochs)", shown)
    assert all(int(done) <= int(total) for done, total in counted), counted


@pytest.mark.parametrize("wanted", ["--self-test", "--public-cases"])
def test_many_runs_have_a_bar(terminal, monkeypatch, wanted):
    monkeypatch.setattr(faults, "CASES", [c for c in faults.CASES if not c.held_out][:2])
    few = [case for case in public.SICK["tuned"] if case.recipe.steps <= 300][:1]
    monkeypatch.setattr(public, "SICK", {"tuned": few})
    monkeypatch.setattr(public, "HEALTHY", [])
    code, shown = terminal("diagnose", wanted, "--seeds", "1")
    assert code in (0, 1)
    assert re.search(r"(labelled runs|public cases) .*\d:\d\d", shown), shown
