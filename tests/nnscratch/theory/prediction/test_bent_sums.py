"""Activations after sums and after other activations: predicted by drawn units, and measured."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.experiments.claims.networks import back_propagated
from nnscratch.theory import drawn
from nnscratch.theory.ends import InputStatistics, LossGradient
from nnscratch.theory.gradient import _Gradient, _joined_shares, propagate_gradient
from nnscratch.theory.propagation import propagate_signal
from nnscratch.theory.reading import read_network
from nnscratch.theory.spectrum import even_spectrum

N = 400


def dense(sw2=2.0, n=N):
    return nn.Dense(n, n, init=nn.initializers.VarianceScaling(sw2, "fan_in"))


def block(activation=nn.ReLU, sw2=2.0, scale=1.0, *, normed=False, behind=None):
    norm = [nn.BatchNorm(N)] if normed else []
    branch = [dense(sw2), *norm, activation(), dense(sw2), *([nn.BatchNorm(N)] if normed else [])]
    return [
        nn.Residual(*branch, scale=scale),
        *([behind(N)] if behind else []),
        activation(),
    ]


def bent(count, activation=nn.ReLU, sw2=2.0, **options):
    made = [part for _ in range(count) for part in block(activation, sw2, **options)]
    return [dense(sw2), activation(), *made, dense(sw2)]


def signals(parts):
    steps = read_network(nn.Sequential(*parts, seed=0)).steps
    return propagate_signal(steps, InputStatistics(1.0, 0.0, even_spectrum(None)), None)


def flow(parts, along=1.0):
    return propagate_gradient(signals(parts), LossGradient(1.0, 0.0, 0.0, along), None)


def squares(parts, along=1.0):
    return np.exp(flow(parts, along).log_square)


def normals(count=1_000_000, seed=0):
    return np.random.default_rng(seed).standard_normal(count)


@pytest.mark.parametrize("count", [1, 2, 8])
def test_units_that_are_cut_off_are_cut_off_once(count):
    """Around branches of scale 0 a ReLU after another ReLU changes nothing: half comes back, not
    half of a half."""
    made = squares([dense(1.0), nn.ReLU(), *zero_blocks(count), dense(1.0)])
    assert made[0] == pytest.approx(0.5, abs=0.01)


def zero_blocks(count):
    return [part for _ in range(count) for part in block(scale=0.0)]


def test_the_gradient_along_the_signal_is_not_cut_off():
    """Where the signal is 0 a gradient along it has nothing to lose."""
    parts = [dense(1.0), nn.ReLU(), *zero_blocks(3), dense(1.0)]
    assert squares(parts, along=N)[0] == pytest.approx(1.0, abs=0.01)


def test_around_a_branch_it_grows_as_the_signal_does():
    """Of a gradient with a share A along s = a + g, 2 + 1.5 A comes back where 2 would: by Euler
    the part along the signal grows by as much as that, twofold in its mean square."""

    def parts():
        return dense(2.0), nn.ReLU(), nn.Residual(dense(2.0), nn.ReLU(), dense(1.0)), nn.ReLU()

    a, g = np.maximum(np.sqrt(2) * normals(), 0), normals(seed=1)
    s = a + np.sqrt(np.mean(a * a)) * g
    share = np.mean(np.maximum(s, 0) ** 2) / np.mean(s * s)
    for along, expected in ((N, 2 + 1.5 * share), (0.0, 2.0)):
        (split,) = flow([*parts(), dense(1.0)], along).splits
        assert split.rate == pytest.approx(expected, rel=0.01)


def test_branches_that_begin_with_drawn_units_follow_their_size():
    """The same of F(h) = W tanh(h), which grows by less than h does."""
    parts = [dense(2.0), nn.ReLU(), *zero_blocks(1), nn.Residual(nn.Tanh(), dense(1.0)), nn.ReLU()]
    h, step = np.maximum(np.sqrt(2) * normals(), 0), 1e-3
    low, given = np.mean(h * h), np.mean(np.tanh(h) ** 2)
    grown = np.diff([np.mean(np.tanh(h * np.exp(e)) ** 2) for e in (-step, step)])[0] / step / 2
    rate = np.mean((1 - np.tanh(h) ** 2) ** 2)
    s = h + np.sqrt(given) * normals(seed=1)
    share = np.mean(np.maximum(s, 0) ** 2) / np.mean(s * s)
    turned = (low + grown / 2) ** 2 / (low * (low + given))
    others = (1 - share) * (1 + rate) + share * (given / (low + given) + rate)
    split = flow([*parts, dense(1.0)], along=N).splits[-1]
    assert split.rate == pytest.approx(share * turned + others, rel=0.02)


def test_at_the_end_of_a_branch_only_the_units_of_the_sum_count():
    """What ReLU's branch lets through, of units of which a quarter is cut off by the sum's: 2/3."""
    block = nn.Residual(dense(1.0), nn.ReLU())
    parts = [dense(1.0), nn.ReLU(), nn.BatchNorm(N), dense(1.0), nn.ReLU(), block, nn.ReLU()]
    above, below = squares([*parts, dense(1.0)], along=N)[-1:-3:-1]
    assert below / above == pytest.approx(2 / 3, rel=0.02)


def test_the_mean_of_bent_units():
    u = np.maximum(normals(), 0)
    given = signals([dense(1.0), nn.ReLU(), *zero_blocks(1)[:-1], nn.Sigmoid(), dense()])[
        -2
    ].outgoing
    assert given.average == pytest.approx(np.mean(1 / (1 + np.exp(-u))), rel=0.01)
    assert given.average_square == pytest.approx(given.average**2)


def test_products_of_two_gradients_add_by_their_correlation():
    shares = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
    skip = _Gradient(0.0, 0.5, 1.0, None, False, shares=shares)
    branch = _Gradient(0.0, 0.0, 1.0, None, False)
    joined = _joined_shares(branch, skip, 0.5)
    assert joined == pytest.approx(np.array([[1.5, 0.5], [1.5, 0.5], [2.0, 0.0]]))


@pytest.mark.parametrize(("first", "inner"), [(nn.ReLU, "relu"), (nn.Softplus, "softplus")])
def test_an_activation_behind_another_one(first, inner):
    """E phi'^2 of tanh(relu(u)) and of tanh(softplus(u))."""
    u = normals()
    value = np.maximum(u, 0) if inner == "relu" else np.log1p(np.exp(u))
    slope = u > 0 if inner == "relu" else 1 / (1 + np.exp(-u))
    expected = np.mean((slope * (1 - np.tanh(value) ** 2)) ** 2)
    made = squares([dense(1.0), first(), nn.Tanh(), dense(1.0)])
    assert made[0] == pytest.approx(expected, rel=0.005)
    found = nn.predict(nn.Sequential(dense(1.0), first(), nn.Tanh(), dense(1.0)))
    assert found.regime.activation == f"{first()!r}, Tanh()"
    assert found.second_moment[1] == pytest.approx(np.mean(np.tanh(value) ** 2), rel=0.005)


