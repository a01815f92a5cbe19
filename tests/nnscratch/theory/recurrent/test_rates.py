"""Predicted against measured rates of plain, LSTM and GRU layers."""

import numpy as np
import pytest

from nnscratch import theory
from nnscratch.theory.recurrent import Cell, draw_units, gradient_by_lag, plain_squares, tied_square

from .simulation import STEPS, draw, measured_squares, rate

# Kind, and how `draw` draws its weights.
SETTINGS = {
    "LSTM, PyTorch": ("lstm", {}),
    "LSTM, PyTorch, forget bias 1": ("lstm", {"kept": 1.0}),
    "LSTM, PyTorch, forget bias 2": ("lstm", {"kept": 2.0}),
    "LSTM, PyTorch, forget bias 3": ("lstm", {"kept": 3.0}),
    "LSTM, chrono 20": ("lstm", {"chrono": 20}),
    "LSTM, chrono 80": ("lstm", {"chrono": 80}),
    "LSTM, chrono 400": ("lstm", {"chrono": 400}),
    "LSTM, Keras": ("lstm", {"weights": "keras", "kept": 1.0}),
    "LSTM, TensorFlow 1": ("lstm", {"weights": "tf1", "kept": 1.0}),
    "LSTM, orthogonal": ("lstm", {"weights": "orthogonal", "sv2": 0.3}),
    "LSTM, orthogonal, forget bias 1": ("lstm", {"weights": "orthogonal", "sv2": 0.3, "kept": 1.0}),
    "LSTM, orthogonal, forget bias 2": ("lstm", {"weights": "orthogonal", "sv2": 0.3, "kept": 2.0}),
    "LSTM, Gaussian 2": ("lstm", {"weights": "normal", "sw2": 2.0, "sv2": 0.05, "kept": 1.0}),
    "LSTM, Gaussian 4": ("lstm", {"weights": "normal", "sw2": 4.0, "sv2": 1.0, "kept": 1.0}),
    "LSTM, large input": ("lstm", {"weights": "normal", "sw2": 1.0, "sv2": 4.0, "kept": 1.0}),
    "GRU, PyTorch": ("gru", {}),
    "GRU, PyTorch, update bias 1": ("gru", {"kept": 1.0}),
    "GRU, PyTorch, update bias 2": ("gru", {"kept": 2.0}),
    "GRU, chrono 80": ("gru", {"chrono": 80}),
    "GRU, Keras": ("gru", {"weights": "keras"}),
    "GRU, orthogonal": ("gru", {"weights": "orthogonal", "sv2": 0.3}),
    "GRU, orthogonal, update bias 1": ("gru", {"weights": "orthogonal", "sv2": 0.3, "kept": 1.0}),
    "GRU, Gaussian 2": ("gru", {"weights": "normal", "sw2": 2.0, "sv2": 0.05}),
    "GRU, Gaussian 4": ("gru", {"weights": "normal", "sw2": 4.0, "sv2": 1.0}),
}
QUICK = ["LSTM, PyTorch", "LSTM, PyTorch, forget bias 2", "LSTM, chrono 80", "GRU, PyTorch"]


def predicted_rate(net, steps=STEPS):
    cell = Cell(net.kind, net.sw2, net.sv2, net.bias, net.recurrent_bias)
    found = gradient_by_lag(draw_units(cell, np.eye(steps)))
    return rate(found.hidden + found.kept if net.kind == "lstm" else found.hidden)


def compared(name, units, seeds):
    kind, options = SETTINGS[name]
    nets = [draw(kind, units, seed, **options) for seed in range(seeds)]
    measured = [rate(measured_squares(net, seed)) for seed, net in enumerate(nets)]
    return predicted_rate(nets[0]), float(np.mean(measured))


