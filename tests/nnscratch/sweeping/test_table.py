"""Tables of sweeps: they grow, go on where one was broken off, and are refused if damaged."""

import csv
import os

import pytest

import nnscratch as nn
from nnscratch.sweeping.table import Table, key
from nnscratch_records import files

from .small import small


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
    assert capsys.readouterr().err.startswith("3/3 seed 2")
    with pytest.raises(nn.ConfigError, match="the table of another sweep"):
        sweep(small, {"width": [4]})


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_ended_in_an_error_runs_again_where_it_is_asked_for(sweep, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    built, broken = [], True

    def build(width, **settings):
        built.append(width)
        if broken and width in (5, 6):
            raise OSError("no room")
        return small(width=width, **settings)

    def made(widths, **options):
        found = sweep(build, {"width": widths}, f"sweep.{suffix}", progress=False, **options)
        runs = sorted(built)
        built.clear()
        return found, runs

    assert made([4, 5, 6])[1] == [4, 5, 6]
    broken = False
    found, runs = made([4, 5])
    assert runs == []
    assert len(found.failed) == 1
    found, runs = made([4, 5], retry=True)
    assert runs == [5]
    assert [row["error"] for row in found] == ["", ""]
    found, runs = made([4, 5, 6])
    assert runs == []  # what is not of this sweep was left as it was
    assert [row["error"] for row in found if row["width"] == 6] == ["OSError: no room"]
    assert len(found) == 3


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
