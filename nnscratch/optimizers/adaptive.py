"""Optimizers that give every component a step length of its own: RMSProp, Adam, AdamW."""

from __future__ import annotations

from typing import Any

from nnscratch.clipping import Clip
from nnscratch.errors import require_number
from nnscratch.optimizers.kernel import KernelCall, KernelOptimizer
from nnscratch.schedules import Schedule

__all__ = ["Adam", "AdamW", "RMSProp"]


class RMSProp(KernelOptimizer):
    """``s <- decay * s + (1 - decay) * g^2``; ``p <- p - lr * g / (sqrt(s) + epsilon)``.

    Tieleman & Hinton, lecture 6.5, 2012.

    Parameters
    ----------
    lr : float or Schedule
    decay : float in [0, 1), default 0.99
    epsilon : float > 0, default 1e-8
    clip : Clip or None
    """

    def __init__(
        self,
        lr: float | Schedule,
        decay: float = 0.99,
        epsilon: float = 1e-8,
        clip: Clip | None = None,
    ) -> None:
        super().__init__(lr, clip)
        self.state_names = ("square_average",)
        self.decay = require_number("RMSProp decay", decay, least=0, below=1)
        self.epsilon = require_number("RMSProp epsilon", epsilon, above=0)

    def kernel_call(self, lr: float) -> KernelCall:
        states = (self.state["square_average"],)
        return "rmsprop_update", states, (lr, self.decay, self.epsilon)

    def options(self) -> dict[str, Any]:
        return {"decay": self.decay, "epsilon": self.epsilon}


class Adam(KernelOptimizer):
    """Adam: momentum and RMSProp together, both corrected for having started at zero.

    ``m <- beta1 * m + (1 - beta1) * g``, ``v <- beta2 * v + (1 - beta2) * g^2``, and with
    ``m' = m / (1 - beta1^t)``, ``v' = v / (1 - beta2^t)`` at the t-th step (t = 1, 2, ...)
    ``p <- p - lr * m' / (sqrt(v') + epsilon)``. Kingma & Ba, "Adam", 2015.

    Parameters
    ----------
    lr : float or Schedule, default 1e-3
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float > 0, default 1e-8
    clip : Clip or None
    """

    def __init__(
        self,
        lr: float | Schedule = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        clip: Clip | None = None,
    ) -> None:
        super().__init__(lr, clip)
        self.state_names = ("first_moment", "second_moment")
        name = type(self).__name__
        self.beta1 = require_number(f"{name} beta1", beta1, least=0, below=1)
        self.beta2 = require_number(f"{name} beta2", beta2, least=0, below=1)
        self.epsilon = require_number(f"{name} epsilon", epsilon, above=0)
        self.weight_decay = 0.0

    def kernel_call(self, lr: float) -> KernelCall:
        return (
            "adam_update",
            (self.state["first_moment"], self.state["second_moment"]),
            (lr, self.beta1, self.beta2, self.epsilon, self.weight_decay, self.steps + 1),
        )

    def options(self) -> dict[str, Any]:
        return {"beta1": self.beta1, "beta2": self.beta2, "epsilon": self.epsilon}


class AdamW(Adam):
    """Adam with decoupled weight decay: ``p <- (1 - lr * weight_decay) * p`` before Adam's update.

    The decay acts on every parameter (biases, gamma and beta too), and does not pass through the
    moments as an L2 penalty would. Loshchilov & Hutter, "Decoupled Weight Decay Regularization",
    2019.

    Parameters
    ----------
    lr, beta1, beta2, epsilon, clip
        As for `Adam`.
    weight_decay : float >= 0, default 0.01
    """

    def __init__(
        self,
        lr: float | Schedule = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        clip: Clip | None = None,
    ) -> None:
        super().__init__(lr, beta1, beta2, epsilon, clip)
        self.weight_decay = require_number("AdamW weight_decay", weight_decay, least=0)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "weight_decay": self.weight_decay}
