"""``nnscratch reproduce``: the claims of the scorecard, and the post's experiment on MNIST."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich import box
from rich.table import Table

from nnscratch import datasets
from nnscratch.cli import scorecard
from nnscratch.cli.arguments import SEED, add_data, count, make_folders
from nnscratch.console import Console
from nnscratch.errors import ConfigError
from nnscratch.experiments import mnist_bn_elu as post
from nnscratch.files import make_folder, write_atomically

POST = "mnist-bn-elu"
POST_SAYS = (
    "the post's network on MNIST beside its two tables: batch norm, clipping, and the true cause "
    "of the drop it blames on clipping"
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.description = (
        "Try claims of the post and of the papers behind it, over several seeds, each\n"
        "with a verdict and a picture. Without a name, list them; `all` makes the whole page.\n"
        "What Ctrl-C interrupts is continued by the same command.\n\n"
        f"`{POST}` trains {POST_SAYS[: POST_SAYS.index(':')]}."
    )
    command.add_argument(
        "names", nargs="*", metavar="NAME", help=f"`all`, names of claims, or {POST}"
    )
    command.add_argument(
        "--seeds",
        nargs="+",
        type=SEED,
        help="random seeds instead of its own",
    )
    command.add_argument(
        "--quick", action="store_true", help="few seeds and short runs; verdicts are provisional"
    )
    command.add_argument(
        "--fresh",
        action="store_true",
        help="measure again what is kept (after a change)",
    )
    command.add_argument(
        "--page",
        action="store_true",
        help="write the page too, with what the output folder holds of the other claims",
    )
    command.add_argument(
        "--epochs", type=count("epochs"), help=f"of {POST} (default: {post.EPOCHS})"
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="write every number to FILE")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help=f"output folder (default: runs, or runs/{POST})"
    )
    add_data(command, choose=False)


def run(options: argparse.Namespace) -> int:
    """List the experiments, or run those that are named."""
    if not options.names:
        scorecard.show_list(Console(), {POST: POST_SAYS})
        return 0
    scorecard.check_names(options.names, also=POST)
    if POST not in options.names:
        if options.epochs is not None:
            raise ConfigError(f"--epochs is for {POST}; a claim has its own: use --quick")
        return scorecard.run(options)
    if len(options.names) > 1:
        raise ConfigError(f"{POST} is run by itself, got {' '.join(options.names)}")
    for option in ("quick", "fresh", "page"):
        if getattr(options, option):
            raise ConfigError(f"--{option} is for claims; {POST} has --epochs and --seeds")
    return _run_post(options)


def _run_post(options: argparse.Namespace) -> int:
    """Train the post's network, and print it beside the published tables."""
    console = Console()
    options.epochs = post.EPOCHS if options.epochs is None else options.epochs
    options.seeds = [0] if options.seeds is None else options.seeds
    folder = make_folder(Path("runs") / POST if options.out is None else options.out)
    make_folders(options.json)
    data = datasets.mnist(data_dir=options.data_dir, download=options.download)
    console.print(
        f"784-300-100-10, ELU, learning rate {post.LEARNING_RATE:g}, batch {post.BATCH_SIZE}, "
        f"{options.epochs} epochs on {len(data[0]):,} images; with and without batch norm, with "
        f"and without clipping by value at {post.THRESHOLD:g}"
    )

    def on_epoch(run: post.Run, epoch: int) -> None:
        table = post.COMPARED_WITH[run.name]
        published = post.PUBLISHED[table].get(epoch) if table is not None else None
        beside = f"  (published {published:.4f})" if published is not None else ""
        console.print(
            f"seed {run.seed}  epoch {epoch:>2}  {run.name:<36} {run.accuracy[-1]:.4f}{beside}",
            highlight=False,
            soft_wrap=True,
        )

    runs: list[post.Run] = []
    try:
        for finished in post.reproduce(data, options.seeds, options.epochs, on_epoch):
            runs.append(finished)
    except KeyboardInterrupt:
        if options.json is not None and runs:
            console.say(f"interrupted: wrote {_write_json(runs, options.json)}")
        raise
    for seed in options.seeds:
        console.print(_table(runs, seed, options.epochs))
        for sentence in post.conclusion(runs, seed):
            console.print(sentence, highlight=False)
        console.print()
    met = _report_tolerances(runs, console)
    console.wrote(*_write(runs, folder, options.json))
    return 0 if met else 1


# A column of the table: its heading, and a published table or the name of a run.
COLUMNS = (
    ("BN, post", "batch norm"),
    ("BN", "batchnorm"),
    ("BN clip", "batchnorm-clipped"),
    ("clip, post", "gradient clipping"),
    ("BN stale", "batchnorm-stale-statistics"),
    ("plain", "plain"),
    ("plain clip", "plain-clipped"),
)


def _table(runs: Sequence[post.Run], seed: int, epochs: int) -> Table:
    made = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title=f"test accuracy, seed {seed}",
        title_justify="left",
        caption="post: as the post prints it; BN: with batch norm; clip: clipped by value at "
        f"{post.THRESHOLD:g}; stale: evaluated with moving statistics that were never updated; "
        "plain: without batch norm",
        caption_justify="left",
    )
    made.add_column("epoch", justify="right")
    for heading, _ in COLUMNS:
        made.add_column(heading, justify="right", no_wrap=True)

    def cell(source: str, epoch: int) -> str:
        if source in post.PUBLISHED:
            value = post.PUBLISHED[source].get(epoch)
            return "" if value is None else f"{value:.4f}"
        return f"{post.find(runs, source, seed).accuracy[epoch - 1]:.4f}"

    for epoch in range(1, epochs + 1):
        made.add_row(str(epoch), *(cell(source, epoch) for _, source in COLUMNS))
    return made


def _report_tolerances(runs: Sequence[post.Run], console: Console) -> bool:
    """Say which tolerances the means over the seeds meet; return whether all do."""
    comparisons = post.compare_with_tolerances(runs)
    for found in comparisons:
        seeds = " ".join(f"{accuracy:.4f}" for accuracy in found.accuracies)
        mean = f", mean {found.mean:.4f}" if len(found.accuracies) > 1 else ""
        console.say(
            f"{found.name:<35} epoch {found.epoch:>2}: {seeds}{mean} "
            f"{'within' if found.met else 'OUTSIDE'} {found.low:g}..{found.high:g}"
        )
    return all(found.met for found in comparisons)


def _write(runs: Sequence[post.Run], folder: Path, json_file: Path | None) -> list[Path]:
    import nnscratch_plots as plots

    written = [] if json_file is None else [_write_json(runs, json_file)]
    curves = {
        "batch norm": "batchnorm",
        "batch norm, statistics never updated": "batchnorm-stale-statistics",
        "no batch norm": "plain",
    }
    axes = plots.accuracy_curves(
        {
            label: np.array([run.accuracy for run in runs if run.name == name])
            for label, name in curves.items()
        },
        published={
            "batch norm": post.PUBLISHED["batch norm"],
            "'gradient clipping'": post.PUBLISHED["gradient clipping"],
        },
    )
    path = folder / "accuracy.png"
    plots.save_figure(axes, path)
    written.append(path)
    return written


def _write_json(runs: Sequence[post.Run], path: Path) -> Path:
    text = json.dumps({"runs": [asdict(run) for run in runs]}, indent=2)
    return write_atomically(path, text.encode())
