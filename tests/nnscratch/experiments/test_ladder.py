"""The ladder at its default depth: what each rung is there to show."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.experiments import ladder
from nnscratch.flow.reading import weight_columns

SETTINGS = ladder.Settings(epochs=4)


@pytest.fixture(scope="module")
def outcomes():
    data = nn.datasets.digits()
    return {rung.name: ladder.climb(rung, data, SETTINGS) for rung in ladder.LADDER}


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("sigmoid-glorot", "vanishing"),
        ("tanh-glorot", "healthy"),
        ("relu-he", "healthy"),
        ("leaky-relu-he", "healthy"),
        ("elu-he", "healthy"),
        ("elu-he-batchnorm", "healthy"),
        ("relu-exploding", "diverged"),
        ("relu-exploding-clipped", "exploding"),
    ],
)
def test_reading(outcomes, name, word):
    assert outcomes[name].reading.word == word


def dense_norms(record):
    return record["gradient_norm"][:, weight_columns(record)]


def test_vanishing_rate_is_the_mean_field_rate(outcomes):
    # chi_1 = 0.0557 on the squared norm for sigmoid with Glorot's weights; equal widths only.
    norms = dense_norms(outcomes["sigmoid-glorot"].record)[0, 1:10]
    rates = (norms[:-1] / norms[1:]) ** 2
    assert np.exp(np.log(rates).mean()) == pytest.approx(0.0557, rel=0.05)


def test_exploding_rate_is_that_of_the_weights(outcomes):
    # Twice He's standard deviation: the norm doubles with every layer.
    norms = dense_norms(outcomes["relu-exploding"].record)[0, 1:10]
    assert np.exp(np.log(norms[:-1] / norms[1:]).mean()) == pytest.approx(2, rel=0.1)


def test_clipping_rescues_the_exploding_run(outcomes):
    assert outcomes["relu-exploding"].history.diverged
    assert outcomes["relu-exploding-clipped"].accuracy > 0.5


def test_batch_norm_learns_fastest(outcomes):
    accuracies = {name: outcome.accuracy for name, outcome in outcomes.items()}
    assert accuracies["elu-he-batchnorm"] > 0.85
    assert accuracies["sigmoid-glorot"] < 0.2


def test_select_keeps_the_order_and_refuses_unknown_names():
    chosen = ladder.select(["relu-he", "sigmoid-normal"])
    assert [rung.name for rung in chosen] == ["sigmoid-normal", "relu-he"]
    with pytest.raises(nn.ConfigError, match="did you mean 'relu-he'"):
        ladder.select(["relu-hee"])


def test_rungs_share_their_first_weights():
    first, second = (
        ladder.build(rung, 64, 10, SETTINGS).params["0.weight"]
        for rung in ladder.select(["relu-he", "elu-he"])
    )
    np.testing.assert_array_equal(first, second)
