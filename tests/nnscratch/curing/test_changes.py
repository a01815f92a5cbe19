"""What each change makes of a plan, and what is left of several."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import (
    AddBatchNorm,
    AddResidual,
    Change,
    ClipGradient,
    LearningRate,
    LessDropout,
    NewActivation,
    NewOutput,
    NormMomentum,
    RemoveBatchNorm,
    UseAdam,
    Weights,
    Wider,
    together,
)
from nnscratch.initializers import get

from .plans import kinds, read


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


def test_a_block_of_lines_alone_is_bent_and_one_with_an_activation_has_another():
    model = nn.Sequential(
        nn.Dense(6, 5),
        nn.Residual(nn.Dense(5, 5)),
        nn.Residual(nn.Residual(nn.Dense(5, 4), nn.Dense(4, 5))),
        nn.Residual(nn.Dense(5, 5), nn.Tanh(), nn.Dense(5, 5)),
        nn.Dense(5, 3),
    )
    made = NewActivation("relu", get("he_normal")).apply(read(model)).model(0)
    inner = [[layer.kind for layer in made[i].layers] for i in (1, 3)]
    assert inner == [["dense", "relu"], ["dense", "relu", "dense"]]
    assert [layer.kind for layer in made[2].layers[0].layers] == ["dense", "relu"] * 2
    model.freeze("1.0.dense")
    kept = NewActivation("relu", get("he_normal")).apply(read(model)).model(0)
    assert [layer.kind for layer in kept[1].layers] == ["dense"]


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


def test_a_change_of_ones_own_says_what_it_lacks():
    with pytest.raises(TypeError, match=r"Own has no apply: use a class of nnscratch\.curing"):
        type("Own", (Change,), {})().apply(read())


def test_less_dropout_leaves_alone_what_takes_less():
    layers = nn.Dropout(0.05), nn.Dense(6, 5), nn.Dropout(0.6), nn.Dense(5, 3)
    changed = LessDropout(0.1).apply(read(nn.Sequential(*layers)))
    rates = [part.options["rate"] for part in changed.layers if part.is_a(nn.Dropout)]
    assert rates == [0.05, 0.1]
    assert "nn.Dropout(0.1)" in changed.model_python(0)
