"""`cure`: sick networks get better, healthy ones are left alone, and the report says so."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import Together, cure, objection
from nnscratch.flow import Reading
from nnscratch.flow.findings import Finding, Findings

LOSS = nn.SoftmaxCrossEntropy()


@pytest.fixture(scope="module")
def digits():
    x, y, x_test, y_test = nn.datasets.digits()
    return x[:600], y[:600], (x_test[:200], y_test[:200])


def network(activation, init, depth, width=32):
    parts, n_in = [], 64
    for _ in range(depth):
        parts += [nn.Dense(n_in, width, init=init), activation()]
        n_in = width
    return nn.Sequential(*parts, nn.Dense(n_in, 10, init=init), seed=7)


def cured(model, optimizer, digits, **options):
    x, y, validation = digits
    options = {"batch_size": 20, "steps": 100, "progress": False, "tries": 3, **options}
    return cure(model, LOSS, optimizer, x, y, **{"validation": validation, **options})


@pytest.fixture(scope="module")
def vanishing(digits):
    return cured(network(nn.Sigmoid, "glorot_normal", 8), nn.SGD(lr=0.05), digits, seed=3)


def test_a_vanishing_gradient_is_cured(vanishing):
    found = vanishing
    assert found.sick
    assert found.before.reading.word == "vanishing"
    assert found.best is not None
    assert found.best.reading.word == "healthy"
    assert found.best.loss < 0.8 * found.before.loss
    assert found.best.held_out[1] > found.before.held_out[1] + 0.2
    assert objection(found.best, found.before) == ""


def test_what_it_did_is_what_its_lines_do(vanishing, digits):
    """Rebuild the network from the changed lines: its losses are the trial's, bit for bit."""
    found = vanishing
    x, y, _ = digits
    plan = found.best.plan
    model = eval(f"nn.Sequential({', '.join(plan.blocks())}, seed=3)")
    assert all(
        line in [*plan.blocks(), f"optimizer = {plan.optimizer_python()}"] for line in found.lines
    )
    assert 1 <= len(found.lines) <= 3
    for twin, optimizer in ((model, nn.SGD(lr=0.05)), (found.model(), found.optimizer())):
        history = nn.Trainer(twin, LOSS, optimizer).fit(
            x, y, epochs=4, batch_size=20, seed=3, max_steps=100, progress=False
        )
        assert history.loss == found.best.losses


def test_report(vanishing):
    printed = repr(vanishing)
    assert max(map(len, printed.splitlines())) <= 88
    assert "Diagnosis: predicted vanishing" in printed
    assert "vanishing" in vanishing.before.ills
    assert "KEPT" in printed
    assert '- nn.Dense(32, 32, init="glorot_normal"), nn.Sigmoid()' in printed
    for line in vanishing.lines:
        assert f"+ {line}" in printed
    numbers = json.loads(json.dumps(vanishing.to_dict(), allow_nan=False))
    assert numbers["trials"][0]["word"] == "vanishing"
    assert len(numbers["trials"]) == len(vanishing.trials) + 1
    strains = [row["strain"] for row in numbers["ranking"]]
    assert strains == sorted(strains)
    figure = vanishing.plot()
    assert figure._repr_png_().startswith(b"\x89PNG")
    gids = [line.get_gid() for line in figure.axes[0].get_lines()]
    assert gids.count("predicted") == 2  # before and after


def test_two_changes_together_are_tried(vanishing):
    assert isinstance(vanishing.trials[-1].change, Together)


def test_the_users_model_is_left_as_it_is(digits):
    model, optimizer = network(nn.ReLU, "he_normal", 2), nn.SGD(lr=0.05)
    weights = model.params.flat.copy()
    found = cured(model, optimizer, digits, steps=60)
    assert np.array_equal(model.params.flat, weights)
    assert optimizer.steps == 0
    # And it is healthy: nothing was tried.
    assert not found.sick
    assert found.trials == ()
    assert found.best is None
    assert found.lines == []
    assert found.verdict == "healthy: nothing to change"
    assert "Verdict: healthy: nothing to change." in repr(found)
    assert repr(found.model()) == repr(model)
    assert found.plot()._repr_png_().startswith(b"\x89PNG")


def test_too_large_a_rate(digits):
    found = cured(network(nn.ReLU, "he_normal", 3), nn.SGD(lr=5.0), digits, tries=4)
    assert found.before.diverged
    assert found.before.forecast.prediction.word == "healthy"
    assert found.best is not None
    assert found.best.change.touches <= {"learning rate", "clipping"}
    (line,) = found.lines
    assert line.startswith("optimizer = nn.SGD(lr=")


def test_without_validation_and_labels_that_cannot_be_learned():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 8)).astype(np.float32)
    model = nn.Sequential(
        nn.Dense(8, 8, init=nn.initializers.Normal(1e-3)), nn.Tanh(), nn.Dense(8, 2)
    )
    y = rng.integers(0, 2, 60)
    found = cure(model, LOSS, nn.SGD(lr=1e-3), x, y, batch_size=20, steps=20, progress=False)
    assert math.isnan(found.before.held_out[0])
    assert found.sick
    assert found.best is None
    assert "no change that was tried helps" in found.verdict
    assert repr(found.model()) == repr(model)


