"""``nnscratch diagnose``: what it prints, its exit codes, and its own test."""

import json

import pytest

import nnscratch as nn
import nnscratch.experiments.faults as faults
from nnscratch.cli import main
from nnscratch.experiments.faults import CASES, make_record
from nnscratch.files import save_npz
from nnscratch.flow import load_record, save_record


def case(name):
    return next(c for c in CASES if c.name == name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("runs")
    runs = {
        "healthy": "healthy: learned by heart",
        "small": "learning rate too small: Adam, learning rate 1e-7",
        "clip": "clip never, too few steps: by value, at 100",
    }
    for name, label in runs.items():
        save_record(made / f"{name}.npz", make_record(case(label), 4001))
    return made


def test_a_healthy_run(folder, capsys):
    assert main(["diagnose", str(folder / "healthy.npz")]) == 0
    assert "nothing wrong was found" in capsys.readouterr().out


def test_a_fault_fails_a_build(folder, capsys):
    assert main(["diagnose", str(folder / "small.npz")]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert (
        "Do this first: train with the learning rate 0.001 optimizer = nn.Adam(lr=0.001)" in printed
    )
    assert "learning rate too small (serious): The learning rate is too small, 1.0e-7" in printed
    assert "brings does not learn: The loss stands at" in printed
    assert "cure train with the learning rate 0.001: optimizer = nn.Adam(lr=0.001)" in printed


@pytest.mark.parametrize(
    ("name", "severity", "code"),
    [
        ("small", "never", 0),
        ("small", "fatal", 0),
        ("clip", "serious", 0),
        ("clip", "notice", 1),
        ("healthy", "notice", 0),
    ],
)
def test_fail_on(folder, name, severity, code):
    assert main(["diagnose", str(folder / f"{name}.npz"), "--fail-on", severity]) == code


def test_several_runs_as_json(folder, tmp_path, capsys):
    files = [str(folder / f"{name}.npz") for name in ("healthy", "small", "clip")]
    assert main(["diagnose", *files, "--json", str(tmp_path / "found.json")]) == 1
    content = json.loads((tmp_path / "found.json").read_text())
    assert content["failed"] is True
    assert [run["file"] for run in content["runs"]] == files
    kinds = [[finding["kind"] for finding in run["findings"]] for run in content["runs"]]
    assert kinds[1:] == [
        ["learning rate too small", "does not learn"],
        ["too few steps", "clip never"],
    ]
    first = content["runs"][1]["first"]
    assert first["line"] == "optimizer = nn.Adam(lr=0.001)"
    printed = capsys.readouterr().out
    assert all(file in printed.replace("\n", "") for file in files)


def fails(capsys, *arguments):
    code = main(["diagnose", *arguments])
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    return code, message


def test_bad_input(folder, tmp_path, capsys):
    assert fails(capsys, str(tmp_path / "none.npz"))[0] == 2
    code, message = fails(capsys)
    assert code == 2
    assert "needs a record" in message
    code, message = fails(capsys, "--self-test", "run.npz")
    assert code == 2
    assert "leave the files out" in message
    record = load_record(folder / "healthy.npz")
    del record["saturated_low"]
    save_npz(tmp_path / "part.npz", record)
    code, message = fails(capsys, str(tmp_path / "part.npz"))
    assert code == 2
    assert "lacks saturated_low" in message


def test_self_test(capsys, tmp_path, monkeypatch):
    chosen = ("clip never, too few steps: by value, at 100", "healthy: logistic regression")
    monkeypatch.setattr(faults, "CASES", tuple(case(name) for name in chosen))
    options = ["--self-test", "--seeds", "1", "--json", str(tmp_path / "score.json")]
    assert main(["diagnose", *options]) == 0
    printed = capsys.readouterr().out
    assert "recall 1.000" in printed
    assert "precision 1.000" in printed
    assert "0 false alarms" in printed
    figures = json.loads((tmp_path / "score.json").read_text())
    assert figures["seeds"] == [0]
    assert figures["on which limits were chosen"]["faulty"] == 1
    assert "1 faulty and 1 healthy runs of cases on which limits were chosen" in printed
    assert [row["case"] for row in figures["results"]] == list(chosen)


def test_a_self_test_that_fails(capsys, monkeypatch):
    wrong = case("healthy: logistic regression")
    none = frozenset()
    missed = faults.Case("missed", "", frozenset({"diverged"}), none, none, wrong.build, steps=5)
    monkeypatch.setattr(faults, "CASES", (missed,))
    assert main(["diagnose", "--self-test", "--seeds", "1"]) == 1
    printed = capsys.readouterr().out
    assert "missed: missed (seed 0)" in printed
    assert "recall 0.000" in printed


def test_of_a_training_that_ctrl_c_ended_nothing_is_told(capsys, monkeypatch):
    def interrupted(flow, trainer, step):
        raise KeyboardInterrupt

    monkeypatch.setattr(nn.GradientFlow, "on_step", interrupted)
    small = ["--depth", "1", "--width", "4", "--epochs", "1"]
    assert main(["diagnose", "--activation", "tanh", *small]) == 130
    assert "finding" not in capsys.readouterr().out


def test_a_table_is_no_record_but_something_to_train_on(tmp_path, capsys):
    table = tmp_path / "mine.csv"
    table.write_text("a,b\n1,2\n")
    assert main(["diagnose", str(table)]) == 2
    message = " ".join(capsys.readouterr().err.split())
    assert "mine.csv is a table, no record of a training: --data" in message
