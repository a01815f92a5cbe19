"""Findings through time: labelled runs and their healthy twins, and both sides of every threshold.

The runs are made once; near a threshold their record is changed by hand.
"""

import functools

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.experiments.faults import CASES, diagnose
from nnscratch.experiments.faults.through_time import HEALTHY
from nnscratch.flow.findings import find
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.recurrent import through_time
from nnscratch.flow.findings.recurrent.layers import Recurrent
from nnscratch.flow.findings.view import View

OURS = {"forget bias", "recurrent weights", "truncation", "gradient spikes"}
FAULTY = [case for case in CASES if case.cause & OURS]
KINDS = OURS | {"vanishing through time", "exploding through time"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("case", FAULTY, ids=lambda case: case.name)
def test_of_a_labelled_run_the_cause_comes_first(case, seed):
    """Of one more seed `test_findings` says it too."""
    result = diagnose(case, seed)
    assert result.detected, result.findings
    assert result.first or seed, result.findings
    assert not result.false, result.findings


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("case", HEALTHY, ids=lambda case: case.name)
def test_of_a_healthy_twin_nothing_serious_is_said(case, seed):
    result = diagnose(case, seed)
    assert not result.false, result.findings
    assert not KINDS & {one.kind for one in result.findings.at_least("serious")}


@functools.cache
def _stalled():
    """A run that learns nothing: the labels have nothing to do with the sequences."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 41, 3)).astype(np.float32)
    model = nn.Sequential(nn.LSTM(3, 8, forget_bias=0.0), nn.LastStep(), nn.Dense(8, 2), seed=0)
    flow = nn.GradientFlow(model, histograms=False)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.05))
    y = rng.integers(0, 2, 300)
    trainer.fit(x, y, epochs=80, batch_size=50, callbacks=[flow], progress=False, max_steps=80)
    return flow.to_dict()


@pytest.mark.parametrize(
    ("told", "count", "asks"), [(0.04, 150, True), (0.06, 150, False), (0.04, 149, False)]
)
def test_what_is_not_learned_may_not_be_told_by_the_inputs(told, count, asks):
    looks = {"guess_linear": told, "guess_neighbours": told, "target_count": count}
    to = {n: lambda v, to=to: np.where(np.isnan(v), v, to) for n, to in looks.items()}
    (found,) = (one for one in find(changed(**to)) if one.kind == "forget bias")
    assert ("such as the series itself?" in found.cause) == asks


def changed(**fields):
    record = dict(_stalled())
    for name, change in fields.items():
        record[name] = change(record[name].copy())
    return record


def symptoms(record):
    return {one.kind for one in through_time.find_symptoms(View(record))}


def causes(record):
    view = View(record)
    shown = {one.kind: one for one in through_time.find_symptoms(view)}
    return through_time.find_causes(view, shown)


@pytest.mark.parametrize("left", [0.009, 0.011, 90.0, 110.0])
def test_fading_and_growing_begin_at_a_factor_of_100_over_the_sequence(left):
    rate = left ** (1 / 40)  # of 41 steps
    expected = {0.009: {"vanishing through time"}, 110.0: {"exploding through time"}}
    assert symptoms(changed(time_rate=lambda r: 0 * r + rate)) == expected.get(left, set())


def test_the_horizon_is_in_steps_and_the_gate_is_blamed():
    record = changed(time_rate=lambda r: 0 * r + 0.5)
    (found,) = through_time.find_symptoms(View(record))
    assert found.numbers["horizon"] == 7  # 0.5 ** 6.64 = 1/100
    assert found.numbers["steps"] == 41
    assert "1/100 of it is left after 7 steps, and the sequences have 41" in found.sentence
    gates = record["gate_mean"][0]
    norm = record["gate_weight_norm"][0, 2] / np.sqrt(8)
    through = gates[0] * gates[3] * norm
    assert f"the forget gate keeps {gates[1]:.2g} a step" in found.cause
    assert f"brings about {through:.2g}" in found.cause
    assert found.advice[0].what == "let its gates begin open, with a bias of 2.6"


def test_the_way_through_a_gru_takes_what_its_update_gate_does_not_keep():
    gates, weights = {"r": 0.5, "z": 0.75}, {"n": 1.2}
    layer = Recurrent("0.gru", 0, 0, np.full(2, 9), np.full(2, 0.9), gates, weights)
    assert layer.way_through == pytest.approx(0.25 * 0.5 * 1.2)
    assert "keeps 0.75 a step" in through_time._blame(layer, 0.9)
    assert "together 0.9, measured 0.9" in through_time._blame(layer, 0.9)


@pytest.mark.parametrize(("mean", "kinds"), [(0.84, ["forget bias"]), (0.86, [])])
def test_a_forget_gate_is_low_below_85_percent(mean, kinds):
    def forget(means):
        means[:, 1] = mean
        return means

    found = causes(changed(gate_mean=forget, time_rate=lambda r: 0 * r + 0.5))
    assert [one.kind for one in found] == kinds
    if found:
        assert found[0].numbers["bias"] == round(np.log(41 / 3), 1)
        assert "forget_bias=2.6" in found[0].advice[0].line


@pytest.mark.parametrize(
    ("size", "rate", "kinds"),
    [
        *[(0.89, 0.5, ["recurrent weights"]), (0.91, 0.5, [])],
        *[(1.49, 1.5, []), (1.51, 1.5, ["recurrent weights"])],
    ],
)
def test_recurrent_weights_are_too_small_below_0_9_and_too_large_above_1_5(size, rate, kinds):
    def opened(means):
        means[:, 1] = 0.95
        return means

    record = changed(
        gate_mean=opened,
        time_rate=lambda r: 0 * r + rate,
        gate_weight_norm=lambda n: 0 * n + size * np.sqrt(8),
    )
    assert [one.kind for one in causes(record)] == kinds


@pytest.mark.parametrize(("left", "kinds"), [(2e-3, ["truncation"]), (5e-4, [])])
def test_a_cut_is_told_where_a_thousandth_was_left(left, kinds):
    def cut(norms):
        lags = np.arange(norms.shape[2])
        norms[:, 0] = np.where(lags < 12, left ** (lags / 11), np.where(lags < 34, 0.0, np.nan))
        return norms

    def opened(means):
        means[:, 1] = 0.95
        return means

    found = causes(changed(hidden_gradient_norm=cut, gate_mean=opened))
    assert [one.kind for one in found if one.kind == "truncation"] == kinds
    if kinds:
        assert found[0].numbers["kept"] == 12


def test_units_that_died_since_cut_nothing():
    """A truncation is there from the first step on."""

    def dead(norms):
        lags = np.arange(norms.shape[2])
        cut = np.where(lags < 12, 1.0, np.where(lags < 34, 0.0, np.nan))
        norms[:, 0] = np.where(lags < 34, 1.0, np.nan)
        norms[1:, 0] = cut
        return norms

    def opened(means):
        means[:, 1] = 0.95
        return means

    found = causes(changed(hidden_gradient_norm=dead, gate_mean=opened))
    assert "truncation" not in [one.kind for one in found]


@pytest.mark.parametrize(("times", "count", "found"), [(11, 3, 1), (9, 3, 0), (11, 2, 0)])
def test_three_steps_of_ten_times_the_usual_norm_are_spikes(times, count, found):
    def spiked(norms):
        norms[...] = 1.0
        norms[30 : 30 + count] = times
        return norms

    record = changed(param_gradient_norm=spiked, time_rate=lambda r: 0 * r + 1.0)
    assert len(symptoms(record)) == found
    assert symptoms(record | {"clip": "ClipByGlobalNorm(1.0)"}) == set()


@pytest.mark.parametrize(
    ("steps", "around", "found"),
    [
        (slice(0, 4), 1.0, 0),  # from there it goes down
        (slice(1, 5), 1.0, 1),
        (slice(40, 44), 3.5, 1),  # 11 is more than three times that
        (slice(40, 44), 3.8, 0),  # all are large there
    ],
)
def test_a_run_that_begins_steeply_has_no_spikes(steps, around, found):
    def steep(norms):
        norms[...] = 1.0
        norms[25:60] = around
        norms[steps] = 11.0
        return norms

    record = changed(param_gradient_norm=steep, time_rate=lambda r: 0 * r + 1.0)
    assert len(symptoms(record)) == found


@pytest.mark.parametrize(("count", "found"), [(16, 1), (17, 0)])
def test_what_is_so_in_a_fifth_of_the_steps_is_no_spike(count, found):
    """Of 80 steps, every fourth from the second on."""

    def spiked(norms):
        norms[...] = 1.0
        norms[2 : 2 + 4 * count : 4] = 30.0
        return norms

    record = changed(param_gradient_norm=spiked, time_rate=lambda r: 0 * r + 1.0)
    assert len(symptoms(record)) == found


@pytest.mark.parametrize(("rises", "severity"), [(0.165, "notice"), (0.18, "serious")])
def test_spikes_bring_about_what_comes_after_them_where_the_loss_rose_again(rises, severity):
    """From the least it had, by a quarter of what there is to learn."""

    def spiked(norms):
        norms[...] = 1.0
        norms[30:33] = 11.0
        return norms

    def risen(loss):
        loss[:40], loss[40:] = 0.6, 0.6 + rises
        return loss

    record = changed(param_gradient_norm=spiked, time_rate=lambda r: 0 * r + 1.0, loss=risen)
    (found,) = through_time.find_symptoms(View(record))
    assert found.severity == severity
    assert ("vanishing through time" in found.explains) == (severity == "serious")


@pytest.mark.parametrize(
    ("rows", "learned", "kinds"),
    [
        (41, 0.0, {"vanishing through time"}),
        (39, 0.0, set()),
        (41, 0.19, {"vanishing through time"}),
        (41, 0.21, set()),
    ],
)
def test_fading_in_half_of_the_steps_counts_until_a_fifth_is_learned(rows, learned, kinds):
    """Of 80 steps; not where it fades in none of the latest and the run is on its way."""

    def first_rows(rate):
        return np.where(np.arange(len(rate))[:, None] < rows, 0.5, 1.0) + 0 * rate

    constant = float(View(_stalled()).progress.constant)
    record = changed(time_rate=first_rows, loss=lambda y: 0 * y + constant * (1 - learned))
    assert symptoms(record) == kinds
    if kinds:
        (found,) = through_time.find_symptoms(View(record))
        assert found.numbers["rate"] == pytest.approx(0.5)


def test_printed_cures_run():
    model, optimizer = (
        nn.Sequential(
            nn.Bidirectional(nn.LSTM(3, 8, forget_bias=0.0)),
            nn.GRU(16, 4),
            nn.LastStep(),
            nn.Dense(4, 2),
        ),
        None,
    )
    record = changed(time_rate=lambda r: 0 * r + 0.5)
    (found,) = causes(record)
    scope = {"nn": nn, "model": model, "optimizer": optimizer}
    exec(found.advice[0].line, scope)
    assert [scope["model"].layers[name].forget_bias for name in ("0.0.lstm", "0.1.lstm")] == [
        2.6
    ] * 2
    made = nn.remake(model, update_bias=1.5, recurrent_init="glorot_uniform")
    assert made.layers["1.gru"].update_bias == 1.5
    assert "GlorotUniform" in repr(made.layers["1.gru"]) or "Scaling" in repr(made.layers["1.gru"])
    assert {one.kind for one in find(record)} >= {"forget bias", "vanishing through time"}


@pytest.mark.parametrize(("size", "kinds"), [(2.9, []), (3.1, ["recurrent weights"])])
def test_recurrent_weights_so_large_that_states_stay_at_their_ends(size, kinds):
    """Nothing shows of it on the way back."""
    record = changed(
        time_rate=lambda r: 0 * r + 1.0, gate_weight_norm=lambda n: 0 * n + size * np.sqrt(8)
    )
    assert symptoms(record) == set()
    assert [one.kind for one in causes(record)] == kinds


@pytest.mark.parametrize(
    ("rows", "rate", "told", "found"),
    [
        (200, 1.0, 0.04, True),
        (199, 1.0, 0.04, False),
        (200, 0.85, 0.04, False),
        (200, 1.0, 0.06, False),
    ],
)
def test_answers_of_sequences_look_unrelated_where_the_gradient_gets_through_time(
    rows, rate, told, found
):
    """Neither guess knows of an order: it is said with that, and more steps are asked for too."""
    record = dict(_stalled())
    steps = len(record["steps"])
    for name, value in record.items():
        if isinstance(value, np.ndarray) and value.shape[:1] == (steps,) and name != "census_steps":
            record[name] = np.resize(value, (rows, *value.shape[1:]))
    record["steps"] = np.arange(rows)
    record["time_rate"] = 0 * record["time_rate"] + rate
    record["loss"] = record["loss_constant"][0] * np.linspace(1.0, 0.85, rows)
    for guess in ("guess_linear", "guess_neighbours"):
        record[guess] = np.where(np.isnan(record[guess]), np.nan, told)
    labels = [one for one in find(record) if one.kind == "labels"]
    assert bool(labels) == found
    if found:
        assert labels[0].severity == "notice"
        assert "Neither guess knows of an order in time" in labels[0].sentence
        assert "too few steps" in find(record).kinds


@pytest.mark.parametrize("kind", ["forget bias", "vanishing through time"])
def test_what_is_forgotten_does_not_take_the_gradient_from_the_layers_below(kind):
    """That of the last step arrives in all of them, and moves their weights."""
    assert not {"vanishing", "learning rate too small"} & EXPLAINS[kind]
    assert {"does not learn", "constant output", "too few steps"} <= EXPLAINS[kind]


@pytest.mark.parametrize(("biases", "blamed"), [((1.0, -1.0), "1.lstm"), ((-1.0, 1.0), "0.lstm")])
def test_of_several_layers_the_one_that_forgets_soonest_is_blamed(biases, blamed):
    x, y = nn.datasets.temporal_order(200, length=60, seed=0)
    cells = [nn.LSTM(n, 12, forget_bias=bias) for n, bias in zip((6, 12), biases, strict=True)]
    model = nn.Sequential(*cells, nn.LastStep(), nn.Dense(12, 4), seed=0)
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    trainer.fit(x, y, epochs=12, batch_size=20, callbacks=[flow], progress=False)
    (found,) = (one for one in flow.findings() if one.kind == "forget bias")
    assert found.layers == (blamed,)
