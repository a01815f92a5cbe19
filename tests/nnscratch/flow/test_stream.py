"""Record files: what is written is read, and what a kill, a full disk or damage leaves of them."""

import errno
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nnscratch as nn
from nnscratch.flow.stream import StreamWriter, is_stream, read_stream
from nnscratch.flow.stream.format import CRC, HEADER, MAGIC, VERSION, header

SCALARS, SAMPLES, CODES = 5, 3, 4
FRAME = 8 + 8 + 8 * SCALARS + SAMPLES + 4  # bytes of a row in the file
END = 12
DESCRIPTION = {"label": "a run", "fields": [["loss", None], ["output_norm", "layers"]]}


def row(step):
    rng = np.random.default_rng(step)
    return step, rng.standard_normal(SCALARS), rng.integers(0, 256, SAMPLES, dtype=np.uint8)


def open_writer(path, **options):
    return StreamWriter(path, DESCRIPTION, scalars=SCALARS, samples=SAMPLES, codes=CODES, **options)


def write(path, steps, **options):
    with open_writer(path, **options) as writer:
        for step in steps:
            writer.row(*row(step))
    return path.read_bytes()


def check_rows(stream, steps):
    np.testing.assert_array_equal(stream.steps, steps)
    for i, step in enumerate(steps):
        _, scalars, samples = row(step)
        np.testing.assert_array_equal(stream.scalars[i], scalars)
        np.testing.assert_array_equal(stream.samples[i], samples)
    assert stream.scalars.shape == (len(steps), SCALARS)
    assert stream.samples.shape == (len(steps), SAMPLES)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.flow"


def bits(dtype, shape):
    """Any bits at all: every NaN, infinity and subnormal."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return st.binary(min_size=size, max_size=size).map(
        lambda raw: np.frombuffer(raw, dtype).reshape(shape)
    )


@given(data=st.data(), flush_every=st.sampled_from([1, 3, 50]))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_whatever_is_written_is_read_bit_for_bit(tmp_path_factory, data, flush_every):
    path = tmp_path_factory.mktemp("stream") / "a.flow"
    rows, scalars, samples = (data.draw(st.integers(0, 7)) for _ in range(3))
    steps = data.draw(hnp.arrays(np.int64, rows))
    values = data.draw(bits(np.float64, (rows, scalars)))
    bins = data.draw(bits(np.uint8, (rows, samples)))
    census = data.draw(bits(np.uint8, (rows, 2)))
    with StreamWriter(
        path, DESCRIPTION, scalars=scalars, samples=samples, codes=2, flush_every=flush_every
    ) as writer:
        for i in range(rows):
            writer.row(int(steps[i]), values[i], bins[i])
            writer.census(i, census[i])
    stream = read_stream(path)
    assert stream.description == DESCRIPTION
    np.testing.assert_array_equal(stream.steps, steps)
    np.testing.assert_array_equal(stream.scalars.view(np.uint64), values.view(np.uint64))
    np.testing.assert_array_equal(stream.samples, bins)
    np.testing.assert_array_equal(stream.census_steps, np.arange(rows))
    np.testing.assert_array_equal(stream.census, census)
    assert (stream.rows, stream.closed, stream.note) == (rows, True, "")
    dtypes = [array.dtype for array in (stream.steps, stream.scalars, stream.samples)]
    assert dtypes == [np.int64, np.float64, np.uint8]


def test_notes_are_kept_and_cut_to_their_longest(path):
    with open_writer(path) as writer:
        writer.note("one step in 4 was kept")
        writer.note("é" * 5000)
    note = read_stream(path).note
    assert note.startswith("one step in 4 was kept; éé")
    assert note.count("é") == 2048


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


def test_rows_reach_the_file_in_blocks(path):
    writer = open_writer(path, flush_every=4, flush_seconds=1e9)
    reached = []
    for step in range(10):
        writer.row(*row(step))
        reached.append(read_stream(path).rows)
    writer.close()
    assert reached == [0, 0, 0, 4, 4, 4, 4, 8, 8, 8]
    assert read_stream(path).rows == 10


def test_slow_steps_reach_the_file_one_by_one(path):
    writer = open_writer(path, flush_seconds=0)
    writer.row(*row(0))
    assert read_stream(path).rows == 1
    writer.close()


def test_a_finished_file_may_go_on(path):
    writer = open_writer(path)
    writer.row(*row(0))
    writer.finish()
    assert read_stream(path).closed
    writer.row(*row(1))
    writer.flush()
    assert not read_stream(path).closed
    writer.close()
    check_rows(read_stream(path), [0, 1])
    assert read_stream(path).closed


def test_a_forgotten_writer_closes_its_file(path):
    writer = open_writer(path)
    writer.row(*row(0))
    del writer
    assert read_stream(path).closed


def test_a_closed_writer_takes_no_rows(path):
    writer = open_writer(path)
    writer.close()
    writer.close()
    with pytest.raises(nn.ConfigError, match="closed: nothing more can be recorded"):
        writer.row(*row(0))


def test_shapes_are_checked(path):
    with open_writer(path) as writer:
        with pytest.raises(nn.ShapeError, match=r"scalars \(1,\) .* expected \(5,\) and \(3,\)"):
            writer.row(0, np.zeros(1), np.zeros(SAMPLES, np.uint8))
        with pytest.raises(nn.ShapeError, match=r"census .* got \(5,\), expected \(4,\)"):
            writer.census(0, np.zeros(5, np.uint8))


KILLED = """
import sys, time
import numpy as np
from nnscratch.flow.stream import StreamWriter
writer = StreamWriter(sys.argv[1], {}, scalars=5, samples=3, flush_every=10, flush_seconds=1e9)
for step in range(57):
    rng = np.random.default_rng(step)
    writer.row(step, rng.standard_normal(5), rng.integers(0, 256, 3, dtype=np.uint8))
