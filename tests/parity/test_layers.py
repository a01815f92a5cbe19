"""Forward and backward of every layer that PyTorch has, float64, to 1e-10 relative."""

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional

BATCH, FEATURES = 13, 7
TOLERANCE = 1e-10


def relative(ours, theirs):
    theirs = theirs.detach().numpy()
    return np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-300)


@pytest.fixture
def x():
    x = 2 * np.random.default_rng(0).standard_normal((BATCH, FEATURES))
    x[0, :3] = 0.0, -30.0, 30.0
    return x


@pytest.fixture
def dy():
    return np.random.default_rng(1).standard_normal((BATCH, FEATURES))


def differentiate(function, x, dy, *more):
    """Return PyTorch's output and the gradients of x and of `more`."""
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, *more)]
    y = function(*leaves)
    y.backward(torch.tensor(dy))
    return y, *(leaf.grad for leaf in leaves)


ACTIVATIONS = {
    "sigmoid": (nn.Sigmoid, torch.sigmoid),
    "tanh": (nn.Tanh, torch.tanh),
    "relu": (nn.ReLU, torch.relu),
    "leaky 0.01": (lambda: nn.LeakyReLU(0.01), lambda x: F.leaky_relu(x, 0.01)),
    "leaky 0.2": (lambda: nn.LeakyReLU(0.2), lambda x: F.leaky_relu(x, 0.2)),
    "elu": (nn.ELU, F.elu),
    "elu 0.5": (lambda: nn.ELU(0.5), lambda x: F.elu(x, 0.5)),
    "selu": (nn.SELU, F.selu),
    "softsign": (nn.Softsign, F.softsign),
    # PyTorch cuts softplus off at 20 unless told otherwise; the definition has no cut.
    "softplus": (nn.Softplus, lambda x: F.softplus(x, threshold=700)),
    "gelu": (nn.GELU, F.gelu),
    "silu": (nn.SiLU, F.silu),
    "mish": (nn.Mish, F.mish),
    "exponential": (nn.Exponential, torch.exp),
    # PyTorch's own takes its 1/6 in single precision.
    "hard sigmoid": (nn.HardSigmoid, lambda x: torch.clamp(x / 6 + 0.5, 0, 1)),
    "hard tanh": (nn.HardTanh, F.hardtanh),
    "softmax": (nn.Softmax, lambda x: F.softmax(x, dim=1)),
    "identity": (nn.Identity, lambda x: x * 1.0),
    "rrelu slope, test": (
        lambda: nn.RReLU(convention="slope"),
        lambda x: F.rrelu(x, training=False),
    ),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name, x, dy):
    make, function = ACTIVATIONS[name]
    layer = make().initialize(0, np.float64)
    y, cache = layer.forward(x)
    dx = layer.backward(dy, cache)
    y_torch, dx_torch = differentiate(function, x, dy)
    assert relative(y, y_torch) < TOLERANCE
    assert relative(dx, dx_torch) < TOLERANCE


@pytest.mark.parametrize("features", [None, FEATURES])
def test_prelu(features, x, dy):
    layer = nn.PReLU(features).initialize(0, np.float64)
    slope = np.random.default_rng(2).uniform(0.1, 0.5, layer.params["slope"].shape)
    layer.params["slope"][...] = slope
    y, cache = layer.forward(x, training=True)
    dx = layer.backward(dy, cache)
    y_torch, dx_torch, dslope_torch = differentiate(F.prelu, x, dy, slope)
    assert relative(y, y_torch) < TOLERANCE
    assert relative(dx, dx_torch) < TOLERANCE
    assert relative(layer.grads["slope"], dslope_torch) < TOLERANCE


def test_dense(x, dy):
    layer = nn.Dense(FEATURES, FEATURES, bias_init="normal").initialize(0, np.float64)
    weight, bias = layer.params["weight"], layer.params["bias"]
    y, cache = layer.forward(x)
    dx = layer.backward(dy, cache)
    y_torch, dx_torch, dweight, dbias = differentiate(
        lambda x, w, b: x @ w + b, x, dy, weight, bias
    )
    assert relative(y, y_torch) < TOLERANCE
    assert relative(dx, dx_torch) < TOLERANCE
    assert relative(layer.grads["weight"], dweight) < TOLERANCE
    assert relative(layer.grads["bias"], dbias) < TOLERANCE


def batchnorm(training):
    """Return our layer and PyTorch's with the same parameters and statistics."""
    rng = np.random.default_rng(3)
    layer = nn.BatchNorm(FEATURES, momentum=0.9, epsilon=1e-3).initialize(0, np.float64)
    theirs = torch.nn.BatchNorm1d(FEATURES, eps=1e-3, momentum=0.1).double()
    theirs.train(training)
    with torch.no_grad():
        for ours, other, low in (
            (layer.params["gamma"], theirs.weight, 0.5),
            (layer.params["beta"], theirs.bias, -1),
            (layer.statistics["running_mean"], theirs.running_mean, -1),
            (layer.statistics["running_variance"], theirs.running_var, 0.5),
        ):
            ours[...] = rng.uniform(low, 2, FEATURES)
            other.copy_(torch.tensor(ours))
    return layer, theirs


@pytest.mark.parametrize("training", [True, False])
def test_batchnorm(training, x, dy):
    layer, theirs = batchnorm(training)
    y, cache = layer.forward(x, training=training)
    dx = layer.backward(dy, cache)
    x_torch = torch.tensor(x, requires_grad=True)
    y_torch = theirs(x_torch)
    y_torch.backward(torch.tensor(dy))
    assert relative(y, y_torch) < TOLERANCE
    assert relative(dx, x_torch.grad) < TOLERANCE
    assert relative(layer.grads["gamma"], theirs.weight.grad) < TOLERANCE
    assert relative(layer.grads["beta"], theirs.bias.grad) < TOLERANCE


def test_batchnorm_running_statistics(x):
    layer, theirs = batchnorm(training=True)
    variance_before = layer.statistics["running_variance"].copy()
    layer.forward(x, training=True)
    theirs(torch.tensor(x))
    assert relative(layer.statistics["running_mean"], theirs.running_mean) < TOLERANCE
    # PyTorch keeps the unbiased variance, TensorFlow 1.x and we the biased one.
    unbiased = 0.9 * variance_before + (
        layer.statistics["running_variance"] - 0.9 * variance_before
    ) * BATCH / (BATCH - 1)
    assert relative(unbiased, theirs.running_var) < TOLERANCE
