"""The cliff of a network of one unit: its loss, its gradient, and what clipping does there."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.theory.cliff import cliff_descent, cliff_loss


def test_the_gradient_is_the_difference_quotient():
    w, b, h = np.array([0.5, 2.0, 4.4]), np.array([0.1, -1.0, -2.0]), 1e-6
    _, dw, db = cliff_loss(w, b)
    up, down = (cliff_loss(w + sign * h, b)[0] for sign in (1, -1))
    np.testing.assert_allclose(dw, (up - down) / (2 * h), rtol=1e-5, atol=1e-9)
    up, down = (cliff_loss(w, b + sign * h)[0] for sign in (1, -1))
    np.testing.assert_allclose(db, (up - down) / (2 * h), rtol=1e-5, atol=1e-9)


def test_it_is_the_loss_of_a_recurrent_layer_of_one_unit():
    """x_50 = w s_49 + b with s_t = sigmoid(x_t): the layer's state is s, and s_0 = sigmoid(0.5)."""
    w, b = 1.7, -0.4
    layer = nn.RNN(1, 1, activation="sigmoid", initial="learned").initialize(dtype=np.float64)
    layer.params["weight"], layer.params["recurrent_weight"] = [[0.0]], [[w]]
    layer.params["bias"], layer.params["initial_hidden"] = [b], [1 / (1 + np.exp(-0.5))]
    states, _ = layer.forward(np.zeros((1, 50, 1)))
    assert cliff_loss(w, b)[0] == pytest.approx((states[0, -1, 0] - 0.7) ** 2)


def test_at_the_wall_the_gradient_throws_the_weights_and_clipping_keeps_them():
    free = cliff_descent(5.3, -1.9, lr=0.5, updates=120)
    kept = cliff_descent(5.3, -1.9, lr=0.5, updates=300, clip=0.03)
    steps = {
        name: np.hypot(np.diff(way["w"]), np.diff(way["b"]))
        for name, way in {"free": free, "kept": kept}.items()
    }
    assert steps["free"].max() > 3
    assert free["loss"][-1] > 0.08
    assert steps["kept"].max() <= 0.5 * 0.03 * (1 + 1e-12)
    assert kept["loss"][-1] < 0.01
    assert kept["norm"].max() > 1


def test_bad_rates_are_refused():
    with pytest.raises(ValueError, match="cliff_descent lr"):
        cliff_descent(1, 1, lr=0, updates=3)
    with pytest.raises(ValueError, match="cliff_descent clip"):
        cliff_descent(1, 1, lr=1, updates=3, clip=-1.0)
