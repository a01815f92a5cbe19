"""A plan is read from a network and its training."""

from __future__ import annotations

from typing import Any

from nnscratch.arguments import arguments
from nnscratch.blocks import Bidirectional, Residual
from nnscratch.curing.plan import Part, Plan
from nnscratch.errors import ConfigError
from nnscratch.freezing import frozen_names, is_frozen
from nnscratch.layers import Dense, Layer
from nnscratch.losses import Loss
from nnscratch.model import Sequential
from nnscratch.nodes import LossFunction
from nnscratch.optimizers import Optimizer
from nnscratch.schedules import Constant
from nnscratch.sequences import Truncate
from nnscratch.training import Penalty


def read_plan(
    model: Sequential,
    optimizer: Optimizer,
    loss: LossFunction,
    truncate: Truncate = None,
    penalty: Penalty | None = None,
) -> Plan:
    """Return the plan of a network and its training.

    A layer or optimizer must keep each argument it was made with in an attribute of that name, as
    all of this package do; `ConfigError` names one that does not, and what a plan cannot keep.
    """
    layers = tuple(_read(part) for part in model)
    if any(node.tied for node in model.nodes):
        raise ConfigError("cure makes networks anew, and layers that share weights would not")
    if not any(isinstance(layer, Dense) for layer in model.layers.values()):
        raise ConfigError(f"cure needs a model with at least one Dense layer, got {model!r}")
    if optimizer.rates:
        raise ConfigError(
            f"cure trains all layers that are not frozen at one rate, got rates={optimizer.rates}: "
            f"set optimizer.rates = None, and try them on what it finds"
        )
    frozen = frozen_names(model.nodes)
    if not set(model.params.owners.values()) - {model.layers[name] for name in frozen}:
        raise ConfigError(
            f"cure has nothing to train, all layers are frozen: model.unfreeze({frozen[-1]!r})"
        )
    schedule, options = optimizer._schedule, arguments(optimizer)
    options.pop("rates", None)
    for name in ("lr", "clip"):
        if name not in options:
            raise ConfigError(f"cure needs an optimizer that takes {name!r}, got {optimizer!r}")
        del options[name]
    return Plan(
        layers,
        model.dtype,
        Part(type(optimizer), options),
        schedule.lr if isinstance(schedule, Constant) else schedule,
        optimizer.clip,
        Part(type(loss), arguments(loss)) if isinstance(loss, Loss) else loss,
        truncate=truncate
        if truncate is None or isinstance(truncate, int)
        else Part(type(truncate), arguments(truncate)),
        penalty=None if penalty is None else Part(Penalty, arguments(penalty)),
        old=model if frozen else None,
    )


def _read(part: Any) -> Part:
    options = arguments(part)
    if "layers" in options:
        options["layers"] = tuple(map(_read, options["layers"]))
    for name, value in options.items():
        if isinstance(value, Layer | Residual | Bidirectional):
            options[name] = _read(value)
    if isinstance(part, Bidirectional) and is_frozen(part.layer) != is_frozen(part.other):
        there, back = part.layer.name, part.other.name
        raise ConfigError(
            f"cure keeps both directions of a layer or neither, and of {there!r} and {back!r} one "
            f"is frozen: model.freeze({there!r}, {back!r})"
        )
    return Part(type(part), options, is_frozen(part))
