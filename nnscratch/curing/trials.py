"""Trial runs: a few hundred steps on the same batches, and what they show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nnscratch.arrays import Array
from nnscratch.curing.changes import Change
from nnscratch.curing.conditions import Conditions, kept_by
from nnscratch.curing.forecast import Forecast
from nnscratch.curing.plan import Plan
from nnscratch.curing.skill import Answers, predictions
from nnscratch.flow import GradientFlow
from nnscratch.flow.findings import Findings, find
from nnscratch.flow.reading import Reading, read_flow
from nnscratch.flow.records import Record
from nnscratch.training import Callback, Trainer

LAST = 0.1  # the loss of a trial is the mean over this fraction of its steps, the last ones
FALL = 0.05  # a loss that falls by a smaller fraction has stalled
SEEDS = 3  # runs of what is to be kept, each with weights and batches of its own
MARGIN = 0.02  # of skill: less is no difference
GOOD = 0.95  # skill of a network that has learned
WELL = 0.8  # of one that learns so well that it is left to learn on: short trials praise haste
KNOWN, BY_HEART = 0.9, 0.25  # of what it is trained on, and more than of what it is judged on
_RECORDED = 300  # steps of a trial that are recorded


@dataclass(frozen=True)
class Run:
    """One run of a plan, with one seed.

    Attributes
    ----------
    losses : list of float
        Of every step that was made.
    skill : float
        On the examples that are judged on (see `nnscratch.curing.skill`).
    accuracy : float
        NaN where the answers are numbers.
    interrupted : bool
    seen : float
        The skill on training examples; NaN where these are what it is judged on.
    """

    losses: list[float] = field(repr=False)
    skill: float
    accuracy: float
    interrupted: bool = False
    seen: float = math.nan

    @property
    def loss(self) -> float:
        """Mean over the last tenth of the steps; infinite where it is not finite."""
        value = float(np.mean(self.losses[-max(1, round(LAST * len(self.losses))) :]))
        return value if math.isfinite(value) else math.inf

    @property
    def stalled(self) -> bool:
        """Whether the training loss fell by less than 5 %."""
        return not self.loss <= (1 - FALL) * self.losses[0]


@dataclass(frozen=True, eq=False)
class Trial:
    """What came of a plan: one run that was recorded, and further ones with other seeds.

    Attributes
    ----------
    change : Change or None
        None for the network as it is.
    plan : Plan
    forecast : Forecast
    runs : tuple of Run
        The recorded one first.
    reading : Reading
        The gradient flow in a word, and first / last norm.
    findings : Findings
        What the record says is wrong.
    record : Record
    """

    change: Change | None
    plan: Plan
    forecast: Forecast
    runs: tuple[Run, ...]
    reading: Reading
    findings: Findings = field(repr=False)
    record: Record = field(repr=False)

    @property
    def label(self) -> str:
        """The change in words."""
        return "as it is" if self.change is None else str(self.change)

    @property
    def losses(self) -> list[float]:
        """Of every step of the recorded run."""
        return self.runs[0].losses

    @property
    def loss(self) -> float:
        """Of the recorded run, the mean over its last tenth."""
        return self.runs[0].loss

    @property
    def skill(self) -> float:
        """The mean skill of its runs."""
        return float(np.mean([run.skill for run in self.runs]))

    @property
    def surety(self) -> float:
        """Half the mean skill of its runs and half the worst: what hangs on luck is worth less."""
        return (self.skill + min(run.skill for run in self.runs)) / 2

    @property
    def accuracy(self) -> float:
        """The mean accuracy of its runs; NaN where the answers are numbers."""
        return float(np.mean([run.accuracy for run in self.runs]))

    @property
    def word(self) -> str:
        """The reading in a word; ``"diverged"`` too if a step that was not recorded did."""
        return self.reading.word if np.isfinite(self.losses).all() else "diverged"

    @property
    def diverged(self) -> bool:
        """Whether the recorded run ran away or ended in NaN or infinity."""
        return self.word == "diverged"

    @property
    def stalled(self) -> bool:
        """Whether the training loss of the recorded run hardly fell."""
        return self.runs[0].stalled

    @property
    def ills(self) -> tuple[str, ...]:
        """The kinds of its serious and fatal findings."""
        return tuple(finding.kind for finding in self.findings.at_least("serious"))

    @property
    def learns(self) -> bool:
        """Whether each of its runs tells more than a constant does."""
        return all(run.skill > MARGIN for run in self.runs)

    @property
    def by_heart(self) -> bool:
        """Whether it knows the training examples, and of others far less."""
        seen = float(np.mean([run.seen for run in self.runs]))
        return seen > KNOWN and self.skill < seen - BY_HEART

    @property
    def unfinished(self) -> bool:
        """Whether the loss still falls: by 5 % from the third quarter of the steps to the last."""
        third, last = np.array_split(np.array(self.losses), 4)[2:]
        return bool(last.mean() < (1 - FALL) * third.mean())

    @property
    def healthy(self) -> bool:
        """Whether the gradient reaches every layer, the network learns and nothing serious was
        found."""
        return self.word == "healthy" and self.learns and not self.stalled and not self.ills


def run_trial(
    plan: Plan,
    change: Change | None,
    forecast: Forecast,
    conditions: Conditions,
    callbacks: Sequence[Callback] = (),
) -> Trial | None:
    """Train a new network of `plan` and return what came of it; None if it was interrupted."""
    label = "as it is" if change is None else str(change)
    recorded: list[GradientFlow] = []
    run = _run(plan, conditions, conditions.seed, callbacks, label, recorded)
    if run.interrupted:
        return None
    record = recorded[0].to_dict()
    with np.errstate(all="ignore"):
        findings = find(record)
    return Trial(change, plan, forecast, (run,), read_flow(record), findings, record)


def repeat_trial(
    trial: Trial, conditions: Conditions, callbacks: Sequence[Callback] = ()
) -> Trial | None:
    """Return the trial with runs of all `SEEDS` seeds; None if it was interrupted."""
    runs = list(trial.runs)
    for offset in range(len(runs), SEEDS):
        run = _run(trial.plan, conditions, conditions.seed + offset, callbacks)
        if run.interrupted:
            return None
        runs.append(run)
    return replace(trial, runs=tuple(runs))


def _run(
    plan: Plan,
    c: Conditions,
    seed: int,
    callbacks: Sequence[Callback],
    label: str = "",
    recorded: list[GradientFlow] | None = None,
) -> Run:
    """Train a new network of `plan` with one seed; record it if there is a list to put that in."""
    model, loss = plan.model(seed), plan.new_loss()
    seen_x, c = c.x, kept_by(plan, c)
    inputs, targets = plan.inputs(c.real_x), plan.targets(c.real_y)
    trainer = Trainer(model, loss, plan.new_optimizer(), truncate=plan.new_truncate())
    watching = [*plan.penalties(), *callbacks]
    if recorded is not None:
        every = max(1, c.steps // _RECORDED)
        recorded.append(GradientFlow(model, every=every, histograms=False, label=label))
        watching.insert(0, recorded[0])
    per_epoch = -(-len(c.x) // c.batch_size)
    with np.errstate(all="ignore"):  # a run that overflows is told by its reading
        history = trainer.fit(
            c.x if inputs is None else inputs(c.x),
            c.y if targets is None else targets(c.y),
            epochs=-(-c.steps // per_epoch),
            batch_size=c.batch_size,
            callbacks=watching,
            progress=False,
            seed=seed,
            max_steps=c.steps,
            mask=c.mask,
        )
        if history.interrupted:
            return Run(list(history.loss), -1.0, math.nan, interrupted=True)

        def skilled(x: Array, answers: Answers, mask: Array | None) -> tuple[float, float]:
            outputs = model.predict(x if inputs is None else inputs(x), mask=mask)
            said = predictions(loss, outputs, answers.has_classes)
            skill = answers.skill(said if targets is None else targets.undo(said))
            return skill, answers.accuracy(outputs, loss)

        skill, accuracy = skilled(c.held_x, c.answers, c.held_mask)
        known = math.nan
        if c.seen is not None:
            first = slice(len(c.seen.y))
            known, _ = skilled(seen_x[first], c.seen, None if c.mask is None else c.mask[first])
        return Run(list(history.loss), skill, accuracy, seen=known)


def objection(trial: Trial, before: Trial) -> str:
    """Return why `trial` is not kept; empty if it is better than `before`.

    Both are judged on the same examples by their skill, in the mean over the seeds that both have
    run with: it must be above that of the network as it is by 0.02, and above that of a constant in
    every run.
    """
    if not np.isfinite(trial.losses).all():
        return "diverges"
    if not trial.learns:
        return "no better than a constant"
    shared = min(len(trial.runs), len(before.runs))
    pairs = zip(trial.runs[:shared], before.runs[:shared], strict=True)
    gain = float(np.mean([now.skill - then.skill for now, then in pairs]))
    return "" if gain > MARGIN else "no more skill"
