"""Rates of theory against rates measured on wide random networks.

Each draw is a network of width 500 whose input already has the fixed point's variance; the gradient
at its top is random, so that nothing but the layers acts on it. The first layer is left out: raw
inputs are another distribution than what layers make of them. Agreement is asked within three
standard errors of the mean over draws.
"""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import theory
from nnscratch.theory import batchnorm

WIDTH, DEPTH = 500, 7

# Most at their fixed point; gelu, silu and softplus where they have one.
PLAIN = [
    (nn.Sigmoid, 1.0, 0.0),
    (nn.Sigmoid, 16.0, 0.0),
    (nn.Sigmoid, 300.0, 0.0),
    (nn.Tanh, 16.0, 0.0),
    (nn.Tanh, 1.0, 0.05),
    (nn.Tanh, 1.761, 0.05),
    (nn.Tanh, 4.0, 0.05),
    (nn.ReLU, 2.0, 0.0),
    (lambda: nn.LeakyReLU(0.2), 2.0, 0.0),
    (nn.RReLU, 2.0, 0.0),
    (nn.PReLU, 2.0, 0.0),
    (nn.ELU, 1.5, 0.0),
    (nn.SELU, 1.0, 0.0),
    (nn.Softsign, 4.0, 0.05),
    (nn.Softplus, 1.0, 0.0),
    (nn.GELU, 1.5, 0.2),
    (nn.SiLU, 1.5, 0.2),
    (nn.Identity, 1.0, 0.0),
]
QUICK = [PLAIN[1], PLAIN[6], PLAIN[12]]
ACTIVATIONS = [
    nn.Identity, nn.ReLU, nn.LeakyReLU, lambda: nn.LeakyReLU(0.2), nn.PReLU, nn.RReLU, nn.ELU,
    nn.SELU, nn.Tanh, nn.Sigmoid, nn.Softsign, nn.Softplus, nn.GELU, nn.SiLU,
]  # fmt: skip


def measured_rate(blocks, sw2, sb2, q, batch, draws, skip):
    """Return mean and standard error over draws of the ratio of squared norms, layer by layer."""
    init = nn.initializers.VarianceScaling(sw2, "fan_in")
    bias = nn.initializers.Normal(math.sqrt(sb2))
    rates = []
    for seed in range(draws):
        parts = []
        for _ in range(DEPTH):
            parts += [nn.Dense(WIDTH, WIDTH, init=init, bias_init=bias), *blocks()]
        model = nn.Sequential(*parts, nn.Dense(WIDTH, 10, init=init), seed=seed)
        rng = np.random.default_rng(1000 + seed)
        scale = math.sqrt((q - sb2) / sw2)
        x = (scale * rng.standard_normal((batch, WIDTH))).astype(np.float32)
        model.forward(x, training=True)
        top = rng.standard_normal((batch, 10)).astype(np.float32)
        model.backward(top - top.mean(axis=0))
        trace = model.last
        squares = [
            float(np.sum(np.square(trace[name].upstream, dtype=np.float64)))
            for name in model.layers
            if name.endswith("dense")
        ]
        below, above = np.array(squares[skip:-2]), np.array(squares[skip + 1 : -1])
        rates.append(np.mean(below / above))
    return np.mean(rates), np.std(rates, ddof=1) / math.sqrt(draws)


def check_plain(make, sw2, sb2, draws):
    q = theory.variance_fixed_point(make(), sw2, sb2)
    if not 0 < q < 1e6:
        q = 1.0  # the leaky family has no fixed point, and the same rate everywhere
    measured, error = measured_rate(lambda: [make()], sw2, sb2, q, 32, draws, skip=1)
    assert abs(measured - theory.gradient_rate(make(), q, sw2)) < 3 * error
    assert error < 0.02 * measured


def check_normalized(make, batch, draws):
    def blocks():
        return [nn.BatchNorm(WIDTH, epsilon=1e-8), make()]

    measured, error = measured_rate(blocks, 2.0, 0.0, 1.0, batch, draws, skip=2)
    assert abs(measured - batchnorm.rate(make(), batch)) < 3 * error
    assert error < 0.02 * measured


@pytest.mark.parametrize(("make", "sw2", "sb2"), QUICK)
def test_rate(make, sw2, sb2):
    check_plain(make, sw2, sb2, draws=5)


@pytest.mark.parametrize("make", [nn.ReLU, nn.Tanh])
def test_rate_with_batch_norm(make):
    check_normalized(make, 64, draws=5)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "sw2", "sb2"), PLAIN)
def test_rate_of_every_activation(make, sw2, sb2):
    check_plain(make, sw2, sb2, draws=12)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [8, 64, 200])
@pytest.mark.parametrize("make", ACTIVATIONS)
def test_rate_of_every_activation_with_batch_norm(make, batch):
    check_normalized(make, batch, draws=12)


@pytest.mark.parametrize(("given", "batch"), [(1.81, 8), (1.489, 64), (1.472, 200)])
def test_rates_measured_elsewhere(given, batch):
    tolerance = 0.03 if batch == 8 else 0.005
    assert batchnorm.relu_rate(batch) == pytest.approx(given, abs=tolerance)


@pytest.mark.parametrize(("given", "sw2"), [(0.748, 1.0), (0.988, 1.761), (1.346, 4.0)])
def test_rates_of_tanh_measured_elsewhere(given, sw2):
    assert theory.chi_1("tanh", sw2, 0.05) == pytest.approx(given, rel=0.016)
