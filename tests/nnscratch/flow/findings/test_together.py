"""A line that begins anew also scales what is found to be of another scale."""

import pytest

from nnscratch.flow.findings import Advice, Finding
from nnscratch.flow.findings.cures import STANDARDISE_BOTH, STANDARDISE_INPUTS, STANDARDISE_TARGETS
from nnscratch.flow.findings.together import with_scales

SHAPE = {"kinds": "dense tanh dense relu", "widths": (20, 1), "targets": "numbers"}
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
    ],
)
def test_it_does_so_where_both_begin_anew_and_the_scale_does_harm(run, found, torch, told):
    view = run.view(lambda record: record.update(framework="torch") if torch else None)
    made = with_scales(found, view)
    line = f"{STANDARDISE_INPUTS.line}; {found[0].advice[0].line}"
    assert (made[0].advice[0].line == line) == told
    assert told or list(made) == found
    assert made[1] == found[1]


def test_nothing_is_made_of_nothing(run):
    assert with_scales([], run.view()) == ()
