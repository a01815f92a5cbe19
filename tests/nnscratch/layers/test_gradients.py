"""Every layer's gradients against differences, alone and in every position inside a model."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.gradcheck import check_gradients
from nnscratch.layers import activation, activation_names

TOLERANCE = 1e-7  # the project asks for 1e-6

ALONE = {
    **{name: lambda name=name: activation(name) for name in activation_names()},
    "rrelu slope": lambda: nn.RReLU("slope"),
    "prelu per unit": lambda: nn.PReLU(5, initial=-0.3),
    "elu 0.3": lambda: nn.ELU(0.3),
    "dense": lambda: nn.Dense(5, 4, bias_init="normal"),
    "dense, one unit": lambda: nn.Dense(1, 1),
    "batchnorm": lambda: nn.BatchNorm(5),
    "batchnorm, large epsilon": lambda: nn.BatchNorm(5, epsilon=0.5),
    "dropout": lambda: nn.Dropout(0.4),
    "softmax": lambda: nn.Softmax(),
    "hard sigmoid, Keras 2": lambda: nn.HardSigmoid(0.2),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ALONE)
def test_layer_alone(name, training):
    assert check_gradients(ALONE[name](), training=training, tolerance=TOLERANCE) < TOLERANCE


@pytest.mark.parametrize("loss", [nn.CategoricalCrossEntropy, nn.MeanSquaredError])
@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.Dense(5, 6), nn.Tanh(), nn.Dense(6, 3), nn.Softmax()],
        lambda: [nn.Dense(5, 3), nn.BatchNorm(3), nn.Softmax()],
        lambda: [nn.Softmax(), nn.Dense(5, 4), nn.Softmax(), nn.Dense(4, 3), nn.Softmax()],
    ],
)
def test_softmax_inside_a_model(layers, loss):
    model = nn.Sequential(*layers(), seed=1, dtype=np.float64)
    rng = np.random.default_rng(2)
    x, labels = rng.standard_normal((7, 5)), np.eye(3)[rng.integers(0, 3, 7)]
    assert check_gradients(model, loss(), x, labels, tolerance=TOLERANCE) < TOLERANCE


@pytest.mark.parametrize("statistics", ["running", "initial", "batch"])
def test_batchnorm_in_evaluation_with_each_statistics(statistics):
    layer = nn.BatchNorm(5).initialize(0, np.float64)
    rng = np.random.default_rng(0)
    for values in (*layer.params.values(), *layer.statistics.values()):
        values[...] = rng.uniform(0.5, 2, 5)
    x = rng.normal(3, 2, (7, 5))
    assert (
        check_gradients(layer, x=x, training=False, statistics=statistics, tolerance=TOLERANCE)
        < TOLERANCE
    )


@pytest.mark.parametrize("name", activation_names())
@pytest.mark.parametrize("scale", [1e-2, 10])
def test_activations_far_from_and_near_to_zero(name, scale):
    x = scale * np.random.default_rng(0).standard_normal((4, 5))
    layer = activation(name).initialize(0, np.float64)
    assert check_gradients(layer, x=x, tolerance=TOLERANCE) < TOLERANCE


# "A" is the activation, 5 features come in, 3 logits go out.
POSITIONS = {
    "between dense": lambda A: [nn.Dense(5, 6), A(), nn.Dense(6, 3)],
    "after batchnorm": lambda A: [nn.Dense(5, 6), nn.BatchNorm(6), A(), nn.Dense(6, 3)],
    "before batchnorm": lambda A: [nn.Dense(5, 6), A(), nn.BatchNorm(6), nn.Dense(6, 3)],
    "first, and before batchnorm": lambda A: [A(), nn.BatchNorm(5), nn.Dense(5, 3)],
    "after a first batchnorm": lambda A: [nn.BatchNorm(5), A(), nn.Dense(5, 3)],
    "last": lambda A: [nn.Dense(5, 3), nn.BatchNorm(3), A()],
    "twice, with dropout": lambda A: [
        nn.Dense(5, 6), A(), A(), nn.Dropout(0.3), nn.Dense(6, 3), nn.BatchNorm(3),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", activation_names())
@pytest.mark.parametrize("position", POSITIONS)
def test_inside_a_model(position, name):
    model = nn.Sequential(*POSITIONS[position](lambda: activation(name)), seed=1, dtype=np.float64)
    rng = np.random.default_rng(2)
    model.params.flat[...] += 0.3 * rng.standard_normal(model.params.flat.size)
    model.statistics.flat[...] += rng.uniform(0, 1, model.statistics.flat.size)
    x, labels = rng.standard_normal((7, 5)), rng.integers(0, 3, 7)
    loss = nn.SoftmaxCrossEntropy()
    for training, statistics in ((True, "running"), (False, "running"), (False, "initial")):
        worst = check_gradients(
            model,
            loss,
            x,
            labels,
            training=training,
            statistics=statistics,
            samples=6,
            tolerance=TOLERANCE,
        )
        assert worst < TOLERANCE


@pytest.mark.parametrize("name", activation_names())
def test_one_activation_before_and_after_each_other_one(name):
    for other in activation_names():
        layers = nn.Dense(4, 5), activation(name), activation(other), nn.Dense(5, 2)
        model = nn.Sequential(*layers, seed=3, dtype=np.float64)
        assert check_gradients(model, samples=4, tolerance=TOLERANCE) < TOLERANCE


def test_a_deep_model_with_every_component():
    model = nn.Sequential(
        nn.Dense(5, 8, init="he_normal"), nn.BatchNorm(8), nn.ELU(), nn.Dropout(0.2),
        nn.Dense(8, 7, init="he_normal"), nn.PReLU(7), nn.BatchNorm(7),
        nn.Dense(7, 6), nn.RReLU(), nn.Dense(6, 4), nn.BatchNorm(4),
        dtype=np.float64,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((9, 5)), rng.integers(0, 4, 9)
    assert (
        check_gradients(model, nn.SoftmaxCrossEntropy(), x, labels, tolerance=TOLERANCE) < TOLERANCE
    )
