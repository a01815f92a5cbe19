"""Archives of arrays: what a member declares is compared with what is there before it is read."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from nnscratch_records import memory
from nnscratch_records.errors import TooLargeError
from nnscratch_records.npz import read_npz, write_npz

HEADER = "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}"


def member(header, content=b"", version=1):
    text = header.encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + content


def archive(content, compression=zipfile.ZIP_STORED, name="a.npy"):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as file:
        file.writestr(name, content)
    return made


def read_one(header, content=b"", **how):
    return read_npz(archive(member(header, content, **how)))["a"]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(3, dtype=">i2"),
        np.array("text é"),
        np.array([True, False]),
        np.zeros((0, 4), np.float32),
        np.array(["", "ab"], dtype=">U3"),
        np.array([1 + 2j]),
        np.arange(3 << 18),  # more than is read at once
    ],
    ids=str,
)
def test_what_numpy_saves_is_read_in_native_byte_order(save, array):
    file = io.BytesIO()
    save(file, a=array)
    found = read_npz(file)["a"]
    np.testing.assert_array_equal(found, array)
    assert found.shape == array.shape
    assert found.dtype == array.dtype.newbyteorder("=")
    assert found.dtype.isnative
    assert found.flags.writeable


def test_long_descriptions_of_other_writers_are_read():
    padded = "{\"shape\": (2,), 'descr'".ljust(20)
    with pytest.raises(ValueError, match="is no array of numbers or text"):
        read_one(padded)
    found = read_one(HEADER.format("<i4", "( 2 ,)") + " " * 300 + "\n", bytes(8), version=2)
    assert found.tolist() == [0, 0]
    assert read_one(HEADER.format("<i4", "()"), bytes(4)).shape == ()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (HEADER.format("<f8", "(1099511627776,)"), "8,796,093,022,208 bytes, and holds 16"),
        (HEADER.format("<f8", "(3,)"), "24 bytes, and holds 16"),
        (HEADER.format("<f8", "(1,)"), "8 bytes, and holds 16"),
        (HEADER.format("<f8", "(999999999999999999, 999999999999999999)"), "and holds 16"),
        (HEADER.format("<U0", "(3,)"), "and holds 16"),
        (HEADER.format("<U99999999", "(3,)"), "and holds 16"),
        (HEADER.format("<U999999999", "(3,)"), "unknown type '<U999999999'"),
        (HEADER.format("<f8", "(0, 0, 3,)"), "0 bytes, and holds 16"),
        (HEADER.format("<f7", "(2,)"), "is no array of numbers or text"),
        (HEADER.format("<f16", "(1,)"), "is no array of numbers or text"),
        (HEADER.format("<b8", "(2,)"), "unknown type '<b8'"),
        (HEADER.format("|O", "(2,)"), "is no array of numbers or text"),
        (HEADER.format("<M8[ns]", "(2,)"), "is no array of numbers or text"),
        (HEADER.format("<f8", "(-2,)"), "is no array of numbers or text"),
        (HEADER.format("<f8", "(2,)") + " " * 10_000, "has a description of 10,0"),
        ("(" * 5000, "is no array of numbers or text"),
    ],
)
def test_a_description_that_does_not_fit_takes_no_memory(header, said):
    file = archive(member(header, bytes(16)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=said):
            read_npz(file)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def test_a_member_cannot_be_longer_than_its_bytes_allow():
    content = member(HEADER.format("<f8", "(2,)"), bytes(16))
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = archive(content, compression)
        raw = bytearray(file.getvalue())
        at = raw.rindex(b"PK\x01\x02")
        struct.pack_into("<I", raw, at + 24, 2**31)  # the size in the list of contents
        with pytest.raises(ValueError, match="is said to hold 2,147,483,648 bytes, and cannot"):
            read_npz(io.BytesIO(raw))


def test_a_member_of_other_compression_is_refused():
    for compression in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(ValueError, match="is not compressed as NumPy does it"):
            read_npz(archive(member(HEADER.format("<f8", "(2,)"), bytes(16)), compression))


def test_a_wrong_checksum_is_refused():
    raw = bytearray(archive(member(HEADER.format("<f8", "(2,)"), b"0123456789abcdef")).getvalue())
    raw[raw.index(b"abcdef")] ^= 1
    with pytest.raises(ValueError, match="Bad CRC-32"):
        read_npz(io.BytesIO(raw))


def test_what_is_no_text_is_refused():
    with pytest.raises(ValueError, match="holds what is no text"):
        read_one(HEADER.format("<U2", "()"), struct.pack("<II", 65, 0x110000))


def test_two_members_of_one_name_are_refused():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in ("a.npy", "a"):
            file.writestr(name, member(HEADER.format("<i4", "()"), bytes(4)))
    with pytest.raises(ValueError, match="two members are called 'a'"):
        read_npz(made)


def test_members_that_share_a_place_are_refused():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in ("a.npy", "b.npy"):
            file.writestr(name, member(HEADER.format("<i4", "()"), bytes(4)))
        file.infolist()[1].header_offset = 0
    with pytest.raises(ValueError, match="two of its members begin at one place"):
        read_npz(made)


def test_a_member_that_does_not_fit_into_memory_says_so(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10**8)
    made = io.BytesIO()
    np.savez_compressed(made, a=np.zeros(3 * 10**7, np.float64))
    with pytest.raises(TooLargeError, match=r"what it holds needs 240 MB of memory, and 100 MB"):
        read_npz(made)


def test_the_same_arrays_give_the_same_bytes():
    files = io.BytesIO(), io.BytesIO()
    for file in files:
        write_npz(file, {"a": np.arange(3), "b/c": "text"})
    assert files[0].getvalue() == files[1].getvalue()
