"""What a claim is, what running it gives, and the four verdicts."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from nnscratch import datasets
from nnscratch.arrays import Array
from nnscratch.datasets.checks import Split
from nnscratch.errors import unknown_name
from nnscratch.experiments.claims.intervals import Interval, interval
from nnscratch.experiments.claims.pictures import Picture

T = TypeVar("T")
Settings = Mapping[str, Any]

HOLDS = "holds"
CONDITION = "holds with a condition"
FAILS = "does not hold"
UNCHECKED = "cannot be checked here"


# Rules and sizes were tried on the seeds below; claims are judged on seeds without a part in that.
FIRST_SEED = 1000


@dataclass(frozen=True)
class Verdict:
    """One of the four words, and the reason in one sentence, with the numbers that decided."""

    word: str
    reason: str

    @classmethod
    def holds(cls, reason: str) -> Verdict:
        """Return the verdict on a claim that holds as it stands."""
        return cls(HOLDS, reason)

    @classmethod
    def with_condition(cls, reason: str) -> Verdict:
        """Return the verdict on a claim that holds, but not everywhere; `reason` says where."""
        return cls(CONDITION, reason)

    @classmethod
    def fails(cls, reason: str) -> Verdict:
        """Return the verdict on a claim that the measurement contradicts."""
        return cls(FAILS, reason)

    @classmethod
    def unchecked(cls, reason: str) -> Verdict:
        """Return the verdict where nothing can be said: no data, or too wide an interval."""
        return cls(UNCHECKED, reason)


@dataclass(frozen=True)
class Quantity:
    """Something measured once per seed.

    Attributes
    ----------
    what : str
        In words, as the page prints it.
    values : tuple of float
        One for each seed; made from any sequence or array.
    expected : float, (low, high) or None
        What was published or predicted.
    whose : str
        Whose number `expected` is: "published", "mean-field theory" ...
    """

    what: str
    values: Sequence[float] | Array
    expected: float | tuple[float, float] | None = None
    whose: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(float(value) for value in self.values))

    @functools.cached_property
    def interval(self) -> Interval:
        """The mean over the seeds with its 95 % interval."""
        return interval(tuple(self.values))

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return self.interval.mean if len(self.values) > 1 else self.values[0]

    def __str__(self) -> str:
        return text(self.interval)


def text(given: Interval | float) -> str:
    """Return a number, or a mean and its interval, to three or four digits."""
    if isinstance(given, float):
        return f"{given:.4g}"
    if given.low == given.high:
        return f"{given.mean:.4g} (all seeds the same)"
    return f"{given.mean:.4g} [{given.low:.4g}, {given.high:.4g}]"


@dataclass(frozen=True)
class Measured:
    """What running a claim gives: all that the verdict and the picture see."""

    quantities: Mapping[str, Quantity]
    curves: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Quantity:
        if name not in self.quantities:
            raise unknown_name("quantity", name, self.quantities)
        return self.quantities[name]

    def farthest(self) -> tuple[str, float]:
        """Return the quantity that is farthest from what was expected of it, and by which part."""
        off = {
            name: abs(found.mean / float(np.max(found.expected or 0.0)) - 1)
            for name, found in self.quantities.items()
        }
        worst = max(off, key=lambda name: off[name])
        return worst, off[worst]

    def judged(self, close: float, said: str) -> Verdict:
        """Return the verdict on quantities that are said to be within a part `close` of theory."""
        outside, wide = [], False
        for name, found in self.quantities.items():
            expected = float(np.max(found.expected or 0.0))
            limits = expected * (1 - close), expected * (1 + close)
            if not found.interval.meets(*limits):
                outside.append(name)
            wide = wide or not found.interval.within(*limits)
        if outside:
            return Verdict.fails(f"{said}; outside with the whole interval: {'; '.join(outside)}")
        if wide:
            return Verdict.unchecked(f"{said}, but some intervals reach beyond {close:.0%}")
        return Verdict.holds(said)


class Data:
    """The data sets, loaded when a claim asks for them."""

    def __init__(
        self, data_dir: str | os.PathLike[str] | None = None, download: bool = False
    ) -> None:
        self._data_dir, self._download = data_dir, download

    def digits(self) -> Split:
        """Return x_train, y_train, x_test, y_test of the embedded digits."""
        return datasets.load("digits")

    @functools.cached_property
    def _mnist(self) -> Split:
        return datasets.mnist(self._data_dir, self._download)

    def mnist(self) -> Split:
        """Return x_train, y_train, x_test, y_test of MNIST, or raise why they cannot be had."""
        return self._mnist


class Progress:
    """Told how far a claim has come; `show(fraction, note)` draws it."""

    def __init__(self, show: Callable[[float, str], None] | None = None) -> None:
        self._show = show
        self._spans: list[tuple[float, float]] = [(0.0, 1.0)]

    def over(self, items: Sequence[T], note: str = "") -> Iterator[T]:
        """Go through `items`, each an equal share of what is under way. Loops may be nested."""
        start, length = self._spans[-1]
        share = length / max(1, len(items))
        for i, item in enumerate(items):
            if self._show is not None:
                self._show(start + i * share, f"{note} {item}" if note else "")
            self._spans.append((start + i * share, share))
            try:
                yield item
            finally:
                self._spans.pop()


class Trial(Mapping[str, Any]):
    """What a claim is tried with: its settings by name, the data, and who is told how far it is."""

    def __init__(
        self, settings: Settings, data: Data | None = None, progress: Progress | None = None
    ) -> None:
        self._settings = settings
        self.data = data or Data()
        self.over = (progress or Progress()).over

    def __getitem__(self, name: str) -> Any:
        return self._settings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def seeds(self, note: str) -> Iterator[int]:
        """Go through the seeds, as `Progress.over` does."""
        return self.over(self["seeds"], note)


@dataclass(frozen=True)
class Claim:
    """A sentence that can be true or false, and the experiment that tries it.

    The fields are described in `nnscratch.experiments.claims`.
    """

    name: str
    sentence: str
    source: str
    configuration: str
    rule: str
    full: Settings
    quick: Settings
    run: Callable[[Trial], Measured]
    verdict: Callable[[Measured], Verdict]
    picture: Callable[[Measured], Picture]
    needs: tuple[str, ...] = ()

    def settings(self, *, quick: bool = False, seeds: Sequence[int] | None = None) -> Settings:
        """Return the settings of a run; `seeds` replaces the claim's own."""
        chosen = {**self.full, **(self.quick if quick else {})}
        own = range(FIRST_SEED, FIRST_SEED + chosen["seeds"])
        return {**chosen, "seeds": tuple(own if seeds is None else seeds)}

    def described(self, settings: Settings) -> str:
        """Return the configuration in words, with these settings."""
        return self.configuration.format(**{**settings, "seeds": len(settings["seeds"])})
