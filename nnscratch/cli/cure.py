"""``nnscratch cure``: try changes on the ladder's networks and say which ones to make."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nnscratch.cli import recurrent
from nnscratch.cli.arguments import (
    CONFIGURATIONS,
    PUBLIC_GROUPS,
    add_data,
    add_ladder,
    count,
    ladder_settings,
    rate,
)
from nnscratch.cli.network import (
    Data,
    add_network,
    chosen_rungs,
    is_file,
    load_data,
    make_loss,
    names_to_choose_from,
    outputs,
    require_memory,
)
from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.console import Console
from nnscratch.curing import Cure, cure, search
from nnscratch.curing.skill import HELD_OUT
from nnscratch.experiments import ladder, recurrent_ladder
from nnscratch.files import make_folder, write_atomically
from nnscratch.optimizers import SGD
from nnscratch_records.words import plural

R = TypeVar("R", ladder.Rung, recurrent_ladder.Rung)

_STEPS = 300


@dataclass(frozen=True)
class Patient:
    """A rung and what was found for it."""

    rung: ladder.Rung | recurrent_ladder.Rung
    cure: Cure


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    defaults = ladder.Settings()
    command.description = (
        "Predict and try the network of the options, or each of `nnscratch compare`; where it\n"
        "is sick, rank possible changes, try the best few on the same batches, keep what learns\n"
        "more on held-out examples with three seeds, and print the lines that make it."
    )
    command.epilog = f"{CONFIGURATIONS}\n\n{recurrent.CONFIGURATIONS}\n\n{names_to_choose_from()}"
    add_ladder(command)
    add_network(command, instead="the configurations below")
    recurrent.add_family(command, trains=False)
    command.add_argument("--lr", type=rate("lr"), help=f"learning rate (default: {defaults.lr:g})")
    command.add_argument(
        "--steps",
        type=count("steps", least=search.LEAST_STEPS),
        help=f"steps of each trial (default: {_STEPS}, through time {recurrent.STEPS})",
    )
    command.add_argument(
        "--tries", type=count("tries"), default=5, help="changes to try in each of three rounds"
    )
    command.add_argument(
        "--out", type=Path, default=Path("runs/cure"), metavar="DIR", help="output folder"
    )
    command.add_argument(
        "--public-cases",
        choices=("autotrainer", *PUBLIC_GROUPS),
        help="cure other people's networks instead, paste the lines and train by them",
    )
    add_data(command, choose=True)


def run(options: argparse.Namespace) -> int:
    """Cure one network after the other; Ctrl-C keeps those that are done."""
    console = Console()
    recurrent.refuse_others(options)
    if options.public_cases is not None:
        return _run_public_cases(console, options)
    folder = make_folder(options.out)
    if options.family == recurrent.RECURRENT:
        return _treat_all(console, *recurrent.patients(options, console), folder)
    rungs = chosen_rungs(options)
    settings = ladder_settings(options)
    data = load_data(options, console)
    require_memory(data, settings)
    steps = options.steps or _STEPS
    search.require_memory(steps)
    console.say(
        f"{plural(len(rungs), 'network')} of {plural(settings.depth, 'hidden layer')} x "
        f"{settings.width} on "
        f"{options.data}, batch {settings.batch_size}, learning rate {settings.lr:g}; one training "
        f"example in {HELD_OUT} is held out",
        soft_wrap=False,
    )

    def treat_one(rung: ladder.Rung) -> Cure:
        return treat(rung, data, settings, steps, options.tries)

    return _treat_all(console, rungs, treat_one, folder, _reading(options))


def _reading(options: argparse.Namespace) -> str:
    """Return the line of Python that reads a file of one's own; "" for other data."""
    if not is_file(options):
        return ""
    scaled = ", standardise=True" if options.standardise else ""
    ignored = f", ignore={options.ignore}" if options.ignore else ""
    return (
        f"x, y, x_test, y_test = nn.datasets.table({options.data!r}, {options.target!r}{scaled}, "
        f"seed={options.seed}{ignored})"
    )


def _treat_all(
    console: Console,
    rungs: Sequence[R],
    treat: Callable[[R], Cure],
    folder: Path,
    reading: str = "",
) -> int:
    """Treat one after the other; `reading`: the line of Python that reads the data."""
    patients = []
    interrupted = False
    for rung in rungs:
        console.rule(rung.label, align="left")
        try:
            found = treat(rung)
        except KeyboardInterrupt:
            interrupted = True
            break
        patients.append(Patient(rung, found))
        console.print(found, highlight=False, crop=False)  # lines of Python are never cut
        if reading and found.lines:
            console.say(f"These lines begin with: {reading}")
        if found.interrupted:
            interrupted = True
            break
    console.wrote(*write(patients, folder))
    if interrupted:
        raise KeyboardInterrupt
    return 0


def _run_public_cases(console: Console, options: argparse.Namespace) -> int:
    """Treat a group of sick cases, one line each; exit code 1 below 95 % of those within reach."""
    from nnscratch.experiments import public
    from nnscratch.experiments.public import cures

    name = options.public_cases
    cases = list(cures.autotrainer_like()) if name == "autotrainer" else public.SICK[name]
    rows = []
    for case in (case for case in cases if not case.recipe.needs):
        treated = cures.treat(case, options.seed, tries=options.tries)
        rows.append(treated.to_dict())
        said = "trains" if treated.trains else "beyond" if rows[-1]["beyond"] else "NOT"
        console.say(
            f"{said:<7}{case.name}: {treated.before:.2f} -> {treated.score:.2f} of "
            f"{case.reach:g}; {rows[-1]['change'] or 'nothing kept'}",
            markup=False,
        )
    within = [row for row in rows if row["trains"] or not row["beyond"]]
    trained = sum(row["trains"] for row in within)
    longer = sum(row["trains"] for row in within if row["steps"])
    said = f", {longer} of them by training longer as is said" if longer else ""
    console.print(f"{trained} of {len(within)} train by the lines that were printed{said}")
    path = make_folder(options.out) / f"public-cases-{name}.json"
    console.wrote(write_atomically(path, json.dumps(rows, indent=2).encode()))
    return 0 if trained >= 0.95 * len(within) else 1


def treat(rung: ladder.Rung, data: Data, settings: ladder.Settings, steps: int, tries: int) -> Cure:
    """Return what was found for the network of `rung`, judged on held-out training examples."""
    x, y = data[:2]
    model = ladder.build(rung, x.shape[1], outputs(data), settings)
    clip = ClipByGlobalNorm(rung.max_norm) if rung.max_norm is not None else None
    return cure(
        model,
        make_loss(data),
        SGD(lr=settings.lr, clip=clip),
        x,
        y,
        batch_size=settings.batch_size,
        steps=steps,
        tries=tries,
        seed=settings.seed,
    )


def write(patients: Sequence[Patient], folder: Path) -> list[Path]:
    """Write numbers and pictures into `folder`; return what was written."""
    import nnscratch_plots as plots

    if not patients:
        return []
    summary = [{"name": one.rung.name, **one.cure.to_dict()} for one in patients]
    text = json.dumps({"configurations": summary}, indent=2)
    written = [write_atomically(folder / "summary.json", text.encode())]
    for one in patients:
        path = folder / f"{one.rung.name}.png"
        plots.save_figure(one.cure.plot(), path)
        written.append(path)
    return written
