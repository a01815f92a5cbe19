"""``nnscratch compare``, small: what it prints and what it leaves behind."""

import json
import re

import numpy as np
import pytest

from nnscratch import datasets
from nnscratch.cli import compare, main
from nnscratch.console import Console
from nnscratch.experiments import ladder
from nnscratch.flow import load_record
from nnscratch.flow.reading import weight_columns
from nnscratch.theory import predict

SMALL = ["--epochs", "1", "--depth", "3", "--width", "20", "--batch", "100"]


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    assert main(["compare", *SMALL, "--out", str(folder)]) == 0
    return folder


def test_every_configuration_leaves_a_record(output):
    for rung in ladder.LADDER:
        record = load_record(output / "records" / f"{rung.name}.npz")
        assert record["label"] == rung.label
        assert list(record["steps"]) == list(range(len(record["steps"])))
        assert len(weight_columns(record)) == 4
        assert len(record["steps"]) == 15 or not np.isfinite(record["loss"][-1])


def test_summary_agrees_with_the_records(output):
    summary = json.loads((output / "summary.json").read_text())
    assert summary["settings"]["depth"] == 3
    names = [row["name"] for row in summary["configurations"]]
    assert names == [rung.name for rung in ladder.LADDER]
    for row in summary["configurations"]:
        record = load_record(output / "records" / f"{row['name']}.npz")
        norms = record["gradient_norm"][:, weight_columns(record)]
        if np.isfinite(norms).all():
            assert row["ratio"] == pytest.approx(np.median(norms[:, 0] / norms[:, -1]))
        assert 0 <= row["test_accuracy"] <= 1
        first = norms[0, 0] / norms[0, -1]
        assert 1 / 3 < row["predicted_ratio"] / first < 3  # narrow layers, a single draw


def test_each_prediction_is_that_of_nnscratch_predict(output):
    summary = json.loads((output / "summary.json").read_text())
    x, _, _, _ = datasets.load("digits")
    settings = ladder.Settings(depth=3, width=20, batch_size=100)
    for rung, row in zip(ladder.LADDER, summary["configurations"], strict=True):
        expected = predict(ladder.build(rung, 64, 10, settings), x, batch_size=100)
        assert row["predicted_ratio"] == pytest.approx(expected.ratio, rel=1e-9)


def test_batches_of_one_have_no_prediction(tmp_path, capsys):
    only = ["--epochs", "1", "--depth", "1", "--width", "4", "--batch", "1", "--only", "relu-he"]
    assert main(["compare", *only, "--out", str(tmp_path)]) == 0
    (row,) = json.loads((tmp_path / "summary.json").read_text())["configurations"]
    assert row["predicted_ratio"] is None
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(" ReLU")]
    assert line.split()[-2] == "-"


def test_pictures(output):
    for name in ("gradient-norms", "weight-gradient-norms", "heatmaps"):
        assert (output / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_report_compares_all_configurations(output):
    page = (output / "report.html").read_text("utf-8")
    for rung in ladder.LADDER:
        assert f"<h3>{rung.label}</h3>" in page
    assert page.count("<li>Gradient at 0.dense over that at ") == len(ladder.LADDER)


def test_table_and_progress_are_printed(capsys, tmp_path):
    only = ["--only", "relu-he", "sigmoid-glorot"]
    assert main(["compare", *SMALL, *only, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "training sigmoid-glorot" in printed
    assert re.search(r"\n  relu-he: test accuracy 0\.\d{3}, \w+, \d+\.\d s\n", printed)
    rows = [line for line in printed.splitlines() if line.startswith(" ReLU, He")]
    assert len(rows) == 1
    assert float(rows[0].split()[-2]) == pytest.approx(0.96, abs=0.1)  # predicted
    assert rows[0].split()[-1] in ("healthy", "vanishing", "exploding", "diverged")
    assert f"wrote {tmp_path / 'gradient-norms.png'}" in printed
    lines = [line for line in printed.splitlines() if not line.startswith("wrote")]
    assert max(map(len, lines)) <= 80


@pytest.mark.slow
def test_same_seed_same_records(tmp_path):
    for name in ("a", "b"):
        only = ["--only", "elu-he-batchnorm"]
        assert main(["compare", *SMALL, *only, "--seed", "5", "--out", str(tmp_path / name)]) == 0
    a, b = (load_record(tmp_path / n / "records" / "elu-he-batchnorm.npz") for n in ("a", "b"))
    np.testing.assert_array_equal(a["gradient_norm"], b["gradient_norm"])
    np.testing.assert_array_equal(a["loss"], b["loss"])


def test_interrupt_keeps_what_is_done(capsys, tmp_path, monkeypatch):
    def interrupt(watch, trainer, step):
        if watch.rung.name == "tanh-glorot":
            raise KeyboardInterrupt

    monkeypatch.setattr(compare.Watch, "on_step", interrupt)
    only = ["--only", "sigmoid-glorot", "tanh-glorot", "relu-he"]
    assert main(["compare", *SMALL, *only, "--out", str(tmp_path)]) == 130
    assert "interrupted in tanh-glorot" in capsys.readouterr().out
    assert [path.stem for path in (tmp_path / "records").iterdir()] == ["sigmoid-glorot"]
    assert (tmp_path / "gradient-norms.png").exists()


def test_a_terminal_gets_a_bar(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(compare, "Console", lambda: Console(force_terminal=True, width=100))
    assert main(["compare", *SMALL, "--only", "elu-he", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "15/15 steps" in printed
    assert "loss " in printed
