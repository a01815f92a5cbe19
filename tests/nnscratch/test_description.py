"""Descriptions: everything of the package there and back through JSON, strangers by name."""

import json

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import initializers, layers, optimizers
from nnscratch.description import describe, describe_model, rebuild, rebuild_model
from nnscratch.schedules import StepDecay

THINGS = [
    *(layers.activation(name) for name in layers.activation_names()),
    nn.Dense(3, 4, init="orthogonal", bias_init="ones"),
    nn.BatchNorm(4, momentum=0.5, epsilon=1e-4),
    nn.Dropout(0.3),
    nn.PReLU(4, 0.1),
    nn.RReLU("slope", 0.1, 0.4),
    nn.LeakyReLU(1 / 3),
    *(initializers.get(name) for name in initializers.names()),
    nn.SoftmaxCrossEntropy(),
    nn.SigmoidCrossEntropy(),
    nn.MeanSquaredError(),
    nn.MeanAbsoluteError(),
    nn.Huber(0.3),
    nn.CategoricalCrossEntropy(0.1, {0: 1, 1: 2.5}, 1e-6),
    nn.BinaryCrossEntropy(class_weights=(1, 3)),
    nn.Softmax(),
    nn.HardSigmoid(0.2),
    *(
        optimizers.optimizer(name, 0.1, clip=clip)
        for name, clip in zip(
            optimizers.names(),
            [None, nn.ClipByValue(0.5), nn.ClipByNorm(2.0), nn.ClipByGlobalNorm(1.0)] * 2,
            strict=False,
        )
    ),
]


class Doubled(layers.Layer):
    kind = "doubled"


class Dense(nn.Dense):
    """Not the package's, though it has the name."""


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: type(thing).__name__)
def test_there_and_back(thing):
    description = json.loads(json.dumps(describe(thing)))
    made = rebuild(description, "it")
    assert type(made) is type(thing)
    assert repr(made) == repr(thing)
    assert describe(made) == description


def test_every_option_survives_exactly():
    assert rebuild(describe(nn.LeakyReLU(1 / 3)), "it").slope == 1 / 3
    assert rebuild(describe(nn.Dense(2, 3, bias_init="ones")), "it").bias_init == initializers.get(
        "ones"
    )
    schedule = optimizers.optimizer("adam", StepDecay(0.1, 0.5, 2))
    schedule.steps = 2
    assert rebuild(describe(schedule), "it").lr == 0.05
    assert describe(np.float32(0.5)) == 0.5


def test_models():
    model = nn.Sequential(
        nn.Dense(3, 4), nn.BatchNorm(4), nn.ELU(0.5), nn.Dense(4, 2), dtype=np.float64
    )
    twin = rebuild_model(json.loads(json.dumps(describe_model(model))), "float64")
    assert repr(twin) == repr(model)
    twin.params.flat = model.params.flat
    x = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_array_equal(twin.forward(x), model.forward(x))


def test_an_unknown_initializer_is_left_out():
    class Mine(initializers.Normal):
        pass

    made = rebuild(json.loads(json.dumps(describe(nn.Dense(2, 3, init=Mine())))), "it")
    assert made.init == nn.Dense(2, 3).init


@pytest.mark.parametrize("layer", [Doubled(), Dense(2, 2)])
def test_strangers_are_named(layer):
    description = [describe(nn.ReLU()), describe(layer)]
    with pytest.raises(nn.ConfigError, match=rf"layer 1 is of the class .*{type(layer).__name__}"):
        rebuild_model(description)


@pytest.mark.parametrize(
    "damaged",
    [
        [1, 2],
        {},
        {"class": "Tenso", "options": {}},
        {"class": "Layer", "options": {}},
        {"class": "Dense", "options": {"n_in": 3}},
        {"class": "Dense", "options": {"n_in": 3, "n_out": 4, "speed": 5}},
        {"class": "Dense"},
        {"class": "Dense", "options": [1]},
        {"class": "lsuv", "options": {}},
    ],
)
def test_damage_is_an_error(damaged):
    with pytest.raises(nn.DataError, match="the model"):
        rebuild(damaged, "the model")


def test_what_is_no_layer_is_refused():
    with pytest.raises(nn.DataError, match="no layer"):
        rebuild_model([describe(nn.SoftmaxCrossEntropy())])
