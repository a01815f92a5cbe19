import numpy as np
import pytest

import nnscratch as nn


def test_by_hand():
    layer = nn.Dense(2, 3).initialize(0, np.float64)
    layer.params["weight"][...] = [[1, 2, 3], [4, 5, 6]]
    layer.params["bias"][...] = [10, 20, 30]
    y, cache = layer.forward(np.array([[1.0, -1.0], [0.0, 2.0]]))
    assert y.tolist() == [[7, 17, 27], [18, 30, 42]]
    dx = layer.backward(np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]), cache)
    assert dx.tolist() == [[7, 16], [2, 5]]
    assert layer.grads["weight"].tolist() == [[1, 0, 2], [-1, 2, -2]]
    assert layer.grads["bias"].tolist() == [1, 1, 2]


def test_without_input_gradient_the_parameters_still_get_theirs():
    layer = nn.Dense(2, 3).initialize(0)
    y, cache = layer.forward(np.ones((4, 2), np.float32))
    assert layer.backward(np.ones_like(y), cache, input_gradient=False) is None
    assert layer.grads["bias"].tolist() == [4, 4, 4]


def test_starts_with_its_initializers():
    layer = nn.Dense(400, 300, init="he_normal", bias_init=nn.initializers.Constant(0.5))
    layer.initialize(0)
    assert layer.params["weight"].std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert (layer.params["bias"] == 0.5).all()
    plain = nn.Dense(400, 300).initialize(0)
    assert not plain.params["bias"].any()
    assert np.abs(plain.params["weight"]).max() <= np.sqrt(6 / 700)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 3), "Dense n_in must be a whole number >= 1, got 0"),
        ((3, -1), "Dense n_out must be a whole number >= 1, got -1"),
        ((3, 2.5), "Dense n_out must be a whole number >= 1, got 2.5"),
        ((3, 2, "he_norm"), "did you mean 'he_normal'"),
    ],
)
def test_wrong_options_are_refused(arguments, message):
    with pytest.raises(nn.ConfigError, match=message):
        nn.Dense(*arguments)


def test_representation():
    assert repr(nn.Dense(2, 3)).startswith("Dense(2, 3, init=")
