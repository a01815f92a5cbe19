"""Recurrent networks: runs whose way back through time is at fault, and their healthy twins.

A symbol near the beginning of a sequence of noise says the answer: nobody learns it without a
gradient that reaches back so far.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nnscratch import layers
from nnscratch.arrays import Array
from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.faults.register import faulty
from nnscratch.experiments.faults.setup import Case, Draw, Setup
from nnscratch.initializers import Orthogonal, Uniform
from nnscratch.layers.recurrent import Recurrent
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.network.model import Sequential
from nnscratch.optimizers import SGD, Adam, Optimizer

_CLASSES, _STEPS = 3, 300
_FADES = "vanishing through time"


def _memory(rng: np.random.Generator, steps: int, late: bool) -> tuple[Array, Array]:
    """Noise, and in the first tenth (`late`: the last) a symbol: its class, which is the label, and
    a mark."""
    y = rng.integers(0, _CLASSES, 600)
    x = 0.3 * rng.standard_normal((len(y), steps, _CLASSES + 1))
    rows, at = np.arange(len(y)), rng.integers(0, max(1, steps // 10), len(y))
    at = steps - 1 - at if late else at
    x[rows, at] = 0.0
    x[rows, at, y] = 2.0
    x[rows, at, -1] = 1.0
    return x.astype(np.float32), y


def _run(
    d: Draw,
    cell: Callable[[int, int], Recurrent],
    optimizer: Optimizer,
    steps: tuple[int, int] = (50, 70),
    truncate: int | None = None,
    late: bool = False,
) -> Setup:
    x, y = _memory(d.rng, d.pick(*steps), late)
    width = (24, 32, 48)[d.pick(0, 2)]
    parts = [cell(_CLASSES + 1, width), layers.LastStep(), layers.Dense(width, _CLASSES)]
    model = Sequential(*parts, seed=d.pick(0, 2**31))
    return Setup(model, optimizer, SoftmaxCrossEntropy(), x, y, 32, truncate=truncate)


def _small(n_in: int, width: int) -> layers.RNN:
    """PyTorch's default: n Var w = 1/3."""
    return layers.RNN(n_in, width, recurrent_init=Uniform(-(width**-0.5), width**-0.5))


faulty("forget bias", "LSTM without a forget bias", _FADES, steps=_STEPS)(
    lambda d: _run(
        d, lambda n, h: layers.LSTM(n, h, forget_bias=0.0), SGD(lr=0.3, clip=ClipByGlobalNorm(1.0))
    )
)
faulty("forget bias", "GRU whose update gate begins at a half", _FADES, steps=_STEPS)(
    lambda d: _run(d, lambda n, h: layers.GRU(n, h), SGD(lr=0.3))
)
faulty("recurrent weights", "tanh, PyTorch's default", _FADES, steps=_STEPS)(
    lambda d: _run(d, _small, SGD(lr=0.1))
)
faulty(
    "recurrent weights",
    "tanh, twice an orthogonal matrix",
    "exploding through time",
    steps=_STEPS,
)(lambda d: _run(d, lambda n, h: layers.RNN(n, h, recurrent_init=Orthogonal(2.0)), SGD(lr=0.05)))


faulty("truncation", "tanh, orthogonal, cut after 5 of 50 to 70 steps", also=_FADES, steps=_STEPS)(
    lambda d: _run(d, lambda n, h: layers.RNN(n, h), Adam(lr=0.003), truncate=5)
)
faulty(
    "learning rate too large, gradient spikes",
    "tanh, orthogonal, without a clip",
    also=_FADES,
    steps=_STEPS,
)(lambda d: _run(d, lambda n, h: layers.RNN(n, h), SGD(lr=0.5)))


def _adam() -> Adam:
    return Adam(lr=0.005, clip=ClipByGlobalNorm(1.0))


_RUNS: dict[str, Callable[[Draw], Setup]] = {
    "LSTM, forget bias 3": lambda d: _run(
        d, lambda n, h: layers.LSTM(n, h, forget_bias=3.0), _adam()
    ),
    "GRU, update bias 3": lambda d: _run(
        d, lambda n, h: layers.GRU(n, h, update_bias=3.0), _adam()
    ),
    "tanh, orthogonal": lambda d: _run(d, lambda n, h: layers.RNN(n, h), _adam(), (20, 30)),
    "tanh, orthogonal, short": lambda d: _run(d, lambda n, h: layers.RNN(n, h), _adam(), (8, 12)),
    "LSTM, no forget bias, short": lambda d: _run(
        d, lambda n, h: layers.LSTM(n, h, forget_bias=0.0), _adam(), (6, 8)
    ),
    "LSTM, no forget bias, nothing to remember": lambda d: _run(
        d, lambda n, h: layers.LSTM(n, h, forget_bias=0.0), _adam(), late=True
    ),
    "tanh, small weights, nothing to remember": lambda d: _run(d, _small, _adam(), late=True),
    "LSTM, cut where nothing is to be remembered": lambda d: _run(
        d, lambda n, h: layers.LSTM(n, h, forget_bias=2.0), _adam(), truncate=10, late=True
    ),
}
_NONE: frozenset[str] = frozenset()
HEALTHY = tuple(
    Case(f"healthy: through time: {name}", name, _NONE, _NONE, _NONE, build, _STEPS)
    for name, build in _RUNS.items()
)
