"""The IDX format: round trips, and the refusal of everything that is not one whole file."""

import contextlib
import gzip
import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nnscratch.datasets.idx import DTYPES, MAX_DIMENSIONS, gunzip, parse_idx, read_idx, write_idx
from nnscratch.errors import DataError, DtypeError, FileError, ShapeError, TooLargeError
from nnscratch_records import memory

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
NATIVE = [dtype.newbyteorder("=") for dtype in DTYPES.values()]
ARRAYS = st.sampled_from(NATIVE).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(max_dims=4, min_side=0, max_side=4))
)


def header(code: int, *shape: int) -> bytes:
    return struct.pack(f">2xBB{len(shape)}I", code, len(shape), *shape)


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # without the time: tests are named after what they read


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


@PROPERTY
@given(array=ARRAYS, name=st.sampled_from(["a.idx", "a.idx.gz"]))
def test_what_is_written_is_read_again(folder, array, name):
    write_idx(folder / name, array)
    again = read_idx(folder / name)
    assert again.dtype == array.dtype
    assert again.dtype.isnative
    assert again.shape == array.shape
    assert again.flags.writeable
    assert again.tobytes() == array.tobytes()  # bit for bit, NaN included
    assert [path.name for path in folder.glob(".*")] == []


@pytest.mark.parametrize("dimensions", [1, MAX_DIMENSIONS])
def test_as_many_dimensions_are_written_as_are_read(folder, dimensions):
    array = np.full((1,) * dimensions, 7, np.uint8)
    write_idx(folder / "dimensions", array)
    np.testing.assert_array_equal(read_idx(folder / "dimensions"), array, strict=True)
    with pytest.raises(ShapeError, match=r"holds 1 \.\. 32 dimensions"):
        write_idx(folder / "dimensions", np.array(7, np.uint8))


@PROPERTY
@given(array=ARRAYS, data=st.data(), zipped=st.booleans())
def test_every_truncation_is_refused(folder, array, data, zipped):
    name = "t.gz" if zipped else "t"
    write_idx(folder / name, array)
    content = (folder / name).read_bytes()
    short = content[: data.draw(st.integers(0, len(content) - 1))]
    with pytest.raises(DataError):
        read_idx(short)


@PROPERTY
@given(array=ARRAYS, data=st.data(), zipped=st.booleans())
def test_a_changed_byte_is_refused_or_leaves_a_whole_array(folder, array, data, zipped):
    name = "c.gz" if zipped else "c"
    write_idx(folder / name, array)
    content = bytearray((folder / name).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        again = read_idx(bytes(content))
    except DataError:
        return
    if zipped:  # its checksum holds, so only a byte that says nothing of the content changed
        assert again.tobytes() == array.tobytes()
    else:
        assert 4 + 4 * again.ndim + again.nbytes == len(content)


@PROPERTY
@given(content=st.binary(max_size=64), start=st.sampled_from([b"", b"\0\0\x08", b"\x1f\x8b\x08"]))
def test_random_bytes_raise_nothing_but_data_errors(content, start):
    with contextlib.suppress(DataError):
        read_idx(start + content)


@PROPERTY
@given(array=ARRAYS, extra=st.binary(min_size=1, max_size=9))
def test_bytes_after_the_end_are_refused(folder, array, extra):
    write_idx(folder / "e", array)
    content = (folder / "e").read_bytes() + extra
    for whole in (content, zipped(content)):
        with pytest.raises(DataError, match="goes on after its end"):
            read_idx(whole)


@pytest.mark.parametrize("code", DTYPES)
def test_elements_are_big_endian(code):
    dtype = DTYPES[code]
    content = header(code, 2) + b"".join(
        (1).to_bytes(dtype.itemsize, "big") if dtype.kind != "f" else one
        for one in [struct.pack(f">{'f' if dtype.itemsize == 4 else 'd'}", 1.0)] * 2
    )
    np.testing.assert_array_equal(read_idx(content), np.ones(2, dtype=dtype))


@pytest.mark.parametrize(
    "shape",
    [
        (2**31, 2**31),
        (2**32 - 1,) * 32,
        (2**31, 2**31, 2),
        (0, 2**31, 2**31, 2**31),
        (2**31, 2**31 - 1, 2, 1),
        (2**32 - 1,),
        (10**6, 10**6),
    ],
)
@pytest.mark.parametrize("pack", [bytes, zipped])
def test_absurd_shapes_are_refused_without_allocating(shape, pack):
    content = pack(header(0x08, *shape) + b"abc")
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"more than any computer|is truncated"):
            read_idx(content)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_unpacking_stops_at_what_the_header_promised():
    bomb = zipped(header(0x08, 3) + bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="goes on after its end"):
            read_idx(bomb)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (zipped(b""), r"is empty \(0 bytes\)"),
        (b"\0\0", "no IDX file: it begins with the bytes 00 00,"),
        (b"<html>", "no IDX file: it begins with the bytes 3c 68 74 6d"),
        (header(0x0A, 1) + b"a", "type of element 0x0a, expected one of 0x08, 0x09"),
        (b"\0\0\x08\0", r"says it has 0 dimensions, expected 1 \.\. 32"),
        (b"\0\0\x08\x21" + bytes(4 * 33), "says it has 33 dimensions"),
        (header(0x08, 1, 2)[:-1], "truncated inside its header: 11 bytes, expected 12"),
        (header(0x0B, 3) + b"abc", r"is truncated: .* shape \(3,\) of int16, 14 bytes .* found 11"),
        (zipped(header(0x08, 1) + b"a")[:-1], "truncated gzip file: it ends after 9 bytes"),
        (zipped(header(0x08, 1) + b"a")[:3], "truncated gzip file: it ends after 0 bytes"),
        (b"\x1f\x8b\x08" + bytes(30), "damaged: its gzip data are wrong"),
        (zipped(header(0x08, 1) + b"a") + b"junk", "damaged: its gzip data are wrong"),
    ],
)
def test_the_refusal_says_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "some-file"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"some-file .*{message}"):
        read_idx(path)


