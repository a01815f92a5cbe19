"""What a first line does besides what its finding says: it scales, and puts an activation."""

import numpy as np
import pytest

from nnscratch.flow.findings import Advice, Finding
from nnscratch.flow.findings.cures import STANDARDISE_BOTH, STANDARDISE_INPUTS, STANDARDISE_TARGETS
from nnscratch.flow.findings.together import with_others

SHAPE = {"kinds": "dense tanh dense relu", "widths": (20, 1), "targets": "numbers"}
PLAIN = {"kinds": "dense relu dense", "widths": (20, 1), "targets": "numbers"}
LINEAR = 'nn.remake(model, output="identity")'


def off(run, inputs=300.0, targets=1.0):
    """A rectifier at the output that is off for all examples, beside numbers of these sizes."""

    def change(record):
        run.stuck(record)
        record["output_zeros"][:, -1] = 0.99
        record["input_std"][...] = inputs
        record["target_std"][...] = targets
        record["target_max"][...] = 3 * targets
        record["loss_constant"] *= targets**2
        record["loss"] = record["loss"] * targets**2

    return change


@pytest.mark.parametrize(
    ("inputs", "targets", "scaling"),
    [
        (300.0, 1.0, f"{STANDARDISE_INPUTS.line}; "),
        (300.0, 300.0, f"{STANDARDISE_BOTH.line}; "),
        (1.0, 1.0, ""),
    ],
)
def test_the_first_line_scales_too(run, inputs, targets, scaling):
    found = run(off(run, inputs, targets), **SHAPE)
    assert found.kinds[0] == "output activation"
    assert found.first.line.startswith(f"{scaling}model, optimizer = {LINEAR}")
    assert found.first.line == found[0].advice[0].line
    told = "without an activation, and bring each feature of the inputs"
    assert (told in found.first.what) == bool(scaling)


ANEW = 'model, optimizer = nn.remake(model, init="he_normal"), nn.SGD(lr=0.1)'
STEPS = "optimizer = nn.Adam(lr=0.005)"
ITSELF = f"{STANDARDISE_INPUTS.line}; model, optimizer = nn.remake(model), nn.SGD(lr=0.1)"


YS = STANDARDISE_TARGETS.line


def one(kind, line, severity="serious", because=""):
    return Finding(kind, severity, (), 0, "seen", "why", (Advice(kind, line),), because=because)


@pytest.mark.parametrize(
    ("found", "torch", "told"),
    [
        ([one("activation", ANEW), one("input scale", ITSELF)], False, True),
        ([one("output activation", f"{YS}; {ANEW}"), one("input scale", ITSELF)], False, True),
        ([one("activation", ANEW), one("input scale", ITSELF, "notice")], False, False),
        ([one("activation", ANEW), one("input scale", ITSELF, because="labels")], False, False),
        ([one("activation", ANEW), one("input scale", STANDARDISE_INPUTS.line)], False, False),
        ([one("activation", ANEW), one("labels", ITSELF)], False, False),
        ([one("penalty", f"callbacks = []; {ANEW}"), one("input scale", ITSELF)], False, False),
        (
            [one("loss", "loss = nn.Huber()"), one("input scale", ITSELF)],
            False,
            False,
        ),  # it goes on
        ([one("input scale", ITSELF), one("target scale", ITSELF)], False, False),
        ([one("activation", ANEW), one("input scale", ITSELF)], True, False),
        (
            [one("learning rate too small", STEPS), one("target scale", ITSELF, "notice")],
            False,
            False,
        ),
        ([one("learning rate too large", STEPS), one("target scale", ITSELF)], False, False),
        (
            [one("learning rate too small", "optimizer.lr = 1"), one("input scale", ITSELF)],
            False,
            False,
        ),
        ([one("learning rate too small", STEPS), one("labels", ITSELF)], False, False),
        ([one("learning rate too small", STEPS), one("input scale", YS)], False, False),
        ([one("learning rate too small", STEPS), one("input scale", ITSELF)], True, False),
    ],
)
def test_it_does_so_where_both_begin_anew_and_the_scale_does_harm(run, found, torch, told):
    view = run.view(lambda record: record.update(framework="torch") if torch else None)
    made = with_others(found, view)
    line = f"{STANDARDISE_INPUTS.line}; {found[0].advice[0].line}"
    assert (made[0].advice[0].line == line) == told
    assert told or list(made) == found
    assert made[1] == found[1]


