"""Writing ``.flow`` files without getting in the way of the training."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, FileError, ShapeError, require_count
from nnscratch.files import PathLike, as_path, naming, new_file
from nnscratch.flow.stream.format import (
    CENSUS,
    CRC,
    END,
    FRAME,
    NOTE,
    NOTE_BYTES,
    ROW,
    STEP,
    SUFFIX,
    frame,
    header,
    is_stream,
)
from nnscratch_records import files

BLOCK_BYTES = 1 << 20  # blocks beyond the caches are no faster to write


class Lost(NamedTuple):
    """The first step that did not reach the file, and why."""

    step: int
    reason: str


class StreamWriter:
    """Append rows to a ``.flow`` file, in blocks, at the cost of a copy and a checksum per row.

    ::

        with StreamWriter("run.flow", description, scalars=120, samples=1280) as writer:
            writer.row(step, scalars, samples)

    The file appears at `path` at once and replaces a ``.flow`` file that was there; a pipe gets the
    blocks as they come. A process that
    is killed loses what came after the last block. When a block cannot be written (full disk,
    removed file) nothing is raised into the training: a `RuntimeWarning` says so once, `lost` holds
    the first lost step and the reason, and the file ends with the last whole frame.

    Parameters
    ----------
    path : path of the file
    description : mapping
        What the numbers of a row mean; anything that JSON can say.
    scalars, samples, codes : int
        How many of each a row (a census) has.
    flush_every, flush_seconds : int, float
        A block is written after so many rows, and with the first row after so much time.

    Raises `FileError` if the file cannot be made, `ConfigError` for a bad setting.
    """

    def __init__(
        self,
        path: PathLike,
        description: Mapping[str, Any],
        *,
        scalars: int,
        samples: int = 0,
        codes: int = 0,
        flush_every: int = 50,
        flush_seconds: float = 1.0,
    ) -> None:
        self.path = as_path(path)
        self.rows = 0  # in the file, whole
        self.lost: Lost | None = None
        self._codes = require_count("StreamWriter codes", codes, least=0)
        self._seconds = flush_seconds
        require_count("StreamWriter scalars", scalars, least=0)
        require_count("StreamWriter samples", samples, least=0)
        head, at = FRAME.size, FRAME.size + STEP.size
        size = STEP.size + 8 * scalars + samples
        self._frame = bytearray(head + size + CRC.size)
        FRAME.pack_into(self._frame, 0, ROW, size)
        self._scalars: Array = np.frombuffer(self._frame, "<f8", scalars, at)
        self._samples: Array = np.frombuffer(self._frame, np.uint8, samples, at + 8 * scalars)
        self._summed = memoryview(self._frame)[: -CRC.size]
        rows = require_count("StreamWriter flush_every", flush_every)
        rows = min(rows, max(1, BLOCK_BYTES // len(self._frame)))
        least = head + STEP.size + codes + CRC.size
        self._block = bytearray(max(rows * len(self._frame), least, NOTE_BYTES + 64))
        self._rows_per_block = rows
        self._view = memoryview(self._block)
        self._pending: list[tuple[int, bytes, int]] = []  # end in the block, kind, step
        self._end = 0
        self._step = -1
        sizes = {"scalars": scalars, "samples": samples, "codes": codes}
        content = header({**sizes, "description": dict(description)})
        self._head = self._size = len(content)  # of what the file holds, all of it whole
        self._file: Any = _create(self.path, content)
        self._own = files.replaceable(self.path)  # not a pipe, say, that somebody else reads
        self._flushed = time.monotonic()

    def row(self, step: int, scalars: Array, samples: Array) -> None:
        """Append what was measured at `step`: float64 of shape (scalars,), uint8 (samples,)."""
        if scalars.shape != self._scalars.shape or samples.shape != self._samples.shape:
            raise ShapeError(
                f"StreamWriter.row of {self.path} got scalars {scalars.shape} and samples "
                f"{samples.shape}, expected {self._scalars.shape} and {self._samples.shape}"
            )
        if not self._writable():
            return
        STEP.pack_into(self._frame, FRAME.size, step)
        np.copyto(self._scalars, scalars)
        np.copyto(self._samples, samples)
        CRC.pack_into(self._frame, len(self._summed), zlib.crc32(self._summed))
        self._append(ROW, step, self._frame)
        full = len(self._pending) >= self._rows_per_block
        if full or time.monotonic() - self._flushed >= self._seconds:
            self.flush()

    def census(self, step: int, codes: Array) -> None:
        """Append the census of the units at `step`: uint8 of shape (codes,)."""
        if codes.shape != (self._codes,):
            raise ShapeError(
                f"StreamWriter.census of {self.path} got {codes.shape}, expected ({self._codes},)"
            )
        payload = STEP.pack(step) + codes.astype(np.uint8, casting="same_kind").tobytes()
        if self._writable():
            self._append(CENSUS, step, frame(CENSUS, payload))

    def note(self, text: str) -> None:
        """Append a remark that readers find in the record's note."""
        payload = text.encode()[:NOTE_BYTES].decode(errors="ignore").encode()
        if self._writable():
            self._append(NOTE, self._step, frame(NOTE, payload))

    def truncate(self, step: int) -> None:
        """Take what was appended of `step` and later out of the file again."""
        self.flush()
        if self._file is None:
            return
        try:
            self.rows, self._size = self._find(step)
            self._file.truncate(self._size)
        except OSError as error:
            file, self._file = self._file, None
            with contextlib.suppress(OSError):
                file.close()
            self._lose(Lost(step, error.strerror or str(error)))

    def _find(self, step: int) -> tuple[int, int]:
        """Return how many rows come before `step`, and where in the file it begins."""
        rows, at = 0, self._head
        while at < self._size:
            self._file.seek(at)
            kind, length = FRAME.unpack(self._file.read(FRAME.size))
            if kind in (ROW, CENSUS):
                if STEP.unpack(self._file.read(STEP.size))[0] >= step:
                    break
                rows += kind == ROW
            at += FRAME.size + length + CRC.size
        return rows, at

    def flush(self) -> None:
        """Hand everything appended so far to the operating system."""
        self._flushed = time.monotonic()
        if self._file is None or not self._end:
            return
        written = 0
        try:
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise OSError("the file was removed or replaced")
            if self._own:  # Ctrl-C may have come between a write and its counting
                self._file.seek(self._size)
            while written < self._end:
                written += files.put(self._file, self._view[written : self._end])
        except OSError as error:
            self._give_up(written, error.strerror or str(error))
            return
        except BaseException:
            if not self._own:  # nobody knows how much of the block the reader got
                self._give_up(0, "interrupted while writing into a pipe")
            raise
        self._count(self._end)

    def finish(self) -> None:
        """Write the rest and the mark that nothing is missing; rows may still follow."""
        if self._file is not None:
            self._append(END, self._step, frame(END, b""))
            self.flush()

    def close(self) -> None:
        """Finish and close the file; more calls do nothing."""
        self.finish()
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError as error:  # network file systems report a full disk only here
                self._lose(Lost(self._step, error.strerror or str(error)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_file", None) is not None:
            self.close()

    def _writable(self) -> bool:
        if self._file is None and self.lost is None:
            raise ConfigError(f"{self.path} is closed: nothing more can be recorded in it")
        return self._file is not None

    def _append(self, kind: bytes, step: int, content: bytes | bytearray) -> None:
        if self._end + len(content) > len(self._block):
            self.flush()
            if self._file is None:
                return
        end = self._end + len(content)
        self._view[self._end : end] = content
        self._pending.append((end, kind, step))
        self._end, self._step = end, step

    def _count(self, written: int) -> None:
        """Count the frames of the block that are whole in its first `written` bytes."""
        whole = [one for one in self._pending if one[0] <= written]
        self.rows += sum(kind == ROW for _, kind, _ in whole)
        self._size += whole[-1][0] if whole else 0
        self._pending = self._pending[len(whole) :]
        self._end = 0

    def _give_up(self, written: int, reason: str) -> None:
        """End the file with the last whole frame and say what is lost, in it too if it can be."""
        self._count(written)
        file, self._file = self._file, None
        _, kind, step = self._pending[0]
        measured = kind in (ROW, CENSUS)  # else what follows the last step
        lost = Lost(step if measured else step + 1, reason)
        said = f"recording ended at step {lost.step}: {lost.reason}"
        ending = frame(NOTE, said.encode()) + frame(END, b"")
        if self._own:
            with contextlib.suppress(OSError):
                file.truncate(self._size)
                file.seek(self._size)
                if file.write(ending) < len(ending):
                    file.truncate(self._size)
        with contextlib.suppress(OSError):
            file.close()
        self._lose(lost)

    def _lose(self, lost: Lost) -> None:
        self.lost = lost
        warnings.warn(
            f"recording into {self.path} ended at step {lost.step}: {lost.reason}. The training "
            f"goes on; the file keeps the {self.rows:,} recorded steps before",
            RuntimeWarning,
            stacklevel=2,
        )


def _create(path: Path, content: bytes) -> IO[bytes]:
    """Return a new file that holds `content`, open for writing, in the place of `path`.

    A pipe or a device is written to as it is.
    """
    with naming("cannot write", path), contextlib.ExitStack() as opened:  # closed after an error
        if not files.replaceable(path):
            file = opened.enter_context(files.open_output(path))
            files.put_whole(file, content)
            opened.pop_all()
            return file
        if path.exists() and not is_stream(path):
            raise FileError(f"{path} exists and is no {SUFFIX} record; choose another name")
        # A new file in its place: a run that still writes to `path` keeps its own file and notices,
        # and an old record is there until the new one is.
        with new_file(path) as made:
            made.write(content)
            made.flush()
            whole = os.fstat(made.fileno())
        # Opened again: Windows renames no open file.
        file = opened.enter_context(open(path, "r+b", buffering=0))
        if not os.path.samestat(whole, os.fstat(file.fileno())):
            raise OSError("the file was removed or replaced")
        file.seek(0, os.SEEK_END)
        opened.pop_all()
        return file
