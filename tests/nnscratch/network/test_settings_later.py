"""Settings that are set after something was made: within the limits that it knows, and heeded."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import nnscratch as nn

from .with_statistics import X, Y, made, once


@pytest.mark.parametrize(
    ("made", "name", "value", "match"),
    [
        (lambda: nn.SoftmaxCrossEntropy(), "label_smoothing", 2.0, "label_smoothing must be"),
        (lambda: nn.SoftmaxCrossEntropy(), "label_smoothing", "x", "label_smoothing must be"),
        (lambda: nn.SigmoidCrossEntropy(), "class_weights", "x", "class_weights must be"),
        (lambda: nn.Huber(), "delta", -1.0, "delta must be"),
        (lambda: nn.Adam(), "beta1", 2.0, "beta1 must be"),
        (lambda: nn.Adam(), "clip", 3, "clip must be"),
        (lambda: nn.SGD(0.1), "nesterov", True, "needs momentum"),
        (lambda: nn.SteepestDescent(0.1), "norm", "l3", "norm"),
        (lambda: trainer(), "model", None, "model must be"),
        (lambda: trainer(), "loss", None, "loss must be"),
        (lambda: trainer(), "optimizer", "sgd", "optimizer must be"),
        (lambda: trainer(), "truncate", 3.5, "truncate must be"),
        (lambda: nn.RandomTruncation(0.1), "probability", 1.0, "probability must be below 1"),
        (lambda: nn.RandomTruncation(0.1), "seed", -1, "seed must be"),
        (lambda: nn.Omega(), "form", "x", "form of Omega"),
        (lambda: nn.Omega(), "weight", None, "Omega weight must be"),
        (lambda: nn.EarlyStopping(), "patience", 0, "patience must be"),
        (lambda: nn.EarlyStopping(), "monitor", "x", "monitor"),
        (lambda: nn.Checkpoint("x.npz"), "every", 0, "every must be"),
        *[
            (lambda: nn.GradientFlow(made()), name, value, f"^{name} of this GradientFlow {said}")
            for name, value, said in (
                ("every", 0, "must be a whole number >= 1"),
                ("every", None, "must be a whole number >= 1"),
                ("probe_every", 0.5, "must be a whole number >= 1"),
                ("label", 3, "must be"),
                ("log", "x", "must be a function"),
                ("model", None, "stays"),
                ("layers", (), "stays"),
                ("census", "x", "stays"),
                ("histograms", False, "stays"),
                ("file", "x", "stays"),
            )
        ],
        (lambda: nn.Dense(3, 2), "frozen", np.ones(2), "frozen of layer 'dense' must be"),
        (lambda: nn.Dense(3, 2), "frozen", "no", "frozen of layer 'dense' must be"),
    ],
)
def test_a_setting_that_is_set_later_has_the_limits_that_it_had(made, name, value, match):
    thing = made()
    before = getattr(thing, name)
    with pytest.raises(nn.ConfigError, match=match):
        setattr(thing, name, value)
    assert getattr(thing, name) is before


def trainer():
    return nn.Trainer(nn.Sequential(nn.Dense(3, 2)), nn.SoftmaxCrossEntropy(), nn.SGD(0.1))


def test_settings_that_are_set_later_count():
    loss = nn.SoftmaxCrossEntropy()
    loss.class_weights = np.array([1.0, 2.0])
    loss.label_smoothing = 0.1
    assert repr(loss) == "SoftmaxCrossEntropy(label_smoothing=0.1, class_weights=(1.0, 2.0))"
    optimizer = nn.Adam()
    optimizer.beta1, optimizer.clip, optimizer.lr = 0.5, nn.ClipByNorm(1.0), 0.2
    assert repr(optimizer) == repr(nn.Adam(0.2, beta1=0.5, clip=nn.ClipByNorm(1.0)))


def test_a_recorder_may_look_more_rarely_later():
    model, optimizer, told = made(), nn.SGD(0.1), []
    flow = nn.GradientFlow(model)
    with flow.attached(optimizer):
        for step in range(12):
            if step == 4:
                flow.every, flow.log, flow.label = 3, lambda numbers, at: told.append(at), "b"
            once(model)
            optimizer.step(model.params, model.grads)
    assert flow.to_dict()["steps"].tolist() == [0, 1, 2, 3, 6, 9]
    assert set(told) == {6, 9}
    assert flow.label == "b"


def test_a_truncation_with_another_seed_draws_what_one_made_with_it_does():
    cut, twin = nn.RandomTruncation(0.5), nn.RandomTruncation(0.5, seed=7)
    cut.factors(9)
    cut.seed = 7
    np.testing.assert_array_equal(cut.factors(9), twin.factors(9))


@pytest.mark.parametrize("number", [10**30, Fraction(1, 3), np.float32(0.5)])
def test_a_number_of_any_kind_may_be_set_in_a_layer(number):
    model, twin = made(), nn.Sequential(
        nn.Dense(12, 8), nn.LeakyReLU(number), nn.BatchNorm(8, epsilon=number), nn.Dense(8, 4),
        seed=0,
    )  # fmt: skip
    once(model)
    model.layers["1.leakyrelu"].slope = model.layers["2.batchnorm"].epsilon = number
    assert once(model) == once(twin)


@pytest.mark.parametrize("before", [False, True], ids=["at first", "once captured"])
@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (lambda **given: nn.RNN(3, 5, **given), "activation", "relu"),
        (lambda **given: nn.RNN(3, 5, **given), "activation", "leaky_relu"),
        (lambda **given: nn.RNN(3, 5, **given), "reverse", True),
        (lambda **given: nn.GRU(3, 5, **given), "reverse", True),
    ],
)
def test_what_a_recurrent_layer_computes_follows_what_is_set_later(make, name, value, before):
    def network(layer):
        return nn.Sequential(layer, nn.LastStep(), nn.Dense(5, 4), seed=0)

    x, labels, loss = X.reshape(50, 4, 3), Y, nn.SoftmaxCrossEntropy()
    model, other, twin = network(make()), network(make()), network(make(**{name: value}))
    if before:
        model.training_pass(x, labels, loss)
    layer = model.layers[next(iter(model.layers))]
    setattr(layer, name, value)
    found = model.training_pass(x, labels, loss)
    assert found == twin.training_pass(x, labels, loss)
    assert found != other.training_pass(x, labels, loss)
    assert layer.saturation == twin.layers[layer.name].saturation
    np.testing.assert_array_equal(model.grads.flat, twin.grads.flat)


@pytest.mark.parametrize("kernels", ["numba", "reference"])
def test_a_momentum_that_is_set_later_begins_with_no_velocity(kernels):
    """As gradient descent with momentum does, and ends as plain gradient descent."""
    rng = np.random.default_rng(0)
    with nn.use_kernels(kernels):
        model, optimizer = nn.Sequential(nn.Dense(4, 3)), nn.SGD(0.1)
        expected, velocity = model.params.flat.astype(float), 0.0
        for momentum in (0.0, 0.9, 0.9, 0.5, 0.0, 0.9):
            gradient = rng.standard_normal(15).astype(np.float32)
            model.grads.flat[...] = gradient
            optimizer.momentum = momentum
            optimizer.step(model.params, model.grads)
            velocity = momentum * velocity + gradient
            expected -= 0.1 * velocity
            velocity *= momentum > 0  # plain steps remember nothing
            np.testing.assert_allclose(model.params.flat, expected, rtol=1e-5, atol=1e-6)
            assert set(optimizer.state_dict()) == {"steps", *(("velocity",) if momentum else ())}


class Scheduled(nn.SGD):
    """Somebody's own, which keeps no argument by its name."""

    def __init__(self, at):
        super().__init__(at)
        self.momentum = 7


def test_somebodys_own_class_may_set_what_it_likes():
    assert Scheduled(0.1).momentum == 7
