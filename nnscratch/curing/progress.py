"""How far a search for a cure has come: a bar on a terminal, a line per trial elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from nnscratch.curing.trials import Trial
from nnscratch.training import Callback, StepInfo, Trainer
from nnscratch_kernels.streams import progress_stream


class Watch(Callback):
    """Told of every trial and of its steps."""

    def __init__(self, progress: Progress, console: Console, steps: int) -> None:
        self.progress, self.console, self.steps = progress, console, steps
        self.task = progress.add_task("", total=steps, loss="")

    def begin(self, label: str, runs: int = 1) -> None:
        """Show that the trial `label` starts, of so many runs."""
        self.progress.reset(self.task, description=label, total=runs * self.steps, loss="")

    def on_step(self, trainer: Trainer, step: StepInfo) -> None:
        self.progress.update(self.task, advance=1, loss=f"loss {step.loss:.4g}")

    def end(self, trial: Trial) -> None:
        """Show what came of it, where there is no bar."""
        if self.progress.disable:
            seeds = f", {len(trial.runs)} seeds" if len(trial.runs) > 1 else ""
            self.console.print(
                f"tried {trial.label}{seeds}: {trial.word}, skill {trial.skill:.2f}",
                highlight=False,
                soft_wrap=True,
                markup=False,
            )


@contextlib.contextmanager
def watching(progress: bool, steps: int) -> Iterator[Watch]:
    """Show progress while this is entered; nothing if `progress` is False."""
    console = Console(file=progress_stream(), quiet=not progress)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} steps"),
        TextColumn("{task.fields[loss]}"),
    )
    shown = progress and console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not shown) as bar:
        yield Watch(bar, console, steps)
