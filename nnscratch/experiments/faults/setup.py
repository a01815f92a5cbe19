"""What a labelled run is, and the draws its networks and data are made from."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from nnscratch import datasets, layers
from nnscratch.arrays import Array
from nnscratch.initializers import Initializer
from nnscratch.losses import MeanSquaredError, SoftmaxCrossEntropy
from nnscratch.network.model import Sequential
from nnscratch.network.nodes import LossFunction
from nnscratch.optimizers import Optimizer
from nnscratch.training import Callback

STEPS = 150
InitLike = str | Initializer


@dataclass(frozen=True)
class Setup:
    """One run, ready to be made: a model, its optimizer and its data."""

    model: Sequential
    optimizer: Optimizer
    loss: LossFunction
    x: Array
    y: Array
    batch_size: int
    callbacks: tuple[Callback, ...] = ()
    validation: tuple[Array, Array] | None = None
    truncate: int | None = None


@dataclass(frozen=True)
class Case:
    """A labelled run.

    Attributes
    ----------
    name, description : str
    cause : frozenset of str
        Kinds of finding of which one must come first; empty for a healthy run.
    shows : frozenset of str
        Kinds of which one at least must be found too; empty where nothing need be.
    also : frozenset of str
        Kinds that may stand by themselves besides, and are no false alarm.
    build : callable
        From a `Draw` to the run.
    steps : int
    held_out : bool
        Whether no threshold was chosen on it.
    """

    name: str
    description: str
    cause: frozenset[str]
    shows: frozenset[str]
    also: frozenset[str]
    build: Callable[[Draw], Setup]
    steps: int = STEPS
    held_out: bool = False

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.cause

    @property
    def expected(self) -> frozenset[str]:
        """Kinds that tell the fault."""
        return self.cause | self.shows

    @property
    def allowed(self) -> frozenset[str]:
        """Kinds that may stand by themselves; that a short run may go on is always right."""
        return self.expected | self.also | {"too few steps"}

    def make(self, seed: int) -> Setup:
        """Return the run of one seed, which decides depth, width, data and weights."""
        return self.build(Draw(self.name, seed))


@dataclass
class Draw:
    """Depth, width and data of one run, drawn from the name of its case and a seed."""

    name: str
    seed: int
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([zlib.crc32(self.name.encode()), self.seed])

    def pick(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        return int(self.rng.integers(low, high + 1))

    def classes(self, only: str | None = None) -> tuple[Array, Array]:
        """Return examples and labels: digits, blobs or spirals; of the name given others too."""
        name = only or ("digits", "blobs", "spirals")[self.pick(0, 2)]
        return _digits() if name == "digits" else _MADE[name](self.rng)

    def waves(self) -> tuple[Array, Array]:
        """Return inputs and targets of a smooth function, both of mean 0 and deviation 1."""
        x = self.rng.standard_normal((600, 8))
        mix = self.rng.standard_normal((8, 3)) / 2
        y = np.sin(x @ mix) + 0.1 * self.rng.standard_normal((600, 3))
        return x.astype(np.float32), ((y - y.mean(0)) / y.std(0)).astype(np.float32)

    def bends(self) -> tuple[Array, Array]:
        """Return inputs and two targets that bend in some of them, as in Friedman's first."""
        x = self.rng.random((600, 6))
        y = np.column_stack(
            [
                np.sin(np.pi * x[:, 0] * x[:, 1]) + 2 * (x[:, 2] - 0.5) ** 2 + 0.5 * x[:, 3],
                x[:, 4] - np.abs(x[:, 5] - 0.5),
            ]
        )
        x, y = (x - x.mean(0)) / x.std(0), (y - y.mean(0)) / y.std(0)
        return x.astype(np.float32), (y + 0.1 * self.rng.standard_normal(y.shape)).astype(
            np.float32
        )

    def network(
        self,
        features: int,
        outputs: int,
        activation: str,
        init: InitLike,
        depth: tuple[int, int],
        *,
        bias: InitLike = "zeros",
        norm: bool | float = False,
        dropout: float = 0.0,
        odd: dict[int, InitLike] | None = None,
        odd_bias: dict[int, InitLike] | None = None,
        last: InitLike = "lecun_normal",
        end: layers.Layer | None = None,
        **options: float,
    ) -> Sequential:
        """Return a network of a drawn depth and width.

        norm : batch norm after each hidden dense layer; a number is its momentum.
        odd, odd_bias : other initializers for some hidden layers (0 is the first).
        end : behind the last layer of weights
        """
        width = (32, 48, 64)[self.pick(0, 2)]
        parts: list[layers.Layer] = []
        n_in = features
        for i in range(self.pick(*depth)):
            weights, biases = (odd or {}).get(i, init), (odd_bias or {}).get(i, bias)
            parts.append(layers.Dense(n_in, width, init=weights, bias_init=biases))
            if norm:
                parts.append(layers.BatchNorm(width, momentum=0.9 if norm is True else norm))
            parts.append(layers.activation(activation, **options))
            if dropout:
                parts.append(layers.Dropout(dropout))
            n_in = width
        parts.append(layers.Dense(n_in, outputs, init=last))
        parts += [] if end is None else [end]
        return Sequential(*parts, seed=self.pick(0, 2**31))

    def of(
        self,
        features: int,
        hidden: Sequence[tuple[int, layers.Layer]],
        outputs: int,
        init: InitLike,
    ) -> Sequential:
        """Return a network of these hidden layers: their widths, and what follows each."""
        parts: list[layers.Layer] = []
        for width, activation in hidden:
            parts += [layers.Dense(features, width, init=init), activation]
            features = width
        parts.append(layers.Dense(features, outputs))
        return Sequential(*parts, seed=self.pick(0, 2**31))

    def classifier(
        self,
        activation: str,
        init: InitLike,
        depth: tuple[int, int],
        optimizer: Optimizer,
        *,
        data: str | tuple[Array, Array] | None = None,
        batch_size: int = 32,
        callbacks: tuple[Callback, ...] = (),
        **options: object,
    ) -> Setup:
        """Return a run with softmax cross-entropy."""
        x, y = data if isinstance(data, tuple) else self.classes(data)
        outputs = int(y.max()) + 1
        model = self.network(x.shape[1], outputs, activation, init, depth, **options)  # type: ignore[arg-type]
        return Setup(model, optimizer, SoftmaxCrossEntropy(), x, y, batch_size, callbacks)

    def yes_or_no(
        self,
        activation: str,
        init: InitLike,
        depth: tuple[int, int],
        optimizer: Optimizer,
        end: layers.Layer,
        loss: LossFunction,
        data: str = "blobs",
    ) -> Setup:
        """Return a run with one output for two classes."""
        x, y = self.classes(data)
        model = self.network(x.shape[1], 1, activation, init, depth, end=end)
        return Setup(model, optimizer, loss, x, (y % 2)[:, None].astype(np.float32), 32)

    def regression(
        self,
        activation: str,
        init: InitLike,
        depth: tuple[int, int],
        optimizer: Optimizer,
        *,
        scale: float = 1.0,
        offset: float = 0.0,
        data: tuple[Array, Array] | None = None,
        **options: object,
    ) -> Setup:
        """Return a run with the mean squared error, on targets ``offset + scale * y``."""
        x, y = data or self.waves()
        y = (offset + scale * y).astype(np.float32)
        model = self.network(x.shape[1], y.shape[1], activation, init, depth, **options)  # type: ignore[arg-type]
        return Setup(model, optimizer, MeanSquaredError(), x, y, 32)


