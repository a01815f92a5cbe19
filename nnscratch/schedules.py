"""Learning-rate schedules: callables from the step (0, 1, 2, ...) to the rate of that step.

Wherever a rate is expected, a plain number means `Constant`, and any function of the step will do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

from nnscratch.errors import ConfigError, require_count, require_number, shown

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class Constant:
    """``lr(step) = lr``."""

    lr: float

    def __post_init__(self) -> None:
        require_number("Constant lr", self.lr, least=0)

    def __call__(self, step: int) -> float:
        return self.lr


@dataclass(frozen=True)
class StepDecay:
    """``lr(step) = initial * factor ** (step // every)``: multiplied by `factor` now and then.

    initial : float >= 0; factor : float > 0; every : int, steps between two changes.
    """

    initial: float
    factor: float
    every: int

    def __post_init__(self) -> None:
        require_number("StepDecay initial", self.initial, least=0)
        require_number("StepDecay factor", self.factor, above=0)
        require_count("StepDecay every", self.every)

    def __call__(self, step: int) -> float:
        return self.initial * self.factor ** (step // self.every)


@dataclass(frozen=True)
class Cosine:
    """Half a cosine wave from `initial` at step 0 to `final` at step `steps`, and `final` after it.

    ``lr(step) = final + (initial - final) * (1 + cos(pi * step / steps)) / 2``
    (Loshchilov & Hutter, "SGDR", 2017).
    """

    initial: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        require_number("Cosine initial", self.initial, least=0)
        require_count("Cosine steps", self.steps)
        require_number("Cosine final", self.final, least=0)

    def __call__(self, step: int) -> float:
        if step >= self.steps:
            return self.final
        wave = (1 + math.cos(math.pi * step / self.steps)) / 2
        return self.final + (self.initial - self.final) * wave


@dataclass(frozen=True)
class Geometric:
    """From `initial` at step `first` to `final` in `steps` steps, each a factor from the last.

    ``lr(step) = initial * (final / initial) ** ((step - first) / (steps - 1))``, `final` after it.
    """

    initial: float
    final: float
    steps: int
    first: int = 0

    def __post_init__(self) -> None:
        require_number("Geometric initial", self.initial, above=0)
        require_number("Geometric final", self.final, above=0)
        require_count("Geometric steps", self.steps, least=2)
        require_count("Geometric first", self.first, least=0)

    def __call__(self, step: int) -> float:
        done = min(max(step - self.first, 0) / (self.steps - 1), 1.0)
        return float(self.initial ** (1 - done) * self.final**done)


@dataclass(frozen=True)
class Warmup:
    """A straight rise over `steps` steps to the first rate of `schedule`, then `schedule` itself.

    ``lr(step) = schedule(0) * (step + 1) / steps`` while ``step < steps``, then
    ``schedule(step - steps)`` (Goyal et al., "Accurate, Large Minibatch SGD", 2017).

    schedule : a rate, or a schedule; it starts counting when the rise is over.
    """

    schedule: float | Schedule
    steps: int

    def __post_init__(self) -> None:
        as_schedule(self.schedule, "Warmup schedule")
        require_count("Warmup steps", self.steps)

    def __call__(self, step: int) -> float:
        schedule = as_schedule(self.schedule)
        if step < self.steps:
            return schedule(0) * (step + 1) / self.steps
        return schedule(step - self.steps)


def as_schedule(lr: float | Schedule, what: str = "lr") -> Schedule:
    """Return `lr` as a schedule: a number becomes `Constant`.

    Raises `ConfigError` naming `what` for a number that is negative or not finite and for anything
    that is neither a number nor callable.
    """
    if callable(lr):
        return lr
    if not isinstance(lr, Real):
        raise ConfigError(
            f"{what} must be a number >= 0 or a schedule (a function of the step), got {shown(lr)}"
        )
    return Constant(require_number(what, lr, least=0))


def is_fixed(schedule: float | Schedule) -> bool:
    """Whether all rates are known beforehand: a function of somebody's may look at the training."""
    if isinstance(schedule, Warmup):
        return is_fixed(schedule.schedule)
    return not callable(schedule) or type(schedule) in (Constant, StepDecay, Cosine, Geometric)
