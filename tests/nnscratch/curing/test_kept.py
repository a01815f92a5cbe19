"""What a plan keeps through its changes: penalties, frozen layers, rates by layer."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import (
    AddBatchNorm,
    AddResidual,
    LearningRate,
    NewActivation,
    NewOutput,
    NoPenalty,
    NormMomentum,
    RemoveBatchNorm,
    UseAdam,
    Weights,
    Wider,
    read_plan,
    together,
)
from nnscratch.curing.recurrent import GateBias, NewCell, RecurrentWeights
from nnscratch.initializers import get

from .plans import LOSS, Pull, blocks, kinds, network, read, run


def test_a_penalty_is_a_callback_of_its_trials_and_a_line():
    plan = read_plan(network(), nn.SGD(lr=0.1), LOSS, penalty=nn.Penalty(l2=0.01))
    (penalty,) = plan.penalties()
    assert (penalty.l1, penalty.l2) == (0, 0.01)
    line = "penalty = nn.Penalty(l2=0.01)  # trainer.fit(..., callbacks=[penalty])"
    assert plan.statements(0)[-1] == line
    without = NoPenalty().apply(plan)
    assert without.penalties() == []
    assert line not in without.statements(0)


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
