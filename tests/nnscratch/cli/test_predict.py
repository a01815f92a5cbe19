"""``nnscratch predict``: what it prints and what it leaves behind."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from nnscratch.cli import main
from nnscratch.cli.predict import _diagrams
from nnscratch.experiments import ladder

SMALL = ["--depth", "3", "--width", "20", "--batch", "30"]


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    assert main(["predict", *SMALL, "--only", "all", "--measure", "2", "--out", str(folder)]) == 0
    return folder


@pytest.mark.slow
def test_summary_holds_prediction_and_measurement(output):
    summary = json.loads((output / "summary.json").read_text())
    assert summary["settings"] == {"depth": 3, "width": 20, "batch_size": 30, "seed": 0}
    names = [row["name"] for row in summary["configurations"]]
    assert names == [rung.name for rung in ladder.LADDER if rung.max_norm is None]
    for row in summary["configurations"]:
        assert len(row["relative_gradient"]) == 4
        assert row["ratio"] == row["relative_gradient"][0]
        assert np.shape(row["measured"]) == (2, 4)
        measured = np.array(row["measured"])
        ratio = np.exp(np.log(measured[:, 0] / measured[:, -1]).mean())
        assert ratio == pytest.approx(row["ratio"], rel=1.0)


@pytest.mark.slow
def test_pictures(output):
    for name in ("predicted-gradient-norms", "phase-diagrams"):
        assert (output / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_table_without_measurement(capsys, tmp_path):
    only = ["--only", "elu-he-batchnorm", "sigmoid-glorot"]
    assert main(["predict", "--depth", "10", *only, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    (row,) = [line for line in printed.splitlines() if line.startswith(" sigmoid, Glorot")]
    cells = row.split()
    assert cells[-1] == "vanishing"
    assert cells[-4] == "-"  # not measured
    assert "sigmoid, Glorot: vanishing: the gradient reaches the first layer" in printed
    lines = [line for line in printed.splitlines() if not line.startswith("wrote")]
    assert max(map(len, lines)) <= 80
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["configurations"][0]["measured"] is None


def test_batch_norm_alone_has_no_phase_diagram(tmp_path):
    only = ["--only", "elu-he-batchnorm"]
    assert main(["predict", *SMALL, *only, "--out", str(tmp_path)]) == 0
    assert not (tmp_path / "phase-diagrams.png").exists()


@pytest.mark.parametrize(
    ("options", "rows", "said"),
    [
        (["--residual"], ["0.dense", "1.1.dense", "2.1.dense", "3.dense"], "2 a block on the sq"),
        (["--residual", "0.5"], ["0.dense", "1.1.dense", "2.1.dense", "3.dense"], "1.25 a block"),
        (
            ["--residual", "--norm", "rms"],
            ["0.dense", "1.2.dense", "2.2.dense", "4.dense"],
            "a power of the depth",
        ),
        (["--norm", "layer"], ["0.dense", "3.dense", "6.dense", "9.dense"], "a layer on the sq"),
    ],
)
def test_networks_with_ways_around_and_norms(options, rows, said, capsys, tmp_path):
    assert main(["predict", *SMALL, *options, "--measure", "3", "--out", str(tmp_path)]) == 0
    (row,) = json.loads((tmp_path / "summary.json").read_text())["configurations"]
    assert row["layers"] == rows
    assert said in row["verdict"]
    measured = np.array(row["measured"])
    ratio = np.exp(np.log(measured[:, 0] / measured[:, -1]).mean())
    assert ratio == pytest.approx(row["ratio"], rel=0.5)
    assert not (tmp_path / "phase-diagrams.png").exists()
    assert said in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--norm", "group"], "invalid choice: 'group'"),
        (["--norm", "layer", "--batchnorm"], "not allowed with argument --norm"),
        (["--residual", "nan"], "residual must be"),
        (["--only", "relu-he", "--residual"], "leave out --activation, --init, --norm and"),
        (["--only", "relu"], "unknown configuration 'relu'"),
        (["--measure", "0"], "measure must be a whole number >= 1, got 0"),
        (["--batch", "1"], "batch must be a whole number >= 2, got 1"),
        (["--depth", "none"], "depth must be a whole number >= 1, got 'none'"),
        (["--data", "mnits"], "did you mean 'mnist'?"),
        (["--only", "elu-he-batchnorm", "--batch", "4"], "at least 5, got 4"),
    ],
)
def test_bad_input_is_an_error_of_one_line(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["predict", *arguments])
    except SystemExit as stop:
        code = stop.code
    message = capsys.readouterr().err
    assert code == 2
    assert said in message
    assert "Traceback" not in message


def test_the_edge_is_in_the_picture_however_far_it_is():
    """sigmoid's lies at 103, and its networks are drawn far from it."""
    kind = SimpleNamespace(activation="sigmoid", label="mine")
    regime = SimpleNamespace(sw2=1.0, sb2=0.0)
    prediction = SimpleNamespace(regime=regime, cure=object())
    (diagram,) = _diagrams([SimpleNamespace(rung=kind, prediction=prediction)])
    assert diagram["sw2"][0] < 1.0
    assert diagram["sw2"][-1] > diagram["critical"][0][0] > 100
