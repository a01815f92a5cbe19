"""`cure`: find out whether a network is sick, think of changes, try the best, keep what helps."""

from __future__ import annotations

import itertools

import numpy.typing as npt

from nnscratch.curing.candidates import Candidate, propose, select
from nnscratch.curing.changes import Change, Together
from nnscratch.curing.forecast import forecast
from nnscratch.curing.plan import Plan, read_plan
from nnscratch.curing.progress import Watch, watching
from nnscratch.curing.report import Cure
from nnscratch.curing.trials import LOSS_MARGIN, Conditions, Trial, objection, run_trial
from nnscratch.errors import ConfigError, require_count
from nnscratch.model import Sequential
from nnscratch.nodes import LossFunction
from nnscratch.optimizers import Optimizer
from nnscratch.training import Trainer
from nnscratch.training.examples import Examples

LEAST_STEPS = 20


def cure(
    model: Sequential,
    loss: LossFunction,
    optimizer: Optimizer,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    batch_size: int,
    steps: int = 300,
    tries: int = 4,
    seed: int = 0,
    validation: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    progress: bool = True,
) -> Cure:
    """Return what is wrong with a network, and the few changed lines of Python that put it right.

    1. Theory predicts its gradient flow, and a trial of `steps` steps shows it and is read for
       findings: is it sick?
    2. If so, changes of weights, activation, batch norm, clipping and learning rate are ranked by
       what is expected of them (`nnscratch.curing.forecast.Forecast`).
    3. The best `tries` are tried from the same seed on the same batches, and the best two that go
       together once more, both at once.
    4. A change is kept if gradient flow *and* loss are better (`nnscratch.curing.objection`).

    `model` and `optimizer` are left as they are: networks made the same way are trained instead,
    with new weights.

    Parameters
    ----------
    model : Sequential
    loss : callable
        As for `Trainer`.
    optimizer : Optimizer
    x, y : arrays
        Training examples and their labels or targets.
    batch_size : int
    steps : int >= 20, default 300
        Of each trial.
    tries : int, default 4
        Changes to try, besides the network as it is and two changes together.
    seed : int
        Of the trials' weights and of the order of their examples.
    validation : (x, y) or None
        Held-out examples. With them the loss is judged there, without them on the training batches
        of the last tenth of the steps.
    progress : bool
        Show a bar on a terminal, one line per trial elsewhere (on standard error).

    Ctrl-C ends it with what has been tried so far, and ``interrupted`` is True; during the first
    trial, before anything is known, it raises `KeyboardInterrupt`.

    Raises `ConfigError`, `ShapeError`, `DtypeError` or `DataError` for arguments that make no
    sense, before anything is trained.
    """
    Trainer(model, loss, optimizer)  # refuses what it could not train
    require_count("cure batch_size", batch_size)
    require_count("cure steps", steps, least=LEAST_STEPS)
    require_count("cure tries", tries)
    require_count("cure seed", seed, least=0)
    examples = Examples(model, x, y)
    if validation is not None:
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            raise ConfigError("cure validation must be a pair (x, y) or None")
        Examples(model, *validation, names=("validation x", "validation y"))
    batch_size = min(batch_size, len(examples))
    conditions = Conditions(loss, examples.x, examples.y, batch_size, steps, seed, validation)
    plan = read_plan(model, optimizer)
    with watching(progress, steps, trials=tries + 2) as watch:
        return _Search(plan, conditions, tries, watch).run()


class _Search:
    def __init__(self, plan: Plan, conditions: Conditions, tries: int, watch: Watch) -> None:
        self.plan, self.conditions, self.tries, self.watch = plan, conditions, tries, watch
        self.interrupted = False

    def run(self) -> Cure:
        before = self._try(None)
        if before is None:
            raise KeyboardInterrupt
        made = Cure(before=before, trials=(), ranking=(), best=None, conditions=self.conditions)
        if not made.sick:
            return made
        c = self.conditions
        changes = propose(
            self.plan,
            before.forecast,
            (before.word, *before.ills),
            stalled=before.stalled,
            rows=c.batch_size,
        )
        candidates = self._forecast_all(changes)
        ranking = tuple(sorted(candidates, key=lambda one: one.forecast.strain))
        trials = self._try_all([one.change for one in select(candidates, self.tries)])
        pair = _pair(trials, before)
        if pair is not None and not self.interrupted:
            trials += self._try_all([pair])
        kept = [trial for trial in trials if not objection(trial, before)]
        return Cure(
            before=before,
            trials=tuple(trials),
            ranking=ranking,
            best=_best(kept),
            conditions=c,
            interrupted=self.interrupted,
        )

    def _candidate(self, change: Change) -> Candidate:
        c = self.conditions
        changed = change.apply(self.plan)
        return Candidate(change, forecast(changed, c.loss, c.x, c.y, c.batch_size, c.seed))

    def _forecast_all(self, changes: list[Change]) -> list[Candidate]:
        try:
            return [self._candidate(change) for change in changes]
        except KeyboardInterrupt:
            self.interrupted = True
            return []

    def _try_all(self, changes: list[Change]) -> list[Trial]:
        trials = []
        for change in changes:
            trial = self._try(change)
            if trial is None:
                self.interrupted = True
                break
            trials.append(trial)
        return trials

    def _try(self, change: Change | None) -> Trial | None:
        """Return the trial, or None if Ctrl-C ended it: in training after a step, else at once."""
        try:
            return self._tried(change)
        except KeyboardInterrupt:
            return None

    def _tried(self, change: Change | None) -> Trial | None:
        c = self.conditions
        plan = self.plan if change is None else change.apply(self.plan)
        expected = forecast(plan, c.loss, c.x, c.y, c.batch_size, c.seed)
        self.watch.begin("as it is" if change is None else str(change))
        trial = run_trial(plan, change, expected, c, (self.watch,))
        if trial.interrupted:
            return None
        self.watch.end(trial)
        return trial


def _pair(trials: list[Trial], before: Trial) -> Together | None:
    """Return the two best changes that go together: kept before not kept, then by loss."""
    ranked = sorted(trials, key=lambda trial: (bool(objection(trial, before)), trial.loss))
    changes = [trial.change for trial in ranked if trial.change is not None]
    pairs = [pair for pair in itertools.combinations(changes, 2) if _fit(*pair)]
    return Together(*pairs[0]) if pairs else None


def _fit(first: Change, second: Change) -> bool:
    return not first.touches & second.touches


def _best(kept: list[Trial]) -> Trial | None:
    """Return the trial of least loss; two changes must be worth 5 % more than the best one."""

    def price(trial: Trial) -> float:
        worth = 1 - LOSS_MARGIN if isinstance(trial.change, Together) else 1.0
        return trial.loss / worth

    return min(kept, key=price, default=None)
