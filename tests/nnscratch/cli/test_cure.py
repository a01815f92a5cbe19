"""``nnscratch cure``: what it prints and what it leaves behind."""

import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout

import pytest

from nnscratch.cli import main, parser
from nnscratch.cli.network import chosen_rungs

SMALL = ["--depth", "8", "--width", "20", "--steps", "60", "--tries", "2"]


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """Return the folder, what was printed and what was told meanwhile."""
    folder, printed, told = tmp_path_factory.mktemp("cure"), io.StringIO(), io.StringIO()
    only = ["--only", "relu-exploding", "relu-he"]
    with redirect_stdout(printed), redirect_stderr(told):
        assert main(["cure", *SMALL, *only, "--lr", "0.1", "--out", str(folder)]) == 0
    return folder, printed.getvalue(), told.getvalue()


def test_summary(output):
    rows = json.loads((output[0] / "summary.json").read_text())["configurations"]
    assert [row["name"] for row in rows] == ["relu-he", "relu-exploding"]
    healthy, sick = rows
    assert sick["sick"]
    assert sick["trials"][0]["word"] == "diverged"
    assert len(sick["trials"]) >= 3
    assert sick["lines"][-1].startswith("optimizer = nn.")
    assert not healthy["sick"]
    assert not healthy["verdict"].startswith("sick")


def test_pictures(output):
    for name in ("relu-exploding", "relu-he"):
        assert (output[0] / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_trials_have_300_steps_where_none_are_given(tmp_path, monkeypatch):
    asked = []

    def treat(rung, data, settings, steps, tries):
        asked.append((steps, tries))
        raise KeyboardInterrupt

    monkeypatch.setattr("nnscratch.cli.cure.treat", treat)
    main(["cure", "--only", "relu-he", "--out", str(tmp_path)])
    main(["cure", "--only", "relu-he", "--steps", "40", "--out", str(tmp_path)])
    assert asked == [(300, 5), (40, 5)]


def test_printed(output):
    _, printed, told = output
    assert "Diagnosis: predicted exploding" in printed
    assert "\nmodel = nn.Sequential(\n    nn.Dense(64, 20, " in printed
    assert "tried as it is: " in told
    assert re.search(r"\ntried .+, 3 seeds: \w+, skill ", told)
    long = [line for line in printed.splitlines() if len(line) > 80]
    assert [line for line in long if not line.startswith(("wrote", "    "))] == []  # but for code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "relu"], "unknown configuration 'relu'"),
        (["--steps", "10"], "steps must be a whole number >= 20, got 10"),
        (["--tries", "0"], "tries must be a whole number >= 1, got 0"),
        (["--lr", "-1"], "lr must be a finite number > 0, got -1"),
        (["--data", "mnits"], "did you mean 'mnist'?"),
    ],
)
def test_bad_input_is_an_error_of_one_line(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["cure", *arguments])
    except SystemExit as stop:
        code = stop.code
    message = capsys.readouterr().err
    assert code == 2
    assert said in message


@pytest.mark.parametrize("command", ["cure", "predict"])
@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--depth", "3"], ["network"]),
        (["--width", "7"], ["network"]),
        (["--data", "own.csv"], ["network"]),
        (["--activation", "tanh"], ["network"]),
        ([], 9),
        (["--only", "all", "--depth", "3"], 9),
        (["--only", "all", "--data", "own.csv"], 9),
        (["--only", "relu-he", "--depth", "3"], ["relu-he"]),
    ],
)
def test_which_networks_are_meant(command, options, names):
    """Who says how large a network is, or what it is to learn, has that one in mind."""
    made = chosen_rungs(parser().parse_args([command, *options]))
    assert (len(made) if isinstance(names, int) else [one.name for one in made]) == names
