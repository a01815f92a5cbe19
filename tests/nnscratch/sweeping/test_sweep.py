"""Sweeps: a row for every run, failures among them, and settings that are refused."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.experiments.standard import standard
from nnscratch.flow import load_record
from nnscratch.sweeping import run as run_of

from .small import GRID, small


def test_a_row_for_every_combination_and_seed_with_its_record(sweep, tmp_path, capsys):
    found = sweep(small, GRID, seeds=2, records=tmp_path / "records")
    assert len(found) == 8
    assert {(row["depth"], row["activation"], row["seed"]) for row in found} == {
        (depth, name, seed) for depth in (1, 3) for name in ("tanh", "relu") for seed in (0, 1)
    }
    for row in found:
        record = load_record(row["record"])
        assert len(record["steps"]) == row["steps"] == 4
        assert row["verdict"] == "healthy"
        assert row["loss"] == np.mean(record["loss"])
        norms = record["gradient_norm"][0]
        dense = [i for i, role in enumerate(record["roles"]) if role == "weights"]
        rate = (norms[dense[0]] / norms[dense[-1]]) ** (1 / (len(dense) - 1))
        assert row["rate_at_start"] == pytest.approx(rate)
    assert "8/8" in capsys.readouterr().err
    assert repr(found) == f"Sweep(8 runs: 8 healthy; {found.path})"
    assert not found.failed


def test_failures_are_rows(sweep):
    found = sweep(small, {"activation": ["tanh", "nonsense"]})
    assert [row["error"] for row in found.failed] == ["ValueError: nonsense of two lines"]
    assert repr(found).startswith("Sweep(2 runs: 1 failed, 1 healthy;")


@pytest.mark.parametrize(
    "grid",
    [
        *({}, {"depth": []}, {"depth": "12"}, {"loss": [1]}),
        *({"depth": np.array([])}, {"depth": np.array(3)}, {"depth": [1], "width": 3}),
    ],
)
def test_wrong_grids_are_refused(grid, sweep):
    with pytest.raises(nn.ConfigError, match="maps names to lists of values"):
        sweep(small, grid)


def test_here_a_row_is_written_before_the_next_run_begins(tmp_path):
    rows = []

    def build(seed):
        rows.append((tmp_path / "t.csv").read_text().count("\n") if seed else 1)
        return small(seed)

    nn.sweep(lambda seed, one: build(seed), {"one": [1]}, seeds=3, table=tmp_path / "t.csv")
    assert rows == [1, 2, 3]


def test_a_setting_that_nobody_can_read_is_cut_off(sweep, capsys):
    sweep(lambda seed, depth, note: small(seed), {"depth": [1], "note": ["x" * 100_000, "y"]})
    said = capsys.readouterr().err
    assert " note " + "x" * 60 + ", seed 0" in said
    assert "depth" not in said  # which is the same in all


def test_numbers_of_numpy_are_plain_ones_in_the_table(sweep):
    found = sweep(small, {"depth": np.array([1, 3]), "width": [np.int64(4)]}, seeds=np.arange(2))
    assert [type(found[0][name]) for name in ("depth", "width", "seed")] == [int] * 3
    again = sweep(lambda seed, depth, width: 1 / 0, {"depth": [1, 3], "width": [4]}, seeds=2)
    assert not again.failed  # nothing was run


def test_what_is_asked_for_twice_runs_once(sweep):
    assert len(sweep(small, {"depth": [1, 1]}, seeds=[0, 0])) == 1


@pytest.mark.parametrize(
    ("build", "options", "said"),
    [
        (5, {}, r"sweep build must be a function \(seed, ...\), got 5"),
        (
            lambda seed, dpeth: 1,
            {},
            "calls build with seed, depth, and it takes .*dpeth.*: missing",
        ),
        (lambda depth: 1, {}, "and it takes .*: got an unexpected keyword argument 'seed'"),
        (small, {"seeds": [-1]}, "a seed of a sweep must be a whole number >= 0, got -1"),
        (small, {"seeds": ["a"]}, "a seed of a sweep must be .* got 'a'"),
        (small, {"executor": 5}, "sweep executor must be one of concurrent.futures, .* got 5"),
    ],
)
def test_what_no_run_can_be_made_of_is_refused_before_any(build, options, said, tmp_path):
    with pytest.raises(nn.ConfigError, match=said):
        nn.sweep(build, {"depth": [1]}, table=tmp_path / "t.csv", **options)
    assert not (tmp_path / "t.csv").exists()


def without(name):
    return {key: value for key, value in small(0).items() if key != name}


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: 5, "build must return a dict with model, loss, .* got 5"),
        (lambda: without("loss"), "what build returns lacks loss"),
        (
            lambda: small(0) | {"epoch": 3},
            "part of what build returns 'epoch': did you mean 'epochs'",
        ),
        (lambda: small(0) | {"truncate": 2}, "takes a truncate: none goes through time"),
        (lambda: small(0) | {"every": 2, "callbacks": [], "drop_last": True}, "^$"),
    ],
)
def test_what_a_build_has_to_return_is_told_in_the_row(made, said, sweep):
    (row,) = sweep(lambda seed, one: made(), {"one": [1]})
    assert re.search(said, row["error"])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"depth": -1}, "depth must be a whole number >= 1, got -1"),
        ({"depth": True}, "depth must be a whole number >= 1, got True"),
        ({"depth": "two"}, "depth must be a whole number >= 1, got 'two'"),
        ({"width": 0}, "width must be a whole number >= 1, got 0"),
        ({"width": [1]}, r"width must be a whole number >= 1, got \[1\]"),
        ({"epochs": 1.5}, "epochs must be a whole number >= 1, got 1.5"),
        ({"batch": 0}, "batch must be a whole number >= 1, got 0"),
        ({"batchnorm": "no"}, "batchnorm must be True or False, got 'no'"),
    ],
)
def test_a_setting_that_makes_no_network_is_refused(setting, said):
    with pytest.raises(nn.ConfigError, match=said):
        standard(seed=0, **setting)


def test_a_run_is_timed_to_the_millisecond(monkeypatch):
    clock = SimpleNamespace(perf_counter=iter([1.0, 2.2345678]).__next__)
    monkeypatch.setattr(run_of, "time", clock)

    def fails(seed):
        raise ValueError("no")

    row = run_of.run(fails, {}, 0, "")
    assert (row["seconds"], row["error"]) == (1.235, "ValueError: no")


def test_the_standard_network_has_batch_norm_where_it_is_asked_for():
    kinds = [
        layer.kind for layer in standard(seed=0, depth=1, batchnorm=True)["model"].layers.values()
    ]
    assert kinds == ["dense", "batchnorm", "relu", "dense"]
    assert standard(seed=0, depth=1)["optimizer"].clip is None
