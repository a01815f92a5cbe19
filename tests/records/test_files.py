"""Files: what is written where, what a kill leaves, and what is refused without waiting for it."""

import io
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from nnscratch_records import files
from nnscratch_records.files import new_file, open_input, open_output, replaceable

posix = pytest.mark.skipif(os.name != "posix", reason="devices, pipes and modes of POSIX")
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root makes devices"
)


def write(path, content=b"new"):
    with new_file(path) as file:
        file.write(content)


def test_a_link_stays_a_link_and_the_file_behind_it_is_new(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "old").write_bytes(b"old")
    (tmp_path / "link").symlink_to("far/old")
    (tmp_path / "dangling").symlink_to("far/none")
    write(tmp_path / "link")
    write(tmp_path / "dangling")
    for link, target in (("link", "old"), ("dangling", "none")):
        assert (tmp_path / link).is_symlink()
        assert (tmp_path / "far" / target).read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path / "far")) == ["none", "old"]


def test_a_link_to_itself_is_an_error(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="Too many levels"):
        write(tmp_path / "loop")
    assert (tmp_path / "loop").is_symlink()


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o400])
def test_the_mode_of_the_file_is_kept(tmp_path, mode):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    write(path)
    assert path.stat().st_mode & 0o777 == mode
    assert path.read_bytes() == b"new"


@as_root
def test_the_owner_of_the_file_is_kept_where_it_can_be(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 1234, 5678)
    write(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 5678)


@posix
def test_a_pipe_is_written_through_and_stays_a_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    write(path, b"x" * 300_000)
    reader.join()
    assert got == [b"x" * 300_000]
    assert path.is_fifo()


@posix
def test_a_pipe_that_nobody_reads_is_an_error_and_no_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "READER", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="nobody reads from this pipe"):
        write(tmp_path / "pipe")


@posix
def test_an_error_while_writing_sends_nothing_into_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(ZeroDivisionError), new_file(tmp_path / "pipe") as file:
        file.writelines(b"half" * (1 // number) for number in (1, 0))
    assert os.read(reader, 10) == b""
    os.close(reader)


@as_root
def test_a_device_is_written_through_and_stays_a_device(tmp_path):
    for name, minor in (("null", 3), ("full", 7)):
        os.mknod(tmp_path / name, 0o666 | 0o020000, os.makedev(1, minor))
    write(tmp_path / "null")
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "full")
    assert all((tmp_path / name).is_char_device() for name in ("null", "full"))
    assert sorted(os.listdir(tmp_path)) == ["full", "null"]


CHILD = """
import sys
from nnscratch_records.files import new_file
print("before")
with new_file(sys.argv[1]) as file:
    file.write(b"content\\n")
print("after")
"""


@posix
@pytest.mark.parametrize("path", ["/dev/stdout", "out.txt"])
def test_standard_output_is_written_through_in_its_turn(tmp_path, path):
    """Also where it is a file: replaced, what is printed would go into one without a name."""
    with open(tmp_path / "out.txt", "wb") as out:
        subprocess.run([sys.executable, "-c", CHILD, tmp_path / path], stdout=out, check=True)
    assert (tmp_path / "out.txt").read_bytes() == b"before\ncontent\nafter\n"
    shown = subprocess.run(
        [sys.executable, "-c", CHILD, "/dev/stdout"], capture_output=True, check=True
    )
    assert shown.stdout == b"before\ncontent\nafter\n"


KILLED = """
import os, signal, sys
from nnscratch_records.files import new_file
with new_file(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    os.kill(os.getpid(), signal.SIGKILL) if sys.argv[2] == "kill" else sys.stdin.read()
"""


@posix
def test_what_killed_saves_left_is_removed_by_the_next_and_nothing_else(tmp_path):
    path, other = tmp_path / "w.npz", tmp_path / ".w.npz.0123abcd.tmp.mine"
    other.write_bytes(b"")
    for _ in range(3):
        subprocess.run([sys.executable, "-c", KILLED, path, "kill"], stdout=subprocess.DEVNULL)
    left = [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]
    assert len(left) == 1  # each removed what the one before had left
    command = [sys.executable, "-c", KILLED, path, "wait"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as living:
        living.stdout.readline()
        write(path, b"first")
        assert path.read_bytes() == b"first"
        living.communicate()  # its file was not taken away from it
    assert living.returncode == 0
    assert path.read_bytes() == b"half"
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, other.name])


def test_many_threads_write_one_file_and_one_of_them_is_last(tmp_path):
    path = tmp_path / "file"
    errors = []

    def often(number):
        try:
            for _ in range(30):
                write(path, bytes([number]) * 1000)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=often, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set(path.read_bytes())) == 1
    assert os.listdir(tmp_path) == ["file"]


def test_without_locks_only_old_temporary_files_are_left_over(tmp_path, monkeypatch):
    """Windows, whose rules the same path follows: nothing open is renamed or removed."""
    monkeypatch.setattr(files, "fcntl", None)
    now, old = tmp_path / ".a.00000000.tmp", tmp_path / ".a.11111111.tmp"
    for path in (now, old):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * files.ABANDONED,) * 2)
    opened = []
    replace = os.replace

    def closed(source, target):
        assert opened[0].closed
        replace(source, target)

    monkeypatch.setattr(os, "replace", closed)
    with new_file(tmp_path / "a") as file:
        opened.append(file)
        file.write(b"new")
    assert sorted(os.listdir(tmp_path)) == [now.name, "a"]


def test_where_nothing_can_be_locked_files_are_still_written(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refused(*arguments):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    write(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["a" * 255, "é" * 127, "."])
def test_names_as_long_as_they_may_be_are_written(tmp_path, name):
    path = tmp_path / (name if name != "." else "b")
    write(path)
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "No such file"), ("\0", "no file can have such a name"), ("a" * 256, "too long")],
)
def test_names_that_no_file_can_have_are_errors(name, said):
    for opened in (write, open_input):
        with pytest.raises(OSError, match=said):
            opened(name)


def test_a_folder_is_not_written_or_read(tmp_path):
    for opened in (write, open_input, replaceable):
        with pytest.raises(OSError, match="directory"):
            opened(tmp_path)


@posix
def test_what_might_never_end_or_begin_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path in (tmp_path / "pipe", tmp_path / "link"):
        with pytest.raises(OSError, match="it is a pipe, not a file"):
            open_input(path)
    for path in ("/dev/zero", "/dev/null"):
        with pytest.raises(OSError, match="it is a device, not a file"):
            open_input(path)


@posix
def test_a_file_that_becomes_a_pipe_meanwhile_is_refused_without_waiting(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"")
    status = os.stat(path)
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(files, "_status", lambda path: status)
    with pytest.raises(OSError, match="it is a pipe"):
        open_input(path)


def test_a_closed_standard_output_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    write(tmp_path / "a")
    if os.name == "posix":
        with open_output(os.devnull) as file:
            file.write(b"")


@posix
def test_an_interrupt_leaves_no_file(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_file(tmp_path / "a"):
        signal.raise_signal(signal.SIGINT)
    assert os.listdir(tmp_path) == []
