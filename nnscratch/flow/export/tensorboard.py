"""Event files that TensorBoard opens, of a record or live, without TensorBoard or protobuf.

An event file is a sequence of records: length (u64), CRC of the length, data, CRC of the data, each
CRC a CRC-32C, rotated and offset ("masked"). The data are protocol-buffer messages ``Event``. All
events of a recording hold the same tags and thus the same bytes but for step and values, so they
are made, and their CRCs computed, many at a time.
"""

from __future__ import annotations

import itertools
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import require_count
from nnscratch.files import PathLike, make_folder, naming, new_file, write_atomically
from nnscratch.flow.logging import logarithms
from nnscratch_records import STATES, Record, check_record, series

FILE_NAME = "events.out.tfevents.nnscratch"
BLOCK_BYTES = 1 << 24

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # how protocol buffers write a field

# A value of an event: the bytes before its content, and those of its content at each step (S, n).
Value = tuple[bytes, Array]


def to_tensorboard(
    record: Mapping[str, Any], folder: PathLike, *, histogram_steps: int = 100
) -> Path:
    """Write `record` as a TensorBoard event file into `folder`, and return the file's path.

    One folder is one run in TensorBoard: give each run its own, and open them together with
    ``tensorboard --logdir`` of the folder around them. Writing into the same folder again replaces
    the file.

    Tags are ``quantity/layer`` or ``quantity/parameter`` with the names of
    `nnscratch_records.FIELDS` (``gradient_norm/0.dense``, ``update_ratio/2.weight``), ``step/loss``
    for what belongs to the step alone, and ``units_dead/1.elu`` for the fractions of a census;
    ``log10_gradient_norm/0.dense`` and the like show a gradient of 1e-10.
    TensorBoard's numbers are float32: below 1e-45 they are 0, above 3e38 infinite. A column without
    any value (a quantity that was not measured) is left out. Histograms of gradients count
    magnitudes and have log2 of the magnitude on their axis, zeros and what is smaller than 2^-100
    left of -100. All events bear the time of the export: look at them by step.

    histogram_steps : histograms of so many steps at most, evenly spread

    Raises `RecordError` for what is no record, and `FileError` if the folder cannot be made or
    written.
    """
    require_count("to_tensorboard histogram_steps", histogram_steps)
    record = check_record(record)
    path = make_folder(folder) / FILE_NAME
    now = _now()
    with new_file(path) as file:
        file.write(_beginning(now))
        for steps, values in (
            (record["steps"], _scalars(record)),
            (record["census_steps"], _census(record)),
            _histograms(record, histogram_steps),
        ):
            for block in _events(now, steps, values):
                file.write(block)
    return path


class TensorBoardLog:
    """A logger of which TensorBoard shows the numbers while the training goes on.

    ``nn.GradientFlow(model, log=nn.TensorBoardLog("logs/run"))`` and ``tensorboard --logdir logs``.
    It needs neither TensorBoard nor protobuf. The folder is one run, whose file is replaced. Raises
    `FileError` if it cannot be made or written.
    """

    def __init__(self, folder: PathLike) -> None:
        self.path = make_folder(folder) / FILE_NAME
        write_atomically(self.path, _beginning(_now()))

    def __call__(self, numbers: Mapping[str, float], step: int) -> None:
        """Write the numbers of a step, as an event."""
        values = [_scalar(tag, np.array([number])) for tag, number in numbers.items()]
        event = b"".join(_events(_now(), np.array([step]), values))
        with naming("cannot write", self.path), self.path.open("ab") as file:
            file.write(event)


def _now() -> bytes:
    return struct.pack("<Bd", _key(1, FIXED64), time.time())


def _beginning(now: bytes) -> bytes:
    """Return the first event of a file, which says its version."""
    return _framed(np.frombuffer(now + _bytes(3, b"brain.Event:2"), np.uint8)[None])


def _scalars(record: Record) -> list[Value]:
    made = []
    for name, columns, values in series.scalars(record):
        if columns is None:
            tagged = [(f"step/{name}", values)]
        else:
            tagged = [(f"{name}/{column}", values[:, i]) for i, column in enumerate(columns)]
        for tag, column in tagged:
            if not np.isnan(column).all():
                made.append(_scalar(tag, column))
    logs = logarithms(record).items()
    return made + [_scalar(tag, values) for tag, values in logs if not np.isnan(values).all()]


def _census(record: Record) -> list[Value]:
    return [
        _scalar(f"units_{state}/{layer}", count / counts.sum(axis=1))
        for layer, counts in series.census(record)
        for state, count in zip(STATES, counts.T, strict=True)
    ]


