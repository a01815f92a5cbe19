"""What findings name in the data, and one change mends: tried like all others, and pasted."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import cure
from nnscratch.curing.changes import (
    ClassWeights,
    LearningRate,
    Logarithms,
    OneHot,
    OnlyNear,
    StandardInputs,
    StandardTargets,
    TargetLogarithms,
    WithoutCode,
    together,
)
from nnscratch.curing.conditions import conditions_of, kept_by
from nnscratch.curing.named import is_wild, judged_by, long_tails, named_rate
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


@pytest.mark.parametrize(("share", "rare"), [(0.91, True), (0.89, False)])
def test_a_class_is_rare_below_one_in_ten(share, rare):
    """Whatever else is found first: here a rate that moves nothing."""
    labels = (np.arange(1500) >= 1500 * share).astype(np.int64)
    found = cured(Z, labels, nn.SoftmaxCrossEntropy(), network(4, 2), steps=60)
    assert ("all classes counting alike" in " ".join(repr(found).split())) == rare


def test_a_rare_class_that_is_told_needs_no_weights():
    y = (Z[:, :1] > 1.4).astype(np.float32)
    found = cured(Z, y, nn.SigmoidCrossEntropy(), network(4), steps=600)
    assert found.before.skill > 0.5
    assert "counting alike" not in repr(found)


@pytest.mark.parametrize(("skill", "alike"), [(0.19, True), (0.21, False), (float("nan"), True)])
def test_what_is_told_already_is_judged_as_it_is(skill, alike):
    trial = SimpleNamespace(skill=skill, ills=(), findings=SimpleNamespace(kinds=("outliers",)))
    conditions = {"batch_size": 9, "steps": 9, "seed": 0}
    labels = (np.arange(1500) >= 1400).astype(np.int64)
    c = conditions_of(network(4, 2), Z, labels, None, None, **conditions)
    assert (judged_by(trial, c) is not c) == alike
    both = judged_by(SimpleNamespace(**{**vars(trial), "ills": ("class weights",)}), c)
    assert both.answers.weighed == both.seen.weighed == "all classes counting alike, "
    far = conditions_of(network(4), Z, wild(), None, None, **conditions)
    assert (judged_by(trial, far) is not far) == alike
    if alike:
        assert judged_by(trial, far).seen.weighed == "what is far off left out, "
    known = SimpleNamespace(**{**vars(trial), "findings": SimpleNamespace(kinds=())})
    assert judged_by(known, far) is far
    masked = replace(far, mask=np.ones(far.x.shape[:1], bool))
    assert judged_by(trial, masked) is masked


@pytest.mark.parametrize("code", [-999, 9999])
def test_what_stands_for_missing_values_becomes_the_mean(code):
    gone = np.random.default_rng(1).random(Z.shape) < 0.15
    x = np.where(gone, np.float32(code), np.abs(Z))
    y = np.where(gone, 0, np.abs(Z) - 0.8).sum(axis=1, keepdims=True) > 0
    found = cured(x, y.astype(np.float32), nn.SigmoidCrossEntropy())
    assert found.lines[0] == f"inputs = nn.Standardizer(x, missing={code}); x = inputs(x)"
    assert f"means in the place of {code}" in found.best.label
    assert found.best.skill > found.before.skill + 0.2
    assert not any("logarithms" in one.label for one in found.trials)
    names, _ = pasted(found, x, y.astype(np.float32))
    assert ((names["model"].predict(names["inputs"](x)) > 0) == y).mean() > 0.9


def test_inputs_that_lie_far_from_all_others_are_cut():
    x = Z.copy()
    x[::150, 0] *= 1e4
    x[7::150, 1] *= 1e4
    y = Z[:, :1] + Z[:, 2:3] * Z[:, 3:]
    found = cured(x, y, nn.MeanSquaredError(), steps=300)
    assert found.lines[0] == "inputs = nn.Standardizer(x, cut=20); x = inputs(x)"
    assert "standard inputs, cut at 20 middle distances" in found.best.label
    assert found.best.skill > found.before.skill + 0.2
    names, _ = pasted(found, x, y)
    assert np.abs(names["x"]).max() < 25


@pytest.mark.parametrize(
    ("rows", "far", "wild"),
    [(14, -1e3, True), (149, -1e3, True), (151, -1e3, False), (1, -1e3, True), (1, -50, False)],
)
def test_inputs_are_far_where_they_are_most_of_the_deviation(rows, far, wild):
    """Two of three lie within the middle distance of normal numbers, 0.67; deviations: 1."""
    x = Z.copy()
    x[:rows, 2] = far
    assert is_wild(x) == wild
    assert is_wild(x.reshape(300, 5, 4)) == wild
    assert not is_wild(np.where(np.arange(1500)[:, None] < 800, 0, x))  # most are one number


@pytest.mark.parametrize(("rows", "wild"), [(14, True), (16, False)])
def test_a_long_tail_is_no_error(rows, wild):
    x = np.where(np.arange(1500)[:, None] < rows, 1e3, np.abs(Z))
    assert is_wild(x) == wild
    assert bool(long_tails(x)) != wild
    assert is_wild(x - 1)  # a logarithm wants what is at least 0


def wild(times=1.0):
    y = Z @ np.float32([[1], [-1], [0.5], [0]])
    y[::100] += times * np.float32(1e4)
    return y


@pytest.mark.parametrize("sign", [1, -1])
def test_targets_that_lie_far_from_all_others_are_left_out(sign):
    y = sign * wild()
    found = cured(Z, y, nn.MeanSquaredError(), steps=300)
    assert "standard targets without those far off" in found.best.label
    assert "what is far off left out" in " ".join(repr(found).split())
    assert found.best.skill > 0.8
    assert found.best.runs[0].seen > 0.8  # of the examples as they were given
    names, history = pasted(found, Z, y)
    assert len(names["x"]) == len(names["y"]) == 1485
    assert np.mean(history.loss[-20:]) < 0.2


def test_far_targets_beside_masks_are_left_as_they_are():
    y = wild()
    answers = Answers.of(y, y, 1, False)
    assert answers.skill(np.where(np.abs(y) > 100, y, 0)) > 0.99
    assert answers.near().skill(np.where(np.abs(y) > 100, y, 0)) == pytest.approx(0, abs=0.01)
    even = np.zeros_like(y)  # more than half are the same: nothing is far or near
    even[:20] = 1
    assert Answers.of(even, even, 1, False).near().weights is None


def test_examples_that_are_left_out_leave_smaller_batches():
    y = wild()[:100]
    c = conditions_of(network(4), Z[:100], y, None, None, batch_size=100, steps=9, seed=0)
    plan = OnlyNear().apply(read())
    kept = kept_by(plan, c)
    assert len(kept.x) == len(kept.y) == kept.batch_size < c.batch_size == 80
    assert kept_by(read(), c) is c


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
    both = together(StandardInputs(), StandardTargets(), WithoutCode(-9.0), OnlyNear())
    assert str(both) == "means in the place of -9 + standard targets without those far off"


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
