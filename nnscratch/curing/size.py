"""Changes of a network's size: more units, more layers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from nnscratch import layers
from nnscratch.curing.changes import Change
from nnscratch.curing.network import with_weights
from nnscratch.curing.part import Part
from nnscratch.curing.plan import Plan
from nnscratch.curing.trials import Trial
from nnscratch.initializers import Initializer
from nnscratch.layers import Dense
from nnscratch.network.blocks import Bidirectional, Residual

# What a layer reads and gives, of dense and of recurrent ones.
_SIZES = (("n_in", "n_out"), ("features_in", "features"))
_THROUGH = 0.5  # skill of a narrow code through which enough gets, unless that is found serious


@dataclass(frozen=True)
class Wider(Change):
    """At least `width` units in every hidden dense and recurrent layer, unless what it goes into is
    frozen. Networks with blocks stay as they are.
    """

    kind: ClassVar[str] = "width"
    said: ClassVar[str] = "{width} units a layer"
    width: int

    def apply(self, plan: Plan) -> Plan:
        if any(part.is_a(Residual, Bidirectional) for part in plan.layers):
            return plan
        last, parts, n_in = plan.top(), list[Part](), 0
        for i, part in enumerate(plan.layers):
            if part.role == "recurrent" or part.is_a(Dense):
                read, units = _SIZES[part.role == "recurrent"]
                n_out = part.options[units]
                n_out = max(n_out, self.width) if i < last and not _held(plan, i) else n_out
                part = part.with_options(**{read: n_in or part.options[read], units: n_out})
                n_in = n_out
            elif n_in and part.options.get("features") is not None:
                part = part.with_options(features=n_in)
            parts.append(part)
        return replace(plan, layers=tuple(parts))


@dataclass(frozen=True)
class Deeper(Change):
    """The last hidden layer, with what follows it, `more` times again; dense weights from `init`.

    Of as many units, layers bend a function more often than one layer does (Telgarsky 2016).
    """

    kind: ClassVar[str] = "depth"
    said: ClassVar[str] = "{more} more hidden layers, {init}"
    more: int
    init: Initializer

    def apply(self, plan: Plan) -> Plan:
        if len(plan.dense()) < 2 or plan.settled():
            return plan
        start, end = plan.dense()[-2:]
        dense, *behind = plan.layers[start:end]
        again = dense.with_options(n_in=dense.options["n_out"])
        added = (again, *behind) * self.more
        layers = (*plan.layers[:end], *added, *plan.layers[end:])
        return with_weights(replace(plan, layers=layers), self.init)


@dataclass(frozen=True)
class AddHidden(Change):
    """A hidden layer of `width` units and the activation `name` before the only dense layer."""

    kind: ClassVar[str] = "hidden layer"
    width: int
    name: str
    init: Initializer

    def apply(self, plan: Plan) -> Plan:
        (at,) = plan.dense()
        n_in, bend = plan.layers[at].options["n_in"], type(layers.activation(self.name))
        hidden = Part(Dense, {"n_in": n_in, "n_out": self.width, "init": self.init})
        last = plan.layers[at].with_options(n_in=self.width)
        parts = (*plan.layers[:at], hidden, Part(bend, {}), last, *plan.layers[at + 1 :])
        return replace(plan, layers=parts)

    def __str__(self) -> str:
        title = type(layers.activation(self.name)).__name__
        return f"a hidden layer of {self.width} units, {title}"


def on_purpose(plan: Plan, given_back: bool) -> bool:
    """Return whether few units are meant: of inputs that are given back, a code of fewer numbers.

    given_back : whether the answers are the inputs
    """
    dense = [plan.layers[i].options for i in plan.dense()]
    code = min((of["n_out"] for of in dense[:-1]), default=0)
    return given_back and (not code or code < dense[0]["n_in"])


def is_shut_off(trial: Trial) -> bool:
    """Return whether few units are found to be the matter: where little was learned, a notice will
    do.
    """
    return "capacity" in (trial.ills if trial.skill > _THROUGH else trial.findings.kinds)


def is_bare(plan: Plan) -> bool:
    """Return whether one dense layer, which is to be trained, is all that bends or weighs."""
    dense, kinds = plan.dense(), {"weights", "activation", "recurrent", "opaque", ""}
    if len(dense) != 1 or plan.layers[dense[0]].frozen:
        return False
    return not any(part.role in kinds for part in plan.layers[: dense[0]])


def _held(plan: Plan, start: int) -> bool:
    """Return whether a dense layer is frozen, or anything as far as the next that has weights."""
    for i, part in enumerate(plan.layers[start:]):
        if part.frozen:
            return True
        if i and part.role in ("weights", "recurrent"):
            break
    return False
