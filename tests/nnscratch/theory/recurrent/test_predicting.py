"""`nn.predict` of networks with recurrent layers: numbers, words, cures, refusals."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import theory
from nnscratch.initializers import Orthogonal
from nnscratch.theory.recurrent import Cell, predicting, read_cell
from nnscratch.theory.recurrent.report import rate_of

LENGTH = 60


@pytest.fixture(scope="module")
def sequences():
    return nn.datasets.temporal_order(64, LENGTH, seed=0)[0]


def network(*parts, dtype="float32"):
    return nn.Sequential(*parts, nn.LastStep(), nn.Dense(parts[-1].features, 4), dtype=dtype)


LAYERS = {
    "RNN, orthogonal": lambda: nn.RNN(6, 200),
    "RNN, ReLU": lambda: nn.RNN(6, 200, activation="relu"),
    "RNN, normal": lambda: nn.RNN(6, 200, recurrent_init="lecun_normal"),
    "LSTM, forget bias 0": lambda: nn.LSTM(6, 200, forget_bias=0),
    "LSTM": lambda: nn.LSTM(6, 200),
    "LSTM, forget bias 2": lambda: nn.LSTM(6, 200, forget_bias=2),
    "GRU": lambda: nn.GRU(6, 200),
    "GRU, update bias 2": lambda: nn.GRU(6, 200, update_bias=2),
    "GRU, backwards": lambda: nn.GRU(6, 200, reverse=True),
}


QUICK = "RNN, orthogonal", "RNN, ReLU", "LSTM", "GRU"


@pytest.mark.parametrize(
    "make",
    [pytest.param(one, marks=[pytest.mark.slow] * (of not in QUICK)) for of, one in LAYERS.items()],
    ids=LAYERS,
)
def test_what_is_left_at_every_lag_is_what_is_measured(make, sequences):
    found = nn.predict(network(make(), dtype="float64"), sequences)
    (layer,) = found.layers
    measured = found.measured[0] / found.measured[0, 0]
    assert found.steps == LENGTH
    assert measured.shape == layer.relative_gradient.shape == (LENGTH,)
    off = np.log(layer.relative_gradient / measured)
    # Per step within 1 %: over so many orders of magnitude.
    assert np.abs(off).max() < 0.3 + 0.01 * LENGTH
    assert np.abs(off[:5]).max() < 0.15


def test_each_of_several_layers_is_followed(sequences):
    found = nn.predict(network(nn.LSTM(6, 100), nn.Dropout(0.1), nn.GRU(100, 80)), sequences)
    assert [layer.name for layer in found.layers] == ["0.lstm", "2.gru"]
    for layer, measured in zip(found.layers, found.measured, strict=True):
        off = np.log(layer.relative_gradient * measured[0] / measured)
        assert np.abs(off).max() < 0.02 * LENGTH
    assert found.best.name == "0.lstm"
    assert found.horizon == found.layers[0].horizon
    assert "dropout is left out" in found.notes


def test_words_and_horizon():
    lost = nn.predict(network(nn.LSTM(6, 50, forget_bias=0)))
    assert lost.word == "vanishing"
    assert lost.horizon == pytest.approx(3 / -math.log(lost.layers[0].rate))
    assert lost.verdict.startswith("vanishing through time: 99 steps back '0.lstm' has ")
    assert "before training it can learn about" in lost.verdict
    large = nn.initializers.VarianceScaling(9.0, "fan_in")
    grown = nn.predict(
        network(nn.RNN(6, 100, recurrent_init=large, init=nn.initializers.Normal(0.1)))
    )
    assert grown.word == "exploding"
    assert "it is 20 times as large" in grown.verdict
    assert lost.measured is None
    assert "no data given" in lost.notes[0]


def test_of_one_step_there_is_no_way_back(sequences):
    found = nn.predict(network(nn.LSTM(6, 20)), sequences[:, :1])
    assert found.verdict == "nothing goes back through time: the sequences have one step."
    assert "nan" not in str(found)
    two = nn.predict(network(nn.LSTM(6, 20)), sequences[:, :2])
    assert two.verdict.startswith("healthy through time: 1 step back '0.lstm' has 0.")


def test_a_layer_that_explodes_is_enough():
    large = nn.initializers.VarianceScaling(9.0, "fan_in")
    small = nn.initializers.Normal(0.01)
    found = nn.predict(network(nn.GRU(6, 50), nn.RNN(50, 100, recurrent_init=large, init=small)))
    assert found.word == "exploding"
    assert "'1.rnn'" in found.verdict


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU])
def test_the_cure_reaches_over_the_whole_sequence(make, sequences):
    argument = "forget_bias" if make is nn.LSTM else "update_bias"
    sick = nn.predict(network(make(6, 60, **{argument: 0.0})), sequences)
    name, _, value = sick.layers[0].cure.partition("=")
    assert name == argument
    assert f"For all {LENGTH} steps: {argument}={value}." in sick.verdict
    cured = nn.predict(network(make(6, 60, **{argument: float(value)})), sequences)
    assert cured.horizon > 0.9 * LENGTH
    less = nn.predict(network(make(6, 60, **{argument: 0.7 * float(value)})), sequences)
    assert less.horizon < LENGTH


def test_no_gate_is_opened_so_far_that_it_never_closes():
    cell, products = Cell("lstm", 1e-6, 1.0, np.zeros((4, 1))), np.eye(LENGTH)
    assert predicting._cure(cell, products, 1000).startswith("forget_bias=")
    assert predicting._cure(cell, products, 100_000) == ""  # that takes more than 8


def test_the_cure_of_a_plain_layer_is_critical_for_its_input(sequences):
    sick = nn.predict(network(nn.RNN(6, 100)), sequences)
    assert sick.layers[0].cure.startswith("recurrent_init=nn.initializers.Orthogonal(")
    gain = float(sick.layers[0].cure.partition("(")[2][:-1])
    assert gain > 1
    cured = nn.predict(
        network(nn.RNN(6, 100, recurrent_init=nn.initializers.Orthogonal(gain))), sequences
    )
    assert cured.layers[0].rate == pytest.approx(1, abs=3e-3)
    assert cured.layers[0].cure == ""


def test_larger_inputs_shorten_the_reach_of_a_plain_layer(sequences):
    model = network(nn.RNN(6, 100))
    assert nn.predict(model, 3 * sequences).horizon < 0.7 * nn.predict(model, sequences).horizon


def test_long_sequences_go_on_at_their_rate():
    x = np.random.default_rng(0).standard_normal((4, 300, 6)).astype("float32")
    found = nn.predict(network(nn.RNN(6, 20)), x)
    curve = found.layers[0].relative_gradient
    assert len(curve) == 300
    np.testing.assert_allclose(curve[201:] / curve[200:-1], found.layers[0].rate, rtol=1e-3)
    assert "the last 200 of 300 steps are followed" in found.notes


def test_layers_before_are_gone_through(sequences):
    inner = nn.predict(
        nn.Sequential(nn.Dense(6, 8, init=nn.initializers.Normal(3.0)), nn.RNN(8, 60)), sequences
    )
    assert inner.horizon < nn.predict(network(nn.RNN(6, 60)), sequences).horizon

    with pytest.raises(nn.ShapeError, match=r"\(batch, time, features\), got shape \(64, 6\)"):
        nn.predict(network(nn.RNN(6, 5)), sequences[:, 0])
    with pytest.raises(nn.DataError, match="not finite"):
        nn.predict(network(nn.RNN(6, 5)), sequences * np.float32(np.nan))
    model = network(nn.LSTM(6, 20))
    model[0].gate("f", model.params["0.recurrent_weight"])[...] = np.eye(20)
    with pytest.raises(nn.ConfigError, match=r"'0\.lstm': recurrent weights of its gates stand on"):
        nn.predict(model)
    model.params["0.weight"][0, 0] = np.nan
    with pytest.raises(nn.ConfigError, match=r"'0\.lstm': its parameters hold NaN"):
        nn.predict(model)


def test_a_kind_of_your_own_is_refused():
    class Own(nn.RNN):
        kind = "own"

    with pytest.raises(nn.ConfigError, match=r"does not know layer '0\.own'"):
        nn.predict(network(Own(6, 5)))


def test_identity_weights_are_read_as_such(sequences):
    model = network(nn.RNN(6, 50, activation="relu", init=nn.initializers.Normal(0.001)))
    model.params["0.recurrent_weight"][...] = np.eye(50)
    cell = read_cell("0.rnn", model[0])
    assert cell.identity == pytest.approx(1)
    assert cell.sw2 == pytest.approx(0, abs=1e-12)
    found = nn.predict(model, sequences)
    measured = found.measured[0] / found.measured[0, 0]
    assert found.layers[0].relative_gradient[-1] == pytest.approx(measured[-1], rel=0.25)


@pytest.mark.parametrize(("errors", "found"), [(5.9, False), (6.1, True)])
def test_a_diagonal_counts_from_six_standard_errors_on(errors, found):
    n = 50
    weights = np.where(np.arange(n * n).reshape(n, n) % 2, 0.1, -0.1)
    # Of errors * sqrt(mean square / n), the diagonal in it.
    diagonal = 0.1 * errors * math.sqrt((n - 1) / (n**2 - errors**2))
    np.fill_diagonal(weights, diagonal)
    model = network(nn.RNN(6, n))
    model.params["0.recurrent_weight"][...] = weights
    identity = read_cell("0.rnn", model[0]).identity
    assert identity == pytest.approx(diagonal if found else 0, rel=1e-5)


def test_orthogonal_weights_are_not_taken_for_the_identity():
    for seed in range(20):
        model = nn.Sequential(nn.RNN(6, 30), seed=seed)
        assert read_cell("0.rnn", model[0]).identity == 0


def test_what_it_shows(sequences):
    found = nn.predict(network(nn.LSTM(6, 50), nn.RNN(50, 40)), sequences)
    text = repr(found)
    assert text.startswith("Prediction: healthy through time")
    assert sum("0.lstm" in line or "1.rnn" in line for line in text.splitlines()) >= 3
    assert max(map(len, text.splitlines())) <= 88
    axes = found.plot().axes[0]
    assert sum(line.get_gid() == "measured" for line in axes.get_lines()) == 2
    assert isinstance(found, theory.TimePrediction)


def test_the_model_is_left_as_it_is(sequences):
    model = network(nn.LSTM(6, 20))
    before = model.params.flat.copy(), model.grads.flat.copy()
    nn.predict(model, sequences)
    np.testing.assert_array_equal(model.params.flat, before[0])
    np.testing.assert_array_equal(model.grads.flat, before[1])


def unlike(kind, features, steps=60, seed=0):
    """Sequences of which some are, or some steps are, many times as large as others."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((64, steps, features))
    if kind == "sequences":
        return x * np.exp(rng.standard_normal((64, 1, 1)))
    if kind == "the same throughout":
        return np.repeat(x[:, :1], steps, axis=1)
    return x * np.exp(0.7 * rng.standard_normal((64, steps, 1))) if kind == "steps" else x


