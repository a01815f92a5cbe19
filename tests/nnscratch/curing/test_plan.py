"""Plans: a network is read, changed, made anew, and written as Python that runs."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import (
    AddBatchNorm,
    AddResidual,
    ClipGradient,
    LearningRate,
    LessDropout,
    NewActivation,
    NewOutput,
    NoPenalty,
    NormMomentum,
    RemoveBatchNorm,
    StandardInputs,
    StandardTargets,
    UseAdam,
    Weights,
    Wider,
    read_plan,
    together,
)
from nnscratch.curing.recurrent import GateBias, NewCell, RecurrentWeights
from nnscratch.initializers import Normal, VarianceScaling, get

LOSS = nn.MeanSquaredError()


def network(*, norm=False):
    parts = []
    for n_in in (6, 5, 5):
        parts.append(nn.Dense(n_in, 5, init="he_uniform"))
        if norm:
            parts.append(nn.BatchNorm(5, momentum=0.8))
        parts += [nn.LeakyReLU(0.2), nn.Dropout(0.1)]
    return nn.Sequential(*parts, nn.Dense(5, 3), nn.Sigmoid(), seed=4, dtype=np.float64)


def blocks():
    inner = nn.LayerNorm(5), nn.Tanh(), nn.Dense(5, 5)
    return nn.Sequential(
        nn.Dense(6, 5),
        nn.Residual(*inner, scale=0.5, skip=nn.Dense(5, 5, init="orthogonal")),
        nn.Dense(5, 3),
        seed=4,
    )


def read(model=None, optimizer=None, loss=LOSS):
    return read_plan(model or network(), optimizer or nn.SGD(lr=0.1), loss)


def run(plan, **names):
    """Paste the plan's lines and run them."""
    names = {"nn": nn, "np": np, "x": np.eye(6), "y": np.eye(6, 3), **names}
    exec("\n".join(plan.statements(seed=4)), names)
    return names


def kinds(plan):
    return [part.make.__name__ for part in plan.layers]


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


def test_changes_of_weights_activation_and_norm():
    plan, he = read(), get("he_normal")
    changed = Weights(he).apply(plan)
    assert all(changed.layers[i].options["init"] == he for i in changed.dense())
    changed = NewActivation("elu", he).apply(plan)
    assert kinds(changed) == [k.replace("LeakyReLU", "ELU") for k in kinds(plan)]
    changed = AddBatchNorm().apply(plan)
    assert kinds(changed)[:3] == ["Dense", "BatchNorm", "LeakyReLU"]
    assert kinds(changed).count("BatchNorm") == 3
    assert kinds(changed)[-2:] == ["Dense", "Sigmoid"]  # none before the output
    assert AddBatchNorm().apply(changed) == changed
    assert kinds(RemoveBatchNorm(he).apply(changed)) == kinds(plan)
    slow = NormMomentum(0.5).apply(changed)
    assert [p.options["momentum"] for p in slow.layers if p.is_a(nn.BatchNorm)] == [0.5] * 3


def test_a_missing_activation_is_put_behind_each_hidden_layer():
    plan = read(nn.Sequential(nn.Dense(6, 5), nn.Dense(5, 5), nn.BatchNorm(5), nn.Dense(5, 3)))
    changed = NewActivation("relu", get("he_normal")).apply(plan)
    assert kinds(changed) == ["Dense", "ReLU", "Dense", "BatchNorm", "ReLU", "Dense"]


def test_changes_of_the_output_and_of_the_width():
    plan = read()
    changed = NewOutput(nn.SigmoidCrossEntropy).apply(plan)
    assert kinds(changed)[-1] == "Dense"
    assert repr(changed.new_loss()) == "SigmoidCrossEntropy()"
    kept = NewOutput(nn.Huber).apply(read(loss=nn.Huber(0.3)))
    assert repr(kept.new_loss()) == "Huber(delta=0.3)"
    wide = Wider(8).apply(AddBatchNorm().apply(plan)).model(0)
    assert [wide.layers[n].n_out for n in wide.layers if "dense" in n] == [8, 8, 8, 3]
    assert wide.predict(np.zeros((2, 6))).shape == (2, 3)


