"""`cure`: sick networks get better, healthy ones are left alone, and the report says so."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import initializers
from nnscratch.curing import (
    NormMomentum,
    RemoveBatchNorm,
    Run,
    Trial,
    cure,
    objection,
    read_plan,
    together,
)
from nnscratch.curing.conditions import conditions_of
from nnscratch.curing.search import _Search
from nnscratch.curing.trials import run_trial

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


def pasted(found, x, y, **names):
    """Run the lines that were printed, to the letter, and train by them."""
    printed = repr(found)
    names |= {"nn": nn, "x": x, "y": y}
    start = printed.index(found.lines[0].splitlines()[0])
    exec(printed[start:], names)
    c = found.conditions
    trainer = nn.Trainer(names["model"], names["loss"], names["optimizer"])
    per_epoch = -(-len(x) // c.batch_size)
    history = trainer.fit(
        names["x"], names["y"], epochs=-(-c.steps // per_epoch), batch_size=c.batch_size,
        seed=c.seed, max_steps=c.steps, progress=False,
    )  # fmt: skip
    return names, history


@pytest.fixture(scope="module")
def vanishing(digits):
    return cured(network(nn.Sigmoid, "glorot_normal", 8), nn.SGD(lr=0.05), digits, seed=3)


def test_a_vanishing_gradient_is_cured(vanishing):
    found = vanishing
    assert found.sick
    assert found.before.reading.word == "vanishing"
    assert found.best is not None
    assert found.best.skill > found.before.skill + 0.3
    assert found.best.accuracy > found.before.accuracy + 0.3
    assert len(found.best.runs) == len(found.before.runs) == 3
    assert objection(found.best, found.before) == ""


def test_the_printed_lines_do_what_was_tried_bit_for_bit(vanishing, digits):
    _, history = pasted(vanishing, *digits[:2])
    assert history.loss == vanishing.best.losses


def test_models_and_optimizers_are_those_of_the_lines(vanishing, digits):
    names, _ = pasted(vanishing, *digits[:2])
    assert repr(vanishing.model()) == repr(names["model"])
    assert repr(vanishing.optimizer()) == repr(names["optimizer"])
    assert repr(vanishing.loss()) == repr(names["loss"])
    seeds = [vanishing.model(seed).params.flat for seed in (None, 3, 4)]
    assert np.array_equal(seeds[0], seeds[1])
    assert not np.array_equal(seeds[1], seeds[2])


def test_what_is_frozen_keeps_its_weights_through_a_cure(digits):
    x, y, _ = digits
    trunk = nn.Sequential(nn.Dense(64, 24), nn.ReLU(), nn.Dense(24, 10), seed=1)
    nn.Trainer(trunk, LOSS, nn.SGD(lr=0.1)).fit(x, y, epochs=3, batch_size=20, progress=False)
    deep = (part for _ in range(6) for part in (nn.Dense(24, 24, init="normal"), nn.Sigmoid()))
    model = nn.Sequential(nn.Dense(64, 24), nn.ReLU(), *deep, nn.Dense(24, 10), seed=2)
    nn.keep_frozen(trunk, model, {"0.dense": "0.dense"})
    found = cured(model, nn.SGD(lr=0.05), digits, tries=1)
    assert found.best.skill > found.before.skill + 0.1
    assert found.before.forecast.prediction is None  # theory knows no weights that were learned
    names, history = pasted(found, x, y, model=model)
    assert history.loss == found.best.losses
    for made in (names["model"], found.model(), found.model(5)):
        assert made.frozen == ("0.dense",)
        assert made.layers["1.relu"].kind == "relu"
        for key in ("0.weight", "0.bias"):
            assert np.array_equal(made.params[key], trunk.params[key])


def test_report(vanishing):
    printed = repr(vanishing)
    assert max(map(len, printed.splitlines())) <= 88
    assert "Diagnosis: predicted vanishing" in printed
    assert "vanishing" in vanishing.before.ills
    assert "skill " in vanishing.diagnosis
    assert "where a constant has 0 and what is perfect 1" in vanishing.diagnosis
    assert "KEPT" in printed
    assert "(the mean of 3 runs)" in printed
    removed = "\n".join(before for before, _ in vanishing.changes)
    assert 'init="glorot_normal"' in removed
    numbers = json.loads(json.dumps(vanishing.to_dict(), allow_nan=False))
    assert numbers["lines"] == vanishing.lines
    assert numbers["trials"][0]["word"] == "vanishing"
    assert len(numbers["trials"]) == len(vanishing.trials) + 1
    strains = [row["strain"] for row in numbers["ranking"] if row["strain"] is not None]
    assert strains == sorted(strains)
    figure = vanishing.plot()
    assert figure._repr_png_().startswith(b"\x89PNG")
    gids = [line.get_gid() for line in figure.axes[0].get_lines()]
    assert gids.count("predicted") >= 1


def test_the_users_model_is_left_as_it_is(digits):
    model, optimizer = network(nn.ReLU, "he_normal", 2), nn.SGD(lr=0.05)
    weights = model.params.flat.copy()
    found = cured(model, optimizer, digits, steps=60)
    assert np.array_equal(model.params.flat, weights)
    assert optimizer.steps == 0
    # And it is healthy and still learns: nothing was tried.
    assert not found.sick
    assert found.trials == ()
    assert found.best is None
    assert found.lines == []
    assert found.changes == []
    more = "its loss still falls: train longer, 240 steps say"
    assert found.verdict == f"healthy: nothing to change; {more}"
    assert found.longer == 240
    assert "Verdict: healthy: nothing to change" in repr(found)
    assert repr(found.model()) == repr(model)
    assert repr(found.loss()) == repr(LOSS)
    assert found.plot()._repr_png_().startswith(b"\x89PNG")


@pytest.mark.slow
def test_too_large_a_rate(digits):
    found = cured(network(nn.ReLU, "he_normal", 3), nn.SGD(lr=5.0), digits, tries=4)
    assert found.before.diverged
    assert found.before.forecast.prediction.word == "healthy"
    assert found.best is not None
    assert found.best.plan.lr <= 1
    assert any(line.startswith("optimizer = nn.") for line in found.lines)


def curve(kind):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (120, 2)).astype(np.float32)
    return x, (kind * (x[:, :1] ** 2 + x[:, 1:])).astype(np.float32)


# What each sick network is, and a word of what must be kept. Judged where a constant has 0.
SICK = {
    "inputs of thousands": (
        lambda: (curve(1.0)[0] * 3000 + 5000, curve(1.0)[1]),
        lambda: nn.Sequential(nn.Dense(2, 16), nn.Tanh(), nn.Dense(16, 1)),
        nn.MeanSquaredError(), nn.Adam(lr=0.01), "standard inputs",
    ),
    "targets of millions": (
        lambda: curve(1e6),
        lambda: nn.Sequential(nn.Dense(2, 16), nn.Tanh(), nn.Dense(16, 1)),
        nn.MeanSquaredError(), nn.Adam(lr=0.01), "standard targets",
    ),
    "a ReLU before targets of both signs": (
        lambda: curve(1.0),
        lambda: nn.Sequential(nn.Dense(2, 16), nn.Tanh(), nn.Dense(16, 1), nn.ReLU()),
        nn.MeanSquaredError(), nn.Adam(lr=0.01), "MeanSquaredError on a linear output",
    ),
    "softmax over one unit": (
        lambda: (curve(1.0)[0], (curve(1.0)[1] > 0).astype(np.float32)),
        lambda: nn.Sequential(nn.Dense(2, 16), nn.Tanh(), nn.Dense(16, 1), nn.Softmax()),
        nn.BinaryCrossEntropy(), nn.Adam(lr=0.02), "SigmoidCrossEntropy on a linear output",
    ),
    "weights of zero": (
        lambda: (curve(1.0)[0], (curve(1.0)[1][:, 0] > 0).astype(int)),
        lambda: nn.Sequential(nn.Dense(2, 16, init="zeros"), nn.ReLU(),
                              nn.Dense(16, 2, init="zeros")),
        # He's or Glorot's: both break the symmetry, and rounding decides which learns more.
        nn.SoftmaxCrossEntropy(), nn.Adam(lr=0.02), "_normal",
    ),
    "no activation": (
        lambda: curve(1.0),
        lambda: nn.Sequential(nn.Dense(2, 16), nn.Dense(16, 1)),
        nn.MeanSquaredError(), nn.Adam(lr=0.02), "ReLU",
    ),
    "batch norm that never follows": (
        lambda: curve(1.0),
        lambda: nn.Sequential(nn.Dense(2, 16), nn.BatchNorm(16, momentum=0.9999), nn.Tanh(),
                              nn.Dense(16, 1)),
        nn.MeanSquaredError(), nn.Adam(lr=0.02), "batch norm",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SICK)
def test_what_is_asked_for_is_done_and_its_lines_train(name):
    made, model, loss, optimizer, wanted = SICK[name]
    x, y = made()
    found = cure(model(), loss, optimizer, x, y, batch_size=20, steps=200, tries=3, progress=False)
    assert found.sick or found.before.skill < 0.95
    assert found.best is not None, found
    assert wanted in found.best.label
    assert min(run.skill for run in found.best.runs) > 0.02
    names, _ = pasted(found, x, y)
    said = names["loss"].predictions(names["model"].predict(names["x"].astype(np.float32)))
    said = names["targets"].undo(said) if "targets" in names else said
    rows = np.eye(2)[y] if y.ndim == 1 else y
    assert 1 - np.square(said - rows).sum() / np.square(rows - rows.mean(axis=0)).sum() > 0.6


def test_labels_that_cannot_be_learned_are_said_to_be(digits):
    x, y, _ = digits
    y = np.random.default_rng(0).permutation(y)
    found = cure(
        network(nn.ReLU, "he_normal", 1), LOSS, nn.SGD(lr=0.05), x[:200], y[:200],
        batch_size=20, steps=40, tries=2, progress=False,
    )  # fmt: skip
    assert found.sick
    assert found.best is None
    assert found.lines == []
    assert found.neighbours < 0.02
    assert "sick, and nothing that was tried helps: the best, " in found.verdict
    assert found.verdict.endswith("the data, and whether x and y belong together, row by row")
    assert repr(found.model()) == repr(network(nn.ReLU, "he_normal", 1))


@pytest.mark.slow
def test_same_seed_same_cure(digits):
    def once():
        model = network(nn.Tanh, nn.initializers.Normal(0.02), 4)
        found = cured(model, nn.SGD(lr=0.1), digits, steps=40, tries=2)
        return [trial.losses for trial in (found.before, *found.trials)]

    assert once() == once()


def test_few_examples_are_judged_where_they_are_trained():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([[0], [1], [1], [0]], np.float32)
    model = nn.Sequential(nn.Dense(2, 4), nn.Sigmoid(), nn.Dense(4, 1), nn.Sigmoid())
    found = cure(
        model, nn.MeanSquaredError(), nn.SGD(lr=0.1), x, y, batch_size=4, steps=400, progress=False
    )
    assert found.conditions.all_seen
    words = " ".join(repr(found).split())
    assert "on the training examples, which are all that there can be" in words
    assert found.best.accuracy == 1
    assert found.best.skill > 0.9


def test_what_was_never_judged_is_not_sent_on_without_a_word():
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, (40, 1)).astype(np.float32)
    y = (np.sin(x) + 0.3 * rng.standard_normal(x.shape)).astype(np.float32)
    model = nn.Sequential(nn.Dense(1, 50), nn.Tanh(), nn.Dense(50, 1))
    found = cure(
        model, nn.MeanSquaredError(), nn.Adam(0.01), x, y, batch_size=40, steps=150, progress=False
    )
    assert found.longer == 600
    assert found.verdict.endswith(
        "train longer, 600 steps say. Of the 40 examples none was held out, they are too few: it "
        "may learn them by heart, so keep some apart and stop where their loss rises"
    )


def test_what_learns_by_heart_is_not_told_to_train_longer():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 40)).astype(np.float32)
    y = (x[:, 0] + 3 * rng.standard_normal(80) > 0).astype(int)
    model = nn.Sequential(nn.Dense(40, 64, init="he_normal"), nn.ReLU(), nn.Dense(64, 2))
    found = cure(
        model, LOSS, nn.Adam(lr=0.005), x, y, batch_size=20, steps=200, tries=3, progress=False
    )
    assert found.before.unfinished  # the loss of what it knows by heart
    assert found.before.by_heart
    assert found.longer == 0
    assert "The 64 examples that it is trained on it knows by heart (skill 1.00)" in found.verdict
    assert "nearest examples" not in found.verdict
    assert any("penalty on weights" in trial.label for trial in found.trials)


def test_what_was_asked_for_is_tried_again_where_other_things_are_right(monkeypatch):
    """A linear output that runs away at this rate helps at another."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (80, 2)).astype(np.float32)
    y = (x[:, :1] * x[:, 1:] + 0.5).astype(np.float32)
    model = nn.Sequential(nn.Dense(2, 8), nn.Tanh(), nn.Dense(8, 1), nn.Sigmoid())
    optimizer = nn.SGD(lr=0.01)

    def made(self, change):
        text, first = str(change), self.plan
        skills = {"None": 0.3, "lr": 0.6, "MeanSquaredError on a linear output": -0.1}
        both = "lr" in text and "linear output" in text
        skill = 0.9 if both else skills.get("lr" if "lr=" in text else text, 0.0)
        plan = first if change is None else change.apply(first)
        runs = tuple(Run([1.0, 0.9], skill, math.nan) for _ in range(3))
        return replace(self.shown, change=change, plan=plan, runs=runs)

    plan = read_plan(model, optimizer, nn.MeanSquaredError())
    c = conditions_of(model, x, y, None, None, batch_size=20, steps=20, seed=0)
    search = _Search(plan, c, 9, None)
    forecast = search._forecast(plan)
    search.shown = run_trial(plan, None, forecast, c)
    monkeypatch.setattr(_Search, "_try", made)
    monkeypatch.setattr("nnscratch.curing.search.tested_rates", lambda *_: (0.2, math.nan))
    monkeypatch.setattr("nnscratch.curing.search.new_rates", lambda *_: [])
    best = search._search(search._try(None))
    assert "linear output" in str(best.change)
    assert best.skill == 0.9


