"""Record files are read in part, and up to where they are cut or damaged."""

import json
import tracemalloc
import zlib

import pytest

import nnscratch as nn
from nnscratch.flow.stream import is_stream, read_stream
from nnscratch.flow.stream.format import CRC, HEADER, MAGIC, VERSION, header

from .frames import DESCRIPTION, END, FRAME, check_rows, write


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"keep_every": 4}, [0, 4, 8]),
        ({"last": 3}, [7, 8, 9]),
        ({"keep_every": 2, "last": 2}, [6, 8]),
        ({"keep_every": 100}, [0]),
        ({"last": 100}, range(10)),
    ],
)
def test_selected_rows(path, selection, expected):
    write(path, range(10))
    stream = read_stream(path, **selection)
    check_rows(stream, list(expected))
    assert stream.rows == 10


@pytest.mark.parametrize("selection", [{"keep_every": 0}, {"last": 0}])
def test_selection_must_be_a_count(path, selection):
    write(path, range(2))
    with pytest.raises(nn.ConfigError, match="must be a whole number >= 1, got 0"):
        read_stream(path, **selection)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"scalars": 2**32}, ""),
        ({"samples": 2**32}, ""),
        ({"codes": 2**32}, ""),
        ({"scalars": 2**40}, r"scalars must be a whole number >= 0 and <= 4.29497e\+09"),
        ({"scalars": -1}, "scalars must be a whole number >= 0"),
        ({"samples": 1.5}, "samples must be a whole number"),
        ({"codes": "many"}, "codes must be a whole number"),
        ({"scalars": None}, "scalars must be a whole number"),
        ({"description": [1]}, "its description is no JSON object"),
    ],
)
def test_numbers_in_a_header_take_no_memory_that_the_file_does_not_fill(path, facts, said):
    whole = {"scalars": 5, "samples": 3, "codes": 4, "description": DESCRIPTION}
    path.write_bytes(header({**whole, **facts}) + bytes(100))
    tracemalloc.start()
    try:
        if said:
            with pytest.raises(nn.DataError, match=rf"the header of .*a\.flow is damaged: {said}"):
                read_stream(path)
        else:
            assert len(read_stream(path).steps) == 0
        assert tracemalloc.get_traced_memory()[1] < 3 * 10**6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", [b"[" * 100_000, b"[]", b"1", b"{}", b"\xff", b"{"])
def test_a_header_that_is_no_description_is_damaged(path, text):
    content = HEADER.pack(MAGIC, VERSION, len(text)) + text
    path.write_bytes(content + CRC.pack(zlib.crc32(content)))
    with pytest.raises(nn.DataError, match=r"the header of .* is damaged"):
        read_stream(path)


def test_a_header_longer_than_the_file_is_cut_off_and_takes_no_memory(path):
    path.write_bytes(HEADER.pack(MAGIC, VERSION, 2**32 - 1) + b"{")
    tracemalloc.start()
    try:
        with pytest.raises(nn.DataError, match="cut off or damaged"):
            read_stream(path)
        assert tracemalloc.get_traced_memory()[1] < 3 * 10**6
    finally:
        tracemalloc.stop()


def test_cut_anywhere_a_file_is_read_up_to_the_last_whole_frame(path):
    content = write(path, range(3))
    header = len(content) - 3 * FRAME - END
    for size in range(header, len(content)):
        path.write_bytes(content[:size])
        stream = read_stream(path)
        check_rows(stream, range(min(3, (size - header) // FRAME)))
        assert not stream.closed
        assert ("cut off" in stream.note) == ((size - header) % FRAME != 0)
    for size in range(header):
        path.write_bytes(content[:size])
        with pytest.raises(nn.DataError, match=r"is empty|no .flow record|cut off or damaged"):
            read_stream(path)


def test_damaged_anywhere_a_file_is_read_up_to_the_damage(path):
    content = write(path, range(3))
    header = len(content) - 3 * FRAME - END
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        if at < header:
            with pytest.raises(nn.DataError):
                read_stream(path)
            continue
        stream = read_stream(path)
        check_rows(stream, range((at - header) // FRAME))
        assert not stream.closed
        assert "the file is " in stream.note
        until = f"is read up to step {stream.rows - 1}" if stream.rows else "holds no step"
        assert stream.note.endswith(f": it {until}")


@pytest.mark.parametrize("version", [0, VERSION + 1])
def test_another_version_is_named(path, version):
    content = bytearray(write(path, range(3)))
    content[8:12] = version.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(
        nn.DataError,
        match=f"a.flow is a .flow record of version {version}, this program reads version 2",
    ):
        read_stream(path)
    assert is_stream(path)


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("none.flow", nn.FileError, "no such file"),
        ("folder", nn.FileError, "cannot read .*directory"),
        ("empty.flow", nn.DataError, "is empty"),
        ("text.flow", nn.DataError, "is no .flow record of a run"),
    ],
)
def test_what_is_no_record_file_is_an_error(tmp_path, name, error, said):
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.flow").write_bytes(b"")
    (tmp_path / "text.flow").write_text(json.dumps({"no": "record"}))
    with pytest.raises(error, match=said):
        read_stream(tmp_path / name)
    assert not is_stream(tmp_path / name)
