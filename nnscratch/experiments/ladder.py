"""The ladder: one deep network under each remedy that the post tries, one after the other.

Every rung trains the same layers on the same data in the same order; only what the rung is about
differs. All are trained by plain gradient descent with the same learning rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nnscratch import layers
from nnscratch.arrays import Array
from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.errors import require_count
from nnscratch.experiments.rungs import chosen
from nnscratch.flow import GradientFlow, Reading
from nnscratch.flow.records import Record
from nnscratch.initializers import Initializer, VarianceScaling
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.network.blocks import Residual
from nnscratch.network.model import Sequential
from nnscratch.optimizers import SGD
from nnscratch.training import Callback, History, Trainer
from nnscratch_records import memory

Data = tuple[Array, Array, Array, Array]

# Weights with twice the standard deviation of He's: each ReLU layer doubles the signal on the way
# up and the gradient on the way down.
_OBJECTS = 20_000  # bytes of a layer besides its weights and their gradients

TOO_LARGE = VarianceScaling(scale=8.0, mode="fan_in", distribution="normal")


@dataclass(frozen=True)
class Rung:
    """One configuration of the ladder.

    Attributes
    ----------
    name : str
        Short, for the command line and file names.
    label : str
        For tables and plots.
    activation : str
    init : name or Initializer
        Of the weights; biases start at zero.
    max_norm : float or None
        Clip the gradient to this global norm.
    norm : name or None
        A norm of `NORMS` between each hidden dense layer and its activation; in residual networks
        at the start of each branch and before the last layer.
    residual : float or None
        The scale of residual blocks: then a dense layer is followed by blocks of an activation and
        a dense layer, as many as there are hidden layers beyond the first.
    """

    name: str
    label: str
    activation: str
    init: str | Initializer
    max_norm: float | None = None
    norm: str | None = None
    residual: float | None = None


NORMS: dict[str, type[layers.BatchNorm | layers.LayerNorm | layers.RMSNorm]] = {
    "batch": layers.BatchNorm,
    "layer": layers.LayerNorm,
    "rms": layers.RMSNorm,
}

LADDER = (
    Rung("sigmoid-normal", "sigmoid, N(0,1)", "sigmoid", "normal"),
    Rung("sigmoid-glorot", "sigmoid, Glorot", "sigmoid", "glorot_normal"),
    Rung("tanh-glorot", "tanh, Glorot", "tanh", "glorot_normal"),
    Rung("relu-he", "ReLU, He", "relu", "he_normal"),
    Rung("leaky-relu-he", "leaky ReLU, He", "leaky_relu", "he_normal"),
    Rung("elu-he", "ELU, He", "elu", "he_normal"),
    Rung("elu-he-batchnorm", "ELU, He, batch norm", "elu", "he_normal", norm="batch"),
    Rung("relu-exploding", "ReLU, 2 x He", "relu", TOO_LARGE),
    Rung("relu-exploding-clipped", "ReLU, 2 x He, clipped", "relu", TOO_LARGE, max_norm=1.0),
)


@dataclass(frozen=True)
class Settings:
    """What all rungs share: depth hidden layers of `width` units, and how they are trained."""

    depth: int = 10
    width: int = 100
    epochs: int = 20
    batch_size: int = 50
    lr: float = 0.02
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a rung gave."""

    rung: Rung
    accuracy: float
    reading: Reading
    record: Record
    history: History


def select(names: list[str] | None) -> tuple[Rung, ...]:
    """Return the rungs called `names` (None: all), in the ladder's order."""
    return chosen(LADDER, names)


def require_memory(features: int, classes: int, settings: Settings, batch: int = 0) -> None:
    """Raise `TooLargeError` if no network of such a size fits into memory.

    batch : how many examples it is trained on at a time: of each every dense layer and activation
        keeps what it gives and what it hands back
    """
    inner = settings.width * (settings.width + 1)
    numbers = settings.depth * inner + settings.width * (features - settings.width + classes)
    kept = 4 * batch * settings.depth * settings.width
    memory.require(
        f"training, {batch:,} examples at a time, " * (batch > 0)
        + f"a network of {settings.depth:,} hidden layers x {settings.width:,}",
        4 * (2 * numbers + kept) + _OBJECTS * settings.depth,
    )


def build(rung: Rung, features: int, classes: int, settings: Settings) -> Sequential:
    """Return the network of `rung`: `depth` hidden layers and a dense layer for the logits."""
    for name in ("depth", "width"):
        require_count(name, getattr(settings, name), most=math.inf)
    require_memory(features, classes, settings)
    norm = () if rung.norm is None else (NORMS[rung.norm],)
    width = settings.width

    def dense(n_in: int, n_out: int = width) -> layers.Dense:
        return layers.Dense(n_in, n_out, init=rung.init)

    def between() -> list[layers.Layer]:
        return [*(make(width) for make in norm), layers.activation(rung.activation)]

    parts: list[layers.Layer | Residual] = [dense(features)]
    for _ in range(settings.depth - 1):
        if rung.residual is None:
            parts += [*between(), dense(width)]
        else:
            parts.append(Residual(*between(), dense(width), scale=rung.residual))
    parts += between() if rung.residual is None else [make(width) for make in norm]
    return Sequential(*parts, dense(width, classes), seed=settings.seed)


def climb(
    rung: Rung,
    data: Data,
    settings: Settings,
    callbacks: tuple[Callback, ...] = (),
) -> Outcome:
    """Train the network of `rung` on `data` and return what came of it."""
    x_train, y_train, x_test, y_test = data
    model = build(rung, x_train.shape[1], int(y_train.max()) + 1, settings)
    clip = ClipByGlobalNorm(rung.max_norm) if rung.max_norm is not None else None
    trainer = Trainer(model, SoftmaxCrossEntropy(), SGD(lr=settings.lr, clip=clip))
    flow = GradientFlow(model, label=rung.label)
    history = trainer.fit(
        x_train,
        y_train,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        callbacks=(flow, *callbacks),
        progress=False,
        seed=settings.seed,
    )
    _, accuracy = trainer.evaluate(x_test, y_test)
    assert accuracy is not None
    return Outcome(rung, accuracy, flow.reading(), flow.to_dict(), history)
