"""``nnscratch predict``: what theory expects of the ladder of networks, before any training."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track
from rich.table import Table

from nnscratch.arrays import Array
from nnscratch.cli import recurrent
from nnscratch.cli.arguments import (
    CONFIGURATIONS,
    add_data,
    add_ladder,
    count,
    ladder_settings,
)
from nnscratch.cli.network import (
    Data,
    add_network,
    chosen_rungs,
    load_data,
    make_loss,
    names_a_network,
    names_to_choose_from,
    outputs,
    require_memory,
    targets,
    with_option,
)
from nnscratch.console import Console, table_of
from nnscratch.experiments import ladder
from nnscratch.experiments.rungs import are_all
from nnscratch.files import make_folder, write_atomically
from nnscratch.layers import activation as activation_layer
from nnscratch.theory import (
    Prediction,
    critical_scale,
    measure_gradient,
    phase_diagram,
    predict_layers,
)
from nnscratch.theory.report import depth_text
from nnscratch_records import memory
from nnscratch_records.words import plural

DRAWS = 5
_SETTINGS = ("depth", "width", "batch_size", "seed")
_BIASES = np.linspace(0, 0.5, 21)
_LINE = 0.5 * np.linspace(0, 1, 13) ** 2  # denser towards no bias, where the line bends


@dataclass(frozen=True)
class Foreseen:
    """A rung, what theory expects of it, and what was measured: (draws, L) norms, or None."""

    rung: ladder.Rung
    prediction: Prediction
    measured: Array | None

    @property
    def measured_ratio(self) -> float:
        """Norm at the first layer over that at the last: geometric mean over draws, or NaN."""
        if self.measured is None:
            return math.nan
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.exp(np.mean(np.log(self.measured[:, 0] / self.measured[:, -1]))))


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.description = (
        "Predict, from initializers, activations, widths, norms, residual blocks and what the\n"
        "data look like, how the gradient flows in the networks of `nnscratch compare` before\n"
        "their first step. Nothing is trained."
    )
    command.epilog = f"{CONFIGURATIONS}\n\n{recurrent.CONFIGURATIONS}\n\n{names_to_choose_from()}"
    add_ladder(command, least_batch=2)
    add_network(command, instead="the configurations below")
    recurrent.add_family(command, trains=False)
    command.add_argument(
        "--measure",
        nargs="?",
        type=count("measure"),
        const=DRAWS,
        metavar="DRAWS",
        help=f"also measure the first step's gradient, over DRAWS draws of weights and batch "
        f"({DRAWS} if not said)",
    )
    command.add_argument(
        "--out", type=Path, default=Path("runs/predict"), metavar="DIR", help="output folder"
    )
    add_data(command, choose=True)


def run(options: argparse.Namespace) -> int:
    """Predict, measure where asked, print and draw."""
    recurrent.refuse_others(options)
    if options.family == recurrent.RECURRENT:
        return recurrent.predict(options)
    console = Console()
    # Clipping acts after the gradient: such a rung starts like the one without.
    chosen = not are_all(options.only) or names_a_network(options)
    rungs = [r for r in chosen_rungs(options) if chosen or r.max_norm is None]
    settings = ladder_settings(options)
    folder = make_folder(options.out)
    data = load_data(options, console)
    settings = replace(settings, batch_size=min(settings.batch_size, len(data[0])))
    require_memory(data, settings)
    draws = options.measure or 0
    norms = len(rungs) * (settings.depth + 1)
    memory.require(f"a measurement of {draws:,} draws", 2 * 8 * norms * draws)
    console.say(
        f"{plural(len(rungs), 'network')} of {plural(settings.depth, 'hidden layer')} x "
        f"{settings.width} on "
        f"{options.data}, batch {settings.batch_size}, before the first step",
        soft_wrap=False,
    )
    foreseen = [foresee(rung, data, settings, draws, console) for rung in rungs]
    console.print(table(foreseen))
    for one in foreseen:
        verdict = with_option(one.prediction.verdict, options)
        console.print(f"{one.rung.label}: {verdict}", highlight=False)
    for note in dict.fromkeys(note for one in foreseen for note in one.prediction.notes):
        console.print(f"Note: {note}.", highlight=False)
    console.wrote(*write(foreseen, settings, options.data, folder))
    return 0


def foresee(
    rung: ladder.Rung, data: Data, settings: ladder.Settings, draws: int, console: Console
) -> Foreseen:
    """Return prediction and measurement, draw k with the weights of seed + k and its own batch."""
    x, y = data[:2]
    model = ladder.build(rung, x.shape[1], outputs(data), settings)
    prediction = predict_layers(model, x, targets(data), batch_size=settings.batch_size)
    measured = []
    seeds = range(settings.seed, settings.seed + draws)
    shown = draws > 0 and console.is_terminal
    for seed in track(seeds, rung.label, console=console, transient=True, disable=not shown):
        model = ladder.build(rung, x.shape[1], outputs(data), replace(settings, seed=seed))
        rows = np.random.default_rng(seed).permutation(len(x))[: settings.batch_size]
        measured.append(measure_gradient(model, x[rows], y[rows], make_loss(data)))
    return Foreseen(rung, prediction, np.array(measured) if measured else None)


def table(foreseen: Sequence[Foreseen]) -> Table:
    """Return the table of all configurations."""
    made = table_of(
        "configuration",
        ("rate", "ratio", "measured", "scale", "depth"),
        "verdict",
        caption="rate: factor on the squared gradient per layer, mean over the layers; ratio: norm "
        "of dL/dz at the first over that at the last layer; scale: layers in which the squared "
        "gradient changes e-fold, deep in the network; depth: hidden layers up to which such a "
        "network trains",
    )
    colours = {"healthy": "green", "vanishing": "yellow", "exploding": "red"}
    for one in foreseen:
        p = one.prediction
        measured = "-" if one.measured is None else f"{one.measured_ratio:.1e}"
        made.add_row(
            one.rung.label,
            f"{p.rate_per_layer:.3f}",
            f"{p.ratio:.1e}",
            measured,
            depth_text(p.depth_scale, digits=1),
            depth_text(p.trainable_depth),
            f"[{colours[p.word]}]{p.word}[/]",
        )
    return made


def write(
    foreseen: Sequence[Foreseen], settings: ladder.Settings, data: str, folder: Path
) -> list[Path]:
    """Write numbers and pictures into `folder`; return what was written."""
    import nnscratch_plots as plots

    summary = {
        "data": data,
        "settings": {key: getattr(settings, key) for key in _SETTINGS},
        "configurations": [_numbers(one) for one in foreseen],
    }
    text = json.dumps(summary, indent=2)
    written = [write_atomically(folder / "summary.json", text.encode())]
    pictures = {
        "predicted-gradient-norms": plots.predicted_gradient_norm_figure(
            {"label": one.rung.label, **one.prediction.to_dict(), "measured": one.measured}
            for one in foreseen
        )
    }
    diagrams = _diagrams(foreseen)
    if diagrams:
        pictures["phase-diagrams"] = plots.phase_diagram_figure(diagrams)
    for name, figure in pictures.items():
        written.append(plots.save_figure(figure, folder / f"{name}.png"))
    return written


def _numbers(one: Foreseen) -> dict[str, Any]:
    p = one.prediction
    numbers = {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in p.to_dict().items()
    }
    return {
        "name": one.rung.name,
        "word": p.word,
        "rate_per_layer": p.rate_per_layer,
        "ratio": p.ratio,
        "depth_scale": recurrent.finite(p.depth_scale),
        "trainable_depth": recurrent.finite(p.trainable_depth),
        "verdict": p.verdict,
        "notes": list(p.notes),
        **numbers,
        "measured": None if one.measured is None else one.measured.tolist(),
    }


def _diagrams(foreseen: Sequence[Foreseen]) -> list[dict[str, Any]]:
    """Return a phase diagram for each activation of layers in a row without norms, with its
    networks."""
    points: dict[str, dict[str, tuple[float, float]]] = {}
    for one in foreseen:
        regime = one.prediction.regime
        if regime is not None and one.prediction.cure is not None:
            at = points.setdefault(one.rung.activation, {})
            at[one.rung.label] = (regime.sw2, regime.sb2)
    diagrams = []
    for name, networks in points.items():
        layer = activation_layer(name)
        scales = [(critical_scale(layer, float(b)), float(b)) for b in _LINE]
        critical = [(scale, b) for scale, b in scales if scale is not None]
        own = [at[0] for at in networks.values()]
        edge = min((scale for scale, _ in critical), default=0.0)  # to be seen, however far it is
        widest = max([4.0, 1.2 * edge, *(1.2 * sw2 for sw2 in own)])
        weights = np.linspace(min([widest / 40, *(sw2 / 2 for sw2 in own)]), widest, 40)
        diagram = phase_diagram(layer, weights, _BIASES)
        diagrams.append({**diagram, "critical": critical, "points": networks, "label": name})
    return diagrams
