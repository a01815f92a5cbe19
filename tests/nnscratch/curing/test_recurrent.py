"""Cures through time: what is changed, what is proposed, and a network that is cured by it."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import rates, read_plan
from nnscratch.curing.candidates import propose_in_time
from nnscratch.curing.changes import together
from nnscratch.curing.conditions import conditions_of, data_of
from nnscratch.curing.facts import repairs
from nnscratch.curing.forecast import forecast
from nnscratch.curing.network import residual_runs
from nnscratch.curing.recurrent import (
    AddOmega,
    GateBias,
    InputWeights,
    NewCell,
    RecurrentWeights,
    WayBack,
)
from nnscratch.curing.size import Wider
from nnscratch.curing.trials import repeat_trial, run_trial
from nnscratch.theory.recurrent import measure_through_time

LOSS = nn.SoftmaxCrossEntropy()
ORTHOGONAL = nn.initializers.Orthogonal()


def network(layer, width=16):
    return nn.Sequential(layer, nn.LastStep(), nn.Dense(width, 3), seed=1)


def remember(steps, examples=300):
    """Noise, and a symbol at the first step: the answer at the end."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, examples)
    x = 0.2 * rng.standard_normal((examples, steps, 3))
    x[:, 0] = 2 * np.eye(3)[y]
    return x.astype(np.float32), y


def plan_of(model, **options):
    return read_plan(model, nn.SGD(lr=0.1), LOSS, **options)


def layer_of(plan):
    return plan.model(0)[0]


def test_recurrent_weights_and_gates_are_drawn_as_named_not_as_a_framework_does():
    plan = plan_of(network(nn.LSTM(3, 16, defaults="pytorch")))
    changed = layer_of(GateBias(2.5).apply(plan))
    assert changed.defaults is None
    assert changed.forget_bias == 2.5
    assert changed.params["bias"][16:32].mean() == 2.5
    changed = layer_of(RecurrentWeights(ORTHOGONAL).apply(plan))
    drawn = changed.params["recurrent_weight"][:, :16]
    assert np.allclose(drawn @ drawn.T, np.eye(16), atol=1e-5)
    chrono = GateBias(1.5).apply(plan_of(network(nn.GRU(3, 16, chrono=20))))
    assert layer_of(chrono).chrono is None
    assert layer_of(chrono).update_bias == 1.5


def test_layers_inside_of_blocks_are_changed_too_and_made_anew():
    model = nn.Sequential(nn.Bidirectional(nn.LSTM(3, 8)), nn.LastStep(), nn.Dense(16, 3))
    plan = GateBias(3.0).apply(plan_of(model))
    made = plan.model(0)
    assert [made[0].layer.forget_bias, made[0].other.forget_bias] == [3.0, 3.0]
    assert made[0].layer is not model[0].layer
    assert plan.model(0)[0].layer is not made[0].layer
    assert "nn.Bidirectional(nn.LSTM(3, 8, forget_bias=3))" in plan.model_python(0)
    assert len(plan.recurrent()) == 1


def test_another_cell_keeps_sizes_direction_and_start():
    plan = plan_of(network(nn.RNN(3, 16, reverse=True, initial="learned")))
    lstm = layer_of(NewCell(nn.LSTM, 2.0).apply(plan))
    assert repr(lstm) == repr(
        nn.LSTM(3, 16, forget_bias=2.0, reverse=True, initial="learned")
    )  # fmt: skip
    assert layer_of(NewCell(nn.GRU, 2.0).apply(plan)).update_bias == 2.0
    both = together(RecurrentWeights(ORTHOGONAL), NewCell(nn.GRU, 2.0))
    assert str(both) == "GRU, bias 2"
    assert str(together(GateBias(3.0), NewCell(nn.LSTM, 2.0))) == "LSTM, bias 2"


def test_the_way_back_and_omega_stand_in_the_lines():
    plan = plan_of(network(nn.RNN(3, 16)), truncate=5)
    cut = "trainer = nn.Trainer(model, loss, optimizer, truncate=5)"
    assert plan.statements(0)[-1] == cut
    assert not any("truncate" in line for line in WayBack().apply(plan).statements(0))
    drawn = AddOmega(2.0).apply(WayBack(5).apply(plan))
    names = {"nn": nn}
    exec("\n".join(drawn.statements(0)), names)
    assert repr(names["trainer"].truncate) == "RandomTruncation(0.2, seed=0)"
    assert names["omega"].weight == 2.0
    assert drawn.new_truncate() is not drawn.new_truncate()  # each run draws the same numbers


