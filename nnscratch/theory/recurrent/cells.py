"""One recurrent layer as theory sees it, and its units drawn over time.

In a wide layer what a unit's gates receive is Gaussian over the draw of the weights. Over time it
is a Gaussian *process*, because the same weights are used at every step: with sw2 = units * Var(U)
and sv2 = features * Var(W) of one gate,

    E a_t a_s = sw2 E h_(t-1) h_(s-1) + sv2 E x_t x_s      (and each unit's own bias on top)

so what a unit's hidden state remembers is part of what its gates will see. Units are drawn from
that process, one step of time after the other, the same ones for the same seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from nnscratch.arrays import Array
from nnscratch.theory.nonlinearity import Nonlinearity, nonlinearity

UNITS = 2000  # that are drawn: rates then differ by about 0.2 % from draw to draw
_NOTHING = 1e-12  # relative; a variance below it is one that rounding left


@dataclass(frozen=True, eq=False)
class Cell:
    """A recurrent layer at initialization.

    Attributes
    ----------
    kind : str
        ``"rnn"``, ``"lstm"`` or ``"gru"``.
    sw2, sv2 : (gates,) array, or float for all of them
        ``units * Var`` of a recurrent weight and ``features * Var`` of an input weight.
    bias : (gates, any) array
        Biases by gate, as the layers order them (LSTM i f g o; GRU r z n), of as many units as are
        known; those of one column belong to one unit. One column of numbers serves for all.
    recurrent_bias : (any,) array
        GRU: what is added to U_n h inside the reset gate.
    activation : Nonlinearity
        RNN: of the units.
    identity : float
        RNN: the recurrent weights are this multiple of the identity, plus a random part.
    """

    kind: str
    sw2: Array | float
    sv2: Array | float
    bias: Array
    recurrent_bias: Array = field(default_factory=lambda: np.zeros(1))
    activation: Nonlinearity = field(default_factory=lambda: nonlinearity("tanh"))
    identity: float = 0.0


@dataclass(frozen=True, eq=False)
class Units:
    """Units of a `Cell` over time, every array (time, units).

    dD is the gradient of the state that a unit keeps (LSTM: c, else h), dh that of its output.

    Attributes
    ----------
    hidden : array
        h, of one step more: it begins with the state at the start, 0.
    kept : array
        Part of dD that step t hands to the unit's own dD at t - 1.
    entered : array
        Part of dh_t that comes into dD_t.
    exits : tuple of array
        For each way through the recurrent weights: dD_t times this is the gradient that comes out,
        in root mean square over the draw of the weights.
    outputs : tuple of array
        The same for ways that leave dh_t itself: the LSTM's output gate.
    """

    hidden: Array
    kept: Array
    entered: Array
    exits: tuple[Array, ...]
    outputs: tuple[Array, ...] = ()


class _Process:
    """A Gaussian process in each unit, with a covariance that becomes known step by step.

    Rows of the Cholesky factor, and of its inverse, are added as time goes on.
    """

    def __init__(self, rng: np.random.Generator, steps: int, units: int) -> None:
        self._white = rng.standard_normal((steps, units))
        self._inverse: Array = np.zeros((steps, steps))
        self._t = 0

    def step(self, covariance: Array) -> Array:
        """Return the values at the next step, given their covariance with all steps up to it."""
        t, inverse = self._t, self._inverse
        row = np.append(inverse[:t, :t] @ covariance[:t], 0.0)
        own = covariance[t] - row @ row
        if own > _NOTHING * covariance[t]:
            row[t] = math.sqrt(own)
            inverse[t, :t] = -row[:t] @ inverse[:t, :t] / row[t]
            inverse[t, t] = 1 / row[t]
        self._t += 1
        values: Array = row @ self._white[: t + 1]
        return values


class _Gates:
    """What each gate receives from the state before and from the input, step by step."""

    def __init__(self, cell: Cell, products: Array, hidden: Array, rng: np.random.Generator):
        gates, steps = len(cell.bias), len(products)
        self.hidden, self.products = hidden, products
        self.sw2 = np.broadcast_to(np.asarray(cell.sw2, dtype=np.float64), gates)
        self.sv2 = np.broadcast_to(np.asarray(cell.sv2, dtype=np.float64), gates)
        self._both = [_Process(rng, steps, hidden.shape[1]) for _ in range(gates)]
        self._recurrent = _Process(rng, steps, hidden.shape[1])

    def out(self, gate: int) -> float:
        """Return what the weights of a gate do to a gradient, in root mean square."""
        return math.sqrt(self.sw2[gate])

    def received(self, gate: int, t: int) -> Array:
        """Return ``x_t W + h_(t-1) U`` of a gate in every unit."""
        return self._both[gate].step(self._state(gate, t) + self._input(gate, t))

    def apart(self, gate: int, t: int) -> tuple[Array, Array]:
        """Return ``x_t W`` and ``h_(t-1) U`` of a gate in every unit."""
        fed = self._both[gate].step(self._input(gate, t))
        return fed, self._recurrent.step(self._state(gate, t))

    def _state(self, gate: int, t: int) -> Array:
        units = self.hidden.shape[1]
        return self.sw2[gate] / units * (self.hidden[: t + 1] @ self.hidden[t])

    def _input(self, gate: int, t: int) -> Array:
        return self.sv2[gate] * self.products[t, : t + 1]


def draw_units(cell: Cell, products: Array, units: int = UNITS, seed: int = 0) -> Units:
    """Return units of `cell` over as many steps as `products` has rows.

    products : (time, time) array, ``E x_t x_s`` over features and sequences
    """
    bias = cell.bias[:, np.arange(units) * cell.bias.shape[1] // units]
    hidden = np.zeros((len(products) + 1, units))
    gates = _Gates(cell, products, hidden, np.random.default_rng(seed))
    draw = {"rnn": _draw_rnn, "lstm": _draw_lstm, "gru": _draw_gru}[cell.kind]
    return draw(cell, gates, bias, hidden)


def _draw_rnn(cell: Cell, gates: _Gates, bias: Array, hidden: Array) -> Units:
    """``a_t = x_t W + h_(t-1) U + b; h_t = phi(a_t)``."""
    slopes = np.empty_like(hidden[1:])
    for t in range(len(slopes)):
        a = gates.received(0, t) + bias[0] + cell.identity * hidden[t]
        hidden[t + 1], slopes[t] = cell.activation.value(a), cell.activation.slope(a)
    exits = (gates.out(0) * slopes,)
    return Units(hidden, cell.identity * slopes, np.ones_like(slopes), exits)


def _draw_lstm(cell: Cell, gates: _Gates, bias: Array, hidden: Array) -> Units:
    """``c_t = f c_(t-1) + i g; h_t = o tanh c_t``."""
    c = np.zeros(hidden.shape[1])
    parts = np.empty((6, *hidden[1:].shape))
    for t in range(len(hidden) - 1):
        a = [gates.received(k, t) + bias[k] for k in range(4)]
        i, f, o, g = _sigmoid(a[0]), _sigmoid(a[1]), _sigmoid(a[3]), np.tanh(a[2])
        before, c = c, f * c + i * g
        shown = np.tanh(c)
        hidden[t + 1] = o * shown
        parts[:, t] = (
            f,
            o * (1 - shown * shown),
            gates.out(0) * g * i * (1 - i),
            gates.out(1) * before * f * (1 - f),
            gates.out(2) * i * (1 - g * g),
            gates.out(3) * shown * o * (1 - o),
        )
    kept, entered, *exits, output = parts
    return Units(hidden, kept, entered, tuple(exits), (output,))


def _draw_gru(cell: Cell, gates: _Gates, bias: Array, hidden: Array) -> Units:
    """``n_t = tanh(x_t W + b + r (h_(t-1) U + b_h)); h_t = (1 - z) n + z h_(t-1)``."""
    own = cell.recurrent_bias
    own = own[np.arange(hidden.shape[1]) * len(own) // hidden.shape[1]]
    parts = np.empty((4, *hidden[1:].shape))
    for t in range(len(hidden) - 1):
        r, z = (_sigmoid(gates.received(k, t) + bias[k]) for k in range(2))
        fed, state = gates.apart(2, t)
        state = state + own
        n = np.tanh(fed + bias[2] + r * state)
        h = hidden[t]
        hidden[t + 1] = (1 - z) * n + z * h
        candidate = (1 - z) * (1 - n * n)
        parts[:, t] = (
            z,
            gates.out(1) * (h - n) * z * (1 - z),
            gates.out(2) * candidate * r,
            gates.out(0) * candidate * state * r * (1 - r),
        )
    kept, *exits = parts
    return Units(hidden, kept, np.ones_like(kept), tuple(exits))


def _sigmoid(a: Array) -> Array:
    values: Array = 0.5 * (1 + np.tanh(a / 2))
    return values