def test_what_the_data_ask_for_is_tried_at_other_rates(digits):
    """Standard inputs at a rate for small ones."""
    x, y, validation = digits
    model = network(nn.ReLU, "he_normal", 1)
    found = cure(
        model, LOSS, nn.SGD(lr=30.0), x / 40, y, batch_size=20, steps=60, tries=1,
        validation=(validation[0] / 40, validation[1]), progress=False,
    )  # fmt: skip
    labels = [trial.label for trial in found.trials]
    assert labels[0] == "standard inputs"
    assert labels[1].startswith("standard inputs + lr=")


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


def test_answers_that_are_all_the_same_are_named(digits):
    x, y, _ = digits
    model = network(nn.ReLU, "he_normal", 1)
    found = cure(model, LOSS, nn.SGD(lr=0.1), x[:60], 0 * y[:60], batch_size=20, steps=20, tries=1)
    assert found.verdict == (
        "nothing to tell apart: all 12 answers that it is judged on are the same. Look at how y "
        "was made"
    )


def test_bad_data():
    with pytest.raises(nn.ShapeError, match="x has 3 features"):
        cure(
            network(nn.ReLU, "he_normal", 1), LOSS, nn.SGD(lr=0.1), np.zeros((4, 3)),
            np.zeros(4, dtype=int), batch_size=2,
        )  # fmt: skip


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