def test_a_forecast_measures_what_is_left_of_the_gradient_and_what_is_cut():
    x, y = remember(20)
    model = network(nn.LSTM(3, 16, forget_bias=0.0))
    found = forecast(plan_of(model, truncate=5), x, y, 32, 1)
    (norms,) = measure_through_time(model, x[:32])
    assert found.in_time == pytest.approx(norms[-1] / norms[0])
    assert found.cut == 4
    assert found.strain > -math.log(found.in_time) + math.log(4) - 1e-6
    whole = forecast(plan_of(model), x, y, 32, 1)
    assert whole.cut == 1
    both = nn.Sequential(nn.Bidirectional(nn.RNN(3, 8)), nn.LastStep(), nn.Dense(16, 3))
    left = [norms[-1] / norms[0] for norms in measure_through_time(both, x[:32])]
    assert forecast(plan_of(both), x, y, 32, 0).in_time == pytest.approx(max(left))


def proposed(model, ills=(), **options):
    plan = plan_of(model, **options)
    trial = SimpleNamespace(plan=plan, ills=ills)
    return [str(change) for change in propose_in_time(trial, remember(40)[0])]


def test_what_is_proposed():
    fades = ("vanishing through time",)
    found = proposed(network(nn.RNN(3, 16, defaults="pytorch")), fades)
    assert found[0] == "recurrent orthogonal"
    assert found[1].startswith("recurrent Orthogonal(gain=1.")
    assert found[2:] == ["LSTM, bias 2.6", "GRU, bias 2.6", "Omega, weight 1"]
    assert "Omega, weight 1" not in proposed(network(nn.RNN(3, 16)))
    assert "recurrent identity" in proposed(network(nn.RNN(3, 16, activation="relu")))
    assert proposed(network(nn.GRU(3, 16)), fades) == ["gates open, bias 2.6"]
    for steps, drawn in ((5, ["cut at random, 1 in 5"]), (1, [])):  # of 1 nothing would go back
        cut = proposed(network(nn.LSTM(3, 16, forget_bias=2.6)), truncate=steps)
        assert cut == ["no truncation", *drawn]
    assert proposed(nn.Sequential(nn.Dense(3, 2))) == []


def test_layers_that_are_recurrent_are_no_dense_ones():
    model = nn.Sequential(
        nn.Dense(3, 3), nn.LSTM(3, 8), nn.LastStep(), nn.Dense(8, 8), nn.Dense(8, 3)
    )
    plan = plan_of(model)
    assert residual_runs(plan) == [(3, 4)]  # not the one that the LSTM stands in
    wide = Wider(12).apply(plan).model(0)
    assert wide.params["1.weight"].shape == (12, 48)
    assert wide.params["3.weight"].shape == (12, 12)
    x, y = remember(6)
    conditions = SimpleNamespace(
        real_x=x, real_y=y, seed=0, steps=50,
        answers=SimpleNamespace(has_classes=True, rows=np.eye(3)[y]),
    )  # fmt: skip
    assert repairs(plan, conditions) == []  # an LSTM bends a signal as an activation does


@pytest.fixture(scope="module")
def cured():
    x, y = remember(25)
    model, optimizer = network(nn.GRU(3, 16)), nn.SGD(lr=0.1)
    options = {"batch_size": 20, "steps": 150, "tries": 2, "progress": False, "truncate": 12}
    return nn.cure(model, LOSS, optimizer, x, y, validation=remember(25, 100), **options), (x, y)


def test_a_network_that_forgets_is_cured(cured):
    found, _ = cured
    assert found.sick
    assert "through time vanishing before training" in found.diagnosis
    assert found.best.skill > found.before.skill + 0.5
    kinds = {change.kind for change in getattr(found.best.change, "changes", [found.best.change])}
    assert kinds & {"forget bias", "truncation", "cell", "recurrent weights"}


def test_the_printed_lines_do_what_was_tried_bit_for_bit(cured):
    found, (x, y) = cured
    printed = repr(found)
    names = {"nn": nn, "x": x, "y": y}
    exec(printed[printed.index("model = nn.Sequential") :], names)
    parts = (names[name] for name in ("model", "loss", "optimizer"))
    trainer = names.get("trainer") or nn.Trainer(*parts)
    callbacks = [names["omega"]] if "omega" in names else []
    options = {"epochs": 10, "batch_size": 20, "max_steps": 150, "callbacks": callbacks}
    history = trainer.fit(names["x"], names["y"], seed=0, progress=False, **options)
    assert history.loss == found.best.losses


