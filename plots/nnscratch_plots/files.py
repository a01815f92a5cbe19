"""Writing a figure or a page to a file, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from nnscratch_records.errors import ConfigError, FileError
from nnscratch_records.files import PathLike, as_path, new_file

# What would put the date, and so a difference, into files of the same picture.
_METADATA: dict[str, dict[str, str | None]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}


def save_figure(figure: Figure | Axes, path: PathLike, *, dpi: float = 150) -> Path:
    """Write a figure, or the figure of some axes, as PNG, SVG or PDF by the suffix of `path`.

    The file appears complete or not at all. The same picture gives the same bytes. Raises
    ConfigError for another suffix, FileError for a missing folder and where nothing can be written.
    """
    whole = figure.figure if isinstance(figure, Axes) else figure
    if isinstance(whole, SubFigure):
        whole = whole.figure
    if not isinstance(whole, Figure):
        raise ConfigError(f"figure must be a Figure or its Axes, got {type(figure).__name__}")
    kind = as_path(path).suffix.lower()

    def write(file: IO[bytes]) -> None:
        with matplotlib.rc_context({"svg.hashsalt": "nnscratch"}):
            whole.savefig(file, format=kind[1:], dpi=dpi, metadata=_METADATA[kind])

    return write_whole(path, write, what="save the figure", suffixes=tuple(_METADATA))


def write_whole(
    path: PathLike, write: Callable[[IO[bytes]], object], *, what: str, suffixes: Sequence[str]
) -> Path:
    """Let `write` fill a file that takes the place of `path`, as `nnscratch_records.files` does.

    `what` is done here, in words for the errors.
    """
    path = as_path(path)
    wrong = f"cannot {what} as {str(path)!r}"
    if path.suffix.lower() not in suffixes:
        expected = " or ".join([", ".join(suffixes[:-1]), suffixes[-1]])
        raise ConfigError(f"{wrong}: got suffix {path.suffix!r}, expected {expected}")
    if not path.parent.is_dir():
        raise FileError(f"{wrong}: folder {str(path.parent)!r} does not exist, create it first")
    try:
        with new_file(path) as file:
            write(file)
    except OSError as error:
        raise FileError(f"{wrong}: {error.strerror or error}") from error
    return path