@functools.cache
def _digits() -> tuple[Array, Array]:
    x, y, _, _ = datasets.digits()
    return x, y


def _blobs(rng: np.random.Generator) -> tuple[Array, Array]:
    """Five overlapping Gaussian clouds in 10 dimensions."""
    y = rng.integers(0, 5, 600)
    x = rng.standard_normal((600, 10)) + 1.2 * rng.standard_normal((5, 10))[y]
    return (x / x.std()).astype(np.float32), y


def _spirals(rng: np.random.Generator) -> tuple[Array, Array]:
    """Three spirals in the plane."""
    y = rng.integers(0, 3, 600)
    radius = rng.uniform(0.1, 1.0, 600)
    angle = 4.0 * radius + 2 * np.pi / 3 * y + 0.1 * rng.standard_normal(600)
    x = 2 * radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return x.astype(np.float32), y


def _quadrants(rng: np.random.Generator) -> tuple[Array, Array]:
    """Points of the plane by the product of their signs: no line tells them apart."""
    x = rng.uniform(-1.7, 1.7, (600, 2))
    return x.astype(np.float32), (x[:, 0] * x[:, 1] > 0).astype(np.int64)


def _moons(rng: np.random.Generator) -> tuple[Array, Array]:
    """Two half circles, one inside the other's bend."""
    y = rng.integers(0, 2, 600)
    angle = np.pi * rng.random(600)
    x = np.column_stack([np.cos(angle), np.sin(angle)]) * np.where(y, -1, 1)[:, None]
    x += np.where(y, 1, 0)[:, None] * np.array([1.0, 0.5]) + 0.1 * rng.standard_normal((600, 2))
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32), y


_MADE = {"blobs": _blobs, "spirals": _spirals, "quadrants": _quadrants, "moons": _moons}
