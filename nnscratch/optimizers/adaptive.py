"""Optimizers that give every component a step length of its own, by the gradients it has seen."""

from __future__ import annotations

import itertools
import math
from typing import ClassVar

import numpy as np

from nnscratch.clipping import Clip
from nnscratch.optimizers.base import Rates
from nnscratch.optimizers.kernel import KernelOptimizer
from nnscratch.optimizers.measures import step_share
from nnscratch.parameters import Parameters
from nnscratch.schedules import Schedule

__all__ = ["Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Nadam", "RMSProp"]


class _Fitted(KernelOptimizer):
    """Divides its steps by the root of a mean or sum of squares, and epsilon.

    Attributes
    ----------
    squares : str
        The state that holds them; empty: none does.
    """

    squares: ClassVar[str]
    epsilon: float

    def _part_seen(self) -> float:
        """Return by what the squares are too small for having started at zero."""
        return 1.0

    def step_share(self, params: Parameters) -> float:
        squares = self.state.places.get(self.squares)
        if squares is None or not self.steps:
            return math.nan
        ends = itertools.pairwise(params.offsets.tolist())
        parts = [
            squares[a:b] for (a, b), one in zip(ends, params.values(), strict=False) if one.ndim > 1
        ]
        means = [float(np.mean(part, dtype=np.float64)) / self._part_seen() for part in parts]
        return step_share([math.sqrt(mean) for mean in means], [self.epsilon] * len(means))


class Adagrad(_Fitted):
    """``s <- s + g^2``; ``p <- p - lr * g / (sqrt(s) + epsilon)``: steps that only get shorter.

    Duchi, Hazan & Singer, "Adaptive Subgradient Methods", 2011. As PyTorch has it; Keras begins
    with s = `initial` = 0.1.

    Parameters
    ----------
    lr : float or Schedule, default 0.01
    initial : float >= 0, default 0
        What `s` begins with.
    epsilon : float > 0, default 1e-10
    clip : Clip or None
    rates : mapping or None
    """

    kernel = "adagrad_update"
    state_names = ("square_sum",)
    squares = "square_sum"
    initial: float
    epsilon: float

    def __init__(
        self,
        lr: float | Schedule = 0.01,
        initial: float = 0.0,
        epsilon: float = 1e-10,
        clip: Clip | None = None,
        rates: Rates = None,
    ) -> None:
        super().__init__(lr, clip, rates, initial=initial, epsilon=epsilon)


class Adadelta(KernelOptimizer):
    """Steps in the units of the parameters: by the root mean squares of steps and of gradients.

    ``s <- decay * s + (1 - decay) * g^2``, ``d = sqrt(u + epsilon) / sqrt(s + epsilon) * g``,
    ``u <- decay * u + (1 - decay) * d^2``, ``p <- p - lr * d``. Zeiler, "ADADELTA", 2012.

    Parameters
    ----------
    lr : float or Schedule, default 1
        As in the paper and in PyTorch; Keras's 0.001 hardly moves.
    decay : float in [0, 1), default 0.9
    epsilon : float > 0, default 1e-6
    clip : Clip or None
    rates : mapping or None
    """

    kernel = "adadelta_update"
    state_names = ("square_average", "step_average")
    decay: float
    epsilon: float

    def __init__(
        self,
        lr: float | Schedule = 1.0,
        decay: float = 0.9,
        epsilon: float = 1e-6,
        clip: Clip | None = None,
        rates: Rates = None,
    ) -> None:
        super().__init__(lr, clip, rates, decay=decay, epsilon=epsilon)


class RMSProp(_Fitted):
    """``s <- decay * s + (1 - decay) * g^2``; ``p <- p - lr * g / (sqrt(s) + epsilon)``.

    Tieleman & Hinton, lecture 6.5, 2012.

    Parameters
    ----------
    lr : float or Schedule
    decay : float in [0, 1), default 0.99
    epsilon : float > 0, default 1e-8
    clip : Clip or None
    rates : mapping or None
    """

    kernel = "rmsprop_update"
    state_names = ("square_average",)
    squares = "square_average"
    decay: float
    epsilon: float

    def __init__(
        self,
        lr: float | Schedule,
        decay: float = 0.99,
        epsilon: float = 1e-8,
        clip: Clip | None = None,
        rates: Rates = None,
    ) -> None:
        super().__init__(lr, clip, rates, decay=decay, epsilon=epsilon)


