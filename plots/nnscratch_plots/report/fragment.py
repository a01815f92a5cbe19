"""A record in a few lines of HTML, for notebooks: a small picture and the numbers."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
from matplotlib import colormaps, image
from matplotlib.colors import to_rgba_array

from nnscratch_plots import cells
from nnscratch_plots.cells import COLORMAP
from nnscratch_plots.heatmap import MOST_DECADES, color_limits, thinned
from nnscratch_plots.records import Array, Record, Run, read_run
from nnscratch_plots.report.glance import NEEDED, glance

_MOST_COLUMNS = 240


def record_html(record: Record) -> str:
    """A fragment of HTML for one record, with nothing outside it: label, sentences, a heatmap.

    Raises ConfigError naming the key for a record without gradient norms.
    """
    run = read_run(record, needed=NEEDED)
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in glance(run))
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
    series = run.series("gradient_norm", "all")
    norms, _ = thinned(series, _MOST_COLUMNS)
    low, high = np.log10(color_limits([series], MOST_DECADES))
    shown = np.isfinite(norms) & (norms > 0)
    exponents = np.log10(norms, out=np.zeros(norms.shape), where=shown)
    colors: Array = np.asarray(colormaps[COLORMAP]((exponents - low) / (high - low)))
    for kind, mask in cells.special(norms).items():
        colors[mask] = to_rgba_array(cells.LOOKS[kind]["facecolor"])[0]
    content = io.BytesIO()
    pixels = (255 * colors).round().astype(np.uint8)
    image.imsave(content, np.ascontiguousarray(pixels.transpose(1, 0, 2)[::-1]), format="png")
    return base64.b64encode(content.getvalue()).decode("ascii")
