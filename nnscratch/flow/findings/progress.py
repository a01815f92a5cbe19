"""Does a run learn? Its loss against what a constant answer, and other examples, would give."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nnscratch.arrays import Array

# Of the way from a constant answer's loss to the least there is.
LEARNED = 0.75  # this much of it: the run does what it should
DONE = 0.85  # this much: more steps are not asked for
STILL = 0.05  # a fall of this much over a quarter: more is asked for all the same
LEARNS = 0.2  # this much: it is on its way
SOON = 3.0  # times the steps made, until half of what is missing is learned: it goes briskly
AS_GOOD = 0.9  # or this much of what can be told from other examples
HALF_AS_GOOD = 0.5  # this much of it: it is on its way
WORTH, HARD = 0.15, 0.5  # where that is worth something, and the answers are not plain to see
NOTHING = 0.05  # no more than this, and no movement: nothing was learned
LITTLE, PLAIN = 0.15, 0.8  # nor where it is this little, and this much is plain to see
MOVES = 0.005  # a fall of this much over a quarter of the run
RISEN = 0.25  # from the least the loss has been, back up by this much
SURE = 2.5  # standard errors
STEADY = 200  # steps: of fewer the quarters are too short to be told from batches alone
ENOUGH = 50  # steps before a loss that stands is said to stand
ASKED = 150  # examples before what others tell is believed
_LEAST = 5  # steps make a mean
_PARTS = (10, 4, 2)  # "now" is the latest tenth of the steps; where batches differ much, more
_ERROR = 0.02  # of the way: as well as "now" should be known
FLIPS = 0.2  # of the steps the loss changes its sign: it is no height
_BLIND = 0.2  # known no better than this, nothing is said


@dataclass(frozen=True)
class Progress:
    """The loss of a run, and what it is worth.

    Attributes
    ----------
    losses, steps : arrays
        Of the finite rows.
    constant, free, floor : float
        The loss of the best constant answer, of the best outputs of any kind, and of the best that
        the last layer can give; NaN where the record does not say.
    linear, near : float
        The fraction of the answers' variance that a linear fit, and the nearest neighbours, tell of
        other examples; NaN where nobody asked.
    """

    losses: Array
    steps: Array
    constant: float
    free: float
    floor: float
    linear: float
    near: float

    @property
    def rows(self) -> int:
        """How many losses there are."""
        return len(self.losses)

    @property
    def known(self) -> bool:
        """Whether it is known what a constant answer gives, and there is something to learn."""
        return self.constant > self.free

    @cached_property
    def first(self) -> float:
        """The loss at the beginning: the first one, before any update."""
        return float(self.losses[0]) if self.rows else math.nan

    @cached_property
    def _now(self) -> tuple[float, float]:
        value, error = math.nan, math.nan
        for part in _PARTS:
            count = min(self.rows, max(_LEAST, self.rows // part))
            value, error = _mean(self.losses[self.rows - count :])
            if not SURE * error > _ERROR * self.room:
                break
        return value, error

    @property
    def now(self) -> float:
        """The loss now."""
        return self._now[0]

    @property
    def error(self) -> float:
        """The standard error of `now`."""
        return self._now[1]

    @cached_property
    def best(self) -> float:
        """The least mean of a tenth of the steps."""
        width = min(self.rows, max(_LEAST, self.rows // _PARTS[0]))
        if not width:
            return math.nan
        ends = np.concatenate([[0.0], np.cumsum(self.losses)])
        return float(np.min(ends[width:] - ends[:-width]) / width)

    @property
    def room(self) -> float:
        """From a constant answer's loss, or from the first one, down to the least."""
        return self.constant - self.free if self.known else abs(self.first)

    @property
    def share(self) -> float:
        """How much of that has been learned: 0 no more than a constant answer, 1 everything."""
        start = self.constant if self.known else self.first
        return (start - self.now) / self.room if self.room > 0 else math.nan

    @property
    def told(self) -> float:
        """How much of the answers other examples tell; NaN where nobody asked."""
        return max(self.linear, self.near)

    @cached_property
    def tells(self) -> bool:
        """Whether the height of the loss tells anything: not where that is not known and it jumps
        from one sign to the other, as what a policy's gradient is computed of.
        """
        flips = np.diff(np.sign(self.losses)) != 0
        return self.known or not len(flips) or float(flips.mean()) < FLIPS

    @property
    def worse(self) -> bool:
        """Whether the loss has risen again, far above the least it has had."""
        return self.tells and self.now > self.best + RISEN * self.room + SURE * self.error

    @property
    def learned(self) -> bool:
        """Whether the run does what it should."""
        if self.rows < _LEAST or self.worse:
            return False
        return self.share >= LEARNED or self._as_good(AS_GOOD)

    def _as_good(self, part: float) -> bool:
        """Whether this part of what other examples tell is learned, where that is worth asking."""
        return WORTH <= self.told <= HARD and self.share >= part * self.told

    @property
    def learns(self) -> bool:
        """Whether the run learns: has come some way, or goes briskly."""
        if self.rows < _LEAST or self.worse:
            return False
        some = self.share >= LEARNS or self._as_good(HALF_AS_GOOD)
        return self.learned or some or self._brisk

    @property
    def _brisk(self) -> bool:
        if self.rows < 4 * _LEAST:
            return self.now < self.first  # too soon to say more
        if self.rows >= STEADY and self.known and self.share < 0:
            return False  # so long, and one answer for all would still be better
        return self.steps_left < SOON * float(self.steps[-1] - self.steps[0])

    @cached_property
    def _fall(self) -> tuple[float, float]:
        quarter = self.rows // 4
        if quarter < _LEAST:
            return 0.0, 0.0
        before, e1 = _mean(self.losses[self.rows - 2 * quarter : self.rows - quarter])
        after, e2 = _mean(self.losses[self.rows - quarter :])
        return before - after, math.hypot(e1, e2)

    @property
    def fall(self) -> float:
        """By how much the loss fell from the third to the last quarter of the steps."""
        return self._fall[0]

    @property
    def falling(self) -> bool:
        """Whether the loss still falls: from one quarter to the next or, where these are short and
        say so but not for sure, from half to half of what comes after the first quarter."""
        fall, error = self._fall
        sure = fall > SURE * error
        if self.rows < STEADY and self.share >= NOTHING:
            late, noise = _fall_of_halves(self.losses[self.rows // 4 :])
            sure = sure or late > noise
        return sure and fall > MOVES * self.room

    @property
    def unfinished(self) -> bool:
        """Whether there is more to learn, and it is being learned."""
        brisk = self.fall > STILL * self.room
        return self.falling and (self.share < DONE or brisk)

    @property
    def steps_left(self) -> float:
        """Steps until half of what is missing is learned, at the pace of the last quarter."""
        if not self.falling:
            return math.inf
        least = max(self.free, self.floor) if self.known else 0.0
        quarter = float(self.steps[-1] - self.steps[0]) / 4
        return 0.5 * (self.now - least) / self.fall * quarter

    @cached_property
    def _halves(self) -> tuple[float, float]:
        return _fall_of_halves(self.losses)

    @property
    def rising(self) -> bool:
        """Whether the loss of a run too short for quarters rose, from one half to the other."""
        fall, error = self._halves
        return self.tells and -fall > error and -fall > NOTHING * self.room

    @property
    def pace(self) -> float:
        """`steps_left` of a run too short for quarters, from one half to the other.

        Infinite where the loss fell by no more than batches differ.
        """
        fall, error = self._halves
        if not fall > error:
            return math.inf
        least = max(self.free, self.floor) if self.known else 0.0
        half = self.rows // 2 / (self.rows - 1) * float(self.steps[-1] - self.steps[0])
        return 0.5 * max(0.0, self.now - least) / fall * half

    @property
    def nothing(self) -> bool:
        """Whether the run has learned nothing, and is not about to."""
        if self.rows < ENOUGH or math.isnan(self.share) or not self.tells:
            return False
        blind = SURE * self.error > _BLIND * self.room
        far = self.known and self.now - SURE * self.error > self.constant + self.room
        blind = blind and not far
        little = self.share < LITTLE and self.told > PLAIN
        return (self.share < NOTHING or little) and not blind and not self.falling


def _fall_of_halves(losses: Array) -> tuple[float, float]:
    """Return by how much losses fall from half to half, and what batches may make of that."""
    half = len(losses) // 2
    if not half:
        return 0.0, 0.0
    fall = np.mean(losses[-2 * half : -half]) - np.mean(losses[-half:])
    # Of all steps, and of how they differ from an even fall: halves are too short to tell.
    away = np.diff(losses)
    noise = float(np.std(away, ddof=1)) if len(away) > 2 else math.inf
    return float(fall), SURE * noise / math.sqrt(half)


def _mean(losses: Array) -> tuple[float, float]:
    """Return the mean and, from the differences of neighbours, its standard error without trend.

    NaN of nothing.
    """
    if len(losses) < 2:
        return (float(losses[0]), 0.0) if len(losses) else (math.nan, math.nan)
    noise = math.sqrt(float(np.mean(np.diff(losses) ** 2)) / 2)
    return float(np.mean(losses)), noise / math.sqrt(len(losses))
