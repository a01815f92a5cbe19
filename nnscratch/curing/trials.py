"""Trial runs: a few hundred steps from the same seed on the same batches, and what they show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nnscratch.curing.changes import Change
from nnscratch.curing.forecast import Forecast
from nnscratch.curing.plan import Plan
from nnscratch.flow import GradientFlow
from nnscratch.flow.findings import Findings, find
from nnscratch.flow.reading import FACTOR, Reading, read_flow
from nnscratch.flow.records import Record
from nnscratch.nodes import LossFunction
from nnscratch.training import Callback, Trainer

LAST = 0.1  # the loss of a trial is the mean over this fraction of its steps, the last ones
FLOW_MARGIN = 2.0  # the gradient's first / last norm must come nearer to 1 by this factor
LOSS_MARGIN = 0.05  # and the loss must be lower by this fraction
_RECORDED = 300  # steps of a trial that are recorded


@dataclass(frozen=True)
class Conditions:
    """What all trials share."""

    loss: LossFunction
    x: npt.NDArray[np.floating]
    y: npt.NDArray[np.generic]
    batch_size: int
    steps: int
    seed: int
    validation: tuple[npt.ArrayLike, npt.ArrayLike] | None


@dataclass(frozen=True, eq=False)
class Trial:
    """One trial run.

    Attributes
    ----------
    change : Change or None
        None for the network as it is.
    plan : Plan
    forecast : Forecast
    reading : Reading
        The gradient flow in a word, and first / last norm.
    losses : list of float
        Of every step that was made.
    held_out : (loss, accuracy)
        On the validation data after the last step; NaN without them.
    findings : Findings
        What the record says is wrong.
    record : Record
    interrupted : bool
    """

    change: Change | None
    plan: Plan
    forecast: Forecast
    reading: Reading
    losses: list[float] = field(repr=False)
    held_out: tuple[float, float]
    findings: Findings = field(repr=False)
    record: Record = field(repr=False)
    interrupted: bool = False

    @property
    def label(self) -> str:
        """The change in words."""
        return "as it is" if self.change is None else str(self.change)

    @property
    def word(self) -> str:
        """The reading in a word; ``"diverged"`` too if a step that was not recorded did."""
        return self.reading.word if np.isfinite(self.losses).all() else "diverged"

    @property
    def diverged(self) -> bool:
        """Whether the run ran away or ended in NaN or infinity."""
        return self.word == "diverged"

    @property
    def training_loss(self) -> float:
        """Mean over the last tenth of the steps; infinite where it is not finite."""
        value = float(np.mean(self.losses[-max(1, round(LAST * len(self.losses))) :]))
        return value if math.isfinite(value) else math.inf

    @property
    def loss(self) -> float:
        """The loss that trials are compared by: the held-out one where there is one."""
        value = self.held_out[0]
        if math.isnan(value) and not math.isnan(self.held_out[1]):
            return math.inf
        return self.training_loss if math.isnan(value) else value

    @property
    def spread(self) -> float:
        """First / last norm or its inverse, whichever is above 1; infinite if there is none."""
        ratio = self.reading.ratio
        return max(ratio, 1 / ratio) if 0 < ratio < math.inf else math.inf

    @property
    def stalled(self) -> bool:
        """Whether the training loss fell by less than the margin."""
        return not self.training_loss <= (1 - LOSS_MARGIN) * self.losses[0]

    @property
    def ills(self) -> tuple[str, ...]:
        """The kinds of its serious and fatal findings."""
        return tuple(finding.kind for finding in self.findings.at_least("serious"))

    @property
    def healthy(self) -> bool:
        """Whether the gradient reaches every layer, the network learns and nothing serious was
        found."""
        return self.word == "healthy" and not self.stalled and not self.ills


def run_trial(
    plan: Plan,
    change: Change | None,
    forecast: Forecast,
    conditions: Conditions,
    callbacks: Sequence[Callback] = (),
) -> Trial:
    """Train a new network of `plan` and return what came of it."""
    c = conditions
    model = plan.model(c.seed)
    trainer = Trainer(model, c.loss, plan.new_optimizer())
    label = "as it is" if change is None else str(change)
    every = max(1, c.steps // _RECORDED)
    flow = GradientFlow(model, every=every, histograms=False, label=label)
    per_epoch = -(-len(c.x) // c.batch_size)
    with np.errstate(all="ignore"):  # a run that overflows is told by its reading
        history = trainer.fit(
            c.x,
            c.y,
            epochs=-(-c.steps // per_epoch),
            batch_size=c.batch_size,
            callbacks=(flow, *callbacks),
            progress=False,
            seed=c.seed,
            max_steps=c.steps,
        )
        held_out = (math.nan, math.nan)
        if c.validation is not None and not history.interrupted:
            value, accuracy = trainer.evaluate(*c.validation)
            value = value if math.isfinite(value) else math.inf
            held_out = (value, math.nan if accuracy is None else accuracy)
    record = flow.to_dict()
    return Trial(
        change,
        plan,
        forecast,
        read_flow(record),
        list(history.loss),
        held_out,
        find(record),
        record,
        history.interrupted,
    )


def objection(trial: Trial, before: Trial) -> str:
    """Return why `trial` is not kept; empty if it is better than `before` in flow and loss.

    * It must not diverge, and its own training loss must fall, by 5 % at least.
    * Gradient flow: first / last norm nearer to 1 by a factor of 2 at least; where it was within a
      factor of 100 before, which is healthy, it must stay so.
    * Findings: no more serious ones than before, and fewer where the flow was healthy before.
    * Loss: lower by 5 % at least, on held-out data if there are any.
    """
    if trial.diverged:
        return "diverges"
    if trial.stalled:
        return "no learning"
    if before.spread <= FACTOR:
        if trial.spread > FACTOR:
            return "worse flow"
    elif not trial.spread * FLOW_MARGIN <= before.spread:
        return "no better flow"
    if len(trial.ills) > len(before.ills):
        return "new findings"
    if before.spread <= FACTOR and 0 < len(before.ills) == len(trial.ills):
        return "same findings"
    if not trial.loss <= (1 - LOSS_MARGIN) * before.loss:
        return "no lower loss"
    return ""
