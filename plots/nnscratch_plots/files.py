"""Writing a figure to a file, whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

# What would put the date, and so a difference, into files of the same picture.
_METADATA: dict[str, dict[str, str | None]] = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


def save_figure(figure: Figure | Axes, path: str | os.PathLike[str], *, dpi: float = 150) -> Path:
    """Write a figure, or the figure of some axes, as PNG, SVG or PDF by the suffix of `path`.

    The file appears complete or not at all: it is written under a temporary name in the same folder
    and then renamed. The same picture gives the same bytes. Raises ValueError for another suffix,
    FileNotFoundError for a missing folder and OSError where nothing can be written.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _METADATA:
        raise ValueError(
            f"cannot save the figure as {str(path)!r}: got suffix {path.suffix!r}, "
            "expected .png, .svg or .pdf"
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"cannot save the figure as {str(path)!r}: folder {str(path.parent)!r} does not exist, "
            "create it first"
        )
    whole = figure.figure if isinstance(figure, Axes) else figure
    if isinstance(whole, SubFigure):
        whole = whole.figure
    if not isinstance(whole, Figure):
        raise ValueError(f"figure must be a Figure or its Axes, got {type(figure).__name__}")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with matplotlib.rc_context({"svg.hashsalt": "nnscratch"}), open(temporary, "xb") as file:
            whole.savefig(file, format=kind, dpi=dpi, metadata=_METADATA[kind])
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(
            f"cannot save the figure as {str(path)!r}: {error.strerror or error}"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return path
