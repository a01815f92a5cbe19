"""Checkpoints: everything a training needs to go on as if it had never stopped, in one file.

A checkpoint (`.npz`, never pickle) holds the parameters, the running statistics, the optimizer's
state and steps (and with them the position in a schedule), the seed and the position within the
epoch, the state of every layer's source of noise and of a random truncation's, and the history. It
does not hold the code: load it into a trainer of the same model and optimizer.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnscratch.arguments import Settings
from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, DataError, ShapeError, require_count, shown
from nnscratch.files import PathLike, as_path, load_npz, save_npz
from nnscratch.optimizers import Optimizer
from nnscratch.parameters import Parameters, put_whole
from nnscratch.saved import Format, from_plain, group, read_facts, set_noise
from nnscratch.sequences import RandomTruncation
from nnscratch.training.callbacks import Callback
from nnscratch.training.history import History
from nnscratch.training.loop import Run
from nnscratch.training.trainer import Trainer

FORMAT = Format(
    name="nnscratch checkpoint",
    version=1,
    what="checkpoint",
    writer="save_checkpoint",
    facts=("dtype", "layers", "optimizer", "noise", "run"),
)


def save_checkpoint(trainer: Trainer, path: PathLike) -> Path:
    """Save the whole state of `trainer` to `path`, whole or not at all, and return the path.

    ::

        trainer.fit(x, y, epochs=20, batch_size=200)       # Ctrl-C in epoch 7
        nn.save_checkpoint(trainer, "run.npz")

    To save now and then during a training use `Checkpoint`. A callback of your own may call this in
    `on_step` and `on_epoch_end`; in `on_backward` the step is only half made. Raises `FileError`,
    and `ConfigError` for what is no trainer.
    """
    _require_trainer("save_checkpoint", trainer)
    model, optimizer = trainer.model, trainer.optimizer
    facts = {
        "format": FORMAT.name,
        "version": FORMAT.version,
        "dtype": str(model.dtype),
        "layers": list(model.layers),
        "frozen": model.frozen,
        "optimizer": type(optimizer).__name__,
        "noise": model.noise_state(),
        "cuts": _cuts(trainer),
        "run": None if trainer.run is None else asdict(trainer.run),
    }
    groups: dict[str, Any] = {
        "params": model.params,
        "statistics": model.statistics,
        "optimizer": optimizer.state_dict(),
        "history": {name: np.array(value) for name, value in trainer.history.to_dict().items()},
    }
    arrays = {f"{group}/{name}": array for group in groups for name, array in groups[group].items()}
    return save_npz(path, {"checkpoint": json.dumps(facts), **arrays})


def load_checkpoint(trainer: Trainer, path: PathLike) -> None:
    """Put `trainer` into the state that `save_checkpoint` saved at `path`.

    ::

        trainer = nn.Trainer(model, loss, optimizer)       # made as they were made before
        nn.load_checkpoint(trainer, "run.npz")
        trainer.resume(x, y)                               # ends with the same bits

    Layers are frozen as they were then. The settings of the optimizer (its rate or schedule, clip
    and coefficients) are those of `trainer`, which is how one goes on with another learning rate.

    Raises `FileError` if the file cannot be read, `DataError` if it is damaged, no checkpoint or of
    another version, and `ConfigError` or `ShapeError` if it belongs to another model or optimizer;
    `trainer` is then unchanged.
    """
    _require_trainer("load_checkpoint", trainer)
    model, optimizer = trainer.model, trainer.optimizer
    arrays = load_npz(path)
    facts = read_facts(arrays, "checkpoint", FORMAT, path)
    _check_same(path, "layers", facts["layers"], list(model.layers))
    _check_same(path, "dtype", facts["dtype"], str(model.dtype))
    _check_same(path, "optimizer", facts["optimizer"], type(optimizer).__name__)
    params, statistics = group(arrays, "params"), group(arrays, "statistics")
    weights = model.params.check(params, str(path)), model.statistics.check(statistics, str(path))
    state = group(arrays, "optimizer")
    _check_state(state, optimizer, model.params, path)
    try:
        measured = {name: array.tolist() for name, array in group(arrays, "history").items()}
        history = History.from_dict(measured)
        run = None if facts["run"] is None else _run(facts["run"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is a damaged checkpoint: {error!r}") from error
    frozen = facts.get("frozen", [])  # not in older ones
    if not isinstance(frozen, list) or not set(map(str, frozen)) <= set(model.layers):
        raise DataError(f"{path} is a damaged checkpoint: frozen layers {frozen!r}")
    before = _Loaded(
        (model.params.flat.copy(), model.statistics.flat.copy()), model.noise_state(),
        _cuts(trainer), model.frozen, optimizer.state_dict(), trainer.history, trainer.run,
    )  # fmt: skip
    cuts = facts.get("cuts")  # not in older ones
    loaded = _Loaded(weights, facts["noise"], cuts, frozen, state, history, run)
    put_whole(partial(_put, trainer, path), loaded, before)


def _cuts(trainer: Trainer) -> dict[str, Any] | None:
    """Return where a truncation at random stands."""
    cut = trainer.truncate
    return cut.noise_state() if isinstance(cut, RandomTruncation) else None


class _Loaded(NamedTuple):
    """What a checkpoint brings."""

    weights: tuple[Array, Array]  # parameters and statistics, as they lie
    noise: list[dict[str, Any]]
    cuts: dict[str, Any] | None  # where a random truncation stands
    frozen: Collection[str]
    optimizer: dict[str, Array]
    history: History
    run: Run | None


def _put(trainer: Trainer, path: PathLike, loaded: _Loaded) -> None:
    model = trainer.model
    set_noise(model, loaded.noise, path)
    if isinstance(trainer.truncate, RandomTruncation) and loaded.cuts is not None:
        set_noise(trainer.truncate, loaded.cuts, path)  # the last that can be wrong
    model.params.flat[...], model.statistics.flat[...] = loaded.weights
    for name, layer in model.layers.items():
        layer.frozen = name in loaded.frozen
    trainer.optimizer.load_state_dict(loaded.optimizer)
    trainer.history, trainer.run = loaded.history, loaded.run


class Checkpoint(Settings, Callback):
    """Save a checkpoint to `path` after every `every` epochs and when the training ends.

    ``trainer.fit(..., callbacks=[nn.Checkpoint("run.npz")])``: also after Ctrl-C, so that
    `load_checkpoint` and ``trainer.resume(x, y)`` go on at the very step. Each save replaces the
    one before it. What other callbacks have recorded is not saved.

    Parameters
    ----------
    every : int >= 1, default 1
    """

    def __init__(self, path: PathLike, every: int = 1) -> None:
        self.path = as_path(path)
        self.every = require_count("Checkpoint every", every)

    def on_epoch_end(self, trainer: Trainer, history: History) -> None:
        if history.epochs % self.every == 0:
            save_checkpoint(trainer, self.path)

    def on_fit_end(self, trainer: Trainer, history: History) -> None:
        save_checkpoint(trainer, self.path)


def _run(facts: dict[str, Any]) -> Run:
    run = from_plain(Run, facts)
    for least, names in (
        (1, ("examples", "batch_size")),
        (0, ("seed", "end", "epoch", "position")),
    ):
        for name in names:
            require_count(name, getattr(run, name), least=least)
    return run


def _require_trainer(what: str, trainer: object) -> None:
    if not isinstance(trainer, Trainer):
        raise ConfigError(f"{what} takes a Trainer, got {shown(trainer)}")


def _check_same(path: PathLike, what: str, saved: object, here: object) -> None:
    if saved != here:
        raise ConfigError(
            f"{path} was saved from another training: its {what} {saved!r}, the trainer's {here!r}"
        )


def _check_state(
    state: dict[str, Array], optimizer: Optimizer, params: Parameters, path: PathLike
) -> None:
    """Raise unless `state` is that of such an optimizer of a model with these parameters."""
    steps = state.get("steps")
    if steps is None or steps.shape != () or steps.dtype.kind != "i" or steps < 0:
        raise DataError(f"{path} is a damaged checkpoint: it lacks the optimizer's steps")
    optimizer.check_state_dict(state)
    for name, array in state.items():
        if name != "steps" and (array.shape, array.dtype) != (params.flat.shape, params.dtype):
            raise ShapeError(
                f"{path} does not fit this model: the optimizer's {name} has {array.size:,} values "
                f"of {array.dtype}, the model {params.flat.size:,} of {params.dtype}"
            )
