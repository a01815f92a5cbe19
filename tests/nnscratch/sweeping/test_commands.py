"""The commands `sweep` and `map`."""

import re
from dataclasses import replace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.cli import main
from nnscratch.cli import map as map_command


def test_the_command_reads_a_file_and_names_what_it_does_not_know(tmp_path, capsys, monkeypatch):
    grid = tmp_path / "grid.toml"
    grid.write_text("[grid]\ndepht = [1]\n")
    assert main(["sweep", str(grid)]) == 2
    assert "did you mean 'depth'" in capsys.readouterr().err
    grid.write_text("[grid\n")
    assert main(["sweep", str(grid)]) == 2
    assert "is no TOML" in capsys.readouterr().err


def test_the_command_trains_and_keeps_the_records(pools, tmp_path, capsys):
    grid = tmp_path / "grid.toml"
    grid.write_text("seeds = [3]\n[grid]\ndepth = [1, 2]\n[network]\nwidth = 10\nepochs = 1\n")
    assert main(["sweep", str(grid), "--out", str(tmp_path / "out"), "--workers", "1"]) == 0
    assert "2 runs: 2 healthy" in capsys.readouterr().out
    assert len(list((tmp_path / "out" / "records").iterdir())) == 2


def test_the_command_tells_of_failed_runs_and_tries_them_again(pools, tmp_path, capsys):
    path, out = tmp_path / "grid.toml", ["--out", str(tmp_path / "out")]
    made = "[grid]\nactivation = [{}]\n[network]\nwidth = 4\ndepth = 1\nepochs = 1\n"
    path.write_text(made.format("'tanh', 'nonsense'"))
    for more, again in (([], True), ([], False), (["--retry"], True)):
        assert main(["sweep", str(path), *out, *more]) == 0
        said = capsys.readouterr()
        assert ("activation nonsense" in said.err) == again
        flat = " ".join(said.out.split())
        assert "1 of 2 runs ended in an error, the first in: UnknownNameError" in flat
        assert "With --retry the same command tries them again." in flat
    path.write_text(made.format("'nonsense'"))
    assert main(["sweep", str(path), *out]) == 2
    assert "every run failed (" in capsys.readouterr().err


def test_what_all_have_in_common_makes_other_runs(pools, tmp_path, capsys):
    path, out = tmp_path / "grid.toml", ["--out", str(tmp_path / "out")]
    network = "[grid]\ndepth = [1]\n[network]\nwidth = 4\nepochs = {}\n{}"
    for epochs, runs in ((1, 1), (2, 2), (1, 2)):
        path.write_text(network.format(epochs, ""))
        assert main(["sweep", str(path), *out]) == 0
        rows = (tmp_path / "out" / "sweep.csv").read_text().splitlines()[1:]
        assert len(rows) == runs
    assert "Sweep(1 runs" in capsys.readouterr().out
    path.write_text(network.format(1, "lr = 0.1"))
    assert main(["sweep", str(path), *out]) == 2
    assert "is the table of another sweep" in capsys.readouterr().err
    path.write_text(network.format(1, "depth = 3"))
    assert main(["sweep", str(path), *out]) == 2
    assert "depth of " in capsys.readouterr().err


def test_the_map_draws_what_was_learned_and_goes_on(pools, tmp_path, capsys):
    small = ["map", "--depths", "1", "2", "--variances", "0.5", "2", "--width", "8"]
    small += ["--epochs", "1", "--workers", "1", "--out", str(tmp_path)]
    assert main(small) == 0
    assert "Sweep(4 runs: " in capsys.readouterr().out
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    assert main(small) == 0
    assert "seed 0" not in capsys.readouterr().err
    assert main(["map", "--activation", "reul"]) == 2


def test_a_place_of_the_map_is_the_mean_of_its_own_runs():
    grid = {"depth": [1.0, 2.0], "variance": [0.5, 3.0]}
    found = [
        {"depth": depth, "variance": variance, "val_accuracy": depth + variance + seed, "error": ""}
        for depth in (1.0, 2.0) for variance in (0.5, 3.0) for seed in (0, 1)
    ]  # fmt: skip
    found[1]["error"] = "OSError"
    for row in found[-2:]:
        row["error"] = "OSError"
    np.testing.assert_array_equal(map_command._accuracy(found, grid), [[1.5, 3.0], [4.5, np.nan]])


def test_the_map_of_recurrent_networks(pools, tmp_path, capsys, monkeypatch):
    whole, chosen = nn.datasets.temporal_order, map_command.MAPS["recurrent"]
    monkeypatch.setattr(
        nn.datasets, "temporal_order", lambda n, length, seed: whole(n // 20, length, seed)
    )
    monkeypatch.setitem(map_command.MAPS, "recurrent", replace(chosen, points=3))
    small = ["map", "--family", "recurrent", "--biases", "-1", "1", "--lengths", "10", "20"]
    small += ["--width", "4", "--epochs", "1", "--workers", "1", "--out", str(tmp_path)]
    assert main(small) == 0
    assert "Sweep(4 runs: " in capsys.readouterr().out
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("family", "given"), [("layers", ["--lengths", "20"]), ("recurrent", ["--activation", "relu"])]
)
def test_the_map_refuses_what_its_family_has_not(family, given, tmp_path, capsys):
    assert main(["map", "--family", family, *given, "--out", str(tmp_path)]) == 2
    assert f"is not for --family {family}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("grid = " + "[" * 5000, "is no TOML"),
        ("seeds = " + "9" * 5000, "is no TOML"),
        ("grid = 5", "grid of .* must be a table, got 5"),
        ("network = [1]", "network of .* must be a table"),
        ("[grid]\ndepth = 3", "maps names to lists of values"),
        ("[grid]\ndepth = []", "maps names to lists of values"),
        ("[grid]\ndepth = {a = 1}", "maps names to lists of values"),
        *((f"seeds = {one}\n[grid]\ndepth = [1]", "sweep seeds must be")
          for one in ("'abc'", "[]", "1.5", "{a = 1}", "true", "-1")),
        ("seeds = 1000000000000000\n[grid]\ndepth = [1]", "a sweep of 1,000,000,000,000,000 runs"),
    ],
)  # fmt: skip
def test_a_grid_that_is_none_is_an_error_of_one_line(text, said, tmp_path, capsys):
    (tmp_path / "grid.toml").write_text(text)
    assert main(["sweep", str(tmp_path / "grid.toml"), "--out", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert re.search(said, message)
    assert len(message.splitlines()) == 1


def test_an_endless_grid_is_refused_before_it_is_read(tmp_path, capsys):
    with open(tmp_path / "grid.toml", "wb") as file:
        file.truncate(1 << 40)
    assert main(["sweep", str(tmp_path / "grid.toml"), "--out", str(tmp_path)]) == 2
    assert "grid.toml needs 1.1 TB of memory" in capsys.readouterr().err
