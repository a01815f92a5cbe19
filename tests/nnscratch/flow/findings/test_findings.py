"""Findings: what they say, and that they say nothing where nothing is."""

import json

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.experiments.faults import CASES, make_record
from nnscratch.flow.findings import KINDS, SEVERITIES, Finding, Findings, find
from nnscratch.flow.findings.finding import EXPLAINS, arrange

SEED = 4000  # no threshold was chosen on it


def case(name):
    (found,) = [c for c in CASES if c.name == name]
    return found


def findings_of(name, seed=SEED):
    return find(make_record(case(name), seed))


def classifier(*parts, lr=0.1, steps=60, probe=True, seed=0, **options):
    x, y, _, _ = nn.datasets.digits()
    model = nn.Sequential(*parts, seed=seed)
    flow = nn.GradientFlow(model, probe=x[:100] if probe else None, probe_every=10, **options)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=lr))
    trainer.fit(
        x,
        y,
        epochs=steps,
        batch_size=32,
        callbacks=[flow],
        progress=False,
        max_steps=steps,
    )
    return flow.to_dict()


def deep_sigmoid(**options):
    parts = []
    for i in range(10):
        parts += [nn.Dense(64 if i == 0 else 32, 32, init="glorot_normal"), nn.Sigmoid()]
    return classifier(*parts, nn.Dense(32, 10), **options)


def test_vanishing_is_told_with_layer_step_cause_and_cure():
    record = deep_sigmoid()
    found = find(record)
    finding = next(f for f in found if f.kind == "vanishing")
    # Of the latest steps that in which the gradient changes as much as in the middle one of them.
    latest = record["gradient_norm"][-12:]
    norms = latest[np.argsort(latest[:, 0] / latest[:, 20])[6]]
    assert finding.severity == "serious"
    assert finding.layers == ("0.dense", "20.dense")
    assert finding.step == 0
    assert finding.numbers["first"] == pytest.approx(norms[0])
    assert finding.numbers["last"] == pytest.approx(norms[20])
    assert finding.numbers["log10_ratio"] == pytest.approx(np.log10(norms[0] / norms[20]))
    assert "The gradient vanishes: from" in finding.sentence
    assert "from the first step on" in finding.sentence
    assert "derivative of sigmoid" in finding.cause
    assert "at most 1/4" in finding.cause
    assert any("nn.BatchNorm" in cure for cure in finding.cures)


def test_the_terms_of_the_cause_add_up():
    numbers = next(f for f in find(deep_sigmoid()) if f.kind == "vanishing").numbers
    terms = ("weights", "derivative", "scale", "projection", "noise", "unrecorded")
    total = sum(numbers[f"log10_{term}"] for term in terms)
    assert total == pytest.approx(numbers["log10_ratio"], rel=1e-6)


def test_an_explosion_from_the_start_is_put_down_to_the_weights_it_started_with():
    """Not to those that three steps of it have left, which are as large as it likes."""
    draw = nn.initializers.VarianceScaling(8.0)
    parts = [part for _ in range(8) for part in (nn.Dense(64, 64, init=draw), nn.ReLU())]
    record = classifier(*parts, nn.Dense(64, 10), lr=0.02, steps=2, probe=False)
    finding = next(f for f in find(record) if f.kind == "exploding")
    began = np.median(record["param_norm"][0, 2:-2:2] ** 2 / 64)
    assert f"n_in Var(w) = {began:.2g}, where 2 would keep the gradient" in finding.cause
    assert f"{finding.numbers['log10_ratio']:+.1f}" in finding.cause


def test_saturation_names_the_weights_that_cause_it():
    parts = []
    for _ in range(3):
        parts += [nn.Dense(64, 64, init=nn.initializers.Normal(1.0)), nn.Tanh()]
    found = find(classifier(*parts, nn.Dense(64, 10), lr=0.01))
    finding = next(f for f in found if f.kind == "saturated")
    assert finding.layers == ("1.tanh", "3.tanh", "5.tanh")
    assert "standard deviation 1 on 64 inputs: n_in Var(w) = 6" in finding.cause
    assert '"lecun_normal"' in finding.cures[0]


