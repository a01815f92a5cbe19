"""`Cure`: what was wrong, what was tried, what helps, and the lines of Python that change."""

from __future__ import annotations

import io
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nnscratch.curing.candidates import Candidate
from nnscratch.curing.plan import Plan
from nnscratch.curing.trials import Conditions, Trial, objection
from nnscratch.model import Sequential
from nnscratch.optimizers import Optimizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 88


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
        The change to make; None if the network is healthy or nothing tried helps.
    conditions : Conditions
        What all trials shared.
    interrupted : bool
        Whether Ctrl-C ended the search early.
    """

    before: Trial
    trials: tuple[Trial, ...]
    ranking: tuple[Candidate, ...]
    best: Trial | None
    conditions: Conditions = field(repr=False)
    interrupted: bool = False

    @property
    def sick(self) -> bool:
        """Whether prediction, trial or the trial's findings call the network sick."""
        prediction = self.before.forecast.prediction
        foreseen = prediction is not None and prediction.word != "healthy"
        return foreseen or not self.before.healthy

    @property
    def diagnosis(self) -> str:
        """What was predicted of the network and what its trial showed, in a sentence."""
        trial, prediction = self.before, self.before.forecast.prediction
        parts = []
        if prediction is not None:
            parts.append(
                f"predicted {prediction.word} (first / last gradient {_ratio(prediction.ratio)})"
            )
        steps = f"a trial of {len(trial.losses)} steps"
        parts.append(f"{steps} is {trial.word} ({_ratio(trial.reading.ratio)})")
        if trial.ills:
            parts.append(f"found: {', '.join(trial.ills)}")
        start = trial.losses[0]
        if trial.diverged:
            parts.append(f"the loss goes from {start:.3g} to {trial.losses[-1]:.3g}")
        elif trial.stalled:
            parts.append(f"the loss hardly falls, from {start:.3g} to {trial.training_loss:.3g}")
        else:
            parts.append(f"the loss falls from {start:.3g} to {trial.training_loss:.3g}")
        return "; ".join(parts)

    @property
    def verdict(self) -> str:
        """What to do, in a sentence."""
        if not self.sick:
            return "healthy: nothing to change"
        if self.best is None:
            tried = "nothing could be tried" if not self.trials else "no change that was tried"
            return f"sick, and {tried}{' helps' if self.trials else ''}"
        b, a = self.before, self.best
        return (
            f"{a.label}: first / last gradient {_ratio(b.reading.ratio)} -> "
            f"{_ratio(a.reading.ratio)}, loss {b.loss:.3g} -> {a.loss:.3g}"
        )

    @property
    def changes(self) -> list[tuple[str, str]]:
        """The lines of Python that change, as pairs (before, after): at most three.

        The hidden layer that occurs most often stands for all that change in the same way.
        """
        if self.best is None:
            return []
        old, new = self.before.plan, self.best.plan
        pairs = list(zip(old.blocks(), new.blocks(), strict=True))
        hidden = Counter(pair for pair in pairs[:-1] if pair[0] != pair[1])
        found = [hidden.most_common(1)[0][0]] if hidden else []
        last = pairs[-1]
        optimizers = (_optimizer_line(old), _optimizer_line(new))
        return found + [pair for pair in (last, optimizers) if pair[0] != pair[1]]

    @property
    def lines(self) -> list[str]:
        """The new lines of Python."""
        return [after for _, after in self.changes]

    def model(self, seed: int | None = None) -> Sequential:
        """Return a new network with the change (without one, like the old), as it was tried.

        `seed` is that of the trials unless given.
        """
        return self._plan.model(self.conditions.seed if seed is None else seed)

    def optimizer(self) -> Optimizer:
        """Return a new optimizer for it."""
        return self._plan.new_optimizer()

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
            "training_loss": _number(trial.training_loss),
            "held_out_loss": _number(trial.held_out[0]),
            "held_out_accuracy": _number(trial.held_out[1]),
            "outcome": self._outcome(trial),
        }

    def _outcome(self, trial: Trial) -> str:
        if trial is self.before:
            if trial.word != "healthy":
                return trial.word
            return "no learning" if trial.stalled else next(iter(trial.ills), trial.word)
        if trial is self.best:
            return "KEPT"
        return objection(trial, self.before) or "good too"

    def table(self) -> Table:
        """Return the table of all trials."""
        held_out = not math.isnan(self.before.held_out[1])
        made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        made.add_column("change", min_width=18)
        headings = ["strain", "expected", "measured", "loss", *(["accuracy"] if held_out else [])]
        for heading in headings:
            made.add_column(heading, justify="right", no_wrap=True)
        made.add_column("outcome", no_wrap=True)
        for trial in [self.before, *self.trials]:
            outcome = self._outcome(trial)
            row = [
                f"{trial.forecast.strain:.1f}",
                _ratio(trial.forecast.ratio),
                _ratio(trial.reading.ratio),
                f"{trial.loss:.3g}",
                *([f"{trial.held_out[1]:.3f}"] if held_out else []),
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
            where = "held-out data" if c.validation is not None else "the last tenth of the steps"
            yield Text(
                f"{c.steps} steps each, batches of {c.batch_size}, seed {c.seed}. expected, "
                f"measured: first / last norm of dL/dz, before training and over it; strain: how "
                f"far from healthy before training, 0 is best; loss: on {where}."
            )
        yield Text(f"Verdict: {self.verdict}.")
        for before, after in self.changes:
            yield Text(f"  - {before}\n  + {after}")
        if self.interrupted:
            yield Text("Interrupted: not all changes were tried.")

    def __repr__(self) -> str:
        console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
        with console.capture() as text:
            console.print(self)
        return text.get().rstrip()


def _optimizer_line(plan: Plan) -> str:
    return f"optimizer = {plan.optimizer_python()}"


def _ratio(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.2g}" if 0.01 <= value < 1000 else f"{value:.1e}"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