def test_ctrl_c_keeps_what_was_tried(digits):
    seen = set()
    for at in (150, 400):  # in the range tests and forecasts; among the trials
        found = interrupted(at, digits)
        assert found.interrupted
        assert "Interrupted: not all changes were tried." in repr(found)
        seen.add(len(found.trials))
    assert len(seen) == 2


def test_a_gentler_rate_that_was_tried_already_is_judged_once(digits, monkeypatch):
    """It was told apart by nothing but its place, and looked for where it stood no more."""
    monkeypatch.setattr("nnscratch.curing.search.gentler_rate", lambda plan: plan.lr)
    found = cured(network(nn.ReLU, "he_normal", 2), nn.SGD(lr=1e-5), digits, steps=60, tries=2)
    assert found.best is not None
    assert len(found.best.runs) == 3
    assert len({id(trial) for trial in found.trials}) == len(found.trials)


@pytest.mark.slow
def test_rates_by_layer_are_trained_with_and_printed(digits):
    model = network(nn.Sigmoid, "glorot_normal", 8)
    optimizer = nn.SGD(lr=0.05, rates={"0": 0.5, "16": 2.0})
    found = cured(model, optimizer, digits, seed=3)
    assert found.best is not None
    rates = found.optimizer().rates
    assert [rates["0.dense"], *rates.values()] == [0.5, 0.5, 2.0]
    _, history = pasted(found, *digits[:2])
    assert history.loss == found.best.losses