def test_saturation_names_the_biases_that_cause_it():
    biased = nn.Dense(64, 64, init="lecun_normal", bias_init=nn.initializers.Constant(5.0))
    found = find(classifier(nn.Dense(64, 64), nn.Tanh(), biased, nn.Tanh(), nn.Dense(64, 10)))
    finding = next(f for f in found if f.kind == "saturated")
    assert finding.layers == ("3.tanh",)
    assert "because the biases of 2.dense average 5" in finding.cause
    assert 'bias_init="zeros"' in finding.cures[0]


def test_a_fault_in_mid_run_is_dated():
    found = findings_of("non-finite: a NaN among the weights from step 40 on")
    assert found.kinds == ("non-finite",)
    assert found[0].step == 41
    assert found[0].layers == ("2.dense",)
    assert "the weights or biases of 2.dense themselves must hold NaN" in found[0].cause
    assert "nn.Forensics" in found[0].cures[0]


def test_overflow_at_the_first_step():
    found = findings_of("non-finite: leaky ReLU, 1e4 x He, 12 layers")
    assert found.kinds == ("non-finite",)
    assert found[0].step == 0
    assert "overflow" in found[0].cause


def test_a_nan_in_the_inputs_is_the_datas_fault():
    model = nn.Sequential(nn.Dense(4, 5), nn.Tanh(), nn.Dense(5, 2))
    flow = nn.GradientFlow(model)
    x = np.ones((6, 4), np.float32)
    optimizer = nn.SGD(lr=0.1)
    with flow.attached(optimizer), np.errstate(invalid="ignore"):
        for value in (1.0, np.nan):
            x[2, 1] = value
            model.training_pass(x, np.zeros(6, np.int64), nn.SoftmaxCrossEntropy())
            optimizer.step(model.params, model.grads)
    found = find(flow.to_dict())
    assert found[0].kind == "non-finite"
    assert "the inputs of the network are not finite (1 values)" in found[0].sentence
    assert "data" in found[0].cause


@pytest.mark.parametrize(
    "name",
    [
        "exploding: ReLU, batch norm, small batches, 28 to 32 layers",
        "diverged: ELU, learning rate 3",
        "dead layer: ReLU, biases of -10 in one layer",
        "dead layer, constant output: all weights zero",
        "constant output: sigmoid, LeCun, 16 to 20 layers",
        "updates too small: Adam, learning rate 1e-7",
        "updates too large: Adam, learning rate 0.3",
        "slow layer: one layer's weights 60 x too large, under batch norm",
        "batch norm statistics: running statistics that are never updated",
        "clip always: by value, at 1e-5",
        "clip never: by global norm, at 1e4",
        "input scale: pixels from 0 to 4080",
        "target scale: regression on targets of mean 300",
    ],
)
def test_a_fault_of_each_kind(name):
    found, label = findings_of(name), case(name)
    assert label.expected & set(found.kinds)
    assert set(found.kinds) <= label.allowed
    for finding in found:
        assert finding.sentence.endswith(".")
        assert finding.cause == "" or finding.cause.endswith(".")
        assert "nan" not in str(finding).replace("NaN", "")
    order = [SEVERITIES.index(finding.severity) for finding in found]
    assert order == sorted(order)
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    "name",
    [
        "relu, deep",
        "tanh, orthogonal",
        "SELU",
        "one hidden layer of sigmoid",
        "sigmoid with batch norm",
        "a clip that fires now and then",
        "learned by heart",
        "regression",
        "Adam",
        "dropout",
    ],
)
def test_nothing_is_found_in_a_healthy_run(name):
    found = findings_of(f"healthy: {name}")
    assert found.kinds == ()
    assert "nothing wrong was found" in str(found)


