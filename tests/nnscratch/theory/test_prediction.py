"""`predict` on models: measured norms, bad input, and what it says."""

import copy
import itertools
import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.experiments import ladder
from nnscratch.theory import measure_gradient
from nnscratch.theory.ends import input_statistics, softmax_gradient
from nnscratch.theory.spectrum import even_spectrum, spectrum_of

BATCH = 50


@pytest.fixture(scope="module")
def data():
    x, y, _, _ = nn.datasets.digits()
    return x, y


def rung(name):
    (found,) = ladder.select([name])
    return found


def small(*hidden, seed=0, init="he_normal"):
    return nn.Sequential(
        nn.Dense(64, 30, init=init), *hidden, nn.Dense(30, 10, init=init), seed=seed
    )


# Real networks


@pytest.mark.parametrize("name", [one.name for one in ladder.LADDER if one.max_norm is None])
def test_predicted_norms_of_the_ladder(name, data):
    # The geometric mean over a few draws lies within its error of the prediction, and single draws
    # within the band. 10 % more is allowed for: the loss's own gradient depends on the weights,
    # which at this width lifts ReLU's by up to 8 %.
    x, y = data
    draws, logs, tops = 8, [], []
    for seed in range(draws):
        model = ladder.build(rung(name), 64, 10, ladder.Settings(seed=seed))
        rows = np.random.default_rng(seed).permutation(len(x))[:BATCH]
        norms = measure_gradient(model, x[rows], y[rows])
        logs.append(np.log(norms / norms[-1]))
        tops.append(norms[-1])
    prediction = nn.predict(model, x, batch_size=BATCH)
    expected = np.log(prediction.relative_gradient)
    allowed = 3 * prediction.sd / math.sqrt(draws) + 0.10
    assert np.all(np.abs(np.mean(logs, axis=0) - expected) <= allowed)
    within = np.abs(np.array(logs) - expected) <= 2 * prediction.sd + 0.10
    assert within.mean() > 0.85
    assert np.sqrt(np.mean(np.square(tops))) == pytest.approx(prediction.last_gradient, rel=0.06)


def test_verdicts_of_the_ladder(data):
    words = {}
    for one in ladder.LADDER:
        prediction = nn.predict(
            ladder.build(one, 64, 10, ladder.Settings()), data[0], batch_size=BATCH
        )
        words[one.name] = prediction.word
        assert f"{prediction.word}: the gradient" in prediction.verdict
        assert bool(prediction.concerns) == (one.name == "sigmoid-normal")  # it saturates
        assert prediction.at_initialization
    assert words == {
        "sigmoid-normal": "healthy",
        "sigmoid-glorot": "vanishing",
        "tanh-glorot": "healthy",
        "relu-he": "healthy",
        "leaky-relu-he": "healthy",
        "elu-he": "healthy",
        "elu-he-batchnorm": "healthy",
        "relu-exploding": "exploding",
        "relu-exploding-clipped": "exploding",
    }


def test_signal_of_a_network_with_unequal_widths(data):
    x, y = data
    widths = [64, 200, 40, 120, 10]
    q, norms = [], []
    for seed in range(12):
        parts = []
        for n_in, n_out in itertools.pairwise(widths):
            parts += [nn.Dense(n_in, n_out, init="glorot_uniform"), nn.Tanh()]
        model = nn.Sequential(*parts[:-1], seed=seed)
        trace = model.trace(x[:BATCH], y[:BATCH], nn.SoftmaxCrossEntropy())
        dense = [name for name in model.layers if name.endswith("dense")]
        q.append([np.mean(np.square(trace[name].output)) for name in dense])
        norms.append([np.linalg.norm(trace[name].upstream) for name in dense])
    prediction = nn.predict(model, x[:BATCH])
    np.testing.assert_allclose(np.mean(q, axis=0), prediction.second_moment, rtol=0.12)
    ratios = np.array(norms) / np.array(norms)[:, -1:]
    np.testing.assert_allclose(np.mean(ratios, axis=0), prediction.relative_gradient, rtol=0.12)
    # The width that receives the gradient counts: with fan_out it would be 200 for 40 and so on.
    fans = [prediction.widths[i] * 2 / (widths[i + 1] + widths[i + 2]) for i in range(3)]
    assert np.all(prediction.rate[:-1] < fans)


