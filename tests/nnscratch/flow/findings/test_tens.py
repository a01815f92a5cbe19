"""Targets of tens: networks learn them as they are, if nothing else holds them up."""

import numpy as np
import pytest

from nnscratch.flow.findings.cures import STANDARDISE_TARGETS
from nnscratch.flow.findings.training import step_size, steps

NUMBERS = {"targets": "numbers", "widths": (20, 20, 1)}
BOUNDED = {
    "targets": "numbers",
    "widths": (20, 20, 1),
    "kinds": "dense relu dense relu dense sigmoid",
}


def far(run, size, **values):
    def change(record):
        run.stuck(record)
        run.fill(target_std=size, loss_floor=0.5 * record["loss_constant"][0], **values)(record)

    return change


@pytest.mark.parametrize(
    ("size", "first"), [(99.0, "output activation"), (101.0, "target scale"), (9.9, None)]
)
def test_an_output_that_ends_comes_before_targets_of_tens(run, size, first):
    found = run(far(run, size), **BOUNDED)
    assert found[0].kind == (first or "output activation")
    assert ("target scale" in found.kinds) == (first is not None)


def test_no_scale_gives_a_rectifier_what_lies_below_zero(run):
    options = BOUNDED | {"kinds": "dense relu dense relu dense relu"}
    assert run(far(run, 5000.0), **options)[0].kind == "output activation"


@pytest.mark.parametrize(("size", "first"), [(99.0, "too few steps"), (101.0, "target scale")])
def test_a_short_run_is_short_before_tens_are_far(run, size, first):
    def change(record):
        record["loss"][...] = record["loss_constant"][0] * np.linspace(1.0, 0.8, 30)
        record["target_std"][...] = size

    found = run(change, steps=30, **NUMBERS)
    assert found[0].kind == first
    assert set(found.kinds) == {"too few steps", "target scale"}
    assert {one.severity for one in found} == {"notice"}


@pytest.mark.parametrize(
    ("size", "causes", "first"),
    [
        (99.0, ["target scale"], True),
        (101.0, ["target scale"], False),
        (99.0, ["target scale", "input scale"], False),
        (99.0, [], False),  # nothing is there to come before
    ],
)
def test_a_loss_that_still_falls_comes_before_tens(run, size, causes, first):
    def change(record):
        record["loss"][...] = np.linspace(1.09, 0.5, 100)
        record["target_std"][...] = size

    view = run.view(change, **NUMBERS)
    assert steps.unfinished(view, 100.0, causes).first == first


@pytest.mark.parametrize(
    ("optimizer", "size", "first"),
    [
        ("SGD(lr=0.009)", 99.0, True),
        ("SGD(lr=0.009)", 101.0, False),  # its steps grow with the targets
        ("Adam(lr=9e-05)", 101.0, True),
    ],
)
def test_a_timid_rate_comes_before_them(run, optimizer, size, first):
    def change(record):
        run.stuck(record)["update_ratio"][...] = 2e-4
        record["target_std"][...] = size

    rate = 0.009 if optimizer.startswith("SGD") else 9e-5
    view = run.view(change, lr=rate, optimizer=optimizer, **NUMBERS)
    (found,) = step_size.find(view, {}, ["target scale"])
    assert (found.kind, found.first) == ("learning rate too small", first)


SIGMOIDS = {"kinds": "dense relu dense relu dense sigmoid"}


@pytest.mark.parametrize(
    ("loss", "widths", "kinds"),
    [
        ("BinaryCrossEntropy", (20, 20, 3), ("too few steps", "output activation")),
        ("BinaryCrossEntropy", (20, 20, 2), ("too few steps",)),
        # A sum over classes of which one is right asks for a softmax.
        ("CategoricalCrossEntropy", (20, 20, 3), ("output activation", "too few steps")),
    ],
)
def test_sigmoids_that_share_no_softmax_come_after_a_loss_that_falls(run, loss, widths, kinds):
    def change(record):
        record["loss"][...] = np.linspace(1.09, 0.5, 100)
        record["loss_kind"] = loss

    assert run(change, widths=widths, **SIGMOIDS).kinds == kinds


@pytest.mark.parametrize(
    ("std", "kind", "line"),
    [
        (10.1, "tanh", "y = 2 * (y - y.min(axis=0)) / (y.max(axis=0) - y.min(axis=0) + 1e-8) - 1"),
        (10.1, "sigmoid", "y = (y - y.min(axis=0)) / (y.max(axis=0) - y.min(axis=0) + 1e-8)"),
        # As far as a rate for others leads; no scale gives what lies below 0: both are changed.
        (9.9, "tanh", STANDARDISE_TARGETS.line),
        (10.1, "relu", STANDARDISE_TARGETS.line),
        (3.1, "relu", STANDARDISE_TARGETS.line),
        (2.9, "relu", ""),
    ],
)
def test_answers_far_out_of_reach_are_brought_within(run, std, kind, line):
    """A linear output alone would be thrown by errors so large."""

    def change(record):
        run.stuck(record)
        fill = run.fill(loss_floor=0.5, target_min=-3 * std, target_max=3 * std, target_std=std)
        fill(record)

    options = {"kinds": f"dense tanh dense {kind}", "widths": (20, 1), "targets": "numbers"}
    first, *others = run.of(run(change, **options), "output activation").advice
    made = "Adam(lr=0.01)" if kind == "sigmoid" else "SGD(lr=0.1)"
    linear = run.remade('output="identity"', made)
    if line == STANDARDISE_TARGETS.line:
        assert (first.line, others) == (f"{line}; {linear}", [])
    elif line:
        assert first.line == f"{line}; model, optimizer = nn.remake(model), nn.{made}"
        assert [(one.what[:7], one.line) for one in others] == [("or end ", linear)]
    else:
        assert (first.line, others) == (linear, [])
