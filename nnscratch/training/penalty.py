"""Penalties on the size of weights, with any optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnscratch.arguments import Settings
from nnscratch.errors import require_number
from nnscratch.network.network import Network, require_network
from nnscratch.training.callbacks import Callback, StepInfo

_PENALISED = ("weight", "recurrent_weight")  # roles: biases and norms go free


class Regularizer(Settings, Callback):
    """Adds something to what is minimised, by its gradient: after the backward pass, before clips.

    Attributes
    ----------
    values : list of float
        What was added at every step.
    """

    values: list[float]

    def on_backward(self, trainer: Any, step: StepInfo) -> None:
        self.values.append(self.add(trainer.model))

    def add(self, model: Network) -> float:
        """Add the gradient to ``model.grads``, after a backward pass; return what it is of."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Penalty(Regularizer):
    """Add ``l1 * sum |w| + l2 * sum w^2`` of all weights to what is minimised.

    Its gradient, ``l1 * sign(w) + 2 * l2 * w``, is added to that of the loss after the backward
    pass: before clipping and, unlike AdamW's decay, through the moments of the optimizer. Weights
    only, also recurrent ones; biases and norms go free. Keras's ``L1L2(l1, l2)`` on every kernel is
    the same, PyTorch's ``weight_decay`` is ``2 * l2`` and takes biases too.

    The loss of the history stays that of the data; the penalty of each step is in `values`.

    Parameters
    ----------
    l1, l2 : float >= 0, default 0

    Attributes
    ----------
    values : list of float
        The penalty at every step, before its update.

    >>> import nnscratch as nn
    >>> penalty = nn.Penalty(l2=1e-3)
    >>> x, y, _, _ = nn.datasets.digits()
    >>> model = nn.Sequential(nn.Dense(64, 20), nn.ReLU(), nn.Dense(20, 10))
    >>> trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(lr=1e-3))
    >>> history = trainer.fit(x, y, epochs=1, batch_size=50, callbacks=[penalty], progress=False)
    >>> len(penalty.values)
    30
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = require_number("Penalty l1", l1, least=0)
        self.l2 = require_number("Penalty l2", l2, least=0)
        self.values = []

    def add(self, model: Network) -> float:
        """Add the gradient to ``model.grads``, after a backward pass; return the penalty."""
        require_network("Penalty", model)
        total = 0.0
        # A layer in several nodes is penalised once.
        for layer in {id(layer): layer for layer in model.layers.values()}.values():
            for name, role in layer.parameter_roles().items():
                if role in _PENALISED:
                    w, dw = layer.params[name], layer.grads[name]
                    number = w.dtype.type
                    if self.l1:
                        total += self.l1 * float(np.abs(w).sum(dtype=np.float64))
                        dw += number(self.l1) * np.sign(w)
                    if self.l2:
                        total += self.l2 * float(np.square(w, dtype=np.float64).sum())
                        dw += number(2 * self.l2) * w
        return total

    def __repr__(self) -> str:
        return f"Penalty(l1={self.l1:g}, l2={self.l2:g})"
