"""Plans: a network is read, made anew, and written as Python that runs."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import LearningRate, NewActivation, StandardInputs, StandardTargets, together
from nnscratch.initializers import Normal, VarianceScaling, get

from .plans import blocks, network, read, run


@pytest.mark.parametrize(
    "optimizer",
    [
        nn.SGD(lr=0.1, momentum=0.9, nesterov=True, clip=nn.ClipByValue(0.5)),
        nn.RMSProp(lr=0.01, decay=0.9),
        nn.AdamW(lr=nn.schedules.Cosine(0.1, 10), weight_decay=0.2),
        nn.Adam(lr=nn.schedules.Warmup(nn.schedules.Cosine(0.1, 10), 5)),
        nn.SteepestDescent(lr=0.1, norm="linf"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_is_made_anew_is_the_same_also_by_its_lines(optimizer):
    model = network(norm=True)
    plan = read(model, optimizer)
    pasted = run(plan)
    for twin, other in (
        (plan.model(seed=4), plan.new_optimizer()),
        (pasted["model"], pasted["optimizer"]),
    ):
        assert repr(twin) == repr(model)
        assert np.array_equal(twin.params.flat, model.params.flat)
        assert repr(other) == repr(optimizer)


class Sine(nn.Layer):
    kind, role = "sine", "activation"

    def forward(self, x, training=False):
        return np.sin(x), x

    def backward(self, dy, x, accumulate=False, input_gradient=True):
        return dy * np.cos(x)


class Slower(nn.SGD):
    pass


def test_classes_of_ones_own_are_called_by_their_names():
    inside = nn.Residual(Sine(), nn.Dense(5, 5))
    model = nn.Sequential(nn.Dense(6, 5), Sine(), inside, nn.Dense(5, 3), seed=4)
    plan = read(model, Slower(lr=0.1))
    pasted = run(plan, Sine=Sine, Slower=Slower)
    assert repr(pasted["model"]) == repr(model)
    assert np.array_equal(pasted["model"].params.flat, model.params.flat)
    assert type(pasted["optimizer"]) is Slower


def test_blocks_are_read_changed_and_written():
    model = blocks()
    plan = read(model)
    for twin in (plan.model(seed=4), run(plan)["model"]):
        assert np.array_equal(twin.params.flat, model.params.flat)
        assert repr(twin) == repr(model)
    he = get("he_normal")
    changed = NewActivation("relu", he).apply(plan).model(0)
    assert list(changed.layers)[2:5] == ["1.0.layernorm", "1.1.relu", "1.2.dense"]
    assert all(layer.init == he for layer in changed.layers.values() if isinstance(layer, nn.Dense))


def test_parts_that_repeat_are_written_once():
    deep = nn.Sequential(
        nn.Dense(6, 5), nn.ELU(), *(p for _ in range(20) for p in (nn.Dense(5, 5), nn.ELU())),
        nn.Dense(5, 3), seed=4,
    )  # fmt: skip
    plan = read(deep)
    text = plan.model_python(4)
    assert "*(part for _ in range(20) for part in (nn.Dense(5, 5), nn.ELU())),\n" in text
    assert text.count("\n") < 7
    assert np.array_equal(run(plan)["model"].params.flat, deep.params.flat)
    assert read(nn.Sequential(nn.Dense(6, 3), seed=4)).model_python(4) == (
        "nn.Sequential(nn.Dense(6, 3), seed=4)"
    )


def test_the_loss_and_the_scales_are_lines_too():
    plan = together(StandardInputs(), StandardTargets()).apply(read(loss=nn.Huber(delta=0.3)))
    x, y = np.random.default_rng(0).normal(5, 3, (2, 20, 6))
    pasted = run(plan, x=x, y=y[:, :3])
    assert repr(pasted["loss"]) == "Huber(delta=0.3)"
    np.testing.assert_allclose(pasted["x"].std(axis=0), 1)
    np.testing.assert_allclose(pasted["targets"].undo(pasted["y"]), y[:, :3])


@pytest.mark.parametrize("init", ["normal", "lecun_normal", VarianceScaling(8.0), Normal(0.01)])
def test_initializers_as_python(init):
    plan = read(nn.Sequential(nn.Dense(2, 3, init=init)))
    assert run(plan)["model"].layers["0.dense"].init == get(init)


def test_numbers_are_written_to_their_last_digit():
    plan = LearningRate(0.1 / 3).apply(read(optimizer=nn.SGD(lr=0.1)))
    assert run(plan)["optimizer"].lr == 0.1 / 3


def test_long_statements_are_broken_where_python_allows_it():
    clip, schedule = nn.ClipByGlobalNorm(0.123456789), nn.schedules.Cosine(0.123456789, 10, 1e-3)
    model = nn.Sequential(
        nn.Dense(6, 5, init=VarianceScaling(1.23456), bias_init=Normal(0.123456)), nn.PReLU(5),
        nn.BatchNorm(5, momentum=0.123456), nn.Dense(5, 3), seed=4, dtype=np.float64,
    )  # fmt: skip
    optimizer = nn.AdamW(lr=schedule, weight_decay=0.123456789, clip=clip)
    plan = read(model, optimizer, nn.BinaryCrossEntropy(0.125, (1.5, 2.5), 1e-6))
    assert max(len(row) for text in plan.statements(4) for row in text.splitlines()) <= 84
    pasted = run(plan)
    assert np.array_equal(pasted["model"].params.flat, model.params.flat)
    assert repr(pasted["optimizer"]) == repr(optimizer)


def test_a_layer_that_forgets_its_arguments_is_named():
    class Forgetful(nn.Tanh):
        def __init__(self, strength):
            super().__init__()

    model = nn.Sequential(nn.Dense(2, 2), Forgetful(3))
    with pytest.raises(nn.ConfigError, match=r"Forgetful\(\) anew: .* takes 'strength', but"):
        read(model)


def test_unknown_activation():
    with pytest.raises(nn.ConfigError, match="did you mean 'elu'"):
        NewActivation("eluu", get("he_normal"))


def test_what_cannot_be_made_anew_is_refused():
    class Own(nn.SGD):
        def __init__(self, lr):
            super().__init__(lr)

    shared = nn.Dense(3, 3)
    with pytest.raises(nn.ConfigError, match="a Dense or recurrent layer outside of blocks"):
        read(nn.Sequential(nn.Tanh()))
    with pytest.raises(nn.ConfigError, match="an optimizer that takes 'clip', got Own"):
        read(optimizer=Own(lr=1.0))
    with pytest.raises(nn.ConfigError, match="layers that share weights"):
        read(nn.Sequential(shared, nn.ReLU(), shared))