def test_without_a_probe_it_is_said_that_units_were_not_counted():
    parts = (nn.Dense(64, 32, init="he_normal"), nn.ReLU(), nn.Dense(32, 10))
    assert "Dead units were not counted" in find(classifier(*parts, probe=False)).scope
    counted = (nn.Dense(64, 32, init="he_normal"), nn.ReLU(), nn.Dense(32, 10))
    assert "Dead units" not in find(classifier(*counted)).scope


def test_dead_units_are_counted():
    low = nn.initializers.Uniform(-30.0, 6.0)
    parts = (nn.Dense(64, 40, init="he_normal", bias_init=low), nn.ReLU(), nn.Dense(40, 10))
    record = classifier(*parts, lr=0.01)
    finding = next(f for f in find(record) if f.kind == "dead units")
    dead = int((record["census"][-1] == 1).sum())
    assert f"{dead} of the 40 units of 1.relu" in finding.sentence


def test_layers_left_out_and_steps_left_out():
    whole, part = deep_sigmoid(), deep_sigmoid(layers=["0.dense", "1.sigmoid", "20.dense"], every=7)
    assert "vanishing" in find(whole).kinds
    found = next(f for f in find(part) if f.kind == "vanishing")
    assert "layers that were not recorded" in found.cause
    assert find(deep_sigmoid(layers=["1.sigmoid", "3.sigmoid"])).kinds == ()


def test_a_single_look_without_an_update():
    model = nn.Sequential(nn.Dense(4, 5), nn.Tanh(), nn.Dense(5, 2))
    flow = nn.GradientFlow(model)
    x = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    value = model.training_pass(x, np.zeros(6, np.int64), nn.SoftmaxCrossEntropy())
    flow.record(value)
    assert find(flow.to_dict()).kinds == ()


def test_a_record_that_lacks_something():
    record = deep_sigmoid(steps=2)
    del record["update_ratio"]
    with pytest.raises(nn.DataError, match="lacks update_ratio"):
        find(record)
    empty = {**record, "steps": record["steps"][:0]}
    with pytest.raises(nn.DataError, match="holds no step"):
        find(empty)


def test_consequences_are_told_once_and_only_after_their_cause():
    def finding(kind, step):
        return Finding(kind, "serious", (), step, f"{kind}.")

    assert EXPLAINS["vanishing"] >= {"slow layer"}
    later = arrange([finding("slow layer", 5), finding("vanishing", 5)])
    assert [f.kind for f in later] == ["vanishing"]
    sooner = arrange([finding("slow layer", 4), finding("vanishing", 5)])
    assert [f.kind for f in sooner] == ["vanishing", "slow layer"]


def test_a_cure_is_told_once():
    made = tuple(Finding(k, "serious", (), 0, "x.", cures=("do this",)) for k in KINDS[:2])
    found = Findings(made, "run", "")
    assert str(found).count("do this") == 1
    assert found[1].cures == ("do this",)
    assert found[:1] == made[:1]
    assert found.at_least("fatal") == ()
    assert found.at_least("notice") == made


def test_no_cure_is_what_the_network_has_already():
    """All weights suit ReLU but those of one layer, which hands on its biases alone."""
    x, y, _, _ = nn.datasets.digits()
    parts = [part for _ in range(6) for part in (nn.Dense(64, 64, init="he_normal"), nn.ReLU())]
    model = nn.Sequential(*parts, nn.Dense(64, 10))
    model.params["6.weight"][...] *= 1e-4
    model.params["6.bias"][...] = 1.0
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=1e-5))
    trainer.fit(x, y, epochs=2, batch_size=50, callbacks=[flow], progress=False)
    found = find(flow.to_dict())
    assert "constant output" in [finding.kind for finding in found]
    said = " ".join(cure for finding in found for cure in finding.cures)
    assert "nn.BatchNorm" in said
    assert "he_normal" not in said