class Adam(_Fitted):
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
    rates : mapping or None
    """

    kernel = "adam_update"
    state_names = ("first_moment", "second_moment")
    squares = "second_moment"
    beta1: float
    beta2: float
    epsilon: float
    weight_decay = 0.0

    def __init__(
        self,
        lr: float | Schedule = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        clip: Clip | None = None,
        rates: Rates = None,
    ) -> None:
        super().__init__(lr, clip, rates, beta1=beta1, beta2=beta2, epsilon=epsilon)

    def _part_seen(self) -> float:
        return 1 - float(self.beta2) ** self.steps

    def scalars(self, lr: float, t: int) -> tuple[float, ...]:
        return (lr, self.beta1, self.beta2, self.epsilon, self.weight_decay, t)


class AdamW(Adam):
    """Adam with decoupled weight decay: ``p <- (1 - lr * weight_decay) * p`` before Adam's update.

    The decay acts on every parameter (biases, gamma and beta too), and does not pass through the
    moments as an L2 penalty would. Loshchilov & Hutter, "Decoupled Weight Decay Regularization",
    2019.

    Parameters
    ----------
    lr, beta1, beta2, epsilon, clip, rates
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
        rates: Rates = None,
    ) -> None:
        super().__init__(lr, beta1, beta2, epsilon, clip, rates)
        self._set(weight_decay=weight_decay)


class Adamax(Adam):
    """Adam with the largest gradient instead of the root of the mean square.

    ``m`` as in `Adam`, ``u <- max(beta2 * u, |g| + epsilon)``, and at the t-th step
    ``p <- p - lr / (1 - beta1^t) * m / u``. Kingma & Ba, "Adam", 2015, section 7.1; epsilon as in
    PyTorch.

    Parameters
    ----------
    lr : float or Schedule, default 2e-3
    beta1, beta2, epsilon, clip, rates
        As for `Adam`.
    """

    kernel = "adamax_update"
    state_names = ("first_moment", "largest")
    squares = ""

    def __init__(
        self,
        lr: float | Schedule = 2e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        clip: Clip | None = None,
        rates: Rates = None,
    ) -> None:
        super().__init__(lr, beta1, beta2, epsilon, clip, rates)

    def scalars(self, lr: float, t: int) -> tuple[float, ...]:
        return (lr, self.beta1, self.beta2, self.epsilon, t)


class Nadam(Adam):
    """Adam that looks ahead, as `SGD` does with Nesterov's momentum.

    With ``mu_t = beta1 * (1 - 0.96^(t * momentum_decay) / 2)`` and ``M_t = mu_1 * ... * mu_t``,
    ``p <- p - lr * ((1 - mu_t) / (1 - M_t) * g + mu_(t+1) / (1 - M_(t+1)) * m)
    / (sqrt(v') + epsilon)``; `m` and `v'` as in `Adam`. Dozat, "Incorporating Nesterov Momentum
    into Adam", 2016.

    Parameters
    ----------
    lr : float or Schedule, default 2e-3
    beta1, beta2, epsilon, clip, rates
        As for `Adam`.
    momentum_decay : float >= 0, default 0.004
    """

    kernel = "nadam_update"
    momentum_decay: float

    def __init__(
        self,
        lr: float | Schedule = 2e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        momentum_decay: float = 0.004,
        clip: Clip | None = None,
        rates: Rates = None,
    ) -> None:
        super().__init__(lr, beta1, beta2, epsilon, clip, rates)
        self._set(momentum_decay=momentum_decay)
        self._product = (0, 1.0)  # of the mu up to a step

    def scalars(self, lr: float, t: int) -> tuple[float, ...]:
        mu = self._mu(t), self._mu(t + 1), self._mu_product(t)
        return (lr, self.beta1, self.beta2, self.epsilon, t, *mu)

    def _mu(self, step: int) -> float:
        return float(self.beta1 * (1 - 0.5 * 0.96 ** (step * self.momentum_decay)))

    def _mu_product(self, step: int) -> float:
        """Return mu_1 * ... * mu_step, from the step before or, after a checkpoint, anew."""
        at, product = self._product if self._product[0] <= step else (0, 1.0)
        for t in range(at + 1, step + 1):
            product *= self._mu(t)
        self._product = (step, product)
        return product
