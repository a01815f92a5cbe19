"""The plain recurrent layer, of any activation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.errors import ConfigError, require_text
from nnscratch.layers.activations import KernelPair
from nnscratch.layers.recurrent import Init, Recurrent, flat
from nnscratch.layers.registry import activation as activation_of

__all__ = ["RNN"]


class RNN(Recurrent):
    """``h_t = f(x_t @ weight + bias + h_{t-1} @ recurrent_weight)`` for t = 1, 2, ... (Elman 1990).

    Takes ``(batch, time, features_in)`` and gives every h_t, ``(batch, time, features)``; h_0 = 0.
    Backward, from the last step to the first: ``dh_t = dy_t + da_{t+1} @ recurrent_weight.T`` and
    ``da_t = dh_t f'(a_t)``, with a_t what f is taken of. A pass leaves behind ``hidden`` (every
    h_t), ``before`` (a_t) and ``hidden_gradient`` (dL/dh_t): ``trace["0.rnn"].hidden_gradient``.

    Parameters
    ----------
    features_in, features : int
        `weight` is ``(features_in, features)``, `recurrent_weight` ``(features, features)``, `bias`
        ``(features,)``.
    activation : str
        Any of `nnscratch.layers.activation_names` that learns and draws nothing.
    init, recurrent_init, bias_init : name or Initializer
        See `nnscratch.initializers.names`.
    reverse : bool
        Go through the sequence from its last step to its first.
    initial : "zeros" or "learned"
        The state before the first step, where none is given (`Network.forward`).
    defaults : "pytorch", "keras", "tf1" or None
        Draw everything as that framework does by default; initializers and biases that are given
        then play no part.

    Raises `ConfigError` for an activation that cannot stand here, `ShapeError` for what is no
    sequence.

    >>> import nnscratch as nn
    >>> model = nn.Sequential(nn.RNN(6, 50), nn.LastStep(), nn.Dense(50, 4))
    >>> model(np.zeros((20, 100, 6), np.float32)).shape
    (20, 4)
    """

    kind: ClassVar[str] = "rnn"
    captured_whole: ClassVar[bool] = True
    gates: ClassVar[tuple[str, ...]] = ("h",)
    _leaves: ClassVar[Mapping[str, int]] = {"hidden": 1, "before": 1, "previous": 1}
    _leaves_gradients: ClassVar[Mapping[str, int]] = {"hidden_gradient": 1, "gates_gradient": 1}

    def __init__(
        self,
        features_in: int,
        features: int,
        activation: str = "tanh",
        init: Init = "glorot_uniform",
        recurrent_init: Init = "orthogonal",
        bias_init: Init = "zeros",
        reverse: bool = False,
        initial: str = "zeros",
        defaults: str | None = None,
    ) -> None:
        super().__init__(
            features_in, features, init, recurrent_init, bias_init, reverse, initial, defaults
        )
        self.activation = require_text("RNN activation", activation)
        function = activation_of("leaky_relu", slope=1.0)  # identity has no kernel
        if activation != "identity":
            function = activation_of(activation)
        if not isinstance(function, KernelPair):
            raise ConfigError(
                f"RNN activation {activation!r} learns or draws something, which a step of time "
                f"cannot: choose one that does not, such as 'tanh' or 'relu'"
            )
        self.saturation = function.saturation
        self._function = function.kernel
        self._constant = float(next(iter(function.constants), 0.0))

    def _forward(self, x: Array, tensors: dict[str, Array], mask: Array) -> None:
        params = self.params
        kernels.rnn_forward(
            *(flat(tensors[name]) for name in ("hidden", "before", "previous")),
            *(flat(x), params["weight"], params["bias"], params["recurrent_weight"]),
            *(tensors["initial_hidden"], mask, self.reverse),
            *(f"{self._function}_forward", self._constant),
        )

    def _backward(self, dy: Array, of: dict[str, Array], mask: Array, through: Array) -> None:
        kernels.rnn_backward(
            *(of["gates_gradient"], of["hidden_gradient"], of["initial_hidden_gradient"]),
            *(dy, of["hidden"], of["before"]),
            *(self.params["recurrent_weight"], mask, through, self.reverse),
            *(f"{self._function}_backward", self._constant),
        )

    def options(self) -> str:
        named = f", activation={self.activation!r}" * (self.activation != "tanh")
        return super().options() + named
