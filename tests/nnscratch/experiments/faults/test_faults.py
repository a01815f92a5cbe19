"""The labelled runs: enough of them, of every kind; and their figures on seeds held out."""

from types import SimpleNamespace

import numpy as np
import pytest

from nnscratch.experiments import faults
from nnscratch.experiments.faults.meddling import Poison
from nnscratch.experiments.faults.suite import Result, Score
from nnscratch.flow.findings import KINDS, Finding, Findings
from nnscratch.flow.findings.graph import WIRING
from nnscratch.layers import Dense
from nnscratch.network.model import Sequential

FAULTY = [case for case in faults.CASES if not case.healthy]
HEALTHY = [case for case in faults.CASES if case.healthy]


def test_enough_runs_of_every_kind():
    told = set(KINDS) - {*WIRING}  # which only a loop of PyTorch's makes: tests/parity
    assert set().union(*(case.expected for case in FAULTY)) == told
    assert set().union(*(case.also for case in FAULTY)) <= set(KINDS)
    assert len({case.name for case in faults.CASES}) == len(faults.CASES)
    for held_out, faulty in ((True, 30), (False, 80)):  # as the README counts them
        assert sum(case.held_out == held_out for case in FAULTY) == faulty
        assert sum(case.held_out == held_out for case in HEALTHY) >= 12


def test_what_is_held_out_stands_apart():
    names = {case.name for case in HEALTHY if case.held_out}
    assert {"healthy: hard tanh, momentum, moons", "healthy: one example at a time"} <= names
    assert not {"healthy: relu", "healthy: momentum", "healthy: regression"} & names


@pytest.mark.parametrize("step", [0, 2])
def test_one_value_is_spoiled_after_one_step(step):
    model = Sequential(Dense(2, 3), Dense(3, 2), seed=0)
    spoiled = Poison(step, 7.0, "1.weight", place=4)
    trainer = SimpleNamespace(model=model)
    for now in range(4):
        model.params["1.weight"][...] = 0.0
        spoiled.on_step(trainer, SimpleNamespace(step=now))
        expected = [7.0 * (now == step and at == 4) for at in range(6)]
        assert model.params["1.weight"].ravel().tolist() == expected


def test_causes_are_held_out_that_are_tuned_on():
    """The same causes in other networks: what is held out are cases, not seeds."""
    tuned, held = (
        set().union(*(case.cause for case in FAULTY if case.held_out == held_out))
        for held_out in (False, True)
    )
    assert len(held) >= 15
    assert held <= tuned


def test_a_seed_decides_depth_width_and_data():
    case = next(c for c in FAULTY if c.name.startswith("initial weights: tanh, half"))
    made = [case.make(seed) for seed in range(12)]
    assert len({len(setup.model.layers) for setup in made}) > 3
    assert len({setup.model.params["0.bias"].size for setup in made}) == 3
    assert len({setup.x.shape for setup in made}) == 3  # digits, blobs, spirals
    again = case.make(3)
    assert again.model.params.flat.tobytes() == made[3].model.params.flat.tobytes()
    assert again.x.tobytes() == made[3].x.tobytes()


@pytest.mark.parametrize("case", faults.CASES, ids=lambda case: case.name)
def test_every_run_can_begin(case):
    """What a case is made of fits together, also of those that only the slow figures train."""
    setup = case.make(1)
    assert len(setup.x) == len(setup.y)
    output = setup.model(setup.x[:8])
    assert setup.loss(output, setup.y[:8])[1].shape == output.shape


def test_cut_is_the_record_as_it_was():
    case = next(c for c in HEALTHY if c.name == "healthy: ReLU with batch norm")
    record = faults.make_record(case, 3)
    part = faults.cut(record, 41)
    assert list(part["steps"]) == list(range(41))
    assert list(part["census_steps"]) == [0, 10, 20, 30, 40]
    assert len(part["census"]) == 5
    for key in ("loss", "output_norm", "update_ratio", "batchnorm_mean_gap", "clip_fraction"):
        np.testing.assert_array_equal(part[key], record[key][:41])
    for key in ("batchnorm_layers", "layers", "params", "param_sizes", "census_units", "features"):
        np.testing.assert_array_equal(part[key], record[key])


