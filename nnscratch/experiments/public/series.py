"""Sequences for recurrent networks, made up: prices, waves, words, gauges, letters, pictures."""

from __future__ import annotations

import numpy as np

from nnscratch.experiments.public.data import digits
from nnscratch.experiments.public.recipe import Data, Maker


def prices(n: int, window: int, start: float, spread: float, volume: float = 0.0) -> Maker:
    """Return windows of a price that wanders about `start`, and the price that comes next.

    volume : a second column of about this size, how much was traded
    """

    def make(rng: np.random.Generator) -> Data:
        steps = rng.standard_normal(n + window)
        value = np.zeros(n + window)
        for i in range(1, n + window):
            value[i] = 0.98 * value[i - 1] + steps[i]
        value = start + spread * value / value.std()
        columns = [value]
        if volume:
            columns.append(volume * np.exp(0.4 * rng.standard_normal(n + window)))
        table = np.stack(columns, axis=1)
        x = np.stack([table[i : i + window] for i in range(n)])
        return Data(x, value[window : window + n, None])

    return make


def waves(n: int, window: int, noise: float = 0.05) -> Maker:
    """Return windows of a sum of two waves, and what comes next."""

    def make(rng: np.random.Generator) -> Data:
        t = np.arange(n + window)
        value = np.sin(t / 4) + 0.5 * np.sin(t / 9) + noise * rng.standard_normal(n + window)
        x = np.stack([value[i : i + window, None] for i in range(n)])
        return Data(x, value[window : window + n, None])

    return make


def first_sign(n: int, window: int) -> Maker:
    """Return noise with a mark at the first step: was it positive?"""

    def make(rng: np.random.Generator) -> Data:
        x = 0.3 * rng.standard_normal((n, window, 1))
        y = rng.integers(0, 2, n)
        x[:, 0, 0] = 2.0 * y - 1
        return Data(x, y)

    return make


def opinions(n: int, window: int, letters: int = 12) -> Maker:
    """Return texts as rows of one word of `letters` each: are there more of the first half?"""

    def make(rng: np.random.Generator) -> Data:
        y = rng.integers(0, 2, n)
        weight = np.where(np.arange(letters) < letters // 2, 1.0, 0.0)
        chance = np.where(y[:, None] == 1, 1 + weight, 2 - weight)
        chance = chance / chance.sum(axis=1, keepdims=True)
        word = np.array([rng.choice(letters, window, p=p) for p in chance])
        return Data(np.eye(letters)[word], y)

    return make


def engines(n: int, window: int) -> Maker:
    """Return readings of five gauges of engines, as they are, and how many flights are left."""

    def make(rng: np.random.Generator) -> Data:
        left = rng.uniform(0, 130, n)
        worn = np.exp(-(left[:, None] + np.arange(window)[::-1]) / 60)
        mean = np.array([642.0, 1590.0, 1408.0, 9060.0, 47.5])
        rise = np.array([1.5, 20.0, 30.0, 60.0, 0.6])
        noise = 0.3 * rng.standard_normal((n, window, 5))
        return Data(mean + rise * (worn[:, :, None] + noise), left[:, None])

    return make


def languages(n: int, window: int, letters: int = 26, kinds: int = 5) -> Maker:
    """Return names, a row for each letter, of languages that prefer other letters."""

    def make(rng: np.random.Generator) -> Data:
        often = np.exp(1.2 * rng.standard_normal((kinds, letters)))
        y = rng.integers(0, kinds, n)
        chance = often / often.sum(axis=1, keepdims=True)
        letter = np.array([rng.choice(letters, window, p=chance[k]) for k in y])
        return Data(np.eye(letters)[letter], y)

    return make


def rows(n: int = 1500) -> Maker:
    """Return the digits as eight rows that are read one after another."""

    def make(rng: np.random.Generator) -> Data:
        d = digits(n=n, large=False)(rng)
        return Data(d.x.reshape(-1, 8, 8), d.y)

    return make


def storms(n: int, window: int) -> Maker:
    """Return where storms were, how strong, on which day, and how far north they are next."""

    def make(rng: np.random.Generator) -> Data:
        way = np.cumsum(rng.normal(0.5, 0.3, (2, n, window + 1)), axis=2)
        north, west = rng.normal(25, 8, (n, 1)) + way[0], -rng.normal(70, 15, (n, 1)) - way[1]
        wind = rng.normal(60, 25, (n, window + 1))
        pressure = 1010 - 0.5 * wind + rng.normal(0, 3, wind.shape)
        day = np.repeat(rng.normal(240, 30, (n, 1)), window + 1, axis=1)
        x = np.stack([north, west, wind, pressure, day], axis=2)
        return Data(x[:, :window], north[:, window:])

    return make


def letters(n: int, window: int, kinds: int = 26) -> Maker:
    """Return windows of a text, a row for each letter, and the letter that comes next.

    Each letter has three that often follow it.
    """

    def make(rng: np.random.Generator) -> Data:
        chance = np.full((kinds, kinds), 0.1 / kinds)
        for row in chance:
            row[rng.choice(kinds, 3, replace=False)] += [0.6, 0.2, 0.1]
        text = [0]
        for _ in range(n + window):
            text.append(int(rng.choice(kinds, p=chance[text[-1]])))
        y = np.array(text[window : window + n])
        return Data(np.eye(kinds)[[text[i : i + window] for i in range(n)]], y)

    return make


def flat(make: Maker) -> Maker:
    """Return sequences as rows of one width, their steps side by side."""

    def made(rng: np.random.Generator) -> Data:
        d = make(rng)
        return Data(d.x.reshape(len(d.x), -1), d.y)

    return made


def two_marked(n: int, window: int) -> Maker:
    """Return numbers, two of them marked, one in each half, and their sum (the adding problem)."""

    def make(rng: np.random.Generator) -> Data:
        x = np.zeros((n, window, 2))
        x[:, :, 0] = rng.random((n, window))
        for low, high in ((0, window // 2), (window // 2, window)):
            x[np.arange(n), rng.integers(low, high, n), 1] = 1.0
        return Data(x, (x[:, :, 0] * x[:, :, 1]).sum(axis=1, keepdims=True))

    return make


def word_numbers(n: int, window: int, top: float) -> Maker:
    """Return the numbers of words, to `top`: are there more of the frequent ones?"""

    def make(rng: np.random.Generator) -> Data:
        y = rng.integers(0, 2, n)
        power = np.where(y == 1, 1.5, 0.7)[:, None]
        return Data(top * rng.random((n, window, 1)) ** power[:, :, None], y)

    return make
