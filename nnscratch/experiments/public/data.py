"""Data of the public cases, made up in the described way; each maker returns a function of a
generator of random numbers."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from nnscratch import datasets
from nnscratch.arrays import Array
from nnscratch.experiments.public.recipe import Data, Maker


def truth_table(bits: int, answer: Callable[[Array], Array]) -> Maker:
    """Return all rows of `bits` zeros and ones with what `answer` makes of them."""

    def make(rng: np.random.Generator) -> Data:
        x = np.array(list(itertools.product([0, 1], repeat=bits)))
        return Data(x.astype(float), answer(x))

    return make


XOR = truth_table(2, lambda x: x.sum(axis=1) % 2)
XNOR = truth_table(2, lambda x: 1 - x.sum(axis=1) % 2)


def curve(
    f: Callable[[Array], Array],
    low: float,
    high: float,
    n: int,
    noise: float = 0.0,
    random: bool = False,
) -> Maker:
    """Return `n` points of a function of one number, evenly spaced or at random."""

    def make(rng: np.random.Generator) -> Data:
        x = rng.uniform(low, high, n) if random else np.linspace(low, high, n)
        return Data(x[:, None], (f(x) + noise * rng.standard_normal(n))[:, None])

    return make


def circles(n: int, noise: float, factor: float = 0.8) -> Maker:
    """Return two rings about 0, of radius 1 and `factor`."""

    def make(rng: np.random.Generator) -> Data:
        y = np.arange(n) % 2
        angle = rng.uniform(0, 2 * np.pi, n)
        x = np.where(y, factor, 1.0)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        return Data(x + noise * rng.standard_normal((n, 2)), y)

    return make


def moons(n: int, noise: float) -> Maker:
    """Return two half rings that reach into each other."""

    def make(rng: np.random.Generator) -> Data:
        y = np.arange(n) % 2
        angle = rng.uniform(0, np.pi, n)
        upper = np.column_stack([np.cos(angle), np.sin(angle)])
        x = np.where(y[:, None], [1.0, 0.5] - upper, upper)
        return Data(x + noise * rng.standard_normal((n, 2)), y)

    return make


def spirals(n: int, classes: int, noise: float = 0.2) -> Maker:
    """Return arms that wind about 0, inside the unit disc."""

    def make(rng: np.random.Generator) -> Data:
        y = np.arange(n) % classes
        radius = rng.uniform(0, 1, n)
        angle = 4 * (y + radius) + noise * rng.standard_normal(n)
        return Data(radius[:, None] * np.column_stack([np.sin(angle), np.cos(angle)]), y)

    return make


def blobs(n: int, classes: int, features: int = 2, spread: float = 1.0, box: float = 10.0) -> Maker:
    """Return Gaussian clouds with centres drawn from a box of half width `box`."""

    def make(rng: np.random.Generator) -> Data:
        y = np.arange(n) % classes
        centres = rng.uniform(-box, box, (classes, features))
        return Data(centres[y] + spread * rng.standard_normal((n, features)), y)

    return make


@functools.cache
def _digits() -> tuple[Array, Array]:
    x, y, _, _ = datasets.digits()
    return x, y


def digits(
    top: float = 1.0, n: int = 1500, only: Sequence[int] | None = None, large: bool = True
) -> Maker:
    """Return the shipped digits with pixels from 0 to `top`, enlarged to 28 x 28 as MNIST's are.

    only : two digits or more, which become the classes 0, 1, ...
    """

    def make(rng: np.random.Generator) -> Data:
        x, y = _digits()
        if only is not None:
            kept = np.isin(y, only)
            x, y = x[kept], np.searchsorted(np.sort(np.array(only)), y[kept])
        x, y = x[:n], y[:n]
        if large:
            image = np.kron(x.reshape(-1, 8, 8), np.ones((1, 3, 3)))
            x = np.pad(image, ((0, 0), (2, 2), (2, 2))).reshape(len(x), 784)
        return Data(top * x, y)

    return make


# Means and deviations of Fisher's three irises: sepal length and width, petal length and width.
_IRIS = np.array(
    [
        [[5.006, 3.428, 1.462, 0.246], [0.352, 0.379, 0.174, 0.105]],
        [[5.936, 2.770, 4.260, 1.326], [0.516, 0.314, 0.470, 0.198]],
        [[6.588, 2.974, 5.552, 2.026], [0.636, 0.322, 0.552, 0.275]],
    ]
)


def iris(rng: np.random.Generator) -> Data:
    """Return 150 flowers drawn with the means and deviations of Fisher's irises."""
    y = np.repeat([0, 1, 2], 50)
    size = rng.standard_normal((150, 1))  # of the flower: large ones are large in everything
    z = 0.7 * size + np.sqrt(1 - 0.49) * rng.standard_normal((150, 4))
    return Data(_IRIS[y, 0] + _IRIS[y, 1] * z, y)


