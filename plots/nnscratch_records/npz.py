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
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from nnscratch_records import memory

Array = npt.NDArray[Any]

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


def read_npz(file: IO[bytes]) -> dict[str, Array]:
    """Return the arrays in `file`, by name, in native byte order.

    Raises `ValueError` if it is no such file, is damaged, or holds anything but arrays of numbers
    and texts, and `TooLargeError` if they do not fit into the memory there is.
    """
    arrays: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                if name in arrays:
                    raise ValueError(f"two members are called {name!r}")
                with archive.open(info) as member:
                    arrays[name] = _Member(member, info).read()
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

    def read(self) -> Array:
        dtype, shape, turned = self._header()
        size = math.prod(shape) * dtype.itemsize
        if size != self.left or not dtype.itemsize:
            raise self._wrong(f"says {shape} of {dtype}, {size:,} bytes, and holds {self.left:,}")
        memory.require(f"the array {self.name!r}", size)
        content = bytearray(size)
        for at in range(0, size, _CHUNK):
            content[at : at + _CHUNK] = self._take(min(_CHUNK, size - at))
        self.file.read(1)  # at its end the checksum is compared
        array: Array = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="), copy=False)
        if dtype.kind == "U" and array.size and array.view(np.uint32).max() > sys.maxunicode:
            raise self._wrong("holds what is no text")
        return array.reshape(shape[::-1]).T if turned else array.reshape(shape)

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
