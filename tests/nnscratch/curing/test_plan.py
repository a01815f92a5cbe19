"""Plans: a network is read, changed, made anew, and written as Python."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import (
    AddBatchNorm,
    ClipGradient,
    LearningRate,
    NewActivation,
    RemoveBatchNorm,
    Together,
    Weights,
    read_plan,
)
from nnscratch.initializers import Normal, VarianceScaling, get


def network(*, norm=False):
    parts = []
    for n_in in (6, 5, 5):
        parts.append(nn.Dense(n_in, 5, init="he_uniform"))
        if norm:
            parts.append(nn.BatchNorm(5, momentum=0.8))
        parts += [nn.LeakyReLU(0.2), nn.Dropout(0.1)]
    return nn.Sequential(*parts, nn.Dense(5, 3), nn.Sigmoid(), seed=4, dtype=np.float64)


def kinds(plan):
    return [part.make.__name__ for part in plan.layers]


@pytest.mark.parametrize(
    "optimizer",
    [
        nn.SGD(lr=0.1, momentum=0.9, nesterov=True, clip=nn.ClipByValue(0.5)),
        nn.RMSProp(lr=0.01, decay=0.9),
        nn.AdamW(lr=nn.schedules.Cosine(0.1, 10), weight_decay=0.2),
        nn.SteepestDescent(lr=0.1, norm="linf"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_is_made_anew_is_the_same(optimizer):
    model = network(norm=True)
    plan = read_plan(model, optimizer)
    twin = plan.model(seed=4)
    assert repr(twin) == repr(model)
    assert np.array_equal(twin.params.flat, model.params.flat)
    assert repr(plan.new_optimizer()) == repr(optimizer)


def test_python_makes_the_same_network():
    plan = read_plan(network(norm=True), nn.SGD(lr=0.1, clip=nn.ClipByGlobalNorm(1.0)))
    made = eval(f"nn.Sequential({', '.join(plan.blocks())}, seed=4, dtype=np.float64)")
    assert repr(made) == repr(network(norm=True))
    assert plan.blocks()[0] == (
        'nn.Dense(6, 5, init="he_uniform"), nn.BatchNorm(5, momentum=0.8), '
        "nn.LeakyReLU(slope=0.2), nn.Dropout(0.1)"
    )
    assert plan.optimizer_python() == "nn.SGD(lr=0.1, clip=nn.ClipByGlobalNorm(1))"
    optimizer = eval(plan.optimizer_python())
    assert (optimizer.lr, optimizer.clip) == (0.1, nn.ClipByGlobalNorm(1.0))


@pytest.mark.parametrize("init", ["normal", "lecun_normal", VarianceScaling(8.0), Normal(0.01)])
def test_initializers_as_python(init):
    text = read_plan(nn.Sequential(nn.Dense(2, 3, init=init)), nn.SGD(lr=1.0)).blocks()[0]
    assert eval(text).init == get(init)


def test_changes():
    plan = read_plan(network(), nn.SGD(lr=0.1))
    he = get("he_normal")
    assert all(plan.layers[i].options["init"] != he for i in plan.dense())
    changed = Weights(he).apply(plan)
    assert all(changed.layers[i].options["init"] == he for i in changed.dense())
    changed = NewActivation("elu", he).apply(plan)
    assert kinds(changed) == [k.replace("LeakyReLU", "ELU") for k in kinds(plan)]
    assert changed.layers[0].options["init"] == he
    changed = AddBatchNorm().apply(plan)
    assert kinds(changed)[:3] == ["Dense", "BatchNorm", "LeakyReLU"]
    assert kinds(changed).count("BatchNorm") == 3
    assert kinds(changed)[-2:] == ["Dense", "Sigmoid"]  # none before the output
    assert AddBatchNorm().apply(changed) == changed
    assert kinds(RemoveBatchNorm(he).apply(changed)) == kinds(plan)
    both = Together(LearningRate(0.5), ClipGradient(2.0))
    assert both.touches == {"learning rate", "clipping"}
    changed = both.apply(plan)
    assert (changed.lr, changed.clip) == (0.5, nn.ClipByGlobalNorm(2.0))
    assert changed.model(0).predict(np.zeros((2, 6))).shape == (2, 3)


def test_a_layer_that_forgets_its_arguments_is_named():
    class Forgetful(nn.Tanh):
        def __init__(self, strength):
            super().__init__()

    model = nn.Sequential(nn.Dense(2, 2), Forgetful(3))
    with pytest.raises(nn.ConfigError, match=r"Forgetful\(\) anew: .* takes 'strength', but"):
        read_plan(model, nn.SGD(lr=1.0))


def test_unknown_activation():
    with pytest.raises(nn.ConfigError, match="did you mean 'elu'"):
        NewActivation("eluu", get("he_normal"))


def test_a_network_without_weights_and_an_optimizer_without_a_clip_are_refused():
    class Own(nn.SGD):
        def __init__(self, lr):
            super().__init__(lr)

    with pytest.raises(nn.ConfigError, match="at least one Dense layer"):
        read_plan(nn.Sequential(nn.Tanh()), nn.SGD(lr=1.0))
    with pytest.raises(nn.ConfigError, match="an optimizer that takes 'clip', got Own"):
        read_plan(network(), Own(lr=1.0))
