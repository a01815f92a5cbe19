"""The ladder of recurrent networks: one memory task under each remedy, one after the other.

Every rung reads the same sequences of the temporal order task in the same order, and is trained by
plain gradient descent with the same learning rate; only what the rung is about differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nnscratch import datasets
from nnscratch.arrays import Array
from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.errors import ConfigError
from nnscratch.experiments import order
from nnscratch.experiments.rungs import chosen
from nnscratch.flow import GradientFlow
from nnscratch.flow.records import Record
from nnscratch.initializers import Initializer, VarianceScaling
from nnscratch.layers import GRU, LSTM, RNN, Layer
from nnscratch.network.model import Sequential
from nnscratch.optimizers import SGD
from nnscratch.theory import TimePrediction, critical_scale, predict
from nnscratch.training import Callback
from nnscratch_records import memory

_SHOWN = 64  # sequences on which the gradient is measured before training


@dataclass(frozen=True)
class Rung:
    """One configuration of the ladder.

    Attributes
    ----------
    name : str
        Short, for the command line and file names.
    label : str
        For tables and plots.
    kind : str
        ``"rnn"``, ``"lstm"`` or ``"gru"``.
    weights : str
        ``"pytorch"``: everything as PyTorch draws it; ``"critical"``: recurrent weights of the
        variance at which theory expects the gradient to keep its size; else their initializer.
    forget_bias : float
        Of an LSTM.
    max_norm : float or None
        Clip the gradient to this global norm.
    """

    name: str
    label: str
    kind: str
    weights: str = "orthogonal"
    forget_bias: float = 0.0
    max_norm: float | None = None


LADDER = (
    Rung("tanh-default", "tanh, as PyTorch draws it", "rnn", "pytorch"),
    Rung("tanh-critical", "tanh, critical weights", "rnn", "critical"),
    Rung("tanh-orthogonal", "tanh, orthogonal", "rnn"),
    Rung("tanh-orthogonal-clipped", "tanh, orthogonal, clipped", "rnn", max_norm=1.0),
    Rung("lstm-forget-0", "LSTM, forget bias 0", "lstm", forget_bias=0.0),
    Rung("lstm-forget-1", "LSTM, forget bias 1", "lstm", forget_bias=1.0),
    Rung("lstm-forget-2", "LSTM, forget bias 2", "lstm", forget_bias=2.0),
    Rung("gru", "GRU", "gru"),
)


@dataclass(frozen=True)
class Settings:
    """What all rungs share."""

    length: int = 30
    width: int = 50
    updates: int = 2000
    lr: float = 0.1
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a rung gave."""

    rung: Rung
    prediction: TimePrediction
    learned: order.Learned
    record: Record


def select(names: Sequence[str] | None) -> tuple[Rung, ...]:
    """Return the rungs called `names` (None: all), in the ladder's order."""
    return chosen(LADDER, names)


def require_memory(settings: Settings) -> None:
    """Raise `TooLargeError` if no network of such a size, or its states, fit into memory."""
    width, length = settings.width, settings.length
    memory.require(
        f"a recurrent network of {width:,} units over {length:,} steps",
        2 * 4 * width * (width + order.SYMBOLS + order.BATCH * length),
    )


def build(rung: Rung, settings: Settings) -> Sequential:
    """Return the network of `rung`: one recurrent layer, and a dense one on its last state."""
    return order.network(_layer(rung, settings), settings.seed)


def optimizer(rung: Rung, settings: Settings) -> SGD:
    """Return what `rung` is trained by."""
    clip = None if rung.max_norm is None else ClipByGlobalNorm(rung.max_norm)
    return SGD(lr=settings.lr, clip=clip)


def _layer(rung: Rung, settings: Settings) -> Layer:
    sizes = order.SYMBOLS, settings.width
    if rung.kind == "lstm":
        return LSTM(*sizes, forget_bias=rung.forget_bias, recurrent_init=rung.weights)
    if rung.kind == "gru":
        return GRU(*sizes, recurrent_init=rung.weights)
    if rung.weights == "pytorch":
        return RNN(*sizes, defaults="pytorch")
    return RNN(
        *sizes, recurrent_init=_critical(sizes) if rung.weights == "critical" else rung.weights
    )


def _critical(sizes: tuple[int, int]) -> Initializer:
    """Return weights that keep the gradient; one symbol of six is 1, so that the input adds the
    variance of one of Glorot's weights at each step."""
    scale = critical_scale("tanh", 2 / sum(sizes))
    assert scale is not None
    return VarianceScaling(scale, "fan_in")


def foresee(rung: Rung, settings: Settings) -> TimePrediction:
    """Return what theory expects of a rung before its first step, and what is measured then."""
    found = predict(build(rung, settings), sequences(settings))
    assert isinstance(found, TimePrediction)
    return found


def sequences(settings: Settings) -> Array:
    """Return a few of the task's sequences. Raises `ConfigError` for a length it has not."""
    if settings.length < 10:
        raise ConfigError(f"length must be at least 10 for two symbols, got {settings.length}")
    x, _ = datasets.temporal_order(_SHOWN, settings.length, settings.seed)
    return x


def climb(rung: Rung, settings: Settings, callbacks: Sequence[Callback] = ()) -> Outcome:
    """Train the network of `rung` until it tells the order rightly, and return what came of it."""
    prediction = foresee(rung, settings)
    model = build(rung, settings)
    flow = GradientFlow(model, label=rung.label)
    learned = order.learn(
        model,
        optimizer(rung, settings),
        length=settings.length,
        updates=settings.updates,
        seed=settings.seed,
        callbacks=(flow, *callbacks),
    )
    return Outcome(rung, prediction, learned, flow.to_dict())
