"""A record in a few lines of HTML, for notebooks: a small picture and the numbers."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
from matplotlib import colormaps, image
from matplotlib.colors import to_rgba_array

from nnscratch_plots.heatmap import COLORMAP
from nnscratch_plots.records import Array, Record
from nnscratch_plots.report.glance import glance
from nnscratch_plots.report.reading import Run, read_run

_MOST_COLUMNS = 240
_COLORS = {"zero": "black", "infinite": "#e8590c", "nan": "#e4e4e4"}


def record_html(record: Record) -> str:
    """A fragment of HTML for one record, with nothing outside it: label, sentences, a heatmap.

    Raises ValueError naming the key for a record without gradient norms.
    """
    run = read_run(record)
    said = [*glance(run), run.note] if run.note else glance(run)
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in said)
    return (
        '<div class="nnscratch-record" style="max-width:60em">'
        f'<strong>{escape(run.label)}</strong><ul style="margin:4px 0">{sentences}</ul>'
        f"{picture_html(run)}</div>"
    )


def picture_html(run: Run) -> str:
    """A small heatmap of the gradient norms, inside the fragment, and what its colours mean."""
    says = (
        f"Norm of the back-propagated gradient, {len(run.layers)} layers (input at the bottom) "
        f"by steps {run.steps[0]} to {run.steps[-1]}: dark is small, yellow large; "
        "black is exactly 0, orange infinite, light grey NaN."
    )
    height = min(220, max(48, 7 * len(run.layers)))
    return (
        f'<img src="data:image/png;base64,{_thumbnail(run)}" alt="{escape(says)}" '
        f'style="width:min(100%,480px);height:{height}px;image-rendering:pixelated;'
        f'border:1px solid #8888"><div style="font-size:85%">{escape(says)}</div>'
    )


def _thumbnail(run: Run) -> str:
    """A PNG of one pixel per layer and moment, base64; a moment shows its largest norm."""
    norms = np.asarray(run.quantities["gradient_norm"].values, dtype=np.float64)
    window = -(-len(norms) // _MOST_COLUMNS)
    norms = np.maximum.reduceat(norms, np.arange(0, len(norms), window), axis=0)
    content = io.BytesIO()
    pixels = np.ascontiguousarray(_colored(norms).transpose(1, 0, 2)[::-1])
    image.imsave(content, pixels, format="png")
    return base64.b64encode(content.getvalue()).decode("ascii")


def _colored(norms: Array) -> Array:
    """Colours of the norms, (S, L, 4) bytes, on a log scale over at most 16 decades."""
    shown = np.isfinite(norms) & (norms > 0)
    exponents = np.zeros(norms.shape)
    np.log10(norms, out=exponents, where=shown)
    low, high = (exponents[shown].min(), exponents[shown].max()) if shown.any() else (0.0, 1.0)
    low = max(low, high - 16)
    share = np.clip((exponents - low) / max(high - low, 1.0), 0, 1)
    colors: Array = np.asarray(colormaps[COLORMAP](share))
    masks = {"zero": norms == 0, "infinite": np.isinf(norms), "nan": np.isnan(norms)}
    for kind, mask in masks.items():
        colors[mask] = to_rgba_array(_COLORS[kind])[0]
    return (255 * colors).round().astype(np.uint8)