print("written", flush=True)
time.sleep(60)
"""


def test_a_killed_process_leaves_everything_up_to_the_last_flush(path):
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    stream = read_stream(path)
    check_rows(stream, range(50))
    assert not stream.closed
    assert stream.note == (
        "the file was not closed (the run was killed, or still goes on): it is read up to step 49"
    )


FULL = """
import resource, sys, warnings
import numpy as np
from nnscratch.flow.stream import StreamWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
warnings.simplefilter("always")
writer = StreamWriter(sys.argv[1], {}, scalars=5, samples=3, flush_every=4)
for step in range(100):
    rng = np.random.default_rng(step)
    writer.row(step, rng.standard_normal(5), rng.integers(0, 256, 3, dtype=np.uint8))
writer.close()
print(*writer.lost, writer.rows, sep="|")
"""


def test_a_file_that_cannot_grow_ends_the_recording_not_the_run(path):
    pytest.importorskip("resource", reason="limits of file size are not available here")
    done = subprocess.run(
        [sys.executable, "-c", FULL, path], capture_output=True, text=True, check=True
    )
    step, reason, rows = done.stdout.strip().split("|")
    # the rows whole within 1000 bytes, though the limit cuts the block of 4 that they came in
    assert path.stat().st_size <= 1000 < path.stat().st_size + FRAME
    assert int(step) == int(rows) > 4
    assert int(rows) % 4 != 0
    assert reason == "File too large"
    check_rows(read_stream(path), range(int(rows)))
    assert done.stderr.count("RuntimeWarning") == 1
    assert f"ended at step {step}: File too large. The training goes on" in done.stderr


class FullDisk:
    """A file on a disk with room for `room` more bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, content):
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= (written := self.file.write(content[: self.room]))
        return written

    def __getattr__(self, name):
        return getattr(self.file, name)


def write_all(writer):
    for step in range(12):
        writer.row(*row(step))
    writer.census(12, np.zeros(CODES, np.uint8))
    writer.note("lost too")
    writer.finish()
    writer.close()


