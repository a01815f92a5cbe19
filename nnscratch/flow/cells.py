"""One step back through the cell of a recurrent layer: by which paths its gradient goes."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.layers import GRU, LSTM, RNN
from nnscratch.layers.registry import activation

_GATES = {"i": "input gate", "f": "forget gate", "o": "output gate"}
_GATES |= {"r": "reset gate", "z": "update gate", "g": "candidate", "n": "candidate"}


class Cell:
    """One step back, of all steps at once: (batch, time, units), float64, in order of time."""

    has_cell = False

    def __init__(self, layer: Any, inside: dict[str, Array]) -> None:
        self.layer, self.inside = layer, inside
        self.real = inside["mask"][:, :, None] != 0
        self.through = inside["through"][:, None]  # factors of what goes back from each step
        self.truncated = bool((self.through != 1).any())
        self.weight = layer.params["recurrent_weight"].astype(np.float64)

    def gate(self, name: str) -> Array:
        return np.asarray(self.layer.gate(name, self.inside["gates"]))

    def slopes(self, state: Array) -> Array:
        """Of a layer without gates, the gradient behind the activation."""
        raise NotImplementedError

    def gradients(self, state: Array, whole: Array | None) -> tuple[dict[str, Array], Array]:
        """Gradient at what multiplies the state, by gate, and at what multiplies the input."""
        raise NotImplementedError

    def direct(self, state: Array, whole: Array | None) -> tuple[str, Array] | None:
        """The path that no weights lie on."""
        return None

    def kept(self, whole: Array | None) -> Array:
        """What each step gets from the one after it at its cell."""
        return np.zeros((*self.inside["hidden"].shape[:2], 0))

    def shown(self, state: Array) -> Array:
        """Of a layer with a cell, the gradient at c that comes by way of h."""
        raise NotImplementedError

    def paths(self, state: Array, whole: Array | None) -> dict[str, Array]:
        """What each path hands on to the step before: (batch, time, units of state and cell).

        That is before a truncation.
        """
        made = {}
        direct, wide = self.direct(state, whole), self.has_cell * state.shape[2]
        if direct is not None:
            made[direct[0]] = np.where(self.real, direct[1], 0.0)
        for name, gradient in self.gradients(state, whole)[0].items():
            handed = gradient @ self.layer.gate(name, self.weight).T
            made[_GATES.get(name, "recurrent weights")] = np.pad(
                handed, ((0, 0), (0, 0), (0, wide))
            )
        if not self.real.all():
            carried = state if whole is None else np.concatenate([state, whole], axis=2)
            made["carried over"] = np.where(self.real, 0.0, carried)
        return made

    def weight_gradient(self, inputs: Array, state: Array, whole: Array | None) -> Array:
        """The gradient of weights (features in and units) by (gates of both), beside each other."""
        recurrent, of_input = self.gradients(state, whole)
        n_in = self.layer.features_in
        of_state = np.concatenate([recurrent[name] for name in self.layer.gates], axis=2)
        flat = inputs.reshape(-1, inputs.shape[2])
        return np.concatenate(
            [
                flat[:, :n_in].T @ of_input.reshape(len(flat), -1),
                flat[:, n_in:].T @ of_state.reshape(len(flat), -1),
            ]
        )


class Plain(Cell):
    def __init__(self, layer: Any, inside: dict[str, Array]) -> None:
        super().__init__(layer, inside)
        function = activation(layer.activation).initialize(dtype=np.float64)
        before = inside["before"]
        _, cache = function.forward(before)
        self.slope = np.array(function.backward(np.ones_like(before), cache))

    def slopes(self, state: Array) -> Array:
        return state * self.slope

    def gradients(self, state: Array, whole: Array | None) -> tuple[dict[str, Array], Array]:
        da = np.where(self.real, self.slopes(state), 0.0)
        return {"h": da}, da


class Lstm(Cell):
    has_cell = True

    def kept(self, whole: Array | None) -> Array:
        assert whole is not None
        made = np.zeros_like(whole)
        made[:, :-1] = (self.through * np.where(self.real, self.gate("f"), 1.0) * whole)[:, 1:]
        return made

    def shown(self, state: Array) -> Array:
        shown = state * self.gate("o") * (1 - np.tanh(self.inside["cell"]) ** 2)
        return np.where(self.real, shown, 0.0)

    def direct(self, state: Array, whole: Array | None) -> tuple[str, Array]:
        return "cell", np.concatenate([np.zeros_like(state), self.gate("f") * whole], axis=2)

    def gradients(self, state: Array, whole: Array | None) -> tuple[dict[str, Array], Array]:
        i, f, g, o = (self.gate(name) for name in "ifgo")
        cell = self.inside["cell"]
        before = np.concatenate([self.inside["initial_cell"][:, None], cell[:, :-1]], axis=1)
        da = {
            "g": whole * i * (1 - g * g),
            "i": whole * g * i * (1 - i),
            "f": whole * before * f * (1 - f),
            "o": state * np.tanh(cell) * o * (1 - o),
        }
        da = {name: np.where(self.real, values, 0.0) for name, values in da.items()}
        return da, np.concatenate([da[name] for name in "ifgo"], axis=2)


class Gru(Cell):
    def direct(self, state: Array, whole: Array | None) -> tuple[str, Array]:
        return "kept state", self.gate("z") * state

    def gradients(self, state: Array, whole: Array | None) -> tuple[dict[str, Array], Array]:
        r, z, n = (self.gate(name) for name in "rzn")
        state = np.where(self.real, state, 0.0)
        da_n = state * (1 - z) * (1 - n * n)
        da_z = state * (self.inside["previous"] - n) * z * (1 - z)
        da_r = da_n * self.inside["candidate"] * r * (1 - r)
        return {"n": r * da_n, "z": da_z, "r": da_r}, np.concatenate([da_r, da_z, da_n], axis=2)


CELLS: dict[type, type[Cell]] = {RNN: Plain, LSTM: Lstm, GRU: Gru}
