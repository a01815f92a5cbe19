"""The top of a page: what was found in each run, and several runs in one table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from nnscratch_plots.beside import Prediction, in_words
from nnscratch_plots.records import Run
from nnscratch_plots.report.findings import badge, findings_html
from nnscratch_plots.report.glance import glance
from nnscratch_records.words import number

Found = Sequence[Any] | None

# With more runs than this their findings are folded away below the table.
_MOST_OPEN = 2


def overview(runs: Sequence[Run], found: Sequence[Found], predictions: Sequence[Prediction]) -> str:
    """Findings and sentences of each run; before them, for several, a table with a row for each."""
    if len(runs) == 1:
        title = f"<h3>{escape(runs[0].label)}</h3>"
        details = _details(0, runs[0], found[0], predictions[0])
        return f'<article class="run">{title}{details}</article>'
    folded = "" if len(runs) > _MOST_OPEN else " open"
    articles = [
        f'<details class="run"{folded}><summary><h3>{escape(run.label)}</h3></summary>'
        f"{_details(index, run, findings, prediction)}</details>"
        for index, (run, findings, prediction) in enumerate(
            zip(runs, found, predictions, strict=True)
        )
    ]
    return _table(runs, found) + "".join(articles)


def _details(index: int, run: Run, findings: Found, prediction: Prediction) -> str:
    told = in_words(prediction, run.layers, int(run.steps[0]), run.get("gradient_norm")[0])
    lines = [*glance(run), *([told] if told else [])]
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in lines)
    listed = "" if findings is None else findings_html(findings, run=index)
    return f'{listed}<ul class="glance">{sentences}</ul>'


def _table(runs: Sequence[Run], found: Sequence[Found]) -> str:
    heads = ("run", "found", "loss, first", "loss, last", "gradient, first / last layer", "finite")
    rows = []
    for run, findings in zip(runs, found, strict=True):
        cells = (
            _kinds(findings),
            number(run.get("loss")[0]),
            number(run.get("loss")[-1]),
            number(run.ratio_of_ends()),
            _finite(run),
        )
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row">{escape(run.label)}</th>{row}</tr>')
    head = "".join(f'<th scope="col">{title}</th>' for title in heads)
    return (
        f'<div class="wide-table"><table class="numbers overview"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _kinds(findings: Found) -> str:
    """The kinds that were found, in the order given: most serious first."""
    if findings is None:
        return "not looked for"
    return "<br>".join(badge(finding, short=True) for finding in findings) or "nothing"


def _finite(run: Run) -> str:
    norms, loss = run.get("gradient_norm"), run.get("loss")
    bad = np.flatnonzero(~(np.isfinite(loss) & np.isfinite(norms).all(axis=1)))
    return f"not from step {run.steps[bad[0]]}" if bad.size else "always"
