"""One page from its parts: everything is inside the file, nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from nnscratch_plots.beside import Predictions, aligned
from nnscratch_plots.files import write_whole
from nnscratch_plots.records import Record, Run, read_runs
from nnscratch_plots.report.findings import several
from nnscratch_plots.report.fragment import picture_html
from nnscratch_plots.report.glance import NEEDED
from nnscratch_plots.report.overview import overview
from nnscratch_plots.report.packing import pack_runs
from nnscratch_plots.report.words import hows, words
from nnscratch_records import field_named
from nnscratch_records.files import PathLike
from nnscratch_records.words import number

# In this order: each file uses those before it.
SCRIPTS = (
    *("base.js", "axes.js", "lines.js", "blocks.js", "heatmap.js", "histograms.js"),
    *("attribution.js", "time.js", "main.js"),
)
_TABLE = ("gradient_norm", "output_std", "update_ratio", "output_zeros")


def report_html(
    records: Record | Iterable[Record],
    *,
    findings: Any = None,
    title: str | None = None,
    predictions: Predictions = None,
) -> str:
    """Return the whole page (see `write_report`)."""
    runs = read_runs(records, NEEDED)
    found = several(findings, len(runs))
    if title is None:
        labels = [run.label for run in runs]
        title = f"Gradient flow: {', '.join(labels[:3])}" + (" ..." if len(labels) > 3 else "")
    script = "\n".join(_part(name) for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    parts = {
        "title": escape(title),
        # Only this script runs, whatever a label or a finding may hold, and nothing is fetched.
        "policy": f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'",
        "style": _part("style.css"),
        "overview": overview(runs, found, aligned(predictions, len(runs))),
        "pictures": "".join(f"<h3>{escape(run.label)}</h3>{picture_html(run)}" for run in runs),
        "tables": "".join(map(_table, runs)),
        "data": _safe_json({**pack_runs(runs), "words": words()}),
        **{name: escape(text) for name, text in hows().items()},
        "script": script,
    }
    # One pass: what is put in is not searched again.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _part("page.html"))


def write_report(
    records: Record | Iterable[Record],
    path: PathLike,
    findings: Any = None,
    title: str | None = None,
    predictions: Predictions = None,
) -> Path:
    """Write one self-contained HTML page about one run, or several to compare.

    It opens in any browser without a network. Long and deep runs are thinned to a few megabytes;
    the page says what it left out. The file appears complete or not at all.

    Parameters
    ----------
    records : one record or several (see `nnscratch_plots`)
    path : where to write, ending in .html or .htm
    findings : objects with `kind`, `severity`, `sentence`, `cause` and `cures`, and if they have
        them `step` and `layers`: a sequence for one record, a sequence of sequences for several
    title : heading of the page; by default it names the runs
    predictions : for each record what theory expected of its first step (see
        `predicted_gradient_norms`), None, or a string that says why there is none

    Raises ConfigError for a wrong record, findings that do not fit or another suffix,
    FileError for a missing folder and where nothing can be written.
    """
    page = report_html(records, findings=findings, title=title, predictions=predictions)
    return write_whole(
        path,
        # Names of files may hold bytes that are no text.
        lambda file: file.write(page.encode("utf-8", "backslashreplace")),
        what="write the report",
        suffixes=(".html", ".htm"),
    )


def _part(name: str) -> str:
    return (files("nnscratch_plots.report") / "page" / name).read_text("utf-8")


def _safe_json(data: Any) -> str:
    """JSON that no label can end: without <, > and &, which its strings write as escapes."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _table(run: Run) -> str:
    """Every layer at the last recorded step, for readers without script or without sight."""
    keys = [key for key in _TABLE if run.has(key)]
    head = "".join(f'<th scope="col">{field_named(key).short}</th>' for key in keys)
    rows = []
    for index, name in enumerate(run.layers):
        cells = "".join(f"<td>{_at_end(run, key, index)}</td>" for key in keys)
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return (
        f"<details><summary>{escape(run.label)}: every layer at step {run.steps[-1]}, as a table"
        f'</summary><table class="numbers"><thead><tr><th scope="col">layer</th>{head}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></details>"
    )


def _at_end(run: Run, key: str, layer: int) -> str:
    values, columns = run.by_layer(key)
    return number(values[-1, columns == layer][0], 4) if layer in columns else ""
