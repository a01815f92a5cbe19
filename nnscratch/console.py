"""Where the command line prints: no text from a file or an argument gives the terminal orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from rich import console
from rich.text import Text

from nnscratch_records import files
from nnscratch_records.words import printable_lines


class Console(console.Console):
    """A console of rich that shows control characters escaped, wherever they come from.

    What rich itself sends to a terminal, colours say, is not text and passes.
    """

    @classmethod
    def beside(cls, *paths: Path | None, **how: Any) -> Self:
        """Return one that prints where none of the files `paths` goes: not into a piped file."""
        taken = any(path is not None and files.is_output(path, 1) for path in paths)
        return cls(stderr=taken, **how)

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(printable_lines(text), **how)