@pytest.mark.parametrize(
    ("options", "tolerance"),
    [
        ({"scale": 0.3}, 0.05),
        ({"activation": nn.Tanh, "sw2": 1.0}, 0.04),
        ({"activation": nn.LeakyReLU, "sw2": 1.0}, 0.08),
        ({"normed": True}, 0.05),
        pytest.param({"activation": nn.GELU, "behind": nn.LayerNorm}, 0.07, marks=pytest.mark.slow),
    ],
)
def test_against_networks(options, tolerance):
    """The size of the gradient at each dense layer, of eight blocks of 400 units; that at the last
    is drawn at random."""
    logs = []
    for seed in range(4):
        model = nn.Sequential(*bent(8, **options), seed=seed)
        x = np.random.default_rng(seed).standard_normal((32, N)).astype(np.float32)
        found = back_propagated(model, x, None, random_top=seed)
        logs.append(np.log(found / found[-1]) / 2)
    said = nn.predict(nn.Sequential(*bent(8, **options)), x)
    np.testing.assert_allclose(
        np.log(said.relative_gradient), np.mean(logs, axis=0), atol=tolerance
    )


def test_branches_that_end_in_a_normed_activation():
    """Units that the sum's activation lets through are those whose branch is steep."""

    def made():
        first = nn.Residual(dense(1.5), nn.BatchNorm(N), nn.SiLU(), skip=dense(1.0))
        return [dense(1.0), nn.SiLU(), first, nn.SiLU(), dense(1.0)]

    x = np.random.default_rng(0).standard_normal((32, N)).astype(np.float32)
    logs = [
        np.log(back_propagated(nn.Sequential(*made(), seed=seed), x, None, random_top=seed)) / 2
        for seed in range(4)
    ]
    said = np.log(nn.predict(nn.Sequential(*made()), x).relative_gradient)
    measured = np.mean(logs, axis=0)
    np.testing.assert_allclose(said, measured - measured[-1], atol=0.06)  # else 0.33 too low


