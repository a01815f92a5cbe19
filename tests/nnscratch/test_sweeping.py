"""Sweeps: rows as they come, failures among them, and going on where one was broken off."""

import csv
import os
import re
import subprocess
import sys
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.cli import main
from nnscratch.cli import map as map_command
from nnscratch.errors import TooLargeError
from nnscratch.experiments.standard import standard
from nnscratch.flow import load_record
from nnscratch.sweeping.run import one_thread
from nnscratch.sweeping.table import Table, key
from nnscratch_records import files, memory

GRID = {"depth": [1, 3], "activation": ["tanh", "relu"]}

# Of a file of one's own, as processes import it; one run of it kills its process.
OWN = """
import os
import nnscratch as nn

def build(seed, kind):
    if kind == "deadly":
        os._exit(3)
    model = nn.Sequential(nn.Dense(2, 3), nn.Tanh(), nn.Dense(3, 2), seed=seed)
    x = [[0.0, 1], [1, 0], [1, 1], [0, 0]]
    return {"model": model, "loss": nn.SoftmaxCrossEntropy(), "optimizer": nn.SGD(lr=0.1),
            "x": x, "y": [0, 1, 0, 1], "epochs": 2, "batch_size": 2}
"""


def small(seed, depth=1, activation="tanh", width=8):
    if activation == "nonsense":
        raise ValueError("nonsense\nof two lines")
    given = standard(seed=seed, depth=depth, activation=activation, width=width, epochs=1)
    return given | {"x": given["x"][:200], "y": given["y"][:200], "validation": None}


@pytest.fixture
def sweep(tmp_path):
    def run(build, grid, table="sweep.csv", **options):
        with ThreadPoolExecutor(2) as executor:
            return nn.sweep(build, grid, executor=executor, table=tmp_path / table, **options)

    return run


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


def test_it_goes_on_where_it_was_broken_off_and_grows(sweep, tmp_path, capsys):
    first = sweep(small, {"depth": [1]}, seeds=2)
    with first.path.open("a") as file:
        file.write("3,0,healthy,vanish")  # a process that was killed while it wrote
    built = []

    def counted(**settings):
        built.append(settings)
        return small(**settings)

    found = sweep(counted, {"depth": [1, 3]}, seeds=2, progress=False)
    assert sorted(one["depth"] for one in built) == [3, 3]
    assert len(found) == 4
    with found.path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert {len(row) for row in rows} == {len(rows[0])}
    capsys.readouterr()
    sweep(small, {"depth": [3]}, seeds=3)  # rows of others in the table are none of this one
    assert capsys.readouterr().err.startswith("3/3 depth 3, seed 2")
    with pytest.raises(nn.ConfigError, match="the table of another sweep"):
        sweep(small, {"width": [4]})


def test_a_table_of_parquet_is_whole_after_every_row_and_goes_on(sweep, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    path, seen, built = tmp_path / "sweep.parquet", [], []

    def watched(**settings):
        built.append(settings)
        seen.append(parquet.read_table(path).num_rows)
        return small(**settings)

    grid = {"width": [4, 8], "activation": ["tanh", "nonsense"]}
    first = sweep(watched, grid, path.name)
    assert sorted(seen)[0] == 0
    found = sweep(watched, {**grid, "width": [4, 8, 9]}, path.name, progress=False)
    assert len(built) == 6
    assert repr([row for row in found if row["width"] != 9]) == repr(list(first))
    assert len(found.failed) == 3
    table = parquet.read_table(path)
    kinds = {name: str(table.schema.field(name).type) for name in ("width", "loss", "verdict")}
    assert kinds == {"width": "int64", "loss": "double", "verdict": "string"}
    assert table["loss"].null_count == 3
    with pytest.raises(nn.ConfigError, match="the table of another sweep"):
        sweep(small, {"depth": [1]}, path.name)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(nn.DataError, match="no whole table of Parquet"):
        sweep(small, grid, path.name)


@pytest.mark.parametrize(
    "values", [[1, 2.5], ["relu", None], [True, False], [None, 3], [(1, 2), (3,)], ["1", "x"]]
)
def test_a_table_of_parquet_gives_back_what_one_of_csv_does(values, tmp_path):
    pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    rows, done = [], []
    for name in ("a.csv", "a.parquet"):
        table = Table(tmp_path / name, ["one"])
        for value in values:
            table.append({**dict.fromkeys(table.columns, ""), "one": value, "seed": 0})
        again = Table(tmp_path / name, ["one"])
        assert again.rows == table.rows
        rows.append(again.rows)
        done.append(again.done())
    assert rows[0] == rows[1]
    assert done[0] == done[1] == {key({"one": value}, 0) for value in values}


@pytest.mark.parametrize("grid", [{}, {"depth": []}, {"depth": "12"}, {"loss": [1]}])
def test_wrong_grids_are_refused(grid, sweep):
    with pytest.raises(nn.ConfigError, match="maps names to lists of values"):
        sweep(small, grid)


class Mortal(ThreadPoolExecutor):
    """Threads as processes that a deep network kills, and with it all that are at work."""

    asked = ()

    def submit(self, function, build, settings, seed, record):
        self.asked = (*self.asked, settings["depth"])
        if settings["depth"] < 3:
            return super().submit(function, build, settings, seed, record)
        broken = Future()
        broken.set_exception(BrokenExecutor("dead"))
        return broken


def test_who_dies_is_tried_once_more_alone(tmp_path):
    with Mortal(1) as executor:
        found = nn.sweep(
            small, {"depth": [3, 1, 2]}, executor=executor, table=tmp_path / "t.csv", progress=False
        )
        assert executor.submit(len, small, {"depth": 0}, 0, "").exception()  # it is left open
    assert {row["depth"]: row["error"] for row in found} == {3: "its process died", 1: "", 2: ""}
    assert executor.asked[:4] == (3, 1, 2, 3)


def test_what_cannot_be_sent_is_a_row(tmp_path):
    class Narrow(ThreadPoolExecutor):
        def submit(self, *given):
            return super().submit(lambda: 1 / 0)

    with Narrow(1) as executor:
        found = nn.sweep(small, {"depth": [1]}, executor=executor, table=tmp_path / "t.csv")
    assert [row["error"] for row in found] == ["ZeroDivisionError: division by zero"]


def test_the_scheduler_of_dask_is_left_again(tmp_path, monkeypatch):
    said = []

    class Client(ThreadPoolExecutor):
        def __init__(self, address):
            said.append(address)
            super().__init__(1)

        def get_executor(self, pure):
            assert not pure  # the same settings twice are two runs
            return self

        def __exit__(self, *error):
            said.append("left")
            return super().__exit__(*error)

    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(Client=Client))
    found = nn.sweep(small, {"depth": [1]}, executor="tcp://10.0.0.1:8786", table=tmp_path / "t")
    assert [row["verdict"] for row in found] == ["healthy"]
    assert said == ["tcp://10.0.0.1:8786", "left"]


