"""Is a contender's result right? Nothing is timed before this says yes.

The reference is plain NumPy in float64 from the same weights on the same batch. After
`CHECK_STEPS` steps a contender must have returned the same losses and moved every parameter to the
same place. The error of an array is measured against how far it *moved*, so that a contender that
forgets to update something fails, however small its learning rate:

    error = rms(array - reference) / (rms(reference - start) + floor)

with a floor for arrays that hardly move (a bias before batch norm has gradient zero): a twentieth
of the network's overall rms movement, and the rounding of the array's own values in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.contenders.numpy_plain import NumpyPlain
from benchmarks.workloads import CHECK_STEPS, Array, Workload, make_problem

TOLERANCE = 2e-2
LOSS_TOLERANCE = 1e-4
PRODUCT_TOLERANCE = 1e-4
_FLOOR = 0.05
_ROUNDING = 64 * float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Reference:
    """What the float64 reference returned: losses, arrays, and the arrays it started from."""

    losses: list[float]
    arrays: dict[str, Array]
    start: dict[str, Array]


@dataclass(frozen=True)
class Verdict:
    """The largest error over losses and arrays, where it was found, and whether all are right."""

    error: float
    where: str
    correct: bool


def make_reference(workload: Workload, steps: int = CHECK_STEPS) -> Reference:
    """Make `steps` steps in float64."""
    contender = NumpyPlain(make_problem(workload, np.float64))
    start = {name: array.copy() for name, array in contender.arrays().items()}
    losses = [contender.step() for _ in range(steps)]
    return Reference(losses, contender.arrays(), start)


def judge(reference: Reference, losses: Sequence[float], arrays: Mapping[str, Array]) -> Verdict:
    """Compare a contender with the reference.

    Every parameter must be there; running means are compared where the contender has them.
    """
    if len(losses) != len(reference.losses):
        return Verdict(math.inf, f"{len(losses)} losses for {len(reference.losses)} steps", False)
    missing = [
        name
        for name in reference.arrays
        if name not in arrays and not name.endswith("running_mean")
    ]
    if missing:
        return Verdict(math.inf, f"no array {missing[0]}", False)
    moves = [a - reference.start[name] for name, a in reference.arrays.items()]
    overall = math.sqrt(sum(_squares(m) for m in moves) / sum(m.size for m in moves))
    worst, where, correct = 0.0, "", True
    for i, (got, expected) in enumerate(zip(losses, reference.losses, strict=True)):
        error = _number(abs(got - expected) / (abs(expected) + LOSS_TOLERANCE))
        correct &= error <= LOSS_TOLERANCE
        if not error <= worst:
            worst, where = error, f"loss of step {i + 1}"
    for name, right in reference.arrays.items():
        if name not in arrays:
            continue
        if arrays[name].shape != right.shape:
            return Verdict(math.inf, f"{name} has shape {arrays[name].shape}", False)
        moved = _rms(right - reference.start[name])
        floor = _FLOOR * overall + _ROUNDING * _rms(right)
        error = _number(_rms(arrays[name] - right) / (moved + floor))
        correct &= error <= TOLERANCE
        if not error <= worst:
            worst, where = error, name
    return Verdict(worst, where, correct)


def same() -> Callable[[Sequence[float], Mapping[str, Array]], Verdict]:
    """Return a judge by whom all who come after the first have to return the same bits."""
    first: list[tuple[Sequence[float], Mapping[str, Array]]] = []

    def judge(losses: Sequence[float], arrays: Mapping[str, Array]) -> Verdict:
        first.append((losses, arrays))
        known, others = first[0]
        if list(losses) != list(known) or not all(map(math.isfinite, losses)):
            return Verdict(math.inf, "losses", False)
        for name, right in others.items():
            if name not in arrays or not np.array_equal(arrays[name], right):
                return Verdict(math.inf, name, False)
        return Verdict(0.0, "", True)

    return judge


def judge_product(expected: Array, got: Array) -> Verdict:
    """Compare a kernel's output with the float64 one, relative to the largest element."""
    if got.shape != expected.shape:
        return Verdict(math.inf, f"shape {got.shape}, expected {expected.shape}", False)
    error = _number(float(np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-30)))
    return Verdict(error, "largest difference", error <= PRODUCT_TOLERANCE)


def _squares(array: Array) -> float:
    flat = array.astype(np.float64, copy=False).ravel()
    return float(flat @ flat)


def _rms(array: Array) -> float:
    return math.sqrt(_squares(array) / array.size)


def _number(error: float) -> float:
    return math.inf if math.isnan(error) else error