@pytest.mark.parametrize(
    ("make", "kind", "features"),
    [
        (lambda f: nn.RNN(f, 200), "sequences", 20),
        (lambda f: nn.RNN(f, 200), "steps", 6),
        (lambda f: nn.RNN(f, 200), "one number", 1),
        (lambda f: nn.RNN(f, 200, activation="elu"), "sequences", 6),
        *(
            pytest.param(*one, marks=pytest.mark.slow)
            for one in (
                (lambda f: nn.GRU(f, 200, init="lecun_normal"), "sequences", 20),
                (
                    lambda f: nn.LSTM(f, 200, recurrent_init=Orthogonal(1.3)),
                    *("the same throughout", 1),
                ),
                (
                    lambda f: nn.Bidirectional(nn.GRU(f, 100, update_bias=1, init="lecun_normal")),
                    *("sequences", 4),
                ),
            )
        ),
    ],
)
def test_sequences_that_differ_in_size_each_lose_their_own_share(make, kind, features):
    x = 2 * unlike(kind, features)
    off = []
    for seed in range(3):
        parts = [make(features), nn.LastStep(), nn.Dense(200, 4)]
        found = nn.predict(nn.Sequential(*parts, seed=seed, dtype="float64"), x)
        for layer, measured in zip(found.layers, found.measured, strict=True):
            off.append(np.log(layer.rate / rate_of(measured)))
    assert np.abs(np.mean(off)) < 0.012


