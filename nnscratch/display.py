"""What a notebook shows of a model, a trace and findings: small tables of HTML.

Nothing outside the fragment is needed and nothing is fetched; text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError

if TYPE_CHECKING:
    from nnscratch.model import Sequential
    from nnscratch.trace import LayerTrace, Trace

_LEFT, _RIGHT = ' style="text-align:left"', ' style="text-align:right"'


def model_html(model: Sequential) -> str:
    """A row per layer - what it is, the shape it gives, its parameters - and the sums."""
    rows, features = [], model.features_in
    for name, layer in model.layers.items():
        features = layer.output_features(features)
        shape = "(batch, ?)" if features is None else f"(batch, {features})"
        count = sum(values.size for values in layer.params.values())
        rows.append((name, repr(layer), shape, f"{count:,}" if count else "-"))
    total = (
        f"{model.params.flat.size:,} parameters, {model.dtype}, {_size(model.nbytes)} with "
        "gradients and buffers"
    )
    return _table("Sequential", ("layer", "is", "gives", "parameters"), rows, total, left=2)


def trace_html(trace: Trace) -> str:
    """A row per layer: what came out of it and the gradient that arrived there."""
    heads = ("layer", "output", "mean", "std", "largest", "gradient norm", "gradient std")
    try:
        rows = [_traced(trace[name]) for name in trace]
    except ConfigError as error:
        return f"<p><strong>Trace</strong>: {escape(str(error))}</p>"
    loss = "" if trace.loss is None else f"loss {trace.loss:.4g}"
    return _table("Trace", heads, rows, loss, left=1)


def findings_html(findings: Any) -> str:
    """The findings of one run, most serious first, with causes and cures."""
    from nnscratch_plots.report import findings_html as listed

    return (
        '<div class="nnscratch-findings">'
        f"<strong>{escape(str(findings.label))}</strong>{listed(findings, inline=True)}</div>"
    )


def _traced(layer: LayerTrace) -> tuple[str, ...]:
    gradient = ("-", "-")
    if layer.upstream is not None:
        size = float(np.linalg.norm(layer.upstream.astype(np.float64)))
        gradient = (f"{size:.3g}", _statistic(np.std, layer.upstream))
    return (
        layer.name,
        str(layer.output.shape),
        _statistic(np.mean, layer.output),
        _statistic(np.std, layer.output),
        _statistic(lambda values: np.abs(values).max(), layer.output),
        *gradient,
    )


def _statistic(function: Any, values: Array) -> str:
    if not values.size:
        return "-"
    with np.errstate(invalid="ignore", over="ignore"):
        return f"{float(function(values.astype(np.float64))):.3g}"


def _table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], below: str, *, left: int
) -> str:
    """A table whose first `left` columns are text."""

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


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
