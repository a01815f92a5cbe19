"""Analytic gradients against differences of the function, component by component.

The numeric derivative is the central difference over four points,
``(8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h``, whose error falls as ``h^4``: in float64 with
``h = 1e-3`` both that error and rounding stay near 1e-12.

With a kink (the corner of ReLU) within reach of the four points this number is no derivative. A
component that does not agree is therefore tried again with steps 10, 100 and 1000 times smaller,
and then from each side alone, ``(-11 f(0) + 18 f(h) - 9 f(2h) + 2 f(3h)) / 6h``: beside a kink, or
on it, the analytic derivative is that of one side. Where the function is smooth all of these are
the same number, so a wrong gradient cannot hide behind them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import NnscratchError, ShapeError

SHRINKING = (1.0, 1e-1, 1e-2, 1e-3)

Key = tuple[str, str]  # layer and what of it is varied: ("0.dense", "weight"), ("1.elu", "input")


class GradientMismatch(NnscratchError, AssertionError):
    """An analytic gradient that differs from the numeric one.

    Attributes
    ----------
    layer, parameter : str
        ``"0.dense"`` and ``"weight"``; the parameter is ``"input"`` for the gradient handed down.
    index : tuple of int
    analytic, numeric, error : float
        `error` is relative.
    """

    def __init__(
        self, key: Key, index: tuple[int, ...], analytic: float, numeric: float, error: float
    ) -> None:
        self.layer, self.parameter = key
        self.index, self.analytic, self.numeric, self.error = index, analytic, numeric, error
        super().__init__(
            f"gradient of {self.layer!r} with respect to its {self.parameter} at index {index}: "
            f"analytic {analytic:.10g}, numeric {numeric:.10g}, relative error {error:.3g}"
        )


@dataclass
class Function:
    """A scalar function of arrays that are varied in place, and its analytic gradients.

    `value` and `gradients` use what `arrays` hold when they are called.
    """

    arrays: dict[Key, Array]
    value: Callable[[], float]
    gradients: Callable[[], dict[Key, Array]]


@dataclass
class Comparison:
    """How to compare: see `nnscratch.gradcheck.check_gradients`."""

    tolerance: float
    step: float
    samples: int | None
    rng: np.random.Generator

    def run(self, function: Function) -> float:
        """Return the worst relative error; raise `GradientMismatch` at the first too large."""
        rounding = 16 * float(np.finfo(np.float64).eps) * max(1.0, abs(function.value()))
        smallest = rounding / self.step / self.tolerance
        gradients = function.gradients()
        worst = 0.0
        for key, array in function.arrays.items():
            gradient = gradients[key]
            if gradient.shape != array.shape:
                raise ShapeError(
                    f"gradient of {key[0]!r} with respect to its {key[1]} has shape "
                    f"{gradient.shape}, expected {array.shape}"
                )
            for i in self._components(array.size):
                along = _Along(function.value, array.reshape(-1), int(i), self.step)
                analytic = float(gradient.flat[i])
                error, numeric = self._compare(along, analytic, smallest)
                if not error <= self.tolerance:
                    index = tuple(int(n) for n in np.unravel_index(i, array.shape))
                    mismatch = GradientMismatch(key, index, analytic, numeric, error)
                    if along.is_kink(smallest):
                        mismatch.add_note(
                            "The function has a kink exactly here: its slopes on the two sides "
                            "differ and no gradient is right. Move the input or the parameters."
                        )
                    raise mismatch
                worst = max(worst, error)
        return worst

    def _components(self, size: int) -> Array:
        if self.samples is None or self.samples >= size:
            return np.arange(size)
        return np.sort(self.rng.choice(size, self.samples, replace=False))

    def _compare(self, along: _Along, analytic: float, smallest: float) -> tuple[float, float]:
        """Return the relative error and the numeric derivative it belongs to."""
        closest, estimate = math.inf, math.nan
        for difference in (along.central, along.left, along.right):
            for shrink in SHRINKING:
                numeric = difference(shrink)
                error = abs(analytic - numeric) / max(abs(analytic), abs(numeric), smallest)
                if not math.isfinite(error):
                    return math.inf, numeric
                if error < closest:
                    closest, estimate = error, numeric
                if error <= self.tolerance:
                    return error, numeric
        return closest, estimate


@dataclass
class _Along:
    """The function along one component; `step` is relative to ``max(1, |component|)``."""

    value: Callable[[], float]
    flat: Array
    i: int
    step: float

    def __post_init__(self) -> None:
        self.start = self.flat[self.i]
        self.step *= max(1.0, abs(float(self.start)))

    def at(self, offset: float) -> float:
        self.flat[self.i] = self.start + offset
        try:
            return self.value()
        finally:
            self.flat[self.i] = self.start

    def central(self, shrink: float) -> float:
        h = self.step * shrink
        return (8 * (self.at(h) - self.at(-h)) - (self.at(2 * h) - self.at(-2 * h))) / (12 * h)

    def right(self, shrink: float) -> float:
        return self._one_sided(self.step * shrink)

    def left(self, shrink: float) -> float:
        return self._one_sided(-self.step * shrink)

    def _one_sided(self, h: float) -> float:
        return (-11 * self.at(0) + 18 * self.at(h) - 9 * self.at(2 * h) + 2 * self.at(3 * h)) / (
            6 * h
        )

    def is_kink(self, smallest: float) -> bool:
        left, right = self.left(SHRINKING[-1]), self.right(SHRINKING[-1])
        return abs(left - right) > 1e-3 * max(abs(left), abs(right), smallest)