def sized(dispersion, steps=25, count=60):
    """Sequences of one feature whose mean squares have that relative deviation."""
    squares = 1 + dispersion * np.where(np.arange(count) % 2, 1, -1)
    return np.sqrt(squares)[:, None, None] * np.ones((1, steps, 1))


def groups_of(x):
    model = network(nn.GRU(1, 20), dtype="float64")
    return predicting._given(model, [0], x)[0]


def test_sequences_are_told_apart_from_half_a_steps_share_on():
    """Over 25 steps sums of independent steps differ by a fifth of what steps do."""
    (alike,) = groups_of(sized(0.099))
    assert alike.before[-1].products == pytest.approx(np.full((25, 25), 1.0), rel=0.01)
    apart = groups_of(sized(0.101))
    assert [one.before[-1].products[0, 0] for one in apart] == pytest.approx(
        [0.899] * 7 + [1.0] * 1 + [1.101] * 7, abs=0.11
    )
    assert apart[0].before[-1].products[0, 0] == pytest.approx(0.899)
    assert apart[-1].before[-1].products[0, 0] == pytest.approx(1.101)


@pytest.mark.parametrize(("count", "groups"), [(1, 1), (2, 2), (3, 3), (7, 7), (30, 13), (200, 15)])
def test_groups_of_like_size_stand_for_all_sequences(count, groups):
    drawn = np.random.default_rng(0).permutation(count) + 1.0
    x = drawn[:, None, None] * np.ones((1, 9, 1))
    found = groups_of(x)
    assert len(found) == groups
    assert sum(one.stands_for for one in found) == (min(count, 64) if groups > 1 else 1)
    squares = [one.before[-1].products[0, 0] for one in found]
    assert squares == sorted(squares)
    if 1 < count <= 64:
        assert squares[0] == pytest.approx(np.square(x).min())
        assert squares[-1] == pytest.approx(np.square(x).max())
