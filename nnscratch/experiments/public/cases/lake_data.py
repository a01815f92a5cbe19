"""Data of lake's cases: labels that went astray, inputs that lost what they said, curves, lines."""

from __future__ import annotations

import numpy as np

from nnscratch.experiments.public.data import curve, table
from nnscratch.experiments.public.recipe import Data, Maker
from nnscratch.experiments.public.series import letters


def first_only(d: Data, rng: np.random.Generator) -> Data:
    """Return every label as the first, judged by rows with their own."""
    return Data(d.x, np.zeros_like(d.y), d.held_out)


def without_the_first(d: Data, rng: np.random.Generator) -> Data:
    """Return the rows of all labels but the first, judged by rows of all of them."""
    return Data(d.x[d.y > 0], d.y[d.y > 0], d.held_out)


def few(make: Maker, rows: int) -> Maker:
    """Return the first rows alone, judged as before."""

    def made(rng: np.random.Generator) -> Data:
        d = make(rng)
        return Data(d.x[:rows], d.y[:rows], d.held_out)

    return made


def whole_numbers(d: Data, rng: np.random.Generator) -> Data:
    """Return inputs without what comes after the point."""
    return Data(np.trunc(d.x), d.y)


def inputs_shuffled(d: Data, rng: np.random.Generator) -> Data:
    """Return the inputs in another order than what belongs to them, judged by rows in order."""
    return Data(rng.permutation(d.x), d.y, d.held_out)


def last_letter(rows: int, kinds: int = 26) -> Maker:
    """Return one letter of a text, and the letter that comes next."""

    def make(rng: np.random.Generator) -> Data:
        d = letters(rows, 1, kinds)(rng)
        return Data(d.x[:, 0], d.y)

    return make


def couplets(rows: int, window: int = 8, kinds: int = 16) -> Maker:
    """Return so many windows of a text with what comes next, judged by four hundred of them."""

    def make(rng: np.random.Generator) -> Data:
        d = letters(4400, window, kinds)(rng)
        return Data(d.x[:rows], d.y[:rows], (d.x[4000:], d.y[4000:]))

    return make


def boxes(wrong: bool) -> Maker:
    """Return what is seen of a box, and where its centre is: across and down, from 0 to 1.

    wrong : where the centre is told from the other corner in two of three rows
    """

    def make(rng: np.random.Generator) -> Data:
        centre = rng.uniform(0, 1, (1100, 2))
        seen = (centre - 0.5) @ rng.standard_normal((2, 16)) + 0.1 * rng.standard_normal((1100, 16))
        told = centre.copy()
        if wrong:
            turned = rng.random(1100) < 2 / 3
            told[turned] = 1 - told[turned]
        return Data(seen[300:], told[300:], (seen[:300], centre[:300]))

    return make


def corners(rng: np.random.Generator) -> Data:
    """Return features that are never negative, and the four corners of a box, from 0 to 1."""
    where = rng.uniform(0.2, 0.8, (800, 2))
    size = rng.uniform(0.1, 0.4, (800, 2)) / 2
    cause = np.concatenate([where - 0.5, size - 0.125], axis=1)
    seen = np.maximum(0, cause @ rng.standard_normal((4, 32)) * 2)
    return Data(seen, np.concatenate([where - size, where + size], axis=1))


def distances(rng: np.random.Generator) -> Data:
    """Return points of a square, and how far they are from its middle."""
    x = rng.uniform(-2, 2, (800, 2))
    return Data(x, np.hypot(x[:, :1], x[:, 1:]))


def water_on_a_grid(rng: np.random.Generator) -> Data:
    """Return places to 3000 and times to 400, and a wave that travels through them."""
    place, time = rng.uniform(0, 3000, 900), rng.uniform(0, 400, 900)
    height = np.sin(place / 600 - time / 100) * np.exp(-time / 600)
    return Data(np.column_stack([place, time]), height[:, None])


def counts(rng: np.random.Generator) -> Data:
    """Return twelve columns and a count that grows with the exponential of two of them."""
    x = rng.standard_normal((900, 12))
    return Data(x, np.round(np.exp(3 + 0.8 * x[:, :1] - 0.6 * x[:, 1:2])))


def wobbling(rng: np.random.Generator) -> Data:
    """Return four readings of a pole, nearly all within one of 0, and how soon it falls."""
    x = rng.standard_normal((900, 4)) * [0.5, 0.6, 0.12, 0.6]
    value = 1.5 * x[:, 0] + x[:, 1] + 8 * x[:, 2] + x[:, 3]
    return Data(x, np.tanh(value)[:, None])


def census(rng: np.random.Generator) -> Data:
    """Return eight things known of people, and how many each of them stands for: who earns?"""
    x = rng.standard_normal((900, 9))
    value = x[:, :8] @ rng.choice([-1, 1], 8) + 0.5 * np.tanh(2 * x[:, 0])
    x[:, 8] = 190000 + 60000 * x[:, 8]
    return Data(x, (value > np.median(value)).astype(int))


def rectified(rng: np.random.Generator) -> Data:
    """Return numbers, and the same with nought for all below it."""
    x = rng.standard_normal((800, 1))
    return Data(x, np.maximum(0, x))


def summands(rng: np.random.Generator) -> Data:
    """Return two numbers from 0 to 1, and their sum."""
    x = rng.random((1000, 2))
    return Data(x, x.sum(axis=1, keepdims=True))


SINE = curve(np.sin, -np.pi, np.pi, 200, noise=0.05, random=True)
ROOMY = table(900, [(0, 1)] * 14, 2)