class Pull(nn.Callback):
    """A penalty of somebody's own: a pull of all parameters towards 1."""

    calls = 0

    def on_backward(self, trainer, step):
        self.calls += 1
        trainer.model.grads.flat[...] += 0.1 * (trainer.model.params.flat - 1)


def test_a_penalty_of_ones_own_is_trained_with(digits):
    def found(penalty):
        optimizer = nn.SGD(lr=0.1)
        return cured(network(nn.ReLU, "he_normal", 1), optimizer, digits, steps=20, tries=1,
                     penalty=penalty)  # fmt: skip

    pull = Pull()
    pulled, free = found(pull), found(None)
    assert pull.calls == 0
    assert pulled.before.losses[0] == free.before.losses[0]
    assert pulled.before.losses[-1] > free.before.losses[-1] + 0.05
    assert "no penalty" in {str(one.change) for one in pulled.ranking}


def test_a_penalty_that_goes_is_told_in_the_lines(digits):
    optimizer, heavy = nn.SGD(lr=0.1), nn.Penalty(l2=3.0)
    found = cured(network(nn.ReLU, "he_normal", 1), optimizer, digits, tries=2, penalty=heavy)
    assert "no penalty" in str(found.best.change)
    assert found.lines[-1] == "# trainer.fit(...) without the penalty among its callbacks"


