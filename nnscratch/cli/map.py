"""``nnscratch map``: what networks learn, by weight variance and depth, beside what theory says."""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from nnscratch import layers
from nnscratch.arrays import Array
from nnscratch.cli.arguments import count, rate
from nnscratch.cli.sweep import add_executor
from nnscratch.console import Console
from nnscratch.errors import unknown_name
from nnscratch.experiments.standard import standard
from nnscratch.files import make_folder
from nnscratch.sweeping import Sweep, sweep
from nnscratch.theory import fixed_point

_DEPTHS = (2, 4, 8, 16, 32, 64)
_VARIANCES = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0, 4.0)
_POINTS = 200  # of theory's line


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.description = (
        "Train a network for every weight variance and depth, and draw what each\n"
        "learned, with the depth that theory says can be trained (Schoenholz et al. 2017).\n"
        "The same command again goes on where it was broken off."
    )
    command.add_argument("--activation", default="tanh", metavar="NAME")
    command.add_argument(
        "--depths", type=count("depth"), nargs="+", default=_DEPTHS, metavar="N",
        help="hidden layers",
    )  # fmt: skip
    command.add_argument(
        "--variances", type=rate("variance"), nargs="+", default=_VARIANCES, metavar="V",
        help="of the weights, times the number of inputs",
    )  # fmt: skip
    command.add_argument("--width", type=count("width"), default=100)
    command.add_argument("--lr", type=rate("lr"), default=0.02, help="learning rate")
    command.add_argument("--epochs", type=count("epochs"), default=10)
    command.add_argument("--seeds", type=count("seeds"), default=1)
    add_executor(command, "runs/map")


def run(options: argparse.Namespace) -> int:
    """Train, draw, say where the picture is."""
    from nnscratch_plots import save_figure, trained_map

    console = Console()
    if options.activation not in layers.activation_names():
        raise unknown_name("activation", options.activation, layers.activation_names())
    folder = make_folder(options.out)
    sw2, depth = (sorted(set(values)) for values in (options.variances, options.depths))
    common = {name: getattr(options, name) for name in ("activation", "width", "lr", "epochs")}
    found = sweep(
        partial(standard, **common), {"weight_variance": sw2, "depth": depth},
        seeds=options.seeds, executor=options.scheduler, workers=options.workers,
        table=folder / f"{'-'.join(map(str, common.values()))}.csv",
    )  # fmt: skip
    line = np.geomspace(sw2[0], sw2[-1], _POINTS)
    scales = [fixed_point(options.activation, float(one), 0.0).trainable_depth for one in line]
    label = ", ".join(f"{name} {value}" for name, value in common.items())
    ax = trained_map(
        {"sw2": sw2, "depth": depth, "accuracy": _accuracy(found, sw2, depth)},
        curve={"sw2": line, "depth": scales}, label=label,
    )  # fmt: skip
    path = save_figure(ax, folder / "map.png")
    console.print(f"{found!r}\nwrote {path}", soft_wrap=True, highlight=False)
    return 0


def _accuracy(found: Sweep, sw2: list[float], depth: list[int]) -> Array:
    """Return the mean accuracy over the seeds, NaN where no run came to an end."""
    made = np.full((len(depth), len(sw2)), np.nan)
    for i, deep in enumerate(depth):
        for j, one in enumerate(sw2):
            rows = [r for r in found if r["depth"] == deep and r["weight_variance"] == one]
            values = [r["val_accuracy"] for r in rows if not r["error"]]
            made[i, j] = np.mean(values) if values else np.nan
    return made