def test_correlation_of_two_inputs(data):
    x, y = data
    model = ladder.build(rung("relu-he"), 64, 10, ladder.Settings(width=400, depth=4))
    trace = model.trace(x[:200], y[:200], nn.SoftmaxCrossEntropy())
    prediction = nn.predict(model, x[:200])
    for i, name in enumerate(prediction.layers[:-1]):
        z = trace[name].output.astype(np.float64)
        gram = z @ z.T
        off = (gram.sum() - np.trace(gram)) / (200 * 199)
        assert off / (np.trace(gram) / 200) == pytest.approx(prediction.correlation[i], abs=0.03)
    assert np.all(np.diff(prediction.correlation) > 0)
    np.testing.assert_allclose(
        prediction.variance, prediction.second_moment * (1 - prediction.correlation)
    )


@pytest.mark.parametrize("after", [False, True])
def test_batch_norm_on_either_side_of_the_activation(after, data):
    x, y = data
    logs = []
    for seed in range(8):
        parts, width = [], 64
        for _ in range(5):
            pair = [nn.BatchNorm(200), nn.ReLU()]
            parts += [nn.Dense(width, 200, init="he_normal"), *(pair[::-1] if after else pair)]
            width = 200
        model = nn.Sequential(*parts, nn.Dense(200, 10, init="he_normal"), seed=seed)
        norms = measure_gradient(model, x[:200], y[:200])
        logs.append(np.log(norms / norms[-1]))
    prediction = nn.predict(model, x[:200])
    difference = np.abs(np.mean(logs, axis=0) - np.log(prediction.relative_gradient))
    assert np.all(difference[2:] < 0.12)
    assert np.all(difference < (0.2 if after else 0.12))
    assert ("after the activation" in prediction.regime.formula) == after
    assert any(note.startswith("batch norm after") for note in prediction.notes) == after


def test_batch_norm_on_the_logits_too(data):
    # The post's network in small: batch norm on every layer, the logits included.
    x, y = data
    logs = []
    for seed in range(8):
        model = nn.Sequential(
            nn.Dense(64, 100, init="he_normal"), nn.BatchNorm(100), nn.ELU(),
            nn.Dense(100, 50, init="he_normal"), nn.BatchNorm(50), nn.ELU(),
            nn.Dense(50, 10, init="he_normal"), nn.BatchNorm(10), seed=seed,
        )  # fmt: skip
        logs.append(np.log(measure_gradient(model, x[:BATCH], y[:BATCH])))
    prediction = nn.predict(model, x[:BATCH])
    np.testing.assert_allclose(np.mean(logs, axis=0), np.log(prediction.gradient_norm), atol=0.12)


def test_dropout_enters_the_rates(data):
    x, y = data
    logs = []
    for seed in range(12):
        parts, width = [], 64
        for _ in range(4):
            parts += [nn.Dense(width, 300, init="he_normal"), nn.ReLU(), nn.Dropout(0.5)]
            width = 300
        model = nn.Sequential(*parts, nn.Dense(300, 10, init="he_normal"), seed=seed)
        norms = measure_gradient(model, x[:BATCH], y[:BATCH])
        logs.append(np.log(norms / norms[-1]))
    prediction = nn.predict(model, x[:BATCH])
    np.testing.assert_allclose(prediction.rate[:-1], 2.0)
    assert np.all(np.abs(np.mean(logs, axis=0) - np.log(prediction.relative_gradient)) < 0.12)
    assert any(note.startswith("dropout") for note in prediction.notes)


# Formulas and limits


def test_rates_of_equal_layers_are_those_of_theory():
    model = ladder.build(rung("sigmoid-glorot"), 100, 100, ladder.Settings(depth=30))
    prediction = nn.predict(model)
    np.testing.assert_allclose(prediction.rate[5:-1], 0.0557, atol=5e-5)
    assert prediction.regime.rate == pytest.approx(0.0557, abs=5e-5)
    assert prediction.trainable_depth == pytest.approx(2.08, abs=0.01)


@pytest.mark.parametrize(
    ("batch", "formula"),
    [(None, "limit of large batches"), (64, "exact for batches of 64, closed form")],
)
def test_batch_norm_says_which_formula(batch, formula):
    parts = []
    for _ in range(12):
        parts += [nn.Dense(50, 50), nn.BatchNorm(50, epsilon=1e-9), nn.ReLU()]
    model = nn.Sequential(*parts, nn.Dense(50, 50))
    prediction = nn.predict(model, batch_size=batch)
    expected = math.pi / (math.pi - 1) if batch is None else 1.493
    np.testing.assert_allclose(prediction.rate[5:-2], expected, atol=5e-4)
    assert prediction.regime.rate == pytest.approx(expected, abs=5e-4)
    assert formula in prediction.regime.formula
    assert prediction.cure is None
    assert math.isnan(prediction.last_gradient) == (batch is None)


