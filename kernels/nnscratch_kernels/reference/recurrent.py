"""Recurrent layers, in plain NumPy: one call goes through all steps of time.

Arrays of a sequence are (batch, time * features), which is what (batch, time, features) is in
memory; `weight` is (features_in, gates * n), `recurrent_weight` (n, gates * n), and the gates of a
step lie side by side: i f g o for the LSTM, r z n for the GRU. `initial` (batch, n) is the state
before the first step, which with `reverse` is the last one of the sequence. Where `mask`, (batch,
time) of zeros and ones or (batch, 0) for all ones, is 0, the state is carried over.
The gradient that goes back from step number k, in the order in which they are gone through, is
multiplied by `through`, (time,), or is left as it is if that is empty: 0 truncates it there.

Forward keeps what backward needs: `previous` is the state before each step. Backward fills
`dhidden` and `dcell`, the whole gradient with respect to each state, from above and from later
steps, and the gradient with respect to what each gate adds up; those of weights, biases and input
follow from that by one product over all steps, as in a dense layer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.names import kernels_of

Array = npt.NDArray[Any]


def _steps(*arrays: Array, n: int) -> list[Array]:
    """Return the arrays as (batch, time, n), views of the same memory."""
    return [array.reshape(len(array), -1, n) for array in arrays]


def _order(sequence: Array, reverse: bool) -> list[int]:
    """Return the steps of (batch, time, n) in the order in which they are gone through."""
    steps = list(range(sequence.shape[1]))
    return steps[::-1] if reverse else steps


def _real(mask: Array, t: int) -> Array:
    """Return which examples take step t, as a column."""
    return mask[:, t, None] != 0 if mask.shape[1] else np.ones((len(mask), 1), bool)


def _through(through: Array, k: int) -> float:
    """Return the factor of the gradient that goes back from step number k."""
    return float(through[k]) if through.size else 1.0


def _function(name: str, constant: float) -> Callable[..., None]:
    """Return the kernel of an activation, which may take a constant."""
    kernel = kernels_of("nnscratch_kernels.reference")[name]
    kinds = [parameter.annotation for parameter in inspect.signature(kernel).parameters.values()]
    return lambda *arrays: kernel(*arrays, *[constant] * kinds.count("float"))


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


@np.errstate(over="ignore", invalid="ignore")
def rnn_forward(
    y: Array,
    before: Array,
    previous: Array,
    x: Array,
    weight: Array,
    bias: Array,
    recurrent_weight: Array,
    initial: Array,
    mask: Array,
    reverse: bool,
    activation: str,
    constant: float,
) -> None:
    """h_t = f(a_t) with a_t = x_t weight + bias + h_{t-1} recurrent_weight (Elman 1990).

    `activation` is the kernel of f, ``"tanh_forward"``; `before` is filled with a.
    """
    n, f = len(recurrent_weight), _function(activation, constant)
    hidden, a, states = _steps(y, before, previous, n=n)
    a[...] = _steps(x, n=len(weight))[0] @ weight + bias
    h = initial
    for t in _order(hidden, reverse):
        states[:, t] = h
        a[:, t] += h @ recurrent_weight
        new = np.empty_like(h)
        f(new, a[:, t])
        hidden[:, t] = h = np.where(_real(mask, t), new, h)


@np.errstate(over="ignore", invalid="ignore")
def rnn_backward(
    dbefore: Array,
    dhidden: Array,
    dinitial: Array,
    dy: Array,
    y: Array,
    before: Array,
    recurrent_weight: Array,
    mask: Array,
    through: Array,
    reverse: bool,
    activation: str,
    constant: float,
) -> None:
    """da_t = dh_t f'(a_t) and dh_{t-1} = dy_{t-1} + da_t recurrent_weight.T.

    `activation` is the kernel of the derivative, ``"tanh_backward"``.
    """
    n, f_backward = len(recurrent_weight), _function(activation, constant)
    da, dh, from_above, hidden, a = _steps(dbefore, dhidden, dy, y, before, n=n)
    later = np.zeros_like(dinitial)  # what comes back from the step after this one
    for k, t in reversed([*enumerate(_order(dh, reverse))]):
        real = _real(mask, t)
        dh[:, t] = from_above[:, t] + later
        taken = np.empty_like(later)
        f_backward(taken, dh[:, t], a[:, t], hidden[:, t])
        da[:, t] = np.where(real, taken, 0)
        later = np.where(real, 0, dh[:, t]) + da[:, t] @ recurrent_weight.T
        later *= _through(through, k)
    dinitial[...] = later


@np.errstate(over="ignore", invalid="ignore")
def lstm_forward(
    y: Array,
    cell: Array,
    gates: Array,
    previous: Array,
    x: Array,
    weight: Array,
    bias: Array,
    recurrent_weight: Array,
    initial: Array,
    initial_cell: Array,
    mask: Array,
    reverse: bool,
) -> None:
    """c_t = f c_{t-1} + i g and h_t = o tanh c_t (Hochreiter & Schmidhuber 1997; Gers 2000).

    i, f, o = sigmoid and g = tanh of the quarters of x_t weight + bias + h_{t-1} recurrent_weight.
    """
    n = len(recurrent_weight)
    hidden, cells, states = _steps(y, cell, previous, n=n)
    (all_gates,) = _steps(gates, n=4 * n)
    all_gates[...] = _steps(x, n=len(weight))[0] @ weight + bias
    h, c = initial, initial_cell
    for t in _order(hidden, reverse):
        states[:, t] = h
        a = all_gates[:, t] + h @ recurrent_weight
        i, f, g, o = (
            (np.tanh if k == 2 else _sigmoid)(a[:, k * n : (k + 1) * n]) for k in range(4)
        )
        all_gates[:, t] = np.concatenate([i, f, g, o], axis=1)
        real = _real(mask, t)
        new = f * c + i * g
        hidden[:, t] = h = np.where(real, o * np.tanh(new), h)
        cells[:, t] = c = np.where(real, new, c)


@np.errstate(over="ignore", invalid="ignore")
def lstm_backward(
    dgates: Array,
    dhidden: Array,
    dcell: Array,
    dinitial: Array,
    dinitial_cell: Array,
    dy: Array,
    cell: Array,
    gates: Array,
    initial_cell: Array,
    recurrent_weight: Array,
    mask: Array,
    through: Array,
    reverse: bool,
) -> None:
    """dc_t = dh_t o (1 - tanh^2 c_t) + f_{t+1} dc_{t+1}; with da, what the gates add up,

    da_i = dc g i (1 - i), da_f = dc c_{t-1} f (1 - f), da_g = dc i (1 - g^2),
    da_o = dh tanh(c) o (1 - o) and dh_{t-1} = dy_{t-1} + da_t recurrent_weight.T.
    """
    n = len(recurrent_weight)
    dh, dc, from_above, cells = _steps(dhidden, dcell, dy, cell, n=n)
    da, all_gates = _steps(dgates, gates, n=4 * n)
    later, later_cell = np.zeros_like(dinitial), np.zeros_like(dinitial)
    order = _order(dh, reverse)
    for k in reversed(range(len(order))):
        t, real = order[k], _real(mask, order[k])
        c_before = cells[:, order[k - 1]] if k else initial_cell
        i, f, g, o = np.split(all_gates[:, t], 4, axis=1)
        tanh_c = np.tanh(cells[:, t])
        dh[:, t] = from_above[:, t] + later
        shown = dh[:, t] * o * (1 - tanh_c * tanh_c)
        dc[:, t] = later_cell + np.where(real, shown, 0)
        da_t = [
            dc[:, t] * g * (i * (1 - i)),
            dc[:, t] * c_before * (f * (1 - f)),
            dc[:, t] * i * (1 - g * g),
            dh[:, t] * tanh_c * (o * (1 - o)),
        ]
        da[:, t] = np.where(real, np.concatenate(da_t, axis=1), 0)
        later = np.where(real, 0, dh[:, t]) + da[:, t] @ recurrent_weight.T
        later_cell = np.where(real, f, 1) * dc[:, t]
        later, later_cell = (_through(through, k) * back for back in (later, later_cell))
    dinitial[...], dinitial_cell[...] = later, later_cell


@np.errstate(over="ignore", invalid="ignore")
def gru_forward(
    y: Array,
    gates: Array,
    candidate: Array,
    previous: Array,
    x: Array,
    weight: Array,
    bias: Array,
    recurrent_weight: Array,
    recurrent_bias: Array,
    initial: Array,
    mask: Array,
    reverse: bool,
) -> None:
    """h_t = (1 - z) n + z h_{t-1} with n = tanh(a_n + r u_n) (Cho et al. 2014).

    a = x_t weight + bias, u = h_{t-1} recurrent_weight + recurrent_bias, r and z = sigmoid(a + u);
    `candidate` is filled with u_n.
    """
    n = len(recurrent_weight)
    hidden, products, states = _steps(y, candidate, previous, n=n)
    (all_gates,) = _steps(gates, n=3 * n)
    all_gates[...] = _steps(x, n=len(weight))[0] @ weight + bias
    h = initial
    for t in _order(hidden, reverse):
        states[:, t] = h
        a, u = all_gates[:, t], h @ recurrent_weight + recurrent_bias
        r, z = _sigmoid(a[:, :n] + u[:, :n]), _sigmoid(a[:, n : 2 * n] + u[:, n : 2 * n])
        products[:, t] = u[:, 2 * n :]
        new = np.tanh(a[:, 2 * n :] + r * products[:, t])
        all_gates[:, t] = np.concatenate([r, z, new], axis=1)
        hidden[:, t] = h = np.where(_real(mask, t), new + z * (h - new), h)


@np.errstate(over="ignore", invalid="ignore")
def gru_backward(
    dgates: Array,
    drecurrent: Array,
    dhidden: Array,
    dinitial: Array,
    dy: Array,
    gates: Array,
    candidate: Array,
    previous: Array,
    recurrent_weight: Array,
    mask: Array,
    through: Array,
    reverse: bool,
) -> None:
    """da_n = dh (1 - z) (1 - n^2), da_z = dh (h_{t-1} - n) z (1 - z), da_r = da_n u_n r (1 - r);

    du is da but for du_n = r da_n; dh_{t-1} = dy_{t-1} + z dh_t + du_t recurrent_weight.T. `dgates`
    is filled with da, `drecurrent` with du.
    """
    n = len(recurrent_weight)
    dh, from_above, products, states = _steps(dhidden, dy, candidate, previous, n=n)
    da, du, all_gates = _steps(dgates, drecurrent, gates, n=3 * n)
    later = np.zeros_like(dinitial)
    for k, t in reversed([*enumerate(_order(dh, reverse))]):
        real = _real(mask, t)
        r, z, new = np.split(all_gates[:, t], 3, axis=1)
        dh[:, t] = from_above[:, t] + later
        da_n = dh[:, t] * (1 - z) * (1 - new * new)
        da_z = dh[:, t] * (states[:, t] - new) * (z * (1 - z))
        da_r = da_n * products[:, t] * (r * (1 - r))
        da[:, t] = np.where(real, np.concatenate([da_r, da_z, da_n], axis=1), 0)
        du[:, t] = np.where(real, np.concatenate([da_r, da_z, r * da_n], axis=1), 0)
        later = np.where(real, z, 1) * dh[:, t] + du[:, t] @ recurrent_weight.T
        later *= _through(through, k)
    dinitial[...] = later
