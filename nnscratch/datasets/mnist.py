"""MNIST: 70,000 handwritten digits of 28 x 28 pixels, from four IDX files that are verified.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner (1998), Gradient-based learning applied to document
recognition. The files are not part of this package.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, check_dtype
from nnscratch.datasets.checks import Split
from nnscratch.datasets.download import download_first
from nnscratch.datasets.idx import gunzip, parse_idx, read_header
from nnscratch.errors import ConfigError, DataError, FileError, ListedError, require_flag
from nnscratch.files import as_path, read_input, write_atomically
from nnscratch_records.words import one_line

ENVIRONMENT_VARIABLE = "NNSCRATCH_DATA"
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


class Known(NamedTuple):
    """One of the four files: its shape, and the SHA-256 of its uncompressed content."""

    shape: tuple[int, ...]
    sha256: str

    @property
    def what(self) -> str:
        """What the file holds, for messages."""
        return f"{self.shape[0]:,} {'labels' if len(self.shape) == 1 else 'images'}"


FILES = {
    "train-images-idx3-ubyte": Known(
        (60000, 28, 28), "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    "train-labels-idx1-ubyte": Known(
        (60000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    "t10k-images-idx3-ubyte": Known(
        (10000, 28, 28), "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    "t10k-labels-idx1-ubyte": Known(
        (10000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
}
# One byte more than the longest, so that a file which goes on too long is seen to do so.
_LIMIT = 16 + 60000 * 28 * 28 + 1


class Folder(NamedTuple):
    """Where the files are looked for, and how that folder came to be chosen."""

    path: Path
    chosen_by: str


def mnist(
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
    dtype: npt.DTypeLike = np.float32,
) -> Split:
    """Return `x_train, y_train, x_test, y_test`: 60,000 and 10,000 digits.

    `x`: shape (examples, 784), `dtype` (float32 or float64), pixels / 255, so in [0, 1];
    `y`: shape (examples,), int64, 0 .. 9.

    The four files (``train-images-idx3-ubyte`` and so on, each as it is or with ``.gz``) are looked
    for in one folder: `data_dir` if given, else the one that the environment variable
    ``NNSCRATCH_DATA`` names, else the user's cache folder. With ``download=True`` the files that
    are missing there are fetched into it (11 MB in all). Every file must have the right content:
    the SHA-256 of the uncompressed bytes is compared.

    Raises `FileError` if files are missing, cannot be read or cannot be downloaded, `DataError` if
    one has the wrong content, `DtypeError` for another dtype.
    """
    wanted, download = check_dtype(dtype), require_flag("download", download)
    folder = choose_folder(data_dir)
    paths = find_files(folder)
    absent = [name for name in FILES if name not in paths]
    if absent and not download:
        raise _missing(folder, absent)
    for name in absent:
        paths[name] = _download(folder.path, name)
    arrays = {name: read_known(path, name) for name, path in paths.items()}
    return (
        _scaled(arrays["train-images-idx3-ubyte"], wanted),
        arrays["train-labels-idx1-ubyte"].astype(np.int64),
        _scaled(arrays["t10k-images-idx3-ubyte"], wanted),
        arrays["t10k-labels-idx1-ubyte"].astype(np.int64),
    )


def choose_folder(data_dir: str | os.PathLike[str] | None = None) -> Folder:
    """Return the folder that `mnist` looks in: the first of the three places that is named."""
    if data_dir is not None:
        as_path(data_dir)  # raises for what is none
        if not os.fspath(data_dir):
            raise ConfigError("data_dir is an empty name, expected a folder")
        return Folder(Path(os.path.expanduser(data_dir)), "data_dir")
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        chosen_by = f"the environment variable {ENVIRONMENT_VARIABLE}"
        return Folder(Path(os.path.expanduser(named)), chosen_by)
    return Folder(cache_folder(), "the cache folder")


def cache_folder() -> Path:
    """Return the folder in the user's cache that downloads go to if no other one is named.

    Raises `FileError` for a user without a home folder.
    """
    try:
        import platformdirs

        return Path(platformdirs.user_cache_dir("nnscratch")) / "mnist"
    except RuntimeError as error:
        raise FileError(
            f"no folder to look for MNIST in, for want of a home folder ({error}): name one with "
            f"data_dir=... (--data-dir) or the environment variable {ENVIRONMENT_VARIABLE}"
        ) from None


def find_files(folder: Folder) -> dict[str, Path]:
    """Return the paths of those of the four files that are in `folder`, as they are or gzipped."""
    try:
        # A broken link or a folder of that name counts as present: reading it says what it is.
        there = set(os.listdir(folder.path))
    except FileNotFoundError:
        there = set()
    except (OSError, ValueError) as error:  # ValueError: no folder can have such a name
        raise FileError(
            f"{folder.path} ({folder.chosen_by}) cannot be read as a folder: "
            f"{getattr(error, 'strerror', None) or error}"
        ) from None
    return {
        name: folder.path / found
        for name in FILES
        for found in (f"{name}.gz", name)  # the plain one wins where both are there
        if found in there
    }


def read_known(path: Path, name: str) -> Array:
    """Return the array in the file at `path`, which must hold the content of `name`, bit for bit.

    Raises `DataError` saying what was found instead.
    """
    try:
        content = gunzip(read_input(path), str(path), _LIMIT)
        verify(content, name, str(path))
    except DataError as error:
        raise DataError(
            f"{error}.\nReplace it by the original {name}, or remove it and let it be downloaded "
            "with download=True (--download)."
        ) from None
    return parse_idx(content, str(path))


def verify(content: bytes, name: str, where: str) -> None:
    """Raise `DataError` unless `content` is that of the file `name`; `where` is for the message."""
    expected = FILES[name]
    digest = hashlib.sha256(content).hexdigest()
    if digest == expected.sha256:
        return
    for other, known in FILES.items():
        if digest == known.sha256:
            raise DataError(
                f"{where} is {other} ({known.what}), in the place of {name} ({expected.what}): "
                "files are swapped or wrongly named"
            )
    # The checksum has failed; what follows only finds out how to say it best.
    header = read_header(content, where)
    if header.dtype != np.uint8 or header.shape != expected.shape:
        raise DataError(
            f"{where} is not {name}: its header (magic number {content[:4].hex()}) says shape "
            f"{header.shape} of {header.dtype.name}, expected {expected.shape} of uint8"
        )
    parse_idx(content, where)  # raises if the length is wrong
    raise DataError(
        f"{where} has the form of {name} but not its content (SHA-256 {digest}, expected "
        f"{expected.sha256}): it is damaged, or from another data set of the same form"
    )


def _scaled(images: Array, dtype: np.dtype[Any]) -> Array:
    """Return the images as rows of pixels / 255."""
    return np.divide(images.reshape(len(images), -1), dtype.type(255), dtype=dtype)


def _missing(folder: Folder, absent: list[str]) -> FileError:
    """Return the error that says what is missing, where it was looked for, and what to do."""
    place = one_line(str(folder.path))
    given = place if folder.chosen_by == "data_dir" else "not given"
    environment = os.environ.get(ENVIRONMENT_VARIABLE) or "not set"
    try:
        cache = one_line(str(cache_folder()))
    except FileError:
        cache = "none, for want of a home folder"
    state = "" if folder.path.exists() else ", which does not exist"
    return ListedError(
        f"MNIST is not in {place} ({folder.chosen_by}){state}: missing {', '.join(absent)} "
        "(each may also end in .gz).\n"
        "One folder is looked in, the first of these that is named:\n"
        f"  1. data_dir=... (--data-dir): {given}\n"
        f"  2. the environment variable {ENVIRONMENT_VARIABLE}: {one_line(environment)}\n"
        f"  3. the cache folder: {cache}\n"
        "Put the files there, name the folder that has them, or let them be downloaded (11 MB) "
        "with download=True (--download)."
    )


def _download(folder: Path, name: str) -> Path:
    """Fetch the file `name` into `folder` from the first mirror that has the right content."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder} cannot be made: {error.strerror or error}") from None
    path = folder / f"{name}.gz"

    def check(raw: bytes, url: str) -> None:
        verify(gunzip(raw, url, _LIMIT), name, url)

    write_atomically(path, download_first([f"{mirror}{name}.gz" for mirror in MIRRORS], check))
    return path
