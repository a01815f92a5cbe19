"""Reading ``.flow`` files: closed, still growing, cut off or damaged."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import DataError, FileError, require_count
from nnscratch.files import PathLike
from nnscratch.flow.stream.format import (
    CENSUS,
    CRC,
    END,
    FRAME,
    HEADER,
    MAGIC,
    NOTE,
    NOTE_BYTES,
    ROW,
    STEP,
    SUFFIX,
    VERSION,
)

BUFFER = 1 << 20


@dataclass(frozen=True)
class Stream:
    """What a ``.flow`` file holds, or what was selected of it.

    Attributes
    ----------
    description : dict
        What the writer said the numbers of a row are.
    steps, scalars, samples : arrays
        Of shape (S,) int64, (S, scalars) float64, (S, samples) uint8.
    census_steps, census : arrays
        Of shape (C,) int64, (C, codes) uint8.
    rows, kept_every : int
        How many rows the file holds, and that one in so many of them was kept.
    closed : bool
        The writer closed the file; what it could not write is in the note.
    note : str
        The writer's notes, and what is missing or was left out; "" if nothing.
    """

    description: dict[str, Any]
    steps: Array
    scalars: Array
    samples: Array
    census_steps: Array
    census: Array
    rows: int
    kept_every: int
    closed: bool
    note: str


def read_stream(
    path: PathLike, *, keep_every: int = 1, last: int | None = None, memory: int | None = None
) -> Stream:
    """Return what the ``.flow`` file at `path` holds, up to its last whole frame.

    keep_every : keep the first row and every so many-th after it
    last : of these, keep only the last so many
    memory : double `keep_every` until the rows kept fit into so many bytes

    Only what is kept takes memory. A file that was not closed, is cut off or damaged is read as far
    as it goes, and `Stream.note` says so. Raises `FileError` if it cannot be read, and `DataError`
    if it is no such file, of another version, or its header is damaged.
    """
    require_count("read_stream keep_every", keep_every)
    for what, value in (("last", last), ("memory", memory)):
        if value is not None:
            require_count(f"read_stream {what}", value)
    source = Path(path)
    try:
        with source.open("rb", buffering=BUFFER) as file:
            facts = _read_header(file, source)
            return _Frames(facts, file, keep_every, last, memory).read(file)
    except FileNotFoundError as error:
        raise FileError(f"no such file: {source}") from error
    except OSError as error:
        raise FileError(f"cannot read {source}: {error.strerror or error}") from error


def _read_header(file: BinaryIO, path: Path) -> dict[str, Any]:
    start = file.read(HEADER.size)
    if not start:
        raise DataError(f"{path} is empty: no record")
    if start[: len(MAGIC)] != MAGIC:
        raise DataError(f"{path} is no {SUFFIX} record of a run")
    if len(start) == HEADER.size:
        _, version, length = HEADER.unpack(start)
        if version != VERSION:
            raise DataError(
                f"{path} is a {SUFFIX} record of version {version}, this program reads version "
                f"{VERSION}; read it with the program that wrote it"
            )
        text, end = file.read(length), file.read(CRC.size)
        if len(end) == CRC.size and CRC.unpack(end)[0] == zlib.crc32(start + text):
            return dict(json.loads(text))
    raise DataError(f"the header of {path} is cut off or damaged: nothing can be read of it")


def left_out(rows: int, keep_every: int, last: int | None) -> list[str]:
    """Return what to note when of so many recorded steps some were selected."""
    notes = []
    kept = -(-rows // keep_every)
    if keep_every > 1:
        notes.append(f"of {rows:,} recorded steps one in {keep_every} was read")
    if last is not None and kept > last:
        notes.append(f"only the last {last:,} of {kept:,} were kept")
    return notes


def _room(rows: int, keep_every: int, last: int | None) -> int:
    kept = rows // keep_every + 1
    return kept if last is None else min(kept, last)


class _Frames:
    """What was read so far: rows go into rings as long as what is to be kept."""

    def __init__(
        self,
        facts: dict[str, Any],
        file: BinaryIO,
        keep_every: int,
        last: int | None,
        memory: int | None,
    ) -> None:
        self.description: dict[str, Any] = facts["description"]
        scalars, samples, codes = facts["scalars"], facts["samples"], facts["codes"]
        self.scalars, self.codes = scalars, codes
        self.lengths = {
            ROW: STEP.size + 8 * scalars + samples,
            CENSUS: STEP.size + codes,
            END: 0,
        }
        # What is written meanwhile is left for the next reader.
        self.bytes = os.fstat(file.fileno()).st_size
        rows = self.bytes // (FRAME.size + self.lengths[ROW] + CRC.size)
        room = _room(rows, keep_every, last)
        while memory is not None and room > 1 and room * self.lengths[ROW] > memory:
            keep_every *= 2
            room = _room(rows, keep_every, last)
        self.keep_every, self.last = keep_every, last
        self.ring = (
            np.empty(room, np.int64),
            np.empty((room, scalars), np.float64),
            np.empty((room, samples), np.uint8),
        )
        self.rows = self.kept = 0
        self.census: list[tuple[int, Array]] = []
        self.notes: list[str] = []
        self.step: int | None = None
        self.closed = False

    def read(self, file: BinaryIO) -> Stream:
        """Read frames until the end or the first that is not whole."""
        fault, at = "", file.tell()
        while at < self.bytes and not fault:
            fault, at = self._read_frame(file, at)
        known = "it holds no step" if self.step is None else f"it is read up to step {self.step}"
        if fault:
            self.notes.append(f"{fault} at byte {at:,}: {known}")
        elif not self.closed:
            self.notes.append(
                f"the file was not closed (the run was killed, or still goes on): {known}"
            )
        self.notes += left_out(self.rows, self.keep_every, self.last)
        order = np.arange(self.kept - len(self.ring[0]), self.kept)  # where the rings went round
        steps, scalars, samples = (
            ring[: self.kept] if self.kept <= len(ring) else ring[order % len(ring)]
            for ring in self.ring
        )
        return Stream(
            self.description,
            steps,
            scalars,
            samples,
            np.array([step for step, _ in self.census], np.int64),
            np.array([codes for _, codes in self.census], np.uint8).reshape(
                len(self.census), self.codes
            ),
            self.rows,
            self.keep_every,
            self.closed and not fault,
            "; ".join(self.notes),
        )

    def _read_frame(self, file: BinaryIO, at: int) -> tuple[str, int]:
        """Take the frame at byte `at`; return what is wrong with it and where the next begins."""
        start = file.read(FRAME.size)
        if len(start) < FRAME.size:
            return "the file is cut off", at
        kind, length = FRAME.unpack(start)
        known = length <= NOTE_BYTES if kind == NOTE else length == self.lengths.get(kind)
        if not known:
            return "the file is damaged", at
        content = file.read(length + CRC.size)
        if len(content) < length + CRC.size:
            return "the file is cut off", at
        payload = memoryview(content)[:length]
        if CRC.unpack_from(content, length)[0] != zlib.crc32(payload, zlib.crc32(start)):
            return "the file is damaged", at
        self._take(kind, payload)
        return "", at + len(start) + len(content)

    def _take(self, kind: bytes, payload: memoryview) -> None:
        self.closed = kind == END
        if kind == NOTE:
            self.notes.append(str(payload, "utf-8", "replace"))
        elif kind == CENSUS:
            codes = np.frombuffer(payload[STEP.size :], np.uint8)
            self.census.append((STEP.unpack_from(payload)[0], codes))
        elif kind == ROW:
            self.step = STEP.unpack_from(payload)[0]
            if self.rows % self.keep_every == 0:
                steps, scalars, samples = self.ring
                slot, middle = self.kept % len(steps), STEP.size + 8 * self.scalars
                steps[slot] = self.step
                scalars[slot] = np.frombuffer(payload[STEP.size : middle], "<f8")
                samples[slot] = np.frombuffer(payload[middle:], np.uint8)
                self.kept += 1
            self.rows += 1
