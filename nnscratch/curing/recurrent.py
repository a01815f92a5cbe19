"""Changes of what goes through time: recurrent weights, gates, cells, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from nnscratch import initializers
from nnscratch.curing.changes import Change
from nnscratch.curing.part import Part
from nnscratch.curing.plan import Plan
from nnscratch.initializers import Initializer
from nnscratch.layers import GRU, LSTM, Dense
from nnscratch.sequences import RandomTruncation

_GATE_BIAS: dict[type, str] = {LSTM: "forget_bias", GRU: "update_bias"}
_DRAWN_BY_NAME = ("defaults", "chrono")  # which decide in place of what is given


@dataclass(frozen=True)
class RecurrentWeights(Change):
    """Recurrent weights of every recurrent layer from `init`."""

    kind: ClassVar[str] = "recurrent weights"
    said: ClassVar[str] = "recurrent {init}"
    init: Initializer

    def apply(self, plan: Plan) -> Plan:
        return plan.changed(lambda part: _redrawn(part, recurrent_init=self.init))


@dataclass(frozen=True)
class InputWeights(Change):
    """The weights of every recurrent layer from `init`: those of its state orthogonal."""

    kind: ClassVar[str] = "input weights"
    said: ClassVar[str] = "recurrent layers drawn as usual"
    init: Initializer

    def apply(self, plan: Plan) -> Plan:
        state = initializers.get("orthogonal")
        return plan.changed(lambda part: _redrawn(part, init=self.init, recurrent_init=state))


@dataclass(frozen=True)
class GateBias(Change):
    """The bias with which the forget gates of LSTMs and the update gates of GRUs begin."""

    kind: ClassVar[str] = "forget bias"
    said: ClassVar[str] = "gates open, bias {bias:g}"
    bias: float

    def apply(self, plan: Plan) -> Plan:
        def change(part: Part) -> Part:
            name = next((name for cell, name in _GATE_BIAS.items() if part.is_a(cell)), None)
            return part if name is None else _redrawn(part, **{name: self.bias})

        return plan.changed(change)


@dataclass(frozen=True)
class NewCell(Change):
    """LSTM or GRU layers, with gates that begin open, in place of all recurrent layers."""

    kind: ClassVar[str] = "cell"
    said: ClassVar[str] = "{cell.__name__}, bias {bias:g}"
    cell: type[LSTM] | type[GRU]
    bias: float

    def apply(self, plan: Plan) -> Plan:
        def change(part: Part) -> Part:
            if part.role != "recurrent":
                return part
            kept = ("features_in", "features", "reverse", "initial")
            options = {name: part.options[name] for name in kept}
            options |= {_GATE_BIAS[self.cell]: self.bias}
            return replace(part, make=self.cell, options=options)

        return plan.changed(change)


@dataclass(frozen=True)
class DenseBehind(Change):
    """A dense layer behind the recurrent one whose states are the answers, and `width` units in
    that.
    """

    kind: ClassVar[str] = "output"
    said: ClassVar[str] = "{width} states and a dense layer"
    width: int

    def apply(self, plan: Plan) -> Plan:
        last = plan.top()
        units = plan.layers[last].options["features"]
        wide = plan.layers[last].with_options(features=self.width)
        answers = Part(Dense, {"n_in": self.width, "n_out": units})
        parts = (*plan.layers[:last], wide, *plan.layers[last + 1 :], answers)
        return replace(plan, layers=parts)


@dataclass(frozen=True)
class FewerCells(Change):
    """Of recurrent layers one behind the other the first and the last alone."""

    kind: ClassVar[str] = "depth"
    said: ClassVar[str] = "two recurrent layers"

    def apply(self, plan: Plan) -> Plan:
        gone = set(spare_cells(plan))
        return replace(plan, layers=tuple(p for i, p in enumerate(plan.layers) if i not in gone))


def spare_cells(plan: Plan) -> list[int]:
    """Return the places of recurrent layers that can go: all between the first and the last one, if
    nothing else stands there, none is frozen and the two fit each other.
    """
    cells = [i for i, part in enumerate(plan.layers) if part.role == "recurrent"]
    if len(cells) < 3 or cells != list(range(cells[0], cells[-1] + 1)):
        return []
    first, last = plan.layers[cells[0]], plan.layers[cells[-1]]
    fits = first.options["features"] == last.options["features_in"]
    frozen = any(plan.layers[i].frozen for i in cells)
    return cells[1:-1] if fits and not frozen else []


@dataclass(frozen=True)
class WayBack(Change):
    """The gradient goes back through all steps of time, or is cut at random every `steps`."""

    kind: ClassVar[str] = "truncation"
    steps: int | None = None

    def apply(self, plan: Plan) -> Plan:
        if self.steps is None:
            return replace(plan, truncate=None)
        options = {"probability": 1 / self.steps, "seed": 0}
        return replace(plan, truncate=Part(RandomTruncation, options))

    def __str__(self) -> str:
        return "no truncation" if self.steps is None else f"cut at random, 1 in {self.steps}"


@dataclass(frozen=True)
class AddOmega(Change):
    """Pascanu's regularizer with the weight `weight`."""

    kind: ClassVar[str] = "omega"
    said: ClassVar[str] = "Omega, weight {weight:g}"
    weight: float

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, omega=self.weight)


def _redrawn(part: Part, **options: object) -> Part:
    """Return a recurrent layer drawn by what is given, not as a framework would."""
    if part.role != "recurrent":
        return part
    undone = {name: None for name in _DRAWN_BY_NAME if name in part.options}
    return part.with_options(**{**undone, **options})
