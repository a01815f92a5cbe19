"""The networks that a sweep builds when all it is given is names and numbers."""

from __future__ import annotations

from typing import Any

from nnscratch import datasets, optimizers
from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.errors import ConfigError, require_count, require_flag
from nnscratch.experiments import ladder, order
from nnscratch.initializers import VarianceScaling, for_activation, get
from nnscratch.layers import LSTM
from nnscratch.losses import SoftmaxCrossEntropy


def standard(
    *,
    seed: int,
    depth: int = 10,
    width: int = 100,
    activation: str = "relu",
    init: str | None = None,
    weight_variance: float | None = None,
    batchnorm: bool = False,
    optimizer: str = "sgd",
    lr: float = 0.02,
    clip_norm: float | None = None,
    epochs: int = 5,
    batch: int = 50,
    data: str = "digits",
) -> dict[str, Any]:
    """Return what `nnscratch.sweep` trains: `depth` hidden layers of `width` units on a data set.

    init : name; None: what theory says suits the activation
    weight_variance : ``n_in Var(w)``, in the place of `init`
    """
    if init is not None and weight_variance is not None:
        raise ConfigError("init and weight_variance say the same twice: leave one out")
    drawn = for_activation(activation) if init is None else get(init)
    if weight_variance is not None:
        drawn = VarianceScaling(weight_variance, "fan_in")
    for name, value in (("epochs", epochs), ("batch", batch)):
        require_count(name, value)
    batchnorm = require_flag("batchnorm", batchnorm)
    x, y, x_test, y_test = datasets.load(data)
    norm = "batch" if batchnorm else None
    rung = ladder.Rung("network", "network", activation, drawn, norm=norm)
    sizes = ladder.Settings(depth=depth, width=width, seed=seed)
    clip = None if clip_norm is None else ClipByGlobalNorm(clip_norm)
    return {
        "model": ladder.build(rung, x.shape[1], int(y.max()) + 1, sizes),
        "loss": SoftmaxCrossEntropy(),
        "optimizer": optimizers.optimizer(optimizer, lr, clip=clip),
        "x": x,
        "y": y,
        "validation": (x_test, y_test),
        "epochs": epochs,
        "batch_size": batch,
    }


def remembering(
    *,
    seed: int,
    length: int = 40,
    forget_bias: float = 1.0,
    width: int = 50,
    lr: float = 0.1,
    epochs: int = 25,
) -> dict[str, Any]:
    """Return what `nnscratch.sweep` trains: an LSTM that tells the order of two symbols.

    `epochs` of 2,000 sequences of `length` steps, by gradient descent with a clip of 1.
    """
    x, y = datasets.temporal_order(2000, length, seed)
    return {
        "model": order.network(LSTM(order.SYMBOLS, width, forget_bias=forget_bias), seed),
        "loss": SoftmaxCrossEntropy(),
        "optimizer": optimizers.SGD(lr, clip=ClipByGlobalNorm(1.0)),
        "x": x,
        "y": y,
        "validation": datasets.temporal_order(1000, length, seed + 1),
        "epochs": epochs,
        "batch_size": order.BATCH,
    }
