"""A plan: what a network and its optimizer are made of, so that a changed one can be made anew."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnscratch import initializers
from nnscratch.arguments import arguments
from nnscratch.clipping import Clip
from nnscratch.errors import ConfigError
from nnscratch.initializers import Initializer
from nnscratch.layers import Activation, Dense, PReLU, RReLU
from nnscratch.model import Sequential
from nnscratch.optimizers import Optimizer
from nnscratch.schedules import Constant, Schedule

ACTIVATIONS = (Activation, PReLU, RReLU)


@dataclass(frozen=True)
class Part:
    """A layer, or an optimizer without its rate and clip: the class and its arguments."""

    make: type[Any]
    options: Mapping[str, Any]

    def is_a(self, *kinds: type[Any]) -> bool:
        """Return whether what it makes is one of `kinds`."""
        return issubclass(self.make, kinds)

    def with_options(self, **options: Any) -> Part:
        """Return the same with some arguments changed."""
        return replace(self, options={**self.options, **options})

    def arguments(self) -> list[str]:
        """Return the arguments as Python text, those at their default left out."""
        texts = []
        for name, known in inspect.signature(self.make).parameters.items():
            if name not in self.options:
                continue
            value, usual = self.options[name], known.default
            if usual is inspect.Parameter.empty:
                texts.append(_python(value))
            elif value != (initializers.get(usual) if isinstance(value, Initializer) else usual):
                texts.append(f"{name}={_python(value)}")
        return texts

    def python(self) -> str:
        """Return the Python expression that makes it."""
        return f"nn.{self.make.__name__}({', '.join(self.arguments())})"


@dataclass(frozen=True)
class Plan:
    """The layers of a network in order, and how it is trained.

    Attributes
    ----------
    layers : tuple of Part
    dtype : numpy.dtype
    optimizer : Part
    lr : float or Schedule
    clip : Clip or None
    """

    layers: tuple[Part, ...]
    dtype: np.dtype[Any]
    optimizer: Part
    lr: float | Schedule
    clip: Clip | None

    def model(self, seed: int) -> Sequential:
        """Return a new network with the weights that `seed` gives."""
        made = (part.make(**part.options) for part in self.layers)
        return Sequential(*made, seed=seed, dtype=self.dtype)

    def new_optimizer(self) -> Optimizer:
        """Return a new optimizer."""
        made: Optimizer = self.optimizer.make(self.lr, **self.optimizer.options, clip=self.clip)
        return made

    def dense(self) -> list[int]:
        """Return the positions of the dense layers."""
        return [i for i, part in enumerate(self.layers) if part.is_a(Dense)]

    def blocks(self) -> list[str]:
        """Return the Python text of each dense layer with what follows it, in order."""
        starts = self.dense()
        ends = [*starts[1:], len(self.layers)]
        return [
            ", ".join(part.python() for part in self.layers[start:end])
            for start, end in zip(starts, ends, strict=True)
        ]

    def optimizer_python(self) -> str:
        """Return the Python expression that makes the optimizer."""
        arguments = [f"lr={_python(self.lr)}", *self.optimizer.arguments()]
        if self.clip is not None:
            arguments.append(f"clip={_clip_python(self.clip)}")
        return f"nn.{self.optimizer.make.__name__}({', '.join(arguments)})"


def read_plan(model: Sequential, optimizer: Optimizer) -> Plan:
    """Return the plan of `model` and `optimizer`.

    A layer or optimizer must keep each argument it was made with in an attribute of that name, as
    all of this package do; `ConfigError` names one that does not.
    """
    layers = tuple(Part(type(layer), arguments(layer)) for layer in model.chain("cure").values())
    if not any(part.is_a(Dense) for part in layers):
        raise ConfigError(f"cure needs a model with at least one Dense layer, got {model!r}")
    schedule, options = optimizer._schedule, arguments(optimizer)
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
    )


def initializer_python(init: Initializer) -> str:
    """Return the shortest Python expression for `init`: its name where it has one."""
    # Last first: of two names for the same numbers the later one is the better known.
    for name in reversed(initializers.names()):
        if initializers.get(name) == init:
            return f'"{name}"'
    part = Part(type(init), vars(init))
    return f"nn.initializers.{type(init).__name__}({', '.join(part.arguments())})"


def _python(value: Any) -> str:
    if isinstance(value, Initializer):
        return initializer_python(value)
    if isinstance(value, float):
        return f"{value:.5g}"
    if callable(value):
        name = type(value).__name__
        return f"nn.schedules.{value!r}" if repr(value).startswith(name) else "schedule"
    return repr(value)


def _clip_python(clip: Clip) -> str:
    return f"nn.{type(clip).__name__}({', '.join(_python(value) for value in vars(clip).values())})"
