"""Files of one's own: what they are taken for, and what is said of those that do not fit."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.datasets import table, tables
from nnscratch.errors import TooLargeError
from nnscratch_records import memory, npz

ROWS = [f"{i % 7},{0.5 * i},{i % 3}" for i in range(20)]


@pytest.fixture
def write(tmp_path):
    def write(lines, name="table.csv"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def test_few_whole_numbers_are_classes_and_the_last_column_is_the_target(write):
    x_train, y_train, x_test, y_test = table(write(["a,b,kind", *ROWS]))
    assert (x_train.shape, x_test.shape) == ((16, 2), (4, 2))
    assert x_train.dtype == np.float32
    assert y_train.dtype == np.int64
    assert sorted(set(y_train) | set(y_test)) == [0, 1, 2]


def test_other_numbers_are_to_be_met(write):
    _, y_train, _, y_test = table(write(["a,b,kind", *ROWS]), target="b")
    assert y_train.dtype == np.float32
    assert (y_train.shape, y_test.shape) == ((16, 1), (4, 1))


def test_twenty_classes_and_not_twenty_one(write):
    for count, kind in ((20, "i"), (21, "f")):
        lines = [f"{i},{i % count}" for i in range(63)]
        assert table(write(lines))[1].dtype.kind == kind


def test_words_of_which_most_come_once_are_no_classes(write):
    """As far as one class for two examples they are."""
    lines = [f"{i},name {i % 10}" for i in range(20)]
    assert set(np.concatenate(table(write(lines))[1::2])) == set(range(10))
    with pytest.raises(
        nn.DataError, match=r"has 11 classes for 20 examples.*Name another one with"
    ):
        table(write([*lines[:-1], "19,name 10"]))


def test_words_are_classes_with_semicolons_and_without_names(write):
    words = ["blue", "green", "red"]
    lines = [f"{i};{-i};{words[i % 3]}" for i in range(20)]
    x_train, y_train, _, _ = table(write(lines))
    np.testing.assert_array_equal(y_train, x_train[:, 0] % 3)


def test_columns_without_names_are_counted_from_1(write):
    x_train, y_train, _, _ = table(write(ROWS), target="1")
    assert x_train.shape == (16, 2)
    assert set(y_train) == set(range(7))


def test_the_seed_splits_and_nothing_is_lost(write):
    path = write(ROWS)
    first, again, other = table(path, seed=1), table(path, seed=1), table(path, seed=2)
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[0] != other[0]).any()
    for one in (first, other):
        np.testing.assert_array_equal(np.sort(np.r_[one[0], one[2]][:, 1]), 0.5 * np.arange(20))


def test_standardised_by_the_training_rows(write):
    x_train, y_train, x_test, _ = table(write(ROWS), target="2", standardise=True)
    for values in (x_train, y_train):
        np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(values.std(axis=0), 1, rtol=1e-6)
    assert np.abs(x_test.mean(axis=0)).max() > 1e-3


def test_arrays(tmp_path):
    x, y = np.arange(120.0).reshape(20, 2, 3), np.arange(20) % 2
    np.savez(tmp_path / "own.npz", x=x, y=y, z=np.linspace(0, 1, 20))
    x_train, y_train, _, _ = table(tmp_path / "own.npz")
    assert x_train.shape == (16, 6)
    assert y_train.dtype == np.int64
    assert table(tmp_path / "own.npz", "z")[1].shape == (16, 1)
    with pytest.raises(nn.UnknownNameError, match="'w'"):
        table(tmp_path / "own.npz", "w")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["a,b,c", *ROWS, "1,2"], "line 22: 2 values, and line 1 has 3"),
        (["a,b,c", *ROWS, "1,,2"], "column 'b': no value in line 22; .*1 missing in this column"),
        (["a,b,c", *ROWS, "1,NaN,2"], "column 'b': no value in line 22"),
        (["a,b,c", *ROWS, "1,inf,2"], "column 'b': 'inf' in line 22 is no number"),
        (["a,city,c", "1,Paris,0", *ROWS], "'city': 'Paris' in line 2 is no number; write plain"),
        (
            ["a,b,c", *(f"{i},{'xy'[i % 2]},{i}" for i in range(20))],
            "'b': 'x' in line 2 is no number; make a column of 0 and 1 of each of its 2 words",
        ),
        (["a,b,c", *(f"{i},{i}-01-01,1" for i in range(30))], "write plain .*days for a date"),
        (["a,b,c", *(f"{i},{i}%,1" for i in range(30))], "write plain numbers .*0.5 for 50%"),
        (
            ["a,id,c", *(f"{i},C{i},{i % 2}" for i in range(20))],
            "'id': 'C0' in line 2 is no number, and each row has another one, as names and ids are",
        ),
        (
            ["a,id,b,c", *(f"{i},C{i},x{i % 3},{i % 2}" for i in range(20))],
            "ids are: leave the column out. Nor can be used as they are: 'b'",
        ),
        (["a;b;c", *(f"{i};0,5;{i}.5" for i in range(20))], "'b': '0,5' in line 2 is no number"),
        ([f"{i},5,{i % 2}" for i in range(20)], "column '2' is 5 everywhere"),
        ([f"{i},1" for i in range(20)], "is 1.0 everywhere: nothing can be learned"),
        (
            ["a,b,c,", *(f"{row}," for row in ROWS)],
            "column '': no value in any line; name another one with --target",
        ),
        (
            ["a,,c", *(f"{i % 7},NA,{i % 3}" for i in range(20))],
            "column '': no value in any line; leave the column out",
        ),
        (["a b c", *(f"{i} 0.5 {i % 3}" for i in range(20))], "with a comma, semicolon or tab"),
        (
            ["month,c", *(f"2020_{i:02d},{i % 3}" for i in range(20))],
            "column 'month': '2020_00' in line 2 is no number",
        ),
        ([f"{i}" for i in range(20)], "one column"),
        (["2001,2002,price", *ROWS], "column '3': 'price' in line 1 is no number, and 20 others"),
        (ROWS[:9], "9 lines: .* need 10 examples"),
        ([""], "is empty"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(lines, said, write):
    with pytest.raises((nn.DataError, nn.ShapeError), match=said):
        table(write(lines))


@pytest.mark.parametrize("kind", ["lines", "lines below names", "arrays"])
def test_ten_examples_are_enough(kind, write, tmp_path):
    def with_rows(count):
        if kind != "arrays":
            return write([*["a,b,c"] * (kind != "lines"), *ROWS[:count]])
        x = np.arange(3.0 * count).reshape(count, 3)
        np.savez(tmp_path / "own.npz", x=x, y=np.arange(count) % 2)
        return tmp_path / "own.npz"

    x_train, y_train, x_test, y_test = table(with_rows(10))
    assert len(x_train) + len(x_test) == len(y_train) + len(y_test) == 10
    with pytest.raises(nn.DataError, match=r"9 (lines|examples): training and testing need 10"):
        table(with_rows(9))


ROWS_OF_ANYTHING = ["id,the city,a,b,kind", *(f"{i},,C{i},{i * i},{i % 2}" for i in range(20))]


def test_columns_are_left_out_whatever_they_hold(write):
    path = write(ROWS_OF_ANYTHING)
    with pytest.raises(
        nn.DataError, match=r"'the city': no value in any line.*as they are: 'a'"
    ) as e:
        table(path)
    assert str(e.value).endswith(
        "To go on without: ignore=['the city', 'a'], on the command line --ignore 'the city' a"
    )
    assert table(path, ignore=["the city", "a"])[0].shape == (16, 2)
    x_train, y_train, *_ = table(path, ignore=["a", "the city", "id"])
    assert sorted({i * i % 2 for i in range(20)}) == sorted(set(x_train[:, 0] % 2))
    assert (x_train[:, 0] % 2 == y_train).all()
    assert table(path, target="b", ignore=["the city", "a", "kind"])[0].shape == (16, 1)
    whole = table(write(["n,a,b", *(f"{i},{i},{i % 3}" for i in range(20))]), ignore="n")
    assert whole[0].shape == (16, 1)
    numbered = table(write([f"{i},x{i},{i % 2}" for i in range(20)]), ignore=["2"])
    assert numbered[0].shape == (16, 1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ignore": ["the town"]}, "column of .* to ignore: 'the town': did you mean 'the city'"),
        ({"ignore": ["kind"]}, "the target column is not to be ignored"),
        ({"ignore": ["a"], "target": "a"}, "the target column is not to be ignored"),
        ({"ignore": ["id", "the city", "a", "b"]}, "one column"),
    ],
)
def test_columns_that_cannot_be_left_out(given, said, write):
    with pytest.raises(nn.NnscratchError, match=said):
        table(write(ROWS_OF_ANYTHING), **given)


def test_an_index_without_a_name_can_be_left_out(write):
    path = write([",a,b", *(f"{i},{-i},{i % 2}" for i in range(20))])
    with pytest.raises(nn.DataError, match=r"ignore=\[''\], on the command line --ignore ''$"):
        table(path)
    assert table(path, ignore=[""])[0].shape == (16, 1)


def test_arrays_have_no_columns_to_leave_out(tmp_path):
    np.savez(tmp_path / "own.npz", x=np.eye(20), y=np.arange(20) % 2)
    with pytest.raises(nn.DataError, match="has no columns to ignore"):
        table(tmp_path / "own.npz", ignore=["a"])


@pytest.mark.parametrize("name", ["own.tsv", "own.txt", "OWN.CSV"])
def test_files_of_other_names_and_decimal_commas(name, tmp_path):
    between = "\t" if name == "own.tsv" else ";"
    rows = [f"{i},5{between}{-i}{between}{i % 2}" for i in range(20)]
    (tmp_path / name).write_text("\n".join([f"a,b{between}c{between}d", *rows]))
    x_train, y_train, *_ = table(tmp_path / name, "d")
    assert sorted(set(x_train[:, 0] % 1)) == [0.5]
    assert (x_train[:, 0] - 0.5 == -x_train[:, 1]).all()
    assert y_train.dtype == np.int64


def test_a_column_of_row_numbers_without_a_name_is_no_input(write):
    """As pandas writes its index, of rows in any order."""
    for numbers in (range(20), range(100, 120), [7 * i % 20 for i in range(20)]):
        lines = [f"{n},{row}" for n, row in zip(numbers, ROWS, strict=True)]
        with pytest.raises(nn.DataError, match="first column has no name and numbers the rows"):
            table(write([",a,b,kind", *lines]))
        assert table(write(["id,a,b,kind", *lines]))[0].shape == (16, 3)
        assert table(write([",a,b,kind", *lines]), target="")[0].shape == (16, 3)
    for first in ([i % 19 for i in range(20)], [i + 0.5 for i in range(20)]):
        lines = [f"{n},{row}" for n, row in zip(first, ROWS, strict=True)]
        assert table(write([",a,b,kind", *lines]))[0].shape == (16, 3)


def test_a_target_whose_name_stands_twice(write):
    with pytest.raises(nn.DataError, match="has 2 columns 'a': rename them"):
        table(write(["a,a,c", *ROWS]), target="a")
    assert table(write(["a,a,c", *ROWS]))[0].shape == (16, 2)


def test_a_file_that_is_missing_or_no_text(tmp_path):
    with pytest.raises(nn.FileError, match="no such file"):
        table(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe1,2\n")
    with pytest.raises(nn.DataError, match=r"not UTF-8.*save it as UTF-8"):
        table(tmp_path / "bytes.csv")


def test_a_table_beyond_the_memory_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "endless.csv"
    with open(path, "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(nn.NnscratchError, match=r"endless\.csv needs 7\.7 TB of memory"):
        table(path)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((0, 3)), "y": np.zeros(0)}, "shape"),
        ({"x": np.zeros((20, 0)), "y": np.arange(20)}, "shape"),
        ({"x": np.eye(20) * 1e300, "y": np.arange(20)}, "beyond the range of float32"),
        ({"x": np.eye(40), "y": np.arange(40) * 1e300}, "beyond the range of float32"),
        ({"x": np.eye(20), "y": np.eye(20) * 1e300}, "beyond the range of float32"),
        ({"x": np.eye(20), "y": np.arange(20) * 1j}, "expected numbers or text"),
        ({"x": np.eye(20) * 1j, "y": np.arange(20)}, "must hold numbers"),
        ({"x": np.eye(20), "y": np.array([["a", "b"]] * 20)}, "must hold numbers"),
    ],
)
def test_arrays_that_float32_cannot_hold(arrays, said, tmp_path):
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(nn.NnscratchError, match=said):
        table(tmp_path / "own.npz")


def test_numbers_of_a_table_that_float32_cannot_hold(write):
    with pytest.raises(nn.DataError, match=r"beyond the range of float32: scale it"):
        table(write([f"{i}e300,{i % 3}" for i in range(20)]))


def test_a_line_of_very_many_columns_is_refused_before_it_is_taken_apart(write, monkeypatch):
    monkeypatch.setattr(tables.csv, "reader", None)
    with pytest.raises(nn.DataError, match=r"has 1 line: training and testing need 10 examples"):
        table(write(["0.5," * 100_000 + "1"]))


def test_rows_of_other_lengths_are_refused_before_any_cell_is_looked_at(write, monkeypatch):
    monkeypatch.setattr(tables, "_number", None)
    with pytest.raises(nn.ShapeError, match=r"line 2: 3 values, and line 1 has 100001"):
        table(write(["0.5," * 100_000 + "1", *ROWS]))


def test_the_cells_of_a_table_have_to_fit_into_memory(write, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10**8)
    with pytest.raises(TooLargeError, match=r"table\.csv of 1,000,0\d\d cells needs 1\d\d MB"):
        table(write(["1," * 99_999 + "1"] * 10))


def test_arrays_that_are_refused_by_their_shape_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(npz._Member, "read", None)
    large = np.zeros((1000, 1000))
    for arrays, said in (
        ({"x": large}, "unknown array .*'y'"),
        ({"x": large, "y": np.zeros(999)}, "as many answers"),
        ({"x": large[:9], "y": np.zeros(9)}, "9 examples"),
        ({"x": large.astype(complex), "y": np.zeros(1000)}, "must hold numbers, got complex128"),
    ):
        np.savez_compressed(tmp_path / "own.npz", **arrays)
        with pytest.raises(nn.NnscratchError, match=said):
            table(tmp_path / "own.npz")


def test_arrays_need_memory_for_all_that_is_made_of_them(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "own.npz", x=np.zeros((1000, 10_000)), y=np.zeros(1000))
    monkeypatch.setattr(memory, "available", lambda: 10**8)
    with pytest.raises(TooLargeError, match=r"own\.npz does not fit .*needs 160 MB"):
        table(tmp_path / "own.npz")


@pytest.mark.parametrize("line", ["9" * 4000 + ",5,1", "1,5," + "x" * 4000])
def test_a_very_long_cell_is_not_printed_whole(line, write):
    with pytest.raises(nn.DataError) as error:
        table(write(["a,b,c", line, *(["1,2,3", "4,5,6"] * 9)]))
    assert len(str(error.value)) < 1000


def test_a_very_long_name_of_a_column_is_not_printed_whole(write):
    with pytest.raises(nn.DataError) as error:
        table(write(["a" * 4000 + ",b", *(["1,2", "x,6"] * 9)]))
    assert len(str(error.value)) < 1000


def test_lines_may_end_as_on_old_macintoshes(tmp_path):
    (tmp_path / "own.csv").write_bytes("\r".join(["a,b,kind", *ROWS]).encode())
    assert table(tmp_path / "own.csv")[0].shape == (16, 2)


def test_answers_of_several_dimensions_are_as_many_numbers(tmp_path):
    np.savez(tmp_path / "own.npz", x=np.eye(20), y=np.ones((20, 3, 2)))
    assert table(tmp_path / "own.npz")[1].shape == (16, 6)
