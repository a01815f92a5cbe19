"""`predict` on models: formulas, cures, notes, and what it shows."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.experiments import ladder

from .networks import BATCH, rung, small


def test_rates_of_equal_layers_are_those_of_theory():
    model = ladder.build(rung("sigmoid-glorot"), 100, 100, ladder.Settings(depth=30))
    prediction = nn.predict(model)
    np.testing.assert_allclose(prediction.rate[5:-1], 0.0557, atol=5e-5)
    assert prediction.regime.rate == pytest.approx(0.0557, abs=5e-5)
    assert prediction.trainable_depth == pytest.approx(2.08, abs=0.01)


@pytest.mark.parametrize(
    ("batch", "formula"),
    [(None, "limit of large batches"), (64, "exact for batches of 64, closed form")],
)
def test_batch_norm_says_which_formula(batch, formula):
    parts = []
    for _ in range(12):
        parts += [nn.Dense(50, 50), nn.BatchNorm(50, epsilon=1e-9), nn.ReLU()]
    model = nn.Sequential(*parts, nn.Dense(50, 50))
    prediction = nn.predict(model, batch_size=batch)
    expected = math.pi / (math.pi - 1) if batch is None else 1.493
    np.testing.assert_allclose(prediction.rate[5:-2], expected, atol=5e-4)
    assert prediction.regime.rate == pytest.approx(expected, abs=5e-4)
    assert formula in prediction.regime.formula
    assert prediction.cure is None
    assert math.isnan(prediction.last_gradient) == (batch is None)


def test_elu_with_batch_norm_is_by_quadrature(data):
    model = ladder.build(rung("elu-he-batchnorm"), 64, 10, ladder.Settings())
    prediction = nn.predict(model, data[0], batch_size=BATCH)
    assert "quadrature on the sphere" in prediction.regime.formula
    assert prediction.regime.rate == pytest.approx(1.1016, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "sw2", "text"),
    [
        ("relu-exploding", 2.0, '"he_normal"'),
        ("sigmoid-glorot", 103.0, "VarianceScaling(103.01"),
        ("tanh-glorot", 1.0, '"lecun_normal"'),
    ],
)
def test_cure(name, sw2, text, data):
    model = ladder.build(rung(name), 64, 10, ladder.Settings())
    prediction = nn.predict(model, data[0], batch_size=BATCH)
    assert prediction.cure.sw2 == pytest.approx(sw2, abs=0.05)
    assert text in prediction.cure.initializer
    assert prediction.cure.rate == pytest.approx(1, abs=1e-3)
    if name == "sigmoid-glorot":
        assert "saturate" in prediction.verdict


def test_cured_weights_are_predicted_to_be_healthy():
    def build(init):
        parts = []
        for _ in range(40):
            parts += [nn.Dense(100, 100, init=init), nn.Tanh()]
        return nn.Sequential(*parts, nn.Dense(100, 10, init=init))

    sick = nn.predict(build(nn.initializers.VarianceScaling(9.0)))
    assert sick.word == "exploding"
    well = nn.predict(build(eval(sick.cure.initializer)))  # the expression is Python
    assert well.word == "healthy"


def test_notes_on_what_theory_does_not_cover():
    for units, told in ((9, True), (10, False)):
        notes = nn.predict(nn.Sequential(nn.Dense(64, units), nn.Tanh(), nn.Dense(units, 10))).notes
        assert any(f"only {units} units" in note for note in notes) == told
    deep = ladder.build(rung("elu-he-batchnorm"), 64, 10, ladder.Settings(depth=30))
    assert any("narrow for their number" in note for note in nn.predict(deep).notes)
    for layers, told in ((5, False), (6, True)):  # of 100 units: 0.05 and 0.06
        parts = [(nn.Dense(100, 100), nn.BatchNorm(100), nn.Tanh()) for _ in range(layers)]
        notes = nn.predict(nn.Sequential(*sum(parts, ()), nn.Dense(100, 10))).notes
        assert any("narrow for their number" in note for note in notes) == told
    notes = nn.predict(small(nn.Tanh(), init="orthogonal")).notes
    assert any("orthogonal" in note for note in notes)
    notes = nn.predict(small(nn.Tanh(), init=nn.initializers.Uniform(0, 0.1))).notes
    assert any("theory is for weights of mean 0" in note for note in notes)
    model = nn.Sequential(
        nn.Dense(9, 20, bias_init=nn.initializers.Constant(0.1)), nn.ReLU(), nn.Dense(20, 2)
    )
    prediction = nn.predict(model)
    assert prediction.at_initialization
    assert any("all biases are 0.1" in note for note in prediction.notes)
    assert any("no data given" in note for note in prediction.notes)


def test_layers_before_the_first_dense_are_run(data):
    x, _ = data
    model = nn.Sequential(nn.BatchNorm(64), nn.Dense(64, 30, init="he_normal"))
    prediction = nn.predict(model, x[:BATCH])
    lively = np.mean(x[:BATCH].std(axis=0) > 0.05)
    assert prediction.second_moment[0] == pytest.approx(2 * lively, rel=0.1)
    assert prediction.word == "healthy"
    assert "single layer" in prediction.verdict
    assert math.isnan(prediction.depth_scale)


def test_repr_is_a_table(data):
    text = repr(
        nn.predict(ladder.build(rung("relu-he"), 64, 10, ladder.Settings()), data[0][:BATCH])
    )
    assert text.startswith("Prediction: healthy: the gradient reaches the first layer")
    rows = [line for line in text.splitlines() if ".dense" in line]
    assert len(rows) == 11
    assert max(map(len, text.splitlines())) <= 88


def test_plot(data):
    x, y = data
    figure = nn.predict(small(nn.ReLU()), x[:BATCH], y[:BATCH]).plot()
    assert any(line.get_gid() == "measured" for line in figure.axes[0].get_lines())
    figure = nn.predict(small(nn.ReLU())).plot()
    assert not any(line.get_gid() == "measured" for line in figure.axes[0].get_lines())


def test_networks_that_pass_nothing():
    prediction = nn.predict(small(nn.ReLU(), init="zeros"))
    assert prediction.word == "vanishing"
    assert prediction.ratio == 0
    assert "Prediction: first of all: all weights of 0.dense are 0" in repr(prediction)


def test_very_deep_networks_overflow_quietly():
    deep = ladder.build(rung("relu-exploding"), 64, 10, ladder.Settings(depth=120, width=20))
    prediction = nn.predict(deep)
    assert prediction.word == "exploding"
    assert np.isfinite(prediction.ratio)


@pytest.mark.parametrize(("hidden", "deeper"), [(7, False), (8, True)])
def test_a_network_deeper_than_its_layers_train_is_told_so(hidden, deeper):
    """Whatever is left of the gradient at its first layer."""
    init, n_in, parts = nn.initializers.VarianceScaling(16.0), 8, []
    for _ in range(hidden):
        parts += [nn.Dense(n_in, 50, init=init), nn.Sigmoid()]
        n_in = 50
    found = nn.predict(nn.Sequential(*parts, nn.Dense(50, 3, init=init), seed=0))
    assert round(found.trainable_depth) == 7
    assert (f"up to a depth of about 7, and it has {hidden}" in found.verdict) == deeper
