"""Batch normalization."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels
from nnscratch.errors import require_count, require_number, unknown_name
from nnscratch.layers.base import Features, Layer, Shapes

__all__ = ["BatchNorm"]

STATISTICS = ("running", "initial", "batch")

# The input, mean and 1 / sqrt(variance + epsilon), whether they are the batch's, and the mask.
Cache = tuple[Array, Array, Array, bool, Array | None]


class BatchNorm(Layer):
    """``y = gamma * (x - mean) / sqrt(variance + epsilon) + beta``, one mean and variance a unit.

    In training the mean and the *biased* variance are the batch's, and the running statistics
    follow them: ``running = momentum * running + (1 - momentum) * batch``, from mean 0 and
    variance 1, without correction (as TensorFlow 1.x does; PyTorch's ``momentum`` is one minus
    this one, and its running variance is the unbiased one).

    Evaluation takes the statistics named by `statistics`:

    * ``"running"``: what training measured. This is what batch norm means.
    * ``"initial"``: mean 0 and variance 1, as if the running statistics had never been updated,
      which is what happens to a TensorFlow 1.x program that forgets its update ops.
    * ``"batch"``: those of the evaluated batch itself; the running ones stay as they are.

    Of sequences under a mask the statistics are those of the steps that there are (as in Keras 3);
    the others, where what stands is held from the last step before, are normalized by them.

    Frozen (``model.freeze``) it takes the running statistics in training too, and leaves them alone
    (as in Keras; PyTorch's goes on measuring unless it is put into ``eval()``).

    Ioffe & Szegedy, "Batch Normalization", 2015.

    Parameters
    ----------
    features : int
    momentum : float in [0, 1), default 0.9
    epsilon : float > 0, default 1e-3
    """

    kind: ClassVar[str] = "batchnorm"
    role: ClassVar[str] = "norm"
    captured_whole: ClassVar[bool] = True
    adds_to_record: ClassVar[str] = "batchnorm"

    def __init__(self, features: int, momentum: float = 0.9, epsilon: float = 1e-3) -> None:
        super().__init__()
        self.features = require_count("BatchNorm features", features)
        self.momentum = require_number("BatchNorm momentum", momentum, least=0, below=1)
        self.epsilon = require_number("BatchNorm epsilon", epsilon, above=0)

    def parameter_shapes(self) -> Shapes:
        return {"gamma": (self.features,), "beta": (self.features,)}

    def statistic_shapes(self) -> Shapes:
        return {"running_mean": (self.features,), "running_variance": (self.features,)}

    def input_features(self) -> int:
        return self.features

    def output_features(self, features: Features) -> int:
        return self.features

    def reset(self, rng: np.random.Generator) -> None:
        self.params["gamma"][...] = 1
        self.params["beta"][...] = 0
        self.statistics["running_mean"][...] = 0
        self.statistics["running_variance"][...] = 1

    def measured(self) -> tuple[Array | float, ...]:
        running = self.statistics["running_mean"], self.statistics["running_variance"]
        batch = (self.buffer(name, (self.features,)) for name in ("mean", "variance"))
        return (
            *(running if self.frozen else batch),
            *running,
            self.params["gamma"],
            self.epsilon,
        )

    def forward(
        self,
        x: Array,
        training: bool = False,
        statistics: str = "running",
        mask: Array | None = None,
    ) -> tuple[Array, Cache]:
        x = self.check_input(x, self.features)
        there = self.check_mask(mask, x)
        there = None if there is None else there.reshape(-1)
        y = self.buffer("y", x.shape)
        mean, variance, inv_std = (
            self.buffer(name, (self.features,)) for name in ("mean", "variance", "inv_std")
        )
        gamma, beta = self.params["gamma"], self.params["beta"]
        from_batch = (training and not self.frozen) or statistics == "batch"
        if from_batch and there is None:
            kernels.batchnorm_forward(
                rows(y), mean, variance, inv_std, rows(x), gamma, beta, self.epsilon
            )
        elif from_batch:
            kernels.batchnorm_masked_statistics(mean, variance, rows(x), there)
        elif statistics == "running":
            mean = self.statistics["running_mean"]
            variance = self.statistics["running_variance"]
        elif statistics == "initial":
            mean[...] = 0
            variance[...] = 1
        else:
            raise unknown_name("kind of statistics", statistics, STATISTICS)
        if there is not None or not from_batch:
            kernels.batchnorm_fixed_forward(
                rows(y), inv_std, rows(x), mean, variance, gamma, beta, self.epsilon
            )
        if from_batch and training:
            kernels.batchnorm_update_running(
                self.statistics["running_mean"],
                self.statistics["running_variance"],
                mean,
                variance,
                self.momentum,
            )
        return y, (x, mean, inv_std, from_batch, there)

    def backward(
        self,
        dy: Array,
        cache: Cache,
        accumulate: bool = False,
        input_gradient: bool = True,
    ) -> Array:
        x, mean, inv_std, from_batch, there = cache
        dx = self.buffer("dx", x.shape)
        whole = from_batch and there is None
        backward = kernels.batchnorm_backward if whole else kernels.batchnorm_fixed_backward
        backward(
            rows(dx),
            self.grads["gamma"],
            self.grads["beta"],
            rows(dy),
            rows(x),
            mean,
            inv_std,
            self.params["gamma"],
            accumulate,
        )
        if from_batch and there is not None:
            kernels.batchnorm_masked_backward(
                *(rows(dx), rows(dy), rows(x), there, mean, inv_std, self.params["gamma"])
            )
        return dx

    def options(self) -> str:
        return f"{self.features}, momentum={self.momentum:g}, epsilon={self.epsilon:g}"