def test_signal_against_a_network():
    model = nn.Sequential(*bent(6, nn.Tanh, 1.5), seed=0)
    x = np.random.default_rng(1).standard_normal((64, N)).astype(np.float32)
    model.forward(x, training=True)
    dense_names = [name for name, layer in model.layers.items() if isinstance(layer, nn.Dense)]
    measured = [float(np.mean(np.square(model.last[name].output))) for name in dense_names]
    found = nn.predict(model, x)
    np.testing.assert_allclose(found.second_moment, measured, rtol=0.06)


def test_what_is_said_of_more_blocks():
    less = nn.predict(nn.Sequential(*bent(10, nn.Sigmoid, 1.0)))
    assert less.word == "vanishing"
    assert "s what the activation after it lets through" in less.regime.formula
    assert "without it what goes around the branches comes back whole" in less.verdict
    more = nn.predict(nn.Sequential(*bent(16)))
    assert "With scale=0.25 in each nn.Residual" in more.verdict
    plain = [part for _ in range(8) for part in block()[:1]]
    assert "lets through" not in nn.predict(nn.Sequential(dense(), *plain, dense())).regime.formula


@pytest.mark.parametrize(
    "parts",
    [
        lambda: [nn.ReLU(), nn.Dropout(0.2), nn.Residual(*block()[0].layers), nn.ReLU()],
        lambda: [nn.ReLU(), nn.BatchNorm(N), nn.Residual(*block()[0].layers), nn.ReLU()],
        lambda: [nn.RReLU(), nn.Residual(*block()[0].layers), nn.ReLU()],
        lambda: [nn.ReLU(), nn.Residual(*block()[0].layers), nn.BatchNorm(N)],
        lambda: [nn.ReLU(), nn.Residual(*block()[0].layers), nn.ReLU(), nn.BatchNorm(N)],
    ],
)
def test_what_no_drawn_units_know_of_is_refused(parts):
    with pytest.raises(nn.ConfigError, match="theory cannot follow layer"):
        nn.predict(nn.Sequential(dense(), *parts(), dense()))


def test_raw_data_around_a_branch_are_no_known_units():
    with pytest.raises(nn.ConfigError, match=r"theory cannot follow layer '1\.relu'"):
        nn.predict(nn.Sequential(nn.Residual(*block()[0].layers), nn.ReLU(), dense()))


def test_drawn_units_have_the_moments_asked_for():
    one = drawn.fresh("one", 2.0, 0.25)
    assert one @ one.T / one.shape[1] == pytest.approx(np.array([[2.0, 0.5], [0.5, 2.0]]))
    assert one.mean(axis=1) == pytest.approx(0, abs=1e-12)
    assert drawn.fresh("other", 2.0, 0.25) != pytest.approx(one)
    bent = np.maximum(one, 0)
    given = InputStatistics(3.0, 1.0, even_spectrum(None), average=0.5)
    whole = drawn.added(bent, drawn.fresh("two", 3.0, 0.0), 0.5, given)
    squares = bent @ bent.T / one.shape[1]
    means = bent.mean(axis=1, keepdims=True)
    cross = 0.5 * 0.5 * (means + means.T)
    expected = squares + cross + 0.25 * np.array([[3.0, 1.0], [1.0, 3.0]])
    assert whole @ whole.T / one.shape[1] == pytest.approx(expected)