@pytest.mark.parametrize(
    ("inputs", "targets", "scaling"),
    [
        (4.1, 1.0, STANDARDISE_INPUTS.line),
        (3.9, 1.0, ""),
        (0.04, 1.0, STANDARDISE_INPUTS.line),
        (0.06, 1.0, ""),
        (1.0, 3.1, YS),
        (1.0, 2.9, ""),
        (1.0, 0.09, YS),
        (1.0, 0.11, ""),
        (0.04, 0.09, STANDARDISE_BOTH.line),
    ],
)
def test_it_begins_on_numbers_as_a_cure_would(run, inputs, targets, scaling):
    view = run.view(sized(run, inputs, targets), **PLAIN)
    made = with_others([one("activation", ANEW)], view)[0].advice[0]
    assert made.line == (f"{scaling}; {ANEW}" if scaling else ANEW)
    assert made.what.startswith("activation, and ") == bool(scaling)


def sized(run, inputs, targets, **also):
    def change(record):
        run.stuck(record)
        record["input_mean"][...] = 0.0
        record["input_std"][...] = inputs
        record["input_max"][...] = min(0.4, 3 * inputs)
        record["target_mean"][...] = 0.0
        record["target_std"][...] = targets
        for key, value in also.items():
            record[key] = value if isinstance(value, str) else np.full_like(record[key], value)

    return change


@pytest.mark.parametrize(
    ("line", "also"),
    [
        (f"{YS}; {ANEW}", {}),  # it does
        (ANEW, {"target_classes": 1.0}),
        (ANEW, {"loss_kind": "SigmoidCrossEntropy"}),
        (ANEW, {"target_far_share": 0.9}),  # few are most of their deviation
        (ANEW, {"loss": 0.0}),  # it has learned them as they are
        ("optimizer = nn.Adam(lr=0.01)", {}),
    ],
)
def test_targets_stay_as_they_are(run, line, also):
    found = [one("activation", line)]
    assert list(with_others(found, run.view(sized(run, 1.0, 9.0, **also), **PLAIN))) == found


def test_an_output_that_bends_keeps_its_targets_unless_it_ends_linear(run):
    view = run.view(sized(run, 1.0, 9.0), **(PLAIN | {"kinds": "dense relu dense tanh"}))
    linear = f"model, optimizer = {LINEAR}, nn.SGD(lr=0.1)"
    assert with_others([one("activation", ANEW)], view)[0].advice[0].line == ANEW
    assert with_others([one("activation", linear)], view)[0].advice[0].line == f"{YS}; {linear}"


def test_longer_steps_also_scale(run):
    found = [one("learning rate too small", STEPS), one("target scale", ITSELF)]
    made = with_others(found, run.view())
    anew = "model, optimizer = nn.remake(model), nn.Adam(lr=0.005)"
    assert made[0].advice[0].line == f"{STANDARDISE_INPUTS.line}; {anew}"
    assert made[0].advice[0].what == "learning rate too small, and target scale"
    assert made[1] == found[1]


BENT = 'model, optimizer = nn.remake(model, activation="relu"), nn.SGD(lr=0.1)'


@pytest.mark.parametrize(
    ("found", "bent"),
    [
        ([one("target scale", ITSELF), one("no activation", BENT)], True),
        ([one("input scale", ITSELF), one("no activation", BENT)], True),
        ([one("input scale", ITSELF), one("no activation", BENT, "notice")], False),
        ([one("input scale", ITSELF), one("no activation", BENT, because="labels")], False),
        ([one("input scale", ITSELF), one("activation", BENT)], False),
        ([one("labels", ITSELF), one("no activation", BENT)], False),
        ([one("input scale", STANDARDISE_INPUTS.line), one("no activation", BENT)], False),
        ([one("input scale", ITSELF), one("no activation", "")], False),
        ([one("input scale", ITSELF), one("no activation", f"x = x; {BENT}")], False),
    ],
)
def test_what_scales_also_bends_where_nothing_does(run, found, bent):
    made = with_others(found, run.view())[0].advice[0]
    line = ITSELF.replace("remake(model)", 'remake(model, activation="relu")')
    assert made.line == (line if bent else found[0].advice[0].line)
    assert (made.what == f"{found[0].kind}, and no activation") == bent


def test_nothing_is_made_of_nothing(run):
    assert with_others([], run.view()) == ()
