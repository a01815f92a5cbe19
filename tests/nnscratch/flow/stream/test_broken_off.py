"""What a kill, a full disk or a folder that goes leaves of a recording, and what is said of it."""

import errno
import gc
import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.stream import StreamWriter, read_stream

from .frames import CODES, FRAME, check_rows, open_writer, row, write

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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
def test_a_full_device_is_said_and_no_file_stays_open(path):
    path.symlink_to("/dev/full")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises(nn.FileError, match="No space"):
            StreamWriter(path, {}, scalars=1)
        gc.collect()
    assert not said