@pytest.mark.parametrize(("given_back", "wider"), [(True, False), (False, True)])
def test_an_autoencoder_keeps_its_narrow_layer(given_back, wider):
    """Wide enough, it gives everything back and has learned nothing."""
    x = np.random.default_rng(0).standard_normal((200, 12)).astype(np.float32)
    y = x if given_back else np.tanh(x)
    model = nn.Sequential(nn.Dense(12, 2), nn.Tanh(), nn.Dense(2, 12), seed=0)
    options = {"batch_size": 20, "steps": 60, "progress": False}
    found = nn.cure(model, nn.MeanSquaredError(), nn.SGD(lr=0.01), x, y, **options)
    assert any("units a layer" in str(one.change) for one in found.ranking) == wider


def test_a_part_that_changes_nothing_beside_another_is_left_out(monkeypatch):
    """Without the norm its momentum is none: the plan is the same, and pruning comes to an end."""
    model = nn.Sequential(nn.Dense(4, 8), nn.BatchNorm(8), nn.Tanh(), nn.Dense(8, 2), seed=0)
    plan = read_plan(model, nn.SGD(lr=0.1), nn.MeanSquaredError())

    def tried(self, change):
        runs = (Run([1.0], 0.5 if "no batch norm" in str(change) else 0.0, math.nan),)
        return Trial(change, change.apply(plan), None, runs, None, None, None)

    monkeypatch.setattr(_Search, "_try", tried)
    search = _Search(plan, None, 5, None)
    changes = NormMomentum(0.9), RemoveBatchNorm(initializers.get("he_normal"))
    best = search._pruned(search._tried(together(*changes)))
    assert str(best.change) == "no batch norm, he_normal"
    assert best in search.trials
    assert len(search.trials) == 1