@pytest.mark.parametrize("room", [0, 1, 137, FRAME * 5, FRAME * 8 - 1, FRAME * 12])
def test_a_full_disk_is_said_once_and_the_file_stays_readable(path, room):
    writer = open_writer(path, flush_every=4)
    writer._file = FullDisk(writer._file, room)
    whole = room // FRAME
    with pytest.warns(RuntimeWarning, match="No space left on device") as caught:
        write_all(writer)
    assert len(caught) == 1
    assert f"{path} ended at step {whole}" in str(caught[0].message)
    assert f"the file keeps the {whole} recorded steps before" in str(caught[0].message)
    assert (writer.lost.step, writer.rows) == (whole, whole)
    stream = read_stream(path)
    check_rows(stream, range(whole))
    assert "was not closed" in stream.note
    assert "cut off" not in stream.note


def test_where_there_is_room_for_it_the_file_says_itself_what_is_lost(path):
    writer = open_writer(path, flush_every=4)
    full = writer._file = FullDisk(writer._file, 2 * FRAME + 5)

    def truncate(size):
        full.room = 200  # what was cut off, and slack
        return full.file.truncate(size)

    full.truncate = truncate
    with pytest.warns(RuntimeWarning, match="ended at step 2"):
        write_all(writer)
    stream = read_stream(path)
    check_rows(stream, [0, 1])
    assert stream.note == "recording ended at step 2: No space left on device"


def test_a_removed_folder_is_said(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    writer = open_writer(folder / "a.flow", flush_every=1)
    writer.row(*row(0))
    (folder / "a.flow").unlink()
    folder.rmdir()
    with pytest.warns(RuntimeWarning, match=r"ended at step 1: .*removed or replaced"):
        writer.row(*row(1))
    writer.row(*row(2))


def test_a_second_run_into_the_same_file_replaces_it_and_the_first_says_so(path):
    first = open_writer(path, flush_every=1)
    first.row(*row(0))
    write(path, [5, 6])
    with pytest.warns(RuntimeWarning, match="ended at step 1"):
        first.row(*row(1))
    check_rows(read_stream(path), [5, 6])


def test_an_interrupted_flush_writes_nothing_twice(path, monkeypatch):
    writer = open_writer(path)
    for step in range(3):
        writer.row(*row(step))

    def interrupt(written):
        raise KeyboardInterrupt

    monkeypatch.setattr(writer, "_count", interrupt)
    with pytest.raises(KeyboardInterrupt):
        writer.flush()
    monkeypatch.undo()
    writer.row(*row(3))
    writer.close()
    check_rows(read_stream(path), range(4))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing/a.flow", "cannot write .*No such file or directory"),
        ("folder", "cannot write .*folder: Is a directory"),
        ("notes.txt", "exists and is no .flow record; choose another name"),
    ],
)
def test_a_bad_place_is_said_before_the_training(tmp_path, name, said):
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(nn.FileError, match=said):
        open_writer(tmp_path / name)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder", "notes.txt"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_pipe_gets_the_record_as_it_grows(tmp_path):
    os.mkfifo(tmp_path / "pipe.flow")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe.flow").read_bytes()))
    reader.start()
    with open_writer(tmp_path / "pipe.flow", flush_every=4) as writer:
        for step in range(30):
            writer.row(*row(step))
    reader.join()
    assert (tmp_path / "pipe.flow").is_fifo()
    (tmp_path / "copy.flow").write_bytes(got[0])
    stream = read_stream(tmp_path / "copy.flow")
    check_rows(stream, range(30))
    assert (stream.closed, stream.note) == (True, "")


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_an_interrupt_while_a_pipe_is_written_ends_the_record_there(tmp_path, monkeypatch):
    path = tmp_path / "pipe.flow"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = open_writer(path)
    writer.row(*row(0))

    class Interrupted:
        def __getattr__(self, name):
            return getattr(file, name)

        def write(self, content):
            raise KeyboardInterrupt

    file, writer._file = writer._file, Interrupted()
    with (
        pytest.raises(KeyboardInterrupt),
        pytest.warns(RuntimeWarning, match="interrupted while writing into a pipe"),
    ):
        writer.flush()
    writer.row(*row(1))  # the training goes on
    writer.close()
    os.close(reader)
    assert writer.lost.step == 0


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link.flow").symlink_to("far/a.flow")
    for steps in (range(3), range(5)):
        write(tmp_path / "link.flow", steps)
        check_rows(read_stream(tmp_path / "far" / "a.flow"), steps)
    assert (tmp_path / "link.flow").is_symlink()
    assert os.listdir(tmp_path / "far") == ["a.flow"]


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


