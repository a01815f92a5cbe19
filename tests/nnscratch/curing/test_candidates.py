"""What is proposed for which illness, and how it is ranked."""

from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import initializers
from nnscratch.curing import AddHidden, Candidate, Deeper, read_plan
from nnscratch.curing.candidates import gentler_rate, propose, sane_rates, select, usual_rate
from nnscratch.curing.network import BlocksAdd
from nnscratch.curing.size import is_bare

from .proposals import LOSS, NONE, data, looked_at, network, proposed


def test_vanishing_sigmoid():
    found = proposed(network(nn.Sigmoid, "glorot_normal", depth=3), nn.SGD(lr=0.1))
    # Sigmoid's own critical weights saturate its units, so they are not proposed.
    assert found == [
        "he_normal",
        "lecun_normal",
        "ReLU, he_normal",
        "Tanh, lecun_normal",
        "ELU, lecun_normal",
        "LeakyReLU, he_normal",
        "batch norm",
    ]


def test_critical_weights_come_first_and_once():
    found = proposed(network(nn.ReLU, "normal"), nn.SGD(lr=0.1))
    assert found[0] == "he_normal"
    assert found.count("he_normal") == 1
    assert "ReLU, he_normal" not in found


def test_batch_norm_can_only_go():
    found = proposed(network(nn.ReLU, norm=True), nn.SGD(lr=0.1))
    assert "no batch norm, he_normal" in found
    assert "batch norm" not in found
    assert "lecun_normal" not in found  # batch norm undoes any scale


def test_batch_norm_stays_where_no_weights_would_do():
    # Sigmoid's own critical weights saturate it.
    found = proposed(network(nn.Sigmoid, norm=True), nn.SGD(lr=0.1))
    assert not any("no batch norm" in text for text in found)
    assert not any("no batch norm" in text for text in proposed(network(), nn.SGD(lr=0.1)))


def test_batch_norm_needs_a_batch():
    assert "batch norm" in proposed(network(), nn.SGD(lr=0.1), rows=5)
    assert "batch norm" not in proposed(network(), nn.SGD(lr=0.1), rows=4)


def test_residual_blocks_are_for_depth():
    assert "residual blocks" in proposed(network(depth=4), nn.SGD(lr=0.1))  # 3 that keep the width
    assert "residual blocks" not in proposed(network(depth=3), nn.SGD(lr=0.1))


def test_more_units_are_for_few():
    assert "32 units a layer" in proposed(network(width=15), nn.SGD(lr=0.1))
    assert "32 units a layer" not in proposed(network(width=16), nn.SGD(lr=0.1))


@pytest.mark.parametrize(("n_in", "depth", "made"), [(3, 1, True), (4, 1, False), (1, 2, True),
                                                     (1, 3, False), (1, 0, False)])  # fmt: skip
def test_more_layers_where_few_read_few_inputs(n_in, depth, made):
    parts, n = [], n_in
    for _ in range(depth):
        parts += [nn.Dense(n, 20), nn.Tanh(), nn.Dropout(0.1)]
        n = 20
    plan = read_plan(nn.Sequential(*parts, nn.Dense(n, 1), seed=0), nn.SGD(lr=0.1), LOSS)
    trial = SimpleNamespace(plan=plan, ills=(), diverged=False, by_heart=False)
    found = propose(trial, rows=20, steps=100, rate=NONE, adam_rate=NONE)
    assert any(str(one) == "2 more hidden layers, lecun_normal" for one in found) == made
    read = nn.Dense(1, 3), nn.GRU(3, 9), nn.LastStep()
    cell = nn.Sequential(*read, nn.Dense(9, 9), nn.Tanh(), nn.Dense(9, 1))
    trial.plan = read_plan(cell, nn.SGD(lr=0.1), LOSS)
    found = propose(trial, rows=20, steps=100, rate=NONE, adam_rate=NONE)
    assert not any("more hidden layers" in str(one) for one in found)


