"""Where progress is shown."""

from __future__ import annotations

import sys
from typing import TextIO


def in_notebook() -> bool:
    """Whether this is a notebook's process."""
    return "ipykernel" in sys.modules


def progress_stream() -> TextIO:
    """Return standard error; in a notebook, which shows that as an error, standard output."""
    return sys.stdout if in_notebook() else sys.stderr
