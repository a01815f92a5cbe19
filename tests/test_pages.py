"""What the pages of docs show runs from top to bottom."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import nnscratch as nn

DOCS = Path(__file__).parents[1] / "docs"


def run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page}
    for block in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL):
        exec(block, names)
    plt.close("all")
    return names


def test_the_page_of_pytorch_runs(tmp_path, monkeypatch, capsys):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.manual_seed(0)
    names = run("pytorch.md", tmp_path, monkeypatch)
    assert "torch.nn" in capsys.readouterr().out
    assert len(names["flow"]) == 40


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_page_of_scikit_learn_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    with pytest.warns(UserWarning, match="sigmoid in 8 hidden layers"):
        names = run("sklearn.md", tmp_path, monkeypatch)
    assert "vanishes" in capsys.readouterr().out
    assert names["search"].score(names["x_test"], names["labels_test"].astype(str)) > 0.88


def test_the_page_of_sweeps_runs(tmp_path, monkeypatch, capsys):
    names = run("sweeps.md", tmp_path, monkeypatch)
    assert repr(names["found"]) == "Sweep(8 runs: 6 healthy, 2 vanishing; sweep.csv)"
    assert "2 sigmoid" in capsys.readouterr().out


def test_the_page_of_files_runs(tmp_path, monkeypatch):
    for package in ("onnx", "safetensors", "pandas", "xarray"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    run("files.md", tmp_path, monkeypatch)
    assert len((tmp_path / "numbers.csv").read_text().splitlines()) > 60
    assert (tmp_path / "model.onnx").stat().st_size > 10_000


def test_the_reader_on_the_page_of_records_reads_what_a_recorder_writes(tmp_path, monkeypatch):
    model = nn.Sequential(nn.LSTM(3, 4), nn.LastStep(), nn.Dense(4, 4), nn.BatchNorm(4), nn.ReLU())
    flow = nn.GradientFlow(model, file=tmp_path / "run.flow")
    x = np.random.default_rng(0).standard_normal((40, 5, 3))
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    trainer.fit(x, np.arange(40) % 4, epochs=2, batch_size=10, callbacks=[flow], progress=False)
    read = run("records.md", tmp_path, monkeypatch)["record"]
    assert len(read["steps"]) == 8
    for name, values in read.items():
        np.testing.assert_array_equal(values, flow.to_dict()[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_page_of_optuna_ends_trials_by_findings(tmp_path, monkeypatch, capsys):
    optuna = pytest.importorskip("optuna", reason="optuna is not installed")
    study = run("optuna.md", tmp_path, monkeypatch)["study"]
    ended = study.get_trials(states=[optuna.trial.TrialState.PRUNED])
    assert 3 <= len(ended) <= 8
    assert all(trial.user_attrs["finding"] for trial in ended)
    assert study.best_value > 0.85


@pytest.mark.slow
def test_the_page_of_recurrent_networks_runs(tmp_path, monkeypatch, capsys):
    names = run("recurrent.md", tmp_path, monkeypatch)
    said = capsys.readouterr().out
    assert "vanishing through time: 59 steps back '0.lstm' has" in said
    assert 8 <= names["prediction"].horizon <= 12  # what its comment says
    assert names["shares"].shape == (60, 2)