@pytest.mark.parametrize("name", QUICK)
def test_predicted_rates_are_those_of_networks(name):
    predicted, measured = compared(name, units=100, seeds=4)
    assert predicted == pytest.approx(measured, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("units", [200, 500])
@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_within_two_per_cent(name, units):
    predicted, measured = compared(name, units, seeds=5)
    assert predicted == pytest.approx(measured, rel=0.02)


# Frontier of a tanh layer: sw2, sv2 E x^2, predicted and measured squared rate at 500 units.
PLAIN = [
    (1 / 3, 0.05, 0.2951, 0.2950),
    (1.0, 0.05, 0.7590, 0.7676),
    (1.5, 0.05, 0.9386, 0.9437),
    (1.761, 0.05, 1.0000, 0.9993),
    (2.5, 0.05, 1.1335, 1.1321),
    (4.0, 0.05, 1.3424, 1.3366),
    (1.0, 0.5, 0.4897, 0.4911),
    (2.84, 0.5, 0.9994, 0.9975),
    (1.0, 1 / 3, 0.5429, 0.5444),
]


@pytest.mark.parametrize(("sw2", "added", "chi", "measured"), PLAIN)
def test_plain_layers_follow_the_theory_of_deep_ones(sw2, added, chi, measured):
    assert theory.chi_1("tanh", sw2, added) == pytest.approx(chi, abs=6e-5)
    assert chi == pytest.approx(measured, rel=0.012)
    squares = plain_squares("tanh", sw2, np.full(60, added))
    assert rate(squares) ** 2 == pytest.approx(chi, rel=1e-3)


@pytest.mark.parametrize(("sw2", "added"), [(1.0, 0.05), (1.761, 0.05)])
def test_plain_layers_measured_anew(sw2, added):
    nets = [draw("rnn", 200, s, weights="normal", sw2=sw2, sv2=added) for s in range(4)]
    measured = np.mean([rate(measured_squares(net, s)) for s, net in enumerate(nets)])
    predicted = rate(plain_squares("tanh", sw2, np.full(STEPS, added)))
    assert predicted == pytest.approx(measured, rel=0.012)


def test_drawn_units_of_a_plain_layer_agree_with_quadrature():
    cell = Cell("rnn", 1.5, 0.1, np.zeros((1, 1)))
    drawn = gradient_by_lag(draw_units(cell, np.eye(40)))
    assert rate(drawn.hidden) == pytest.approx(
        rate(plain_squares("tanh", 1.5, np.full(40, 0.1))), rel=5e-3
    )


def test_small_weights_and_no_input_leave_the_binomial_sum():
    # Without input every gate stands at its bias: i = o = 1/2, f = sigmoid(1).
    bias = np.array([[0.0], [1.0], [0.0], [0.0]])
    found = gradient_by_lag(draw_units(Cell("lstm", 0.3, 1e-9, bias), np.eye(50)))
    a, s = 1 / (1 + np.exp(-1)), 0.25 * np.sqrt(0.3)
    # dc at lag k + 1 is what k steps of (a + s G) leave of what came in at the last step.
    expected = np.array([tied_square(a, s, k) for k in range(50)])
    assert found.kept / found.kept[0] == pytest.approx(expected, rel=1e-6)


def test_a_constant_input_makes_a_static_unit():
    # The same input at every step: the gates of one unit never change, and it forgets at its own
    # rate; the units that forget least carry the gradient.
    bias = np.zeros((3, 1))
    fixed = gradient_by_lag(draw_units(Cell("gru", 0.3, 1.0, bias), np.ones((60, 60))))
    fresh = gradient_by_lag(draw_units(Cell("gru", 0.3, 1.0, bias), np.eye(60)))
    assert rate(fixed.hidden) > 1.1 * rate(fresh.hidden)


def test_the_same_arguments_give_the_same_numbers():
    cell = Cell("lstm", 0.3, 1.0, np.zeros((4, 1)))
    a, b = (gradient_by_lag(draw_units(cell, np.eye(20))) for _ in range(2))
    assert np.array_equal(a.kept, b.kept)
    assert np.array_equal(a.hidden, b.hidden)


def test_identity_weights_keep_the_gradient():
    linear = theory.nonlinearity("identity")
    cell = Cell("rnn", 0.0, 0.1, np.zeros((1, 1)), activation=linear, identity=0.9)
    found = gradient_by_lag(draw_units(cell, np.eye(30)))
    assert found.hidden == pytest.approx(0.81 ** np.arange(30))


def test_the_first_state_is_zero_whatever_the_activation_gives_there():
    """sigmoid(0) is 1/2, but before the first step there is no unit that could give it."""
    second = theory.variance_map("sigmoid", 0.5, 2.0) + 0.3
    squares = plain_squares("sigmoid", 2.0, np.array([0.5, 0.3]))
    rate_back = theory.gradient_rate("sigmoid", second, 2.0)
    np.testing.assert_allclose(squares, [1.0, rate_back], rtol=1e-12)