def test_a_deeper_network_is_made_of_its_last_hidden_layer():
    model = nn.Sequential(
        *(nn.Dense(2, 5), nn.ReLU(), nn.Dense(5, 4), nn.BatchNorm(4), nn.Tanh()), nn.Dense(4, 3)
    )
    plan = read_plan(model, nn.SGD(lr=0.1), LOSS)
    made = Deeper(2, initializers.get("he_normal")).apply(plan).model(0)
    kinds = [type(layer).__name__ for layer in made.layers.values()]
    block = ["Dense", "BatchNorm", "Tanh"]
    assert kinds == ["Dense", "ReLU", *block, *block, *block, "Dense"]
    assert [made.params[f"{i}.weight"].shape for i in (0, 2, 5, 8, 11)] == [
        *((2, 5), (5, 4), (4, 4), (4, 4), (4, 3)),
    ]
    model.freeze("0.dense")
    frozen = read_plan(model, nn.SGD(lr=0.1), LOSS)
    assert Deeper(2, initializers.get("he_normal")).apply(frozen) is frozen


@pytest.mark.parametrize(("units", "wider"), [(7, True), (8, False)])
def test_more_units_where_a_recurrent_layer_has_few(units, wider):
    last, cell = nn.Dense(units, 2), nn.GRU(3, units)
    both = nn.Sequential(nn.Bidirectional(nn.GRU(3, 4)), nn.LastStep(), nn.Dense(8, 2), seed=0)
    for model in (nn.Sequential(cell, nn.LastStep(), last, seed=0), both):
        plan = read_plan(model, nn.SGD(lr=0.1), LOSS)
        trial = SimpleNamespace(plan=plan, ills=(), diverged=False, by_heart=False)
        found = propose(trial, rows=20, steps=100, rate=NONE, adam_rate=NONE)
        made = any(str(one) == "32 units a layer" for one in found)
        assert made == (wider and model is not both)  # blocks stay as they are


@pytest.mark.parametrize("ill", ["diverged", "exploding", "learning rate too large"])
def test_what_runs_away_is_clipped(ill):
    model = network(nn.ReLU, nn.initializers.VarianceScaling(200.0))
    assert "clip to norm 1" in proposed(model, nn.SGD(lr=0.1), [ill])
    tighter = nn.SGD(lr=0.3, clip=nn.ClipByGlobalNorm(0.5))
    assert "clip to norm 0.05" in proposed(model, tighter, [ill])
    assert not any("clip" in text for text in proposed(model, nn.SGD(lr=0.1), ["vanishing"]))


def test_no_clip_stops_all_learning():
    for limit, wanted in ((0.011, ["clip to norm 0.001"]), (0.009, [])):
        optimizer = nn.SGD(lr=0.1, clip=nn.ClipByGlobalNorm(limit))
        found = proposed(network(), optimizer, ["diverged"])
        assert [text for text in found if "clip" in text] == wanted


@pytest.mark.parametrize(
    ("optimizer", "rate", "adam_rate", "wanted"),
    [
        (nn.SGD(lr=0.01), 0.3, NONE, ["lr=0.2"]),
        (nn.SGD(lr=0.25), 0.3, NONE, []),  # the same, within rounding
        (nn.SGD(lr=0.01), 50.0, NONE, ["lr=1"]),  # never more
        (nn.SGD(lr=2e16), 1e-9, NONE, ["lr=0.0001"]),  # and never less
        (nn.SGD(lr=0.01), NONE, 4e-3, ["Adam, lr=0.002"]),
        (nn.Adam(lr=1000.0), 0.4, 0.4, ["lr=0.05"]),
        (nn.RMSProp(lr=0.01), 1e-9, 0.1, ["lr=1e-05"]),
        (nn.SGD(lr=nn.schedules.Cosine(0.5, 10)), 0.1, 0.01, ["lr=0.1", "lr=0.5", "Adam, lr=0.01"]),
        (nn.SGD(lr=0.01), NONE, NONE, []),
        (nn.SGD(lr=0.01), NONE, 0.0021, ["Adam, lr=0.002"]),  # not far below the usual one
        (nn.SGD(lr=0.01), NONE, 0.0019, ["Adam, lr=0.001", "Adam, lr=0.01"]),
        (nn.Adam(lr=0.0021), NONE, 0.0019, []),
        (nn.Adam(lr=0.0019), NONE, NONE, ["lr=0.01"]),
        (nn.Adam(lr=1e-5), 0.0021, NONE, ["lr=0.002"]),
        (nn.Adam(lr=1e-5), 0.0019, NONE, ["lr=0.001", "lr=0.01"]),
    ],
)
def test_rates_are_those_of_the_range_test_within_sane_bounds(optimizer, rate, adam_rate, wanted):
    found = proposed(network(), optimizer, rate=rate, adam_rate=adam_rate)
    assert [text for text in found if "lr=" in text] == wanted


