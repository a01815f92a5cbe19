"""Names of layers on an axis: as many as stand apart, evenly spaced, both ends always."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

from nnscratch_plots.layer_ticks import label_layers_across
from nnscratch_plots.records import Series


def labelled(layers, blocks=(), width=6.0):
    """Return the labels, where they stand, and the axes, drawn."""
    figure = Figure(figsize=(width, 2))
    ax = figure.add_axes((0.05, 0.2, 0.9, 0.7))
    steps = np.arange(1)
    norms = np.ones((1, len(layers)))
    label_layers_across(ax, [Series("a", tuple(layers), steps, norms, None, tuple(blocks))])
    figure.canvas.draw()
    return [text.get_text() for text in ax.get_xticklabels()], ax


def boxes(ax):
    return [text.get_window_extent() for text in ax.get_xticklabels()]


@pytest.mark.parametrize("width", [3.0, 8.0])
@pytest.mark.parametrize("length", [1, 11])
@pytest.mark.parametrize("count", [1, 2, 3, 14, 60])
def test_labels_do_not_touch_and_both_ends_are_there(count, length, width):
    layers = [f"{'m' * length}{i}" for i in range(count)]
    labels, ax = labelled(layers, width=width)
    assert labels[0] == layers[0]
    assert labels[-1] == layers[-1]
    inner = boxes(ax) if len(labels) > 2 else []
    assert all(one.x1 < other.x0 for one, other in pairwise(inner))
    gaps = np.diff(ax.get_xticks())[1:-1]
    assert not len(gaps) or np.ptp(gaps) == 0


def test_all_names_stand_where_they_fit_and_every_second_or_third_where_not():
    layers = [f"layer{i}" for i in range(8)]
    assert labelled(layers, width=5)[0] == layers
    assert labelled(layers, width=4)[0] == ["layer0", "layer2", "layer4", "layer7"]
    assert labelled(layers, width=2)[0] == ["layer0", "layer4", "layer7"]


def test_blocks_of_a_list_have_their_own_names_between_both_ends():
    layers = ["embed", *(f"blocks.{i}.{part}" for i in range(6) for part in ("up", "down")), "head"]
    blocks = ["", *(f"blocks.{i}" for i in range(6) for _ in range(2)), ""]
    assert labelled(layers, blocks, width=20)[0] == layers
    every = [f"blocks.{i}" for i in range(6)]
    assert labelled(layers, blocks, width=8)[0] == ["embed", *every, "head"]
    assert labelled(layers, blocks, width=4)[0] == ["embed", "blocks.1", "blocks.3", "head"]
