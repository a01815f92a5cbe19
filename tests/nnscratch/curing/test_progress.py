"""What a search for a cure shows while it runs."""

import io
import re
from types import SimpleNamespace

import pytest

from nnscratch.curing import progress as shown


class Screen(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


def searched(monkeypatch, terminal, progress):
    """Return what a search of two trials, of one run and of three, writes."""
    screen = Screen(terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "88")
    monkeypatch.setattr(shown, "progress_stream", lambda: screen)
    with shown.watching(progress, steps=1200) as watch:
        for label, runs in (("as it is", 1), ("[lr]", 3)):
            watch.begin(label, *([] if runs == 1 else [runs]))
            for _ in range(runs):
                watch.on_step(None, SimpleNamespace(loss=0.123456))
            watch.progress.refresh()
            watch.end(SimpleNamespace(label=label, runs=range(runs), word="healthy", skill=0.756))
    return screen.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_is_shown_unless_asked_for(monkeypatch, terminal):
    assert searched(monkeypatch, terminal, progress=False) == ""


def test_elsewhere_a_line_for_each_trial(monkeypatch):
    assert searched(monkeypatch, terminal=False, progress=True) == (
        "tried as it is: healthy, skill 0.76\ntried [lr], 3 seeds: healthy, skill 0.76\n"
    )


def test_on_a_terminal_a_bar_that_goes_when_all_is_tried(monkeypatch):
    written = searched(monkeypatch, terminal=True, progress=True)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)
    assert "tried" not in text
    assert re.search(r"as it is .* 1/1,200 steps loss 0\.1235", text)
    assert re.search(r"\[lr\] .* 3/3,600 steps loss 0\.1235", text)
    assert written.rstrip("\n").endswith("\x1b[2K")
