"""The spread over draws of the weights at finite width."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import theory
from nnscratch.theory import nonlinearity
from nnscratch.theory.finite_width import (
    LayerNoise,
    Spread,
    example_noise,
    linear_noise,
    plain_noise,
)


def test_beta_of_hanin():
    mean, variance = theory.log_norm_moments([50] * 20)
    assert (mean, variance) == pytest.approx((-1.0, 2.0))  # measured: -0.949 and 2.011
    assert theory.log_norm_moments([100] * 10, kappa=1.0) == pytest.approx((-0.1, 0.2))
    with pytest.raises(nn.ConfigError, match="width must be"):
        theory.log_norm_moments([0])


def test_forward_norm_of_relu_networks():
    # One input through L = 20 layers of 50 units, 400 draws; He's weights.
    rng = np.random.default_rng(0)
    logs = []
    for _ in range(400):
        h = rng.standard_normal(50)
        before = h @ h
        for _ in range(20):
            h = np.maximum(h @ rng.standard_normal((50, 50)) * math.sqrt(2 / 50), 0)
        logs.append(math.log(h @ h / before))
    mean, variance = theory.log_norm_moments([50] * 20)
    assert np.mean(logs) == pytest.approx(mean, abs=3 * math.sqrt(variance / 400))
    assert np.var(logs) == pytest.approx(variance, rel=3 * math.sqrt(2 / 400))


def test_one_input_has_the_variance_of_hanin():
    noise = plain_noise(nonlinearity("relu"), 1.0, 1.0, 50, 1.0)
    assert (noise.kappa, noise.kappa_pair, noise.kept) == pytest.approx((2, 2, 1))
    # ln(1 + 5/n) per layer, 5/n to first order
    assert below([noise] * 20, 1.0).log_variance(1.0) == pytest.approx(20 * math.log(1 + 5 / 50))
    assert Spread().log_variance(1.0) == 0


def below(noises, aligned):
    spread = Spread(aligned=aligned)
    for noise in noises:
        spread = spread.below(noise)
    return spread


def test_weights_and_slopes_are_parts_of_the_whole():
    """To first order in 1 / units."""
    noise = plain_noise(nonlinearity("tanh"), 2.0, 0.4, 10_000, 20.0)
    whole = Spread(1.2, 1.1, 0.3).below(noise)
    parts = Spread(1.2, 1.1, 0.3).below(linear_noise(10_000)).below_slopes(noise)
    for name in ("one", "two", "aligned"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-6)


def test_a_sum_of_independent_lanes_varies_less_than_either():
    """An equal share of two gradients, one the random image of the other."""
    above, n, rng = Spread(1.0, 1.0, 1.0), 30, np.random.default_rng(0)
    joined = above.joined(above, above.below(linear_noise(n)), 0.5, 1.0, n)
    g = rng.standard_normal((4000, n))
    g /= np.linalg.norm(g, axis=1, keepdims=True)
    image = rng.standard_normal((4000, n)) / math.sqrt(n)  # of any vector of length 1
    squares = np.sum((g + image) ** 2, axis=1) / 2
    assert joined.one - 1 == pytest.approx(np.var(squares), rel=0.1)
    assert (joined.two, joined.aligned) == pytest.approx((joined.one, joined.one))


def test_unrelated_inputs_average_out():
    noise = plain_noise(nonlinearity("identity"), 1.0, 0.0, 100, 50.0)
    alone = below([noise] * 5, 1.0).log_variance(1.0)
    many = below([noise] * 5, 0.0).log_variance(math.inf)
    assert many < alone / 10


def test_a_dead_layer_has_no_spread():
    dead = LayerNoise(10, 1.0, 1.0, 0.0)
    assert plain_noise(nonlinearity("relu"), 0.0, 1.0, 10, 4.0) == dead


@pytest.mark.parametrize(
    ("make", "sw2", "sb2", "depth"),
    [(nn.ReLU, 2.0, 0.0, 8), (nn.Tanh, 1.8, 0.05, 8), (nn.Sigmoid, 100.0, 0.0, 6)],
)
def test_spread_of_networks_against_simulation(make, sw2, sb2, depth):
    # A random gradient at the top, unlike that of a loss, does not depend on the weights.
    width, batch, draws = 60, 10, 120
    init = nn.initializers.VarianceScaling(sw2, "fan_in")
    bias = nn.initializers.Normal(math.sqrt(sb2))
    logs = []
    for seed in range(draws):
        parts = []
        for _ in range(depth):
            parts += [nn.Dense(width, width, init=init, bias_init=bias), make()]
        model = nn.Sequential(*parts, nn.Dense(width, 10, init=init), seed=seed)
        rng = np.random.default_rng(seed)
        model.forward(rng.standard_normal((batch, width)).astype(np.float32))
        model.backward((np.eye(10) - 0.1).astype(np.float32))
        first, last = (np.linalg.norm(model.last[f"{i}.dense"].upstream) for i in (0, 2 * depth))
        logs.append(math.log(first / last))
    x = np.random.default_rng(0).standard_normal((1000, width)).astype(np.float32)
    prediction = nn.predict(model, x, batch_size=batch)
    sd = prediction.sd[0]
    assert np.mean(logs) == pytest.approx(
        math.log(prediction.ratio), abs=3 * np.std(logs) / math.sqrt(draws) + 0.03
    )
    assert np.std(logs) == pytest.approx(sd, rel=0.25)


NORMS = {
    "layer norm, ReLU": lambda n: (nn.LayerNorm(n), nn.ReLU()),
    "RMS norm, ReLU": lambda n: (nn.RMSNorm(n), nn.ReLU()),
    "ReLU, layer norm": lambda n: (nn.ReLU(), nn.LayerNorm(n)),
    "layer norm, leaky": lambda n: (nn.LayerNorm(n), nn.LeakyReLU(0.3)),
}


@pytest.mark.parametrize("name", NORMS)
def test_a_norm_of_examples_adds_its_own_spread(name):
    """Without it the spread is a third too narrow."""
    width, batch, draws, depth = 60, 20, 80, 10
    init = nn.initializers.VarianceScaling(2.0, "fan_in")
    x = np.random.default_rng(0).standard_normal((batch, width))
    logs = []
    for seed in range(draws):
        parts = [nn.Dense(width, width, init=init)]
        for _ in range(depth):
            parts += [*NORMS[name](width), nn.Dense(width, width, init=init)]
        model = nn.Sequential(*parts, seed=seed, dtype="float64")
        model.forward(x)
        model.backward(np.random.default_rng(seed).standard_normal((batch, width)))
        first, last = (np.linalg.norm(model.last[f"{i}.dense"].upstream) for i in (0, 3 * depth))
        logs.append(math.log(first / last))
    assert nn.predict(model, x).sd[0] == pytest.approx(np.std(logs), rel=0.2)


def test_what_is_fixed_by_a_norm_varies_no_more():
    """A mean square that is all there is of a linear layer, and that of one behind its norm."""
    linear, relu = nonlinearity("identity"), nonlinearity("relu")
    before = example_noise(linear, 1.0, 0.3, 50, centred=False, after=False)
    assert (before.one, before.two) == pytest.approx((2, 2 * 0.3**2))
    after = example_noise(linear, 1.0, 0.3, 50, centred=False, after=True)
    assert (after.one, after.two) == pytest.approx((2, 2 * 0.3**2))
    free = example_noise(relu, 1.0, 0.3, 50, centred=False, after=True)
    plain = plain_noise(relu, 1.0, 0.3, 50, 1.0)
    assert (free.kappa, free.kappa_pair) == pytest.approx((plain.kappa, plain.kappa_pair))
    assert free.one == pytest.approx(50 * (plain.square / 0.5**2 - 2 * plain.covariance / 0.5))
    tied = example_noise(relu, 1.0, 0.3, 50, centred=True, after=False)
    half = math.sqrt(2 / math.pi)  # Cov(phi^2, z) is 1 and Cov(phi'^2, z) is half of it, over 1/2
    assert tied.kappa == pytest.approx(2 - half**2)
    assert tied.one == pytest.approx(2 + (3 - (2 * half) ** 2) - 2 * (1 - 2 * half**2), rel=1e-3)
    assert example_noise(relu, 0.0, 1.0, 10, True, False) == LayerNoise(10, 1.0, 1.0, 0.0)
