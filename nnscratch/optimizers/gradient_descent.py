"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from typing import Any

from nnscratch.clipping import Clip
from nnscratch.errors import ConfigError, require_flag
from nnscratch.optimizers.base import Rates
from nnscratch.optimizers.kernel import KernelCall, KernelOptimizer
from nnscratch.schedules import Schedule


class SGD(KernelOptimizer):
    """Gradient descent: ``p <- p - lr * g``.

    With momentum (Polyak 1964) ``v <- momentum * v + g`` and ``p <- p - lr * v``; with `nesterov`
    the step is ``p <- p - lr * (g + momentum * v)``, which looks ahead (Nesterov 1983, in the form
    of Sutskever et al. 2013 that PyTorch uses). `g` is the gradient of one mini-batch, hence
    *stochastic*.

    Gradient descent is steepest descent in the Euclidean norm only: see `SteepestDescent`.

    Parameters
    ----------
    lr : float or Schedule
    momentum : float in [0, 1), default 0
    nesterov : bool
        Needs ``momentum > 0``.
    clip : Clip or None
    rates : mapping or None
    """

    momentum: float

    def __init__(
        self,
        lr: float | Schedule,
        momentum: float = 0.0,
        nesterov: bool = False,
        clip: Clip | None = None,
        rates: Rates = None,
    ) -> None:
        super().__init__(lr, clip, rates, momentum=momentum)
        self.nesterov = require_flag("SGD nesterov", nesterov)
        if self.nesterov and self.momentum == 0:
            raise ConfigError("SGD nesterov=True needs momentum > 0, for example momentum=0.9")

    @property
    def state_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("velocity",) if self.momentum > 0 else ()

    def kernel_call(self, lr: float, t: int) -> KernelCall:
        if self.momentum == 0:
            return "gradient_descent_update", (), (lr,)
        kernel = "nesterov_update" if self.nesterov else "momentum_update"
        return kernel, (self.state.places["velocity"],), (lr, self.momentum)

    def options(self) -> dict[str, Any]:
        given = {"momentum": self.momentum, "nesterov": self.nesterov}
        return {name: value for name, value in given.items() if value}
