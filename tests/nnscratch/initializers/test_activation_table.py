"""The post's table, its erratum, and what mean-field theory says of both."""

import math
from collections.abc import Callable

import numpy as np
import pytest

import nnscratch.initializers as init
from nnscratch.errors import ConfigError

N_IN, N_OUT = 300, 100
SIGMA = math.sqrt(2 / (N_IN + N_OUT))
FACTOR = {
    "identity": 1.0,
    "tanh": 1.0,
    "softsign": 1.0,
    "sigmoid": 4.0,
    **dict.fromkeys(
        ["relu", "leaky_relu", "prelu", "rrelu", "elu", "softplus", "gelu", "silu"], math.sqrt(2)
    ),
}

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(300)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def sigmoid_slope(x: np.ndarray) -> np.ndarray:
    return sigmoid(x) * sigmoid(-x)


def tanh_slope(x: np.ndarray) -> np.ndarray:
    return 1.0 - np.tanh(x) ** 2


def fixed_point(f: Callable[[np.ndarray], np.ndarray], sw2: float) -> float:
    """Variance q of the signal in a deep layer: q = sw2 E[f(sqrt(q) z)^2]."""
    q = 1.0
    for _ in range(400):
        q = sw2 * float(WEIGHTS @ f(math.sqrt(q) * NODES) ** 2)
    return q


def mean_slope(slope: Callable[[np.ndarray], np.ndarray], sw2: float, q: float) -> float:
    """chi_1 = sw2 E[f'(sqrt(q) z)^2], the factor on the squared gradient per layer."""
    return sw2 * float(WEIGHTS @ slope(math.sqrt(q) * NODES) ** 2)


@pytest.mark.parametrize("name", FACTOR)
def test_the_factor_multiplies_sigma_or_the_bound(name: str) -> None:
    normal = init.for_activation(name)
    assert math.sqrt(normal.variance(N_IN, N_OUT)) == pytest.approx(FACTOR[name] * SIGMA)
    uniform = init.for_activation(name, "uniform")
    values = uniform((N_IN, N_OUT), np.random.default_rng(0), np.float64)
    bound = FACTOR[name] * math.sqrt(6 / (N_IN + N_OUT))
    assert 0.999 * bound < np.abs(values).max() <= bound * (1 + 1e-12)


def test_the_rows_agree_with_the_names() -> None:
    assert init.for_activation("tanh") == init.get("glorot_normal")
    assert init.for_activation("tanh", "uniform") == init.get("glorot_uniform")
    assert init.for_activation("relu") == init.get("he_normal_fan_avg")
    assert init.for_activation("relu", "uniform") == init.get("he_uniform_fan_avg")
    assert init.for_activation("selu") == init.get("lecun_normal")
    assert init.for_activation("selu", "uniform") == init.get("lecun_uniform")
    truncated = init.VarianceScaling(1.0, "fan_avg", "truncated_normal")
    assert init.for_activation("tanh", "truncated_normal") == truncated


@pytest.mark.parametrize("name", ["leaky_relu", "prelu", "rrelu"])
@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2, 1.0])
def test_slope_gives_he_s_condition(name: str, slope: float) -> None:
    variance = init.for_activation(name, slope=slope).variance(64, 64)
    assert (1 + slope**2) / 2 * 64 * variance == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("table_row", "factor", "f", "slope", "expected"),
    [
        ("tanh", 4.0, np.tanh, tanh_slope, 2.377),
        ("sigmoid", 1.0, sigmoid, sigmoid_slope, 0.399),
        ("sigmoid", 0.25, sigmoid, sigmoid_slope, 0.0557),
    ],
    ids=["tanh x4 (as circulated)", "sigmoid x4 (right)", "sigmoid x1 (as circulated)"],
)
def test_chi_of_the_erratum(
    table_row: str,
    factor: float,
    f: Callable[[np.ndarray], np.ndarray],
    slope: Callable[[np.ndarray], np.ndarray],
    expected: float,
) -> None:
    """`factor` turns the row that is returned into the row that is examined."""
    n = 256
    sw2 = n * init.for_activation(table_row).variance(n, n) * factor**2
    q = fixed_point(f, sw2)
    # tanh at 4 sigma is so steep that 300 nodes still miss chi_1 by 4e-4 of it.
    assert mean_slope(slope, sw2, q) == pytest.approx(expected, rel=1.2e-3)


def test_tanh_as_circulated_saturates_45_percent() -> None:
    q = fixed_point(np.tanh, 16.0)
    beyond = math.erfc(math.atanh(0.99) / math.sqrt(2.0 * q))
    assert beyond == pytest.approx(0.45, abs=0.005)


def test_tanh_put_right_is_at_the_edge() -> None:
    sw2 = 100 * init.for_activation("tanh").variance(100, 100)
    q = fixed_point(np.tanh, sw2)
    assert sw2 == pytest.approx(1.0)
    assert 0.99 < mean_slope(tanh_slope, sw2, q) < 1.0


def test_selu_starts_at_its_fixed_point_where_gradients_grow_7_percent() -> None:
    """In closed form, since E[exp(k z); z < 0] = exp(k^2 / 2) cdf(-k)."""
    alpha, scale = 1.6732632423543772, 1.0507009873554805

    def tail(k: float) -> float:
        return math.exp(k * k / 2) * 0.5 * math.erfc(k / math.sqrt(2))

    sw2 = 100 * init.for_activation("selu").variance(100, 37)
    q = sw2 * scale**2 * (0.5 + alpha**2 * (tail(2) - 2 * tail(1) + 0.5))
    chi = sw2 * scale**2 * (0.5 + alpha**2 * tail(2))
    assert q == pytest.approx(1.0, abs=1e-12)
    assert chi == pytest.approx(1.071575, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "shrink"),
    [("gelu", 0.85), ("silu", 0.71)],
)
def test_smooth_relus_shrink_as_documented(name: str, shrink: float) -> None:
    erf = np.array([math.erf(z / math.sqrt(2.0)) for z in NODES])
    f = {"gelu": NODES * 0.5 * (1.0 + erf), "silu": NODES * sigmoid(NODES)}[name]
    sw2 = 100 * init.for_activation(name).variance(100, 100)
    assert sw2 * (WEIGHTS @ f**2) == pytest.approx(shrink, abs=0.005)


def test_unknown_activations_get_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="unknown activation 'sigmod': did you mean 'sigmoid'"):
        init.for_activation("sigmod")
    with pytest.raises(ConfigError, match="unknown activation"):
        init.for_activation(["tanh"])


def test_other_errors() -> None:
    with pytest.raises(ConfigError, match="distribution of for_activation 'gaussian'"):
        init.for_activation("tanh", "gaussian")
    with pytest.raises(ConfigError, match="'elu' has no slope"):
        init.for_activation("elu", slope=0.1)
    with pytest.raises(ConfigError, match="slope of for_activation"):
        init.for_activation("leaky_relu", slope=math.nan)
