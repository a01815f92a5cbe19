"""Non-finite forensics: the state from just before the first NaN or infinity, saved and replayed.

``trainer.fit(..., callbacks=[nn.Forensics("runs")])`` writes ``runs/nonfinite-step-123.npz`` when
the training meets its first NaN or infinity: parameters, running statistics, optimizer, sources of
noise and the mini-batch with its weights, mask and truncation, all as they were before that step,
and what `Penalty` and `Omega` among the callbacks add to the gradient.
`replay_nonfinite`, or ``nnscratch replay FILE``, makes the step again, tensor by tensor.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch.arguments import Settings, arguments
from nnscratch.arrays import Array
from nnscratch.backend import active_kernels, use_kernels
from nnscratch.description import describe, describe_model, rebuild_as, rebuild_model
from nnscratch.display import Brief
from nnscratch.errors import (
    ConfigError,
    DataError,
    FileError,
    ShapeError,
    require_count,
)
from nnscratch.files import PathLike, load_npz, make_folder, save_npz
from nnscratch.flow.recorder import GradientFlow
from nnscratch.losses import Loss
from nnscratch.network.captures import capturable
from nnscratch.network.model import Sequential
from nnscratch.network.nodes import LossFunction
from nnscratch.nonfinite import (
    SEEN,
    UPDATE,
    NonFinite,
    TensorSummary,
    first_bad,
    tensors_of_pass,
    tensors_of_update,
)
from nnscratch.optimizers import Optimizer
from nnscratch.saved import Format, group, read_facts, set_noise
from nnscratch.training import Callback, Omega, Penalty, Trainer

FORMAT = Format(
    name="nnscratch nonfinite",
    version=1,
    what="state before a NaN or infinity",
    writer="Forensics",
    facts=("found", "kernels", "dtype", "model", "loss", "optimizer", "noise"),
)


_ADDED: dict[str, type[Penalty | Omega]] = {"Penalty": Penalty, "Omega": Omega}


class Forensics(Settings, Callback):
    """Save the state from just before the first NaN or infinity of a training.

    ``trainer.fit(..., callbacks=[nn.Forensics("runs"), flow])``. What happens then is decided by
    ``fit(stop_on_nonfinite=...)``. Where a `GradientFlow` is among the callbacks, the largest
    outputs and gradients of every layer in the steps before are saved too; without one, only the
    losses are known. Costs a copy of the running statistics a step, and of the state of each source
    of noise that is drawn from.

    Parameters
    ----------
    folder : path
        Made if need be. `FileError` at once if it cannot be written.
    history : int
        How many steps before are told.

    Attributes
    ----------
    path : Path or None
        What was saved by the latest training.
    """

    def __init__(self, folder: PathLike, history: int = 5) -> None:
        self.history = require_count("Forensics history", history)
        self.folder = make_folder(folder)
        self.path: Path | None = None
        self._statistics: Array | None = None
        self._noise: list[dict[str, Any]] = []
        self._noisy: list[int] = []

    def on_fit_start(self, trainer: Trainer) -> None:
        model = trainer.model
        self.path = None
        self._noise = model.noise_state()
        layers = [node.layer for node in model.nodes]
        self._noisy = [i for i, layer in enumerate(layers) if not capturable(layer)]
        self._layers = layers
        self._statistics = model.statistics.flat.copy()

    def on_step_start(self, trainer: Trainer, step: int) -> None:
        """Keep what the forward pass will change."""
        if trainer.nonfinite is None:
            self._statistics[...] = trainer.model.statistics.flat  # type: ignore[index]
            for i in self._noisy:
                self._noise[i] = dict(self._layers[i].noise.bit_generator.state)

    def on_nonfinite(self, trainer: Trainer, found: NonFinite) -> None:
        """Save everything; a disk that is full is said, and does not end a training."""
        record = _latest(trainer, found, self.history)
        found.losses = trainer.history.loss[-self.history :]
        path = self.folder / f"nonfinite-step-{found.step}.npz"
        try:
            self.path = save_npz(path, self._state(trainer, found, record))
        except FileError as error:
            warnings.warn(
                f"the state before step {found.step} is lost: {error}", RuntimeWarning, stacklevel=2
            )
        else:
            found.saved = str(path)

    def _state(
        self, trainer: Trainer, found: NonFinite, record: dict[str, Array]
    ) -> dict[str, Array | str]:
        model, optimizer = trainer.model, trainer.optimizer
        assert found.batch is not None
        params, state = found.kept or (model.params.flat, optimizer.state_dict())
        facts = {
            "format": FORMAT.name,
            "version": FORMAT.version,
            "found": found.to_dict(),
            "kernels": active_kernels(),
            "dtype": str(model.dtype),
            "model": describe_model(model),
            "loss": describe(trainer.loss),
            "optimizer": describe(optimizer),
            "noise": self._noise,
            "added": [
                [type(one).__name__, arguments(one)]
                for one in trainer.callbacks
                if type(one) in _ADDED.values()
            ],
        }
        assert self._statistics is not None
        return {
            "nonfinite": json.dumps(facts),
            "params": params,
            "statistics": self._statistics,
            **found.batch,
            **_factors_back(trainer),
            **{f"optimizer/{name}": array for name, array in state.items()},
            **{f"before/{name}": array for name, array in record.items()},
        }


def _factors_back(trainer: Trainer) -> dict[str, Array]:
    """Return by what a truncation multiplied what goes back from each step of the latest pass."""
    if trainer.truncate is None:
        return {}
    model = trainer.model
    at = next(i for i, node in enumerate(model.nodes) if node.layer.role == "recurrent")
    return {"through": model.latest.caches[at][3]}


def _latest(trainer: Trainer, found: NonFinite, history: int) -> dict[str, Array]:
    """Return what a recorder among the callbacks saw in the steps before."""
    for callback in trainer.callbacks:
        if isinstance(callback, GradientFlow) and len(callback):
            record = callback.to_dict()
            found.remember(record, history)
            rows = np.flatnonzero(record["steps"] < found.step)[-history:]
            kept = {name: record[name][rows] for name in ("steps", *SEEN.values())}
            return {"layers": np.asarray(record["layers"]), **kept}
    return {}


@dataclass(frozen=True, repr=False)
class Replay(Brief):
    """A step made again.

    Attributes
    ----------
    saved, found : NonFinite
        What the training met, and what was met now (None: everything was finite).
    tensors : list of TensorSummary
        All tensors of the step in the order of computation.
    before : dict of arrays
        ``steps``, ``layers``, and the largest outputs and gradients of the layers in these steps
        (``output_max``, ``gradient_max``); empty where no recorder saw them.
    model, loss, optimizer, x, y
        To look further: as they are after the step; ``model.last`` is its pass.
    """

    saved: NonFinite
    found: NonFinite | None
    tensors: list[TensorSummary]
    before: dict[str, Array]
    model: Sequential
    loss: LossFunction
    optimizer: Optimizer | None
    x: Array
    y: Array

    @property
    def same(self) -> bool:
        """Whether the first tensor that is not finite is again the same one."""
        return self.found is not None and self.found.first.same_place(self.saved.first)


def replay_nonfinite(
    path: PathLike,
    model: Sequential | None = None,
    loss: LossFunction | None = None,
    optimizer: Optimizer | None = None,
) -> Replay:
    """Make the step again that `Forensics` saved at `path`, layer by layer.

    Model, loss and optimizer are made again from the file. Give your own where they are not of this
    package (`ConfigError` says so); they take over the saved state.

    Raises `FileError`, `DataError` for a damaged file, `ShapeError` for another model.
    """
    arrays = load_npz(path)
    facts, saved = _read_facts(arrays, path)
    before = _read_before(arrays, path)
    try:
        model = model or rebuild_model(facts["model"], facts["dtype"])
        loss = loss or rebuild_as(Loss, facts["loss"], "the loss")
        if optimizer is None and saved.first.stage == UPDATE:
            optimizer = rebuild_as(Optimizer, facts["optimizer"], "the optimizer")
    except ConfigError as error:
        raise ConfigError(
            f"{error}: give yours, nn.replay_nonfinite({str(path)!r}, model=..., loss=..., "
            f"optimizer=...)"
        ) from error
    for name, kept in (("params", model.params), ("statistics", model.statistics)):
        if (arrays[name].shape, arrays[name].dtype) != (kept.flat.shape, kept.flat.dtype):
            raise ShapeError(
                f"{path} does not fit this model: {name} has {arrays[name].size:,} values of "
                f"{arrays[name].dtype}, the model {kept.flat.size:,} of {kept.flat.dtype}"
            )
        kept.flat[...] = arrays[name]
    set_noise(model, facts["noise"], path)
    x, y = arrays["x"], arrays["y"]
    with use_kernels(str(facts["kernels"])), np.errstate(all="ignore"):
        given = model.given(x, arrays.get("mask"))._replace(through=arrays.get("through"))
        weights = model._loss_weights(x, given, arrays.get("weights"))
        value, dlogits = model._loss(x, y, loss, True, given, weights)
        model.backward(dlogits)
        tensors = list(tensors_of_pass(model, value))
        if optimizer is not None and saved.first.stage == UPDATE:
            for one in _read_added(facts.get("added", []), path):
                one.add(model)
            optimizer.load_state_dict(group(arrays, "optimizer"))
            optimizer.step(model.params, model.grads)
            tensors += tensors_of_update(model, optimizer.state)
    found = first_bad(iter(tensors))
    if found is not None:
        found.step, found.epoch, found.loss = saved.step, saved.epoch, value
        found.losses = saved.losses
        if found.first.same_place(saved.first):
            found.earlier, found.since = saved.earlier, saved.since
            found.examples = saved.examples
    return Replay(saved, found, tensors, before, model, loss, optimizer, x, y)


def _read_facts(arrays: dict[str, Array], path: PathLike) -> tuple[dict[str, Any], NonFinite]:
    """Return what the file says, or raise unless it is one that `Forensics` wrote."""
    facts = read_facts(arrays, "nonfinite", FORMAT, path)
    missing = [key for key in ("params", "statistics", "x", "y") if key not in arrays]
    if missing:
        raise DataError(f"{path} is damaged: it lacks {', '.join(missing)}")
    try:
        return facts, NonFinite.from_dict(facts["found"])
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged: {error!r}") from error


def _read_added(described: Any, path: PathLike) -> list[Penalty | Omega]:
    """Return what was added to the gradient; files of before it was noted have none."""
    try:
        return [_ADDED[name](**options) for name, options in described]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is damaged: added to the gradient, {error!r}") from error


def _read_before(arrays: dict[str, Array], path: PathLike) -> dict[str, Array]:
    """Return what a recorder saw in the steps before, or nothing."""
    before = group(arrays, "before")
    if not before:
        return {}
    try:
        shape = (len(before["steps"]), len(before["layers"]))
        fits = all(before[name].shape == shape for name in SEEN.values())
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged: the steps before, {error!r}") from error
    if not fits:
        raise DataError(f"{path} is damaged: the steps before are not of shape {shape}")
    return before
