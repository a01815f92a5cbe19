"""One recurrent layer as theory sees it, and its units drawn over time.

In a wide layer what a unit's gates receive is Gaussian over the draw of the weights. Over time it
is a Gaussian *process*, because the same weights are used at every step: with sw2 = units * Var(U)
and sv2 = features * Var(W) of one gate,

    E a_t a_s = sw2 E h_(t-1) h_(s-1) + sv2 E x_t x_s      (and each unit's own bias on top)

so what a unit's hidden state remembers is part of what its gates will see. Units are drawn from
that process, one step of time after the other, always with the same random numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from nnscratch.arrays import Array
from nnscratch.theory.nonlinearity import Nonlinearity, nonlinearity

UNITS = 2000  # that are drawn: rates then differ by about 0.2 % from draw to draw
_SEED = 0
_NOTHING = 1e-12  # relative; a variance below it is one that rounding left


@dataclass(frozen=True, eq=False)
class Cell:
    """A recurrent layer at initialization.

    Attributes
    ----------
    kind : str
        ``"rnn"``, ``"lstm"`` or ``"gru"``.
    sw2, sv2 : float
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
    sw2: float
    sv2: float
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
        For each way through the recurrent weights: dD_t times this is the gradient there.
    outputs : tuple of array
        The same for ways that leave dh_t itself: the LSTM's output gate.
    """

    hidden: Array
    kept: Array
    entered: Array
    exits: tuple[Array, ...]
    outputs: tuple[Array, ...] = ()


class _Process:
    """Gaussian processes with a covariance that becomes known step by step.

    Rows of the Cholesky factor are added as time goes on.
    """

    def __init__(self, rng: np.random.Generator, count: int, steps: int, units: int) -> None:
        self._white = rng.standard_normal((count, steps, units))
        self._factor: Array = np.zeros((steps, steps))
        self._t = 0

    def step(self, covariance: Array) -> Array:
        """Return the values at the next step, (count, units), given their covariance with all
        steps up to and with it."""
        t, factor = self._t, self._factor
        row = factor[t]
        for j in range(t):
            if factor[j, j] > 0:
                row[j] = (covariance[j] - row[:j] @ factor[j, :j]) / factor[j, j]
        own = covariance[t] - row[:t] @ row[:t]
        row[t] = math.sqrt(own) if own > _NOTHING * covariance[t] else 0.0
        self._t += 1
        values: Array = np.tensordot(row[: t + 1], self._white[:, : t + 1], (0, 1))
        return values


def draw_units(cell: Cell, products: Array, units: int = UNITS) -> Units:
    """Return units of `cell` over as many steps as `products` has rows.

    products : (time, time) array, ``E x_t x_s`` over features and sequences
    """
    steps = len(products)
    rng = np.random.default_rng(_SEED)
    columns = np.arange(units) * cell.bias.shape[1] // units
    bias = cell.bias[:, columns]
    hidden = np.zeros((steps + 1, units))
    draw = {"rnn": _draw_rnn, "lstm": _draw_lstm, "gru": _draw_gru}[cell.kind]
    return draw(cell, cell.sv2 * products, bias, hidden, rng)


def _recurrent(cell: Cell, hidden: Array, t: int) -> Array:
    """Return ``sw2 E h_(t-1) h_(s-1)`` for s up to t."""
    return cell.sw2 / hidden.shape[1] * (hidden[: t + 1] @ hidden[t])


def _draw_rnn(
    cell: Cell, inputs: Array, bias: Array, hidden: Array, rng: np.random.Generator
) -> Units:
    """``a_t = W x_t + U h_(t-1) + b; h_t = phi(a_t)``."""
    steps, units = len(inputs), hidden.shape[1]
    received = _Process(rng, 1, steps, units)
    slopes = np.empty((steps, units))
    for t in range(steps):
        (a,) = received.step(_recurrent(cell, hidden, t) + inputs[t, : t + 1]) + bias
        a = a + cell.identity * hidden[t]
        hidden[t + 1], slopes[t] = cell.activation.value(a), cell.activation.slope(a)
    return Units(hidden, cell.identity * slopes, np.ones_like(slopes), (slopes,))


def _draw_lstm(
    cell: Cell, inputs: Array, bias: Array, hidden: Array, rng: np.random.Generator
) -> Units:
    """``c_t = f c_(t-1) + i g; h_t = o tanh c_t``."""
    steps, units = len(inputs), hidden.shape[1]
    received = _Process(rng, 4, steps, units)
    c = np.zeros(units)
    parts = np.empty((6, steps, units))
    for t in range(steps):
        a = received.step(_recurrent(cell, hidden, t) + inputs[t, : t + 1]) + bias
        i, f, o, g = _sigmoid(a[0]), _sigmoid(a[1]), _sigmoid(a[3]), np.tanh(a[2])
        before, c = c, f * c + i * g
        out = np.tanh(c)
        hidden[t + 1] = o * out
        parts[:, t] = (
            f,
            o * (1 - out * out),
            g * i * (1 - i),
            before * f * (1 - f),
            i * (1 - g * g),
            out * o * (1 - o),
        )
    kept, entered, *exits, output = parts
    return Units(hidden, kept, entered, tuple(exits), (output,))


def _draw_gru(
    cell: Cell, inputs: Array, bias: Array, hidden: Array, rng: np.random.Generator
) -> Units:
    """``n_t = tanh(W x_t + b + r (U h_(t-1) + b_h)); h_t = (1 - z) n + z h_(t-1)``."""
    steps, units = len(inputs), hidden.shape[1]
    gates = _Process(rng, 2, steps, units)
    recurrent, fed = _Process(rng, 1, steps, units), _Process(rng, 1, steps, units)
    own = cell.recurrent_bias
    own = own[np.arange(units) * len(own) // units]
    parts = np.empty((4, steps, units))
    for t in range(steps):
        from_state, from_input = _recurrent(cell, hidden, t), inputs[t, : t + 1]
        r, z = _sigmoid(gates.step(from_state + from_input) + bias[:2])
        state = recurrent.step(from_state)[0] + own
        n = np.tanh(fed.step(from_input)[0] + bias[2] + r * state)
        h = hidden[t]
        hidden[t + 1] = (1 - z) * n + z * h
        candidate = (1 - z) * (1 - n * n)
        parts[:, t] = z, (h - n) * z * (1 - z), candidate * r, candidate * state * r * (1 - r)
    kept, *exits = parts
    return Units(hidden, kept, np.ones_like(kept), tuple(exits))


def _sigmoid(a: Array) -> Array:
    values: Array = 0.5 * (1 + np.tanh(a / 2))
    return values
