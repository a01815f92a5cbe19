"""JSON, report, pictures, and the history with its comparison."""

import copy
import json
import os
from types import SimpleNamespace

import pytest
from matplotlib.image import imread

from benchmarks import history, pictures, report
from benchmarks import results as results_module
from benchmarks.history import HistoryError
from benchmarks.tables import number, tables

KEYS = {"workload", "threads", "contender", "min_us", "median_us", "limit_us", "spread"}


def test_json_has_the_keys_that_were_promised(results):
    read = json.loads(json.dumps(results.as_json()))
    assert len(read["results"]) == len(results.steps)
    for entry in read["results"]:
        assert set(entry) >= KEYS
        assert ("ratio_to_best_peer" in entry) == (entry["contender"] == "nnscratch")
        assert {"peak_memory_bytes", "correct", "checked_error"} <= set(entry)
    ours = next(e for e in read["results"] if e["contender"] == "nnscratch")
    assert ours["ratio_to_best_peer"] == pytest.approx(2.0)
    assert ours["best_peer"] == "torch-eager"


def test_the_report_shows_every_section(results):
    text = report.markdown(results)
    for heading in (
        "## Training step, 1 thread",
        "## Training step, 2 threads",
        "## Memory in MiB, 1 thread",
        "## Growth with depth, 2 threads",
        "## Matrix products of network layers, 1 thread",
        "## Square matrix products, 1 thread",
        "## Activations in microseconds, 1 thread",
        "## What one would pick instead",
        "## Start-up in seconds",
        "## Roofline",
        "## Left out, and remarks",
    ):
        assert heading in text
    assert "| 1,000 (1,100) | 3,000 (3,300) | 2,000 (2,200) | 2.00 |" in text
    assert "| 1 | PyTorch | 2,000 | 1,000 | 2.00 |" in text
    assert "MLPClassifier has no batch norm" in text
    for table in tables(results):
        assert all(len(row) == len(table.columns) for row in table.rows), table.heading


def test_an_empty_run_has_a_report(results):
    for field in ("steps", "kernels", "startup", "skipped"):
        setattr(results, field, [])
    results.roofline = type(results.roofline)()
    results.interrupted = True
    text = report.markdown(results)
    assert "interrupted" in text
    assert "##" not in text
    report.print_tables(results)


def test_a_size_that_was_not_measured_is_a_dash(results):
    results.roofline.raise_bandwidth(2, 2**24, 30.0)
    (table,) = (one for one in tables(results) if one.heading == "Roofline")
    assert [row[2:] for row in table.rows] == [["50", "-"], ["50", "30"]]


def test_tables_on_the_terminal(results, capsys, monkeypatch):
    """No column is squeezed where the terminal is narrow."""
    said = []
    for columns in (40, report.NARROWEST):
        monkeypatch.setenv("COLUMNS", str(columns))
        report.print_tables(results)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert "peer / ours" in said[0]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1234, "0.12"), (5.678, "5.68"), (45.67, "45.7"), (1234.5, "1,234"), (0.0, "0")],
)
def test_numbers(value, text):
    assert number(value) == text


def test_pictures(results, tmp_path):
    written = pictures.draw(results, tmp_path)
    assert [path.name for path in written] == [
        "steps.png", "roofline.png", "growth.png", "products.png",
    ]  # fmt: skip
    for path in written:
        assert imread(path).std() > 0.05  # not empty
    results.steps, results.kernels = [], []
    assert pictures.draw(results, tmp_path) == []


def test_bars_of_the_roofline_and_of_recording_say_which_workload_they_are_of(results):
    recorded = SimpleNamespace(
        workload="mnist-bn-elu", contender=next(iter(pictures.RECORDED)), overhead=1.2
    )
    results.recording = [SimpleNamespace(**vars(recorded), threads=n) for n in (1, 2)]
    for figure in (pictures.roofline_fractions(results), pictures.recording(results)):
        for ax in figure.axes:
            labels = [label.get_text() for label in ax.get_xticklabels()]
            assert labels == [name for name in results.workloads() if name in labels]
            assert labels


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_a_commit_is_only_what_git_says_without_an_error(monkeypatch, tmp_path):
    git = tmp_path / "git"
    monkeypatch.setenv("PATH", str(tmp_path))
    for code, commit in ((0, "HEAD+"), (1, "")):
        git.write_text(f"#!/bin/sh\necho HEAD\nexit {code}\n")
        git.chmod(0o755)
        assert results_module._commit() == commit