def _histograms(record: Record, most: int) -> tuple[Array, list[Value]]:
    count = len(record["steps"])
    chosen = np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(np.int64))
    made = []
    for name, columns, edges, counts in series.histograms(record):
        if edges[0] == 0:
            name, edges = f"{name}_log2", np.log2(np.maximum(edges, edges[1] / 4))
        for i, column in enumerate(columns):
            bins = counts[chosen, i].astype(np.float64)
            # only the bins that any step fills: TensorBoard scales its axis to all there are
            filled = np.flatnonzero(bins.any(axis=0))
            used = slice(filled[0], filled[-1] + 1) if filled.size else slice(0, 1)
            buckets = np.empty((*bins[:, used].shape, 3))
            buckets[..., 0], buckets[..., 1] = edges[:-1][used], edges[1:][used]
            buckets[..., 2] = bins[:, used]
            made.append(_histogram(f"{name}/{column}", buckets))
    return record["steps"][chosen], made


def _scalar(tag: str, values: Array) -> Value:
    """Return a Summary.Value with a number at each step: (S,)."""
    with np.errstate(over="ignore", under="ignore"):
        content = values.astype("<f4")[:, None].view(np.uint8)
    start = _bytes(1, tag.encode()) + _varint(_key(2, FIXED32))
    return _start(1, len(start) + 4) + start, content


def _histogram(tag: str, buckets: Array) -> Value:
    """Return a Summary.Value with buckets at each step: left, right and count, (S, n, 3)."""
    content = np.ascontiguousarray(buckets, "<f8").reshape(len(buckets), -1).view(np.uint8)
    size = content.shape[1]
    shape = b"".join(_bytes(2, _number(1, length)) for length in buckets.shape[1:])
    # type double, shape, and the content, whose bytes follow
    tensor = _number(1, 2) + _bytes(2, shape) + _start(4, size)
    dashboard = _bytes(1, _bytes(1, b"histograms")) + _number(4, 2)  # a class of data: tensors
    start = _bytes(1, tag.encode()) + _bytes(9, dashboard) + _start(8, len(tensor) + size) + tensor
    return _start(1, len(start) + size) + start, content


def _events(now: bytes, steps: Array, values: list[Value]) -> Iterator[bytes]:
    """Yield the events of all `steps`, framed, a block at a time."""
    if not values:
        return
    size = sum(len(start) + content.shape[1] for start, content in values)
    head = now + _start(5, size)
    numbers = [_number(2, step) for step in steps.tolist()]
    rows = max(1, BLOCK_BYTES // size)
    for first in range(0, len(steps), rows):
        block = range(first, min(first + rows, len(steps)))
        for _, group in itertools.groupby(block, key=lambda i: len(numbers[i])):
            chosen = list(group)
            columns = [_repeated(head, len(chosen))]
            for start, content in values:
                columns += [_repeated(start, len(chosen)), content[chosen]]
            ends = b"".join(numbers[i] for i in chosen)
            columns.append(np.frombuffer(ends, np.uint8).reshape(len(chosen), -1))
            yield _framed(np.concatenate(columns, axis=1))


def _repeated(content: bytes, count: int) -> Array:
    return np.broadcast_to(np.frombuffer(content, np.uint8), (count, len(content)))


# Protocol buffers: a field is its key, then a number or the length of its bytes and these


def _key(field: int, kind: int) -> int:
    return field << 3 | kind


def _varint(number: int) -> bytes:
    number %= 1 << 64  # negative numbers as two's complement
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    made.append(number)
    return bytes(made)


def _number(field: int, number: int) -> bytes:
    return _varint(_key(field, VARINT)) + _varint(number)


def _start(field: int, length: int) -> bytes:
    return _varint(_key(field, BYTES)) + _varint(length)


def _bytes(field: int, content: bytes) -> bytes:
    return _start(field, len(content)) + content


# Records of an event file


def _crc_table() -> Array:
    table: Array = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = table >> 1 ^ (table & 1) * np.uint32(0x82F63B78)
    return table


_TABLE = _crc_table()
_TABLE_OF_ONE: list[int] = _TABLE.tolist()


def crc32c(rows: Array) -> Array:
    """Return the CRC-32C (Castagnoli 1993) of each row of bytes: (S, n) uint8 -> (S,) uint32."""
    if len(rows) == 1:  # by itself it is faster without arrays
        alone = 0xFFFFFFFF
        for byte in rows.tobytes():
            alone = _TABLE_OF_ONE[(alone ^ byte) & 0xFF] ^ alone >> 8
        return ~np.array([alone], np.uint32)
    crc = np.full(len(rows), 0xFFFFFFFF, np.uint32)
    for column in np.ascontiguousarray(rows.T):
        crc = _TABLE[(crc ^ column) & 0xFF] ^ crc >> 8
    return ~crc


def _masked(rows: Array) -> Array:
    crc = crc32c(rows)
    masked = (crc >> 15 | crc << 17) + np.uint32(0xA282EAD8)
    return masked.astype("<u4")[:, None].view(np.uint8)


def _framed(rows: Array) -> bytes:
    """Return messages of one length, (S, n) bytes, as records of an event file."""
    length = np.frombuffer(struct.pack("<Q", rows.shape[1]), np.uint8)[None]
    start = np.concatenate([length, _masked(length)], axis=1)
    starts = np.broadcast_to(start, (len(rows), start.shape[1]))
    return np.concatenate([starts, rows, _masked(rows)], axis=1).tobytes()
