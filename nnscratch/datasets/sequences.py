"""Sequences that need a memory: the tasks on which recurrent networks are compared.

Each is made from a seed, as many as one likes, and shaped ``(examples, time, features)``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, check_dtype
from nnscratch.datasets.checks import Split
from nnscratch.datasets.digits import digits
from nnscratch.errors import require_count, require_name, require_seed
from nnscratch_records import memory

CONVENTIONS = ("pascanu", "urnn")
ORDERS = ("row", "pixel")


def temporal_order(
    examples: int, length: int, seed: int, dtype: npt.DTypeLike = np.float32
) -> tuple[Array, Array]:
    """Return `x`, (examples, length, 6), and labels `y`, (examples,): which of A and B came first?

    One-hot symbols A, B, c, d, e, f. With k = length // 10, A or B stands once in the places
    k .. 2 k - 1 and once in the k from length // 2 on; everywhere else one of c to f. The label is
    0 for AA, 1 for BA, 2 for AB, 3 for BB. Whoever remembers nothing has a cross-entropy of
    ln 4 = 1.386 and is wrong in 3 of 4; Pascanu et al. 2013 count a network as successful that is
    wrong in less than 1 % of 10,000 fresh sequences.

    Raises `ConfigError` for a length below 10.

    Hochreiter & Schmidhuber 1997; places as in the program of Pascanu, Mikolov & Bengio 2013.

    >>> x, y = temporal_order(500, 20, seed=0)
    >>> x.shape, int(y.max())
    ((500, 20, 6), 3)
    """
    examples = require_count("examples", examples)
    length = require_count("length", length, least=10)
    wanted = _room(examples, length, 6, dtype)
    rng = _generator(seed)
    k, rows = length // 10, np.arange(examples)
    symbols = rng.integers(2, 6, size=(examples, length))
    first, second = rng.integers(2, size=(2, examples))
    symbols[rows, k + rng.integers(k, size=examples)] = first
    symbols[rows, length // 2 + rng.integers(k, size=examples)] = second
    return np.eye(6, dtype=wanted)[symbols], first + 2 * second


def adding(
    examples: int,
    length: int,
    seed: int,
    convention: str = "urnn",
    dtype: npt.DTypeLike = np.float32,
) -> tuple[Array, Array]:
    """Return `x`, (examples, time, 2), and `y`, (examples, 1): add the two numbers that are marked.

    convention : str
        ``"urnn"`` (Arjovsky, Shah & Bengio 2016): features are number and mark; `length` steps, one
        mark in each half; y is the sum. Who always says 1 has a mean square error of 1/6.

        ``"pascanu"`` (Pascanu et al. 2013): features are mark and number; the number of steps is
        drawn, once per call, from length .. 1.1 length - 1; one mark in the first tenth, one from
        there up to the middle; y is *half* the sum. Who always says 1/2 has a mean square error of
        1/24, and is wrong (squared error above 0.04) in 36 of 100.

    Numbers are uniform between 0 and 1. Raises `ConfigError` for a length below 10 and for another
    convention.

    Hochreiter & Schmidhuber 1997.

    >>> x, y = adding(100, 50, seed=0)
    >>> x.shape, y.shape
    ((100, 50, 2), (100, 1))
    """
    require_name("convention", convention, CONVENTIONS)
    examples = require_count("examples", examples)
    length = require_count("length", length, least=10)
    wanted = _room(examples, length, 2, dtype)
    rng = _generator(seed)
    if convention == "pascanu":
        steps = length + int(rng.integers(length // 10))
        starts, ends = (0, steps // 10), (steps // 10, steps // 2)
        mark, number, share = 0, 1, 0.5
    else:
        steps = length
        starts, ends = (0, steps // 2), (steps // 2, steps)
        mark, number, share = 1, 0, 1.0
    x = np.zeros((examples, steps, 2), wanted)
    x[:, :, number] = rng.random((examples, steps), dtype=wanted)
    y = np.zeros((examples, 1), wanted)
    rows = np.arange(examples)
    for start, end in zip(starts, ends, strict=True):
        places = rng.integers(start, end, size=examples)
        x[rows, places, mark] = 1
        y[:, 0] += wanted.type(share) * x[rows, places, number]
    return x, y


def copying(
    examples: int,
    blanks: int,
    seed: int,
    symbols: int = 8,
    recalled: int = 10,
    dtype: npt.DTypeLike = np.float32,
) -> tuple[Array, Array]:
    """Return `x`, (examples, time, symbols + 2), and labels `y`, (examples, time): say it again.

    `recalled` symbols, then ``blanks - 1`` blanks, a marker, and `recalled` more blanks during
    which the symbols are to be said again in order; before that the answer is "blank". So there are
    ``blanks + 2 recalled`` steps. Inputs are one-hot: blank, the symbols, the marker; label 0 is
    blank, 1 the first symbol. Who remembers nothing has a mean cross-entropy of
    ``recalled ln(symbols) / (blanks + 2 recalled)``: 0.1733 for 100 blanks.

    Hochreiter & Schmidhuber 1997; as Arjovsky, Shah & Bengio 2016 set it up.

    >>> x, y = copying(20, 30, seed=0)
    >>> x.shape, y.shape
    ((20, 50, 10), (20, 50))
    """
    examples, blanks = require_count("examples", examples), require_count("blanks", blanks)
    symbols = require_count("symbols", symbols, least=2)
    recalled = require_count("recalled", recalled)
    steps = blanks + 2 * recalled
    wanted = _room(examples, steps, symbols + 2, dtype)
    said = _generator(seed).integers(1, symbols + 1, size=(examples, recalled))
    shown, y = np.zeros((2, examples, steps), np.int64)
    shown[:, :recalled] = said
    shown[:, recalled + blanks - 1] = symbols + 1
    y[:, -recalled:] = said
    return np.eye(symbols + 2, dtype=wanted)[shown], y


def digit_sequences(
    by: str = "row", permuted: int | None = None, dtype: npt.DTypeLike = np.float32
) -> Split:
    """Return the embedded digits, read one after the other: `x_train, y_train, x_test, y_test`.

    Parameters
    ----------
    by : str
        ``"row"``: 8 steps of 8 pixels, from top to bottom; ``"pixel"``: 64 steps of one, as Le,
        Jaitly & Hinton 2015 read MNIST.
    permuted : int, optional
        A seed: pixels are shuffled, in the same order in all digits, so that what belongs together
        lies far apart.

    Who remembers nothing has a cross-entropy of about ln 10 = 2.303.

    >>> digit_sequences("pixel")[0].shape
    (1500, 64, 1)
    """
    require_name("order", by, ORDERS)
    x_train, y_train, x_test, y_test = digits(dtype)
    order = np.arange(64) if permuted is None else _generator(permuted).permutation(64)
    shape = (-1, 8, 8) if by == "row" else (-1, 64, 1)
    parts = (np.ascontiguousarray(x[:, order]).reshape(shape) for x in (x_train, x_test))
    train, test = parts
    return train, y_train, test, y_test


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(require_seed("seed", seed))


def _room(examples: int, steps: int, features: int, dtype: npt.DTypeLike) -> np.dtype[np.floating]:
    """Return the dtype, or raise where so many sequences do not fit into memory."""
    wanted = check_dtype(dtype)
    memory.require(
        f"{examples:,} sequences of {steps:,} steps", 2 * examples * steps * (8 + features * 4)
    )
    return wanted
