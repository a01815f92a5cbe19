"""Each activation against its formula, written once more here with Python's own mathematics."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.layers import activation, activation_names

X = [-30.0, -5.0, -2.0, -1.0, -0.3, -1e-3, 1e-3, 0.2, 1.0, 2.5, 6.0, 30.0]

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def normal_cdf(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def normal_density(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


# layer, f, f'
FORMULAS = {
    "sigmoid": (nn.Sigmoid(), sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "tanh": (nn.Tanh(), math.tanh, lambda x: 1 / math.cosh(x) ** 2),
    "softsign": (nn.Softsign(), lambda x: x / (1 + abs(x)), lambda x: (1 + abs(x)) ** -2),
    "softplus": (
        nn.Softplus(),
        lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))),
        sigmoid,
    ),
    "gelu": (
        nn.GELU(),
        lambda x: x * normal_cdf(x),
        lambda x: normal_cdf(x) + x * normal_density(x),
    ),
    "silu": (
        nn.SiLU(),
        lambda x: x * sigmoid(x),
        lambda x: sigmoid(x) + x * sigmoid(x) * sigmoid(-x),
    ),
    "mish": (
        nn.Mish(),
        lambda x: x * math.tanh(math.log1p(math.exp(x))),
        lambda x: (
            math.tanh(math.log1p(math.exp(x)))
            + x * sigmoid(x) / math.cosh(math.log1p(math.exp(x))) ** 2
        ),
    ),
    "exponential": (nn.Exponential(), math.exp, math.exp),
    "hard sigmoid": (
        nn.HardSigmoid(),
        lambda x: min(max(x / 6 + 0.5, 0.0), 1.0),
        lambda x: 1 / 6 if abs(x) < 3 else 0.0,
    ),
    "hard sigmoid, Keras 2": (
        nn.HardSigmoid(0.2),
        lambda x: min(max(0.2 * x + 0.5, 0.0), 1.0),
        lambda x: 0.2 if abs(x) < 2.5 else 0.0,
    ),
    "hard tanh": (
        nn.HardTanh(),
        lambda x: min(max(x, -1.0), 1.0),
        lambda x: 1.0 if abs(x) < 1 else 0.0,
    ),
    "identity": (nn.Identity(), lambda x: x, lambda x: 1.0),
    "relu": (nn.ReLU(), lambda x: max(x, 0), lambda x: float(x > 0)),
    "leaky relu": (
        nn.LeakyReLU(),
        lambda x: x if x > 0 else 0.01 * x,
        lambda x: 1.0 if x > 0 else 0.01,
    ),
    "leaky relu, negative slope": (
        nn.LeakyReLU(-0.5),
        lambda x: x if x > 0 else -0.5 * x,
        lambda x: 1.0 if x > 0 else -0.5,
    ),
    "prelu": (
        nn.PReLU(initial=0.1),
        lambda x: x if x > 0 else 0.1 * x,
        lambda x: 1.0 if x > 0 else 0.1,
    ),
    "elu": (
        nn.ELU(alpha=0.7),
        lambda x: x if x > 0 else 0.7 * math.expm1(x),
        lambda x: 1.0 if x > 0 else 0.7 * math.exp(x),
    ),
    "selu": (
        nn.SELU(),
        lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * math.expm1(x)),
        lambda x: SELU_SCALE * (1.0 if x > 0 else SELU_ALPHA * math.exp(x)),
    ),
    "rrelu, evaluation": (
        nn.RReLU(),
        lambda x: x if x > 0 else x / 5.5,
        lambda x: 1.0 if x > 0 else 1 / 5.5,
    ),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FORMULAS)
def test_forward_and_backward_are_the_formulas(name, dtype):
    layer, f, derivative = FORMULAS[name]
    layer.initialize(0, dtype)
    x = np.array(X, dtype).reshape(3, 4)
    dy = np.random.default_rng(1).standard_normal(x.shape).astype(dtype)
    y, cache = layer.forward(x)
    dx = layer.backward(dy, cache)
    assert y.dtype == dx.dtype == dtype
    expected_y = np.array([f(float(v)) for v in x.flat]).reshape(x.shape)
    expected_dx = dy * np.array([derivative(float(v)) for v in x.flat]).reshape(x.shape)
    tolerance = 1e-13 if dtype == np.float64 else 2e-6
    np.testing.assert_allclose(y, expected_y, rtol=tolerance, atol=tolerance * 1e-1)
    np.testing.assert_allclose(dx, expected_dx, rtol=tolerance, atol=tolerance * 1e-1)


@pytest.mark.parametrize("name", activation_names())
def test_not_a_number_and_infinity_pass_as_limits(name):
    layer = activation(name).initialize(0, np.float64)
    y, cache = layer.forward(np.array([[np.nan, np.inf]]))
    dx = layer.backward(np.ones((1, 2)), cache)
    assert np.isnan(y[0, 0])
    bounded = {"sigmoid", "tanh", "softsign", "hard_sigmoid", "hard_tanh"}
    assert y[0, 1] == (1 if name in bounded else np.inf)
    assert np.isfinite(dx[0, 1]) or name == "exponential"


def test_relu_has_slope_zero_at_zero():
    layer = nn.ReLU().initialize(0)
    _, cache = layer.forward(np.zeros((1, 3), np.float32))
    assert not layer.backward(np.ones((1, 3), np.float32), cache).any()


def test_identity_copies_nothing():
    layer = nn.Identity().initialize(0)
    x, dy = np.ones((2, 3), np.float32), np.ones((2, 3), np.float32)
    y, cache = layer.forward(x)
    assert y is x
    assert layer.backward(dy, cache) is dy


@pytest.mark.parametrize("name", [n for n in activation_names() if n != "prelu"])
def test_no_gradient_is_computed_where_nobody_needs_it(name):
    layer = activation(name).initialize(0)
    _, cache = layer.forward(np.ones((2, 3), np.float32), training=True)
    assert layer.backward(np.ones((2, 3), np.float32), cache, input_gradient=False) is None


@pytest.mark.parametrize("shared", [True, False])
def test_prelu_learns_one_slope_or_one_for_each_unit(shared):
    layer = nn.PReLU(None if shared else 2).initialize(0, np.float64)
    x, dy = np.array([[-1.0, -2.0], [3.0, -4.0]]), np.array([[1.0, 10.0], [100.0, 1000.0]])
    assert layer.params["slope"].tolist() == [0.25] * (1 if shared else 2)
    _, cache = layer.forward(x)
    layer.backward(dy, cache)
    per_unit = [-1.0, -20.0 - 4000.0]
    assert layer.grads["slope"].tolist() == ([sum(per_unit)] if shared else per_unit)
    layer.backward(dy, cache, accumulate=True)
    assert layer.grads["slope"].tolist() == ([2 * sum(per_unit)] if shared else [-2.0, -8040.0])


def test_names_make_the_right_layers():
    made = {name: type(activation(name)).__name__ for name in activation_names()}
    assert made == {
        "sigmoid": "Sigmoid",
        "tanh": "Tanh",
        "relu": "ReLU",
        "leaky_relu": "LeakyReLU",
        "rrelu": "RReLU",
        "prelu": "PReLU",
        "elu": "ELU",
        "selu": "SELU",
        "softsign": "Softsign",
        "softplus": "Softplus",
        "gelu": "GELU",
        "silu": "SiLU",
        "mish": "Mish",
        "exponential": "Exponential",
        "hard_sigmoid": "HardSigmoid",
        "hard_tanh": "HardTanh",
        "identity": "Identity",
    }
    assert activation("leaky_relu", slope=0.2).slope == 0.2
    assert activation("rrelu", convention="slope").convention == "slope"
    assert activation("relu") is not activation("relu")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: activation("reul"), "did you mean 'relu'"),
        (lambda: activation("elu", slope=1), "'elu' has no option 'slope': it takes alpha"),
        (lambda: activation("tanh", alpha=1), "'tanh' has no option 'alpha': it takes no options"),
        (lambda: nn.LeakyReLU(math.nan), "LeakyReLU slope must be a finite number, got nan"),
        (lambda: nn.LeakyReLU("0.1"), "LeakyReLU slope must be a finite number, got '0.1'"),
        (lambda: nn.ELU(-1), "ELU alpha must be a finite number >= 0, got -1"),
        (lambda: nn.HardSigmoid(0), "HardSigmoid slope must be a finite number > 0, got 0"),
        (lambda: nn.PReLU(0), "PReLU features must be a whole number >= 1, got 0"),
        (lambda: nn.PReLU(initial=math.inf), "PReLU initial must be a finite number, got inf"),
    ],
)
def test_wrong_names_and_options_are_refused(make, message):
    with pytest.raises(nn.ConfigError, match=message):
        make()


def test_representations_say_the_options():
    layers = nn.LeakyReLU(0.2), nn.ELU(), nn.PReLU(), nn.PReLU(4), nn.Tanh(), nn.SELU()
    layers += nn.HardSigmoid(), nn.HardSigmoid(0.2), nn.Softmax()
    assert [repr(layer) for layer in layers] == [
        "LeakyReLU(slope=0.2)",
        "ELU(alpha=1)",
        "PReLU(initial=0.25)",
        "PReLU(4, initial=0.25)",
        "Tanh()",
        "SELU()",
        "HardSigmoid()",
        "HardSigmoid(slope=0.2)",
        "Softmax()",
    ]


@pytest.mark.parametrize("name", activation_names())
def test_saturation_begins_3_percent_from_an_asymptote(name):
    layer = activation(name).initialize(0, np.float64)
    with np.errstate(over="ignore"):
        low, high = layer.forward(np.array([[-1e9, 1e9]]))[0][0]
    if low >= -1 and high <= 1:  # of half the range
        expected = (low + 0.03 * (high - low) / 2, high - 0.03 * (high - low) / 2)
    elif name in ("softplus", "exponential"):
        expected = (0.03, math.nan)
    elif name in ("elu", "selu"):
        expected = (0.97 * low, math.nan)
    else:
        expected = (0.0 if name == "relu" else math.nan, math.nan)
    np.testing.assert_allclose(layer.saturation, expected, rtol=1e-7)


def test_an_elu_of_alpha_0_has_no_end_to_saturate_at():
    np.testing.assert_array_equal(nn.ELU(0).saturation, (math.nan, math.nan))
