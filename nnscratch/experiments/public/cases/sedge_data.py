"""Data of sedge's cases: curves and sums of small numbers and large ones, tables of many scales."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.data import STANDARD, table
from nnscratch.experiments.public.recipe import Data, Maker

Rng = np.random.Generator

WINE: Final = [
    *[(8.3, 1.7), (0.53, 0.18), (0.27, 0.19), (2.5, 1.4), (0.087, 0.047), (15.9, 10.5)],
    *[(46, 33), (0.9967, 0.0019), (3.3, 0.15), (0.66, 0.17), (10.4, 1.07)],
]
SCALES: Final = [
    *[(0, 1), (500, 200), (1, 0.3), (30000, 9000), (40, 12), (0, 0.01), (3, 2), (70, 20)]
]
NOISY: Final = table(900, STANDARD * 30, 10, noise=0.5)


def even_odd(rng: Rng) -> Data:
    """Return tenths from one to nine: is the number of them even?"""
    q = np.arange(1, 10)
    return Data(q[:, None] / 10, (q % 2 == 0).astype(int))


def products(rng: Rng) -> Data:
    """Return two numbers to five hundred, and what they make."""
    x = rng.uniform(1, 500, (400, 2))
    return Data(x, x[:, :1] * x[:, 1:])


def thousands(rng: Rng) -> Data:
    """Return four rows with a thousand here and there."""
    x = np.array([[0.0, 0], [0, 1], [1000, 0], [1, 1]])
    return Data(x, np.array([[0.0], [1000], [1], [0]]))


def thousands_by_digits(rng: Rng) -> Data:
    """Return the same by the number of digits, answers standardised."""
    d = thousands(rng)
    return Data(np.log10(1 + d.x), (d.y - d.y.mean()) / d.y.std())


def halves(rng: Rng) -> Data:
    """Return fifty numbers to a hundred, and half of each."""
    x = rng.uniform(1, 100, (50, 1))
    return Data(x, x / 2)


def seven_inputs(rng: Rng) -> Data:
    """Return six bits and a share, and thirds of what they weigh."""
    x = (rng.random((120, 7)) < 0.5).astype(float)
    x[:, 6] = rng.random(120)
    v = x @ [0.1, 0.2, 0.15, 0.1, 0.2, 0.15, 0.3]
    return Data(x, np.round(3 * (v - v.min()) / (v.max() - v.min()))[:, None] / 3)


def calculator(rng: Rng) -> Data:
    """Return two numbers to a thousand and one of three signs, and the result."""
    a, b = rng.integers(0, 1000, (2, 3000)).astype(float)
    sign = rng.integers(0, 3, 3000)
    y = np.select([sign == 0, sign == 1], [a + b, a - b], a * b)
    return Data(np.column_stack([a, b, np.eye(3)[sign]]), y[:, None])


def marks(rng: Rng) -> Data:
    """Return four ways to spend hours, and the share of the marks."""
    x = rng.uniform([4, 0, 0, 0], [10, 8, 6, 6], (200, 4))
    v = 10 + x @ [1.5, 3, -1.5, -1]
    return Data(x, np.clip(v, 0, 50)[:, None] / 50)


def sine_to_a_hundred(rng: Rng) -> Data:
    """Return the sine of whole numbers."""
    x = np.arange(100.0)
    return Data(x[:, None], np.sin(x)[:, None])


def sine_to_four(rng: Rng) -> Data:
    """Return the sine of fiftieths."""
    x = np.arange(200.0) / 50
    return Data(x[:, None], np.sin(x)[:, None])


def sums(rng: Rng) -> Data:
    """Return ten shares and their sum, nearly."""
    x = rng.random((1000, 10))
    return Data(x, (x.sum(axis=1) + 0.1 * rng.standard_normal(1000))[:, None])


def turns_of_a_bit(rng: Rng) -> Data:
    """Return seventeen bits, four at a time: did it turn on, off or neither?"""
    bits = np.zeros(20)
    bits[8:13] = 1
    y = np.zeros(17, int)
    y[5], y[10] = 1, 2
    return Data(np.stack([bits[i : i + 4] for i in range(17)])[:, :, None], y)


def four_shares(rng: Rng) -> Data:
    """Return what is seen in sixty-four places, and four shares."""
    x = rng.random((300, 64))
    w = np.random.default_rng(3).standard_normal((64, 4)) / 8
    return Data(x, np.clip(0.5 + 1.2 * (x - 0.5) @ w, 0.05, 0.95))


def far_off(rng: Rng) -> Data:
    """Return twelve columns of forty, and a number that they make."""
    x = 40 + 12 * rng.standard_normal((600, 12))
    z = (x - 40) / 12
    return Data(x, 6 + z @ np.random.default_rng(1).standard_normal((12, 1)) + np.tanh(z[:, :1]))


def negatives(rng: Rng) -> Data:
    """Return nought to five, and what lies on the other side of nought."""
    x = np.arange(6.0)[:, None]
    return Data(x, -x)


def two_more(rng: Rng) -> Data:
    """Return one to twenty-four, and two more of each."""
    x = np.arange(1.0, 25)[:, None]
    return Data(x, x + 2)


def doubles(rng: Rng) -> Data:
    """Return one to ten, and twice as much."""
    x = np.arange(1.0, 11)[:, None]
    return Data(x, 2 * x)


def few_rows(make: Maker, rows: int = 150) -> Maker:
    """Return the first rows, judged by those from the six hundredth on."""

    def made(rng: Rng) -> Data:
        d = make(rng)
        return Data(d.x[:rows], d.y[:rows], (d.x[600:], d.y[600:]))

    return made


def more_rows(make: Maker) -> Maker:
    """Return six hundred rows, judged by the same ones."""
    return few_rows(make, 600)
