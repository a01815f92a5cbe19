"""Which layers and parameters a record has: its columns, by what they are."""

from __future__ import annotations

import math
from functools import cached_property

from nnscratch_records import WEIGHTED, Record
from nnscratch_records.ends import ends

THROUGH_TIME = ("rnn", "lstm", "gru")  # kinds, as PyTorch calls them too


class Columns:
    """The columns of a record.

    Attributes
    ----------
    record : Record
    layers, kinds, roles : tuple of str
        Names of the layers, how each is called, and what it is.
    weights : list of int
        Columns of the layers with weights, recurrent ones too.
    ends : tuple of int
        Columns of the first and the last of them: see `nnscratch_records.ends`.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.layers = tuple(str(name) for name in record["layers"])
        self.kinds = tuple(str(kind) for kind in record["kinds"])
        self.roles = tuple(str(role) for role in record["roles"])
        self.weights = [i for i, role in enumerate(self.roles) if role in WEIGHTED]
        self.ends = ends(record)

    def columns(self, *roles: str) -> list[int]:
        """Return the columns of the layers with one of these roles."""
        return [i for i, own in enumerate(self.roles) if own in roles]

    @cached_property
    def rectifiers(self) -> list[int]:
        """The columns of the activations whose low end is 0, where no gradient passes."""
        low, high = self.record["saturation"].T
        return [i for i in self.columns("activation") if low[i] == 0 and math.isnan(high[i])]

    @cached_property
    def sources(self) -> dict[int, int]:
        """The column below each one (-1: the input), the nearest where a layer has several."""
        found: dict[int, int] = {}
        for source, reader in self.record["edges"].tolist():
            found[reader] = max(source, found.get(reader, -1))
        return found

    def below(self, layer: int) -> int:
        """Return the column of what a layer reads; -1 for the input, or if it is not known."""
        return self.sources.get(layer, layer - 1)

    def before(self, layer: int, role: str) -> int | None:
        """Return the closest layer below `layer` with a role."""
        at = self.below(layer)
        while at >= 0 and self.roles[at] != role:
            at = self.below(at)
        return at if at >= 0 else None

    def after(self, layer: int, role: str) -> int | None:
        """Return the closest layer above `layer` with a role, before the next weights."""
        for at in range(layer + 1, len(self.roles)):
            if self.roles[at] == role:
                return at
            if self.roles[at] in WEIGHTED:
                return None
        return None

    @cached_property
    def _with_weights(self) -> list[int]:
        return [i for i in self.weights if self.param(i, "weight") is not None]

    def param(self, layer: int, role: str) -> int | None:
        """Return the column of a layer's parameter, None if it has none of that role."""
        owners, roles = self.record["param_layers"].tolist(), self.record["param_roles"].tolist()
        for column, what in enumerate(zip(owners, roles, strict=True)):
            if what == (layer, role):
                return column
        return None

    def recurs(self, layer: int) -> bool:
        """Whether a layer goes through time; PyTorch's are watched as layers of weights."""
        # The second call of a module has no parameters of its own.
        recurrent = self.roles[layer] == "recurrent" or self.kinds[layer] in THROUGH_TIME
        return recurrent or self.param(layer, "recurrent_weight") is not None

    @property
    def recurrent(self) -> bool:
        """Whether any layer goes through time."""
        return any(map(self.recurs, range(len(self.layers))))

    @cached_property
    def hidden_weights(self) -> list[int]:
        """The columns of `weights` but the last, and but those that are recurrent: what suits an
        activation behind a layer is not known of them."""
        return [i for i in self.weights[:-1] if not self.recurs(i)]

    @cached_property
    def hidden_activations(self) -> list[str]:
        """The kind of every activation below the last layer with weights."""
        last = self.weights[-1] if self.weights else len(self.roles)
        return [self.kinds[i] for i in self.columns("activation") if i < last]

    @cached_property
    def activation(self) -> str:
        """The kind of hidden activation that occurs most often; empty if there is none."""
        kinds = self.hidden_activations
        return max(dict.fromkeys(kinds), key=kinds.count, default="")

    @cached_property
    def output_activation(self) -> str:
        """The kind of the activation after the last weights; empty if there is none."""
        last = self.weights[-1] if self.weights else 0
        above = [i for i in self.columns("activation") if i > last]
        return self.kinds[above[-1]] if above else ""

    @property
    def has_batchnorm(self) -> bool:
        """Whether the network normalises by the batch."""
        return bool(len(self.record["batchnorm_layers"]))

    @property
    def has_norm(self) -> bool:
        """Whether the network normalises at all."""
        return "norm" in self.roles

    def fan_in(self, layer: int) -> int:
        """Return how many inputs a layer's units have; 0 if its weights were not recorded."""
        column = self.param(layer, "weight")
        return 0 if column is None else int(self.record["param_fan_in"][column])

    def names(self, columns: list[int]) -> tuple[str, ...]:
        """Return the names of layers."""
        return tuple(self.layers[i] for i in columns)