def test_elu_with_batch_norm_is_by_quadrature(data):
    model = ladder.build(rung("elu-he-batchnorm"), 64, 10, ladder.Settings())
    prediction = nn.predict(model, data[0], batch_size=BATCH)
    assert "quadrature on the sphere" in prediction.regime.formula
    assert prediction.regime.rate == pytest.approx(1.1016, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "sw2", "text"),
    [
        ("relu-exploding", 2.0, '"he_normal"'),
        ("sigmoid-glorot", 103.0, "VarianceScaling(103.01"),
        ("tanh-glorot", 1.0, '"lecun_normal"'),
    ],
)
def test_cure(name, sw2, text, data):
    model = ladder.build(rung(name), 64, 10, ladder.Settings())
    prediction = nn.predict(model, data[0], batch_size=BATCH)
    assert prediction.cure.sw2 == pytest.approx(sw2, abs=0.05)
    assert text in prediction.cure.initializer
    assert prediction.cure.rate == pytest.approx(1, abs=1e-3)
    if name == "sigmoid-glorot":
        assert "saturate" in prediction.verdict


def test_cured_weights_are_predicted_to_be_healthy():
    def build(init):
        parts = []
        for _ in range(40):
            parts += [nn.Dense(100, 100, init=init), nn.Tanh()]
        return nn.Sequential(*parts, nn.Dense(100, 10, init=init))

    sick = nn.predict(build(nn.initializers.VarianceScaling(9.0)))
    assert sick.word == "exploding"
    well = nn.predict(build(eval(sick.cure.initializer)))  # the expression is Python
    assert well.word == "healthy"


# The model is left alone; what was changed is noticed


def test_predict_changes_nothing(data):
    x, y = data
    model = small(nn.BatchNorm(30), nn.ReLU(), nn.Dropout(0.2))
    params, grads = model.params.flat.copy(), model.grads.flat.copy()
    statistics, noise = model.statistics.flat.copy(), model.noise_state()
    nn.predict(model, x[:BATCH], y[:BATCH])
    np.testing.assert_array_equal(model.params.flat, params)
    np.testing.assert_array_equal(model.grads.flat, grads)
    np.testing.assert_array_equal(model.statistics.flat, statistics)
    assert model.noise_state() == noise


def test_training_is_noticed(data):
    x, y = data
    model = small(nn.BatchNorm(30), nn.ReLU())
    assert nn.predict(model).at_initialization
    nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1)).fit(
        x[:200], y[:200], epochs=1, batch_size=50, progress=False
    )
    prediction = nn.predict(model)
    assert not prediction.at_initialization
    assert "no longer as their initializers draw them" in prediction.notes[0]
    assert "gamma or beta" in repr(prediction)


def test_rescaled_weights_are_measured():
    model = small(nn.ReLU())
    model.params["2.weight"][...] *= 3
    prediction = nn.predict(model)
    assert not prediction.at_initialization
    assert prediction.rate[0] == pytest.approx(9.0, rel=0.25)
    assert any(
        note.startswith("2.dense: the weights have mean square") for note in prediction.notes
    )


@pytest.mark.parametrize(
    "init",
    [
        "glorot_uniform", "he_normal_fan_out", "tf1_variance_scaling", "orthogonal", "normal",
        nn.initializers.Normal(0.1, mean=0.05), nn.initializers.Uniform(0, 0.1),
        nn.initializers.TruncatedNormal(0.1),
    ],
)  # fmt: skip
def test_fresh_models_are_known_as_such(init):
    for seed in range(5):
        assert nn.predict(small(nn.Tanh(), seed=seed, init=init)).at_initialization


