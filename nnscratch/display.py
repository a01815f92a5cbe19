"""Small tables of text, and of HTML as notebooks show them.

Nothing outside the fragment is needed and nothing is fetched; text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from html import escape
from typing import Any

import numpy as np

_LEFT, _RIGHT = ' style="text-align:left"', ' style="text-align:right"'


class Text(str):
    """Text that a Python prompt shows as it is printed."""

    def __repr__(self) -> str:
        return str(self)


class Brief:
    """A dataclass, made with ``repr=False``, of which arrays are shown by type and shape alone."""

    def __repr__(self) -> str:
        parts = (f"{f.name}={_brief(getattr(self, f.name))}" for f in fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(parts)})"


def _brief(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} {value.shape}>"
    if isinstance(value, tuple | list) and type(value) in (tuple, list):
        inside = ", ".join(map(_brief, value))
        comma = "," if len(value) == 1 else ""
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{comma})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_brief(each)}' for key, each in value.items())}}}"
    return repr(value)


def text_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], below: str, *, left: int
) -> Text:
    """Return a table whose first `left` columns are text, and a line below it."""
    lines = [tuple(heads), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [
        "  ".join(
            f"{cell:<{width}}" if i < left else f"{cell:>{width}}"
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return Text("\n".join([*aligned, below]))


def html_table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], below: str, *, left: int
) -> str:
    """Return a table whose first `left` columns are text."""

    def row(cells: Sequence[str], tag: str) -> str:
        made = (
            f"<{tag}{_LEFT if index < left else _RIGHT}>{escape(cell)}</{tag}>"
            for index, cell in enumerate(cells)
        )
        return f"<tr>{''.join(made)}</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    end = f"<tfoot><tr><td colspan={len(heads)}{_LEFT}>{escape(below)}</td></tr></tfoot>"
    return (
        f"<table><caption{_LEFT}><strong>{escape(caption)}</strong></caption>"
        f"<thead>{row(heads, 'th')}</thead><tbody>{body}</tbody>{end if below else ''}</table>"
    )


def findings_html(findings: Any) -> str:
    """Return the findings of one run, most serious first, with causes and cures."""
    from nnscratch_plots.report import findings_html as listed

    return (
        '<div class="nnscratch-findings">'
        f"<strong>{escape(str(findings.label))}</strong>{listed(findings, inline=True)}</div>"
    )


def size_in_words(count: int) -> str:
    """Return bytes as text: ``"1.2 MB"``."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
