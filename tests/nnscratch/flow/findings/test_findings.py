"""Findings of real runs: the report as a whole."""

import json

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.experiments.faults import CASES, make_record
from nnscratch.flow.findings import KINDS, Advice, Finding, Findings, find
from nnscratch.flow.findings.finding import NOT_YET
from nnscratch_records.attribution import TERMS, attribute

X, Y, X_TEST, Y_TEST = nn.datasets.digits()
# Runs through time take a third of all cases' time; what is said of made-up ones is told elsewhere.
RUNS = [
    pytest.param(
        one,
        id=one.name,
        marks=[pytest.mark.slow] * one.build.__module__.endswith("through_time"),
    )
    for one in CASES
]


def case(name):
    (found,) = [c for c in CASES if c.name == name]
    return found


def train(parts, *, loss=None, optimizer=None, x=X, y=Y, steps=100, batch=32, seed=0, **options):
    model = nn.Sequential(*parts, seed=seed)
    flow = nn.GradientFlow(model, **options)
    trainer = nn.Trainer(model, loss or nn.SoftmaxCrossEntropy(), optimizer or nn.SGD(lr=0.05))
    with np.errstate(all="ignore"):
        trainer.fit(
            x, y, epochs=steps, batch_size=batch, callbacks=[flow], progress=False, max_steps=steps
        )
    return flow.to_dict()


def deep(activation, depth=10, width=32, **options):
    parts = []
    for i in range(depth):
        parts += [nn.Dense(64 if i == 0 else width, width, **options), activation()]
    return [*parts, nn.Dense(width, 10)]


@pytest.mark.parametrize("one", [run for run in RUNS if not run.values[0].healthy])
def test_a_fault_of_each_kind(one):
    found = find(make_record(one, 7))
    assert found[0].kind in one.cause, found
    assert not one.shows or one.shows & set(found.kinds)
    assert {f.kind for f in found.causes} <= one.allowed
    for finding in found:
        assert finding.kind in KINDS
        assert finding.sentence.endswith(".")
        assert finding.cause == "" or finding.cause.endswith(".")
        assert "nan" not in str(finding).replace("NaN", "").replace("nnscratch", "")
    text = str(found)
    begins = ("Do this first", "Nothing has to be changed", "To be noticed")
    assert sum(map(text.count, begins)) == 1
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("one", [run for run in RUNS if run.values[0].healthy])
def test_nothing_serious_is_found_in_a_healthy_run(one):
    assert find(make_record(one, 7)).at_least("serious") == ()


def test_vanishing_is_put_under_its_cause_and_dated():
    record = train(deep(nn.Sigmoid))
    found = find(record)
    vanishing = next(f for f in found if f.kind == "vanishing")
    # Of the latest steps that in which the gradient changes as much as in the middle one of them.
    latest = record["gradient_norm"][-20:]
    norms = latest[np.argsort(latest[:, 0] / latest[:, 20])[10]]
    assert vanishing.because == "activation"
    assert vanishing.step == 0
    assert vanishing.numbers["first"] == pytest.approx(norms[0])
    assert vanishing.numbers["last"] == pytest.approx(norms[20])
    assert "derivative of sigmoid" in vanishing.cause
    assert "a factor 1.0e6 unless the weights make up for it" in found[0].sentence


def test_the_terms_of_a_change_add_up():
    numbers = next(f for f in find(train(deep(nn.Sigmoid))) if f.kind == "vanishing").numbers
    terms = [
        value for name, value in numbers.items() if name not in ("first", "last", "log10_ratio")
    ]
    assert len(terms) == len(TERMS)
    assert sum(terms) == pytest.approx(numbers["log10_ratio"], rel=1e-6)


def test_weights_are_those_before_the_first_update():
    """FAULTS A5: the first row is read after it."""
    draw = nn.initializers.Normal(0.5)
    parts = [nn.Dense(64, 48, init=draw), nn.Tanh(), nn.Dense(48, 48, init=draw), nn.Tanh()]
    model_parts = [*parts, nn.Dense(48, 10)]
    record = train(model_parts, optimizer=nn.SGD(lr=3.0), steps=40)
    drawn = nn.Sequential(
        *[nn.Dense(64, 48, init=draw), nn.Tanh(), nn.Dense(48, 48, init=draw), nn.Tanh()],
        nn.Dense(48, 10),
        seed=0,
    ).params["0.weight"]
    finding = next(f for f in find(record) if f.kind == "initial weights")
    assert finding.numbers["scale"] == pytest.approx(64 * float(np.mean(drawn**2)), rel=1e-5)


def test_a_rate_is_not_explained_by_weights_that_are_right():
    """FAULTS A3: exploding by a rate of 5 is no matter of weights that are too small."""
    found = find(train(deep(nn.ReLU, 3, 100, init="he_normal"), optimizer=nn.SGD(lr=5.0)))
    assert found[0].kind == "learning rate too large"
    assert "initial weights" not in found.kinds