def test_residual_blocks_go_around_the_layers_that_keep_their_width():
    plan = AddResidual().apply(read())
    assert kinds(plan) == [
        "Dense", "LeakyReLU", "Dropout", "Residual", "Residual", "Dense", "Sigmoid"
    ]  # fmt: skip
    model = plan.model(0)
    inside = [layer.kind for name, layer in model.layers.items() if name.startswith("3.")]
    assert inside == ["branch", "layernorm", "leakyrelu", "dense", "dropout", "skip", "sum"]
    assert plan.layers[3].options["scale"] == pytest.approx(0.71)


def test_changes_of_the_training():
    plan = together(LearningRate(0.5), ClipGradient(2.0)).apply(read())
    assert (plan.lr, plan.clip) == (0.5, nn.ClipByGlobalNorm(2.0))
    plan = UseAdam(0.01).apply(plan)
    assert repr(plan.new_optimizer()) == repr(nn.Adam(lr=0.01, clip=nn.ClipByGlobalNorm(2.0)))


def test_what_a_later_change_decides_anew_is_left_out():
    he = Weights(get("he_normal"))
    rates = together(LearningRate(0.5), he, LearningRate(0.1))
    assert str(rates) == "he_normal + lr=0.1"
    assert str(together(LearningRate(0.5), UseAdam(0.1))) == "Adam, lr=0.1"
    assert str(together(UseAdam(0.1), LearningRate(0.5))) == "Adam, lr=0.1 + lr=0.5"
    elu = NewActivation("elu", get("lecun_normal"))
    assert together(he, elu) == elu
    assert str(together(elu, he)) == "ELU, lecun_normal + he_normal"
    assert together(None, he) == he
    assert together() is None


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


def test_a_penalty_is_a_callback_of_its_trials_and_a_line():
    plan = read_plan(network(), nn.SGD(lr=0.1), LOSS, penalty=nn.Penalty(l2=0.01))
    (penalty,) = plan.penalties()
    assert (penalty.l1, penalty.l2) == (0, 0.01)
    line = "penalty = nn.Penalty(l2=0.01)  # trainer.fit(..., callbacks=[penalty])"
    assert plan.statements(0)[-1] == line
    without = NoPenalty().apply(plan)
    assert without.penalties() == []
    assert line not in without.statements(0)


class Pull(nn.Callback):
    """A penalty of somebody's own: a pull of all parameters towards 1."""

    def __init__(self, strength):
        self.strength, self.calls = strength, 0

    def on_backward(self, trainer, step):
        self.calls += 1
        trainer.model.grads.flat[...] += self.strength * (trainer.model.params.flat - 1)


def test_a_callback_of_ones_own_is_copied_for_each_run():
    pull = Pull(0.5)
    plan = read_plan(network(), nn.SGD(lr=0.1), LOSS, penalty=pull)
    first, second = plan.new_penalty(), plan.new_penalty()
    first.calls = 3
    assert (second.strength, second.calls, pull.calls) == (0.5, 0, 0)
    line = "# as before: trainer.fit(..., callbacks=[penalty])"
    assert plan.statements(0)[-1] == line
    assert line not in NoPenalty().apply(plan).statements(0)


def test_omega_is_kept_as_a_penalty():
    model = nn.Sequential(nn.RNN(3, 4), nn.LastStep(), nn.Dense(4, 2))
    plan = read_plan(model, nn.SGD(lr=0.1), LOSS, penalty=nn.Omega(2.0, form="code"))
    assert plan.statements(0)[-1].startswith("penalty = nn.Omega(weight=2, form='code')  # ")
    (omega,) = plan.penalties()
    assert (omega.weight, omega.form) == (2.0, "code")


class Closed(Pull):
    def __deepcopy__(self, memo):
        raise TypeError("a lock")