def test_notes_on_what_theory_does_not_cover():
    notes = nn.predict(nn.Sequential(nn.Dense(64, 5), nn.Tanh(), nn.Dense(5, 10))).notes
    assert any("only 5 units" in note for note in notes)
    deep = ladder.build(rung("elu-he-batchnorm"), 64, 10, ladder.Settings(depth=30))
    assert any("narrow for their number" in note for note in nn.predict(deep).notes)
    notes = nn.predict(small(nn.Tanh(), init="orthogonal")).notes
    assert any("orthogonal" in note for note in notes)
    notes = nn.predict(small(nn.Tanh(), init=nn.initializers.Uniform(0, 0.1))).notes
    assert any("theory is for weights of mean 0" in note for note in notes)
    model = nn.Sequential(
        nn.Dense(9, 20, bias_init=nn.initializers.Constant(0.1)), nn.ReLU(), nn.Dense(20, 2)
    )
    prediction = nn.predict(model)
    assert prediction.at_initialization
    assert any("all biases are 0.1" in note for note in prediction.notes)
    assert any("no data given" in note for note in prediction.notes)


# What it refuses


class Doubled(nn.layers.Layer):
    kind = "doubled"


class Weighted(nn.layers.Layer):
    kind, role = "weighted", "weights"


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([nn.ReLU], "at least one Dense"),
        ([lambda: nn.Dense(4, 4), Doubled], "does not know layer '1.doubled'"),
        ([Weighted, lambda: nn.Dense(4, 4)], "does not know layer '0.weighted'"),
        ([lambda: nn.Dense(4, 4), nn.ReLU, nn.Tanh], "cannot follow layer '2.tanh'"),
        (
            [lambda: nn.Dense(4, 4), lambda: nn.BatchNorm(4), lambda: nn.BatchNorm(4)],
            "cannot follow layer '2.batchnorm'",
        ),
        (
            [lambda: nn.Dense(4, 4), nn.ReLU, lambda: nn.BatchNorm(4), nn.ReLU],
            "cannot follow layer '3.relu'",
        ),
    ],
)
def test_models_it_cannot_read(layers, said):
    with pytest.raises(nn.ConfigError, match=said):
        nn.predict(nn.Sequential(*(make() for make in layers)))


def test_bad_data(data):
    x, y = data
    model = small(nn.BatchNorm(30), nn.ReLU())
    with pytest.raises(nn.ShapeError, match=r"\(batch, 64\), got shape \(5, 3\)"):
        nn.predict(model, np.ones((5, 3), np.float32))
    with pytest.raises(nn.ShapeError, match="at least 2 rows"):
        nn.predict(model, x[:1])
    with pytest.raises(nn.DataError, match="not finite"):
        nn.predict(model, np.full((5, 64), np.nan, np.float32))
    with pytest.raises(nn.DataError, match="0 everywhere"):
        nn.predict(model, np.zeros((5, 64), np.float32))
    with pytest.raises(nn.DataError, match=r"look the same to '0\.dense'"):
        nn.predict(model, np.ones((8, 64), np.float32))
    with pytest.raises(nn.ConfigError, match="at least 5, got 4"):
        nn.predict(model, x[:4])
    with pytest.raises(nn.ShapeError, match="y without x"):
        nn.predict(model, y=y)
    with pytest.raises(nn.ConfigError, match="batch_size must be a whole number >= 2"):
        nn.predict(model, x, batch_size=1)
    model.params["0.weight"][0, 0] = np.nan
    with pytest.raises(nn.ConfigError, match=r"'0.dense': its parameters hold NaN"):
        nn.predict(model, x)


# Ends


def test_layers_before_the_first_dense_are_run(data):
    x, _ = data
    model = nn.Sequential(nn.BatchNorm(64), nn.Dense(64, 30, init="he_normal"))
    prediction = nn.predict(model, x[:BATCH])
    lively = np.mean(x[:BATCH].std(axis=0) > 0.05)
    assert prediction.second_moment[0] == pytest.approx(2 * lively, rel=0.1)
    assert prediction.word == "healthy"
    assert "single layer" in prediction.verdict
    assert math.isnan(prediction.depth_scale)


def test_input_statistics(data):
    x = data[0][:300].astype(np.float64)
    found = input_statistics(x, 50)
    gram = x @ x.T / 64
    assert found.square == pytest.approx(np.trace(gram) / 300)
    assert found.product == pytest.approx((gram.sum() - np.trace(gram)) / (300 * 299))


def test_even_spectrum_has_the_known_inverse():
    for batch in (6, 8, 64):
        spectrum = even_spectrum(batch)
        assert spectrum.inverse_mean() == pytest.approx((batch - 1) / (batch - 3), rel=1e-4)
        np.testing.assert_allclose(spectrum.normalized().shares, spectrum.shares)
    assert even_spectrum(None).inverse_mean() == pytest.approx(1, rel=1e-5)


