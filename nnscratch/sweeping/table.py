"""The table of a sweep on disk: a row for each run, written as soon as it is over."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from nnscratch.errors import ConfigError, DataError, shown
from nnscratch.extras import optional
from nnscratch.files import naming, new_file, open_input, write_rows
from nnscratch.sweeping.run import MEASURED, WORDS, Row


class Table:
    """A file of rows. What is in it already is kept: see `done`.

    A CSV file grows by a line for each row. One of Parquet cannot grow, and takes the place of the
    one before, so that what is on disk is whole at any time.

    Parameters
    ----------
    path : path
        ``.parquet`` for Parquet, anything else for CSV.
    names : sequence of str
        The settings that a row begins with.

    Raises `ConfigError` for a file of another sweep, `DataError` for a damaged one, `FileError`
    where it cannot be written, `MissingPackageError` for Parquet without pyarrow.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path, self.names = path, tuple(names)
        self.columns = [*names, "seed", *MEASURED]
        self.rows: list[Row] = []
        self._parquet: Any = None
        if path.suffix == ".parquet":
            self._parquet = optional("pyarrow.parquet", str(path), "parquet", "pyarrow")
        with naming("cannot read", path):
            if path.exists() and path.stat().st_size:
                self._read()
                return
        self._write()

    def done(self) -> set[str]:
        """Return which runs have a row (see `key`)."""
        return {*map(self._key, self.rows)}

    def forget_failed(self, runs: Set[str]) -> None:
        """Take out the rows with an error of these runs."""
        kept = [row for row in self.rows if not (row["error"] and self._key(row) in runs)]
        if len(kept) < len(self.rows):
            self.rows = kept
            self._write()

    def _key(self, row: Row) -> str:
        return key({name: row[name] for name in self.names}, row["seed"])

    def append(self, row: Mapping[str, Any]) -> None:
        """Write a row."""
        texts = {name: as_text(row[name]) for name in self.columns}
        self.rows.append(_values(texts))
        if self._parquet is None:
            write_rows(self.path, "a", [[*texts.values()]])
        else:
            self._write()

    def _write(self) -> None:
        """Write the table anew."""
        if self._parquet is None:
            rows = [[as_text(value) for value in row.values()] for row in self.rows]
            write_rows(self.path, "w", [self.columns, *rows])
            return
        columns = {name: _column([row[name] for row in self.rows]) for name in self.columns}
        with new_file(self.path) as file:
            self._parquet.write_table(optional("pyarrow", "", "parquet").table(columns), file)

    def _read(self) -> None:
        read = self._read_csv if self._parquet is None else self._read_parquet
        columns, rows = read()
        if columns != self.columns:
            raise ConfigError(
                f"{self.path} is the table of another sweep: its columns are "
                f"{', '.join(columns)}; choose another path"
            )
        # A last row that a killed process left unfinished is not one, and must not stay.
        whole = [row for row in rows if None not in row and None not in row.values()]
        self.rows = [self._checked(row) for row in whole]
        if len(whole) < len(rows):
            self._write()

    def _checked(self, row: Row) -> Row:
        """Return the values of a row of texts; `DataError` for a word where a number belongs."""
        made = _values(row)
        for name in MEASURED:
            if name not in WORDS and made[name] != "" and not isinstance(made[name], int | float):
                raise DataError(f"{self.path} is damaged: {name} is {shown(made[name])}")
        return made

    def _read_csv(self) -> tuple[list[str], list[Row]]:
        with open_input(self.path) as file:
            reader = csv.DictReader(io.TextIOWrapper(file, "utf-8", newline=""))
            try:
                return list(reader.fieldnames or ()), [*reader]
            except (ValueError, csv.Error) as error:  # the former: it is not UTF-8
                raise DataError(f"{self.path} is no table of a sweep: {error}") from error

    def _read_parquet(self) -> tuple[list[str], list[Row]]:
        with open_input(self.path) as file:
            try:
                read = self._parquet.read_table(file)
            except Exception as error:  # its own kinds, which are many
                raise DataError(f"{self.path} is no whole table of Parquet: {error}") from error
        rows = [
            {name: "" if value is None else as_text(value) for name, value in row.items()}
            for row in read.to_pylist()
        ]
        return read.column_names, rows


def key(settings: Mapping[str, Any], seed: Any) -> str:
    """Return a name for a run, the same for the same settings whatever else is in the sweep."""
    said = json.dumps([*((name, as_text(value)) for name, value in settings.items()), str(seed)])
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def as_text(value: Any) -> str:
    """Return a value as it stands in the table."""
    return " ".join(value.split()) if isinstance(value, str) else repr(value)


def _values(texts: Mapping[str, str]) -> Row:
    return {name: text if name in WORDS else _value(text) for name, text in texts.items()}


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"True": True, "False": False, "None": None}.get(text, text)


def _column(values: Sequence[Any]) -> list[Any]:
    """Return what a column of Parquet takes: values of one kind, or texts; None for nothing."""
    kinds = {type(value) for value in values if value != ""}
    if kinds <= {str} or len(kinds) > 1 or kinds == {type(None)}:
        return [as_text(value) for value in values]
    return [None if isinstance(value, str) else value for value in values]
