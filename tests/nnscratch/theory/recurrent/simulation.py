"""Recurrent layers in plain NumPy, float64, forward and backward: what theory is measured against.

Nothing of the package is used. A setting draws weights as a framework does and says what theory
needs to know of them.
"""

from dataclasses import dataclass

import numpy as np

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
STEPS, BATCH, FEATURES = 80, 8, 50


@dataclass
class Drawn:
    kind: str
    weight: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray
    recurrent_bias: np.ndarray
    sw2: float
    sv2: float

    @property
    def units(self):
        return len(self.recurrent)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def orthogonal(rng, rows, columns):
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return q if rows >= columns else q.T


def draw(kind, units, seed, *, weights="torch", kept=None, chrono=None, sw2=1.0, sv2=1.0):
    """Weights of one network: drawn as PyTorch, Keras or TensorFlow 1 do, Gaussian, or orthogonal
    by gate; `kept` is the bias of the gate that keeps (LSTM forget, GRU update)."""
    rng = np.random.default_rng(seed)
    gates = GATES[kind]
    wide = gates * units
    bias, recurrent_bias = np.zeros((gates, units)), np.zeros(units)
    if weights == "torch":
        reach = units**-0.5

        def u(*shape):
            return rng.uniform(-reach, reach, shape)

        weight, recurrent, bias = u(FEATURES, wide), u(units, wide), u(gates, units)
        bias[: 2 if kind == "gru" else gates] += u(2 if kind == "gru" else gates, units)
        recurrent_bias = u(units)
        sw2, sv2 = 1 / 3, FEATURES / (3 * units)
    elif weights == "keras":
        reach = (6 / (FEATURES + wide)) ** 0.5
        weight = rng.uniform(-reach, reach, (FEATURES, wide))
        recurrent = orthogonal(rng, units, wide)
        sw2, sv2 = 1 / gates, 2 * FEATURES / (FEATURES + wide)
    elif weights == "tf1":
        reach = (6 / (FEATURES + units + wide)) ** 0.5
        both = rng.uniform(-reach, reach, (FEATURES + units, wide))
        weight, recurrent = both[:FEATURES], both[FEATURES:]
        sw2, sv2 = (2 * fan / (FEATURES + units + wide) for fan in (units, FEATURES))
    else:
        weight = rng.normal(0, (sv2 / FEATURES) ** 0.5, (FEATURES, wide))
        if weights == "orthogonal":
            blocks = [sw2**0.5 * orthogonal(rng, units, units) for _ in range(gates)]
            recurrent = np.concatenate(blocks, axis=1)
        else:
            recurrent = rng.normal(0, (sw2 / units) ** 0.5, (units, wide))
    if chrono is not None:
        kept = np.log(rng.uniform(1, chrono - 1, units))
        if kind == "lstm":
            bias[0] = -kept
    if kept is not None:
        bias[1] = kept
    return Drawn(kind, weight, recurrent, bias, recurrent_bias, sw2, sv2)


def measured_squares(net, seed, steps=STEPS, batch=BATCH):
    """Squared norm of the gradient of the state by steps back, dL/dh at the end being random.

    Of (h, c) for an LSTM, of h otherwise; inputs are N(0, 1), new at each step.
    """
    rng = np.random.default_rng([seed, 1])
    n = net.units
    bias = net.bias.ravel()
    h, c = np.zeros((batch, n)), np.zeros((batch, n))
    seen = []
    for _ in range(steps):
        p = rng.standard_normal((batch, FEATURES)) @ net.weight + bias
        q = h @ net.recurrent
        if net.kind == "rnn":
            h = np.tanh(p + q)
            seen.append(h)
        elif net.kind == "lstm":
            i, f, g, o = np.split(p + q, 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            before, c = c, f * c + i * g
            h = o * np.tanh(c)
            seen.append((i, f, g, o, before, np.tanh(c)))
        else:
            r, z = sigmoid(p[:, :n] + q[:, :n]), sigmoid(p[:, n : 2 * n] + q[:, n : 2 * n])
            s = q[:, 2 * n :] + net.recurrent_bias
            m = np.tanh(p[:, 2 * n :] + r * s)
            before, h = h, (1 - z) * m + z * h
            seen.append((r, z, m, s, before))
    dh, dc = rng.standard_normal((batch, n)), np.zeros((batch, n))
    squares = []
    for state in reversed(seen):
        if net.kind == "rnn":
            squares.append(np.sum(dh**2))
            dh = (dh * (1 - state**2)) @ net.recurrent.T
        elif net.kind == "lstm":
            i, f, g, o, before, out = state
            dc = dc + dh * o * (1 - out**2)
            squares.append(np.sum(dh**2) + np.sum(dc**2))
            gates = (
                dc * g * i * (1 - i),
                dc * before * f * (1 - f),
                dc * i * (1 - g**2),
                dh * out * o * (1 - o),
            )
            dh, dc = np.concatenate(gates, axis=1) @ net.recurrent.T, dc * f
        else:
            r, z, m, s, before = state
            squares.append(np.sum(dh**2))
            dn = dh * (1 - z) * (1 - m**2)
            gates = (dn * s * r * (1 - r), dh * (before - m) * z * (1 - z), dn * r)
            dh = dh * z + np.concatenate(gates, axis=1) @ net.recurrent.T
    return np.array(squares)


def rate(squares, edge=10):
    """Factor on the norm per step, without `edge` steps at either end."""
    return (squares[-edge] / squares[edge]) ** (1 / (2 * (len(squares) - 2 * edge)))