def ends_where_it_ends(steps, examples=80, padding=0.0, *, every=False):
    """`remember` with lengths of their own, padded; answers at the end or at every step."""
    x, y = remember(steps, examples)
    mask = np.arange(steps) < np.random.default_rng(1).integers(3, steps + 1, examples)[:, None]
    x[~mask] = padding
    if every:
        y = np.where(mask, y[:, None], 1)
    return x, y, mask


def tried(x, y, mask, *, layer=None, every=False):
    parts = [] if every else [nn.LastStep()]
    model = nn.Sequential(layer or nn.GRU(3, 8), *parts, nn.Dense(8, 3), seed=1)
    plan = plan_of(model)
    conditions = conditions_of(
        *(model, x, y, mask, None), batch_size=20, steps=20, seed=3
    )  # fmt: skip
    expected = forecast(plan, conditions.x, conditions.y, 20, 3, conditions.mask)
    trial = repeat_trial(run_trial(plan, None, expected, conditions), conditions)
    asked = [str(change) for change in repairs(plan, conditions)]
    return conditions, expected, trial, asked


@pytest.mark.parametrize("every", [False, True])
def test_what_a_mask_leaves_out_changes_nothing(every):
    """Whatever stands there: losses, skill, forecast, and what the data ask for."""
    (x, y, mask), (other, _, _) = (
        ends_where_it_ends(9, padding=p, every=every) for p in (0.0, 700.0)
    )
    answers = np.where(mask, y, 2) if every else y
    (_, a, plain, asked), (_, b, padded, asked_too) = (
        tried(*given, mask, every=every) for given in ((x, y), (other, answers))
    )
    assert plain.losses == padded.losses
    assert [run.skill for run in plain.runs] == [run.skill for run in padded.runs]
    assert plain.accuracy == padded.accuracy
    assert (a.in_time, a.promise, a.ratio) == (b.in_time, b.promise, b.ratio)
    assert asked == asked_too == []
    assert tried(other, answers, None, every=every)[3] != []


def test_the_mask_goes_with_its_examples():
    x, y, mask = ends_where_it_ends(9)
    x[:, :, 2] = mask  # told by the data
    model = network(nn.GRU(3, 16))
    c = conditions_of(model, x, y, mask, None, batch_size=20, steps=20, seed=0)
    assert len(c.x) == 64
    np.testing.assert_array_equal(c.mask, c.x[:, :, 2])
    np.testing.assert_array_equal(c.held_mask, c.held_x[:, :, 2])
    given = conditions_of(
        *(model, x, y, mask, (x[:9], y[:9], mask[:9])), batch_size=20, steps=20, seed=0
    )  # fmt: skip
    np.testing.assert_array_equal(given.mask, mask)
    np.testing.assert_array_equal(given.held_mask, mask[:9])
    assert not given.all_seen


def test_what_is_left_of_a_gradient_is_counted_over_the_steps_there_are():
    """A state is carried over what is masked, and so is its gradient."""
    model = network(nn.LSTM(3, 16, forget_bias=0.0))
    x = np.random.default_rng(0).standard_normal((20, 30, 3)).astype(np.float32)
    mask = np.arange(30) < np.full((20, 1), 10)
    (norms,) = measure_through_time(model, x, mask)
    assert (norms[:20] == norms[0]).all()  # the last 20, which are not there
    (short,) = measure_through_time(model, x[:, :10])
    np.testing.assert_allclose(norms[20:], short, rtol=1e-5)


@pytest.mark.slow
def test_a_network_is_cured_on_sequences_of_different_lengths():
    x, y, mask = ends_where_it_ends(25, 300, padding=50.0)
    options = {"batch_size": 20, "steps": 100, "tries": 1, "progress": False}
    found = nn.cure(network(nn.GRU(3, 16)), LOSS, nn.SGD(lr=0.1), x, y, mask=mask, **options)
    assert found.best.skill > found.before.skill + 0.5
    names = {"nn": nn, "x": x, "y": y}
    exec("\n".join(found.lines), names)
    assert "Standardizer" not in repr(found)
    with pytest.raises(nn.ShapeError, match="mask"):
        nn.cure(network(nn.GRU(3, 16)), LOSS, nn.SGD(lr=0.1), x, y, mask=mask[:, 1:], **options)


def test_a_wrong_truncation_is_refused_before_anything_is_trained():
    x, y = remember(6)
    with pytest.raises(nn.ConfigError, match="truncate"):
        nn.cure(network(nn.RNN(3, 16)), LOSS, nn.SGD(lr=0.1), x, y, batch_size=20, truncate=0)