def test_a_gzip_checksum_that_fails_is_refused():
    content = bytearray(zipped(header(0x08, 1) + b"a"))
    content[-8] ^= 1
    with pytest.raises(DataError, match="incorrect data check"):
        read_idx(bytes(content))


def test_a_gzip_file_of_several_members_is_one_content():
    content = header(0x08, 4) + b"abcd"
    members = zipped(content[:5]) + zipped(content[5:]) + bytes(7)
    assert gunzip(members, "file", 100) == content
    assert gunzip(members, "file", 7) == content[:7]
    assert read_idx(members).tobytes() == b"abcd"


def test_parsing_makes_no_copy():
    assert not parse_idx(header(0x08, 1) + b"a", "file").flags.owndata


def test_a_missing_file_a_folder_and_a_device_are_refused(tmp_path):
    with pytest.raises(FileError, match=r"no such file: .*nothing"):
        read_idx(tmp_path / "nothing")
    with pytest.raises(FileError, match="is a directory, not a file"):
        read_idx(str(tmp_path))
    with pytest.raises(FileError, match="is a device, not a file"):
        read_idx(os.devnull)


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def forbidden(*arguments):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a").write_bytes(b"a")
    monkeypatch.setattr("os.open", forbidden)
    with pytest.raises(FileError, match=r"cannot read .*a: Permission denied"):
        read_idx(tmp_path / "a")


def test_more_than_fits_into_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10**8)
    path = tmp_path / "images"
    path.write_bytes(struct.pack(">2xBBI", 8, 1, 2**31))
    os.truncate(path, 8 + 2**31)  # a hole: it takes no room on the disk
    with pytest.raises(TooLargeError, match=r"needs 2\.15 GB of memory, and 100 MB are free"):
        read_idx(path)


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.float16, np.bool_, np.complex64, "U1"])
def test_types_that_idx_lacks_are_refused(tmp_path, dtype):
    with pytest.raises(DtypeError, match="IDX holds uint8, int8, int16, int32, float32, float64"):
        write_idx(tmp_path / "a", np.zeros(2, dtype=dtype))


def test_shapes_that_idx_lacks_are_refused(tmp_path):
    for array in (np.zeros((), np.uint8), np.zeros((0, 2**32), np.uint8)):
        with pytest.raises(ShapeError, match="IDX holds 1"):
            write_idx(tmp_path / "a", array)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.idx"
    write_idx(path, np.arange(3, dtype=np.uint8))

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(FileError, match="No space left"):
        write_idx(path, np.zeros(5, dtype=np.uint8))
    np.testing.assert_array_equal(read_idx(path), [0, 1, 2])
    assert os.listdir(tmp_path) == ["a.idx"]


def test_writing_into_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(FileError, match="cannot write"):
        write_idx(tmp_path / "no" / "a", np.zeros(1, dtype=np.uint8))
