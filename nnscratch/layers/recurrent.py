"""What recurrent layers share: going through a sequence step by step with one set of weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from nnscratch import initializers
from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels
from nnscratch.errors import (
    ConfigError,
    require_count,
    require_flag,
    require_name,
)
from nnscratch.layers.base import Features, Layer, Shapes
from nnscratch.layers.framework_defaults import DEFAULTS

Init = str | initializers.Initializer
# The input, what is inside by name, the mask, factors back, and whether a state was given.
Cache = tuple[Array, dict[str, Array], Array, Array, bool]


def flat(x: Array) -> Array:
    """Return a contiguous ``(batch, time, features)`` as a view ``(batch, time * features)``."""
    return x.reshape(len(x), -1)


class Recurrent(Layer):
    """What recurrent layers share; see `RNN`, `LSTM`, `GRU`."""

    role: ClassVar[str] = "recurrent"
    # The gate that keeps the state, and the argument that is added to its bias when that is drawn.
    keeps: ClassVar[tuple[str, str] | None] = None
    positions: ClassVar[int | None] = 1
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
        defaults: str | None,
        chrono: int | None = None,
    ) -> None:
        super().__init__()
        kind = type(self).__name__
        self.features_in = require_count(f"{kind} features_in", features_in)
        self.features = require_count(f"{kind} features", features)
        self.init = initializers.get(init)
        self.recurrent_init = initializers.get(recurrent_init)
        self.bias_init = initializers.get(bias_init)
        self.reverse = require_flag(f"{kind} reverse", reverse)
        require_name(f"{kind} initial state", initial, ("zeros", "learned"))
        self.initial = initial
        if defaults is not None:
            require_name("framework whose defaults to take", defaults, DEFAULTS)
        self.defaults = defaults
        self.chrono = None if chrono is None else require_count(f"{kind} chrono", chrono, least=3)

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
        for name in self.state_shapes() if self.initial == "learned" else ():
            self.params[f"initial_{name}"][...] = 0
        if self.defaults is not None:
            DEFAULTS[self.defaults](self, rng)
            return
        inits = {"weight": self.init, "recurrent_weight": self.recurrent_init}
        for name, values in self.params.items():
            init = inits.get(name, self.bias_init)
            for gate in () if name.startswith("initial_") else self.gates:
                part = self.gate(gate, values)
                part[...] = init(part.shape, rng, values.dtype)
        if self.keeps is not None:
            bias = self.gate(self.keeps[0], self.params["bias"])
            if self.chrono is None:
                bias += getattr(self, self.keeps[1])
            else:
                bias[...] = np.log(rng.uniform(1, self.chrono - 1, self.features))

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
        batch, steps = x.shape[:2]
        mask = self.check_mask(mask, x)
        if mask is None:
            mask = self.buffer("no mask", (batch, 0))
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
        y = tensors["hidden"]
        if self._holds(mask):
            y = self.buffer("y", y.shape)
            kernels.hold_forward(flat(y), flat(tensors["hidden"]), mask)
        return y, (x, tensors, mask, through, state is not None)

    def _holds(self, mask: Array) -> bool:
        """Whether a step that is not there gives something else than the state that is carried.

        It gives what the last step before it gave, whichever way the layer goes: what is filled up
        behind a sequence changes nothing for those who read the last step.
        """
        return self.reverse and mask.shape[1] > 0

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
        if self._holds(mask):
            held, dy = dy, self.buffer("dy", dy.shape)
            kernels.hold_backward(flat(dy), flat(held), mask)
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
        said = f"{self.features_in}, {self.features}, "
        drawn = f"recurrent_init={self.recurrent_init!r}"
        said += drawn if self.defaults is None else f"defaults={self.defaults!r}"
        learned = f", initial={self.initial!r}" * (self.initial != "zeros")
        said += ", reverse=True" * self.reverse + learned
        if self.keeps is None or self.defaults is not None:
            return said
        if self.chrono is not None:
            return f"{said}, chrono={self.chrono}"
        return f"{said}, {self.keeps[1]}={getattr(self, self.keeps[1]):g}"