@pytest.mark.parametrize(
    ("ills", "rate", "wanted"),
    [
        (("learning rate too large",), NONE, "lr=0.005"),
        (("learning rate too large",), 0.02, "lr=0.02"),
        ((), NONE, None),
    ],
)
def test_a_rate_that_was_found_too_large_is_lowered_where_no_test_says_how(ills, rate, wanted):
    found = proposed(network(), nn.RMSProp(lr=0.5), ills, rate=rate)
    assert [text for text in found if text.startswith("lr=")] == ([wanted] if wanted else [])


@pytest.mark.parametrize(
    ("layers", "rate"),
    [
        ([nn.Dense(100, 9), nn.Tanh(), nn.Dense(9, 3)], 0.01),
        ([nn.Dense(101, 9), nn.Tanh(), nn.Dense(9, 3)], 0.002),
        ([nn.GRU(4, 9), nn.LastStep(), nn.Dense(9, 3)], 0.005),
        ([nn.GRU(101, 9), nn.LastStep(), nn.Dense(9, 3)], 0.002),
        ([nn.GRU(4, 9), nn.LastStep(), *(nn.Dense(9, 9) for _ in range(6))], 0.001),
    ],
)
def test_the_usual_rate_goes_by_a_network_s_size(layers, rate):
    assert usual_rate(read_plan(nn.Sequential(*layers), nn.SGD(lr=0.1), LOSS)) == rate


def test_rates_are_round():
    assert [sane_rates(rate, False) for rate in (0.0049, 0.005, 0.019)] == [
        [0.002],
        [0.005],
        [0.01],
    ]
    plan, _ = looked_at(network(), nn.Adam(lr=0.01))
    assert gentler_rate(plan) == 0.002


@pytest.mark.parametrize(("norm", "wanted"), [(40.0, 1.0), (10.0, 1.0), (4.0, 0.2), (0.02, 0.002)])
def test_a_clip_is_a_tenth_of_the_gradient_and_at_most_one(norm, wanted):
    plan, _ = looked_at(network(), nn.SGD(lr=0.1))
    forecast_of = SimpleNamespace(gradient_norm=norm)
    trial = SimpleNamespace(
        plan=plan, forecast=forecast_of, ills=["exploding"], diverged=False, by_heart=False
    )
    found = propose(trial, rows=20, steps=100, rate=NONE, adam_rate=NONE)
    assert [str(one) for one in found if "clip" in str(one)] == [f"clip to norm {wanted:g}"]


def test_rates_that_are_told_apart():
    for lr, wanted in ((0.14, []), (0.13, ["lr=0.2"]), (0.29, []), (0.31, ["lr=0.2"])):
        found = proposed(network(), nn.SGD(lr=lr), rate=0.2)
        assert [text for text in found if "lr=" in text] == wanted


def test_every_kind_is_tried_before_any_twice():
    def candidate(name, kind, strain):
        change = SimpleNamespace(kind=kind, name=name)
        return Candidate(change, SimpleNamespace(strain=strain))

    made = [
        candidate("a", "weights", 1),
        candidate("b", "weights", 2),
        candidate("c", "activation", 4),
        candidate("d", "clipping", 9),
        candidate("e", "activation", 3),
    ]
    assert [one.change.name for one in select(made, 4)] == ["a", "b", "e", "d"]
    assert [one.change.name for one in select(made, 2)] == ["a", "e"]
    assert len(select(made, 99)) == 5


@pytest.mark.parametrize(("rate", "wanted"), [(0.5, True), (0.0, False)])
def test_less_dropout_and_none_where_there_is_some(rate, wanted):
    parts = nn.Dense(20, 30), nn.Tanh(), nn.Dropout(rate), nn.Dense(30, 3)
    found = proposed(nn.Sequential(*parts), nn.SGD(lr=0.1))
    said = ["dropout of 0.1 at most", "dropout of 0 at most"]
    assert [one for one in found if "dropout" in one] == (said if wanted else [])


def test_a_hidden_layer_where_there_is_none():
    assert [one for one in proposed(network(depth=0), nn.SGD(lr=0.1)) if "hidden" in one] == [
        "a hidden layer of 32 units, ReLU",
        "a hidden layer of 32 units, Tanh",
    ]
    assert not any("hidden" in one for one in proposed(network(depth=1), nn.SGD(lr=0.1)))
    given_back = proposed(network(depth=0), nn.SGD(lr=0.1), narrow=True)
    assert not any("hidden" in one for one in given_back)
    held = nn.Sequential(nn.Dense(20, 3), nn.BatchNorm(3))
    held.freeze("0.dense")
    assert not is_bare(read_plan(held, nn.SGD(lr=0.1), LOSS))


