"""A plan is read from a network and its training."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from nnscratch.arguments import arguments
from nnscratch.curing.part import Part
from nnscratch.curing.plan import Plan
from nnscratch.errors import ConfigError
from nnscratch.layers import Dense, Layer
from nnscratch.losses import Loss
from nnscratch.network.blocks import Bidirectional, Residual
from nnscratch.network.freezing import frozen_names, is_frozen
from nnscratch.network.model import Sequential
from nnscratch.network.nodes import LossFunction
from nnscratch.optimizers import Optimizer
from nnscratch.schedules import Constant
from nnscratch.sequences import Truncate
from nnscratch.training import Callback, Omega, Penalty


def read_plan(
    model: Sequential,
    optimizer: Optimizer,
    loss: LossFunction,
    truncate: Truncate = None,
    penalty: Callback | None = None,
) -> Plan:
    """Return the plan of a network and its training.

    A layer or optimizer must keep each argument it was made with in an attribute of that name, as
    all of this package do; `ConfigError` names one that does not, and what a plan cannot keep.
    """
    rates = _rates(model, optimizer)
    layers = tuple(_read(part, rates) for part in model)
    if any(node.tied for node in model.nodes):
        raise ConfigError("cure makes networks anew, and layers that share weights would not")
    if not any(part.is_a(Dense) or part.role == "recurrent" for part in layers):
        raise ConfigError(
            f"cure needs a model with a Dense or recurrent layer outside of blocks, got {model!r}"
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
        penalty=_read_penalty(penalty),
        old=model if frozen else None,
    )


def _rates(model: Sequential, optimizer: Optimizer) -> dict[int, dict[str, float]]:
    """Return the factors of the rate by layer, its `id`, where there are any: see `Part`."""
    made: dict[int, dict[str, float]] = {}
    for name, factor in optimizer.factors(model.params).items():
        if factor is not None:
            own = made.setdefault(id(model.params.owners[name]), {})
            own[name.rpartition(".")[2]] = factor
    alike = {layer: set(own.values()) for layer, own in made.items()}
    return {
        layer: {"": alike[layer].pop()} if len(alike[layer]) == 1 else own
        for layer, own in made.items()
        if alike[layer] != {1.0}
    }


def _read_penalty(penalty: Callback | None) -> Part | Callback | None:
    if penalty is None:
        return None
    if type(penalty) in (Penalty, Omega):
        return Part(type(penalty), arguments(penalty))
    if getattr(type(penalty), "on_backward", Callback.on_backward) is Callback.on_backward:
        raise ConfigError(
            f"cure penalty must be an nn.Penalty, or a Callback whose on_backward adds to the "
            f"gradient, got {penalty!r}"
        )
    try:
        copy.deepcopy(penalty)
    except Exception as error:
        raise ConfigError(
            f"cure gives each of its runs a copy of the penalty, and {penalty!r} cannot be "
            f"copied: {error}"
        ) from error
    return penalty


def _read(part: Any, rates: Mapping[int, dict[str, float]]) -> Part:
    options = arguments(part)
    if "layers" in options:
        options["layers"] = tuple(_read(one, rates) for one in options["layers"])
    for name, value in options.items():
        if isinstance(value, Layer | Residual | Bidirectional):
            options[name] = _read(value, rates)
    if isinstance(part, Bidirectional):
        both = part.layer, part.other
        there, back = both[0].name, both[1].name
        if is_frozen(part.layer) != is_frozen(part.other):
            raise ConfigError(
                f"cure keeps both directions of a layer or neither, and of {there!r} and {back!r} "
                f"one is frozen: model.freeze({there!r}, {back!r})"
            )
        if rates.get(id(part.layer)) != rates.get(id(part.other)):
            raise ConfigError(
                f"cure trains both directions of a layer at one rate, and {there!r} and {back!r} "
                f"have two: give optimizer.rates one for both"
            )
    return Part(type(part), options, is_frozen(part), rates.get(id(part), {}))