def test_raw_pixels_come_before_what_they_bring():
    """FAULTS A4: saturated by inputs to 255, not by weights that are as they should be."""
    found = find(train(deep(nn.Sigmoid, 2, 100), x=X * np.float32(255)))
    assert found[0].kind == "input scale"
    assert "initial weights" not in found.kinds
    assert found.first.line.startswith("x = (x - x.mean")


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_batches_of_one(batch):
    """FAULTS A2: for one example dW = h x db holds always."""
    parts = [nn.Dense(64, 32, init="he_normal"), nn.ReLU(), nn.Dense(32, 10)]
    record = train(parts, optimizer=nn.SGD(lr=0.01), batch=batch, steps=1400 // batch)
    assert find(record).at_least("serious") == ()


def test_a_slow_run_is_not_given_up():
    """FAULTS A1: the README's first network learns, only slowly."""
    parts = [nn.Dense(64, 100), nn.Sigmoid(), nn.Dense(100, 100), nn.Sigmoid(), nn.Dense(100, 10)]
    record = train(parts, optimizer=nn.SGD(lr=0.1), batch=50, steps=300)
    found = find(record)
    assert found.at_least("fatal") == ()
    assert "constant output" not in found.kinds


@pytest.mark.parametrize("seed", range(3))
def test_ten_sigmoid_layers_that_do_learn(seed):
    """FAULTS F6: a run at accuracy 0.44 is no constant."""
    parts = deep(nn.Sigmoid, 10, 100, init="normal")
    parts[-1] = nn.Dense(100, 10, init="normal")
    record = train(parts, optimizer=nn.SGD(lr=0.02), batch=50, steps=60, seed=seed)
    assert "constant output" not in find(record).kinds


def test_a_loss_that_reached_0():
    """FAULTS A6: separable data, learned until nothing is left of the loss."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int)
    x[:, 0] += np.where(y, 3, -3)
    parts = [nn.Dense(2, 16, init="he_normal"), nn.ReLU(), nn.Dense(16, 2)]
    record = train(parts, x=x, y=y, optimizer=nn.SGD(lr=2.0), batch=100, steps=400)
    assert find(record).at_least("serious") == ()


def test_a_line_that_is_learned_may_begin_with_a_long_step():
    """FAULTS A11: TensorFlow's hello world changes its weight by 68 % at first."""
    x = np.arange(-1, 5, dtype=np.float32)[:, None]
    record = train(
        [nn.Dense(1, 1)], x=x, y=2 * x - 1, loss=nn.MeanSquaredError(), optimizer=nn.SGD(lr=0.01),
        batch=6, steps=500,
    )  # fmt: skip
    assert find(record).kinds == ()


def test_a_nan_in_the_inputs_is_the_datas_fault():
    model = nn.Sequential(nn.Dense(4, 5), nn.Tanh(), nn.Dense(5, 2))
    flow, optimizer = nn.GradientFlow(model), nn.SGD(lr=0.1)
    x = np.ones((6, 4), np.float32)
    with flow.attached(optimizer), np.errstate(invalid="ignore"):
        for value in (1.0, np.nan):
            x[2, 1] = value
            model.training_pass(x, np.zeros(6, np.int64), nn.SoftmaxCrossEntropy())
            optimizer.step(model.params, model.grads)
    found = find(flow.to_dict())
    assert found[0].kind == "non-finite"
    assert "the inputs of the network are not finite (1 value)" in found[0].sentence


def test_without_a_probe_units_are_counted_on_the_batches():
    parts = [nn.Dense(64, 40, init="he_normal", bias_init=nn.initializers.Uniform(-30.0, 6.0))]
    record = train([*parts, nn.ReLU(), nn.Dense(40, 10)], optimizer=nn.SGD(lr=0.01))
    finding = next(f for f in find(record) if f.kind == "dead units")
    share = record["output_dead"][:, 1]
    dead = round(40 * share[~np.isnan(share)][-1])
    assert f"{dead} of the 40 units of 1.relu" in finding.sentence
    assert finding.because == "initial biases"


def test_layers_left_out_and_steps_left_out():
    some = ["0.dense", "1.sigmoid", "20.dense"]
    part = train(deep(nn.Sigmoid), layers=some, every=7, steps=300)
    found = next(f for f in find(part) if f.kind == "vanishing")
    assert "layers that were not recorded" in found.cause
    activations = train(deep(nn.Sigmoid), layers=["1.sigmoid", "3.sigmoid"])
    assert {"vanishing", "dead layer"}.isdisjoint(find(activations).kinds)


def test_a_single_look_without_an_update():
    model = nn.Sequential(nn.Dense(4, 5), nn.Tanh(), nn.Dense(5, 2))
    flow = nn.GradientFlow(model)
    x = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    value = model.training_pass(x, np.zeros(6, np.int64), nn.SoftmaxCrossEntropy())
    flow.record(value)
    assert find(flow.to_dict()).kinds == ()


def test_a_record_that_lacks_something():
    record = train([nn.Dense(64, 10)], steps=2)
    whole = {**record}
    del record["update_ratio"]
    with pytest.raises(nn.DataError, match="lacks update_ratio"):
        find(record)
    empty = {**whole, "steps": whole["steps"][:0]}
    with pytest.raises(nn.DataError, match="steps"):
        find(empty)


def test_a_record_of_the_first_version_is_read(recording_of_format_2):
    assert isinstance(find(recording_of_format_2), Findings)


def made(*kinds, severity="serious"):
    return tuple(
        Finding(
            kind, severity, (), 0, f"{kind}.", advice=(Advice("do this", "x = 1", "It helps."),)
        )
        for kind in kinds
    )


def test_a_report_says_first_what_to_do_first():
    found = Findings(made("labels", "capacity"), "run", "Read: all.", "It stands.")
    rows = str(found).split("\n")
    assert rows[0] == "run: 2 findings. It stands. Read: all."
    assert rows[1:4] == ["Do this first: do this:", "    x = 1", "  It helps."]
    assert rows[4] == "1. labels (serious): labels."
    assert str(found).count("Cure: do this: x = 1") == 1  # a cure is told once
    assert found.first == Advice("do this", "x = 1", "It helps.")
    assert found.to_dict()["first"] == {"what": "do this", "line": "x = 1", "expect": "It helps."}
    notices = Findings(made("labels", severity="notice"), "run", "")
    assert "\nTo be noticed: labels. What may help most: do this:" in str(notices)
    on = made("too few steps", severity="notice")
    going = "Nothing has to be changed; what may help most: do this:"
    assert going in str(Findings(on, "run", ""))
    assert "\nWhat may help most: do this:" in str(
        Findings(on, "run", "", f"It stands: {NOT_YET}.")
    )
    assert str(Findings((), "run", "Read: all.")) == "run: nothing wrong was found. Read: all."
    unread = Findings((), "run", "Read: nothing of 3 steps.")
    assert str(unread) == "run: nothing could be looked at. Read: nothing of 3 steps."


def test_consequences_stand_under_their_cause():
    cause, brought, other = made("input scale", "saturated", "capacity")
    brought = Finding(**{**brought.__dict__, "because": "input scale"})
    found = Findings((cause, brought, other), "run", "")
    assert found.causes == (cause, other)
    assert found.consequences("input scale") == (brought,)
    assert "   It brings saturated: saturated." in str(found)
    assert "It is told first because it explains: saturated." in str(found)
    assert found.kinds == ("input scale", "saturated", "capacity")
    assert found[:1] == (cause,)
    assert found.at_least("fatal") == ()
    assert found.at_least("notice") == found.findings


def test_printed_findings_give_the_terminal_no_orders():
    record = train(deep(nn.Sigmoid), steps=20, label="run\x1b]0;evil\x07")
    names = {name: f"{name}\x1b[2J" for name in record["layers"].tolist()}
    record["layers"] = np.array([names[name] for name in record["layers"].tolist()])
    found = find(record)
    assert len(found)
    for text in (str(found), repr(found), *map(str, found), str(attribute(record))):
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "\\x1b" in text or "\\x1b" not in repr(text)
    assert "run\\x1b]0;evil\\x07" in str(found)
    assert "\\x1b[2J" in str(attribute(record))
    assert str(found).count("\n") > 3  # its own lines are lines


@pytest.mark.parametrize("seed", [0, 1])
def test_single_examples_are_judged_like_batches(seed):
    """One example says little of units and spreads, and nothing is made of that."""

    def single(parts, steps, lr=0.02):
        return find(train(parts, batch=1, steps=steps, optimizer=nn.SGD(lr=lr), seed=seed))

    off = nn.initializers.Constant(-1.0)  # two thirds of the units are off at a time
    sparse = nn.Dense(64, 32, init="he_normal", bias_init=off), nn.ReLU(), nn.Dense(32, 10)
    assert set(single(sparse, 1500).kinds) <= {"too few steps"}
    sick = single(deep(nn.Sigmoid), 300, lr=1e-3)
    assert sick.kinds[:3] == ("activation", "vanishing", "constant output")
    assert [one.kind for one in sick.causes] == ["activation"]
    assert "nan" not in str(sick).lower()
    normed = nn.Dense(64, 32), nn.BatchNorm(32), nn.ReLU(), nn.Dense(32, 10)
    found = single(normed, 300)
    assert [one.kind for one in found.causes] == ["small batches"]
    assert {"dead layer", "vanishing", "constant output"} <= set(found.kinds)
    assert "One example is its own mean" in found[0].cause
