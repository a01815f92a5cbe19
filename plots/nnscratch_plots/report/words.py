"""What the page says and how it looks, as data for its script."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from nnscratch_plots import axes
from nnscratch_plots.attribution import BROKEN, TERM_LOOKS
from nnscratch_plots.blocks import LANES
from nnscratch_plots.cells import COLORMAP, LOOKS
from nnscratch_plots.heatmap import LEAST_DECADES, MOST_DECADES
from nnscratch_plots.readings import READING, map_reading
from nnscratch_plots.report.packing import (
    BATCHNORM,
    ENDS,
    OF_EVERY_LAYER,
    QUANTITIES,
    SERIES,
    TIME,
)
from nnscratch_plots.style import COLORS
from nnscratch_records import FIELDS, WEIGHTED, field_named
from nnscratch_records.attribution import TITLES
from nnscratch_records.limits import LEAST_UPDATE, MOST_UPDATE, UPDATE

# Of each role: how a list offers its layers, and what one of them is.
_ROLES = {
    "weights": ("with weights", "layer with weights"),
    "lookup": ("embeddings", "embedding"),
    "recurrent": ("recurrent", "recurrent layer"),
    "activation": ("activations", "activation"),
    "norm": ("norms", "norm"),
    "noise": ("dropout", "dropout layer"),
    "join": ("joins of branches", "join"),
    "shape": ("that pass all on", "layer that passes all on"),
    "mix": ("that bring places together", "layer that brings places together"),
    "opaque": ("of unknown kind", "layer of unknown kind"),
    "all": ("all", "layer"),
}
_ZIGZAG = (
    "Different kinds of layers take turns, so that this may zigzag: for the trend choose one kind "
    "of layers above."
)
# What the page's pictures have beside what the other pictures say: their marks.
_MORE = {
    "loss": "the upright line is the slider's step, and the fainter line, where there is one, the "
    "loss on held-out examples as it was after the epoch before",
    "batchnorm": "the gap of the means should stay below the dashed line at 1, the others near it",
    "clip": "the fainter line is the norm after clipping",
    "histograms": "how often each size occurs in a sample of the values; each bin reaches twice as "
    "far from 0 as the one before (gradients: four times). A heap at one end of the output is a "
    "saturated activation; a gradient far to the left is one that has vanished",
}
_PANELS = (
    *("loss", "gradient_norm", "updates", "attribution", "signal", "saturation", "batchnorm"),
    *("clip", "blocks", "histograms", "time"),
)


def how(panel: str) -> str:
    """How to read a panel of the page."""
    said = "; ".join(filter(None, (READING.get(panel), _MORE.get(panel))))
    return f"How to read: {said}."


def hows() -> dict[str, str]:
    """How to read each panel of the page, by the name that the page has for it."""
    return {f"how_{panel}": how(panel) for panel in _PANELS}


def words() -> dict[str, Any]:
    """Return the words, colours and limits that the page's script takes."""
    return {
        "fields": {
            key: {
                "title": field_named(key).title,
                "short": field_named(key).short,
                "log": field_named(key).scale == "log",
                "how": f"How to read: {map_reading(key)}.",
                "everyLayer": key in OF_EVERY_LAYER,
            }
            for key in QUANTITIES
        },
        "time": {
            key: {"title": field_named(key).title, "short": field_named(key).short} for key in TIME
        },
        "series": {key: FIELDS[key].short for key in SERIES},
        "roles": {
            role: {
                "title": title,
                "one": one,
                "how": _ZIGZAG if role == "all" else f"Shown is every {one}.",
            }
            for role, (title, one) in _ROLES.items()
        },
        "weighted": WEIGHTED,
        "terms": {
            term: {"title": TITLES[term], "color": color, "hatch": hatch}
            for term, (color, hatch) in TERM_LOOKS.items()
        },
        "lanes": LANES,
        "broken": BROKEN,
        "marks": {kind: axes.NAMES[kind] for kind in LOOKS},
        "strips": {kind: axes.STRIP_NAMES[kind] for kind in LOOKS},
        "ends": ENDS,
        "batchnorm": BATCHNORM,
        "colors": COLORS,
        "map": [to_hex(colormaps[COLORMAP](share)) for share in np.linspace(0, 1, 11)],
        "update": {"line": UPDATE, "band": [LEAST_UPDATE, MOST_UPDATE]},
        "decades": [LEAST_DECADES, MOST_DECADES],
        "level": axes.LEAST_DECADES,  # what is healthy looks level
    }
