"""What every recorder does with the rows it fills: keep them, append them to a file, go back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, require_count, require_text, shown
from nnscratch.files import as_path
from nnscratch.flow.layout import Layout
from nnscratch.flow.logging import Log, numbers_of
from nnscratch.flow.readout import Readout, Recorded
from nnscratch.flow.selection import parse_size
from nnscratch.flow.store import Store
from nnscratch.flow.stream import Lost, StreamWriter
from nnscratch_records import Record

if TYPE_CHECKING:
    from nnscratch.files import PathLike


def _require_log(what: str, log: object) -> Any:
    if log is not None and not callable(log):
        raise ConfigError(f"{what} must be a function of numbers and step, got {shown(log)}")
    return log


_AGAIN: Mapping[str, Callable[[str, Any], Any]] = {
    "every": require_count,
    "probe_every": require_count,
    "label": require_text,
    "log": _require_log,
}


class Adjustable:
    """Of a recorder, what may be set again has the limits that it had."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ and name in _AGAIN:
            value = _AGAIN[name](f"{name} of this {type(self).__name__}", value)
        object.__setattr__(self, name, value)


class Recording(Adjustable, Readout):
    """Rows and censuses, step by step.

    Parameters
    ----------
    label : str
        Name of the run in plots and tables.
    memory : str or int
        The most that is kept in memory, such as ``"512 MB"``, or bytes. Beyond it every second step
        is given up, and the record says so.
    file : path or None
        Where every step is appended too (suffix ``.flow``).
    log : callable
        Called with the numbers of every step that is recorded, and the step (`numbers_of`).
    """

    def __init__(
        self, label: str, memory: str | int, file: PathLike | None, log: Log | None = None
    ) -> None:
        self.label = require_text(f"{type(self).__name__} label", label)
        self.log = _require_log("log", log)
        self.limit = parse_size(memory)
        self.file = None if file is None else as_path(file)
        self._latest = -1  # the latest step that was recorded
        self._layout: Layout
        self._store: Store | None = None
        self._writer: StreamWriter | None = None
        self._census: list[tuple[int, Array]] = []
        self._remarks: list[str] = []

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ and not name.startswith("_") and name not in _AGAIN:
            raise ConfigError(
                f"{name} of this {type(self).__name__} stays as it was made: the record is laid "
                f"out by it"
            )
        super().__setattr__(name, value)

    def __reduce__(self) -> tuple[type[Recorded], tuple[Record]]:
        """A copy or a pickle holds what was recorded, and records no more."""
        return Recorded, (self.to_dict(),)

    def _begin(self, facts: Mapping[str, Any], histograms: bool) -> None:
        """Lay out the rows of a recording that has none yet."""
        self._layout = Layout(facts, histograms)
        self._store = Store(self._layout, self.limit)
        if self._writer is not None:  # its header is of another layout
            self._writer.close()
            self._writer = None

    def _keep(self, step: int, row: Array) -> None:
        """Keep a row (see `Layout.views`); later ones, before the training went back, are not."""
        self._go_to(step)
        self._latest = step
        assert self._store is not None
        self._store.append(step, row)
        if self.file is not None:
            self._stream().row(step, *self._layout.views(row))
        if self.log is not None:
            numbers, samples = self._layout.views(row[None])
            self.log(numbers_of(self._layout.to_record([step], numbers, samples)), step)

    def _amend(self, known: Mapping[str, float]) -> None:
        """Put what was noted after the latest step into the row that is kept last."""
        if not known or self._store is None or not len(self._store):
            return
        step, row = self._store.last
        numbers, samples = self._layout.views(row)
        looks = self._layout.looks_of(numbers)
        for name, value in known.items():
            looks[name][...] = value
        if self.log is not None:
            self.log({name: float(value) for name, value in known.items()}, step)
        if self._writer is not None and step == self._latest:
            self._writer.truncate(step)
            for at, states in self._census:
                if at >= step:
                    self._writer.census(at, states)
            self._writer.row(step, numbers, samples)

    def _keep_census(self, step: int, states: Array) -> None:
        writer = None if self.file is None else self._stream()
        self._census.append((step, states))
        if writer is not None:
            writer.census(step, states)

    def _go_to(self, step: int) -> None:
        """Give up what was recorded of `step` and later: the training is there once more."""
        counted = self._census[-1][0] if self._census else -1  # that of `step` comes before its row
        if self._store is None or (self._latest < step and counted <= step):
            return
        last = max(self._latest, counted)
        self._store.truncate(step)
        self._census = [one for one in self._census if one[0] < step]
        self._latest = step - 1
        if self._writer is not None:
            self._writer.truncate(step)
        self.remark(
            f"the training went back to step {step}: what was recorded from there on, up to step "
            f"{last}, is left out"
        )
        self._gone_back(step)

    def remark(self, text: str) -> None:
        """Add a sentence to the record's note, in the file too if there is one."""
        require_text("remark", text)
        self._remarks.append(text)
        if self._writer is not None:
            self._writer.note(text)

    def _gone_back(self, step: int) -> None:
        """What a subclass gives up besides."""

    def _stream(self) -> StreamWriter:
        """Return the file's writer, made when there is something to write."""
        if self._writer is None:
            layout = self._layout
            assert self.file is not None
            self._writer = StreamWriter(
                self.file,
                layout.describe(),
                scalars=layout.numbers,
                samples=layout.samples,
                codes=layout.codes,
            )
            for step, states in self._census:
                self._writer.census(step, states)
        return self._writer

    def close(self) -> None:
        """Close the file, if there is one. Nothing can be recorded into it afterwards."""
        if self._writer is not None:
            self._writer.close()

    @property
    def lost(self) -> Lost | None:
        """The first step that did not reach the file, and why; None if all did."""
        return None if self._writer is None else self._writer.lost

    def __len__(self) -> int:
        return 0 if self._store is None else len(self._store)

    def to_dict(self) -> Record:
        """Return what was recorded: a record, see `nnscratch_records.FIELDS`."""
        if self._store is None or not len(self):
            raise ConfigError(self._nothing())
        steps, numbers, samples = self._store.rows()
        taken, states = [step for step, _ in self._census], [codes for _, codes in self._census]
        return self._layout.to_record(
            steps,
            numbers,
            samples,
            taken,
            np.array(states) if states else None,
            self._store.kept_every,
            self._note(),
        )

    def _nothing(self) -> str:
        """Return what to do where nothing was recorded."""
        return f"{type(self).__name__} {self.label!r} has recorded nothing yet"

    def _note(self) -> str:
        notes, kept = [], 1 if self._store is None else self._store.kept_every
        if kept > 1:
            notes.append(
                f"memory was limited to {self.limit:,} bytes: of the recorded steps one in {kept} "
                f"is kept"
            )
        notes += self._remarks
        if self.lost is not None:
            notes.append(
                f"from step {self.lost.step} on nothing is in {self.file}: {self.lost.reason}"
            )
        return "; ".join(notes)
