"""Predictions of residual networks and of norms of examples: formulas, and what is measured."""

import math
from dataclasses import replace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.experiments.claims import residual_rates
from nnscratch.experiments.claims.networks import back_propagated
from nnscratch.theory import nonlinearity
from nnscratch.theory.blocks import Fork
from nnscratch.theory.ends import InputStatistics, LossGradient
from nnscratch.theory.gradient import propagate_gradient
from nnscratch.theory.propagation import propagate_signal
from nnscratch.theory.quadrature import mean
from nnscratch.theory.reading import read_network
from nnscratch.theory.spectrum import even_spectrum

N = 50
ENDLESS = 10**9  # units


def dense(n=N, sw2=1.0, n_out=None):
    return nn.Dense(n, n_out or n, init=nn.initializers.VarianceScaling(sw2, "fan_in"))


def branch(n=N, sw2=2.0, activation=nn.ReLU):
    return dense(n, sw2), activation(), dense(n)


def widened(steps):
    """The same steps in layers without end, where formulas are exact."""
    for step in steps:
        if isinstance(step, Fork):
            lanes = {name: tuple(widened(getattr(step, name))) for name in ("branch", "skip")}
            yield replace(step, n_in=ENDLESS, n_out=ENDLESS, **lanes)
        else:
            variance = step.sw2 / ENDLESS
            yield replace(step, n_in=ENDLESS, n_out=ENDLESS, weight_variance=variance)


def squares(*parts):
    """The expected squared norm at each dense layer over that at the last."""
    steps = tuple(widened(read_network(nn.Sequential(*parts, seed=0)).steps))
    passed = propagate_signal(steps, InputStatistics(1.0, 0.0, even_spectrum(None)), None)
    return np.exp(propagate_gradient(passed, LossGradient(1.0, 0.0, 0.0), None).log_square)


def squared(*parts):
    return squares(dense(), *parts, dense())[0]


def residual(count, scale=1.0, *, norm=None, after=None, **options):
    first, behind = ([] if norm is None else [norm(N)]), ([] if after is None else [after(N)])
    blocks = [[nn.Residual(*([norm(N)] if first else []), *branch(**options), scale=scale),
               *([after(N)] if behind else [])] for _ in range(count)]  # fmt: skip
    return [part for block in blocks for part in block]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (lambda: residual(40), 2.0**40),  # measured 1.14e12 in networks of 400
        (lambda: residual(100, 0.1), 1.01**100),  # 2.697
        (lambda: residual(100, 0.01), 1.0001**100),  # 1.011
        (lambda: residual(60, 0.0), 1.0),
        (lambda: residual(10, norm=nn.LayerNorm), 11.0),  # 11.35
        (lambda: residual(100, norm=nn.LayerNorm), 101.0),  # 99.95
        (lambda: residual(100, norm=nn.RMSNorm), 101.0),  # 99.8
        (lambda: residual(60, 60**-0.25, after=nn.LayerNorm), 1.0),  # DeepNorm: .998
        (lambda: residual(10, -1.0), 2.0**10),  # a scale below 0 counts as its size
    ],
)
def test_closed_forms_of_relu(parts, expected):
    assert squared(*parts()) == pytest.approx(expected, rel=2e-3)


def test_norms_after_the_sum_of_tanh():
    phi = nonlinearity("tanh")
    v, c = mean(phi.square, 1.0), mean(phi.slope_square, 1.0)
    assert (v, c) == pytest.approx((0.3943, 0.4644), abs=1e-4)
    parts = residual(50, after=nn.LayerNorm, sw2=1.0, activation=nn.Tanh)
    made = squares(dense(), nn.LayerNorm(N), *parts, dense())
    np.testing.assert_allclose(made[1:-3:2] / made[3:-1:2], (1 + c) / (1 + v), rtol=1e-4)
    found = nn.predict(
        nn.Sequential(
            dense(),
            nn.LayerNorm(N),
            *residual(50, after=nn.LayerNorm, sw2=1.0, activation=nn.Tanh),
            dense(),
            seed=0,
        )
    )
    assert found.regime.rate == pytest.approx((1 + c) / (1 + v), abs=0.02)  # of 50 units
    assert "norms after the sums" in found.regime.formula
    assert "a block on the squared norm" in found.verdict


