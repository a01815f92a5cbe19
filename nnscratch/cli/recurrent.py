"""The family of recurrent networks: ``nnscratch compare`` and ``predict --family recurrent``."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from nnscratch import datasets
from nnscratch.cli.arguments import count
from nnscratch.cli.network import names_parts
from nnscratch.console import Console, table_of
from nnscratch.curing import Cure, cure
from nnscratch.errors import ConfigError
from nnscratch.experiments import order
from nnscratch.experiments import recurrent_ladder as ladder
from nnscratch.files import make_folder, write_atomically
from nnscratch.flow import save_record
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.theory import TimePrediction
from nnscratch.theory.recurrent.report import steps_text
from nnscratch_records.words import plural

LAYERS, RECURRENT = "layers", "recurrent"
CONFIGURATIONS = f"configurations of --family {RECURRENT}:\n" + "\n".join(
    f"  {rung.name:<24}{rung.label}" for rung in ladder.LADDER
)
STEPS = 600  # of a trial
_EXAMPLES = 3000  # of which a cure is looked for
_CHANCE = 1 / order.CLASSES
_COLOURS = {"healthy": "green", "vanishing": "yellow", "exploding": "red"}


def add_family(command: argparse.ArgumentParser, *, trains: bool) -> None:
    """Add which family of networks, and what only the recurrent one has."""
    defaults = ladder.Settings()
    command.add_argument(
        "--family",
        choices=(LAYERS, RECURRENT),
        default=LAYERS,
        help=f"{LAYERS}: deep networks; {RECURRENT}: networks through time, on sequences of which "
        "the order of two symbols must be told at the end",
    )
    group = command.add_argument_group(f"--family {RECURRENT}")
    group.add_argument(
        "--length",
        type=count("length", least=10),
        metavar="STEPS",
        help=f"of the sequences (default: {defaults.length})",
    )
    if trains:
        group.add_argument(
            "--updates",
            type=count("updates", least=order.EVERY),
            help=f"at most so many (default: {defaults.updates})",
        )


def refuse_others(options: argparse.Namespace) -> None:
    """Raise `ConfigError` for an option of the family that is not asked for."""
    recurrent = options.family == RECURRENT
    others = ("depth", "epochs", "batch", "measure") if recurrent else ("length", "updates")
    for name in others:
        if getattr(options, name, None) is not None:
            family = LAYERS if recurrent else RECURRENT
            raise ConfigError(f"--{name} is for --family {family}, got --family {options.family}")
    if recurrent and names_parts(options):
        raise ConfigError(f"--family {RECURRENT} has its own networks: choose with --only")
    given = ("target", "ignore", "standardise", "data_dir")
    if recurrent and (options.data != "digits" or any(getattr(options, k, None) for k in given)):
        raise ConfigError(
            f"--family {RECURRENT} makes its own sequences: leave out --data, --target, --ignore, "
            f"--standardise and --data-dir"
        )


def settings_of(options: argparse.Namespace) -> ladder.Settings:
    """Return what the options say; the ladder's own defaults for the rest.

    Raises `TooLargeError` for what does not fit into memory.
    """
    given = {item.name: getattr(options, item.name, None) for item in fields(ladder.Settings)}
    said = ladder.Settings(**{name: value for name, value in given.items() if value is not None})
    ladder.require_memory(said)
    return said


def predict(options: argparse.Namespace) -> int:
    """Predict, measure, print and draw."""
    console = Console()
    rungs, settings = ladder.select(options.only), settings_of(options)
    folder = make_folder(options.out)
    console.print(_heading(rungs, settings) + ", before the first step", highlight=False)
    found = [ladder.foresee(rung, settings) for rung in rungs]
    table = _table("predicted")
    for rung, one in zip(rungs, found, strict=True):
        table.add_row(rung.label, *_foreseen(one), f"[{_COLOURS[one.word]}]{one.word}[/]")
    console.print(table)
    for rung, one in zip(rungs, found, strict=True):
        console.print(f"{rung.label}: {one.verdict}", highlight=False)
    import nnscratch_plots as plots

    drawn = [_drawn(rung, one) for rung, one in zip(rungs, found, strict=True)]
    console.wrote(_write_numbers(folder, settings, [_numbers(one) for one in drawn]))
    picture = folder / "gradient-through-time.png"
    console.wrote(plots.save_figure(plots.predicted_gradient_by_lag(drawn), picture))
    return 0


def patients(
    options: argparse.Namespace, console: Console
) -> tuple[tuple[ladder.Rung, ...], Callable[[ladder.Rung], Cure]]:
    """Return the networks to be cured, and what cures one of them."""
    rungs, settings = ladder.select(options.only), settings_of(options)
    x, y = datasets.temporal_order(_EXAMPLES, settings.length, settings.seed)
    console.print(
        f"{_heading(rungs, settings)}, batch {order.BATCH}, learning rate {settings.lr:g}",
        highlight=False,
    )

    def treat(rung: ladder.Rung) -> Cure:
        return cure(
            ladder.build(rung, settings),
            SoftmaxCrossEntropy(),
            ladder.optimizer(rung, settings),
            *(x, y),
            batch_size=order.BATCH,
            steps=options.steps or STEPS,
            tries=options.tries,
            seed=settings.seed,
        )

    return rungs, treat


def compare(options: argparse.Namespace) -> int:
    """Train, print and draw; Ctrl-C keeps the configurations that are done."""
    console = Console()
    rungs, settings = ladder.select(options.only), settings_of(options)
    folder = make_folder(options.out)
    console.print(
        f"{_heading(rungs, settings)}, batch {order.BATCH}, learning rate {settings.lr:g}, at most "
        f"{settings.updates:,} updates, seed {settings.seed}",
        highlight=False,
    )
    outcomes = []
    complete = True
    for outcome in _climb(rungs, settings, console):
        if outcome.learned.interrupted:
            console.print(f"interrupted in {outcome.rung.name}: keeping the ones before it")
            complete = False
            break
        outcomes.append(outcome)
    if outcomes:
        console.print(_compared(outcomes))
        console.wrote(*_write(outcomes, settings, folder))
    if not complete:
        raise KeyboardInterrupt
    return 0


def _heading(rungs: Sequence[ladder.Rung], settings: ladder.Settings) -> str:
    return (
        f"{plural(len(rungs), 'recurrent network')} of {plural(settings.width, 'unit')} on the "
        f"temporal order of two symbols in sequences of {plural(settings.length, 'step')}"
    )


def _climb(
    rungs: Sequence[ladder.Rung], settings: ladder.Settings, console: Console
) -> Iterator[ladder.Outcome]:
    for rung in rungs:
        console.print(f"training {rung.name} ...", highlight=False)
        yield ladder.climb(rung, settings)


def _table(*last: str, also: str = "") -> Table:
    return table_of(
        "configuration",
        ("a step", "reach", "left", "measured", *last),
        caption="a step: factor on the norm of the state's gradient, by theory; reach: steps back "
        "within which it keeps its size to a factor of 20; left: what is left of it at the first "
        f"step, by theory and as measured before training{also}",
    )


def _foreseen(found: TimePrediction) -> tuple[str, str, str, str]:
    (layer,) = found.layers
    assert found.measured is not None
    measured = found.measured[0]
    left = f"{layer.relative_gradient[-1]:.1e}"
    return f"{layer.rate:.3f}", steps_text(layer.horizon), left, f"{measured[-1] / measured[0]:.1e}"


def _compared(outcomes: Sequence[ladder.Outcome]) -> Table:
    also = "; solved: after so many updates 99 % of fresh sequences are told rightly"
    table = _table("solved", "right", also=also)
    for one in outcomes:
        after = f"[green]{one.learned.updates:.0f}[/]" if one.learned.solved else "[yellow]-[/]"
        right = f"{one.learned.right[-1]:.2f}"
        table.add_row(one.rung.label, *_foreseen(one.prediction), after, right)
    return table


def _drawn(rung: ladder.Rung, found: TimePrediction) -> dict[str, Any]:
    return {"name": rung.name, "label": rung.label, **found.to_dict()}


def _write(
    outcomes: Sequence[ladder.Outcome], settings: ladder.Settings, folder: Path
) -> list[Path]:
    """Write records, numbers and the picture into `folder`; return what was written."""
    import nnscratch_plots as plots

    kept = make_folder(folder / "records")
    written = [save_record(kept / f"{one.rung.name}.npz", one.record) for one in outcomes]
    drawn = [
        {
            **_drawn(one.rung, one.prediction),
            "updates": order.EVERY * np.arange(1, len(one.learned.right) + 1),
            "right": np.array(one.learned.right),
        }
        for one in outcomes
    ]
    numbers = [
        {**_numbers(one), "solved_after": finite(outcome.learned.updates)}
        for one, outcome in zip(drawn, outcomes, strict=True)
    ]
    written.append(_write_numbers(folder, settings, numbers))
    figure = plots.memory_figure(drawn, chance=_CHANCE)
    return [*written, plots.save_figure(figure, folder / "memory.png")]


def _numbers(drawn: dict[str, Any]) -> dict[str, Any]:
    return {
        key: [finite(one) for one in value.tolist()]
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim == 1
        else value.tolist()
        if isinstance(value, np.ndarray)
        else value
        for key, value in drawn.items()
    }


def finite(value: float) -> float | None:
    """Return `value`, or None for what JSON has no number for."""
    return value if math.isfinite(value) else None


def _write_numbers(
    folder: Path, settings: ladder.Settings, configurations: list[dict[str, Any]]
) -> Path:
    summary = {"settings": asdict(settings), "configurations": configurations}
    return write_atomically(folder / "summary.json", json.dumps(summary, indent=2).encode())