def test_spectrum_of_data_against_sampling(data):
    x = data[0][:BATCH].astype(np.float64)
    spectrum = spectrum_of(x, BATCH)
    assert spectrum.shares.sum() == pytest.approx(1)
    rng = np.random.default_rng(0)
    z = (x - x.mean(axis=0)) @ rng.standard_normal((64, 40_000))
    variance = np.mean(z * z, axis=0)
    assert spectrum.inverse_mean() == pytest.approx(
        np.mean(1 / variance) * np.mean(variance), rel=0.01
    )
    y = z / np.sqrt(variance)
    shares = np.sort(np.linalg.eigvalsh(y @ y.T))[::-1][: BATCH - 1]
    np.testing.assert_allclose(
        np.sort(spectrum.normalized().shares)[::-1][:5], (shares / shares.sum())[:5], rtol=0.03
    )


@pytest.mark.parametrize(("q", "c"), [(0.01, 0.0), (2.0, 0.5), (30.0, 0.9)])
def test_softmax_gradient_against_sampling(q, c):
    rng = np.random.default_rng(1)
    classes, count = 10, 60_000
    shared, a, b = rng.standard_normal((3, count, classes))
    p = []
    for own in (a, b):
        e = np.exp(math.sqrt(q) * (math.sqrt(c) * shared + math.sqrt(1 - c) * own))
        p.append(e / e.sum(axis=1, keepdims=True))
    d = [one - np.eye(classes)[rng.integers(0, classes, count)] for one in p]
    found = softmax_gradient(q, c, classes)
    square = np.mean(np.sum(d[0] ** 2, axis=1))
    product = np.sum(d[0] * d[1], axis=1)
    assert found.square == pytest.approx(square, rel=0.03)
    assert found.correlation == pytest.approx(product.mean() / square, abs=0.02)
    assert found.correlation_square == pytest.approx(np.mean(product**2) / square**2, abs=0.02)


# What it shows


def test_measured_norms_are_those_of_a_pass(data):
    x, y = data
    model = small(nn.ReLU())
    prediction = nn.predict(model, x[:BATCH], y[:BATCH])
    trace = copy.deepcopy(model).trace(x[:BATCH], y[:BATCH], nn.SoftmaxCrossEntropy())
    expected = [np.linalg.norm(trace[name].upstream) for name in ("0.dense", "2.dense")]
    np.testing.assert_allclose(prediction.measured, expected, rtol=1e-6)
    assert "measured" in repr(prediction)


def test_repr_is_a_table(data):
    text = repr(nn.predict(ladder.build(rung("relu-he"), 64, 10, ladder.Settings()), data[0]))
    assert text.startswith("Prediction: healthy: the gradient reaches the first layer")
    rows = [line for line in text.splitlines() if ".dense" in line]
    assert len(rows) == 11
    assert max(map(len, text.splitlines())) <= 88


def test_plot(data):
    x, y = data
    figure = nn.predict(small(nn.ReLU()), x[:BATCH], y[:BATCH]).plot()
    assert any(line.get_gid() == "measured" for line in figure.axes[0].get_lines())
    figure = nn.predict(small(nn.ReLU())).plot()
    assert not any(line.get_gid() == "measured" for line in figure.axes[0].get_lines())


def test_networks_that_pass_nothing():
    prediction = nn.predict(small(nn.ReLU(), init="zeros"))
    assert prediction.word == "vanishing"
    assert prediction.ratio == 0
    assert "Prediction: first of all: all weights of 0.dense are 0" in repr(prediction)


def test_very_deep_networks_overflow_quietly():
    deep = ladder.build(rung("relu-exploding"), 64, 10, ladder.Settings(depth=120, width=20))
    prediction = nn.predict(deep)
    assert prediction.word == "exploding"
    assert np.isfinite(prediction.ratio)


@pytest.mark.parametrize(("hidden", "deeper"), [(7, False), (8, True)])
def test_a_network_deeper_than_its_layers_train_is_told_so(hidden, deeper):
    """Whatever is left of the gradient at its first layer."""
    init, n_in, parts = nn.initializers.VarianceScaling(16.0), 8, []
    for _ in range(hidden):
        parts += [nn.Dense(n_in, 50, init=init), nn.Sigmoid()]
        n_in = 50
    found = nn.predict(nn.Sequential(*parts, nn.Dense(50, 3, init=init), seed=0))
    assert round(found.trainable_depth) == 7
    assert (f"up to a depth of about 7, and it has {hidden}" in found.verdict) == deeper
