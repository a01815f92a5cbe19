"""Legends above panels: as many columns as fit, and words that lose no letter without need."""

import pytest
from matplotlib.patches import Patch

from nnscratch_plots import style

TERMS = ("weights: -0.34", "sums of branches: +0.03", "pooling, attention: -0.34")
BROKEN = "a norm is 0 or not finite"


def legend(labels, inches):
    """Return the texts of a legend above axes of such a width, and where they end in it."""
    with style.page(inches + 1, 3) as figure:
        ax = figure.add_axes((0.5 / (inches + 1), 0.1, inches / (inches + 1), 0.6))
        style.legend_above(ax, "forward signal", [Patch(label=label) for label in labels])
        figure.draw_without_rendering()
        texts = ax.get_legend().get_texts()
        end = max(text.get_window_extent().x1 for text in texts)
        return [text.get_text() for text in texts], end - ax.get_window_extent().x1


@pytest.mark.parametrize(("inches", "whole"), [(3.1, True), (2.8, False)])
def test_letters_are_left_out_only_where_two_columns_would_not_fit(inches, whole):
    labels = (*TERMS, BROKEN)
    texts, beyond = legend(labels, inches)
    assert (tuple(texts) == labels) == whole
    assert len(set(texts)) == len(labels)
    assert beyond <= 0


def test_as_many_letters_stay_as_fit():
    lengths = [
        max(map(len, legend((*TERMS, BROKEN), inches)[0])) for inches in (2.2, 2.4, 2.6, 2.8, 3.1)
    ]
    assert lengths == sorted(set(lengths))
