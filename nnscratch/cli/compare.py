"""``nnscratch compare``: train the ladder of networks and draw their gradients."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from nnscratch import datasets
from nnscratch.cli import recurrent
from nnscratch.cli.arguments import (
    CONFIGURATIONS,
    add_data,
    add_ladder,
    count,
    ladder_settings,
    rate,
)
from nnscratch.cli.network import require_memory
from nnscratch.console import Console, table_of
from nnscratch.errors import NnscratchError
from nnscratch.experiments import ladder
from nnscratch.files import make_folder, write_atomically
from nnscratch.flow import save_record
from nnscratch.flow.findings import find
from nnscratch.theory import Prediction, predict_layers
from nnscratch.training import Callback, StepInfo, Trainer
from nnscratch_records.words import plural


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    defaults = ladder.Settings()
    command.description = (
        "Train the same deep network under each remedy for vanishing and exploding\n"
        "gradients, print one table, and draw the gradient of every layer."
    )
    command.epilog = f"{CONFIGURATIONS}\n\n{recurrent.CONFIGURATIONS}"
    add_ladder(command)
    command.add_argument(
        "--epochs", type=count("epochs"), help=f"epochs (default: {defaults.epochs})"
    )
    command.add_argument("--lr", type=rate("lr"), help=f"learning rate (default: {defaults.lr:g})")
    recurrent.add_family(command, trains=True)
    command.add_argument(
        "--out", type=Path, default=Path("runs/compare"), metavar="DIR", help="output folder"
    )
    add_data(command, choose=True, files=False)


def run(options: argparse.Namespace) -> int:
    """Train, print and draw; Ctrl-C keeps the configurations that are done."""
    recurrent.refuse_others(options)
    if options.family == recurrent.RECURRENT:
        return recurrent.compare(options)
    console = Console()
    rungs = ladder.select(options.only)
    settings = ladder_settings(options)
    folder = make_folder(options.out)
    data = datasets.load(options.data, data_dir=options.data_dir, download=options.download)
    require_memory(data, settings)
    console.print(
        f"{plural(len(rungs), 'network')} of {plural(settings.depth, 'hidden layer')} x "
        f"{settings.width} on {options.data} ({len(data[0]):,} training and {len(data[2]):,} test "
        f"images), {plural(settings.epochs, 'epoch')}, batch {settings.batch_size}, learning rate "
        f"{settings.lr:g}, seed {settings.seed}"
    )
    outcomes, complete = _train(rungs, data, settings, console)
    if outcomes:
        predictions = [_predicted(outcome.rung, data, settings) for outcome in outcomes]
        console.print(table(outcomes, predictions))
        console.wrote(*write(outcomes, predictions, settings, options.data, folder))
    if not complete:
        raise KeyboardInterrupt
    return 0


def _train(
    rungs: Sequence[ladder.Rung], data: ladder.Data, settings: ladder.Settings, console: Console
) -> tuple[list[ladder.Outcome], bool]:
    """Return what the rungs gave, and whether all of them were trained to the end."""
    outcomes: list[ladder.Outcome] = []
    with _progress(data, settings, console) as watch:
        for rung in rungs:
            watch.begin(rung)
            outcome = ladder.climb(rung, data, settings, callbacks=(watch,))
            if outcome.history.interrupted:
                console.print(f"interrupted in {rung.name}: keeping the {len(outcomes)} before it")
                return outcomes, False
            watch.end(outcome)
            outcomes.append(outcome)
    return outcomes, True


def _predicted(
    rung: ladder.Rung, data: ladder.Data, settings: ladder.Settings
) -> Prediction | None:
    """Return what theory expects of a rung's first step, as in `nnscratch predict`, if anything."""
    x, y = data[:2]
    model = ladder.build(rung, x.shape[1], int(y.max()) + 1, settings)
    try:
        return predict_layers(model, x, batch_size=min(settings.batch_size, len(x)))
    except NnscratchError:
        return None


