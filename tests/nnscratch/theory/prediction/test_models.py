"""Which models and data `predict` takes, and what it notices of training."""

import numpy as np
import pytest

import nnscratch as nn

from .networks import BATCH, small


def test_predict_changes_nothing(data):
    x, y = data
    model = small(nn.BatchNorm(30), nn.ReLU(), nn.Dropout(0.2))
    params, grads = model.params.flat.copy(), model.grads.flat.copy()
    statistics, noise = model.statistics.flat.copy(), model.noise_state()
    nn.predict(model, x[:BATCH], y[:BATCH])
    np.testing.assert_array_equal(model.params.flat, params)
    np.testing.assert_array_equal(model.grads.flat, grads)
    np.testing.assert_array_equal(model.statistics.flat, statistics)
    assert model.noise_state() == noise


def test_training_is_noticed(data):
    x, y = data
    model = small(nn.BatchNorm(30), nn.ReLU())
    assert nn.predict(model).at_initialization
    nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1)).fit(
        x[:200], y[:200], epochs=1, batch_size=50, progress=False
    )
    prediction = nn.predict(model)
    assert not prediction.at_initialization
    assert "no longer as their initializers draw them" in prediction.notes[0]
    assert "gamma or beta" in repr(prediction)


@pytest.mark.parametrize(("errors", "told"), [(7, True), (5, False)])
def test_a_mean_that_chance_does_not_give_is_told(errors, told):
    model = nn.Sequential(nn.Dense(100, 100), nn.Tanh(), nn.Dense(100, 10), seed=0)
    weight = model.params["0.weight"]
    weight[...] += errors * np.sqrt(np.mean(weight**2) / weight.size) - weight.mean()
    found = any(note.startswith("0.dense: the weights have") for note in nn.predict(model).notes)
    assert found == told


def test_rescaled_weights_are_measured():
    model = small(nn.ReLU())
    model.params["2.weight"][...] *= 3
    prediction = nn.predict(model)
    assert not prediction.at_initialization
    assert prediction.rate[0] == pytest.approx(9.0, rel=0.25)
    assert any(
        note.startswith("2.dense: the weights have mean square") for note in prediction.notes
    )


@pytest.mark.parametrize(
    "init",
    [
        "glorot_uniform", "he_normal_fan_out", "tf1_variance_scaling", "orthogonal", "normal",
        nn.initializers.Normal(0.1, mean=0.05), nn.initializers.Uniform(0, 0.1),
        nn.initializers.TruncatedNormal(0.1),
    ],
)  # fmt: skip
def test_fresh_models_are_known_as_such(init):
    for seed in range(5):
        assert nn.predict(small(nn.Tanh(), seed=seed, init=init)).at_initialization


class Doubled(nn.layers.Layer):
    kind = "doubled"


class Weighted(nn.layers.Layer):
    kind, role = "weighted", "weights"


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([nn.ReLU], "at least one Dense"),
        ([lambda: nn.Dense(4, 4), Doubled], "does not know layer '1.doubled'"),
        ([Weighted, lambda: nn.Dense(4, 4)], "does not know layer '0.weighted'"),
        ([lambda: nn.Dense(4, 4), nn.RReLU, nn.Tanh], "cannot follow layer '2.tanh'"),
        (
            [lambda: nn.Dense(4, 4), lambda: nn.BatchNorm(4), lambda: nn.BatchNorm(4)],
            "cannot follow layer '2.batchnorm'",
        ),
        (
            [lambda: nn.Dense(4, 4), nn.ReLU, lambda: nn.BatchNorm(4), nn.ReLU],
            "cannot follow layer '3.relu'",
        ),
    ],
)
def test_models_it_cannot_read(layers, said):
    with pytest.raises(nn.ConfigError, match=said):
        nn.predict(nn.Sequential(*(make() for make in layers)))


def test_bad_data(data):
    x, y = data
    model = small(nn.BatchNorm(30), nn.ReLU())
    with pytest.raises(nn.ShapeError, match=r"\(batch, 64\), got shape \(5, 3\)"):
        nn.predict(model, np.ones((5, 3), np.float32))
    with pytest.raises(nn.ShapeError, match="at least 2 rows"):
        nn.predict(model, x[:1])
    with pytest.raises(nn.DataError, match="not finite"):
        nn.predict(model, np.full((5, 64), np.nan, np.float32))
    with pytest.raises(nn.DataError, match="0 everywhere"):
        nn.predict(model, np.zeros((5, 64), np.float32))
    with pytest.raises(nn.DataError, match=r"look the same to '0\.dense'"):
        nn.predict(model, np.ones((8, 64), np.float32))
    with pytest.raises(nn.ConfigError, match="at least 5, got 4"):
        nn.predict(model, x[:4])
    with pytest.raises(nn.ShapeError, match="y without x"):
        nn.predict(model, y=y)
    with pytest.raises(nn.ConfigError, match="batch_size must be a whole number >= 2"):
        nn.predict(model, x, batch_size=1)
    model.params["0.weight"][0, 0] = np.nan
    with pytest.raises(nn.ConfigError, match=r"'0.dense': its parameters hold NaN"):
        nn.predict(model, x)
