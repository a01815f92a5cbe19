"""Changes of the network: weights, activations, norms, residual blocks, width, hidden layers."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import ClassVar

from nnscratch import initializers, layers
from nnscratch.curing.changes import Change, short
from nnscratch.curing.part import Part
from nnscratch.curing.plan import Plan
from nnscratch.errors import require_name
from nnscratch.initializers import Initializer
from nnscratch.layers import BatchNorm, Dense, Dropout, LayerNorm, RMSNorm
from nnscratch.network.blocks import Residual


@dataclass(frozen=True)
class Weights(Change):
    """Initial weights of every dense layer from `init`, biases of 0."""

    kind: ClassVar[str] = "weights"
    said: ClassVar[str] = "{init}"
    init: Initializer

    def apply(self, plan: Plan) -> Plan:
        return with_weights(plan, self.init)


@dataclass(frozen=True)
class NewActivation(Change):
    """Another activation after every hidden dense layer, with the weights that go with it.

    `name` is one of `nnscratch.layers.activation_names`. Dense layers that none follows get one.
    """

    kind: ClassVar[str] = "activation"
    name: str
    init: Initializer

    def __post_init__(self) -> None:
        require_name("activation", self.name, layers.activation_names())

    def apply(self, plan: Plan) -> Plan:
        new = Part(type(layers.activation(self.name)), {})
        last, settled = plan.dense()[-1], plan.settled()
        changed = replace(plan, layers=plan.layers[:last]).changed(
            lambda part: new if part.role == "activation" else part
        )
        parts = [
            plan.layers[i] if i in settled else _bent(p, new) for i, p in enumerate(changed.layers)
        ]
        for start, end in reversed(list(itertools.pairwise(plan.dense()))):
            between = plan.layers[start + 1 : end]
            bare = all(part.role in ("norm", "noise", "shape") for part in between)
            if bare and start not in settled:
                norms = sum(part.role == "norm" for part in between)
                parts.insert(start + 1 + norms, new)
        return with_weights(replace(plan, layers=(*parts, *plan.layers[last:])), self.init)

    def __str__(self) -> str:
        title = type(layers.activation(self.name)).__name__
        return f"{title}, {short(self.init)}"


def _bent(part: Part, bend: Part) -> Part:
    """Return a block of lines alone with an activation behind each of its dense layers."""
    inner = part.options.get("layers", ())
    if any(one.frozen or one.role == "activation" for one in inner):
        return part
    made = [
        new for one in inner for new in ([one, bend] if one.is_a(Dense) else [_bent(one, bend)])
    ]
    return part.with_options(layers=tuple(made)) if inner else part


@dataclass(frozen=True)
class AddBatchNorm(Change):
    """Batch norm right after every hidden dense layer that has none before the next."""

    kind: ClassVar[str] = "batch norm"
    said: ClassVar[str] = "batch norm"

    def apply(self, plan: Plan) -> Plan:
        changed = list(plan.layers)
        for start, end in reversed(list(itertools.pairwise(plan.dense()))):
            normed = any(part.is_a(BatchNorm) for part in plan.layers[start:end])
            if not normed and not plan.layers[start].frozen:
                width = plan.layers[start].options["n_out"]
                changed.insert(start + 1, Part(BatchNorm, {"features": width}))
        return replace(plan, layers=tuple(changed))


@dataclass(frozen=True)
class RemoveBatchNorm(Change):
    """No batch norm, and weights from `init`, which then count."""

    kind: ClassVar[str] = "batch norm"
    said: ClassVar[str] = "no batch norm, {init}"
    init: Initializer

    def apply(self, plan: Plan) -> Plan:
        settled = plan.settled()
        kept = [p for i, p in enumerate(plan.layers) if i in settled or not p.is_a(BatchNorm)]
        return with_weights(replace(plan, layers=tuple(kept)), self.init)


@dataclass(frozen=True)
class LayerNorms(Change):
    """Layer norm, which looks at one example, wherever batch norm is."""

    kind: ClassVar[str] = "batch norm"
    said: ClassVar[str] = "layer norm for batch norm"

    def apply(self, plan: Plan) -> Plan:
        return plan.changed(
            lambda part: (
                replace(part, make=LayerNorm, options={"features": part.options["features"]})
                if part.is_a(BatchNorm)
                else part
            )
        )


@dataclass(frozen=True)
class NoLoneNorm(Change):
    """No norm of each example by its own size over a single unit: that leaves nothing of it."""

    kind: ClassVar[str] = "lone norm"
    said: ClassVar[str] = "no norm over one unit"

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, layers=tuple(part for part in plan.layers if not is_lone_norm(part)))


def is_lone_norm(part: Part) -> bool:
    """Return whether a part is such a norm, not frozen; or one of two, of which only which is
    larger is left.
    """
    few = 2 if part.is_a(LayerNorm) else 1
    alone = part.is_a(LayerNorm, RMSNorm) and part.options["features"] <= few
    return alone and not part.frozen


@dataclass(frozen=True)
class NormMomentum(Change):
    """Batch norm whose running statistics follow with the momentum `momentum`."""

    kind: ClassVar[str] = "batch norm momentum"
    said: ClassVar[str] = "batch norm's momentum {momentum:g}"
    momentum: float

    def apply(self, plan: Plan) -> Plan:
        return plan.changed(
            lambda part: part.with_options(momentum=self.momentum) if part.is_a(BatchNorm) else part
        )


@dataclass(frozen=True)
class LessDropout(Change):
    """Dropout that takes the share `rate` of the units away, wherever it takes more."""

    kind: ClassVar[str] = "dropout"
    said: ClassVar[str] = "dropout of {rate:g} at most"
    rate: float

    def apply(self, plan: Plan) -> Plan:
        return plan.changed(
            lambda part: (
                part.with_options(rate=self.rate)
                if part.is_a(Dropout) and part.options["rate"] > self.rate
                else part
            )
        )


@dataclass(frozen=True)
class AddDropout(Change):
    """Dropout of the share `rate` after every hidden activation."""

    kind: ClassVar[str] = "dropout"
    said: ClassVar[str] = "dropout of {rate:g}"
    rate: float

    def apply(self, plan: Plan) -> Plan:
        top, drop = plan.top(), Part(Dropout, {"rate": self.rate})
        parts = list[Part]()
        for i, part in enumerate(plan.layers):
            bends = i < top and part.role == "activation" and i not in plan.settled()
            parts += [part, drop] if bends else [part]
        return replace(plan, layers=tuple(parts))


@dataclass(frozen=True)
class AddResidual(Change):
    """A way around every hidden dense layer as wide as its input, and layer norm in its branch.

    The branch is ``LayerNorm``, the activation, the dense layer; it counts ``1 / sqrt(blocks)``.
    """

    kind: ClassVar[str] = "residual"
    said: ClassVar[str] = "residual blocks"

    def apply(self, plan: Plan) -> Plan:
        runs = residual_runs(plan)
        scale = float(f"{1 / math.sqrt(max(len(runs), 1)):.2g}")
        parts = list(plan.layers)
        for start, end in reversed(runs):
            dense, *followers = parts[start:end]
            width = dense.options["n_out"]
            branch = [Part(LayerNorm, {"features": width})]
            branch += [part for part in followers if part.role == "activation"]
            branch += [dense, *(part for part in followers if part.role == "noise")]
            options = {"layers": tuple(branch), "scale": scale, "skip": None}
            parts[start:end] = [Part(Residual, options)]
        return replace(plan, layers=tuple(parts))


@dataclass(frozen=True)
class BlocksAdd(Change):
    """Every residual block adds `scale` times what its branch gives."""

    kind: ClassVar[str] = "blocks add"
    said: ClassVar[str] = "blocks add {scale:g}"
    scale: float

    def apply(self, plan: Plan) -> Plan:
        def within(part: Part) -> Part:
            if part.frozen or not part.is_a(Residual):
                return part
            inner = tuple(map(within, part.options["layers"]))
            return part.with_options(layers=inner, scale=self.scale)

        return replace(plan, layers=tuple(map(within, plan.layers)))


# What a run of layers holds that becomes a block; what is no activation or noise is left out of it.
_IN_BRANCHES = {"weights", "activation", "norm", "noise"}


def residual_runs(plan: Plan) -> list[tuple[int, int]]:
    """Return where hidden dense layers as wide as their input begin, and where the next does."""
    settled = plan.settled()
    return [
        (start, end)
        for start, end in itertools.pairwise(plan.dense())
        if plan.layers[start].options["n_in"] == plan.layers[start].options["n_out"]
        and {part.role for part in plan.layers[start:end]} <= _IN_BRANCHES
        and not settled & set(range(start, end))
    ]


def with_weights(plan: Plan, init: Initializer) -> Plan:
    drawn = {"init": init, "bias_init": initializers.get("zeros")}
    return plan.changed(lambda part: part.with_options(**drawn) if part.is_a(Dense) else part)