class Watch(Callback):
    """Shows how far the ladder is: a bar on a terminal, a line per configuration elsewhere."""

    def __init__(self, progress: Progress, steps: int, console: Console) -> None:
        self.progress, self.steps, self.console = progress, steps, console
        self.task = progress.add_task("", total=steps, loss="")
        self.rung: ladder.Rung | None = None

    def begin(self, rung: ladder.Rung) -> None:
        self.rung = rung
        self.progress.reset(self.task, description=rung.name, total=self.steps, loss="")
        if self.progress.disable:
            self.console.print(f"training {rung.name} ...", highlight=False)

    def on_step(self, trainer: Trainer, step: StepInfo) -> None:
        self.progress.update(self.task, advance=1, loss=f"loss {step.loss:.4g}")

    def end(self, outcome: ladder.Outcome) -> None:
        self.console.print(
            f"  {outcome.rung.name}: test accuracy {outcome.accuracy:.3f}, "
            f"{outcome.reading.word}, {outcome.history.seconds:.1f} s",
            highlight=False,
        )


@contextlib.contextmanager
def _progress(data: ladder.Data, settings: ladder.Settings, console: Console) -> Iterator[Watch]:
    steps = settings.epochs * -(-len(data[0]) // settings.batch_size)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} steps"),
        TextColumn("{task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as p:
        yield Watch(p, steps, console)


def table(outcomes: Sequence[ladder.Outcome], predictions: Sequence[Prediction | None]) -> Table:
    """Return the table of all configurations."""
    made = table_of(
        "configuration",
        ("test", "first", "last", "ratio", "predicted"),
        "reading",
        caption="test: accuracy on the test images; first, last: norm of the back-propagated "
        "gradient dL/dz at the first and the last dense layer; ratio: first / last; each the "
        "median over the steps with finite values; predicted: the ratio at the first step, by "
        "theory alone",
    )
    colours = {"healthy": "green", "vanishing": "yellow", "exploding": "red", "diverged": "red"}
    for outcome, prediction in zip(outcomes, predictions, strict=True):
        reading = outcome.reading
        made.add_row(
            outcome.rung.label,
            f"{outcome.accuracy:.3f}",
            f"{reading.first:.1e}",
            f"{reading.last:.1e}",
            f"{reading.ratio:.1e}",
            "-" if prediction is None else f"{prediction.ratio:.1e}",
            f"[{colours[reading.word]}]{reading.word}[/]",
        )
    return made


def write(
    outcomes: Sequence[ladder.Outcome],
    predictions: Sequence[Prediction | None],
    settings: ladder.Settings,
    data: str,
    folder: Path,
) -> list[Path]:
    """Write records, table and pictures into `folder`; return what was written."""
    import nnscratch_plots as plots
    from nnscratch_plots.report import write_report

    written = []
    records = [outcome.record for outcome in outcomes]
    kept = make_folder(folder / "records")
    for outcome in outcomes:
        written.append(save_record(kept / f"{outcome.rung.name}.npz", outcome.record))
    summary = {
        "data": data,
        "settings": asdict(settings),
        "configurations": [
            {
                "name": o.rung.name,
                "test_accuracy": o.accuracy,
                **asdict(o.reading),
                "predicted_ratio": None if p is None else p.ratio,
            }
            for o, p in zip(outcomes, predictions, strict=True)
        ],
    }
    text = json.dumps(summary, indent=2)
    written.append(write_atomically(folder / "summary.json", text.encode()))
    drawn = [None if one is None else one.to_dict() for one in predictions]
    pictures = {"gradient-norms": plots.gradient_norm_figure(records, predictions=drawn)}
    pictures["weight-gradient-norms"] = plots.gradient_norm_figure(
        records, quantity="param_gradient_norm"
    )
    pictures["heatmaps"] = plots.heatmap_figure(records, quantity="gradient_norm")
    for name, figure in pictures.items():
        path = folder / f"{name}.png"
        plots.save_figure(figure, path)
        written.append(path)
    findings = [find(record) for record in records]
    title = f"nnscratch compare, {data}"
    page = folder / "report.html"
    written.append(write_report(records, page, findings=findings, title=title, predictions=drawn))
    return written
