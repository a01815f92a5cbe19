"""Runs that have come to an end: values that are not finite, a loss that ran away."""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings import cures
from nnscratch.flow.findings.finding import Finding
from nnscratch.flow.findings.view import View
from nnscratch.flow.findings.words import number
from nnscratch.flow.reading import RUNAWAY

RISEN = 2.0  # times the first loss, in the median of the latest steps
_ENOUGH = 15
_HUGE = 1e15


def find(view: View) -> list[Finding]:
    """Return what ended the run."""
    return [*_nonfinite(view), *_diverged(view)]


def _nonfinite(view: View) -> list[Finding]:
    row = view.rows
    if row == len(view.steps):
        return []
    record, step = view.record, int(view.steps[row])
    layer, what, count = _first_bad(view, row)
    before = _largest_before(view, row)
    sentence = f"NaN or infinity since step {step}: {what}"
    if count:
        sentence += f" ({count:,} values)"
    numbers = {"count": float(count), "loss": float(record["loss"][row])}
    if before is not None:
        name, value = before
        sentence += f". In the step recorded before, the largest output was {number(value)}, {name}"
        numbers["largest_before"] = value
    return [
        Finding(
            "non-finite",
            "fatal",
            (layer,) if layer else (),
            step,
            sentence + ".",
            _why(view, row),
            _cures(view, row),
            numbers,
        )
    ]


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
        return "The data hold NaN or infinity: check them with np.isfinite(x).all()."
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
    if row == 0 and (record["output_max"][row] > _HUGE).any():
        return (
            "The outputs grow from layer to layer until they overflow: the weights are too large."
        )
    bad = record["output_nonfinite"][row] > 0
    first = int(bad.argmax())
    if bad.any() and view.kinds[first] == "dense":
        entering = record["output_max"][row, first - 1] if first else record["input_max"][row]
        if entering < _HUGE:
            return (
                f"What came in was finite, {number(float(entering))} at most: the weights or "
                f"biases of {view.layers[first]} themselves must hold NaN or infinity."
            )
    return ""


def _cures(view: View, row: int) -> tuple[str, ...]:
    record, losses = view.record, view.record["loss"][:row]
    if record["input_nonfinite"][row] > 0:
        return ("look at the data before training: nn.datasets.check_inputs(x) names the place",)
    if row == 0:
        return cures.suitable_init(view.activation, view.hidden_scale(0))
    look = (
        'see the step tensor by tensor: callbacks=[nn.Forensics("runs"), flow], then nnscratch '
        "replay on the file that it writes"
    )
    slower = cures.learning_rate(float(record["lr"][row]) / 10)
    if losses[-1] > RUNAWAY * losses[0]:
        return (*slower, *cures.clip(view.has_clip), look)
    return (look, *cures.clip(view.has_clip), *slower)


def _diverged(view: View) -> list[Finding]:
    losses = view.get("loss")
    if len(losses) < 2:
        return []
    first, last = view.first_loss, float(losses[-1])
    ran = last > RUNAWAY * max(float(losses[0]), 1e-12)
    risen = len(losses) >= _ENOUGH and view.last_loss > RISEN * max(first, 1e-12)
    if not (ran or risen):
        return []
    level = RISEN * max(float(losses[0]) if ran else first, 1e-12)
    step = view.since(losses > level)
    rate = float(view.get("lr")[-1])
    return [
        Finding(
            "diverged",
            "fatal",
            (),
            step,
            f"The loss has run away: {number(float(losses[0]))} at the beginning, {number(last)} "
            f"at step {int(view.steps[view.rows - 1])}; it has been over twice the first since "
            f"step {step}.",
            f"The learning rate is {number(rate)}: the steps are longer than the loss's curvature "
            f"allows.",
            cures.learning_rate(rate / 10) + cures.clip(view.has_clip),
            {"first_loss": float(losses[0]), "loss": last, "lr": rate},
        )
    ]
