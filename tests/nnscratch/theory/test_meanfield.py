"""Fixed points, rates and the critical line, to the digits that are known."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import theory
from nnscratch.theory.nonlinearity import Nonlinearity


@pytest.mark.parametrize(
    ("sb2", "sw2", "q"),
    [
        (0.0, 1.0, 0.0),
        (0.001, 1.1892, 0.1073),
        (0.01, 1.4242, 0.2733),
        (0.05, 1.7610, 0.5701),
        (0.1, 1.9861, 0.8058),
        (0.3, 2.5051, 1.4612),
        (0.5, 2.8432, 1.9710),
    ],
)
def test_critical_line_of_tanh(sb2, sw2, q):
    (found,) = theory.critical_scales("tanh", sb2)
    assert found == pytest.approx(sw2, abs=5.1e-5)
    assert theory.chi_1("tanh", found, sb2) == pytest.approx(1, abs=1e-8)
    # The published q belongs to the published, rounded sw2.
    assert theory.variance_fixed_point("tanh", sw2, sb2) == pytest.approx(q, abs=1e-4)


@pytest.mark.parametrize(
    ("sw2", "rate"), [(1.0, 0.7590), (1.5, 0.9386), (2.0, 1.0477), (4.0, 1.3424)]
)
def test_tanh_off_the_line(sw2, rate):
    assert theory.chi_1("tanh", sw2, 0.05) == pytest.approx(rate, abs=5e-5)


@pytest.mark.parametrize(
    ("activation", "sw2", "rate", "tolerance"),
    [
        ("sigmoid", 300.0, 1.678, 5e-4),
        ("sigmoid", 100.0, 0.986, 5e-4),
        ("tanh", 16.0, 2.377, 5e-4),
        ("sigmoid", 1.0, 0.0557, 5e-5),
        ("sigmoid", 16.0, 0.399, 5e-4),
        ("selu", 1.0, 1.071575, 5e-7),
    ],
)
def test_known_rates(activation, sw2, rate, tolerance):
    assert theory.chi_1(activation, sw2) == pytest.approx(rate, abs=tolerance)


def test_sigmoid_with_standard_normal_weights_saturates():
    q = theory.variance_fixed_point("sigmoid", 300.0)
    assert q == pytest.approx(140.0, abs=0.05)
    beyond = math.erfc(math.log(99) / math.sqrt(2 * q))  # |z| > 4.595: outside 0.01 and 0.99
    assert beyond == pytest.approx(0.70, abs=0.005)


def test_selu_keeps_unit_variance():
    assert theory.variance_map("selu", 1.0, 1.0) == pytest.approx(1, abs=1e-6)
    assert theory.fixed_point("selu", 1.0, start=3.0).q == pytest.approx(1, abs=1e-5)


def test_relu_stands_still_on_the_edge():
    point = theory.fixed_point("relu", 2.0, start=0.37)
    assert (point.q, point.c, point.chi_1) == (0.37, 1.0, pytest.approx(1))
    assert point.trainable_depth == math.inf
    assert theory.critical_scales("relu") == pytest.approx((2.0,))
    slope = 0.2
    expected = (2 / (1 + slope**2),)
    assert theory.critical_scales(nn.LeakyReLU(slope)) == pytest.approx(expected)


@pytest.mark.parametrize(("sw2", "q", "rate"), [(1.9, 0.0, 0.95), (2.1, math.inf, 1.05)])
def test_relu_off_the_edge(sw2, q, rate):
    point = theory.fixed_point("relu", sw2)
    assert point.q == q
    assert point.chi_1 == pytest.approx(rate)


def test_bias_lifts_the_variance_of_relu():
    # q = sw2 q / 2 + sb2
    assert theory.variance_fixed_point("relu", 1.0, 0.3) == pytest.approx(0.6)


def test_a_fixed_point_is_fixed():
    for activation, sw2, sb2 in (("tanh", 3.0, 0.1), ("elu", 1.5, 0.0), ("silu", 1.5, 0.2)):
        point = theory.fixed_point(activation, sw2, sb2)
        assert theory.variance_map(activation, point.q, sw2, sb2) == pytest.approx(point.q)
        after = theory.correlation_map(activation, point.c, point.q, sw2, sb2)
        assert after == pytest.approx(point.c, abs=1e-7)


def test_chi_1_is_the_slope_of_the_correlation_map_at_1():
    q = theory.variance_fixed_point("tanh", 2.0, 0.05)
    h = 1e-5
    below = theory.correlation_map("tanh", 1 - h, q, 2.0, 0.05)
    slope = (theory.correlation_map("tanh", 1.0, q, 2.0, 0.05) - below) / h
    assert slope == pytest.approx(theory.chi_1("tanh", 2.0, 0.05), rel=1e-3)


def test_order_and_chaos():
    ordered = theory.fixed_point("tanh", 1.0, 0.05)
    chaotic = theory.fixed_point("tanh", 4.0, 0.05)
    assert ordered.c == 1
    assert ordered.chi_c == ordered.chi_1 < 1
    assert 0 < chaotic.c < 1
    assert chaotic.chi_c < 1 < chaotic.chi_1
    assert theory.fixed_point("tanh", 4.0).c == 0  # odd and no bias: inputs become unrelated


def test_noise_of_rrelu_keeps_equal_inputs_apart():
    assert theory.fixed_point(nn.RReLU(), 1.9).c < 1
    assert theory.fixed_point(nn.LeakyReLU(), 1.9).c == 1


def test_rate_grows_with_the_weights_and_falls_with_the_biases():
    scales = np.linspace(1.1, 5, 12)
    rates = [theory.chi_1("tanh", sw2, 0.05) for sw2 in scales]
    assert np.all(np.diff(rates) > 0)
    rates = [theory.chi_1("tanh", 2.0, sb2) for sb2 in np.linspace(0, 0.5, 8)]
    assert np.all(np.diff(rates) < 0)


def test_depth_scale():
    assert theory.depth_scale(math.exp(-0.1)) == pytest.approx(10)
    assert theory.depth_scale(math.exp(0.1)) == pytest.approx(10)
    assert theory.depth_scale(1.0) == math.inf
    assert theory.depth_scale(0.0) == 0
    sigmoid = theory.fixed_point("sigmoid", 1.0)
    assert sigmoid.trainable_depth == pytest.approx(-6 / math.log(0.0557), rel=1e-3)


def test_edges_that_are_hard_to_reach():
    (sigmoid,) = theory.critical_scales("sigmoid")
    assert sigmoid == pytest.approx(103.0, abs=0.05)
    assert theory.critical_scale("gelu") is None  # the variance jumps, and the rate with it
    scale, point = theory.best_scale("gelu")
    assert abs(math.log(point.chi_1)) < 0.6
    assert 0.1 < scale < 1000
    flat = Nonlinearity("step", np.sign, np.zeros_like, np.ones_like, np.zeros_like)
    assert theory.best_scale(flat)[1].chi_1 == 0  # none lets anything through


def test_phase_diagram():
    sw2, sb2 = np.array([1.0, 2.0, 4.0]), np.array([0.0, 0.05])
    diagram = theory.phase_diagram("tanh", sw2, sb2)
    assert diagram["rate"].shape == diagram["q"].shape == (2, 3)
    np.testing.assert_allclose(diagram["rate"][1], [0.7590, 1.0477, 1.3424], atol=5e-5)
    assert diagram["rate"][0, 0] == pytest.approx(1, abs=1e-9)
    with pytest.raises(nn.ConfigError, match="two lists"):
        theory.phase_diagram("tanh", np.ones((2, 2)), sb2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((-1.0, 0.0), "sw2 must be"), ((1.0, -0.1), "sb2 must be"), ((math.nan, 0), "sw2 must be")],
)
def test_impossible_variances(arguments, said):
    with pytest.raises(nn.ConfigError, match=said):
        theory.fixed_point("tanh", *arguments)
    with pytest.raises(nn.ConfigError, match="unknown activation 'step'"):
        theory.fixed_point("step", 1.0)
