"""A part of a plan: a layer, a block, a loss or the like, by its class and arguments."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nnscratch import initializers, schedules
from nnscratch.initializers import Initializer
from nnscratch.network.blocks import Bidirectional
from nnscratch.network.freezing import inside


@dataclass(frozen=True)
class Part:
    """A layer, a block, a loss, or an optimizer without rate and clip: class and arguments.

    The layers of a block are parts too, under the names ``"layers"``, ``"skip"`` and ``"layer"``.
    What is frozen no change touches. `rates` are the factors of the learning rate of a layer's
    parameters, by their own names; of all others under the name ``""``.
    """

    make: type[Any]
    options: Mapping[str, Any]
    frozen: bool = False
    rates: Mapping[str, float] = field(default_factory=dict)

    def is_a(self, *kinds: type[Any]) -> bool:
        """Return whether what it makes is one of `kinds`."""
        return issubclass(self.make, kinds)

    @property
    def role(self) -> str:
        """The role of a layer; empty for a block."""
        return str(getattr(self.make, "role", ""))

    def with_options(self, **options: Any) -> Part:
        """Return the same with some arguments changed."""
        return replace(self, options={**self.options, **options})

    def new(self) -> Any:
        """Return a new one."""
        options = dict(self.options)
        inner = [part.new() for part in options.pop("layers", ())]
        options = {k: v.new() if isinstance(v, Part) else v for k, v in options.items()}
        made = self.make(*inner, **options)
        if self.frozen:
            for one in [made, *inside(made)]:
                one.frozen = True
        return made

    def arguments(self) -> list[str]:
        """Return the arguments as Python text, those at their default left out."""
        texts = []
        for name, known in inspect.signature(self.make).parameters.items():
            if name not in self.options:
                continue
            value, usual = self.options[name], known.default
            if known.kind is inspect.Parameter.VAR_POSITIONAL:
                texts += [part.python() for part in value]
            elif usual is inspect.Parameter.empty:
                texts.append(python_of(value))
            elif value != (initializers.get(usual) if isinstance(value, Initializer) else usual):
                texts.append(f"{name}={python_of(value)}")
        return texts

    def python(self) -> str:
        """Return the Python expression that makes it."""
        return f"{called(self.make)}({', '.join(self.arguments())})"


def called(kind: Any, room: str = "nn") -> str:
    """Return what a class is called where this package is `nn`; one of somebody else by its name,
    under which whoever wrote it has it.
    """
    ours = kind.__module__.startswith("nnscratch.")
    return f"{room}.{kind.__name__}" if ours else str(kind.__name__)


def initializer_python(init: Initializer) -> str:
    """Return the shortest Python expression for `init`: its name where it has one."""
    # Last first: of two names for the same numbers the later one is the better known.
    for name in reversed(initializers.names()):
        if initializers.get(name) == init:
            return f'"{name}"'
    part = Part(type(init), vars(init))
    return f"{called(type(init), 'nn.initializers')}({', '.join(part.arguments())})"


def python_of(value: Any) -> str:
    """Return the Python expression for what a part is made with."""
    if isinstance(value, Part):
        return value.python()
    if isinstance(value, Initializer):
        return initializer_python(value)
    if isinstance(value, float):
        return f"{value:.5g}" if float(f"{value:.5g}") == value else repr(value)
    if callable(value):
        if getattr(schedules, type(value).__name__, None) is not type(value):
            return "schedule"
        return re.sub(r"\b([A-Z]\w*)\(", r"nn.schedules.\1(", repr(value))
    return repr(value)


def opened(part: Part) -> list[Part]:
    """Return a layer, or those of a block, but for its way around."""
    if part.is_a(Bidirectional):
        return [part.options["layer"]]
    if "layers" not in part.options:
        return [part]
    return [inner for layer in part.options["layers"] for inner in opened(layer)]


def has_rates(part: Part) -> bool:
    """Return whether a part or one inside it has rates of its own."""
    return bool(part.rates) or any(map(has_rates, _within(part)))


def rates_of(part: Part, made: Any) -> dict[int, Mapping[str, float]]:
    """Return the factors of the layers that were made of a part, by their `id`."""
    if not (layers := inside(made)):
        return {id(made): part.rates}
    parts = _within(part) * (2 if part.is_a(Bidirectional) else 1)  # both directions are alike
    known = dict[int, Mapping[str, float]]()
    for one, new in zip(parts, layers, strict=True):
        known |= rates_of(one, new)
    return known


def _within(part: Part) -> list[Part]:
    if part.is_a(Bidirectional):
        return [part.options["layer"]]
    if "layers" not in part.options:
        return []
    skip = part.options["skip"]
    return [*part.options["layers"], *([] if skip is None else [skip])]
