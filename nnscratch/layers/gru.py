"""Gated recurrent units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.errors import require_number
from nnscratch.layers.base import Shapes
from nnscratch.layers.recurrent import Init, Recurrent, flat

__all__ = ["GRU"]


class GRU(Recurrent):
    """Gated recurrent unit: ``h_t = (1 - z) n + z h_{t-1}`` with ``n = tanh(a_n + r u_n)``.

    ``a = x_t @ weight + bias`` and ``u = h_{t-1} @ recurrent_weight + recurrent_bias`` have three
    parts, of which r and z are the sigmoid of ``a + u``; h_0 = 0. z keeps the old state, and the
    reset gate r meets the candidate's product, as in PyTorch, cuDNN and Keras. A pass leaves behind
    ``hidden``, ``gates`` (after their functions, r z n side by side), ``candidate`` (u_n) and
    ``hidden_gradient`` (dL/dh_t), each ``(batch, time, ...)``. Cho et al. 2014.

    Parameters
    ----------
    features_in, features : int
        `weight` is ``(features_in, 3 features)``, `recurrent_weight` ``(features, 3 features)``,
        `bias` and `recurrent_bias` ``(3 features,)``.
    update_bias : float, default 0
        Is added to z's bias when that is drawn: the larger, the longer the state is kept.
    init, recurrent_init, bias_init, reverse, initial, defaults
        As for `RNN`; every gate's weights are drawn by themselves.
    chrono : int or None
        The longest dependence in the data, in steps: z's bias is the logarithm of a number between
        1 and that minus 1, drawn for each unit, in place of `update_bias` (Tallec & Ollivier 2018).

    >>> import nnscratch as nn
    >>> model = nn.Sequential(nn.GRU(6, 50), nn.LastStep(), nn.Dense(50, 4))
    >>> model(np.zeros((20, 100, 6), np.float32)).shape
    (20, 4)
    """

    kind: ClassVar[str] = "gru"
    captured_whole: ClassVar[bool] = True
    gates: ClassVar[tuple[str, ...]] = ("r", "z", "n")
    keeps: ClassVar[tuple[str, str] | None] = ("z", "update_bias")
    _leaves: ClassVar[Mapping[str, int]] = {"hidden": 1, "gates": 3, "candidate": 1, "previous": 1}
    _leaves_gradients: ClassVar[Mapping[str, int]] = {
        "hidden_gradient": 1,
        "gates_gradient": 3,
        "recurrent_gradient": 3,
    }

    def __init__(
        self,
        features_in: int,
        features: int,
        update_bias: float = 0.0,
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
        self.update_bias = require_number("GRU update_bias", update_bias)

    def parameter_shapes(self) -> Shapes:
        shapes = super().parameter_shapes()
        return {**shapes, "recurrent_bias": shapes["bias"]}

    def _forward(self, x: Array, tensors: dict[str, Array], mask: Array) -> None:
        params = self.params
        kernels.gru_forward(
            *(flat(tensors[name]) for name in ("hidden", "gates", "candidate", "previous")),
            *(flat(x), params["weight"], params["bias"], params["recurrent_weight"]),
            *(params["recurrent_bias"], tensors["initial_hidden"], mask, self.reverse),
        )

    def _backward(self, dy: Array, of: dict[str, Array], mask: Array, through: Array) -> None:
        kernels.gru_backward(
            *(of["gates_gradient"], of["recurrent_gradient"], of["hidden_gradient"]),
            *(of["initial_hidden_gradient"], dy, of["gates"], of["candidate"], of["previous"]),
            *(self.params["recurrent_weight"], mask, through, self.reverse),
        )