def test_a_description_must_be_json(path):
    with pytest.raises(nn.ConfigError, match="must be plain JSON"):
        StreamWriter(path, {"clip": np.nan}, scalars=1)
    assert not path.exists()


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


def test_nothing_warns_when_all_is_well(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write(path, range(200), flush_every=7)
    check_rows(read_stream(path), range(200))


@pytest.mark.parametrize("flush_every", [1, 4, 50])
@pytest.mark.parametrize("back", [0, 3, 7, 20])
def test_what_is_truncated_is_gone_and_what_follows_is_whole(path, flush_every, back):
    with open_writer(path, flush_every=flush_every) as writer:
        for step in range(10):
            if step % 3 == 0:
                writer.census(step, np.full(CODES, step, np.uint8))
            writer.row(*row(step))
        writer.finish()
        writer.truncate(back)
        assert writer.rows == min(back, 10)
        for step in range(back, back + 5):
            writer.row(*row(step))
    stream = read_stream(path)
    check_rows(stream, [*range(min(back, 10)), *range(back, back + 5)])
    assert stream.census_steps.tolist() == [step for step in (0, 3, 6, 9) if step < back]
    assert stream.note == ""
    assert writer.lost is None


def test_a_file_that_cannot_be_truncated_is_given_up_and_said(path):
    writer = open_writer(path, flush_every=1)
    for step in range(4):
        writer.row(*row(step))

    class Stuck:
        def __getattr__(self, name):
            return getattr(file, name)

        def truncate(self, size):
            raise OSError(errno.EIO, "broken")

    file, writer._file = writer._file, Stuck()
    with pytest.warns(RuntimeWarning, match=r"a\.flow ended at step 2: broken"):
        writer.truncate(2)
    assert writer.lost.step == 2
    writer.row(*row(2))
    assert file.closed


@pytest.mark.parametrize("counted", ["scalars", "samples", "codes"])
def test_a_negative_number_of_values_is_refused_by_name(path, counted):
    with pytest.raises(nn.ConfigError, match=f"StreamWriter {counted} must be"):
        StreamWriter(path, {}, **{"scalars": 1, counted: -1})
    assert not path.exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
def test_a_full_device_is_said_and_no_file_stays_open(path):
    path.symlink_to("/dev/full")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises(nn.FileError, match="No space"):
            StreamWriter(path, {}, scalars=1)
        gc.collect()
    assert not said


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_pipe_that_does_not_wait_gets_all_of_it(path):
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    kept_open, got = os.open(path, os.O_WRONLY), bytearray()
    os.set_blocking(reader, True)

    def read():
        while part := os.read(reader, 5000):
            got.extend(part)

    taker = threading.Thread(target=read, daemon=True)
    taker.start()
    writer = StreamWriter(path, {"long": "x" * 200_000}, scalars=1000)
    os.set_blocking(writer._file.fileno(), False)
    for step in range(200):
        writer.row(step, np.full(1000, step, float), np.zeros(0, np.uint8))
    writer.close()
    os.close(kept_open)
    taker.join(20)
    os.close(reader)
    assert writer.lost is None
    path.unlink()
    path.write_bytes(got)
    assert read_stream(path).scalars[:, 0].tolist() == list(range(200))