def slower(results, factor, peers=1.0):
    """Return a later run in which nnscratch and the peers took so many times as long."""
    later = copy.deepcopy(results)
    later.date = "2030-02-02T03:04:05+00:00"
    for step in later.steps:
        step.min_us *= factor if step.contender == "nnscratch" else peers
    return later


def test_history_appends_and_reads(results, tmp_path):
    path = tmp_path / "history.jsonl"
    assert history.read(path) == []
    history.append(results, path)
    first = path.read_text()
    history.append(slower(results, 2.0), path)
    assert path.read_text().startswith(first)
    entries = history.read(path)
    assert [entry["date"][:7] for entry in entries] == ["2030-01", "2030-02"]
    assert entries[0]["machine"]["processor"] == "Some CPU"
    assert {"workload", "threads", "contender", "min_us", "median_us", "limit_us"} == set(
        entries[0]["figures"][0]
    )


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_a_new_history_obeys_the_umask_and_the_mode_of_an_old_one_is_kept(results, tmp_path):
    path = tmp_path / "history.jsonl"
    before = os.umask(0)
    try:
        history.append(results, path)
        assert path.stat().st_mode & 0o777 == 0o666
        path.chmod(0o640)
        os.umask(0o077)
        history.append(results, path)
        assert path.stat().st_mode & 0o777 == 0o640
        path.unlink()
        history.append(results, path)
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("factor", "peers", "is_slower"),
    [(1.0, 1.0, False), (1.2, 1.0, True), (1.2, 1.2, False), (0.8, 1.0, False), (1.0, 0.8, True)],
)
def test_a_slowdown_counts_beyond_that_of_the_peers(results, factor, peers, is_slower):
    entries = [history.make_entry(run) for run in (results, slower(results, factor, peers))]
    before, now, changes = history.compare(entries)
    assert (before, now) == tuple(entries)
    assert len(changes) == 10
    assert all(change.is_slower == is_slower for change in changes)
    assert changes[0].now_us / changes[0].before_us == pytest.approx(factor)
    assert changes[0].peers == pytest.approx(peers)


def test_one_peer_that_stumbles_says_nothing_of_the_others(results):
    entries = [history.make_entry(results), history.make_entry(slower(results, 1.2))]
    for peer, factor in (("one", 1.0), ("two", 1.0), ("three", 9.0)):
        for entry, us in zip(entries, (100.0, 100.0 * factor), strict=True):
            kept = {(f["workload"], f["threads"]): f for f in entry["figures"]}
            entry["figures"] += [{**f, "contender": peer, "min_us": us} for f in kept.values()]
    _, _, changes = history.compare(entries)
    assert [change.peers for change in changes] == [1.0] * 10


def test_only_the_same_machine_and_mode_compare(results):
    older = history.make_entry(results)
    other = copy.deepcopy(older)
    other["machine"]["processor"] = "Another CPU"
    quick = {**copy.deepcopy(older), "mode": "quick"}
    now = history.make_entry(slower(results, 3.0))
    now["machine"]["python"] = "3.12.0"  # the same machine all the same
    before, _, _ = history.compare([older, other, quick, now])
    assert before is older
    with pytest.raises(HistoryError, match="no earlier entry"):
        history.compare([other, quick, now])
    with pytest.raises(HistoryError, match="empty"):
        history.compare([])


@pytest.mark.parametrize("line", ["{", "[]", "{}", "null"])
def test_a_damaged_history_says_which_line(line, results, tmp_path):
    path = tmp_path / "history.jsonl"
    history.append(results, path)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(HistoryError, match="line 2"):
        history.read(path)
