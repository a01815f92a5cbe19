"""Long short-term memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.errors import require_number
from nnscratch.layers.base import Shapes
from nnscratch.layers.recurrent import Init, Recurrent, flat

__all__ = ["LSTM"]


class LSTM(Recurrent):
    """Long short-term memory: a cell state that is kept, added to and shown through gates.

    With i, f, o the sigmoid and g the tanh of the quarters of ``x_t @ weight + bias + h_{t-1} @
    recurrent_weight``: ``c_t = f c_{t-1} + i g`` and ``h_t = o tanh(c_t)``, from c_0 = h_0 = 0.
    Backward: ``dc_t = dh_t o (1 - tanh^2 c_t) + f_{t+1} dc_{t+1}``: along the cell a gradient is
    multiplied by forget gates alone. A pass leaves behind ``hidden``, ``cell``, ``gates`` (after
    their functions, i f g o side by side), ``hidden_gradient`` (dL/dh_t) and ``cell_gradient``
    (dL/dc_t), each ``(batch, time, ...)``. Hochreiter & Schmidhuber 1997; Gers et al. 2000.

    Parameters
    ----------
    features_in, features : int
        `weight` is ``(features_in, 4 features)``, `recurrent_weight` ``(features, 4 features)``,
        `bias` ``(4 features,)``: PyTorch's order of gates, and its two biases added up.
    forget_bias : float, default 1
        Is added to the forget gate's bias when that is drawn (Jozefowicz et al. 2015): without it
        a gradient loses half at every step.
    init, recurrent_init, bias_init, reverse, initial, defaults
        As for `RNN`; every gate's weights are drawn by themselves.
    chrono : int or None
        The longest dependence in the data, in steps: the forget gate's bias is the logarithm of a
        number between 1 and that minus 1, drawn for each unit, and the input gate's minus it, in
        place of `forget_bias` (Tallec & Ollivier, "Can recurrent networks warp time?", 2018).

    >>> import nnscratch as nn
    >>> model = nn.Sequential(nn.LSTM(6, 50), nn.LastStep(), nn.Dense(50, 4))
    >>> model(np.zeros((20, 100, 6), np.float32)).shape
    (20, 4)
    >>> model.last["0.lstm"].cell.shape
    (20, 100, 50)
    """

    kind: ClassVar[str] = "lstm"
    captured_whole: ClassVar[bool] = True
    gates: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    keeps: ClassVar[tuple[str, str] | None] = ("f", "forget_bias")
    _leaves: ClassVar[Mapping[str, int]] = {"hidden": 1, "cell": 1, "gates": 4, "previous": 1}
    _leaves_gradients: ClassVar[Mapping[str, int]] = {
        "hidden_gradient": 1,
        "cell_gradient": 1,
        "gates_gradient": 4,
    }

    def __init__(
        self,
        features_in: int,
        features: int,
        forget_bias: float = 1.0,
        init: Init = "glorot_uniform",
        recurrent_init: Init = "orthogonal",
        bias_init: Init = "zeros",
        reverse: bool = False,
        initial: str = "zeros",
        defaults: str | None = None,
        chrono: int | None = None,
    ) -> None:
        super().__init__(
            *(features_in, features, init, recurrent_init, bias_init),
            *(reverse, initial, defaults, chrono),
        )
        self.forget_bias = require_number("LSTM forget_bias", forget_bias)

    def state_shapes(self) -> Shapes:
        return {**super().state_shapes(), "cell": (self.features,)}

    def reset(self, rng: np.random.Generator) -> None:
        super().reset(rng)
        if self.chrono is not None and self.defaults is None:
            bias = self.params["bias"]
            self.gate("i", bias)[...] = -self.gate("f", bias)

    def _forward(self, x: Array, tensors: dict[str, Array], mask: Array) -> None:
        params = self.params
        kernels.lstm_forward(
            *(flat(tensors[name]) for name in ("hidden", "cell", "gates", "previous")),
            *(flat(x), params["weight"], params["bias"], params["recurrent_weight"]),
            *(tensors["initial_hidden"], tensors["initial_cell"], mask, self.reverse),
        )

    def _backward(self, dy: Array, of: dict[str, Array], mask: Array, through: Array) -> None:
        kernels.lstm_backward(
            *(of["gates_gradient"], of["hidden_gradient"], of["cell_gradient"]),
            *(of["initial_hidden_gradient"], of["initial_cell_gradient"]),
            *(dy, of["cell"], of["gates"], of["initial_cell"]),
            *(self.params["recurrent_weight"], mask, through, self.reverse),
        )
