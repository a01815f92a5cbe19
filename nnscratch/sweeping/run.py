"""One training of a sweep, in whatever process it is made: what it gave, as a row of the table."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch.backend import set_num_threads
from nnscratch.errors import ConfigError, require_name, shown
from nnscratch.flow import GradientFlow
from nnscratch.flow.reading import read_flow
from nnscratch.training import Trainer
from nnscratch_records.ends import ends, ratios, weight_columns

Build = Callable[..., Mapping[str, Any]]
Row = dict[str, Any]

# What is measured of each run, behind its settings and its seed.
MEASURED = (
    *("verdict", "first_finding", "findings", "rate_at_start", "rate", "start_loss", "loss"),
    *("val_loss", "val_accuracy", "steps", "seconds", "record", "error"),
)

_ASKED = ("model", "loss", "optimizer", "x", "y", "epochs", "batch_size")
_MORE = ("every", "callbacks", "truncate")
_TAKEN = tuple(inspect.signature(Trainer.fit).parameters)[3:]  # behind the trainer, x and y
WORDS = ("verdict", "first_finding", "findings", "record", "error")  # of these, texts


def one_thread() -> None:
    """Let a process of several use one thread."""
    set_num_threads(1)


def run(build: Build, settings: Mapping[str, Any], seed: int, record: str) -> Row:
    """Build and train one network; return its row. What goes wrong is told in the row."""
    row: Row = dict.fromkeys(MEASURED, "")
    started = time.perf_counter()
    try:
        row |= _train(_built(build(seed=seed, **settings)), seed, record)
    except Exception as error:  # whatever it is: a failure is a row
        row["error"] = f"{type(error).__name__}: {error}"
    row["seconds"] = round(time.perf_counter() - started, 3)
    return row


def _built(made: Any) -> dict[str, Any]:
    """Return what a build made; `ConfigError` for what no run can be made of."""
    if not isinstance(made, Mapping):
        raise ConfigError(f"build must return a dict with {', '.join(_ASKED)}, got {shown(made)}")
    if missing := [name for name in _ASKED if name not in made]:
        raise ConfigError(f"what build returns lacks {', '.join(missing)}")
    for name in made:
        require_name("part of what build returns", name, {*_ASKED, *_MORE, *_TAKEN})
    return dict(made)


def _train(given: dict[str, Any], seed: int, record: str) -> Row:
    model = given.pop("model")
    flow = GradientFlow(model, given.pop("every", 1), label=Path(record).stem)
    truncate = given.pop("truncate", None)
    trainer = Trainer(model, given.pop("loss"), given.pop("optimizer"), truncate=truncate)
    callbacks = [flow, *given.pop("callbacks", ())]
    options = {"seed": seed, "progress": False, **given}
    history = trainer.fit(options.pop("x"), options.pop("y"), callbacks=callbacks, **options)
    history.whole()
    found, kept = flow.findings(), flow.to_dict()
    if record:
        flow.save(record)
    read, columns = read_flow(kept), weight_columns(kept)
    back = 1 / max(len(columns) - 1, 1)  # from the last layer with weights to the first
    first = float(ratios(np.asarray(kept["gradient_norm"])[:1], ends(kept))[0])
    last = (
        values[-1] if values else math.nan for values in (history.val_loss, history.val_accuracy)
    )
    return {
        "verdict": read.word,
        "first_finding": found[0].kind if len(found) else "",
        "findings": ";".join(found.kinds),
        "rate_at_start": first**back,
        "rate": read.ratio**back,
        "start_loss": history.loss[0],
        "loss": float(np.mean(history.loss[-20:])),
        **dict(zip(("val_loss", "val_accuracy"), last, strict=True)),
        "steps": trainer.steps,
        "record": record,
    }