def test_penalties_that_cannot_be_kept_are_refused_by_name():
    for other, said in (
        (0.5, "an nn.Penalty, or a Callback whose on_backward adds to the gradient, got 0.5"),
        (nn.EarlyStopping(), "whose on_backward adds to the gradient, got .*EarlyStopping"),
        (Closed(1.0), "a copy of the penalty, and .*Closed.* cannot be copied: a lock"),
    ):
        with pytest.raises(nn.ConfigError, match=said):
            read_plan(network(), nn.SGD(lr=0.1), LOSS, penalty=other)


def pretrained(*names):
    """A network of which some layers are frozen, with weights that no seed gives."""
    model = nn.Sequential(
        *(nn.Dense(6, 5), nn.BatchNorm(5), nn.Tanh(), nn.Dense(5, 5), nn.Tanh()),
        *(nn.Dense(5, 5), nn.Dense(5, 3)),
        seed=4,
    )
    model.params.flat[...] = np.random.default_rng(5).normal(size=model.params.flat.size)
    model.statistics["1.running_mean"] = np.arange(5)
    model.freeze(*names)
    return model


FROZEN = ["0.dense", "1.batchnorm", "3.dense"]
HE = get("he_normal")


@pytest.mark.parametrize(
    "change",
    [
        *(Weights(HE), NewActivation("relu", HE), NormMomentum(0.5), NewOutput(nn.Huber)),
        *(AddBatchNorm(), RemoveBatchNorm(HE), AddResidual(), Wider(9)),
        together(NewActivation("elu", HE), AddBatchNorm(), Wider(7)),
    ],
    ids=str,
)
def test_changes_leave_frozen_layers_and_what_stands_behind_them(change):
    model = pretrained(*FROZEN)
    plan = change.apply(read(model))
    assert kinds(plan)[:5] == ["Dense", "BatchNorm", "Tanh", "Dense", "Tanh"]
    x = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    model.forward(x, training=True)
    for made in (plan.model(0), run(plan, model=model)["model"]):
        made.forward(x, training=True)
        assert list(made.frozen) == FROZEN
        assert np.array_equal(made.last["4.tanh"].output, model.last["4.tanh"].output)
        assert not np.array_equal(made.params.flat[-18:], model.params.flat[-18:])


def test_changes_reach_what_is_not_frozen():
    plan = read(pretrained(*FROZEN))
    assert kinds(NewActivation("relu", HE).apply(plan))[5:] == ["Dense", "ReLU", "Dense"]
    assert kinds(AddBatchNorm().apply(plan))[5:] == ["Dense", "BatchNorm", "Dense"]
    assert kinds(AddResidual().apply(plan))[5:] == ["Residual", "Dense"]
    wide = [part.options["n_out"] for part in Wider(9).apply(plan).layers if part.is_a(nn.Dense)]
    assert wide == [5, 5, 9, 3]
    assert [part.options.get("init") == HE for part in Weights(HE).apply(plan).layers[4:]] == [
        *(False, True, True)
    ]


def test_what_goes_into_a_frozen_layer_stays_as_wide_and_its_name_may_change():
    model = pretrained("3.dense")
    plan = together(Wider(9), RemoveBatchNorm(HE)).apply(read(model))
    made = run(plan, model=model)["model"]
    assert [layer.n_out for layer in made.layers.values() if layer.kind == "dense"] == [5, 5, 9, 3]
    assert made.frozen == ("2.dense",)
    assert np.array_equal(made.params["2.weight"], model.params["3.weight"])
    assert plan.statements(0)[0] == "old = model"
    assert plan.statements(0)[2] == 'nn.keep_frozen(old, model, {"3.dense": "2.dense"})'


