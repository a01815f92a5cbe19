"""Data of one's own, from a file: a table with a target column, or arrays x and y."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
import shlex
from collections.abc import Sequence

import numpy as np

from nnscratch.arrays import Array, fitted
from nnscratch.datasets.checks import MISSING, Split, check_inputs
from nnscratch.datasets.standard import Standardizer
from nnscratch.errors import (
    DataError,
    DtypeError,
    ShapeError,
    require_flag,
    require_list,
    require_name,
    require_seed,
    require_text,
    shown,
    unknown_name,
)
from nnscratch.files import PathLike, as_path, load_npz, open_input
from nnscratch_records import memory
from nnscratch_records.npz import Described
from nnscratch_records.words import listed, plural

SUFFIXES = (".csv", ".tsv", ".txt", ".npz")  # in capitals too
MOST_CLASSES = 20  # as many different whole numbers are classes, more are numbers
LEAST = 10  # examples
TESTED = 5  # one example in so many is for testing
_TYPED = 200  # letters that anybody would copy
_WORDS = 20  # as many different ones are worth a column each
_CELL, _LETTER = 110, 7  # bytes that a cell takes until it is a number, and a letter of the text


def table(
    path: PathLike,
    target: str | None = None,
    standardise: bool = False,
    seed: int = 0,
    ignore: Sequence[str] = (),
) -> Split:
    """Return `x_train, y_train, x_test, y_test` of a file; one example in 5, by `seed`, for tests.

    ``.csv``, ``.tsv``, ``.txt``: numbers, comma, semicolon or tab between them, with or without a
    line of names. Between semicolons or tabs 0,5 is 0.5 where no cell has a point.
    ``.npz``: arrays ``x`` and ``y``, as ``np.savez(path, x=x, y=y)`` writes them; ``x`` has the
    examples first.

    A target of text, or of at most 20 different whole numbers, is a class, numbered in sorted order
    (labels, int64); any other is a number to be met (float32, one column).

    Parameters
    ----------
    target : str or None
        The column to be learned, by name, or by number from 1 where the file has no names (None:
        the last one); of an ``.npz`` the array (None: ``"y"``).
    standardise : bool
        Bring inputs, and targets that are numbers, to mean 0 and deviation 1, by the training rows.
    ignore : names
        Columns that are left out, whatever they hold: ids, names, dates.

    Raises `FileError`, and `DataError` or `ShapeError` naming line and column for rows of different
    lengths, and for text, missing values or a column of one value.
    """
    standardise = require_flag("standardise", standardise)
    require_seed("seed", seed)
    if target is not None:
        require_text("target", target)
    ignore = require_list("ignore", [ignore] if isinstance(ignore, str) else ignore, str)
    if as_path(path).suffix.lower() == ".npz":
        if ignore:
            raise DataError(f"{path} has no columns to ignore: leave them out of its x")
        x, answers = _arrays(path, target or "y")
    else:
        x, answers = _columns(path, target, ignore)
    y = _answers(answers, str(path))
    order = np.random.default_rng(seed).permutation(len(x))
    tested = len(x) // TESTED
    split = [values[rows] for rows in (order[tested:], order[:tested]) for values in (x, y)]
    if standardise:
        inputs = Standardizer(split[0])
        split[0], split[2] = inputs(split[0]), inputs(split[2])
        if y.dtype.kind == "f":
            targets = Standardizer(split[1])
            split[1], split[3] = targets(split[1]), targets(split[3])
    x_train, y_train, x_test, y_test = split
    return x_train, y_train, x_test, y_test


def _require_examples(path: PathLike, count: int) -> None:
    if count < LEAST:
        raise DataError(f"{path} has {count} examples: training and testing need {LEAST} or more")


def _answers(values: Array, path: str) -> Array:
    """Return labels of classes or a column of numbers."""
    if values.ndim > 1 and values.shape[1:] != (1,):
        what = f"the target of {path}"
        values = fitted(values, np.dtype(np.float32), what)
        return check_inputs(values.reshape(len(values), -1), what)
    if values.dtype.kind not in "USbiuf":
        raise DataError(f"the target of {path} holds {values.dtype}, expected numbers or text")
    values = values.reshape(len(values))
    known, numbers = np.unique(values, return_inverse=True)
    if len(known) < 2:
        raise DataError(
            f"the target of {path} is {known[0]!s:.50} everywhere: nothing can be learned"
        )
    if values.dtype.kind in "US" and 2 * len(known) > len(values):
        raise DataError(
            f"the target of {path} has {len(known)} classes for {len(values)} examples, as names "
            f"and dates do: what was seen once cannot be told again. Name another one with "
            f"--target, or write numbers if it is one to be met"
        )
    if values.dtype.kind in "USb":
        return numbers.astype(np.int64)
    check_inputs(values.astype(np.float64)[:, None], f"the target of {path}")
    if len(known) <= MOST_CLASSES and (known == np.round(known)).all():
        return numbers.astype(np.int64)
    return fitted(values, np.dtype(np.float32), f"the target of {path}")[:, None]


def _arrays(path: PathLike, target: str) -> tuple[Array, Array]:
    def check(described: Described) -> None:
        for name in ("x", target):
            require_name(f"array of {path}:", name, described)
        (kind, x), (_, y) = described["x"], described[target]
        if len(x) < 2 or not y or x[0] != y[0] or 0 in x:
            raise ShapeError(
                f"x of {path} has shape {x} and {target} {y}: expected (examples, features) and "
                f"as many answers"
            )
        _require_examples(path, x[0])
        if kind.kind not in "fiub":
            raise DtypeError(f"x of {path} must hold numbers, got {kind}")
        # What is read, then float32 of it, then what is for training and for tests.
        memory.require(f"x of {path}", math.prod(x) * (kind.itemsize + 8))

    arrays = load_npz(path, check)
    x, y = fitted(arrays["x"], np.dtype(np.float32), f"x of {path}"), arrays[target]
    return check_inputs(x.reshape(len(x), -1), f"x of {path}"), y


def _columns(path: PathLike, target: str | None, ignore: Sequence[str]) -> tuple[Array, Array]:
    """Return the inputs and the target column of a table, checked cell by cell."""
    rows, first = _rows(path)
    # Names are no numbers; a first line with some of these is an example with a class in words.
    named = all(_number(cell) is None for cell in rows[0])
    names = rows[0] if named else [f"{i + 1}" for i in range(len(rows[0]))]
    lines, cells = first[named:], rows[named:]
    for name in ignore:
        require_name(f"column of {path} to ignore:", name, names)
    if ignore:
        if (names[-1] if target is None else target) in ignore:
            raise DataError(f"{path}: the target column is not to be ignored")
        kept = [i for i, name in enumerate(names) if name not in ignore]
        names, cells = [names[i] for i in kept], [[row[i] for i in kept] for row in cells]
    if len(names) < 2:
        raise ShapeError(
            f"{path} has one column: expected inputs and a target, with a comma, semicolon or tab "
            f"between them"
        )
    if target is not None and target not in names:
        raise unknown_name(f"column of {path}:", target, names)
    if target is not None and names.count(target) > 1:
        raise DataError(f"{path} has {names.count(target)} columns {shown(target)}: rename them")
    _require_examples(path, len(cells))
    place = len(names) - 1 if target is None else names.index(target)
    values = np.empty((len(cells), len(names)))
    for row, cells_of_row in zip(values, cells, strict=True):
        row[:] = _numbers(cells_of_row)
    odd = ~np.isfinite(values).all(axis=0) | (values == values[0]).all(axis=0)
    odd[place] = True
    # Only these are looked at cell by cell: tables may have a million columns.
    wrong: dict[int, DataError] = {}
    for i in np.flatnonzero(odd).tolist():
        try:
            column = _column(path, names[i], lines, [row[i] for row in cells], i == place)
        except DataError as error:
            wrong[i] = error
            continue
        if i == place:
            answers = column
    if wrong:
        worst, *others = wrong
        if others:
            also = f"{wrong[worst]}. Nor can be used as they are: "
            wrong[worst] = DataError(also + listed([shown(names[i]) for i in others], "columns"))
        if place in wrong:
            raise wrong[worst]
        raise DataError(f"{wrong[worst]}. {_without([names[i] for i in wrong])}")
    ids = values[:, 0]
    if not names[0] and place and len(set(ids.tolist())) == len(ids) and (ids % 1 == 0).all():
        raise DataError(
            f"{path}: the first column has no name and numbers the rows, as pandas writes its "
            f"index: leave it out, as to_csv(path, index=False) does, or give it a name. "
            f"{_without([''])}"
        )
    inputs = np.delete(values, place, axis=1)
    return fitted(inputs, np.dtype(np.float32), str(path)), answers


def _without(names: list[str]) -> str:
    """Return how to go on without these columns, in Python and on the command line."""
    here, option = repr(names), shlex.join(names)
    if len(option) > _TYPED or not option.isprintable():
        here, option = "[...]", "with their names"
    return f"To go on without: ignore={here}, on the command line --ignore {option}"


def _rows(path: PathLike) -> tuple[list[list[str]], list[int]]:
    """Return the cells of a table, and the line that each row ends on."""
    with open_input(path) as file:
        memory.require(f"the table {path}", _LETTER * os.fstat(file.fileno()).st_size)
        content = file.read() or b""  # None of a file of the system that waits for more
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text: {error}; save it as UTF-8 (of a spreadsheet: CSV UTF-8)"
        ) from None
    start = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;\t", key=start.count)
    there = 1 + max(text.rstrip().count(end) for end in "\n\r")
    if start and there < LEAST:  # said before a line of millions of cells is taken apart
        raise DataError(
            f"{path} has {plural(there, 'line')}: training and testing need {LEAST} examples, and "
            f"names of columns are none"
        )
    cells = text.count(delimiter) + text.count("\n")
    memory.require(f"the table {path} of {cells:,} cells", _CELL * cells + _LETTER * len(text))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows, lines = [], []
    try:
        for row in reader:
            if row:
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
                if len(row) != len(rows[0]):
                    raise ShapeError(
                        f"{path}, line {lines[-1]}: {len(row)} values, and line {lines[0]} has "
                        f"{len(rows[0])}"
                    )
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}") from None
    if not rows:
        raise DataError(f"{path} is empty")
    if delimiter != "," and not any("." in cell for row in rows[1:] for cell in row):
        rows = [[_with_a_point(cell) for cell in row] for row in rows]
    return rows, lines


def _with_a_point(cell: str) -> str:
    """Return a number that was written with a decimal comma with a point; any other cell as is."""
    pointed = cell.replace(",", ".", 1)
    return cell if _number(pointed) is None else pointed


def _column(
    path: PathLike, name: str, lines: Sequence[int], cells: Sequence[str], is_target: bool
) -> Array:
    """Return a column as numbers, or the target as text where it is no number."""
    where = f"{path}, column {shown(name)}"
    missing = [line for line, cell in zip(lines, cells, strict=True) if cell.lower() in MISSING]
    if len(missing) == len(cells):
        choice = "name another one with --target" if is_target else "leave the column out"
        raise DataError(f"{where}: no value in any line; {choice}")
    if missing:
        raise DataError(
            f"{where}: no value in line {missing[0]}; fill it in or leave that row out "
            f"({len(missing)} missing in this column)"
        )
    numbers = [_number(cell) for cell in cells]
    if None in numbers:
        i, others = numbers.index(None), len(cells) - numbers.count(None)
        if is_target and others > len(cells) / 2:
            raise DataError(
                f"{where}: {shown(cells[i])} in line {lines[i]} is no number, and {others} others "
                f"are; mend it, or where it is the column's name give the other columns names too"
            )
        if is_target:
            return np.array(cells, dtype=np.str_)
        words = len(set(cells))
        if words == len(cells) and all(cell[0].isalpha() for cell in cells):
            raise DataError(
                f"{where}: {shown(cells[i])} in line {lines[i]} is no number, and each row has "
                f"another one, as names and ids are: leave the column out"
            )
        remedy = (
            f"make a column of 0 and 1 of each of its {words} words (pandas.get_dummies)"
            if not others and words <= _WORDS
            else "write plain numbers (0.5 for 50%, 1200 for $1,200, a count of days for a date)"
        )
        raise DataError(
            f"{where}: {shown(cells[i])} in line {lines[i]} is no number; {remedy} or leave the "
            f"column out, or name it with --target if it is what to learn"
        )
    values = np.array(numbers, dtype=np.float64)
    if not is_target and len(values) and (values == values[0]).all():
        raise DataError(f"{where} is {values[0]:g} everywhere: it tells nothing, leave it out")
    return values


def _numbers(row: Sequence[str]) -> list[float]:
    """Return what the cells of a row are; NaN or infinity of what is no finite number."""
    with contextlib.suppress(ValueError):
        if "_" not in "".join(row):
            return list(map(float, row))
    found = map(_number, row)
    return [math.nan if number is None else number for number in found]


def _number(cell: str) -> float | None:
    """Return the finite number that a cell is; 2020_01 is one to Python alone."""
    try:
        value = math.nan if "_" in cell else float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
