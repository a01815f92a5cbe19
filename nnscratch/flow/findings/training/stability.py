"""Runs that have come to an end: values that are not finite, a loss that ran away."""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.view import View
from nnscratch.flow.reading import RUNAWAY
from nnscratch_records.words import number, plural

RISEN = 2.0  # times the first loss, and what a constant answer gives
_ENOUGH = 15
HUGE = 1e15
LOOK = Advice(
    "see the step tensor by tensor, with nnscratch replay on the file that this writes",
    'callbacks = [nn.Forensics("runs")]',
)
_CHECK_DATA = Advice("look at the data before training", "nn.datasets.check_inputs(x)")


def find(view: View) -> list[Finding]:
    """Return what ended the run."""
    return [*_nonfinite(view), *_diverged(view)]


def _nonfinite(view: View) -> list[Finding]:
    row = view.rows
    if row == len(view.steps) or view.nan_alone:
        return []
    record, step = view.record, int(view.steps[row])
    layer, what, count = _first_bad(view, row)
    sentence = f"NaN or infinity since step {step}: {what}"
    if count:
        sentence += f" ({plural(count, 'value')})"
    numbers = {"count": float(count), "loss": float(record["loss"][row])}
    before = _largest_before(view, row)
    if before is not None:
        name, value = before
        sentence += f". In the step recorded before, the largest output was {number(value)}, {name}"
        numbers["largest_before"] = value
    bad_data = record["input_nonfinite"][row] > 0
    layers = (layer,) if layer else ()
    advice = (_CHECK_DATA if bad_data else LOOK,)
    severity = "serious" if _goes_on(view, row) else "fatal"
    return [
        Finding(
            *("non-finite", severity, layers, step, f"{sentence}."),
            *(_why(view, row), advice, numbers),
        )
    ]


def _goes_on(view: View, row: int) -> bool:
    """Whether outputs, weights and loss stayed finite all the same, and the loss fell on."""
    losses = view.record["loss"][row:]
    if len(losses) < _ENOUGH or not np.isfinite(losses).all():
        return False
    counts = (view.record[f"{what}_nonfinite"][row:] for what in ("input", "output", "param"))
    broken = any((np.nan_to_num(count) > 0).any() for count in counts)
    half = len(losses) // 2
    return bool(not broken and np.median(losses[half:]) < np.median(losses[:half]))


def _first_bad(view: View, row: int) -> tuple[str, str, int]:
    """Return the layer, a description and the count of what is not finite first in a step."""
    record = view.record
    if record["input_nonfinite"][row] > 0:
        return "", "the inputs of the network are not finite", int(record["input_nonfinite"][row])
    counts: Array = record["output_nonfinite"][row]
    if (counts > 0).any():
        i = int((counts > 0).argmax())
        return view.layers[i], f"the output of {view.layers[i]} is not finite", int(counts[i])
    if not np.isfinite(record["loss"][row]):
        return "", f"the loss is {number(float(record['loss'][row]))}", 1
    counts = record["gradient_nonfinite"][row]
    if (counts > 0).any():
        i = len(counts) - 1 - int((counts[::-1] > 0).argmax())
        return view.layers[i], f"the gradient at {view.layers[i]} is not finite", int(counts[i])
    counts = np.nan_to_num(record["param_gradient_nonfinite"][row])
    i = int(counts.argmax())
    name = str(record["params"][i])
    return "", f"the gradient of the parameter {name} is not finite", int(counts[i])


def _largest_before(view: View, row: int) -> tuple[str, float] | None:
    if row == 0:
        return None
    largest = view.record["output_max"][row - 1]
    if np.isnan(largest).all():
        return None
    i = int(np.nanargmax(largest))
    return f"at {view.layers[i]}", float(largest[i])


def _why(view: View, row: int) -> str:
    record = view.record
    if record["input_nonfinite"][row] > 0:
        return "The data hold NaN or infinity."
    if row:
        bad = np.nan_to_num(record["param_nonfinite"][row - 1]) > 0
        if bad.any():
            name = str(record["params"][int(bad.argmax())])
            return f"The parameter {name} was not finite after the update of the step before."
    losses = record["loss"][:row]
    if len(losses) > 1 and losses[-1] > RUNAWAY * losses[0]:
        return (
            f"The loss had run away before: {number(float(losses[0]))} at the beginning, "
            f"{number(float(losses[-1]))} in the last finite step."
        )
    if row == 0 and (record["output_max"][row] > HUGE).any():
        return "The outputs grow from layer to layer until they overflow."
    bad = record["output_nonfinite"][row] > 0
    if not bad.any() and record["gradient_nonfinite"][row, -1] > 0:
        return (
            f"What the network gives is finite, what comes back from the loss is not: there "
            f"a root, a logarithm or a quotient of {view.layers[-1]}'s output has no finite slope."
        )
    first = int(bad.argmax())
    if bad.any() and view.roles[first] == "weights":
        source = view.below(first)
        entering = record["output_max"][row, source] if source >= 0 else record["input_max"][row]
        if entering < HUGE:
            return (
                f"What came in was finite, {number(float(entering))} at most: the weights or "
                f"biases of {view.layers[first]} themselves must hold NaN or infinity."
            )
    return ""


def _diverged(view: View) -> list[Finding]:
    losses, progress = view.get("loss"), view.progress
    if len(losses) < 2 or view.incomparable or view.unmoved_loss:
        return []
    # What the loss was worth at its best guess: one lucky first batch does not count.
    first = max(progress.first, float(np.median(losses[:5])), 1e-12)
    level = max(first, progress.constant) if progress.known else first
    last = float(losses[-1])
    ran = last > RUNAWAY * level
    risen = len(losses) >= _ENOUGH and float(np.median(losses[view.now])) > RISEN * level
    if not (ran or (risen and progress.now > RISEN * level)):
        return []
    step = view.since(losses > RISEN * level)
    return [
        Finding(
            "diverged",
            "serious" if progress.falling and not ran else "fatal",
            (),
            step,
            f"The loss has run away: {number(progress.first)} at the beginning, {number(last)} at "
            f"step {int(view.steps[view.rows - 1])}; it has been over {number(RISEN * level)} "
            f"since step {step}.",
            numbers={"first_loss": progress.first, "loss": last},
        )
    ]
