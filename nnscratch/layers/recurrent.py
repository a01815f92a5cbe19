"""Recurrent layers: a cell that goes through a sequence step by step, with one set of weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from nnscratch import initializers
from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels
from nnscratch.errors import (
    ConfigError,
    ShapeError,
    require_count,
    require_number,
    unknown_name,
)
from nnscratch.layers.activations import KernelPair
from nnscratch.layers.base import Features, Layer, Shapes
from nnscratch.layers.registry import activation as activation_of
from nnscratch.sequences import as_mask

__all__ = ["GRU", "LSTM", "RNN"]

Init = str | initializers.Initializer
# The input, what is inside by name, the mask, factors back, and whether a state was given.
Cache = tuple[Array, dict[str, Array], Array, Array, bool]


def flat(x: Array) -> Array:
    """Return a contiguous ``(batch, time, features)`` as a view ``(batch, time * features)``."""
    return x.reshape(len(x), -1)


class Recurrent(Layer):
    """What recurrent layers share; see `RNN`, `LSTM`, `GRU`."""

    role: ClassVar[str] = "recurrent"
    needs_time: ClassVar[bool] = True
    # What a call leaves behind, (batch, time, so many times the features) each: forward, backward.
    _leaves: ClassVar[Mapping[str, int]]
    _leaves_gradients: ClassVar[Mapping[str, int]]

    def __init__(
        self,
        features_in: int,
        features: int,
        init: Init,
        recurrent_init: Init,
        bias_init: Init,
        reverse: bool,
        initial: str,
    ) -> None:
        super().__init__()
        kind = type(self).__name__
        self.features_in = require_count(f"{kind} features_in", features_in)
        self.features = require_count(f"{kind} features", features)
        self.init = initializers.get(init)
        self.recurrent_init = initializers.get(recurrent_init)
        self.bias_init = initializers.get(bias_init)
        self.reverse = bool(reverse)
        if initial not in ("zeros", "learned"):
            raise unknown_name(f"{kind} initial state", initial, ("zeros", "learned"))
        self.initial = initial

    def parameter_shapes(self) -> Shapes:
        wide = len(self.gates) * self.features
        learned = self.state_shapes() if self.initial == "learned" else {}
        return {
            "weight": (self.features_in, wide),
            "recurrent_weight": (self.features, wide),
            "bias": (wide,),
            **{f"initial_{name}": shape for name, shape in learned.items()},
        }

    def state_shapes(self) -> Shapes:
        return {"hidden": (self.features,)}

    def input_features(self) -> int:
        return self.features_in

    def output_features(self, features: Features) -> int:
        return self.features

    def gate(self, name: str, values: Array) -> Array:
        """Return the part of a parameter, a gradient or `gates` that belongs to one gate."""
        if name not in self.gates:
            raise ConfigError(f"{self!r} has the gates {', '.join(self.gates)}, got {name!r}")
        at = self.gates.index(name) * self.features
        return values[..., at : at + self.features]

    def reset(self, rng: np.random.Generator) -> None:
        """Draw every gate's weights by themselves: the fans are those of one gate."""
        inits = {"weight": self.init, "recurrent_weight": self.recurrent_init}
        for name, values in self.params.items():
            if name.startswith("initial_"):
                values[...] = 0
                continue
            init = inits.get(name, self.bias_init)
            for gate in self.gates:
                part = self.gate(gate, values)
                part[...] = init(part.shape, rng, values.dtype)

    def inside(self, cache: Cache) -> dict[str, Array]:
        return cache[1]

    def ends(self, cache: Cache) -> dict[str, Array]:
        last = 0 if self.reverse else -1
        return {name: cache[1][name][:, last].copy() for name in self.state_shapes()}

    def forward(
        self,
        x: Array,
        training: bool = False,
        mask: Array | None = None,
        through: Array | None = None,
        state: Mapping[str, Array] | None = None,
    ) -> tuple[Array, Cache]:
        x = self.check_input(x, self.features_in)
        if x.ndim != 3 or not x.shape[1]:
            raise ShapeError(
                f"layer {self.name!r} expects sequences, an array of shape (batch, time, "
                f"{self.features_in}) of at least one step, got shape {x.shape}"
            )
        batch, steps = x.shape[:2]
        if mask is None:
            mask = self.buffer("no mask", (batch, 0))
        else:
            mask = as_mask(mask, x.shape, x.dtype, f"the mask of layer {self.name!r}")
        if through is None:
            through = self.buffer("no factors", (0,))
        sizes = {**self._leaves, **self._leaves_gradients}
        tensors = {
            name: self.buffer(name, (batch, steps, times * self.features))
            for name, times in sizes.items()
        }
        for name in self.state_shapes():
            tensors[f"initial_{name}"] = self._start(name, batch, state)
            tensors[f"initial_{name}_gradient"] = self.buffer(
                f"initial_{name}_gradient", (batch, self.features)
            )
        self._forward(x, tensors, mask)
        return tensors["hidden"], (x, tensors, mask, through, state is not None)

    def _start(self, of: str, batch: int, state: Mapping[str, Array] | None) -> Array:
        if state is not None:
            return state[of]
        if self.initial == "learned":  # a dense layer without inputs, which gives its bias
            start = self.buffer(f"initial_{of}", (batch, self.features))
            kernels.dense_forward(start, *self._nothing(batch), self.params[f"initial_{of}"])
            return start
        zeros = self.buffer("zeros", (batch, self.features))
        zeros[...] = 0
        return zeros

    def _nothing(self, batch: int) -> tuple[Array, Array]:
        """Return input and weight of a dense layer without inputs."""
        return self.buffer("no input", (batch, 0)), self.buffer("no weight", (0, self.features))

    def _forward(self, x: Array, tensors: dict[str, Array], mask: Array) -> None:
        """Call the kernel that goes through all steps."""
        raise NotImplementedError

    def backward(
        self, dy: Array, cache: Cache, accumulate: bool = False, input_gradient: bool = True
    ) -> Array | None:
        x, tensors, mask, through, given = cache
        of = {name: flat(tensor) for name, tensor in tensors.items()}
        self._backward(flat(dy), of, mask, through)
        dgates = rows(tensors["gates_gradient"])
        kernels.dense_backward_parameters(
            self.grads["weight"], self.grads["bias"], dgates, rows(x), accumulate
        )
        # Where the state's products have no bias of their own, nobody reads its gradient.
        drecurrent = tensors.get("recurrent_gradient", tensors["gates_gradient"])
        kernels.dense_backward_parameters(
            self.grads["recurrent_weight"],
            self.grads.get("recurrent_bias", self.buffer("nobody", self.grads["bias"].shape)),
            rows(drecurrent),
            rows(tensors["previous"]),
            accumulate,
        )
        if self.initial == "learned":
            count = 0 if given else len(x)  # of a state that was given nothing is learned
            none, weight = self._nothing(count)
            for name in self.state_shapes():
                dstart = tensors[f"initial_{name}_gradient"][:count]
                kernels.dense_backward_parameters(
                    weight, self.grads[f"initial_{name}"], dstart, none, accumulate
                )
        if not input_gradient:
            return None
        dx, weight = self.buffer("dx", x.shape), self.params["weight"]
        weight_t = self.buffer("weight_t", weight.shape[::-1])
        kernels.dense_backward_input(rows(dx), dgates, weight, weight_t)
        return dx

    def _backward(self, dy: Array, of: dict[str, Array], mask: Array, through: Array) -> None:
        """Call the kernel that goes back through all steps, with what is inside as (batch, -1)."""
        raise NotImplementedError

    def options(self) -> str:
        said = f"{self.features_in}, {self.features}, recurrent_init={self.recurrent_init!r}"
        learned = f", initial={self.initial!r}" * (self.initial != "zeros")
        return said + ", reverse=True" * self.reverse + learned


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
    ) -> None:
        super().__init__(features_in, features, init, recurrent_init, bias_init, reverse, initial)
        self.activation = activation
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
    init, recurrent_init, bias_init : name or Initializer
        Drawn for each gate by itself; see `nnscratch.initializers.names`.
    reverse : bool
        Go through the sequence from its last step to its first.
    initial : "zeros" or "learned"
        The state before the first step, where none is given (`Network.forward`).

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
    ) -> None:
        super().__init__(features_in, features, init, recurrent_init, bias_init, reverse, initial)
        self.forget_bias = require_number("LSTM forget_bias", forget_bias)

    def state_shapes(self) -> Shapes:
        return {**super().state_shapes(), "cell": (self.features,)}

    def reset(self, rng: np.random.Generator) -> None:
        super().reset(rng)
        self.gate("f", self.params["bias"])[...] += self.forget_bias

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

    def options(self) -> str:
        return f"{super().options()}, forget_bias={self.forget_bias:g}"


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
    init, recurrent_init, bias_init : name or Initializer
        Drawn for each gate by itself; see `nnscratch.initializers.names`.
    reverse : bool
        Go through the sequence from its last step to its first.
    initial : "zeros" or "learned"
        The state before the first step, where none is given (`Network.forward`).

    >>> import nnscratch as nn
    >>> model = nn.Sequential(nn.GRU(6, 50), nn.LastStep(), nn.Dense(50, 4))
    >>> model(np.zeros((20, 100, 6), np.float32)).shape
    (20, 4)
    """

    kind: ClassVar[str] = "gru"
    captured_whole: ClassVar[bool] = True
    gates: ClassVar[tuple[str, ...]] = ("r", "z", "n")
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
    ) -> None:
        super().__init__(features_in, features, init, recurrent_init, bias_init, reverse, initial)
        self.update_bias = require_number("GRU update_bias", update_bias)

    def parameter_shapes(self) -> Shapes:
        shapes = super().parameter_shapes()
        return {**shapes, "recurrent_bias": shapes["bias"]}

    def reset(self, rng: np.random.Generator) -> None:
        super().reset(rng)
        self.gate("z", self.params["bias"])[...] += self.update_bias

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

    def options(self) -> str:
        return super().options() + f", update_bias={self.update_bias:g}" * bool(self.update_bias)
