"""``nnscratch find-rate``: which learning rate to begin with."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from nnscratch.cli.arguments import add_data, count, make_folders, rate
from nnscratch.cli.network import (
    add_network,
    add_training,
    foreseen,
    load_data,
    make_loss,
    make_model,
    make_optimizer,
    make_rung,
    names_to_choose_from,
)
from nnscratch.console import Console
from nnscratch.errors import ConfigError
from nnscratch.training import find_rate
from nnscratch.training.rate_test import require_memory

_PICTURES = (".png", ".svg", ".pdf")
_MANY = 10_000  # steps that take seconds


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.description = (
        "Train for a few steps while the learning rate rises, and say where the loss\n"
        "falls fastest. --lr plays no part. Exit code: 0 a rate was found, 1 none makes it fall."
    )
    command.epilog = names_to_choose_from()
    add_network(command)
    add_training(command)
    command.add_argument("--low", type=rate("low"), default=1e-6, help="the first rate")
    command.add_argument("--high", type=rate("high"), default=10.0, help="the last rate")
    command.add_argument("--steps", type=count("steps"), default=140, help="from one to the other")
    command.add_argument("--plot", type=Path, metavar="FILE", help="draw the losses in FILE")
    add_data(command, choose=True)


def run(options: argparse.Namespace) -> int:
    """Run the test, print what it found and draw it."""
    if options.plot is not None and options.plot.suffix not in _PICTURES:
        raise ConfigError(f"{options.plot} must end in {', '.join(_PICTURES)}")
    make_folders(options.plot)
    console = Console()
    data = load_data(options, console)
    require_memory(options.steps)
    if options.steps >= _MANY:
        console.say(f"training {options.steps:,} steps at rates that rise ...")
    model = make_model(options, make_rung(options), data, console)
    found = find_rate(
        model,
        make_loss(data),
        make_optimizer(options),
        data[0],
        data[1],
        batch_size=options.batch,
        low=options.low,
        high=options.high,
        steps=options.steps,
        seed=options.seed,
    )
    print(found)
    if math.isnan(found.rate):
        foreseen(model, data, options, console)
    if options.plot is not None:
        from nnscratch_plots import save_figure

        save_figure(found.plot(), options.plot)
        console.wrote(options.plot)
    return 1 if math.isnan(found.rate) else 0