def table(
    n: int,
    scales: Sequence[tuple[float, float]],
    target: tuple[float, float] | int,
    noise: float = 0.1,
    held_out: int = 0,
) -> Maker:
    """Return a table of columns with the given means and deviations.

    target : (mean, deviation) of one number to be predicted, a smooth function of the columns; or
        how many classes of equal size that number is cut into.
    held_out : how many of the `n` rows are kept for judging.
    """

    def make(rng: np.random.Generator) -> Data:
        mean, deviation = np.array(scales).T
        z = rng.standard_normal((n, len(scales)))
        value = z @ rng.choice([-1, 1], len(scales)) / np.sqrt(len(scales)) + 0.5 * np.tanh(z[:, 0])
        value = value + noise * rng.standard_normal(n)
        x, kept = mean + deviation * z, n - held_out
        if isinstance(target, int):
            y = np.searchsorted(np.quantile(value, np.arange(1, target) / target), value)
        else:
            y = (target[0] + target[1] * (value - value.mean()) / value.std())[:, None]
        return Data(x[:kept], y[:kept], (x[kept:], y[kept:]) if held_out else None)

    return make


STANDARD: list[tuple[float, float]] = [(0.0, 1.0)]  # times the number of columns
# The means and deviations of Boston's table of 1978: 13 columns, and prices in thousands.
_BOSTON = [
    *[(3.6, 8.6), (11.4, 23.3), (11.1, 6.9), (0.07, 0.25), (0.55, 0.12), (6.3, 0.7), (68.6, 28.1)],
    *[(3.8, 2.1), (9.5, 8.7), (408, 168), (18.5, 2.2), (357, 91), (12.7, 7.1)],
]
BOSTON = table(404, _BOSTON, (22.5, 9.2))


def words(
    n: int, vocabulary: int, topics: int, length: int = 60, tilt: float = 1.0, held_out: int = 0
) -> Maker:
    """Return texts as zeros and ones, word present or not, whose topics prefer other words."""

    def make(rng: np.random.Generator) -> Data:
        common = 1 / np.arange(2, vocabulary + 2)  # Zipf
        often = common * np.exp(tilt * rng.standard_normal((topics, vocabulary)))
        chance = 1 - np.exp(-length * often / often.sum(axis=1, keepdims=True))
        y = rng.integers(0, topics, n)
        x, kept = (rng.random((n, vocabulary)) < chance[y]).astype(float), n - held_out
        return Data(x[:kept], y[:kept], (x[kept:], y[kept:]) if held_out else None)

    return make


def standard(make: Maker, what: str = "x") -> Maker:
    """Return the data with inputs ("x"), targets ("y") or both ("xy") of mean 0, deviation 1."""

    def scaled(old: Array, by: Array) -> Array:
        return (old - by.mean(axis=0)) / (by.std(axis=0) + 1e-8)

    def made(rng: np.random.Generator) -> Data:
        d = make(rng)
        held = d.held_out
        if "x" in what:
            held = held and (scaled(held[0], d.x), held[1])
        if "y" in what:
            held = held and (held[0], scaled(held[1], d.y))
        x, y = (scaled(v, v) if k in what else v for k, v in (("x", d.x), ("y", d.y)))
        return Data(x, y, held)

    return made


def changed(make: Maker, how: Callable[[Data, np.random.Generator], Data]) -> Maker:
    """Return the data as `how` changes them."""
    return lambda rng: how(make(rng), rng)
