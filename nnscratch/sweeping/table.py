"""The table of a sweep on disk: a row for each run, written as soon as it is over."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnscratch.errors import ConfigError
from nnscratch.files import naming, write_rows
from nnscratch.sweeping.run import MEASURED, Row


class Table:
    """A CSV file of rows. What is in it already is kept: see `done`.

    Parameters
    ----------
    path : path
    names : sequence of str
        The settings that a row begins with.

    Raises `ConfigError` for a file of another sweep, `FileError` where it cannot be written.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path, self.names = path, tuple(names)
        self.columns = [*names, "seed", *MEASURED]
        self.rows: list[Row] = []
        with naming("cannot read", path):
            if path.exists() and path.stat().st_size:
                self._read()
                return
        write_rows(self.path, "w", [self.columns])

    def _read(self) -> None:
        with self.path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames != self.columns:
                raise ConfigError(
                    f"{self.path} is the table of another sweep: its columns are "
                    f"{', '.join(reader.fieldnames or ())}; choose another path"
                )
            rows = [*reader]
        # A last row that a killed process left unfinished is not one, and must not stay.
        whole = [row for row in rows if None not in row and None not in row.values()]
        if len(whole) < len(rows):
            write_rows(self.path, "w", [self.columns, *(list(row.values()) for row in whole)])
        self.rows = [{name: _value(text) for name, text in row.items()} for row in whole]

    def done(self) -> set[str]:
        """Return which runs have a row (see `key`)."""
        return {key({name: row[name] for name in self.names}, row["seed"]) for row in self.rows}

    def append(self, row: Mapping[str, Any]) -> None:
        """Write a row."""
        texts = [as_text(row[name]) for name in self.columns]
        write_rows(self.path, "a", [texts])
        self.rows.append(dict(zip(self.columns, map(_value, texts), strict=True)))


def key(settings: Mapping[str, Any], seed: Any) -> str:
    """Return a name for a run, the same for the same settings whatever else is in the sweep."""
    said = json.dumps([*((name, as_text(value)) for name, value in settings.items()), str(seed)])
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def as_text(value: Any) -> str:
    """Return a value as it stands in the table."""
    return " ".join(value.split()) if isinstance(value, str) else repr(value)


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"True": True, "False": False, "None": None}.get(text, text)
