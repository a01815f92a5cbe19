"""Changes to a plan: weights, activation, batch norm, clipping, learning rate, and two together."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import ClassVar

from nnscratch import layers
from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.curing.plan import ACTIVATIONS, Part, Plan, initializer_python
from nnscratch.errors import unknown_name
from nnscratch.initializers import Initializer
from nnscratch.layers import BatchNorm, Dense


class Change:
    """One change: ``change.apply(plan)`` returns the changed plan, ``str(change)`` says it.

    Attributes
    ----------
    kind : str
        What is tried against each other: the best change of every kind comes before the second
        best of any.
    touches : frozenset of str
        What it decides. Two changes go together if they touch different things.
    """

    kind: ClassVar[str]
    touches: ClassVar[frozenset[str]]

    def apply(self, plan: Plan) -> Plan:
        """Return `plan` with the change."""
        raise TypeError(f"{type(self).__name__} has no apply: use a class of nnscratch.curing")


@dataclass(frozen=True)
class Weights(Change):
    """Initial weights of every dense layer from `init`."""

    kind: ClassVar[str] = "weights"
    touches: ClassVar[frozenset[str]] = frozenset({"weights"})
    init: Initializer

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, layers=_with_weights(plan.layers, self.init))

    def __str__(self) -> str:
        return _short(self.init)


@dataclass(frozen=True)
class NewActivation(Change):
    """Another activation after every hidden dense layer, with the weights that go with it.

    `name` is one of `nnscratch.layers.activation_names`.
    """

    kind: ClassVar[str] = "activation"
    touches: ClassVar[frozenset[str]] = frozenset({"weights", "activation"})
    name: str
    init: Initializer

    def __post_init__(self) -> None:
        if self.name not in layers.activation_names():
            raise unknown_name("activation", self.name, layers.activation_names())

    def apply(self, plan: Plan) -> Plan:
        last = plan.dense()[-1]
        new = Part(type(layers.activation(self.name)), {})
        changed = [
            new if part.is_a(*ACTIVATIONS) and i < last else part
            for i, part in enumerate(plan.layers)
        ]
        return replace(plan, layers=_with_weights(changed, self.init))

    def __str__(self) -> str:
        title = type(layers.activation(self.name)).__name__
        return f"{title}, {_short(self.init)}"


@dataclass(frozen=True)
class AddBatchNorm(Change):
    """Batch norm right after every hidden dense layer that has none before the next."""

    kind: ClassVar[str] = "batch norm"
    touches: ClassVar[frozenset[str]] = frozenset({"batch norm"})

    def apply(self, plan: Plan) -> Plan:
        starts = plan.dense()
        changed = list(plan.layers)
        for start, end in reversed(list(itertools.pairwise(starts))):
            if not any(part.is_a(BatchNorm) for part in plan.layers[start:end]):
                width = plan.layers[start].options["n_out"]
                changed.insert(start + 1, Part(BatchNorm, {"features": width}))
        return replace(plan, layers=tuple(changed))

    def __str__(self) -> str:
        return "batch norm"


@dataclass(frozen=True)
class RemoveBatchNorm(Change):
    """No batch norm, and weights from `init`, which then count."""

    kind: ClassVar[str] = "batch norm"
    touches: ClassVar[frozenset[str]] = frozenset({"batch norm", "weights"})
    init: Initializer

    def apply(self, plan: Plan) -> Plan:
        kept = [part for part in plan.layers if not part.is_a(BatchNorm)]
        return replace(plan, layers=_with_weights(kept, self.init))

    def __str__(self) -> str:
        return f"no batch norm, {_short(self.init)}"


@dataclass(frozen=True)
class ClipGradient(Change):
    """Clip the whole gradient to the norm `max_norm`, instead of any clip there is."""

    kind: ClassVar[str] = "clipping"
    touches: ClassVar[frozenset[str]] = frozenset({"clipping"})
    max_norm: float

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, clip=ClipByGlobalNorm(self.max_norm))

    def __str__(self) -> str:
        return f"clip to norm {self.max_norm:g}"


@dataclass(frozen=True)
class LearningRate(Change):
    """The constant learning rate `lr`."""

    kind: ClassVar[str] = "learning rate"
    touches: ClassVar[frozenset[str]] = frozenset({"learning rate"})
    lr: float

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, lr=self.lr)

    def __str__(self) -> str:
        return f"lr={self.lr:g}"


@dataclass(frozen=True)
class Together(Change):
    """Two changes that touch different things."""

    kind: ClassVar[str] = "together"
    first: Change
    second: Change

    @property
    def touches(self) -> frozenset[str]:  # type: ignore[override]
        """What either of them decides."""
        return self.first.touches | self.second.touches

    def apply(self, plan: Plan) -> Plan:
        return self.second.apply(self.first.apply(plan))

    def __str__(self) -> str:
        return f"{self.first} + {self.second}"


def _short(init: Initializer) -> str:
    return initializer_python(init).removeprefix("nn.initializers.").strip('"')


def _with_weights(parts: tuple[Part, ...] | list[Part], init: Initializer) -> tuple[Part, ...]:
    return tuple(part.with_options(init=init) if part.is_a(Dense) else part for part in parts)