@pytest.fixture
def pools(monkeypatch):
    """Threads in the place of processes; the list of the pools."""
    made = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, count, context, initializer):
            assert context.get_start_method() == "spawn"
            assert initializer is one_thread
            super().__init__(count)
            made.append((count, self))

        def shutdown(self, wait=True, *, cancel_futures=False):
            self.cancelled = getattr(self, "cancelled", False) or cancel_futures
            super().shutdown(wait, cancel_futures=cancel_futures)

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", Pool)
    return made


def test_processes_of_its_own(pools, tmp_path):
    found = nn.sweep(small, {"depth": [1, 2]}, workers=2, table=tmp_path / "t.csv")
    assert len(found) == 2
    ((count, pool),) = pools
    assert count == 2
    assert not pool.cancelled
    with pytest.raises(nn.ConfigError, match="sweep workers"):
        nn.sweep(small, {"depth": [3]}, workers=0, table=tmp_path / "t.csv")


def test_processes_have_to_fit_into_memory_and_are_no_more_than_runs(pools, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    many = {"depth": list(range(1, 101))}
    with pytest.raises(TooLargeError, match=r"a sweep in 100 processes needs 5 GB"):
        nn.sweep(small, many, workers=10**8, table=tmp_path / "t.csv")
    nn.sweep(small, {"depth": [1, 2]}, workers=10**8, table=tmp_path / "t.csv")
    assert [count for count, _ in pools] == [2]


def test_what_has_not_begun_is_not_waited_for(pools, tmp_path, monkeypatch):
    def interrupt(table, row):
        raise KeyboardInterrupt

    monkeypatch.setattr(Table, "append", interrupt)
    with pytest.raises(KeyboardInterrupt):
        nn.sweep(small, {"depth": [1, 2, 3, 4]}, workers=1, table=tmp_path / "t.csv")
    assert pools[0][1].cancelled


def test_what_no_process_can_import_runs_here_one_after_the_other(pools, tmp_path, capsys):
    found = nn.sweep(lambda **given: small(**given), GRID, table=tmp_path / "t.csv")
    assert len(found) == 4
    assert pools == []
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("4 runs, here, one after the other: processes can import `build`")
    assert [line[:4] for line in lines[1:]] == ["1/4 ", "2/4 ", "3/4 ", "4/4 "]
    # Who asks for one worker knows.
    nn.sweep(lambda **given: small(**given), GRID, workers=1, table=tmp_path / "other.csv")
    assert "one after the other" not in capsys.readouterr().err


def test_here_a_row_is_written_before_the_next_run_begins(tmp_path):
    rows = []

    def build(seed):
        rows.append((tmp_path / "t.csv").read_text().count("\n") if seed else 1)
        return small(seed)

    nn.sweep(lambda seed, one: build(seed), {"one": [1]}, seeds=3, table=tmp_path / "t.csv")
    assert rows == [1, 2, 3]


CALLED = """
found = nn.sweep(build, {"kind": ["a", "b"]}, workers=2, table=sys.argv[-1])
print([row["kind"] for row in found], found.failed)
"""


def called(tmp_path, *command):
    command = [sys.executable, *command, str(tmp_path / "t.csv")]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_a_build_of_a_prompt_runs(tmp_path):
    done = called(tmp_path, "-c", OWN.replace("import os", "import os, sys") + CALLED)
    assert done.stdout == "['a', 'b'] []\n", done.stderr
    assert "one after the other" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("guarded", [True, False])
def test_a_script_calls_it_under_a_guard(tmp_path, guarded):
    call = "\nif __name__ == '__main__':" + CALLED.replace("\n", "\n    ") if guarded else CALLED
    script = tmp_path / "own_script.py"
    script.write_text(OWN.replace("import os", "import os, sys") + call)
    done = called(tmp_path, str(script))
    if guarded:
        assert done.stdout == "['a', 'b'] []\n", done.stderr
        assert "one after the other" not in done.stderr
    else:
        assert done.returncode == 1
        assert "must stand under `if __name__" in done.stderr.splitlines()[-1]
        assert done.stderr.count("Traceback") == 1
        assert (tmp_path / "t.csv").read_text().count("\n") == 1  # no row


@pytest.mark.slow
def test_a_process_that_dies_takes_only_its_own_run_with_it(tmp_path, monkeypatch):
    (tmp_path / "own_networks.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    import own_networks

    grid = {"kind": ["a", "deadly", "b", "c"]}
    found = nn.sweep(own_networks.build, grid, workers=2, table=tmp_path / "t.csv")
    assert [row["kind"] for row in found.failed] == ["deadly"]
    assert found.failed[0]["error"] == "its process died"
    assert len(found) == 4


@pytest.mark.slow
def test_the_executor_of_joblib(tmp_path):
    loky = pytest.importorskip("joblib", reason="joblib is not installed").externals.loky
    executor = loky.get_reusable_executor(max_workers=2)
    try:
        found = nn.sweep(
            standard, {"depth": [1, 2], "epochs": [1]}, executor=executor, table=tmp_path / "t.csv"
        )  # fmt: skip
    finally:
        executor.shutdown(wait=True)
    assert repr(found).startswith("Sweep(2 runs: 2 healthy;")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_cluster_of_dask_that_loses_a_worker_loses_nothing(tmp_path):
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        killed = []

        def kill_once(text):
            if not killed:
                killed.append(next(iter(cluster.workers.values())))
                killed[0].process.process._process.kill()
            return len(text)

        sys.stderr.write, before = kill_once, sys.stderr.write
        try:
            found = nn.sweep(
                standard, {"depth": [1, 2, 3], "epochs": [1, 2]}, seeds=2,
                executor=cluster.scheduler_address, table=tmp_path / "t.csv",
            )  # fmt: skip
        finally:
            sys.stderr.write = before
    assert killed
    assert len(found) == 12
    assert not found.failed


def test_a_setting_that_nobody_can_read_is_cut_off(sweep, capsys):
    sweep(small, {"depth": [1], "note": ["x" * 100_000]}, seeds=1)
    assert "note " + "x" * 60 + ", seed 0" in capsys.readouterr().err


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


def test_the_map_draws_what_was_learned_and_goes_on(pools, tmp_path, capsys):
    small = ["map", "--depths", "1", "2", "--variances", "0.5", "2", "--width", "8"]
    small += ["--epochs", "1", "--workers", "1", "--out", str(tmp_path)]
    assert main(small) == 0
    assert "Sweep(4 runs: " in capsys.readouterr().out
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    assert main(small) == 0
    assert "seed 0" not in capsys.readouterr().err
    assert main(["map", "--activation", "reul"]) == 2


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


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_pipe_where_the_table_should_be_does_not_hang(sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "READER", 0.0)
    os.mkfifo(tmp_path / "sweep.csv")
    with pytest.raises(nn.FileError, match="nobody reads from this pipe"):
        sweep(small, {"depth": [1]})
    os.mkfifo(tmp_path / "log.csv")
    with pytest.raises(nn.FileError, match="nobody reads from this pipe"):
        nn.CsvLog(tmp_path / "log.csv")


@pytest.mark.parametrize("content", [b"\xff\xfe", b'depth,"' + b"x" * 200_000])
def test_what_is_no_table_is_said(sweep, tmp_path, content):
    (tmp_path / "sweep.csv").write_bytes(content)
    with pytest.raises(nn.DataError, match="is no table of a sweep"):
        sweep(small, {"depth": [1]})


def test_a_word_where_a_number_belongs_is_a_damaged_table(sweep, tmp_path):
    path = sweep(small, {"depth": [1]}).path
    path.write_text(path.read_text().replace(",4,", ",four,"))
    with pytest.raises(nn.DataError, match="is damaged: steps is 'four'"):
        sweep(small, {"depth": [1]})


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


def test_an_endless_grid_is_refused_before_it_is_read(tmp_path, capsys):
    with open(tmp_path / "grid.toml", "wb") as file:
        file.truncate(1 << 40)
    assert main(["sweep", str(tmp_path / "grid.toml"), "--out", str(tmp_path)]) == 2
    assert "grid.toml needs 1.1 TB of memory" in capsys.readouterr().err
