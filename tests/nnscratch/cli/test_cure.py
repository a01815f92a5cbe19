"""``nnscratch cure``: what it prints and what it leaves behind."""

import json

import pytest

from nnscratch.cli import main

SMALL = ["--depth", "8", "--width", "20", "--steps", "60", "--tries", "2"]


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cure")
    only = ["--only", "sigmoid-glorot", "relu-he"]
    assert main(["cure", *SMALL, *only, "--lr", "0.1", "--out", str(folder)]) == 0
    return folder


def test_summary(output):
    rows = json.loads((output / "summary.json").read_text())["configurations"]
    assert [row["name"] for row in rows] == ["sigmoid-glorot", "relu-he"]
    sick, healthy = rows
    assert sick["sick"]
    assert sick["trials"][0]["word"] == "vanishing"
    assert len(sick["trials"]) >= 3
    assert sick["lines"][-1].startswith("optimizer = nn.")
    assert not healthy["sick"]
    assert not healthy["verdict"].startswith("sick")


def test_pictures(output):
    for name in ("sigmoid-glorot", "relu-he"):
        assert (output / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_trials_have_300_steps_where_none_are_given(tmp_path, monkeypatch):
    asked = []

    def treat(rung, data, settings, steps, tries):
        asked.append((steps, tries))
        raise KeyboardInterrupt

    monkeypatch.setattr("nnscratch.cli.cure.treat", treat)
    main(["cure", "--only", "relu-he", "--out", str(tmp_path)])
    main(["cure", "--only", "relu-he", "--steps", "40", "--out", str(tmp_path)])
    assert asked == [(300, 5), (40, 5)]


def test_printed(capsys, tmp_path):
    only = ["--only", "relu-exploding"]
    assert main(["cure", *SMALL, *only, "--lr", "0.1", "--out", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert "Diagnosis: predicted exploding" in captured.out
    assert "\nmodel = nn.Sequential(\n    nn.Dense(64, 20, " in captured.out
    assert "tried as it is: " in captured.err
    lines = [line for line in captured.out.splitlines() if not line.startswith("wrote")]
    assert max(map(len, lines)) <= 80


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
