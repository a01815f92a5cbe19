"""Where the command line prints: no text from a file or an argument gives the terminal orders."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from rich import box, console
from rich.table import Table
from rich.text import Text

from nnscratch_records import files
from nnscratch_records.words import one_line, printable_lines


class Console(console.Console):
    """A console of rich that shows control characters escaped, wherever they come from.

    What rich itself sends to a terminal, colours say, is not text and passes.
    """

    @classmethod
    def beside(cls, *paths: Path | None, **how: Any) -> Self:
        """Return one that prints where none of the files `paths` goes: not into a piped file."""
        taken = any(path is not None and files.is_output(path, 1) for path in paths)
        return cls(stderr=taken, **how)

    def say(self, text: object, **how: Any) -> None:
        """Print a sentence: nothing in it is coloured, the terminal breaks its lines.

        Text is plain, and one line, whatever names of files are in it.
        """
        if isinstance(text, str):
            text, how = one_line(text), {"markup": False, **how}
        self.print(text, **{"highlight": False, "soft_wrap": True, **how})

    def wrote(self, *paths: Path) -> None:
        """Say what was written."""
        for path in paths:
            self.say(f"wrote {path}")

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(printable_lines(text), **how)

    def on_broken_pipe(self) -> None:
        raise  # the command knows what to return


def text_of(*parts: object, width: int = 88) -> str:
    """Return `parts` as they are printed, one below the other: text without colours."""
    printed = Console(file=io.StringIO(), width=width, color_system=None, force_jupyter=False)
    with printed.capture() as text:
        for part in parts:
            printed.print(part, highlight=False, crop=False)
    return text.get().rstrip()


def table_of(
    name: str, numbers: Iterable[str], *words: str, caption: str | None = None, **how: Any
) -> Table:
    """Return an empty table: a column of names, columns of numbers, and of words behind them.

    how : see `rich.table.Table`
    """
    made = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=caption, caption_justify="left", **how
    )
    made.add_column(name, no_wrap=True)
    for heading in numbers:
        made.add_column(heading, justify="right", no_wrap=True)
    for heading in words:
        made.add_column(heading)
    return made
