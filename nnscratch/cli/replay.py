"""``nnscratch replay``: the training step that met the first NaN or infinity, made again."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from nnscratch.console import Console, table_of
from nnscratch.errors import ConfigError
from nnscratch.flow.forensics import Replay, replay_nonfinite
from nnscratch.flow.stream import SUFFIX
from nnscratch.nonfinite import BEFORE, SEEN, TensorSummary
from nnscratch_records.words import plural

SHOWN = 40  # rows; of a deeper network those around the first bad one, and both ends
ENDS = 4
_STAGES = {BEFORE: "given"}


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.description = (
        "Make the training step again in which a training met its first NaN or\n"
        "infinity, from the file that nn.Forensics or `nnscratch train --forensics` wrote, and\n"
        "show every tensor in the order in which it was computed.\n"
        "Exit code: 0 if the first bad tensor is again the same, 1 if it is not."
    )
    command.add_argument("file", type=Path, metavar="FILE", help="nonfinite-step-123.npz")
    command.add_argument("--all", action="store_true", help="show every row")


def run(options: argparse.Namespace) -> int:
    """Make the step again and print it."""
    console = Console()
    if options.file.suffix == SUFFIX and options.file.is_file():
        raise ConfigError(
            f"{options.file} is the record of a run, which `nnscratch diagnose` reads: expected "
            f"what `nnscratch train --forensics DIR` saves at the first NaN or infinity"
        )
    replay = replay_nonfinite(options.file)
    console.say(f"{options.file}: {_describe(replay)}")
    console.print(table(replay, len(replay.tensors) if options.all else SHOWN))
    earlier = _earlier(replay)
    if earlier is not None:
        console.print("largest finite values in the steps before:", highlight=False)
        console.print(earlier)
    console.say(f"Training met: {replay.saved}")
    if replay.same:
        console.print("Replayed: the same.", highlight=False)
        return 0
    found = replay.found or "everything is finite"
    console.say(f"Replayed, NOT the same: {found}")
    return 1


def _describe(replay: Replay) -> str:
    model = replay.model
    return (
        f"step {replay.saved.step} of a training of {plural(len(model.layers), 'layer')} "
        f"({model.params.flat.size:,} parameters, {model.dtype}) on a batch of {len(replay.x)}, "
        f"made again from the state just before it"
    )


def table(replay: Replay, most: int) -> Table:
    """Return the tensors in the order of computation, at most about `most` of them."""
    made = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        caption="in the order of computation; >: the first that is not finite; largest: of\n"
        "the finite values; given: as the step found it",
        caption_justify="left",
    )
    made.add_column("  pass", no_wrap=True, min_width=10)
    made.add_column("tensor", no_wrap=True)
    for heading in ("norm", "largest"):
        made.add_column(heading, justify="right", no_wrap=True, min_width=7)
    made.add_column("not finite", justify="right", no_wrap=True, min_width=14)
    tensors = replay.tensors
    first = next((i for i, tensor in enumerate(tensors) if tensor.bad), len(tensors))
    last = -1
    for i in chosen(len(tensors), first, most):
        if i > last + 1:
            made.add_row(*_between(tensors[last + 1 : i]))
        tensor = tensors[i]
        bad = f"{tensor.bad:,} of {tensor.size:,}" if tensor.bad else ""
        made.add_row(
            ("> " if i == first else "  ") + _STAGES.get(tensor.stage, tensor.stage),
            f"{tensor.layer} {tensor.tensor}".strip(),
            number(tensor.norm),
            number(tensor.largest),
            bad,
            style="bold red" if i == first else "red" if tensor.bad else "",
        )
        last = i
    return made


def _between(left_out: Sequence[TensorSummary]) -> tuple[str, ...]:
    """Return the row that stands for those left out."""
    largest = [t.largest for t in left_out if not math.isnan(t.largest)]
    span = f"{min(largest):.1e}..{max(largest):.1e}" if largest else ""
    bad = sum(t.bad for t in left_out)
    return "  ...", f"{len(left_out)} more, {span}", "", "", f"{bad:,}" if bad else ""


def chosen(count: int, first: int, most: int) -> list[int]:
    """Return which of `count` rows to show: both ends, and those around the row `first`."""
    if count <= most:
        return list(range(count))
    around = (most - 2 * ENDS) // 2
    return [
        i
        for i in range(count)
        if i < ENDS or i >= count - ENDS or first - around <= i <= first + around
    ]


def _earlier(replay: Replay) -> Table | None:
    """Return how large the layers around the first bad one were in the steps before."""
    before = replay.before
    if not before or not len(before["steps"]):
        return None
    layers = [str(layer) for layer in before["layers"]]
    at = replay.saved.first.layer
    middle = layers.index(at) if at in layers else len(layers) - 1
    made = table_of("tensor", [f"step {step}" for step in before["steps"]])
    for i in range(max(0, middle - 3), min(len(layers), middle + 4)):
        for tensor, name in SEEN.items():
            cells = [number(value) for value in before[name][:, i]]
            style = "bold" if (layers[i], tensor) == (at, replay.saved.first.tensor) else ""
            made.add_row(f"{layers[i]} {tensor}", *cells, style=style)
    return made


def number(value: float) -> str:
    """Return `value` in a few characters."""
    return "NaN" if math.isnan(value) else f"{value:.1e}"
