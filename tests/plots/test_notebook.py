"""A figure shows itself in a notebook, where a cell ends with it."""

import numpy as np
from matplotlib.figure import Figure

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


def test_axes_of_a_figure_of_their_own_show_it():
    made = {"rates": np.array([0.1, 1.0]), "losses": np.ones(2), "smooth": np.ones(2),
            "rate": 0.1, "lowest": 0.1, "exploded": False}  # fmt: skip
    axes = plots.rate_test(made)
    assert axes._repr_png_() == axes.figure._repr_png_()
    assert axes._repr_png_().startswith(b"\x89PNG")
    # Who gives axes shows them.
    given = Figure().subplots()
    assert plots.rate_test(made, ax=given) is given
    assert not hasattr(given, "_repr_png_")
