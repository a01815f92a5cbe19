"""Data of one's own, from a file: a table with a target column, or arrays x and y."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence

import numpy as np

from nnscratch.arrays import Array, fitted
from nnscratch.datasets.checks import Split, check_inputs
from nnscratch.datasets.standard import Standardizer
from nnscratch.errors import (
    DataError,
    ShapeError,
    require_flag,
    require_name,
    require_seed,
    require_text,
    unknown_name,
)
from nnscratch.files import PathLike, as_path, load_npz, open_input
from nnscratch_records import memory

SUFFIXES = (".csv", ".tsv", ".txt", ".npz")  # in capitals too
MOST_CLASSES = 20  # as many different whole numbers are classes, more are numbers
LEAST = 10  # examples
TESTED = 5  # one example in so many is for testing
_WORDS = 20  # as many different ones are worth a column each
_MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}


def table(
    path: PathLike, target: str | None = None, standardise: bool = False, seed: int = 0
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

    Raises `FileError`, and `DataError` or `ShapeError` naming line and column for rows of different
    lengths, and for text, missing values or a column of one value.
    """
    standardise = require_flag("standardise", standardise)
    require_seed("seed", seed)
    if target is not None:
        require_text("target", target)
    if as_path(path).suffix.lower() == ".npz":
        x, answers = _arrays(path, target or "y")
    else:
        x, answers = _columns(path, target)
    if len(x) < LEAST:
        raise DataError(f"{path} has {len(x)} examples: training and testing need {LEAST} or more")
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


def _answers(values: Array, path: str) -> Array:
    """Return labels of classes or a column of numbers."""
    if values.ndim > 1 and values.shape[1:] != (1,):
        what = f"the target of {path}"
        return check_inputs(fitted(values, np.dtype(np.float32), what), what)
    if values.dtype.kind not in "USbiuf":
        raise DataError(f"the target of {path} holds {values.dtype}, expected numbers or text")
    values = values.reshape(len(values))
    known, numbers = np.unique(values, return_inverse=True)
    if len(known) < 2:
        raise DataError(
            f"the target of {path} is {known[0]!s:.50} everywhere: nothing can be learned"
        )
    if values.dtype.kind in "USb":
        return numbers.astype(np.int64)
    check_inputs(values.astype(np.float64)[:, None], f"the target of {path}")
    if len(known) <= MOST_CLASSES and (known == np.round(known)).all():
        return numbers.astype(np.int64)
    return fitted(values, np.dtype(np.float32), f"the target of {path}")[:, None]


def _arrays(path: PathLike, target: str) -> tuple[Array, Array]:
    arrays = load_npz(path)
    for name in ("x", target):
        require_name(f"array of {path}:", name, arrays)
    x, y = arrays["x"], arrays[target]
    if x.ndim < 2 or not y.ndim or len(x) != len(y) or 0 in x.shape:
        raise ShapeError(
            f"x of {path} has shape {x.shape} and {target} {y.shape}: expected (examples, "
            f"features) and as many answers"
        )
    x = fitted(x, np.dtype(np.float32), f"x of {path}")
    return check_inputs(x.reshape(len(x), -1), f"x of {path}"), y


def _columns(path: PathLike, target: str | None) -> tuple[Array, Array]:
    """Return the inputs and the target column of a table, checked cell by cell."""
    rows, first = _rows(path)
    numeric = [_number(cell) is not None for cell in rows[0]]
    # Names are no numbers; a first line with some of these is an example with a class in words.
    named = not any(numeric)
    names = rows[0] if named else [f"{i + 1}" for i in range(len(rows[0]))]
    lines, cells = first[named:], rows[named:]
    for line, row in zip(lines, cells, strict=True):
        if len(row) != len(names):
            raise ShapeError(
                f"{path}, line {line}: {len(row)} values, and line {first[0]} has {len(names)}"
            )
    if len(names) < 2:
        raise ShapeError(f"{path} has one column: expected inputs and a target")
    if target is not None and target not in names:
        raise unknown_name(f"column of {path}:", target, names)
    if target is not None and names.count(target) > 1:
        raise DataError(f"{path} has {names.count(target)} columns {target!r}: rename them")
    place = len(names) - 1 if target is None else names.index(target)
    made = [_column(path, name, lines, [row[i] for row in cells], i == place)
            for i, name in enumerate(names)]  # fmt: skip
    answers = made.pop(place)
    return fitted(np.stack(made, axis=1), np.dtype(np.float32), str(path)), answers


def _rows(path: PathLike) -> tuple[list[list[str]], list[int]]:
    """Return the cells of a table, and the line that each row ends on."""
    with open_input(path) as file:
        memory.require(f"the table {path}", 2 * os.fstat(file.fileno()).st_size)  # and its text
        content = file.read() or b""  # None of a file of the system that waits for more
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text: {error}; save it as UTF-8 (of a spreadsheet: CSV UTF-8)"
        ) from None
    start = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;\t", key=start.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows, lines = [], []
    try:
        for row in reader:
            if row:
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
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
    where = f"{path}, column {name!r}"
    for line, cell in zip(lines, cells, strict=True):
        if cell.lower() in _MISSING:
            raise DataError(
                f"{where}: no value in line {line}; fill it in or leave that row out "
                f"({sum(one.lower() in _MISSING for one in cells)} missing in all)"
            )
    numbers = [_number(cell) for cell in cells]
    if None in numbers:
        i, others = numbers.index(None), len(cells) - numbers.count(None)
        if is_target and others > len(cells) / 2:
            raise DataError(
                f"{where}: {cells[i]!r} in line {lines[i]} is no number, and {others} others are; "
                f"mend it, or where it is the column's name give the other columns names too"
            )
        if is_target:
            return np.array(cells, dtype=np.str_)
        words = len(set(cells))
        remedy = (
            f"make a column of 0 and 1 of each of its {words} words (pandas.get_dummies)"
            if not others and words <= _WORDS
            else "write plain numbers (0.5 for 50%, 1200 for $1,200, a count of days for a date)"
        )
        raise DataError(
            f"{where}: {cells[i]!r} in line {lines[i]} is no number; {remedy} or leave the column "
            f"out, or name it with --target if it is what to learn"
        )
    values = np.array(numbers, dtype=np.float64)
    if not is_target and len(values) and (values == values[0]).all():
        raise DataError(f"{where} is {values[0]:g} everywhere: it tells nothing, leave it out")
    return values


def _number(cell: str) -> float | None:
    """Return the finite number that a cell is."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
