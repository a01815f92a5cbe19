"""`cure`: find out whether a network is sick, think of changes, try the best, keep what helps."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy.typing as npt

from nnscratch.curing.afresh import as_usual
from nnscratch.curing.bench import Bench, Interrupted
from nnscratch.curing.candidates import (
    Candidate,
    gentler_rate,
    propose,
    propose_in_time,
    select,
)
from nnscratch.curing.changes import (
    Change,
    LearningRate,
    Together,
    UseAdam,
    together,
)
from nnscratch.curing.conditions import Conditions, conditions_of, data_of
from nnscratch.curing.facts import repairs
from nnscratch.curing.named import judged_by, named_in_data, named_in_network, named_rate
from nnscratch.curing.plan import Plan
from nnscratch.curing.progress import Watch, watching
from nnscratch.curing.rates import climbed, new_rates, tested_rates
from nnscratch.curing.reading import read_plan
from nnscratch.curing.report import Cure
from nnscratch.curing.size import on_purpose
from nnscratch.curing.skill import neighbours_skill
from nnscratch.curing.trials import (
    GOOD,
    MARGIN,
    SEEDS,
    WELL,
    Trial,
    objection,
)
from nnscratch.errors import require_count, require_seed
from nnscratch.layers import ReLU
from nnscratch.network.model import Sequential
from nnscratch.network.nodes import LossFunction
from nnscratch.optimizers import Optimizer
from nnscratch.sequences import Truncate
from nnscratch.training import Callback, Trainer
from nnscratch_records import memory

LEAST_STEPS = 20
STEPS = 300
_STEP = 32  # bytes that are kept of each of a trial: its loss
_LACKS = 0.8  # of what it lacked, for a change of what is healthy: less is noise, or haste
ROUNDS = 3
FINALISTS = 3  # trials that are run with further seeds, the most skilful first


def cure(
    model: Sequential,
    loss: LossFunction,
    optimizer: Optimizer,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    batch_size: int,
    steps: int = STEPS,
    tries: int = 5,
    seed: int = 0,
    validation: tuple[npt.ArrayLike, ...] | None = None,
    truncate: Truncate = None,
    penalty: Callback | None = None,
    mask: npt.ArrayLike | None = None,
    progress: bool = True,
) -> Cure:
    """Return what is wrong with a network, and the lines of Python that put it right.

    1. Theory predicts its gradient flow, and a trial of `steps` steps shows it and is read for
       findings: is it sick? It is judged by its *skill* on held-out examples, the share of the
       answers' variance that it explains (`nnscratch.curing.skill`): a constant has 0. Where a
       class is rare and not told from the others, all classes count alike in it; where a few
       targets far off are most of the loss, these do not count.
    2. If so, or if it learns slowly, the learning rate that findings name is tried; and what data
       and network ask for is changed at once: the scale of inputs and targets, the output's
       activation and the loss, weights that are all the same, a missing activation, batch norm
       over few rows or too slow, dropout, a penalty
       (`nnscratch.curing.facts`); then, one by one, what findings name in them
       (`nnscratch.curing.named`): means for codes of missing values, inputs that lie far off are
       cut and such targets left out, names become zeros and ones, long tails logarithms, rare
       classes count as much as others; weights and few units that are the cause are made anew.
    3. Changes of rate and optimizer, of the network's parts and of what holds weights down
       (`nnscratch.curing.candidates`) are ranked by what is expected of them, and the best `tries`
       are tried on top, up to three times over; where nothing learns by then, the network that one
       would begin with (`nnscratch.curing.afresh`).
    4. Parts of the best that it can do without are left out.
    5. It is kept if it has more skill than a constant in each of three runs with other weights and
       batches, and more in their mean than the network as it is (`nnscratch.curing.objection`):
       where that is healthy, by a fifth of what it lacks.
       Where nothing is kept, it says why: to train longer, more examples, or what to look at.

    `model` and `optimizer` are left as they are: networks made the same way are trained instead,
    with new weights. Frozen layers keep theirs in all of them, and stay as they are; so do their
    activations. Rates by layer (``optimizer.rates``) go with their layers.

    Parameters
    ----------
    model : Sequential
    loss : callable
        As for `Trainer`. It is changed only if it is one of this package.
    optimizer : Optimizer
    x, y : arrays
        Training examples and their labels or targets.
    batch_size : int
    steps : int >= 20, default 300
        Of each run.
    tries : int, default 5
        Changes to try in each round.
    seed : int
        Of the trials' weights and of the order of their examples.
    validation : (x, y), (x, y, mask) or None
        Held-out examples to judge by. None: one example in five is held out; of fewer than 60
        examples, or a truth table, all are trained on and judged by.
    truncate : int, RandomTruncation or None
        As for `Trainer`: how far the gradient goes back through time.
    penalty : Callback or None
        What among the callbacks of the training adds to the gradient: a `Penalty`, an `Omega`, or
        one of your own with an `on_backward`, of which every run gets a copy.
    mask : booleans or None, shape (examples, time)
        Which steps of its sequence each example has: as for `Trainer.fit`, which is to be given it
        again.
    progress : bool
        Show a bar on a terminal, one line per trial elsewhere.

    Ctrl-C ends it with what has been tried so far, and ``interrupted`` is True; during the first
    trial, before anything is known, it raises `KeyboardInterrupt`.

    Raises `ConfigError`, `ShapeError`, `DtypeError` or `DataError` for arguments that make no
    sense, and `ConfigError` for layers that share weights, before anything is trained.
    """
    Trainer(model, loss, optimizer, truncate)  # refuses what it could not train
    require_count("cure batch_size", batch_size)
    require_count("cure steps", steps, least=LEAST_STEPS)
    require_count("cure tries", tries)
    require_memory(steps)
    require_seed("cure seed", seed)
    options = {"batch_size": batch_size, "steps": steps, "seed": seed}
    conditions = conditions_of(model, x, y, mask, validation, **options)
    plan = read_plan(model, optimizer, loss, truncate, penalty)
    with watching(progress, steps) as watch:
        return _Search(plan, conditions, tries, watch).run()


def require_memory(steps: int) -> None:
    """Raise `TooLargeError` if what is kept of trials of so many steps does not fit into memory."""
    memory.require(f"a cure by trials of {steps:,} steps", SEEDS * _STEP * steps)


class _Search(Bench):
    def __init__(self, plan: Plan, conditions: Conditions, tries: int, watch: Watch) -> None:
        super().__init__(plan, conditions, watch)
        self.tries = tries
        self.ranking: list[Candidate] = []

    def run(self) -> Cure:
        c = self.conditions
        before = self.begun()
        c = self.conditions = judged_by(before, c)
        if c.answers.weights is not None:
            before = self.begun()
        made = Cure(before=before, trials=(), ranking=(), best=None, conditions=c)
        if not made.sick and before.skill >= self._enough(before):
            return made
        best, interrupted = None, False
        try:
            best = self._judge(before, self._search(before))
            # What is healthy stays as it is, unless it lacks a good deal less then.
            lacks = _LACKS * (1 - before.skill)
            if not made.sick and best is not None and 1 - best.skill > lacks:
                best = None
        except (Interrupted, KeyboardInterrupt):
            interrupted = True
            kept = [trial for trial in self.trials if not objection(trial, before)]
            best = max(kept, key=lambda trial: trial.skill, default=None)
        return Cure(
            before=before,
            trials=tuple(self.trials),
            ranking=tuple(sorted(self.ranking, key=lambda one: one.forecast.strain)),
            best=best,
            conditions=c,
            interrupted=interrupted,
            neighbours=self._neighbours() if best is None else math.nan,
        )

    def _enough(self, before: Trial) -> float:
        """Return the skill with which a healthy network is left as it is: where more steps are all
        that it may need, less will do, and any after few.
        """
        falls = before.unfinished and not before.by_heart
        out_of_reach = "output activation" in before.findings.kinds
        if not falls or out_of_reach or repairs(self.plan, self.conditions):
            return GOOD
        return WELL if self.conditions.steps >= STEPS else 0.0

    def _neighbours(self) -> float:
        c = self.conditions
        return neighbours_skill(c.x, c.y, c.held_x, c.answers, c.all_seen)

    def _search(self, before: Trial) -> Trial:
        """Return the trial of the most skill that was found, pruned."""
        rate = named_rate(before)
        best = before if rate is None else self._better(before, self.tried(rate))
        asked = together(*repairs(self.plan, self.conditions))
        start = best
        if asked is not None:  # what is asked for as it is need not help by itself
            repaired = self.tried(together(best.change, asked))
            if not repaired.learns and repaired.skill <= best.skill - MARGIN:
                slower = self._at_new_rates(repaired)
                # At a rate that moves nothing anything is as good as a constant.
                repaired = slower if slower.learns else repaired
            best = repaired if repaired.skill > best.skill - MARGIN else best
        refused = [asked] if asked is not None and best is start else []
        best, refused = self._with(best, [*refused, *named_in_data(before, self.conditions)])
        best, refused = self._with(best, [*refused, *named_in_network(best, self.conditions)])
        for _ in range(ROUNDS):
            if best.skill >= GOOD and not best.ills and best.word == "healthy":
                break
            found = self._round(best)
            if found is best:
                break
            # What was refused may help where other things are right.
            best, refused = self._with(found, refused)
        if not best.learns:
            for whole in as_usual(self.changed(asked)):
                best = self._better(best, self.tried(together(asked, whole)))
            best = self._round(best) if best.learns else best
        return self._pruned(climbed(best, self.tried) if best.learns else best)

    def _with(self, best: Trial, changes: list[Change]) -> tuple[Trial, list[Change]]:
        """Return the best with each of the changes that make it better, and the other ones."""
        refused = []
        for change in changes:
            trial = self.tried(together(best.change, change))
            trial = trial if trial.learns else self._at_new_rates(trial)
            better = self._better(best, trial)
            refused += [change] if better is best else []
            best = better
        return best, refused

    def _at_new_rates(self, trial: Trial) -> Trial:
        """Return the best of a trial and the same at the rates that a test suggests."""
        best = trial
        for near in new_rates(trial, self.conditions):
            best = self._better(best, self.tried(together(trial.change, near)))
        return best

    def _round(self, best: Trial) -> Trial:
        """Return the best of one more change, or `best` if none is better."""
        c = self.conditions
        rate, adam = tested_rates(best.plan, c)
        changes = propose(
            best,
            rows=c.batch_size,
            steps=c.steps,
            rate=rate,
            adam_rate=adam,
            narrow=on_purpose(best.plan, c.given_back),
        )
        changes += propose_in_time(best, data_of(best.plan, c)[0])
        changes = [one for one in changes if self._is_new(together(best.change, one))]
        candidates = [self._candidate(together(best.change, change)) for change in changes]
        self.ranking += candidates
        found = best
        for one, change in self._selected(candidates, changes):
            trial = self.tried(one.change)
            # A recurrent network that has lost what it began with may still know nothing.
            stuck = trial.stalled or (bool(trial.plan.recurrent()) and not trial.learns)
            if (stuck or trial.diverged) and not isinstance(change, LearningRate | UseAdam):
                trial = self._at_new_rates(trial)
            found = self._better(found, trial)
        return found

    def _is_new(self, change: Change | None) -> bool:
        """Whether a change leaves anything of the network other than it was."""
        return self.changed(change).statements(0) != self.plan.statements(0)

    def _selected(
        self, candidates: list[Candidate], changes: list[Change]
    ) -> list[tuple[Candidate, Change]]:
        """Return the candidates to try, each with what it adds."""
        added = [Candidate(b, a.forecast) for a, b in zip(candidates, changes, strict=True)]
        chosen = select(added, self.tries)
        return [(candidates[added.index(one)], one.change) for one in chosen]

    def _better(self, best: Trial, trial: Trial) -> Trial:
        """Return the one of more skill; the one before it where that makes no difference."""
        return trial if trial.skill > best.skill + MARGIN else best

    def _pruned(self, best: Trial) -> Trial:
        """Return the trial without those of its changes that bring nothing, but what takes away
        outputs that other weights would begin with dead.
        """
        change = best.change
        may_die = any(part.is_a(ReLU) for part in self.plan.ends())
        while isinstance(change, Together):
            for i, one in enumerate(change.changes):
                if may_die and one.kind == "output":
                    continue
                fewer = together(*change.changes[:i], *change.changes[i + 1 :])
                trial = self.tried(fewer)
                if trial.skill >= best.skill - MARGIN / 2:
                    best, change = self._called(trial, fewer), fewer
                    break
            else:
                return best
        return best

    def _called(self, trial: Trial, change: Change | None) -> Trial:
        """Return a trial by a change that makes the same plan: what was noted may say more."""
        made = replace(trial, change=change)
        self.trials[self.trials.index(trial)] = made
        return made

    def _judge(self, before: Trial, best: Trial) -> Trial | None:
        """Return the change that is kept: of the best few, run with several seeds, the surest."""
        others = sorted(self.trials, key=lambda trial: -trial.skill)
        finalists = [best, *(trial for trial in others if trial is not best)]
        finalists = [one for one in finalists if one.change and not objection(one, before)]
        finalists = finalists[:FINALISTS]
        if finalists and not callable(finalists[0].plan.lr) and finalists[0].plan.lr > 0:
            gentler = LearningRate(gentler_rate(finalists[0].plan))
            last = self.tried(together(finalists[0].change, gentler))  # which may be one of them
            finalists = [*(one for one in finalists if one is not last), last]
        kept: Trial | None = None
        for i, trial in enumerate(finalists):
            judged = self.repeated(trial)
            self.trials[self.trials.index(trial)] = judged
            # The gentler rate comes last, and where it does as well it is the safer one.
            more = -MARGIN if i and i == len(finalists) - 1 else MARGIN
            if not objection(judged, before) and (
                kept is None or judged.surety > kept.surety + more
            ):
                kept = judged
        return kept

    def _candidate(self, change: Change | None) -> Candidate:
        assert change is not None
        return Candidate(change, self.forecast(change.apply(self.plan)))
