"""Recurrent networks side by side."""

import numpy as np
import pytest

import nnscratch_plots as plots


def network(**changed):
    return {
        "label": "LSTM", "layers": ["0.lstm"], "relative_gradient": np.array([[1.0, 0.5, 0.2]]),
        "measured": None, "updates": [100, 200], "right": [0.3, 0.99], **changed,
    }  # fmt: skip


def test_a_gradient_and_a_score_for_each_network():
    figure = plots.memory_figure([network(), network(label="tanh", right=[0.2, 0.3])], chance=0.25)
    left, right = figure.axes
    assert sum(line.get_gid() == "values" for line in left.get_lines()) == 2
    labels = [text.get_text() for text in right.get_legend().get_texts()]
    assert labels == ["LSTM", "tanh", "guessing"]
    stars = [
        line
        for line in right.get_lines()
        if line.get_marker() == "*" and len(line.get_xdata()) == 1
    ]
    assert len(stars) == 1


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ([], "networks is empty"),
        ([network(right=[0.3])], "keys 'updates' and 'right' have shapes"),
        ([{key: value for key, value in network().items() if key != "right"}], "key 'right' is"),
    ],
)
def test_what_does_not_fit_is_named(networks, message):
    with pytest.raises(ValueError, match=message):
        plots.memory_figure(networks, chance=0.25)
