"""What findings name in the data, and one change mends: tried like all others, and pasted."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import cure
from nnscratch.curing.changes import (
    ClassWeights,
    LearningRate,
    Logarithms,
    OneHot,
    StandardInputs,
    StandardTargets,
    TargetLogarithms,
    together,
)
from nnscratch.curing.named import long_tails, named_rate
from nnscratch.curing.reading import read_plan
from nnscratch.curing.skill import Answers

from .patients import pasted

RNG = np.random.default_rng(0)
Z = RNG.standard_normal((1500, 4)).astype(np.float32)


def network(n_in, outputs=1):
    return nn.Sequential(nn.Dense(n_in, 16), nn.ReLU(), nn.Dense(16, outputs), seed=0)


def cured(x, y, loss, model=None, **options):
    options = {"batch_size": 64, "steps": 200, "tries": 1, "progress": False, **options}
    return cure(model or network(x.shape[1]), loss, nn.Adam(lr=0.003), x, y, **options)


def shops(kinds=12):
    """Two measures, a shop's number between, and what depends on which shop it is."""
    shop = RNG.integers(0, kinds, len(Z))
    more = 2 * RNG.standard_normal(kinds)
    x = np.column_stack([Z[:, 0], shop, Z[:, 1]]).astype(np.float32)
    return x, (Z[:, 0] + more[shop]).astype(np.float32)[:, None]


def test_names_become_zeros_and_ones():
    x, y = shops()
    found = cured(x, y, nn.MeanSquaredError())
    assert found.best.skill > found.before.skill + 0.3
    assert "zeros and ones for input 1" in found.best.label
    assert found.lines[0] == "inputs = nn.Standardizer(x, one_hot=[1]); x = inputs(x)"
    names, history = pasted(found, x, y)
    assert names["x"].shape == (1500, 14)
    assert np.mean(history.loss[-20:]) < 0.3 * y.var()


def test_an_order_is_none():
    x, _ = shops()
    found = cured(x, x[:, 1:2] + x[:, :1], nn.MeanSquaredError())
    assert not any("zeros and ones" in one.label for one in found.trials)


def test_long_tails_of_targets_become_logarithms():
    y = (100 * np.exp(1.6 * Z[:, :1] + 1.2 * Z[:, 1:2])).astype(np.float32)
    found = cured(Z, y, nn.MeanSquaredError())
    assert "logarithms of targets" in found.best.label
    assert "standard targets" not in found.best.label  # said already
    assert found.lines[0] == "targets = nn.Standardizer(y, logarithms=[0]); y = targets(y)"
    names, _ = pasted(found, Z, y)
    said = names["targets"].undo(names["model"].predict(Z))
    assert np.corrcoef(np.log(np.maximum(said, 1))[:, 0], np.log(y[:, 0]))[0, 1] > 0.9


def test_long_tails_of_inputs_become_logarithms():
    x = np.exp(2 * Z)
    found = cured(x, Z.sum(axis=1, keepdims=True), nn.MeanSquaredError())
    assert "logarithms of input 0, 1, 2, 3" in found.best.label
    line = "inputs = nn.Standardizer(x, logarithms=[0, 1, 2, 3]); x = inputs(x)"
    assert found.lines[0] == line
    pasted(found, x, Z.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("columns", "tails"),
    [
        (np.exp(1.5 * Z), (0, 1, 2, 3)),
        (np.exp(0.5 * Z), ()),
        (np.exp(1.5 * Z) - 1, ()),  # some are below 0
        (np.exp(1.5 * Z) * [1, 0, 1, 0], (0, 2)),  # and some the same everywhere
        (np.abs(Z), ()),
        (np.where(np.arange(1500)[:, None] < 14, 1e3, np.abs(Z)), ()),  # a few, which may be wrong
        (np.where(np.arange(1500)[:, None] < 16, 1e3, np.abs(Z)), (0, 1, 2, 3)),
    ],
)
def test_a_tail_is_long_above_and_of_more_than_a_few(columns, tails):
    assert long_tails(columns) == tails
    assert long_tails(columns.reshape(300, 5, 4)) == tails


