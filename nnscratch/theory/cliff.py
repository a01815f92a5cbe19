"""The cliff: the loss of a recurrent network of one unit over its two weights.

Pascanu, Mikolov & Bengio 2013, figure 6: ``x_t = w sigmoid(x_{t-1}) + b`` from x_0 = 0.5 through 50
steps, and the loss ``(sigmoid(x_50) - 0.7)^2``. Where the state's fixed point loses its stability
the loss jumps within a hair's breadth of w and b, and its gradient there is as large as the wall is
steep: a step along it throws the weights far away, unless it is clipped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array
from nnscratch.errors import require_count, require_number

STEPS, START, TARGET = 50, 0.5, 0.7


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def cliff_loss(
    w: npt.ArrayLike, b: npt.ArrayLike, steps: int = STEPS
) -> tuple[Array, Array, Array]:
    """Return the loss and its derivatives with respect to w and b, for arrays of these.

    >>> loss, dw, db = cliff_loss(0.0, 0.0)
    >>> round(float(loss), 2), float(dw) > 0.0
    (0.04, False)
    """
    w, b = np.broadcast_arrays(np.asarray(w, np.float64), np.asarray(b, np.float64))
    states = [np.full(w.shape, START)]
    for _ in range(require_count("cliff_loss steps", steps)):
        states.append(w * _sigmoid(states[-1]) + b)
    y = _sigmoid(states[-1])
    dx, dw, db = 2 * (y - TARGET) * y * (1 - y), np.zeros(w.shape), np.zeros(w.shape)
    for before in reversed(states[:-1]):
        s = _sigmoid(before)
        dw, db = dw + dx * s, db + dx
        dx = dx * w * s * (1 - s)
    return (y - TARGET) ** 2, dw, db


def cliff_descent(
    w: float, b: float, lr: float, updates: int, clip: float | None = None, steps: int = STEPS
) -> dict[str, Array]:
    """Return the way of gradient descent over the cliff: arrays w, b, loss and norm, by update.

    clip : the gradient's norm is cut down to so much; None: it is not

    Raises `ConfigError` for a rate or a clip that is not above 0.
    """
    lr = require_number("cliff_descent lr", lr, above=0)
    if clip is not None:
        clip = require_number("cliff_descent clip", clip, above=0)
    way = np.zeros((require_count("cliff_descent updates", updates) + 1, 4))
    for row in way:
        loss, dw, db = (float(value) for value in cliff_loss(w, b, steps))
        norm = float(np.hypot(dw, db))
        row[...] = w, b, loss, norm
        scale = 1.0 if clip is None or norm <= clip else clip / norm
        w, b = w - lr * scale * dw, b - lr * scale * db
    return dict(zip(("w", "b", "loss", "norm"), way.T, strict=True))