def test_frozen_layers_in_blocks_and_both_directions_are_kept():
    model = nn.Sequential(
        nn.Bidirectional(nn.GRU(6, 4)), nn.LastStep(),
        nn.Residual(nn.Dense(8, 8), nn.Tanh(), nn.Dense(8, 8)), nn.Dense(8, 3),
    )  # fmt: skip
    model.params.flat[...] = 0.25
    model.freeze("0", "2.2.dense")
    changed = together(Weights(HE), GateBias(3.0), RecurrentWeights(HE)).apply(read(model))
    made = changed.model(1)
    for name in ("0.0.weight", "0.1.bias", "0.1.recurrent_weight", "2.2.weight"):
        assert (made.params[name] == 0.25).all(), name
    assert (made.params["2.0.weight"] != 0.25).all()
    assert made.frozen == ("0.0.gru", "0.1.gru", "2.2.dense")
    model.unfreeze("0.1.gru")
    with pytest.raises(nn.ConfigError, match=r"'0.0.gru' and '0.1.gru' one is frozen"):
        read(model)


RATES = {"0": 0.1, "1.0.layernorm": 2.0, "1.2.bias": 0.0, "1.3": 4.0}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (Weights(HE), {}),
        (UseAdam(0.01), {}),
        (NewActivation("elu", HE), {"1": "2"}),  # which puts one behind the first dense layer
        (LearningRate(0.5), {}),
    ],
    ids=str,
)
def test_rates_go_with_their_layers(change, names):
    model = blocks()
    plan = change.apply(read(model, nn.SGD(lr=0.1, rates=RATES)))
    made, optimizer = plan.model(0), plan.new_optimizer()
    assert optimizer.factors(made.params) == run(plan)["optimizer"].factors(made.params)
    known = nn.SGD(lr=0.1, rates=RATES).factors(model.params)
    moved = {}
    for name, factor in known.items():
        first, dot, rest = name.partition(".")
        moved[f"{names.get(first, first)}{dot}{rest}"] = factor
    found = optimizer.factors(made.params)
    assert {name: found[name] for name in moved if name in found} == {
        name: factor for name, factor in moved.items() if name in found
    }
    assert {0.1, 2.0, 0.0, 4.0} <= set(found.values())


def test_rates_beside_frozen_layers_and_new_norms():
    plan = read(pretrained("0.dense"), nn.Adam(lr=0.1, rates={"3": 0.5, "6.bias": 0.25, "0": 7.0}))
    changed = AddBatchNorm().apply(plan)
    assert changed.rates() == {"3.dense": 0.5, "8.bias": 0.25, "8.weight": 1.0}
    assert 'rates={"3.dense": 0.5, "8.weight": 1, "8.bias": 0.25}' in changed.optimizer_python()
    assert changed.new_optimizer().rates == changed.rates()
    assert read(pretrained("0.dense")).rates() == {}


def test_both_directions_of_a_layer_have_one_rate():
    model = nn.Sequential(nn.Bidirectional(nn.GRU(6, 4)), nn.LastStep(), nn.Dense(8, 3))
    plan = read(model, nn.SGD(lr=0.1, rates={"0": 0.5}))
    assert GateBias(3.0).apply(plan).rates() == {"0.0.gru": 0.5, "0.1.gru": 0.5}
    made = NewCell(nn.LSTM, 1.0).apply(plan)
    assert made.rates() == {"0.0.lstm": 0.5, "0.1.lstm": 0.5}
    with pytest.raises(nn.ConfigError, match=r"'0.0.gru' and '0.1.gru' have two"):
        read(model, nn.SGD(lr=0.1, rates={"0.1": 0.5}))


def test_rates_that_name_nothing_are_an_error():
    with pytest.raises(nn.UnknownNameError, match="in rates '77'"):
        read(optimizer=nn.SGD(lr=0.1, rates={"77": 0.1}))


def test_what_a_plan_cannot_keep_is_refused_by_name():
    with pytest.raises(nn.ConfigError, match=r"all layers are frozen: model.unfreeze\('6.dense'\)"):
        read(pretrained())


def test_less_dropout_leaves_alone_what_takes_less():
    layers = nn.Dropout(0.05), nn.Dense(6, 5), nn.Dropout(0.6), nn.Dense(5, 3)
    changed = LessDropout(0.1).apply(read(nn.Sequential(*layers)))
    rates = [part.options["rate"] for part in changed.layers if part.is_a(nn.Dropout)]
    assert rates == [0.05, 0.1]
    assert "nn.Dropout(0.1)" in changed.model_python(0)