@pytest.mark.parametrize(
    ("activation", "sw2", "norm", "rate"),
    [
        (nn.ReLU, 2.0, nn.LayerNorm, math.pi / (math.pi - 1)),  # measured 1.465
        (nn.ReLU, 2.0, nn.RMSNorm, 1.0),
        (nn.Tanh, 1.0, nn.LayerNorm, 1.178),  # 1.16 to 1.19
        (nn.Tanh, 2.0, nn.LayerNorm, 1.344),  # 1.33
        (nn.Sigmoid, 16.0, nn.LayerNorm, 1.612),  # 1.57 to 1.62
        (nn.Sigmoid, 1.0, nn.LayerNorm, 1.034),  # 1.037
    ],
)
def test_norms_behind_activations_in_a_row(activation, sw2, norm, rate):
    def parts():
        return [part for _ in range(20) for part in (dense(sw2=sw2), activation(), norm(N))]

    made = squares(*parts(), dense(sw2=sw2))
    np.testing.assert_allclose(made[8:-1] / made[9:], rate, atol=1e-3)
    found = nn.predict(nn.Sequential(*parts(), dense(sw2=sw2), seed=0))
    assert found.regime.rate == pytest.approx(rate, abs=1e-3)
    assert found.cure is None


@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm])
@pytest.mark.parametrize(("activation", "rate"), [(nn.ReLU, 1.0), (nn.Tanh, 1.1778)])
def test_norms_before_activations_in_a_row(norm, activation, rate):
    def parts():
        return [part for _ in range(20) for part in (dense(sw2=5.0), norm(N), activation())]

    made = squares(*parts(), dense(sw2=5.0))
    np.testing.assert_allclose(made[3:-1] / made[4:], rate, atol=1e-3)
    found = nn.predict(nn.Sequential(*parts(), dense(sw2=5.0), seed=0))
    assert found.regime.rate == pytest.approx(rate, abs=1e-3)


def test_the_shares_of_branch_and_skip():
    found = nn.predict(nn.Sequential(dense(), *residual(3, 0.5), dense(), seed=0))
    for i, block in enumerate(found.blocks):
        assert (block.rate, block.branch) == pytest.approx((1.25, 0.2))
        assert block.second_moment == pytest.approx(1.25 ** (i + 1))
        assert block.gradient**2 == pytest.approx(1.25 ** (2 - i))
        assert block.name == f"{i + 1}.sum"
    assert "by the branch" in repr(found)
    assert nn.predict(nn.Sequential(dense(), seed=0)).blocks == ()


def test_means_over_the_units_add_up_in_sums():
    """Of ReLUs the means are above 0, in skip and branch: E (a + b)^2 = 1/2 + 1/2 + 2 / (2 pi)."""
    parts = dense(), nn.ReLU(), nn.Residual(dense(sw2=2.0), nn.ReLU()), dense()
    found = nn.predict(nn.Sequential(*parts, seed=0))
    assert found.second_moment[-1] == pytest.approx(1 + 2 / math.sqrt(2 * math.pi) ** 2)
    centred = nn.Sequential(*parts_of_norm(), seed=0)
    assert nn.predict(centred).second_moment[-1] == pytest.approx(1, abs=1e-4)


def parts_of_norm():
    return dense(), nn.ReLU(), nn.Residual(dense(sw2=2.0), nn.ReLU()), nn.LayerNorm(N), dense()


def test_a_projection_around_the_branch_counts_as_a_lane():
    block = nn.Residual(*branch(), skip=dense(sw2=3.0))
    assert squared(block) == pytest.approx(3 + 1)


@pytest.mark.parametrize("place", [16, 22, 26])
def test_against_one_network_of_each_kind(place):
    """Few draws: within 3 standard errors and what is left out, 6 % of the square."""
    _, times, made = residual_rates.NETWORKS[place]
    values = [
        residual_rates.measured(residual_rates.network(made, times, 200, seed), 16, seed)
        for seed in range(8)
    ]
    said = residual_rates.expected(residual_rates.network(made, times, 200, 0), 16)
    error = np.std(values, ddof=1) / math.sqrt(len(values))
    assert abs(np.mean(values) - said) < 3 * error + 0.06 * said


@pytest.mark.parametrize("kind", ["sum", "first"])
def test_the_spread_over_draws_of_residual_networks(kind):
    norm = nn.LayerNorm if kind == "first" else None
    logs = []
    for seed in range(60):
        blocks = [nn.Residual(*([norm(40)] if norm else []), *branch(40)) for _ in range(6)]
        model = nn.Sequential(dense(40), *blocks, dense(40), seed=seed)
        x = np.random.default_rng(seed).standard_normal((10, 40)).astype(np.float32)
        squares = back_propagated(model, x, None, random_top=seed)
        logs.append(np.log(squares[0] / squares[-1]) / 2)
    x = np.random.default_rng(0).standard_normal((500, 40)).astype(np.float32)
    found = nn.predict(model, x, batch_size=10)
    assert np.mean(logs) == pytest.approx(math.log(found.ratio), abs=0.08)
    assert np.std(logs, ddof=1) == pytest.approx(found.sd[0], rel=0.35)
