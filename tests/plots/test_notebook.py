"""A figure shows itself in a notebook, where a cell ends with it."""

import numpy as np

import nnscratch_plots as plots


def test_figure_has_a_png_of_its_own():
    record = {
        "label": "run",
        "layers": np.array(["0.dense", "2.dense"]),
        "steps": np.arange(2),
        "gradient_norm": np.ones((2, 2)),
    }
    png = plots.gradient_norm_figure(record)._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert png == plots.gradient_norm_figure(record)._repr_png_()
