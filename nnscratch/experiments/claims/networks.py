"""Networks, measurements and training that several claims share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnscratch import layers
from nnscratch.arrays import Array
from nnscratch.experiments.claims.claim import Settings
from nnscratch.initializers import Initializer, Normal, VarianceScaling
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.network.model import Sequential
from nnscratch.optimizers import Optimizer
from nnscratch.training import Callback, History, Trainer

Activation = str | Callable[[], layers.Layer]
Init = str | Initializer


def stack(
    features: int,
    widths: Sequence[int],
    activation: Activation,
    init: Init,
    *,
    classes: int = 10,
    batchnorm: bool = False,
    bias_init: Init = "zeros",
    seed: int = 0,
    dtype: type[Any] = np.float32,
) -> Sequential:
    """Return hidden layers of `widths` with `activation`, and a dense layer for the logits.

    `activation` is a name or a function that returns a new layer; `batchnorm` puts batch norm
    between each hidden dense layer and its activation. `init` is for all dense layers.
    """
    parts: list[layers.Layer] = []
    n_in = features
    for width in widths:
        parts.append(layers.Dense(n_in, width, init=init, bias_init=bias_init))
        if batchnorm:
            parts.append(layers.BatchNorm(width))
        made = layers.activation(activation) if isinstance(activation, str) else activation()
        parts.append(made)
        n_in = width
    parts.append(layers.Dense(n_in, classes, init=init))
    return Sequential(*parts, seed=seed, dtype=dtype)


def batch(x: Array, y: Array, size: int, seed: int) -> tuple[Array, Array]:
    """Return `size` examples drawn without repetition."""
    rows = np.random.default_rng(seed).permutation(len(x))[:size]
    return x[rows], y[rows]


def dense_names(model: Sequential) -> list[str]:
    """Return the names of the dense layers, in order."""
    return [name for name, layer in model.layers.items() if isinstance(layer, layers.Dense)]


def activation_outputs(model: Sequential, x: Array, training: bool = True) -> list[Array]:
    """Return what each hidden layer's activation gives for `x`, as arrays of their own."""
    model.forward(x, training=training)
    names = list(model.layers)
    last = model.last
    hidden = [i for i, name in enumerate(names) if name in set(dense_names(model))][1:]
    return [last[names[i - 1]].output.copy() for i in hidden]


def back_propagated(
    model: Sequential, x: Array, labels: Array | None, *, random_top: int | None = None
) -> Array:
    """Return the squared norm of dL/dz at each dense layer, in one training pass over `x`.

    With `random_top`, a seed, the gradient at the logits is drawn from N(0, 1) instead of coming
    from the loss, so that nothing but the layers acts on it.
    """
    if random_top is None:
        assert labels is not None
        trace = model.trace(x, labels, SoftmaxCrossEntropy())
    else:
        model.forward(x, training=True)
        top = np.random.default_rng(random_top).standard_normal(model.output.shape)
        model.backward((top - top.mean(axis=0)).astype(model.dtype))
        trace = model.last
    upstream = [np.asarray(trace[name].upstream, dtype=np.float64) for name in dense_names(model)]
    return np.array([float(np.sum(g * g)) for g in upstream])


def wide_rate(
    activation: Activation,
    sw2: float,
    settings: Settings,
    seed: int,
    *,
    batchnorm: bool = False,
    q: float = 1.0,
    sb2: float = 0.0,
) -> float:
    """Return the factor on the squared gradient per layer of one random network, mean over layers.

    settings : with ``width``, ``depth`` and ``batch``

    Weights have variance ``sw2 / width``, biases `sb2`; inputs are Gaussian, such that the first
    layer's z have variance `q`; the gradient at the top is random. The first layers, whose inputs
    another layer has not yet made, are left out.
    """
    init, bias = VarianceScaling(sw2, "fan_in"), Normal(math.sqrt(sb2))
    width = settings["width"]
    widths = [width] * settings["depth"]
    model = stack(width, widths, activation, init, batchnorm=batchnorm, bias_init=bias, seed=seed)
    scale = math.sqrt(max(q - sb2, 0.0) / sw2)
    x = scale * np.random.default_rng([seed, 1]).standard_normal((settings["batch"], width))
    squares = back_propagated(model, x.astype(np.float32), None, random_top=seed)
    skip = 2 if batchnorm else 1
    return float(np.mean(squares[skip:-2] / squares[skip + 1 : -1]))


def train(
    model: Sequential,
    data: Sequence[Array],
    optimizer: Optimizer,
    settings: Settings,
    seed: int,
    *,
    callbacks: Sequence[Callback] = (),
    max_steps: int | None = None,
) -> History:
    """Train on the first two arrays of `data`, ``epochs`` of `settings` times.

    Training ends early where the loss is no finite number (``history.diverged``). Ctrl-C raises
    `KeyboardInterrupt`.
    """
    history = Trainer(model, SoftmaxCrossEntropy(), optimizer).fit(
        *data[:2],
        epochs=settings["epochs"],
        batch_size=settings["batch"],
        callbacks=callbacks,
        progress=False,
        seed=seed,
        max_steps=max_steps,
    )
    return history.whole()


def accuracy(model: Sequential, x: Array, labels: Array) -> float:
    """Return the fraction of `x` that `model` classifies correctly."""
    return float(np.mean(np.argmax(model.predict(x), axis=1) == labels))