def test_same_seed_same_cure(digits):
    def once():
        model = network(nn.Tanh, nn.initializers.Normal(0.02), 4)
        found = cured(model, nn.SGD(lr=0.1), digits, steps=40, tries=2)
        return [trial.losses for trial in (found.before, *found.trials)]

    assert once() == once()


@pytest.fixture(scope="module")
def trial(vanishing):
    def made(word="healthy", ratio=1.0, losses=(2.0, 1.0), held_out=math.nan, found=1):
        reading = Reading(word, 1.0, 1.0, ratio, None)
        ill = Finding("vanishing", "serious", (), 0, "It vanishes.")
        return replace(
            vanishing.before,
            reading=reading,
            losses=list(losses),
            held_out=(held_out, math.nan),
            findings=Findings((ill,) * found, "run", ""),
        )

    return made


def test_what_is_kept(trial):
    sick = trial("vanishing", 1e-4)
    assert objection(trial("healthy", 0.1, (2.0, 0.9)), sick) == ""
    assert objection(trial("vanishing", 1e-3, (2.0, 0.9)), sick) == ""
    assert objection(trial("vanishing", 1.9e-4, (2.0, 0.9)), sick) == "no better flow"
    assert objection(trial("exploding", 2e4, (2.0, 0.9)), sick) == "no better flow"
    assert objection(trial("healthy", 1.0, (2.0, 0.96)), sick) == "no lower loss"
    assert objection(trial("healthy", 1.0, (2.0, 1.95)), sick) == "no learning"
    assert objection(trial("healthy", 1.0, (2.0, 0.9), found=2), sick) == "new findings"
    assert objection(trial("diverged", 1.0, (2.0, 0.1)), sick) == "diverges"
    assert objection(trial("healthy", 1.0, (2.0, math.nan)), sick) == "diverges"


def test_healthy_flow_must_stay_so(trial):
    before = trial("healthy", 0.5, (2.0, 1.99))
    assert objection(trial("healthy", 0.02, (2.0, 0.5), found=0), before) == ""
    assert objection(trial("healthy", 0.02, (2.0, 0.5)), before) == "same findings"
    unfound = trial("healthy", 0.5, (2.0, 1.99), found=0)
    assert objection(trial("healthy", 0.02, (2.0, 0.5), found=0), unfound) == ""
    assert objection(trial("vanishing", 0.009, (2.0, 0.5)), before) == "worse flow"


def test_held_out_loss_decides(trial):
    before = trial("vanishing", 0.0, held_out=1.0)
    assert before.spread == math.inf
    assert objection(trial(losses=(2.0, 0.1), held_out=1.1), before) == "no lower loss"
    assert objection(trial(losses=(2.0, 1.1), held_out=0.9), before) == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 19}, "steps must be a whole number >= 20, got 19"),
        ({"tries": 0}, "tries must be a whole number >= 1"),
        ({"batch_size": 0}, "batch_size must be a whole number >= 1"),
        ({"validation": 3}, r"validation must be a pair \(x, y\)"),
    ],
)
def test_bad_arguments(options, said, digits):
    with pytest.raises(nn.ConfigError, match=said):
        cured(network(nn.ReLU, "he_normal", 1), nn.SGD(lr=0.1), digits, **options)


def test_bad_data(digits):
    with pytest.raises(nn.ShapeError, match="x has 3 features"):
        cure(
            network(nn.ReLU, "he_normal", 1),
            LOSS,
            nn.SGD(lr=0.1),
            np.zeros((4, 3)),
            np.zeros(4, dtype=int),
            batch_size=2,
        )


class Impatient:
    """A loss that presses Ctrl-C at one of its calls."""

    def __init__(self, at):
        self.left = at

    def __call__(self, logits, labels):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return LOSS(logits, labels)


def interrupted(at, digits):
    x, y, _ = digits
    model = network(nn.Sigmoid, "glorot_normal", 8, width=16)
    options = {"batch_size": 20, "steps": 20, "progress": False}
    return cure(model, Impatient(at), nn.SGD(lr=0.1), x, y, **options)


def test_ctrl_c_in_the_first_trial(digits):
    with pytest.raises(KeyboardInterrupt):
        interrupted(5, digits)


@pytest.mark.parametrize(
    ("at", "trials"),
    [
        (40, 0),  # among the forecasts
        (54, 0),  # in the trial of the first change
        (92, 2),
    ],
)
def test_ctrl_c_keeps_what_was_tried(at, trials, digits):
    found = interrupted(at, digits)
    assert found.interrupted
    assert len(found.trials) == trials
    assert "Interrupted: not all changes were tried." in repr(found)


def test_findings_alone_make_a_network_sick(digits):
    """Its gradient is carried and it learns, but its units are saturated."""
    found = cured(network(nn.Sigmoid, "normal", 4, width=64), nn.SGD(lr=0.05), digits)
    assert found.before.word == "healthy"
    assert not found.before.stalled
    assert found.before.ills == ("saturated",)
    assert found.sick
    assert "found: saturated" in found.diagnosis
    assert found.best is not None
    assert found.best.ills == ()
