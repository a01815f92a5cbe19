"""Files: written whole or not at all, and read without waiting for what may never come.

Errors are plain `OSError`; whoever calls says what could not be done.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import select
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from nnscratch_records.errors import ConfigError, shown

try:
    import fcntl
except ImportError:  # Windows: see `_hold`
    fcntl = None  # type: ignore[assignment]

PathLike = str | os.PathLike[str]

READER = 10.0  # seconds that a pipe waits for somebody who reads it
ABANDONED = 3600.0  # seconds after which a temporary file is left over, where none can be locked
_IN_MEMORY, _CHUNK = 1 << 24, 1 << 20
_NAME = 50  # characters of a name that its temporary file repeats: a name has 255 bytes at most
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def as_path(path: object) -> Path:
    """Return `path` as a `Path`; `ConfigError` for what is none, such as a number or bytes."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise ConfigError(f"a path must be text or a Path, got {shown(path)}")
    return Path(path)


@contextlib.contextmanager
def new_file(path: PathLike) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of `path`, whole, when the block ends without an error.

    Until then, and after an error, whatever was at `path` is still there. Links are followed, and
    the mode of the file that was there is kept. A device, a pipe or this program's own output is
    not replaced: what was written goes into it when the block ends. A temporary file that a killed
    program left behind is removed when the same file is next written. Raises `OSError`.
    """
    if not replaceable(path):
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as content:
            yield content
            content.seek(0)
            with open_output(path) as output:
                for chunk in iter(partial(content.read, _CHUNK), b""):
                    put_whole(output, chunk)
        return
    target = os.path.realpath(path)  # the file behind a link, also behind one that dangles
    file, temporary = _temporary(target)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            _take_over(file.fileno(), target, temporary)
            if fcntl is not None:
                os.replace(temporary, target)  # while it is locked: nobody takes it for left over
        if fcntl is None:
            os.replace(temporary, target)  # Windows renames no open file
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def replaceable(path: PathLike) -> bool:
    """Return whether a new file may take the place of `path`: a file is there, or nothing.

    Not where a device, a pipe or this program's own output is. Raises `OSError` for a folder and
    for a name that no file can have.
    """
    there = _status(path)
    if there is None:
        return True
    if stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    return stat.S_ISREG(there.st_mode) and _own_output(there) is None


def is_output(path: PathLike, number: int) -> bool:
    """Return whether `path` is this program's output `number`: 1 or 2, the one for errors."""
    with contextlib.suppress(OSError):
        there = _status(path)
        return there is not None and _is_output(there, number)
    return False


def open_output(path: PathLike) -> IO[bytes]:
    """Open what is not `replaceable` for writing, unbuffered, as it is.

    A pipe that nobody reads waits for a reader for 10 seconds. Raises `OSError`.
    """
    there = os.stat(path)
    own = _own_output(there)
    if own is not None:
        for stream in (sys.stdout, sys.stderr):  # what was printed before comes before
            with contextlib.suppress(AttributeError, ValueError, OSError):
                stream.flush()
        return os.fdopen(os.dup(own), "wb", buffering=0)
    if not stat.S_ISFIFO(there.st_mode):
        return open(path, "wb", buffering=0)
    end = time.monotonic() + READER
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > end:
                raise OSError(errno.ENXIO, "nobody reads from this pipe") from None
            time.sleep(0.01)
        else:
            os.set_blocking(descriptor, True)
            return os.fdopen(descriptor, "wb", buffering=0)


def open_input(path: PathLike) -> IO[bytes]:
    """Open the file at `path` for reading.

    Raises `OSError` for what is no file - a folder, a device, a pipe that might never end or never
    begin - without reading from it.
    """
    there = _status(path)
    if there is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))
    _require_file(there)
    # Not to wait either if it became a pipe just now; some files of /proc end only that way.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags), "rb", 1 << 20)
    try:
        _require_file(os.fstat(file.fileno()))
    except BaseException:
        file.close()
        raise
    return file


def open_growing(path: PathLike, *, anew: bool) -> IO[bytes]:
    """Open a file to write at its end, or anew, unbuffered; what is not `replaceable` as it is."""
    if not replaceable(path):
        return open_output(path)
    return open(path, "wb" if anew else "ab", buffering=0)


def put(file: IO[bytes], content: bytes | memoryview) -> int:
    """Write what an unbuffered file takes of `content` at once, and return how much that was.

    Where somebody has set a pipe, or a terminal, not to wait, this waits until there is room.
    """
    write: Callable[[bytes | memoryview], int | None] = file.write
    while True:
        taken = write(content)
        if taken is not None:
            return taken
        select.select((), (file,), ())


def put_whole(file: IO[bytes], content: bytes) -> None:
    """Write all of `content` into an unbuffered file, which may take a part of it at a time."""
    left = memoryview(content)
    while left:
        left = left[put(file, left) :]


def _require_file(there: os.stat_result) -> None:
    for is_kind, kind in _KINDS:
        if is_kind(there.st_mode):
            raise OSError(errno.EINVAL, f"it is {kind}, not a file")


def _status(path: PathLike) -> os.stat_result | None:
    """Return what is at `path`, behind links; None for nothing."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        if not os.fspath(path):
            raise
        return None
    except ValueError as error:  # a NUL in it, or characters that the file system cannot write
        raise OSError(errno.EINVAL, f"no file can have such a name ({error})") from None


def _own_output(there: os.stat_result) -> int | None:
    """Return which of this program's outputs, 1 or 2, it is; None for neither."""
    return next((number for number in (1, 2) if _is_output(there, number)), None)


def _is_output(there: os.stat_result, number: int) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(there, os.fstat(number))
    return False


def _temporary(target: str) -> tuple[IO[bytes], str]:
    """Return a new file beside `target`, locked, and its path; remove those left behind there."""
    folder, name = os.path.split(target)
    start = f".{name[:_NAME]}."
    pattern = re.compile(re.escape(start) + r"[0-9a-f]{8}\.tmp")
    with os.scandir(folder) as entries:
        for path in [entry.path for entry in entries if pattern.fullmatch(entry.name)]:
            _remove_left_over(path)
    while True:
        path = os.path.join(folder, f"{start}{secrets.token_hex(4)}.tmp")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(path, flags, 0o666), "w+b")
        if _hold(file.fileno()) is not False:
            return file, path
        file.close()  # another one just took it for left behind


def _hold(descriptor: int) -> bool | None:
    """Lock a temporary file until it is closed. False: another holds it; None: nothing can."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems know no locks
        return None
    return os.fstat(descriptor).st_nlink > 0


def _remove_left_over(path: str) -> None:
    """Remove a temporary file unless somebody still writes it."""
    with contextlib.suppress(OSError):
        with open_input(path) as file:
            held = _hold(file.fileno())
            if held is None:
                held = time.time() - os.fstat(file.fileno()).st_mtime > ABANDONED
            if held and fcntl is not None:
                os.unlink(path)
        if held and fcntl is None:
            os.unlink(path)


def _take_over(descriptor: int, target: str, temporary: str) -> None:
    """Give the new file the mode, and where it can be the owner, of the one that it replaces."""
    try:
        old = os.stat(target)
    except FileNotFoundError:
        return
    new = os.fstat(descriptor)
    owner: Any = getattr(os, "fchown", None)
    if owner is not None and (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        with contextlib.suppress(OSError):
            owner(descriptor, old.st_uid, old.st_gid)
    os.chmod(temporary, stat.S_IMODE(old.st_mode))
