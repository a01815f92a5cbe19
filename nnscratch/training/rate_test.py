"""The learning-rate range test: one short training whose rate rises from step to step.

While the rate is too small the loss stays, then it falls, then it explodes: the rate at which it
falls fastest is a good one to begin with (Smith, "Cyclical Learning Rates", 2017).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, require_count, require_number
from nnscratch.network.model import Sequential
from nnscratch.network.nodes import LossFunction
from nnscratch.optimizers import Optimizer
from nnscratch.schedules import Geometric
from nnscratch.training.callbacks import Callback, StepInfo
from nnscratch.training.trainer import Trainer
from nnscratch_records import memory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEP = 100  # bytes that are kept of each: its rate, and its loss in two lists and two arrays
KEEP = 0.9  # of the running mean of the losses, from step to step
EXPLODED = 4.0  # times the smallest running mean: the test ends
WINDOW = 4  # steps before and after that a smoothed loss is the mean of
LEAST_FALL = 0.02  # of the first losses: less is no fall
LEAST_STEPS = 20


@dataclass(frozen=True, eq=False, repr=False)
class RateTest:
    """What a range test measured, and the rate it suggests.

    Attributes
    ----------
    rates, losses : arrays, shape (steps,)
        Of each step; the test ends early where the loss explodes.
    smooth : array
        The losses, smoothed.
    rate : float
        Where the smoothed loss falls fastest; NaN where no rate makes it fall.
    lowest : float
        The rate at the lowest smoothed loss; the largest one to try.
    exploded : bool
        Whether the loss grew to four times its lowest, or became NaN or infinite.
    """

    rates: Array
    losses: Array
    smooth: Array
    rate: float
    lowest: float
    exploded: bool

    def to_dict(self) -> Mapping[str, Any]:
        """Return the fields by name, as `nnscratch_plots.rate_test` takes them."""
        return dict(self.__dict__)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the losses over the rates, and the suggestion."""
        from nnscratch_plots import rate_test

        return rate_test(self.to_dict(), ax=ax)

    def __repr__(self) -> str:
        return f"RateTest({self})"

    def __str__(self) -> str:
        steps, first, last = len(self.rates), self.rates[0], self.rates[-1]
        span = f"{steps} steps with rates from {first:.1e} to {last:.1e}"
        if math.isnan(self.rate):
            return f"{span}: the loss falls at none of them. See findings for what is wrong."
        end = "where it explodes" if self.exploded else "and it does not explode"
        return (
            f"{span}, {end}. The loss falls fastest at lr={self.rate:.2g} (begin there) and is "
            f"lowest at {self.lowest:.2g}."
        )


class _StopWhenExploded(Callback):
    """Ends the test when the running mean of the losses is far above its lowest."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.exploded = False
        self._sum, self._lowest = 0.0, math.inf

    def on_step(self, trainer: Trainer, step: StepInfo) -> None:
        self.losses.append(step.loss)
        self._sum = KEEP * self._sum + (1 - KEEP) * step.loss
        mean = self._sum / (1 - KEEP ** len(self.losses))
        self._lowest = min(self._lowest, mean)
        self.exploded = len(self.losses) >= LEAST_STEPS and not (
            mean < EXPLODED * max(self._lowest, 1e-300)
        )
        if self.exploded:
            trainer.stop("the loss explodes")


def find_rate(
    model: Sequential,
    loss: LossFunction,
    optimizer: Optimizer,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    batch_size: int,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 140,
    seed: int = 0,
    mask: npt.ArrayLike | None = None,
) -> RateTest:
    """Train a copy of `model` for `steps` steps while the rate rises from `low` to `high`.

    ``found = nn.find_rate(model, loss, nn.SGD(lr=1), x, y, batch_size=50)``, then
    ``optimizer.lr = found.rate``, and ``found.plot()``. Model and optimizer stay as they are; the
    optimizer's rate plays no part. `mask` is as for `Trainer.fit`. Raises `ConfigError`,
    `ShapeError`, `DtypeError` or `DataError`.
    """
    Trainer(model, loss, optimizer)  # refuses what it could not train
    low = require_number("find_rate low", low, above=0)
    high = require_number("find_rate high", high, above=low)
    require_count("find_rate steps", steps, least=2 * LEAST_STEPS)
    require_memory(steps)
    twin, chosen = copy.deepcopy(model), copy.deepcopy(optimizer)
    chosen.lr = Geometric(low, high, steps, first=chosen.steps)
    watch = _StopWhenExploded()
    trainer = Trainer(twin, loss, chosen)
    with np.errstate(all="ignore"):
        trainer.fit(
            x,
            y,
            epochs=steps,
            batch_size=batch_size,
            callbacks=[watch],
            progress=False,
            seed=seed,
            max_steps=steps,
            mask=mask,
        ).whole()
    losses = np.array(watch.losses)
    rates, smooth = np.geomspace(low, high, steps)[: len(losses)], _smoothed(losses)
    finite = np.isfinite(smooth)
    if not finite[:LEAST_STEPS].any():
        raise ConfigError(
            f"find_rate: the loss is {losses[0]} at the first step, before any update"
        )
    exploded = trainer.history.diverged or watch.exploded
    rate, lowest = _suggest(rates[finite], losses[finite], smooth[finite])
    return RateTest(rates, losses, smooth, rate, lowest, exploded)


def require_memory(steps: int) -> None:
    """Raise `TooLargeError` if what is kept of so many steps does not fit into memory."""
    memory.require(f"a rate test of {steps:,} steps", _STEP * steps)


def _smoothed(losses: Array) -> Array:
    """Return the mean of each loss and its finite neighbours; NaN where it is not finite."""
    smooth = np.full(len(losses), np.nan)
    for i in np.flatnonzero(np.isfinite(losses)):
        near = losses[max(i - WINDOW, 0) : i + WINDOW + 1]
        smooth[i] = near[np.isfinite(near)].mean()
    return smooth


def _suggest(rates: Array, losses: Array, smooth: Array) -> tuple[float, float]:
    """Return the rate of the steepest fall and that of the lowest loss; NaN for no fall."""
    first = losses[: max(len(losses) // 10, 5)]
    end = int(smooth.argmin())
    noise = 3 * float(first.std())  # of one loss; of a mean of n by the root of n less
    fall = float(first.mean() - smooth[end])
    least = max(LEAST_FALL * abs(float(first.mean())), noise / math.sqrt(len(first)))
    if end < 2 or fall < least:
        return math.nan, math.nan
    # Differences over a quarter of a decade, once the loss is for a decade below what a tenth of
    # the fall leaves of it, and below what noise does: one batch of easy rows is no fall.
    wobble = noise / math.sqrt(2 * WINDOW + 1)
    level = first.mean() - min(max(fall / 10, wobble), fall / 2)
    above = np.concatenate([[-1], np.flatnonzero(smooth[:end] >= level), [end]])
    stays = np.diff(above) > np.searchsorted(rates, rates[0] * 10)
    begin = int(above[stays.argmax() if stays.any() else -2]) + 1
    half = max(1, int(np.searchsorted(rates, rates[0] * 10**0.25)) // 2)
    middle = np.arange(min(begin, end - 1), end)
    slope = smooth[np.minimum(middle + half, end)] - smooth[np.maximum(middle - half, 0)]
    return float(rates[middle[int(slope.argmin())]]), float(rates[end])
