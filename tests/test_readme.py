"""The README: its Python runs as it is printed, its commands too, and what it links to is there."""

import pathlib
import re
import shlex
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
PYTHON = "\n".join(text for language, text in FENCED if language == "python")
COMMANDS = [
    line.split("#")[0].strip()
    for language, text in FENCED
    for line in text.splitlines()
    if not language and line.startswith("nnscratch ")
]


@pytest.mark.slow
def test_the_python_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = plt.get_fignums()
    names: dict[str, object] = {}
    exec(compile(PYTHON, "README.md", "exec"), names)  # its lines are this project's own
    assert (tmp_path / "run.html").stat().st_size > 10_000
    assert "run:" in capsys.readouterr().out
    assert plt.get_fignums() == before
    trace = names["trace"]
    shown = trace["1.sigmoid"]
    assert shown.output.shape == (50, 100)
    expected = shown.upstream * shown.output * (1 - shown.output)
    assert abs(shown.downstream - expected).max() <= 1e-6 * abs(expected).max()


@pytest.mark.slow
def test_the_commands_run_one_after_the_other(tmp_path):
    assert len(COMMANDS) >= 4
    for command in COMMANDS:
        if "--tensorboard" in command:
            pytest.importorskip("tensorboard")
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(command)],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        # `diagnose` answers 1 for a sick run, which this one is.
        assert done.returncode in ((0, 1) if "diagnose" in command else (0,)), done.stderr
        assert "Traceback" not in done.stderr


def test_what_it_links_to_is_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_the_afternoon_is_one():
    listed = README[README.index("## Read it in an afternoon") :]
    files = re.findall(r"\]\(([\w/]+\.py)\)", listed)
    assert 14 <= len(files) <= 20
    lines = sum(len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in files)
    said = int(re.search(r"about ([\d,]+) lines", listed)[1].replace(",", ""))
    assert abs(lines - said) < 0.15 * said
