"""What theory expected of a recorded run, asked for afterwards."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.errors import ConfigError


def network(activation=nn.ELU, width=30, extra=(), **options):
    return nn.Sequential(
        nn.Dense(12, width, init="he_normal"),
        nn.BatchNorm(width),
        activation(),
        nn.Dense(width, width, init="he_normal", bias_init=nn.initializers.Normal(0.1)),
        *extra,
        nn.Tanh(),
        nn.Dense(width, 3),
        **options,
    )


def data(rows=64):
    rng = np.random.default_rng(1)
    return rng.standard_normal((rows, 12)).astype(np.float32), rng.integers(0, 3, rows)


def recorded(model, *, lr=0.1, steps=4, **options):
    """A flow of `steps` steps on whole batches, trained for so long in one's own loop."""
    x, labels = data()
    loss, optimizer = nn.SoftmaxCrossEntropy(), nn.SGD(lr=lr)
    flow = nn.GradientFlow(model, **options)
    with flow.attached(optimizer):
        for _ in range(steps):
            model.training_pass(x, labels, loss)
            optimizer.step(model.params, model.grads)
    return flow


def words(figure):
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


def test_it_is_that_of_the_model_before_training():
    flow = recorded(network(), steps=30, lr=1.0)
    x, _ = data()
    expected = nn.predict(network(), x)
    prediction = flow.prediction()
    assert prediction.at_initialization
    assert not nn.predict(flow.model, x).at_initialization
    np.testing.assert_allclose(prediction.gradient_norm, expected.gradient_norm, rtol=1e-12)
    np.testing.assert_allclose(prediction.sd, expected.sd, rtol=1e-12)


def test_the_plot_shows_it():
    flow = recorded(network())
    x, _ = data()
    expected = nn.predict(network(), x).relative_gradient
    left, right = flow.plot().axes
    (line,) = [line for line in left.get_lines() if line.get_gid() == "predicted"]
    measured = flow.to_dict()["gradient_norm"][0, -1]
    np.testing.assert_allclose(line.get_ydata(), measured * expected, rtol=1e-9)
    assert "predicted before training" in {t.get_text() for t in right.get_legend().get_texts()}
    weights, _ = flow.plot("param_gradient_norm").axes
    assert "predicted" not in {line.get_gid() for line in weights.get_lines()}


def test_the_overview_tells_it():
    flow = recorded(network())
    norms = flow.to_dict()["gradient_norm"][0]
    text = words(flow.overview())
    assert f"predicted before training {flow.prediction().ratio:.2g}, " in text
    assert f"measured at step 0 {norms[0] / norms[-1]:.2g}." in text


def test_the_report_tells_it(tmp_path):
    flow = recorded(network())
    page = flow.report(tmp_path / "a.html").read_text("utf-8")
    assert f"predicted before training {flow.prediction().ratio:.2g}, measured at step 0" in page
    page = trained().report(tmp_path / "b.html").read_text("utf-8")
    assert "<li>No prediction: theory is for parameters as their initializers draw them" in page


def test_a_trainer_s_first_batch_is_what_counts():
    model = network(seed=5)
    flow = nn.GradientFlow(model)
    x, labels = data()
    before = x.copy()
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    trainer.fit(x, labels, epochs=2, batch_size=16, callbacks=[flow], progress=False)
    assert flow.prediction().batch_size == 16
    np.testing.assert_array_equal(x, before)
    assert flow.prediction().ratio == pytest.approx(nn.predict(model, x).ratio, rel=0.3)


def test_a_single_look_counts_as_a_first_step():
    model = network()
    x, labels = data()
    flow = nn.GradientFlow(model)
    model.forward(x, training=True)
    loss, dlogits = nn.SoftmaxCrossEntropy()(model.output, labels)
    model.backward(dlogits)
    flow.record(loss)
    assert flow.prediction().ratio == pytest.approx(nn.predict(network(), x).ratio)


def trained():
    model = network()
    recorded(model)
    return recorded(model)


def rescaled():
    model = network()
    model.params["3.weight"][...] *= 2
    return recorded(model)


def late():
    model = network()
    flow = nn.GradientFlow(model, every=3)
    model.training_pass(*data(), nn.SoftmaxCrossEntropy())
    flow.record(1.0, step=7)
    return flow


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (trained, "0.bias did not begin so"),
        (rescaled, "3.weight did not begin so"),
        (late, "the record begins at step 7"),
        (lambda: recorded(network(extra=[nn.RReLU()])), "theory cannot follow layer '5.tanh'"),
    ],
)
def test_where_theory_does_not_apply_the_pictures_say_so(make, reason):
    flow = make()
    with pytest.raises(ConfigError, match=reason):
        flow.prediction()
    figure = flow.plot()
    assert reason in words(figure)
    assert "predicted" not in {line.get_gid() for line in figure.axes[0].get_lines()}
    assert f"No prediction: {flow._predicted(flow.to_dict())}." in words(flow.overview())


@pytest.mark.parametrize("init", ["zeros", nn.initializers.Normal(1e15), "orthogonal"])
def test_extreme_networks_are_drawn_all_the_same(init):
    model = nn.Sequential(
        *(part for _ in range(4) for part in (nn.Dense(12, 12, init=init), nn.ReLU())),
        nn.Dense(12, 3, init=init),
    )
    with np.errstate(all="ignore"):
        flow = recorded(model, steps=1)
    flow.plot()
    flow.overview()


def test_a_part_of_the_layers_is_enough():
    flow = recorded(network(), layers=["3.dense", "5.dense"])
    left, _ = flow.plot().axes
    (line,) = [line for line in left.get_lines() if line.get_gid() == "predicted"]
    assert line.get_xdata().tolist() == [1, 2]
    assert "predicted before training" in words(flow.overview())


def test_a_network_beyond_all_numbers_is_refused_in_words():
    layers = [
        p for _ in range(40) for p in (nn.Dense(8, 8, nn.initializers.Normal(1e30)), nn.ELU())
    ]
    with pytest.raises(ConfigError, match="leave the range of floating-point numbers"):
        nn.predict(nn.Sequential(*layers, nn.Dense(8, 3), dtype=np.float64))


@pytest.mark.parametrize("both", [False, True])
def test_a_network_through_time_is_named_as_such(both):
    layer = nn.Bidirectional(nn.LSTM(4, 5)) if both else nn.LSTM(4, 10)
    flow = nn.GradientFlow(nn.Sequential(nn.Dense(3, 4), layer, nn.LastStep(), nn.Dense(10, 3)))
    name = "1.0.lstm" if both else "1.lstm"
    x, labels = np.ones((4, 6, 3), np.float32), np.arange(4) % 3
    with flow.attached(optimizer := nn.SGD(0.1)):
        flow.model.training_pass(x, labels, nn.SoftmaxCrossEntropy())
        optimizer.step(flow.model.params, flow.model.grads)
    with pytest.raises(ConfigError, match=f"layer '{name}' goes through time: nn.predict"):
        flow.prediction()
