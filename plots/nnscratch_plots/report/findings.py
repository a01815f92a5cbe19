"""Findings as HTML: whatever has `kind`, `severity`, `sentence`, `cause` and `cures`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from numbers import Integral
from typing import Any

from nnscratch_records.errors import ConfigError

_LEVELS = {"fatal": "high", "serious": "medium", "notice": "low"}  # any other word: the middle
# Colours for notebooks, which may be light or dark: readable on both.
_LOOKS = {"high": ("#d64545", "■"), "medium": ("#b06f00", "▲"), "low": ("#3b82c4", "●")}


def findings_html(findings: Iterable[Any], *, run: int | None = None, inline: bool = False) -> str:
    """A list of findings.

    `run`, the number of the run on a page, adds a button that goes to the finding's step and
    layer; `inline` gives the list its own colours.
    """
    rows = [_row(finding, run, inline) for finding in findings]
    scope = escape(str(getattr(findings, "scope", "")))  # what was looked at
    if not rows:
        return f'<p class="no-findings">Nothing was found that needs attention. {scope}</p>'
    style = ' style="list-style:none;padding-left:0;max-width:60em"' if inline else ""
    first = _first(*findings.begin_with()) if hasattr(findings, "begin_with") else ""
    below = f'<p class="scope">{scope}</p>' if scope else ""
    return f'{first}<ol class="findings"{style}>{"".join(rows)}</ol>{below}'


def _first(begin: str, line: str, why: str) -> str:
    """What to do first, the line of Python that does it, and why that comes first."""
    if not begin:
        return ""
    code = f"<pre><code>{escape(line)}</code></pre>" if line else ""
    told = f"<div>{escape(why)}</div>" if why else ""
    return f'<div class="begin-with"><strong>{escape(begin)}</strong>{code}{told}</div>'


def several(findings: Any, count: int) -> list[Sequence[Any] | None]:
    """Findings of each run: given flat for one run, or as a sequence with one entry per run."""
    if findings is None:
        return [None] * count
    listed = list(findings)
    flat = all(hasattr(finding, "sentence") for finding in listed)
    if count == 1 and flat:
        return [findings]
    if len(listed) != count or flat:
        raise ConfigError(
            f"findings has {len(listed)} entries{' of one run' if flat else ''} for {count} "
            "records, expected a sequence of findings (or None) for each record"
        )
    return listed


def level(severity: Any) -> str:
    """The severity as "high", "medium" or "low"."""
    word = str(getattr(severity, "name", severity)).lower()
    return _LEVELS.get(word, "medium")


def badge(finding: Any, *, inline: bool = False, short: bool = False) -> str:
    """Mark, severity (unless `short`) and kind of a finding in the colour of its severity."""
    severity = level(getattr(finding, "severity", ""))
    color, mark = _LOOKS[severity]
    kind = escape(str(getattr(finding, "kind", "")))
    word = escape(str(getattr(finding, "severity", severity)))
    style = f' style="color:{color};font-weight:bold"' if inline else ""
    said = kind if short else f"{word}: {kind}"
    return f'<span class="badge {severity}"{style}>{mark} {said}</span>'


def _row(finding: Any, run: int | None, inline: bool) -> str:
    severity = level(getattr(finding, "severity", ""))
    color, _ = _LOOKS[severity]
    parts = [
        f"{badge(finding, inline=inline)} ",
        f'<span class="sentence">{escape(str(finding.sentence))}</span>',
    ]
    cause = getattr(finding, "cause", None)
    if cause:
        parts.append(f'<div class="cause">Cause: {escape(str(cause))}</div>')
    cures = _strings(getattr(finding, "cures", None))
    if cures:
        items = "".join(f"<li>{escape(cure)}</li>" for cure in cures)
        parts.append(f'<div class="cures">What may help:<ul>{items}</ul></div>')
    if run is not None:
        parts.append(_button(finding, run))
    edge = f' style="border-left:4px solid {color};padding:2px 10px;margin:8px 0"' if inline else ""
    return f'<li class="finding {severity}"{edge}>{"".join(parts)}</li>'


def _button(finding: Any, run: int) -> str:
    """A button for findings that say a step."""
    step, layers = getattr(finding, "step", None), getattr(finding, "layers", None)
    if not isinstance(step, Integral) or isinstance(step, bool):
        return ""
    name = f' data-layer="{escape(str(layers[0]))}"' if layers else ""
    return (
        f'<button type="button" class="go needs-script" data-run="{run}" data-step="{step}"{name}>'
        "Show</button>"
    )


def _strings(cures: Any) -> Sequence[str]:
    if not cures:
        return ()
    return [cures] if isinstance(cures, str) else [str(cure) for cure in cures]
