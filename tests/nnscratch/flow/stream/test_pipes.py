"""Records that go into a pipe."""

import os
import threading

import numpy as np
import pytest

from nnscratch.flow.stream import StreamWriter, read_stream

from .frames import check_rows, open_writer, row


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
