"""`Cure`: what was wrong, what was tried, what helps, and the lines of Python that change."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nnscratch.console import text_of
from nnscratch.curing.candidates import Candidate
from nnscratch.curing.conditions import Conditions
from nnscratch.curing.plan import Plan
from nnscratch.curing.skill import is_truth_table
from nnscratch.curing.trials import GOOD, MARGIN, WELL, Trial, objection
from nnscratch.network.model import Sequential
from nnscratch.network.nodes import LossFunction
from nnscratch.optimizers import Optimizer
from nnscratch_records.limits import verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LONGER = 4  # times as many steps as a trial, for what only has not ended yet


@dataclass(frozen=True, eq=False, repr=False)
class Cure:
    """What `cure` found.

    Attributes
    ----------
    before : Trial
        The network as it is.
    trials : tuple of Trial
        The changes that were tried, in the order they were; empty for a healthy network.
    ranking : tuple of Candidate
        All changes that were thought of, the least strain expected first.
    best : Trial or None
        The change to make; None if nothing that was tried learns more, or nothing was tried: for
        a healthy network that has learned, or whose loss still falls.
    conditions : Conditions
        What all trials shared.
    interrupted : bool
        Whether Ctrl-C ended the search early.
    neighbours : float
        The skill of the nearest examples' answers, where nothing helps; else NaN.
    """

    before: Trial
    trials: tuple[Trial, ...]
    ranking: tuple[Candidate, ...]
    best: Trial | None
    conditions: Conditions = field(repr=False)
    interrupted: bool = False
    neighbours: float = math.nan

    @property
    def sick(self) -> bool:
        """Whether trial, findings or, for what has not learned well yet, theory call it sick."""
        prediction = self.before.forecast.prediction
        foreseen = prediction is not None and prediction.word != "healthy"
        foreseen = foreseen or verdict(self.before.forecast.in_time) != "healthy"
        return not self.before.healthy or (foreseen and self.before.skill < WELL)

    @property
    def diagnosis(self) -> str:
        """What was predicted of the network and what its trial showed, in a sentence."""
        trial, prediction = self.before, self.before.forecast.prediction
        parts = []
        if prediction is not None:
            parts.append(
                f"predicted {prediction.word} (first / last gradient {_ratio(prediction.ratio)})"
            )
        if trial.plan.recurrent():
            word, left = verdict(trial.forecast.in_time), _ratio(trial.forecast.in_time)
            parts.append(f"through time {word} before training (first / last gradient {left})")
        steps = f"a trial of {len(trial.losses)} steps"
        parts.append(f"{steps} is {trial.word} ({_ratio(trial.reading.ratio)})")
        if trial.ills:
            parts.append(f"found: {', '.join(trial.ills)}")
        start = trial.losses[0]
        if trial.diverged:
            parts.append(f"the loss goes from {start:.3g} to {trial.losses[-1]:.3g}")
        elif trial.stalled:
            how = "hardly falls" if trial.loss < start else "does not fall"
            parts.append(f"the loss {how}, from {start:.3g} to {trial.loss:.3g}")
        else:
            parts.append(f"the loss falls from {start:.3g} to {trial.loss:.3g}")
        parts.append(f"skill {trial.skill:.2f}, where a constant has 0 and what is perfect 1")
        return "; ".join(parts)

    @property
    def verdict(self) -> str:
        """What to do, in a sentence; where nothing helps, what that says."""
        b, a = self.before, self.best
        answers = self.conditions.answers
        if a is None and answers.variance == 0:
            return (
                f"nothing to tell apart: all {len(answers.rows)} answers that it is judged on are "
                f"the same. Look at how y was made"
            )
        if a is None and not self.sick:
            tried = "healthy, and nothing that was tried learns more in so many steps"
            said = tried if self.trials else "healthy: nothing to change"
            if b.by_heart:
                return f"{said}. {self._by_heart()}"
            if not self.longer:
                return said
            said = f"{said}; its loss still falls: train longer, {self.longer:,} steps say"
            return f"{said}. {self._unjudged()}" if self._seen_only else said
        if a is None:
            return self._why_nothing_helps()
        accuracy = (
            "" if math.isnan(a.accuracy) else f", accuracy {b.accuracy:.2f} -> {a.accuracy:.2f}"
        )
        seeds = f"the mean of {len(a.runs)} runs" if len(a.runs) > 1 else "one run"
        return f"{a.label}: skill {b.skill:.2f} -> {a.skill:.2f}{accuracy} ({seeds})"

    @property
    def longer(self) -> int:
        """How many steps to train for, where that is the advice; 0 if it is another."""
        b = self.before
        if self.best is not None or self.sick or self.conditions.answers.variance == 0:
            return 0
        goes_on = b.unfinished and b.skill < GOOD and not b.by_heart
        return LONGER * self.conditions.steps if goes_on else 0

    def _why_nothing_helps(self) -> str:
        if not self.trials:
            return "sick, and nothing could be tried"
        best = max(self.trials, key=lambda trial: trial.skill)
        said = (
            f"sick, and nothing that was tried helps: the best, {best.label}, has a skill of "
            f"{best.skill:.2f} ({objection(best, self.before) or 'not sure'}). "
        )
        if self.before.by_heart:
            return said + self._by_heart()
        if best.skill > MARGIN:
            return f"{said}More steps may show more"
        if self.neighbours > MARGIN:
            return (
                f"{said}The answers of the nearest examples have {self.neighbours:.2f}, so the "
                f"data do tell: another network, or more steps"
            )
        return (
            f"{said}The answers of the nearest examples tell nothing either "
            f"({self.neighbours:.2f}): look at the data, and whether x and y belong together, "
            f"row by row"
        )

    def _by_heart(self) -> str:
        seen, rows = self.before.runs[0].seen, len(self.conditions.x)
        return (
            f"The {rows:,} examples that it is trained on it knows by heart (skill {seen:.2f}), "
            f"not what they have in common: more examples, or fewer inputs, are what it needs"
        )

    @property
    def _seen_only(self) -> bool:
        """Whether skill is that on training examples which are not all that there can be."""
        return self.conditions.all_seen and not is_truth_table(self.conditions.x)

    def _unjudged(self) -> str:
        return (
            f"Of the {len(self.conditions.x)} examples none was held out, they are too few: it may "
            f"learn them by heart, so keep some apart and stop where their loss rises"
        )

    @property
    def lines(self) -> list[str]:
        """The lines of Python that make what is kept, of `x` and `y`; they run as they stand."""
        if self.best is None:
            return []
        old, new = self.before.plan, self.best.plan
        made = new.statements(self.conditions.seed, *self.conditions.called)
        if old.truncate is not None and new.truncate is None:
            made.append("trainer = nn.Trainer(model, loss, optimizer)  # without truncate=")
        if old.penalty is not None and new.penalty is None:
            made.append("# trainer.fit(...) without the penalty among its callbacks")
        return made

    @property
    def changes(self) -> list[tuple[str, str]]:
        """The rows of those lines that differ from the network as it was: (before, after)."""
        seed, called = self.conditions.seed, self.conditions.called
        old, new = (
            [row.strip() for text in plan.statements(seed, *called) for row in text.splitlines()]
            for plan in (self.before.plan, self._plan)
        )
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        return [
            ("\n".join(old[a:b]), "\n".join(new[c:d]))
            for tag, a, b, c, d in matcher.get_opcodes()
            if tag != "equal"
        ]

    def model(self, seed: int | None = None) -> Sequential:
        """Return a new network with the change (without one, like the old), as it was tried.

        `seed` is that of the trials unless given.
        """
        return self._plan.model(self.conditions.seed if seed is None else seed)

    def optimizer(self) -> Optimizer:
        """Return a new optimizer for it."""
        return self._plan.new_optimizer()

    def loss(self) -> LossFunction:
        """Return the loss for it."""
        return self._plan.new_loss()

    def plot(self) -> Figure:
        """Return a figure: the gradient by layer at the first step and at the end, and the loss,
        before and after the change."""
        from nnscratch_plots import cure_figure

        trials = [self.before] if self.best is None else [self.before, self.best]
        foreseen = [trial.forecast.prediction for trial in trials]
        predictions = [p.to_dict() if p and p.at_initialization else None for p in foreseen]
        return cure_figure(
            *(trial.record for trial in trials),
            predictions=predictions if any(predictions) else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values that JSON can hold: None for infinity and NaN."""
        rows = [self.before, *self.trials]
        return {
            "sick": self.sick,
            "diagnosis": self.diagnosis,
            "verdict": self.verdict,
            "changes": [list(pair) for pair in self.changes],
            "lines": self.lines,
            "trials": [self._row(trial) for trial in rows],
            "ranking": [
                {"change": str(one.change), "strain": _number(one.forecast.strain)}
                for one in self.ranking
            ],
            "interrupted": self.interrupted,
        }

    @property
    def _plan(self) -> Plan:
        return (self.before if self.best is None else self.best).plan

    def _row(self, trial: Trial) -> dict[str, Any]:
        reading = trial.reading
        return {
            "change": None if trial.change is None else str(trial.change),
            "strain": _number(trial.forecast.strain),
            "predicted_ratio": _number(trial.forecast.ratio),
            "measured_ratio": _number(reading.ratio),
            "word": trial.word,
            "findings": list(trial.ills),
            "training_loss": _number(trial.loss),
            "skills": [run.skill for run in trial.runs],
            "accuracy": _number(trial.accuracy),
            "outcome": self._outcome(trial),
        }

    def _outcome(self, trial: Trial) -> str:
        if trial is self.before:
            if trial.word != "healthy":
                return trial.word
            return "no learning" if not trial.learns else next(iter(trial.ills), trial.word)
        if trial is self.best:
            return "KEPT"
        return objection(trial, self.before) or "good too"

    def table(self) -> Table:
        """Return the table of all trials."""
        classes = not math.isnan(self.before.accuracy)
        made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        made.add_column("change", min_width=18)
        for heading in ["strain", "measured", "skill", *(["accuracy"] if classes else [])]:
            made.add_column(heading, justify="right", no_wrap=True)
        made.add_column("outcome", no_wrap=True)
        for trial in [self.before, *self.trials]:
            outcome = self._outcome(trial)
            row = [
                f"{trial.forecast.strain:.1f}",
                _ratio(trial.reading.ratio),
                f"{trial.skill:.2f}",
                *([f"{trial.accuracy:.2f}"] if classes else []),
                f"[bold green]{outcome}[/]" if trial is self.best else outcome,
            ]
            made.add_row(trial.label.replace("[", r"\["), *row)
        return made

    def __rich_console__(self, console: Console, options: Any) -> Any:
        """Print what was found, for `rich`."""
        yield Text(f"Diagnosis: {self.diagnosis}.")
        if self.trials:
            yield self.table()
            c = self.conditions
            all_of_them = "few" if self._seen_only else "all that there can be"
            seen = f"the training examples, which are {all_of_them}"
            judged = seen if c.all_seen else "held-out examples"
            yield Text(
                f"{c.steps} steps each, batches of {c.batch_size}, seed {c.seed}. strain: how far "
                f"from healthy before training, 0 is best; measured: first / last norm of dL/dz; "
                f"skill: the share of the answers' variance explained, {c.answers.weighed}on "
                f"{judged}."
            )
        yield Text(f"Verdict: {self.verdict}.")
        if self.best is not None:
            yield Text("\n".join(self.lines), no_wrap=True, overflow="ignore")
        if self.interrupted:
            yield Text("Interrupted: not all changes were tried.")

    def __repr__(self) -> str:
        return text_of(self)


def _ratio(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.2g}" if 0.01 <= value < 1000 else f"{value:.1e}"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