def test_a_hidden_layer_keeps_what_stands_before_and_behind():
    model = nn.Sequential(nn.BatchNorm(20), nn.Dense(20, 3), nn.Softmax())
    (made,) = [
        change.apply(read_plan(model, nn.SGD(lr=0.1), LOSS)).model(0)
        for change in [AddHidden(7, "relu", nn.initializers.get("he_normal"))]
    ]
    kinds = [type(layer).__name__ for layer in made.layers.values()]
    assert kinds == ["BatchNorm", "Dense", "ReLU", "Dense", "Softmax"]
    assert made.forward(data()[0]).shape == (40, 3)


def test_a_rate_that_falls_may_stay_as_it_was():
    falling = nn.SGD(lr=nn.schedules.StepDecay(0.05, 0.1, 10))
    assert "lr=0.05" in proposed(network(), falling)
    assert "lr=0.2" in proposed(network(), falling, rate=0.3)
    rising = nn.Adam(lr=nn.schedules.Warmup(0.002, 50))
    assert "lr=0.002" in proposed(network(), rising)


def test_what_is_learned_by_heart_gets_a_penalty_and_dropout():
    found = proposed(network(), nn.SGD(lr=0.1), heart=True)
    wanted = ["a penalty on weights, l2=0.001", "a penalty on weights, l2=0.01", "dropout of 0.5"]
    assert [one for one in found if "penalty" in one or "dropout" in one] == wanted
    assert not set(wanted) & set(proposed(network(), nn.SGD(lr=0.1)))
    dropped = nn.Sequential(nn.Dense(20, 30), nn.ReLU(), nn.Dropout(0.2), nn.Dense(30, 3))
    assert "dropout of 0.5" not in proposed(dropped, nn.SGD(lr=0.1), heart=True)


def residual(blocks, scale=1.0, norm=False):
    def inside():
        before = [nn.LayerNorm(12)] if norm else []
        return [*before, nn.Dense(12, 12, init="he_normal"), nn.ReLU()]

    parts = [nn.Residual(*inside(), scale=scale) for _ in range(blocks)]
    return nn.Sequential(nn.Dense(20, 12), *parts, nn.Dense(12, 3))


@pytest.mark.parametrize(
    ("blocks", "scale", "norm", "told"),
    [
        (4, 1.0, False, True),
        (4, 0.51, False, True),
        (4, 0.5, False, False),  # 1 / sqrt(4)
        (2, 1.0, False, False),
        (4, 1.0, True, False),
    ],
)
def test_blocks_that_add_less(blocks, scale, norm, told):
    model = residual(blocks, scale, norm)
    assert ("blocks add 0.5" in proposed(model, nn.SGD(lr=0.1))) == told
    if told:
        less = BlocksAdd(0.5).apply(read_plan(model, nn.SGD(lr=0.1), LOSS)).model(0)
        assert {part.scale for part in less if isinstance(part, nn.Residual)} == {0.5}


@pytest.mark.slow
def test_sixty_blocks_that_overflow_are_cured_by_what_they_add():
    x, _ = data(300)
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    options = {"batch_size": 20, "steps": 100, "tries": 2, "progress": False}
    found = nn.cure(residual(60), LOSS, nn.SGD(lr=0.02), x, y, **options)
    assert "blocks add 0.13" in str(found.best.change)
    assert found.best.skill > 0.1


@pytest.mark.parametrize("optimizer", [nn.SGD, nn.Adam])
def test_a_rate_of_nought_is_one_that_another_may_take_the_place_of(optimizer):
    """Options that are read wrongly leave it at 0."""
    x, y = np.eye(6, dtype=np.float32)[np.arange(60) % 6], np.arange(60) % 3
    layers = [nn.Dense(6, 8), nn.ReLU(), nn.Dense(8, 3)]
    model = nn.Sequential(*layers, seed=0)
    cure = nn.cure(model, LOSS, optimizer(lr=0.0), x, y, batch_size=20, steps=60, tries=2)
    assert "lr=" in cure.best.label
    assert cure.best.skill > 0.5
