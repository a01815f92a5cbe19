"""The IDX file format of MNIST: a strict reader, and a writer.

A file is two zero bytes, one byte for the type of element, one for the number of dimensions, then
each dimension as a big-endian uint32, then the elements, big-endian, last dimension fastest
(Y. LeCun, C. Cortes and C. Burges, The MNIST database). Gzipped files are recognised by content.

Nothing is allocated because a header says so: a file is read as far as it goes, and then refused
if its header promised another length.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import sys
import zlib
from typing import Any, NamedTuple

import numpy as np

from nnscratch.arrays import Array, as_array
from nnscratch.errors import DataError, DtypeError, ShapeError
from nnscratch.files import as_path, read_input, write_atomically
from nnscratch_records import memory

DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
MAX_DIMENSIONS = 32  # what every supported NumPy can hold
LONGEST_HEADER = 4 + 4 * MAX_DIMENSIONS
_GZIP_MAGIC = b"\x1f\x8b"


class Header(NamedTuple):
    """What the first bytes of an IDX file say: type of element, shape, offset of the elements."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int

    @property
    def total(self) -> int:
        """Length of the whole uncompressed file in bytes (a Python int: it cannot overflow)."""
        return self.offset + math.prod(self.shape) * self.dtype.itemsize


def read_idx(source: str | os.PathLike[str] | bytes) -> Array:
    """Return the array in an IDX file, gzipped or not, given its path or its bytes.

    The array is new, in native byte order, with the file's shape and type of element (unsigned or
    signed 8-bit, signed 16- or 32-bit, 32- or 64-bit float). Raises `FileError` if the file cannot
    be read, and `DataError` if it is not exactly one whole IDX file.
    """
    if isinstance(source, bytes):
        raw, name = source, "the IDX data"
    else:
        raw, name = read_input(as_path(source)), str(source)
    header = read_header(gunzip(raw, name, LONGEST_HEADER), name)
    memory.require(name, min(header.total, memory.DEFLATED * len(raw)))
    view = parse_idx(gunzip(raw, name, header.total + 1), name)
    return view.astype(view.dtype.newbyteorder("="))


def write_idx(path: str | os.PathLike[str], array: Array) -> None:
    """Write `array` as an IDX file, gzipped if the name ends in ``.gz``, whole or not at all.

    Raises `DtypeError` or `ShapeError` if IDX cannot hold it, `FileError` if the file cannot be
    written.
    """
    array = as_array(array, "array")
    stored = array.dtype.newbyteorder(">")
    code = next((code for code, dtype in DTYPES.items() if dtype == stored), None)
    if code is None:
        known = ", ".join(dtype.newbyteorder("=").name for dtype in DTYPES.values())
        raise DtypeError(f"IDX holds {known}; got {array.dtype}")
    if not 1 <= array.ndim <= MAX_DIMENSIONS or max(array.shape) >= 2**32:
        raise ShapeError(
            f"IDX holds 1 .. {MAX_DIMENSIONS} dimensions below 2**32, got shape {array.shape}"
        )
    content = struct.pack(f">2xBB{array.ndim}I", code, array.ndim, *array.shape)
    content += array.astype(stored).tobytes()
    if as_path(path).suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    write_atomically(path, content)


def read_header(content: bytes, name: str) -> Header:
    """Return the header at the start of `content`, or raise `DataError` naming the file `name`."""
    if not content:
        raise DataError(f"{name} is empty (0 bytes), expected an IDX file")
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(
            f"{name} is no IDX file: it begins with the bytes {content[:4].hex(' ')}, "
            "expected 00 00, a type of element and a number of dimensions"
        )
    code, dimensions = content[2], content[3]
    if code not in DTYPES:
        known = ", ".join(f"0x{known:02x}" for known in DTYPES)
        raise DataError(f"{name} has the IDX type of element 0x{code:02x}, expected one of {known}")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise DataError(
            f"{name} says it has {dimensions} dimensions, expected 1 .. {MAX_DIMENSIONS}"
        )
    offset = 4 + 4 * dimensions
    if len(content) < offset:
        raise DataError(
            f"{name} is truncated inside its header: {len(content)} bytes, "
            f"expected {offset} for {dimensions} dimensions"
        )
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    # NumPy multiplies the non-zero dimensions even where another one is zero.
    if offset + math.prod(n for n in shape if n) * DTYPES[code].itemsize >= sys.maxsize:
        raise DataError(f"{name} says its shape is {shape}, more than any computer can hold")
    return Header(DTYPES[code], shape, offset)


def parse_idx(content: bytes, name: str) -> Array:
    """Return the array in uncompressed `content`: a read-only big-endian view of those bytes.

    Raises `DataError`, naming the file `name`, if `content` is not exactly one IDX file.
    """
    header = read_header(content, name)
    if len(content) != header.total:
        wrong = "is truncated" if len(content) < header.total else "goes on after its end"
        found = f"{len(content):,}" if len(content) < header.total else "more"
        raise DataError(
            f"{name} {wrong}: its header says shape {header.shape} of {header.dtype.name}, "
            f"{header.total:,} bytes in all, found {found}"
        )
    return np.ndarray(header.shape, header.dtype, content, header.offset)


def gunzip(raw: bytes, name: str, limit: int) -> bytes:
    """Return at most `limit` bytes of the content of `raw`, decompressed if it is gzipped.

    Raises `DataError`, naming the file `name`, if the gzip data are truncated or damaged.
    """
    if not raw.startswith(_GZIP_MAGIC):
        return raw[:limit]
    parts: list[bytes] = []
    missing = limit
    while raw and missing:  # a gzip file is one or more members, one after the other
        member = zlib.decompressobj(wbits=31)
        try:
            parts.append(member.decompress(raw, missing))
        except zlib.error as error:
            raise DataError(f"{name} is damaged: its gzip data are wrong ({error})") from None
        missing -= len(parts[-1])
        if missing and not member.eof:
            got = limit - missing
            raise DataError(f"{name} is a truncated gzip file: it ends after {got:,} bytes of data")
        raw = member.unused_data.lstrip(b"\0")  # zeros may pad the end
    return b"".join(parts)