def test_where_a_range_test_tells_nothing_adam_is_tried_at_its_usual_rate(monkeypatch):
    monkeypatch.setattr(rates, "_fastest", lambda plan, conditions: math.nan)
    trial = SimpleNamespace(plan=plan_of(network(nn.RNN(3, 16))))
    assert [str(one) for one in rates.new_rates(trial, None)] == ["Adam, lr=0.005 + clip to norm 1"]


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_network_that_is_a_recurrent_layer_alone_is_tried(layer):
    x = np.random.default_rng(0).standard_normal((60, 8, 2)).astype(np.float32)
    y = (0.5 * np.roll(x, 1, axis=1)).astype(np.float32)
    model = nn.Sequential(layer(2, 2), seed=0)
    loss, optimizer = nn.MeanSquaredError(), nn.SGD(lr=1e-6)
    cure = nn.cure(model, loss, optimizer, x, y, batch_size=20, steps=40, tries=2)
    assert len(cure.trials) >= 2
    if cure.best is not None:
        printed, names = repr(cure), {"nn": nn, "x": x, "y": y}
        exec(printed[printed.index("model = nn.Sequential") :], names)
        assert names["model"].predict(x).shape == y.shape


def test_a_network_of_no_layer_that_answers_is_refused():
    block = nn.Sequential(nn.Residual(nn.Dense(3, 3), nn.Tanh()))
    with pytest.raises(nn.ConfigError, match="a Dense or recurrent layer outside of blocks"):
        plan_of(block)


@pytest.mark.parametrize(("share", "told"), [(0.099, True), (0.101, False)])
def test_layers_drawn_far_smaller_than_usual_are_drawn_anew(share, told):
    """A tenth of 1 / (3 units) is the limit, as for findings."""
    small = nn.initializers.Normal(math.sqrt(share / (3 * 16)))
    model = network(nn.GRU(3, 16, init=small))
    assert ("recurrent layers drawn as usual" in proposed(model)) == told
    assert "recurrent layers drawn as usual" not in proposed(network(nn.GRU(3, 16)))
    keras = network(nn.GRU(3, 16, init=small, defaults="keras"))  # which decides in its place
    assert "recurrent layers drawn as usual" not in proposed(keras)
    drawn = layer_of(InputWeights(nn.initializers.get("glorot_uniform")).apply(plan_of(model)))
    assert drawn.init == nn.initializers.get("glorot_uniform")
    assert drawn.recurrent_init == ORTHOGONAL


def test_a_truncation_that_goes_is_told_in_the_lines():
    """What is pasted beside the old trainer would be cut as before."""
    x, y = remember(20, 200)
    model = network(nn.LSTM(3, 16, forget_bias=2.0))
    options = {"batch_size": 20, "steps": 20, "truncate": 4, "progress": False, "tries": 1}
    tried = nn.cure(model, LOSS, nn.Adam(lr=0.01), x, y, **options)
    change, old = WayBack(), tried.before
    best = replace(old, change=change, plan=change.apply(old.plan))
    found = replace(tried, best=best)  # whatever is kept of trials so short
    names = {"nn": nn, "x": x, "y": y, "model": model}
    exec("\n".join(found.lines), names)
    assert names["trainer"].truncate is None
    assert names["trainer"].model is names["model"]


@pytest.mark.parametrize("every", [False, True])
def test_scales_are_those_of_the_steps_there_are(every):
    x, y, mask = ends_where_it_ends(9, every=every)
    x, y = 50 + 7 * x, (3.0 + x[..., :1] if every else 3.0 + x[:, 0, :1])
    parts = [] if every else [nn.LastStep()]
    model = nn.Sequential(nn.GRU(3, 8), *parts, nn.Dense(8, 1), seed=1)
    for given, names in ((mask, ("x[mask]", "y[mask]" if every else "y")), (None, ("x", "y"))):
        c = conditions_of(model, x, y, given, None, batch_size=20, steps=20, seed=0)
        plan = replace(plan_of(model), standard_inputs=True, standard_targets=True)
        shown, asked = data_of(plan, c)
        there = np.ones(c.x.shape[:2], bool) if given is None else c.mask
        assert shown[there].mean(axis=0) == pytest.approx(0, abs=1e-4)
        assert shown[there].std(axis=0) == pytest.approx(1, abs=1e-4)
        counted = asked[there] if every else asked
        assert counted.mean(axis=0) == pytest.approx(0, abs=1e-4)
        first, second, *_ = plan.statements(0, *c.called)
        assert first == f"inputs = nn.Standardizer({names[0]}); x = inputs(x)"
        assert second == f"targets = nn.Standardizer({names[1]}); y = targets(y)"
