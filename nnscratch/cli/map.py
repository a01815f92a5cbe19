"""``nnscratch map``: what networks learn over two settings, beside what theory says."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from nnscratch import datasets, layers
from nnscratch.arrays import Array
from nnscratch.cli.arguments import count, rate
from nnscratch.cli.recurrent import LAYERS, RECURRENT
from nnscratch.cli.sweep import add_executor, say_sweep
from nnscratch.console import Console
from nnscratch.errors import ConfigError, require_name
from nnscratch.experiments import order
from nnscratch.experiments.standard import remembering, standard
from nnscratch.files import make_folder
from nnscratch.layers import LSTM
from nnscratch.sweeping import Sweep, sweep
from nnscratch.sweeping.run import Build
from nnscratch.theory import fixed_point
from nnscratch.theory.recurrent import predict_through_time

Theory = Callable[[float, dict[str, Any]], float]


def _depth(sw2: float, common: dict[str, Any]) -> float:
    return fixed_point(common["activation"], sw2, 0.0).trainable_depth


def _steps_back(bias: float, common: dict[str, Any]) -> float:
    x, _ = datasets.temporal_order(64, 100, seed=0)
    layer = LSTM(order.SYMBOLS, common["width"], forget_bias=bias)
    return predict_through_time(order.network(layer, seed=0), x).horizon


@dataclass(frozen=True)
class Map:
    """One family: what is built, its two settings as `trained_map` calls them, and its theory."""

    build: Build
    across: tuple[str, str, tuple[float, ...]]  # option, setting, values where none are given
    up: tuple[str, str, tuple[int, ...]]
    axes: tuple[str, str]
    common: dict[str, Any]
    theory: Theory
    points: int  # of theory's line


MAPS = {
    LAYERS: Map(
        standard,
        ("variances", "weight_variance", (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0, 4.0)),
        ("depths", "depth", (2, 4, 8, 16, 32, 64)),
        ("sw2", "depth"),
        {"activation": "tanh", "width": 100, "lr": 0.02, "epochs": 10},
        _depth,
        200,
    ),
    RECURRENT: Map(
        remembering,
        ("biases", "forget_bias", (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)),
        ("lengths", "length", (10, 20, 40, 80)),
        ("forget_bias", "length"),
        {"width": 50, "lr": 0.1, "epochs": 25},
        _steps_back,
        36,
    ),
}


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.description = (
        "Train a network for every weight variance and depth, or an LSTM for every\n"
        "bias of its forget gates and length of the sequences, and draw what each learned, with\n"
        "the depth, or the number of steps back, that theory says can be trained (Schoenholz et\n"
        "al. 2017). The same command again goes on where it was broken off."
    )
    command.add_argument("--family", choices=tuple(MAPS), default=LAYERS)
    command.add_argument("--activation", metavar="NAME", help=_default("activation"))
    command.add_argument(
        "--variances", type=rate("variance"), nargs="+", metavar="V",
        help="of the weights, times the number of inputs",
    )  # fmt: skip
    command.add_argument(
        "--depths", type=count("depth"), nargs="+", metavar="N", help="hidden layers"
    )
    command.add_argument(
        "--biases", type=rate("bias", above=-math.inf), nargs="+", metavar="B",
        help=f"of the forget gates, of --family {RECURRENT}",
    )  # fmt: skip
    command.add_argument(
        "--lengths", type=count("length", least=10), nargs="+", metavar="STEPS",
        help=f"of the sequences, of --family {RECURRENT}",
    )  # fmt: skip
    command.add_argument("--width", type=count("width"), help=_default("width"))
    command.add_argument("--lr", type=rate("lr"), help=f"learning rate {_default('lr')}")
    command.add_argument("--epochs", type=count("epochs"), help=_default("epochs"))
    command.add_argument("--seeds", type=count("seeds"), default=1)
    add_executor(command, "runs/map")


def _default(name: str) -> str:
    said = ", ".join(f"{one.common[name]}" for one in MAPS.values() if name in one.common)
    return f"(default: {said})"


def run(options: argparse.Namespace) -> int:
    """Train, draw, say where the picture is."""
    from nnscratch_plots import save_figure, trained_map

    console = Console()
    chosen = MAPS[options.family]
    _refuse_others(options)
    folder = make_folder(options.out)
    axes = [sorted(set(getattr(options, name) or values)) for name, _, values in _axes(chosen)]
    for (name, *_), values in zip(_axes(chosen), axes, strict=True):
        if len(values) < 2:
            raise ConfigError(f"--{name} must name two values at least, got {values[0]:g}")
    common = {
        name: value if getattr(options, name) is None else getattr(options, name)
        for name, value in chosen.common.items()
    }
    grid = {setting: values for (_, setting, _), values in zip(_axes(chosen), axes, strict=True)}
    found = sweep(
        partial(chosen.build, **common), grid,
        seeds=options.seeds, executor=options.scheduler, workers=options.workers,
        table=folder / f"{'-'.join(map(str, common.values()))}.csv", retry=options.retry,
    )  # fmt: skip
    say_sweep(console, found)
    line = _between(axes[0], chosen.points)
    across, up = chosen.axes
    ax = trained_map(
        {across: axes[0], up: axes[1], "accuracy": _accuracy(found, grid)},
        curve={across: line, up: [chosen.theory(float(one), common) for one in line]},
        label=", ".join(f"{name} {value}" for name, value in common.items()),
    )
    path = save_figure(ax, folder / "map.png")
    console.wrote(path)
    return 0


def _axes(chosen: Map) -> tuple[Any, Any]:
    return chosen.across, chosen.up


def _refuse_others(options: argparse.Namespace) -> None:
    """Raise `ConfigError` for an option of the family that is not asked for."""
    if options.activation is not None:
        require_name("activation", options.activation, layers.activation_names())
    own = MAPS[options.family]
    known = {*own.common, own.across[0], own.up[0]}
    for name in ("activation", *(one[0] for family in MAPS.values() for one in _axes(family))):
        if name not in known and getattr(options, name) is not None:
            raise ConfigError(f"--{name} is not for --family {options.family}: leave it out")


def _between(values: list[float], points: int) -> Array:
    """Return `points` numbers at even distances of the columns of `values`."""
    places = np.arange(len(values))
    line: Array = np.interp(np.linspace(0, len(values) - 1, points), places, values)
    return line


def _accuracy(found: Sweep, grid: dict[str, list[float]]) -> Array:
    """Return the mean accuracy over the seeds, NaN where no run came to an end."""
    (across, columns), (up, rows) = grid.items()
    made = np.full((len(rows), len(columns)), np.nan)
    for i, one in enumerate(rows):
        for j, other in enumerate(columns):
            runs = [run for run in found if run[up] == one and run[across] == other]
            values = [run["val_accuracy"] for run in runs if not run["error"]]
            made[i, j] = np.mean(values) if values else np.nan
    return made