def result(case, kinds, false=(), delay=None):
    made = tuple(Finding(kind, "serious", (), 0, "x.") for kind in kinds)
    return Result(case, 0, Findings(made, "run", ""), frozenset(false), delay)


def test_figures():
    case = next(c for c in FAULTY if c.cause == {"activation"} and c.shows == {"vanishing"})
    healthy = HEALTHY[0]
    score = Score(
        (
            result(case, ["activation", "vanishing"], delay=1),
            result(case, ["clip never", "activation", "vanishing"], ["clip never"], delay=5),
            result(case, [], delay=9),  # found on the way, gone at the end: missed
            result(case, ["activation"]),  # what it shows is missing
            result(case, ["vanishing"]),  # the cause is
            result(healthy, ["diverged"], ["diverged"]),
            result(healthy, []),
        )
    )
    assert score.recall == 2 / 5
    assert score.first == 2 / 5
    assert score.false_alarms == 2
    assert score.precision == 6 / 8
    assert score.run_precision == 4 / 5
    assert score.delays == [1, 5, 9]
    assert score.to_dict()["steps_to_detection_median"] == 5


def test_a_false_alarm_on_the_way_counts(monkeypatch):
    alarm = Findings((Finding("diverged", "fatal", (), 0, "x."),), "run", "")
    quiet = Findings((), "run", "")
    monkeypatch.setattr(
        "nnscratch.experiments.faults.suite.find",
        lambda record: alarm if len(record["steps"]) == 15 else quiet,
    )
    assert faults.diagnose(HEALTHY[0], 0).false == {"diverged"}


@pytest.mark.parametrize(("steps", "since"), [(400, 12), (400, 150), (2000, 150), (15, 9)])
def test_a_fault_is_looked_for_from_the_first_steps_to_the_last(monkeypatch, steps, since):
    """At each of the first twenty, then at twenty more, each so many times the one before."""
    case = next(c for c in FAULTY if c.cause == {"activation"} and c.shows == {"vanishing"})
    told = Findings(
        tuple(Finding(kind, "serious", (), 0, "x.") for kind in ("activation", "vanishing")), "", ""
    )
    suite = "nnscratch.experiments.faults.suite."
    monkeypatch.setattr(suite + "make_record", lambda case, seed: {"steps": np.arange(steps)})
    monkeypatch.setattr(suite + "cut", lambda record, n: {"steps": record["steps"][:n]})
    monkeypatch.setattr(
        suite + "find",
        lambda record: told if len(record["steps"]) >= since else Findings((), "", ""),
    )
    delay = faults.diagnose(case, 0).delay
    if since <= 20:
        assert delay == since
    else:
        assert since <= delay <= since * (steps / 20) ** (1 / 19) + 1


def test_a_notice_in_a_healthy_run_is_no_alarm(monkeypatch):
    notice = Findings((Finding("too few steps", "notice", (), 0, "x."),), "run", "")
    monkeypatch.setattr("nnscratch.experiments.faults.suite.find", lambda record: notice)
    assert faults.diagnose(HEALTHY[0], 0).false == frozenset()


@pytest.mark.slow
@pytest.mark.parametrize("held_out", [False, True])
def test_the_figures_that_are_reported(held_out):
    cases = [case for case in faults.CASES if case.held_out == held_out]
    score = faults.run_suite(cases=cases)
    assert score.first >= 0.9, [r.case.name for r in score.faulty if not r.first]
    assert score.recall >= 0.95, [r.case.name for r in score.faulty if not r.detected]
    assert score.precision >= 0.95, [(r.case.name, r.false) for r in score.results if r.false]
    assert sum(len(r.false) for r in score.healthy) <= 1
    assert score.to_dict()["steps_to_detection_median"] <= 10
