"""A network, its data and its training as one row of a table: what the public cases are made of."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

import nnscratch as nn
from nnscratch.arrays import Array
from nnscratch.errors import ConfigError
from nnscratch.flow.findings import Findings
from nnscratch.initializers import Initializer, Uniform, VarianceScaling
from nnscratch.optimizers import Optimizer
from nnscratch.training import Callback, StepInfo, Trainer

InitLike = str | Initializer
TORCH: Final = "torch"  # PyTorch's own: weights and biases from U(-1 / sqrt(n_in), 1 / sqrt(n_in))

HE_UNIFORM: Final = VarianceScaling(2.0, "fan_in", "uniform")
KERAS_1: Final = Uniform(-0.05, 0.05)  # what "uniform" meant in early Keras

# Losses by their names in this package, short: on scores, and on probabilities.
MSE, MAE = "MeanSquaredError", "MeanAbsoluteError"
BCE, CCE = "SigmoidCrossEntropy", "SoftmaxCrossEntropy"
BCE_P, CCE_P = "BinaryCrossEntropy", "CategoricalCrossEntropy"

# What the words of a network stand for: layers that follow a dense one, on its width.
WORDS: Final[dict[str, str]] = {
    "relu": "ReLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "leaky": "LeakyReLU",
    "softmax": "Softmax",
    "exponential": "Exponential",
    "bn": "BatchNorm",
    "ln": "LayerNorm",
    "drop": "Dropout",
    "last": "LastStep",
    "mean": "MeanOverTime",
}
# Words that make of a width a recurrent layer instead of a dense one, and its options.
CELLS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "rnn": ("RNN", {}),
    "rnn_relu": ("RNN", {"activation": "relu"}),
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {}),
}


@dataclass(frozen=True)
class Data:
    """Inputs with labels (whole numbers, or true and false in columns) or targets (floats).

    `held_out`, where there is one, is what the network is judged on.
    """

    x: Array
    y: Array
    held_out: tuple[Array, Array] | None = None


Maker = Callable[[np.random.Generator], Data]


@dataclass(frozen=True)
class Recipe:
    """One training.

    Attributes
    ----------
    net : str
        Widths and the words of `WORDS`: ``"784, 30 relu drop 0.2, 10"``; ``"9*5 tanh"`` is nine
        such layers; ``"bn 0.99"`` is batch norm with that momentum; ``"res relu"`` adds what came
        in to what the layer makes of it; ``"1, 16 lstm last, 2"`` reads sequences and answers at
        the end, and ``"lstm 5"`` begins with that forget bias.
    data : callable
        From a generator of random numbers to `Data`.
    loss : str
        The name of a loss of this package.
    optimizer : Optimizer
        A pattern: each run takes a copy.
    steps, batch : int
        Batches larger than the data hold all of it.
    init, bias, last, recurrent : str or Initializer
        Of the weights, the biases, the last layer's weights where they differ, and the weights
        from step to step.
    held : tuple of int
        Dense layers, from 0, whose parameters the optimizer does not change.
    l2 : float
        Times the sum of the squared weights, added to what is minimised.
    truncate : int or None
        Steps of time that the gradient goes back, at most.
    """

    net: str
    data: Maker
    loss: str
    optimizer: Optimizer
    steps: int
    batch: int = 32
    init: InitLike = "glorot_uniform"
    bias: InitLike = "zeros"
    last: InitLike | None = None
    recurrent: InitLike = "orthogonal"
    held: tuple[int, ...] = ()
    l2: float = 0.0
    truncate: int | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Names that the recipe asks of the package and the package does not have."""
        kinds = WORDS | {word: kind for word, (kind, _) in CELLS.items()}
        wanted = [kinds[word] for word in self.net.replace(",", " ").split() if word in kinds]
        return tuple(dict.fromkeys(n for n in (*wanted, self.loss) if not hasattr(nn, n)))

    def network(self, seed: int) -> nn.Sequential:
        """Return the network with its first weights."""
        rows = [row.split() for part in self.net.split(",") for row in _times(part.strip())]
        layers: list[nn.layers.Layer | nn.Residual] = []
        for i, (n_in, row) in enumerate(itertools.pairwise(rows)):
            init = self.last if self.last is not None and i == len(rows) - 2 else self.init
            made = self._layers(int(n_in[0]), row, init)
            layers += [nn.Residual(*made)] if "res" in row else made
        return nn.Sequential(*layers, seed=seed)

    def _layers(self, n_in: int, row: list[str], init: InitLike) -> list[nn.layers.Layer]:
        """Return the layer of weights of a width and its words, and what the words say besides."""
        width, words = int(row[0]), row[1:]
        made: list[nn.layers.Layer]
        if words and words[0] in CELLS:
            kind, options = CELLS[words[0]]
            if words[1:] and words[1] not in WORDS:
                options = {**options, "forget_bias": float(words[1])}
            own = {"init": init, "bias_init": self.bias, "recurrent_init": self.recurrent}
            drawn = {"defaults": "pytorch"} if init == TORCH else own
            made = [getattr(nn, kind)(n_in, width, **options, **drawn)]
        else:
            standard = Uniform(-1 / math.sqrt(n_in), 1 / math.sqrt(n_in))
            bias = standard if TORCH in (init, self.bias) else self.bias
            made = [nn.Dense(n_in, width, init=standard if init == TORCH else init, bias_init=bias)]
        for word, then in itertools.zip_longest(words, words[1:], fillvalue=""):
            if word not in WORDS:
                continue
            number = None if not then or then in WORDS else float(then)
            settings = {} if number is None or word != "bn" else {"momentum": number}
            sizes = {"bn": (width,), "ln": (width,), "drop": (number,)}.get(word, ())
            made.append(getattr(nn, WORDS[word])(*sizes, **settings))
        return made


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    score : float
        The share of right labels, or of the targets' variance that is explained (R squared).
    loss : float
        In the mean of the last tenth of the steps.
    findings : Findings
    """

    score: float
    loss: float
    findings: Findings


def run(recipe: Recipe, seed: int = 0) -> Outcome:
    """Train a recipe, judge what it has learned, and return that and what is found in its record.

    Raises `ConfigError` where the recipe asks for what the package does not have.
    """
    if recipe.needs:
        raise ConfigError(f"nnscratch has no {', '.join(recipe.needs)}: this case cannot run")
    data = recipe.data(np.random.default_rng(seed))
    model, loss = recipe.network(seed), getattr(nn, recipe.loss)()
    x = data.x.astype(np.float32)
    outputs = model.forward(x[:1]).shape[1]
    y = targets(data.y, outputs, recipe.loss)
    validation = None
    if data.held_out is not None:
        held_x, held_y = data.held_out
        validation = (held_x.astype(np.float32), targets(held_y, outputs, recipe.loss))
    flow = nn.GradientFlow(model, probe=x[:200], histograms=False)
    trainer = Trainer(model, loss, copy.deepcopy(recipe.optimizer), truncate=recipe.truncate)
    batch = min(recipe.batch, len(x))
    callbacks: list[Callback] = [flow]
    if recipe.held:
        callbacks.append(_Hold(model, recipe.held))
    if recipe.l2:
        callbacks.append(nn.Penalty(l2=recipe.l2))
    with np.errstate(all="ignore"):  # overflow is what some of the runs are about
        history = trainer.fit(
            x,
            y,
            epochs=math.ceil(recipe.steps / math.ceil(len(x) / batch)),
            batch_size=batch,
            validation=validation,
            callbacks=callbacks,
            progress=False,
            seed=seed,
            max_steps=recipe.steps,
        ).whole()
        judged = data.held_out or (data.x, data.y)
        reached = score(model.predict(judged[0].astype(np.float32)), judged[1], recipe.loss)
        findings = flow.findings()
    last = history.loss[-max(1, len(history.loss) // 10) :]
    return Outcome(reached, float(np.mean(last)), findings)


def score(outputs: Array, y: Array, loss: str) -> float:
    """Return the share of right labels or, for float targets, R squared, -1 at the least.

    Outputs that are not finite are worth 0. One output alone says yes above 1/2, or above 0 where
    the loss takes logits, of which the probabilities are what float targets are compared with.
    """
    if not np.isfinite(outputs).all():
        return 0.0
    if y.dtype.kind == "f":
        outputs = getattr(nn, loss)().predictions(outputs)
        outputs = outputs.astype(np.float64).clip(-1e100, 1e100)  # whose squares are finite
        rest = np.square(outputs - y).mean() / np.square(y - y.mean(axis=0)).mean()
        return max(-1.0, float(1 - rest))
    yes = outputs > (0 if loss == BCE else 0.5)
    if y.ndim == 2:
        return float((yes == y).mean())
    said = yes[:, 0] if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    return float((said == y).mean())


class _Hold(Callback):
    """Undoes what the optimizer did to some dense layers: parameters that were left out of it."""

    def __init__(self, model: nn.Sequential, held: tuple[int, ...]) -> None:
        dense = [name.split(".")[0] for name in model.params if name.endswith(".weight")]
        self._kept = {
            name: model.params[name].copy()
            for name in model.params
            if name.split(".")[0] in {dense[i] for i in held}
        }

    def on_step(self, trainer: Trainer, step: StepInfo) -> None:
        for name, value in self._kept.items():
            trainer.model.params[name][...] = value


def _times(part: str) -> list[str]:
    """Return ``["5 tanh", "5 tanh"]`` of ``"2*5 tanh"``."""
    count, star, row = part.partition("*")
    return [row] * int(count) if star else [part]


def targets(y: Array, outputs: int, loss: str) -> Array:
    """Return labels as a loss takes them: whole numbers, or a column or rows of 0 and 1."""
    if y.dtype.kind == "f":
        return y.astype(np.float32)
    if loss == CCE and y.ndim == 1:
        return y
    if y.ndim == 2 or outputs == 1:
        return y.astype(np.float32).reshape(len(y), -1)
    return np.eye(outputs, dtype=np.float32)[y]
