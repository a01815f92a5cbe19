"""Named arrays in one file, as `numpy.savez` writes them; never pickle.

Reading takes no memory because a file says so: what a member declares is compared with what is
there first.
"""

from __future__ import annotations

import math
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nnscratch_records import memory

Array = npt.NDArray[Any]
Described: TypeAlias = Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]
"""Type and shape of every array of a file, by its name."""

_CHUNK = 1 << 20
# Times as long as its compressed bytes a member is at most; NumPy compresses in no other way.
_LONGEST = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: memory.DEFLATED}
_MAGIC = b"\x93NUMPY"
_DESCRIPTION = 10_000  # bytes; NumPy reads no longer one either, and a usual one has 118
_HEADER = re.compile(
    rb"\{\s*'descr'\s*:\s*'([<>|=]?(?:[biuf][1248]|c8|c16|[US]\d{1,9}))'\s*,"
    rb"\s*'fortran_order'\s*:\s*(True|False)\s*,"
    rb"\s*'shape'\s*:\s*\(((?:\s*\d{1,18}\s*,)*(?:\s*\d{1,18})?)\s*\)\s*,?\s*\}\s*"
)


def write_npz(file: IO[bytes], arrays: Mapping[str, Array | str]) -> None:
    """Write `arrays`, uncompressed. Raises `ValueError` for an array of Python objects."""
    # Not np.savez: some versions of NumPy would pickle, and no array could be called "file".
    with zipfile.ZipFile(file, "w") as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(values), allow_pickle=False)


def read_npz(file: IO[bytes], check: Callable[[Described], None] | None = None) -> dict[str, Array]:
    """Return the arrays in `file`, by name, in native byte order.

    check : is given what all arrays say of themselves, before what they hold is read

    Raises `ValueError` if it is no such file, is damaged, or holds anything but arrays of numbers
    and texts, and `TooLargeError` if they do not fit into the memory there is.
    """
    arrays: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(file) as archive:
            described: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
            size = 0
            if len({info.header_offset for info in archive.infolist()}) < len(archive.infolist()):
                raise ValueError("two of its members begin at one place")
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                if name in described:
                    raise ValueError(f"two members are called {name!r}")
                with archive.open(info) as content:
                    member = _Member(content, info)
                described[name] = member.dtype, member.shape
                size += member.size
            memory.require("what it holds", size)
            if check is not None:
                check(described)
            for info in archive.infolist():
                with archive.open(info) as content:
                    arrays[info.filename.removesuffix(".npy")] = _Member(content, info).read()
    # What zipfile raises for damaged content; NotImplementedError, a RuntimeError, is an unknown
    # version or encryption.
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, RuntimeError) as error:
        raise ValueError(str(error) or "it ends too early") from error
    return arrays


class _Member:
    """One array of the archive, in the `.npy` format."""

    def __init__(self, file: IO[bytes], info: zipfile.ZipInfo) -> None:
        self.file, self.name = file, info.filename
        self.left = info.file_size
        longest = _LONGEST.get(info.compress_type)
        if longest is None:
            raise self._wrong("is not compressed as NumPy does it")
        if self.left > longest * info.compress_size:
            raise self._wrong(f"is said to hold {self.left:,} bytes, and cannot")
        self.dtype, self.shape, self.turned = self._header()
        self.size = math.prod(self.shape) * self.dtype.itemsize
        if self.size != self.left or not self.dtype.itemsize:
            raise self._wrong(
                f"says {self.shape} of {self.dtype}, {self.size:,} bytes, and holds {self.left:,}"
            )

    def read(self) -> Array:
        dtype, shape = self.dtype, self.shape
        content = bytearray(self.size)
        for at in range(0, self.size, _CHUNK):
            content[at : at + _CHUNK] = self._take(min(_CHUNK, self.size - at))
        self.file.read(1)  # at its end the checksum is compared
        array: Array = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="), copy=False)
        if dtype.kind == "U" and array.size and array.view(np.uint32).max() > sys.maxunicode:
            raise self._wrong("holds what is no text")
        return array.reshape(shape[::-1]).T if self.turned else array.reshape(shape)

    def _header(self) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
        start = self._take(min(8, self.left))
        if start[:6] != _MAGIC or start[6:] not in (b"\1\0", b"\2\0"):
            raise self._wrong("is no array of numbers or text")
        length = int.from_bytes(self._take(2 * start[6]), "little")
        if length > min(_DESCRIPTION, self.left):
            raise self._wrong(f"has a description of {length:,} bytes")
        found = _HEADER.fullmatch(self._take(length))
        if found is None:
            raise self._wrong("is no array of numbers or text (Python objects are not read)")
        described = found[1].decode()
        try:
            dtype = np.dtype(described)
        except TypeError:
            dtype = None
        if dtype is None or dtype.itemsize < 0:  # NumPy 2.0 lets a long text run over
            raise self._wrong(f"is of an unknown type {described!r}")
        return dtype, tuple(int(n) for n in found[3].split(b",") if n.strip()), found[2] == b"True"

    def _take(self, count: int) -> bytes:
        content = self.file.read(count)
        if len(content) < count:
            raise self._wrong("ends too early")
        self.left -= count
        return content

    def _wrong(self, what: str) -> ValueError:
        return ValueError(f"its member {self.name!r} {what}")
