"""What norms of examples add at finite width, against networks of one layer drawn many times."""

import math
from dataclasses import replace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.theory.blocks import Block, Fork
from nnscratch.theory.ends import InputStatistics, LossGradient
from nnscratch.theory.gradient import propagate_gradient
from nnscratch.theory.nonlinearity import nonlinearity
from nnscratch.theory.propagation import propagate_signal
from nnscratch.theory.quadrature import mean, sphere_mean
from nnscratch.theory.spectrum import even_spectrum
from nnscratch.theory.wobble import (
    Wobble,
    Wobbles,
    behind_norm,
    behind_weights,
    summed,
    taken_out,
)

N, DRAWS = 24, 6000
RELU, TANH = nonlinearity("relu"), nonlinearity("tanh")
EVEN = InputStatistics(1.0, 0.0, even_spectrum(None))


def sphere(rng, count, centred):
    h = rng.standard_normal((count, N))
    h -= h.mean(axis=1, keepdims=True) * centred
    return h / np.sqrt(np.mean(h * h, axis=1, keepdims=True))


def down(g, y, centred):
    """The gradient below a norm of the rows y."""
    y = y - y.mean(axis=1, keepdims=True) * centred
    s = np.sqrt(np.mean(y * y, axis=1, keepdims=True))
    g = g - g.mean(axis=1, keepdims=True) * centred
    return (g - y / s * np.mean(g * y / s, axis=1, keepdims=True)) / s


def block(phi=None, norm="", *, weights=True):
    made = Block("a", N, N, 2 / N if weights else 1 / N, 0.0, weights=weights, norm=norm)
    return made if phi is None else Block(**{**vars(made), "activation": phi})


@pytest.mark.parametrize("phi", [RELU, TANH])
@pytest.mark.parametrize("norm", ["layer norm", "RMS norm"])
def test_a_norm_behind_a_layer(phi, norm):
    """x of fixed mean square, u = W x, a norm of phi(u): E |du|^2 over |g|^2."""
    rng, centred = np.random.default_rng(0), norm == "layer norm"
    u = math.sqrt(2) * rng.standard_normal((DRAWS, N))
    g = rng.standard_normal((DRAWS, N))
    du = down(g, phi.value(u), centred) * phi.slope(u)
    measured = np.sum(du * du, axis=1) / N
    first, second = propagate_signal([block(phi), block(norm=norm, weights=False)], EVEN, None)
    expected = first.slope * second.inverse_variance * second.finite
    error = np.std(measured) / math.sqrt(DRAWS)
    assert np.mean(measured) == pytest.approx(expected, abs=3 * error + 3 / N**2 * expected)
    assert second.finite > 1.02


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("phi", [RELU, TANH])
def test_what_lies_behind_a_norm(phi, centred):
    rng = np.random.default_rng(1)
    h = sphere(rng, DRAWS, centred)
    sizes, slopes = (np.mean(f(h), axis=1) for f in (phi.square, phi.slope_square))
    expected = sphere_mean(phi.square, 1.0, N - centred)
    assert sizes.mean() == pytest.approx(expected, rel=0.01)
    found = behind_norm(phi, 1.0, centred, N).whole
    relative = np.cov(sizes / sizes.mean(), slopes / slopes.mean())
    assert found.variance == pytest.approx(relative[0, 0], rel=0.15)
    assert found.tied == pytest.approx(relative[0, 1], rel=0.15, abs=2e-3)


@pytest.mark.parametrize("phi", [RELU, TANH])
def test_what_lies_behind_weights(phi):
    """Of a signal whose mean square itself differs, together with slopes below."""
    rng, v, c, q = np.random.default_rng(2), 0.01, 0.004, 1.5
    log = math.sqrt(v) * rng.standard_normal(DRAWS)
    u = np.exp(log / 2)[:, None] * math.sqrt(q) * rng.standard_normal((DRAWS, N))
    below = np.exp(log * c / v)
    for centred in (False, True):
        value = phi.value(u) - centred * mean(phi.value, q)
        size = np.mean(value**2, axis=1)
        slopes = np.mean(phi.slope_square(u), axis=1) * below
        relative = np.cov(size / size.mean(), slopes / slopes.mean())
        both = behind_weights(Wobbles(Wobble(v, c), Wobble(v, c)), phi, q, N)
        found = both.centred if centred else both.whole
        assert found.variance == pytest.approx(relative[0, 0], rel=0.2)
        assert found.tied == pytest.approx(relative[0, 1], rel=0.2, abs=4e-3)


