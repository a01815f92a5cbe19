"""Data and networks of one's own, in all commands that take them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from nnscratch.cli import main

SMALL = ["--depth", "2", "--width", "12", "--batch", "20"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, 90)
    x = rng.normal(size=(90, 2)) + kinds[:, None]
    lines = [f"{a:.4f},{b:.4f},{'abc'[kind]}" for (a, b), kind in zip(x, kinds, strict=True)]
    (tmp_path / "kinds.csv").write_text("left,right,kind\n" + "\n".join(lines))
    lines = [f"{a:.4f},{b:.4f},{900 + 100 * a * b:.1f}" for a, b in x]
    (tmp_path / "prices.csv").write_text("left,right,price\n" + "\n".join(lines))
    return tmp_path


def test_train_on_classes(capsys):
    assert main(["train", *SMALL, "--data", "kinds.csv", "--epochs", "1"]) == 0
    out = capsys.readouterr().out
    assert "kinds.csv: 90 examples of 2 columns, answers are 3 classes; split by seed 0" in out
    assert "test accuracy 0." in out


def test_train_on_numbers_standardised(capsys):
    own = ["--data", "prices.csv", "--target", "price", "--standardise", "--epochs", "1"]
    assert main(["train", *SMALL, *own]) == 0
    out = capsys.readouterr().out
    assert "answers are numbers to be met; split by seed 0, standardised" in out
    assert "test R2 " in out


def test_columns_that_are_left_out(folder, capsys):
    own = ["--data", "notes.csv", "--epochs", "1"]
    kinds = (folder / "kinds.csv").read_text().splitlines()
    notes = [f"note,{kinds[0]}", *(f"seen {i},{row}" for i, row in enumerate(kinds[1:]))]
    (folder / "notes.csv").write_text("\n".join(notes))
    assert main(["train", *SMALL, *own]) == 2
    assert "on the command line --ignore note" in capsys.readouterr().err
    assert main(["train", *SMALL, *own, "--ignore", "note"]) == 0
    assert "90 examples of 2 columns, answers are 3 classes" in capsys.readouterr().out
    assert main(["train", *SMALL, *own, "--ignore", "note", "right"]) == 0
    assert "90 examples of 1 column, answers are 3 classes" in capsys.readouterr().out


def test_what_is_wrong_before_the_first_step_is_said(folder, capsys):
    rng = np.random.default_rng(0)
    np.savez("pixels.npz", x=rng.integers(0, 255, (60, 8, 8)), y=rng.integers(0, 3, 60))
    assert main(["train", *SMALL, "--data", "pixels.npz", "--epochs", "1", "--batch", "60"]) == 0
    out = capsys.readouterr().out
    assert "before the first step: the inputs are large, root mean square 150" in out
    assert "after 1 epoch, 1 step, " in out
    assert "(x.std(axis=0) + 1e-8) (here: --standardise)\n" in out
    np.savez("far.npz", x=rng.normal(size=(60, 4)), y=1e4 * rng.normal(size=60))
    assert main(["train", *SMALL, "--data", "far.npz", "--epochs", "1"]) == 0
    assert "before the first step: the targets are large" in capsys.readouterr().out


def test_a_batch_larger_than_the_data_is_said(capsys):
    own = ["--data", "kinds.csv", "--epochs", "1"]
    assert main(["train", *SMALL, *own, "--batch", "5000"]) == 0
    out = capsys.readouterr().out
    assert "--batch 5,000 of 72 training examples: every step takes all 72" in out


def test_predict_takes_the_network_that_train_takes(capsys):
    own = ["--data", "prices.csv", "--activation", "tanh", "--init", "normal", "--measure", "1"]
    assert main(["predict", *SMALL, *own, "--out", "out"]) == 0
    (row,) = json.loads(Path("out/summary.json").read_text())["configurations"]
    assert row["name"] == "network"
    assert "tanh, normal" in capsys.readouterr().out


def test_cure_takes_the_network_that_train_takes(capsys):
    own = ["--data", "kinds.csv", "--activation", "tanh", "--steps", "20", "--tries", "1"]
    assert main(["cure", *SMALL, *own, "--out", "out"]) == 0
    (row,) = json.loads(Path("out/summary.json").read_text())["configurations"]
    assert row["name"] == "network"
    assert "Verdict: " in capsys.readouterr().out


def test_diagnose_trains_the_network_that_train_takes(capsys):
    own = ["--data", "prices.csv", "--lr", "1e-9", "--epochs", "30", "--json", "found.json"]
    assert main(["diagnose", *SMALL, *own]) == 1
    (run,) = json.loads(Path("found.json").read_text())["runs"]
    assert run["findings"]
    assert "Do this first" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--data", "prices.csv", "--target", "prize"], "did you mean 'price'?"),
        (["train", "--data", "digits", "--target", "y"], "are for files of one's own"),
        (["train", "--data", "digits", "--ignore", "y"], "are for files of one's own"),
        (["train", "--data", "x.npy"], "known are FILE.csv, FILE.npz, FILE.tsv, FILE.txt, digits"),
        (["train", "--data", "x.xlsx", "--target", "y"], "unknown data set 'x.xlsx': known are"),
        (["find-rate", "--data", "none.csv"], "no such file: none.csv"),
        (["predict", "--only", "relu-he", "--init", "normal"], "--only chooses ready config"),
        (["cure", "--only", "relu-he", "--batchnorm"], "--only chooses ready config"),
        (["diagnose", "run.flow", "--activation", "tanh"], "a record says what its network was"),
        (["diagnose", "--activation", "than"], "did you mean 'tanh'?"),
    ],
)
def test_bad_input_is_an_error_of_one_line(arguments, said, capsys):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_what_to_do_to_a_file_is_said_as_an_option_too(folder, capsys, monkeypatch):
    """Findings after a training, findings of it, a prediction: each names --standardise."""
    monkeypatch.setenv("COLUMNS", "80")
    own = ["--data", "prices.csv", "--epochs", "4"]
    assert main(["train", *SMALL, *own, "--diagnose"]) in (0, 1)
    rows = capsys.readouterr().out.splitlines()
    assert [row for row in rows if row.startswith("findings: relu: ")]
    (line,) = [row for row in rows if row.startswith("    y = (y - y.mean(axis=0)) / (y.std(")]
    assert line.endswith("; model, optimizer = nn.remake(model), nn.Adam(lr=0.01)")
    assert "  here: --standardise" in rows
    assert not [row for row in rows if "\\n" in row]
    assert main(["diagnose", *SMALL, *own]) == 1
    assert "      here: --standardise\n" in capsys.readouterr().out
    assert main(["diagnose", *SMALL, *own, "--standardise"]) == 0
    assert "here: --standardise" not in capsys.readouterr().out
    assert main(["predict", *SMALL, *own[:2], "--activation", "relu"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the targets are large" in said
    assert "(here: --standardise)" in said


@pytest.mark.slow
def test_no_line_of_a_cure_is_cut(folder, capsys, monkeypatch):
    """Lines longer than the terminal is wide stand as they are, and begin with the data."""
    monkeypatch.setenv("COLUMNS", "60")
    # Classes far enough apart that some change certainly helps: it is the lines that are tested.
    rows = [f"{value / 10 + 4 * (value % 3):.1f},{'abc'[value % 3]}" for value in range(90)]
    (folder / "apart.csv").write_text("left,kind\n" + "\n".join(rows))
    own = ["--data", "apart.csv", "--activation", "sigmoid", "--batchnorm"]
    assert (
        main(["cure", "--depth", "3", "--width", "12", "--steps", "40", "--lr", "1e-5", *own]) == 0
    )
    out = capsys.readouterr().out
    lines = out[out.index("\nmodel = ") : out.index("\nThese lines begin with: ")]
    (reading,) = [row for row in out.splitlines() if row.startswith("These lines begin with: ")]
    made = {}
    exec(f"import nnscratch as nn\n{reading.partition(': ')[2]}\n{lines}", made)
    assert made["model"](made["x"]).shape == (72, 3)
    assert made["x"].shape == (72, 1)
    assert max(map(len, lines.splitlines())) > 60


def test_no_line_of_a_diagnosis_is_cut(folder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    own = ["--data", "kinds.csv", "--activation", "sigmoid", "--lr", "1e-7", "--epochs", "40"]
    assert main(["diagnose", *SMALL, *own, "--clip-norm", "2.0"]) == 1
    out = capsys.readouterr().out
    first = out[out.index("Do this first") : out.index("    brings ")]
    assert re.search(r"nn\.Adam\(lr=.*ClipByGlobalNorm\(max_norm=2\.0\)\)\n", first)
    assert "It is told first because it explains: does not learn." in " ".join(first.split())