@pytest.mark.parametrize(("limit", "rare"), [(3.6, True), (0.0, False)])
def test_rare_classes_count_as_much_as_others(limit, rare):
    x = RNG.standard_normal((3000, 5)).astype(np.float32)
    y = (x @ [1, 1, -1, 0.5, 0] > limit).astype(np.float32)[:, None]
    loss = nn.SigmoidCrossEntropy()
    model = nn.Sequential(
        *(nn.Dense(5, 10), nn.ReLU(), nn.Dense(10, 10), nn.ReLU(), nn.Dense(10, 1)), seed=0
    )
    found = cured(x, y, loss, model, steps=150)
    assert any("class weights" in one.label for one in found.trials) == rare
    assert ("all classes counting alike" in " ".join(repr(found).split())) == rare
    if rare:
        assert "class weights" in found.best.label
        names, _ = pasted(found, x, y)
        no, yes = names["loss"].class_weights
        assert yes / no == pytest.approx((1 - y.mean()) / y.mean(), rel=0.2)
        said = names["model"].predict(names.get("inputs", lambda x: x)(x)) > 0
        assert min((said == y)[y == one].mean() for one in (0, 1)) > 0.7


def test_classes_that_count_alike():
    y = np.repeat([0, 1], [90, 10])
    answers = Answers.of(y, y, 2, True).balanced()
    np.testing.assert_allclose(answers.constant, 0.5)
    assert answers.skill(np.full((100, 2), 0.5)) == pytest.approx(0)
    assert answers.skill(np.tile([1.0, 0.0], (100, 1))) == pytest.approx(-1)
    assert answers.skill(np.eye(2)[y]) == 1


def read(model=None, loss=None, optimizer=None):
    return read_plan(model or network(4), optimizer or nn.SGD(lr=0.1), loss or nn.Huber())


def test_what_is_changed_is_said_once():
    both = together(StandardInputs(), StandardTargets(), Logarithms((1, 3)), TargetLogarithms((0,)))
    assert str(both) == "logarithms of input 1, 3 + logarithms of targets"
    plan = together(both, OneHot((3,), 7)).apply(read())
    assert (plan.one_hot, plan.logarithms, plan.target_logarithms) == ((3,), (1,), (0,))
    assert plan.layers[0].options["n_in"] == 11
    assert plan.statements(0)[0] == (
        "inputs = nn.Standardizer(x, one_hot=[3], logarithms=[1]); x = inputs(x)"
    )
    assert OneHot((3,), 7).apply(plan) is plan  # once is enough
    assert Logarithms((1, 3)).apply(plan).logarithms == (1,)


def test_a_network_that_cannot_read_more_columns_is_left_alone():
    model = network(4)
    model.freeze("0.dense")
    plan = read(model)
    assert OneHot((1,), 3).apply(plan) is plan
    blocks = read(nn.Sequential(nn.Residual(nn.Dense(4, 4)), nn.Dense(4, 1)))
    assert OneHot((1,), 3).apply(blocks) is blocks
    assert ClassWeights((1.0, 2.0)).apply(plan) is plan  # its loss takes none
    cell = read(nn.Sequential(nn.GRU(4, 3), nn.LastStep(), nn.Dense(3, 1)))
    assert OneHot((1,), 3).apply(cell).layers[0].options["features_in"] == 7


@pytest.mark.parametrize(("columns", "found"), [(33, True), (34, False)])
def test_the_tail_of_one_of_many_columns_is_chance(columns, found):
    x = np.random.default_rng(1).standard_normal((500, columns))
    x[:, 7] = np.exp(2 * x[:, 7])
    assert long_tails(x) == ((7,) if found else ())


@pytest.mark.parametrize(("lr", "named"), [(0.3, 0.001), (0.001, None), (1e-6, None)])
def test_the_rate_that_findings_name_is_tried_first(lr, named):
    """A chain of dense layers, which a ReLU between them does not make better."""
    z = Z[:, :3]
    x = (1 / (1 + np.exp(-z @ RNG.standard_normal((3, 60))))).astype(np.float32)
    y = np.tanh(0.1 * z)
    model = nn.Sequential(nn.Dense(60, 30), nn.Dense(30, 3), seed=0)
    found = cure(
        *(model, nn.MeanSquaredError(), nn.Adam(lr=lr), x, y),
        batch_size=32,
        steps=60,
        tries=1,
        progress=False,
    )
    rate = None if named_rate(found.before) is None else named_rate(found.before).lr
    assert rate == named
    tried = [one.change for one in found.trials[:1]]
    assert (tried == [LearningRate(named)]) == (named is not None)
    if named:
        assert found.best is not None
        assert found.best.skill >= found.trials[0].skill - 0.01