@pytest.mark.parametrize(("phi", "sw2"), [(RELU, 2.0), (TANH, 2.0)])
@pytest.mark.parametrize("norm", ["layer norm", "RMS norm"])
@pytest.mark.parametrize("before", [True, False])
def test_rows_of_layers(before, norm, phi, sw2):
    """Two narrow layers one behind the other, the gradient at the first."""
    rng, centred, draws = np.random.default_rng(5), norm == "layer norm", 1500
    measured = []
    for _ in range(draws):
        x, kept = rng.standard_normal(N), []
        x /= np.sqrt(np.mean(x * x))
        for _ in range(3):
            u = (weights := math.sqrt(sw2 / N) * rng.standard_normal((N, N))) @ x
            y = u if before else phi.value(u)
            h = y - y.mean() * centred
            h = h / np.sqrt(np.mean(h * h))
            kept.append((weights, u, y, h))
            x = phi.value(h) if before else h
        g = rng.standard_normal(N)
        for weights, u, y, h in kept[::-1]:
            g = g * phi.slope(h) if before else g
            dz = down(g[None], y[None], centred)[0] * (1 if before else phi.slope(u))
            g = weights.T @ dz
        measured.append(dz @ dz / N)
    layer = [Block("a", N, N, sw2 / N, 0.0, activation=phi, norm=norm * before)]
    layer += [] if before else [block(norm=norm, weights=False)]
    passed = propagate_signal([*layer * 3, block()], EVEN, None)
    log = propagate_gradient(passed, LossGradient(1.0, 0.0, 0.0), None).log_square[0]
    error = np.std(measured) / math.sqrt(draws)
    # The last dense layer stands for the gradient's draw: its n Var(w) is 2.
    assert np.mean(measured) == pytest.approx(math.exp(log) / 2, abs=3 * error)


def test_a_linear_layer_is_as_batch_norm_of_its_units():
    _, made = propagate_signal([block(norm="layer norm")] * 2, EVEN, None)
    assert made.finite == pytest.approx((N - 2) / (N - 3), abs=4 / N**2)
    assert taken_out(RELU, 1.0) == pytest.approx(1.0)
    assert taken_out(TANH, 1.0) < 0.6


def test_sums_add_what_their_lanes_have_in_common():
    """Of y = k + b, with k of fixed length and b Gaussian: 4 k^2 b^2 / n beside its own."""
    rng, k = np.random.default_rng(3), sphere(np.random.default_rng(4), DRAWS, False)
    b = 0.7 * rng.standard_normal((DRAWS, N))
    sizes = np.mean((k + b) ** 2, axis=1)
    share = 0.49 / 1.49
    own = Wobble(2 / N, 0.5, 0.3)
    found = summed(Wobbles(own, own), Wobbles(), share, 0.25, N).centred
    assert found.variance == pytest.approx(np.var(sizes / sizes.mean()), rel=0.1)
    assert (found.tied, found.along) == pytest.approx((share * 0.25 * 0.5, share * 0.25 * 0.3))


def test_nobody_follows_it_where_no_norm_asks():
    fork = Fork("s", N, N, (block(RELU), block()), (), 1.0)
    plain = propagate_signal([block(RELU), fork], EVEN, None)
    assert plain[-1].outgoing.wobble is None
    normed = propagate_signal(
        [block(RELU), fork, block(norm="RMS norm", weights=False)], EVEN, None
    )
    assert normed[1].outgoing.wobble.whole.variance > 0
    assert normed[2].outgoing.wobble.whole.variance == pytest.approx(0, abs=1e-12)


def test_it_is_the_same_for_signals_of_any_size():
    parts = [block(RELU), Fork("s", N, N, (block(RELU), block()), (), 1.0)]
    parts.append(block(norm="RMS norm", weights=False))
    one, small = (
        propagate_signal(parts, replace(EVEN, square=size), None)[1].outgoing.wobble.whole
        for size in (1.0, 1e-6)
    )
    assert small.variance == pytest.approx(one.variance, rel=1e-9)


def test_prediction_of_networks_without_such_norms_is_of_any_width():
    for n in (20, 200):
        found = nn.predict(
            nn.Sequential(nn.Dense(n, n), nn.Residual(nn.Dense(n, n)), nn.Dense(n, n))
        )
        assert found.rate[0] == pytest.approx(2.0)
