"""Which learning rates a trial may go with: those at which its loss falls fastest."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

from nnscratch.curing.candidates import ADAPTIVE, sane_rates, usual_rate
from nnscratch.curing.changes import Change, ClipGradient, LearningRate, UseAdam, together
from nnscratch.curing.conditions import Conditions, data_of
from nnscratch.curing.plan import Plan
from nnscratch.curing.trials import GOOD, MARGIN, WELL, Trial
from nnscratch.errors import ConfigError
from nnscratch.training import find_rate

_STEPS = 80
_STRIDE = 3.0  # from a rate to the next
_ROWS = 16  # of a batch, whose loss does not hang on which rows they are alone
USUAL_CLIP = 1.0  # of recurrent networks


def tested_rates(plan: Plan, c: Conditions) -> tuple[float, float]:
    """Return the rate at which the loss of a plan falls fastest, and that by Adam; NaN for none."""
    return _fastest(plan, c), _fastest(UseAdam(1e-3).apply(plan), c)


def new_rates(trial: Trial, c: Conditions) -> list[Change]:
    """Return changes of rate for a trial that stood still or ran away."""
    adaptive = trial.plan.optimizer.is_a(*ADAPTIVE)
    own, adam = tested_rates(trial.plan, c)
    made: list[Change] = [LearningRate(rate) for rate in sane_rates(own, adaptive)]
    if trial.plan.recurrent() and not adaptive:
        # What goes back in time comes in all sizes, and a plateau tells a range test nothing.
        rate = next(iter(sane_rates(adam, adaptive=True)), usual_rate(trial.plan))
        made += filter(None, [together(UseAdam(rate), ClipGradient(USUAL_CLIP))])
    return made


def climbed(best: Trial, tried: Callable[[Change | None], Trial]) -> Trial:
    """Return the best of a trial and the same at three times its rate, at a third, and so on in
    both directions as long as that does better. (A range test sees the first steps alone.)

    Where it learns well larger ones are not tried: some weights bear no haste.
    """
    for factor, enough in ((_STRIDE, WELL), (1 / _STRIDE, GOOD)):
        rate = best.plan.lr
        while best.skill < enough and not callable(rate) and rate > 0:
            adaptive = best.plan.optimizer.is_a(*ADAPTIVE)
            near = LearningRate(sane_rates(factor * rate, adaptive)[0])
            trial = tried(together(best.change, near))
            if trial.skill <= best.skill + MARGIN:
                break
            best, rate = trial, trial.plan.lr
    return best


def _fastest(plan: Plan, c: Conditions) -> float:
    """Return the rate of the steepest fall, of larger batches where small ones tell none."""
    found = _tested(plan, c, c.batch_size)
    rows = min(_ROWS, len(c.x))
    return _tested(plan, c, rows) if math.isnan(found) and c.batch_size < rows else found


def _tested(plan: Plan, c: Conditions, rows: int) -> float:
    with contextlib.suppress(ConfigError):
        found = find_rate(
            *(plan.model(c.seed), plan.new_loss(), plan.new_optimizer(), *data_of(plan, c)),
            batch_size=rows,
            low=1e-5,
            steps=_STEPS,
            seed=c.seed,
            mask=c.mask,
        )
        return found.rate
    return math.nan
