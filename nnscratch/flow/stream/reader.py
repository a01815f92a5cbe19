"""Reading ``.flow`` files: closed, still growing, cut off or damaged."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import DataError, require_count
from nnscratch.files import PathLike, from_json, open_input
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
    with open_input(path) as file:
        return _Frames(_read_header(file, path), file, keep_every, last, memory).read(file)


def _read_header(file: IO[bytes], path: PathLike) -> dict[str, Any]:
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
        there = _size(file) - len(start)
        text, end = file.read(min(length, there)), file.read(CRC.size)
        if len(end) == CRC.size and CRC.unpack(end)[0] == zlib.crc32(start + text):
            return _checked(text, path)
    raise DataError(f"the header of {path} is cut off or damaged: nothing can be read of it")


def _checked(text: bytes, path: PathLike) -> dict[str, Any]:
    """Return what the header says, or raise unless it says what it has to."""
    try:
        facts = from_json(text)
        for name in ("scalars", "samples", "codes"):
            require_count(name, facts[name], least=0, most=2**32)  # a frame is no longer
        if isinstance(facts["description"], dict):
            return facts
        raise DataError("its description is no JSON object")
    except (KeyError, ValueError) as error:
        raise DataError(f"the header of {path} is damaged: {error}") from error


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


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
    kept = -(-rows // keep_every)
    return kept if last is None else min(kept, last)


class _Frames:
    """What was read so far: rows go into rings as long as what is to be kept."""

    def __init__(
        self,
        facts: dict[str, Any],
        file: IO[bytes],
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
        self.bytes = _size(file)
        rows = self.bytes // (FRAME.size + self.lengths[ROW] + CRC.size)
        keep_every = min(keep_every, max(rows, 1))
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

    def read(self, file: IO[bytes]) -> Stream:
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

    def _read_frame(self, file: IO[bytes], at: int) -> tuple[str, int]:
        """Take the frame at byte `at`; return what is wrong with it and where the next begins."""
        start = file.read(FRAME.size)
        if len(start) < FRAME.size:
            return "the file is cut off", at
        kind, length = FRAME.unpack(start)
        known = length <= NOTE_BYTES if kind == NOTE else length == self.lengths.get(kind)
        if not known:
            return "the file is damaged", at
        missing = length + CRC.size > self.bytes - at - FRAME.size
        content = b"" if missing else file.read(length + CRC.size)
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
