"""What every layer is: named parameters, an explicit `forward` and an explicit `backward`."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nnscratch.arguments import arguments, make
from nnscratch.arrays import Array, as_array, check_dtype
from nnscratch.errors import ConfigError, DtypeError, ShapeError, require_flag, require_seed, shown
from nnscratch.parameters import Views
from nnscratch.sequences import as_mask
from nnscratch.workspace import Workspace, changes

__all__ = ["Layer"]

Shapes = dict[str, tuple[int, ...]]
Features = int | None  # None: not known before there is data
Shape = tuple[Features, ...]  # (batch, *positions, features)


class Layer:
    """A layer of a network. Subclasses say how the signal goes forward and the gradient backward.

    ``y, cache = layer.forward(x, training)`` returns the output and what the layer's own backward
    needs; ``dx = layer.backward(dy, cache)`` takes the gradient of the loss with respect to the
    output, writes the gradients of the layer's parameters into `grads` and returns the gradient
    with respect to the input. Arrays are ``(batch, *positions, features)``. What is returned lives
    in buffers that the next pass reuses: copy what you keep. Neither `x` nor `dy` is written to:
    where the signal forks others read them too.

    A layer of one's own is a subclass with a `kind`, a `role`, `forward` and `backward`;
    `parameter_shapes` and `reset` if it learns something, `output_features` if it changes the
    width, `output_shape` if it changes positions too, `positions` if it needs some. A `forward`
    that takes ``statistics`` is told which to evaluate with (see `BatchNorm`), one that takes
    ``mask`` which steps a sequence has.

    Inside a network the arrays of `params`, `grads` and `statistics` are views into the model's
    flat arrays: ``layer.params["weight"] = w`` copies `w` into its place. A layer used by itself
    gets its own from `initialize`.

    Attributes
    ----------
    role : str
        One of `nnscratch_records.ROLES`: what the layer does, which is all that recording,
        findings, theory and pictures ask of it. ``"opaque"``: it has not said, and nothing is
        assumed.
    name : str
        ``"index.kind"`` inside a model, the kind alone outside.
    params, grads, statistics : mapping of arrays
        Learned parameters, their gradients, and what the layer measures rather than learns (the
        running statistics of batch norm).
    noise : numpy.random.Generator
        Source of the layer's own noise (dropout, randomized slopes).
    frozen : bool
        Whether optimizers leave it as it is: see ``model.freeze``.
    version : int
        How often an attribute has been set.
    """

    kind: ClassVar[str] = "layer"
    role: ClassVar[str] = "opaque"
    # Set to True in a class whose own `forward` (in training) and `backward` do nothing but call
    # kernels on the layer's buffers, so that the calls can be kept (`network.replay`). A subclass
    # does not inherit it.
    captured_whole: ClassVar[bool] = False

    # An activation saturates where its output comes within 3 % of an asymptote (of half its range,
    # if it is bounded): (low, high), outputs at or beyond which it does; NaN: it has no such end.
    saturation: tuple[float, float] = (math.nan, math.nan)
    # Whether a unit is dead whose output is 0 or less for every example.
    rectifies: ClassVar[bool] = False
    # How many axes of what the layer takes lie between batch and features: 1 for sequences, (batch,
    # time, features), 2 for images. None: any number.
    positions: ClassVar[int | None] = None
    # The fields that the layer adds to a record with the arguments that `measured` returns.
    adds_to_record: ClassVar[str] = ""

    # Of a recurrent layer: what its parameters have side by side, such as ("i", "f", "g", "o").
    gates: ClassVar[tuple[str, ...]] = ()

    version: int

    def __init__(self) -> None:
        self.name = self.kind
        self.dtype: np.dtype[Any] | None = None
        self.params = self.grads = self.statistics = Views({})
        self.noise = np.random.default_rng(0)
        self.workspace = Workspace()
        self.frozen = False

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "frozen":
            value = require_flag(f"frozen of layer {self.name!r}", value)
        elif name in _BOUND and self.__dict__.get("dtype") is not None:
            raise ConfigError(
                f"{name} of layer {self.name!r} stays as it was made; write into the arrays, for "
                f"example layer.params[key] = values, or make a new layer"
            )
        elif name == "noise" and not isinstance(value, np.random.Generator):
            raise ConfigError(
                f"noise of layer {self.name!r} must be a numpy.random.Generator, got {shown(value)}"
            )
        object.__setattr__(self, name, value)
        self.__dict__["version"] = self.__dict__.get("version", 0) + 1
        changes.number += 1

    # What a subclass describes.

    def parameter_shapes(self) -> Shapes:
        """Return the shape of each learned parameter, by name."""
        return {}

    def parameter_roles(self) -> dict[str, str]:
        """Return what each parameter is, one of `nnscratch_records.PARAM_ROLES`."""
        return {name: _PARAMETER_ROLES.get(name, "other") for name in self.parameter_shapes()}

    def statistic_shapes(self) -> Shapes:
        """Return the shape of each measured statistic, by name."""
        return {}

    def input_features(self) -> Features:
        """Return how many features the layer takes, or None if it takes any number."""
        return None

    def output_features(self, features: Features) -> Features:
        """Return how many features come out when `features` go in (None: not known)."""
        return features

    def output_shape(self, *shapes: Shape) -> Shape:
        """Return the shape that comes out, from those that go in (None: a size not known yet)."""
        return (*shapes[0][:-1], self.output_features(shapes[0][-1]))

    def reset(self, rng: np.random.Generator) -> None:
        """Set parameters and statistics to their initial values, drawing from `rng`."""

    def slope_moments(self) -> tuple[float, float] | None:
        """Return mean and mean square of the slope below 0 as it begins, where that is learned or
        drawn and 1 above it; None for every other function.
        """
        return None

    def measured(self) -> tuple[Array | float, ...]:
        """Return what the kernel measures that fills the fields of `adds_to_record`."""
        raise TypeError(f"{type(self).__name__} adds nothing to a record")

    def inside(self, cache: Any) -> dict[str, Array]:
        """Return what a call leaves behind beside its output, by name, from its cache.

        Names that end in ``_gradient`` are those that backward fills.
        """
        return {}

    def state_shapes(self) -> Shapes:
        """Return the shape of each state that a sequence begins with, by name, for one example."""
        return {}

    def ends(self, cache: Any) -> dict[str, Array]:
        """Return a copy of the state in which a call ended, by name, from its cache."""
        raise TypeError(f"{type(self).__name__} has no state")

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Any]:
        """Return the output for `x` and what `backward` needs."""
        raise TypeError(f"{type(self).__name__} has no forward: use a layer of nnscratch.layers")

    def backward(
        self, dy: Array, cache: Any, accumulate: bool = False, input_gradient: bool = True
    ) -> Any:
        """Return the gradient with respect to the input, and fill `grads`.

        accumulate : add to the gradients that are there instead of replacing them.
        input_gradient : False where nobody needs it (the first layer in training); the layer may
            then return None.

        A layer with several inputs returns as many gradients, in a tuple.
        """
        raise TypeError(f"{type(self).__name__} has no backward: use a layer of nnscratch.layers")

    # What is the same for all.

    def initialize(
        self, rng: np.random.Generator | int = 0, dtype: npt.DTypeLike = np.float32
    ) -> Layer:
        """Give a layer that is used by itself its own parameters; return the layer.

        `rng` is a generator or a seed. Inside a network the model does this.
        """
        seeded = isinstance(rng, np.random.Generator)
        generator = np.random.default_rng(rng if seeded else require_seed("seed", rng))
        kind = check_dtype(dtype)

        def zeros(shapes: Shapes) -> Views:
            return Views({name: np.zeros(shape, kind) for name, shape in shapes.items()})

        self.bind(
            kind,
            zeros(self.parameter_shapes()),
            zeros(self.parameter_shapes()),
            zeros(self.statistic_shapes()),
            generator.spawn(1)[0],
        )
        self.reset(generator)
        return self

    def bind(
        self,
        dtype: np.dtype[Any],
        params: Views,
        grads: Views,
        statistics: Views,
        noise: np.random.Generator,
    ) -> None:
        """Attach the arrays that hold this layer's parameters, and its source of noise."""
        self.noise = noise
        arrays = {"params": params, "grads": grads, "statistics": statistics}
        self.__dict__.update(arrays, dtype=dtype)
        self.__dict__["_checked"] = self.version  # itself no change

    def check_mask(self, mask: Array | None, x: Array) -> Array | None:
        """Return a mask for the steps of `x` as kernels take it; None for none, and where there is
        no time, as behind a LastStep."""
        if mask is None or x.ndim != 3:
            return None
        return as_mask(mask, x.shape, x.dtype, f"the mask of layer {self.name!r}")

    def check_input(self, x: Array, features: int | None = None) -> Array:
        """Return `x` if this layer can take it, made contiguous, or raise saying why not."""
        if self.dtype is None:
            raise ConfigError(
                f"layer {self.name!r} has no parameters yet: put it in a Sequential, "
                f"or call .initialize(seed) first"
            )
        if self.__dict__.get("_checked") != self.version:
            self._check_changes()
        plain = type(x) is np.ndarray
        found = x if plain else as_array(x, f"the input of layer {self.name!r}")
        axes = None if self.positions is None else 2 + self.positions
        fits = found.ndim >= 2 and axes in (None, found.ndim) and 0 not in found.shape[1:-1]
        if not (fits and isinstance(x, np.ndarray)):
            in_time = self.positions == 1
            middle = {None: "", 0: "", 1: "time, "}.get(self.positions, "..., ")
            got = f"shape {found.shape}" if isinstance(x, np.ndarray) else type(x).__name__
            make = f": make it one with np.asarray(x, dtype=np.{self.dtype})"
            raise ShapeError(
                f"layer {self.name!r} expects {'sequences, ' * in_time}an array of shape (batch, "
                f"{middle}{features or 'features'}){' of at least one step' * in_time}, got {got}"
                f"{make if fits else ''}"
            )
        x = found
        if features is not None and x.shape[-1] != features:
            raise ShapeError(
                f"layer {self.name!r} expects {features} features, "
                f"got {x.shape[-1]} (input shape {x.shape})"
            )
        if x.dtype != self.dtype:
            raise DtypeError(
                f"layer {self.name!r} computes in {self.dtype}, got input of {x.dtype}; "
                f"convert with x.astype(np.{self.dtype})"
            )
        return x if x.flags.c_contiguous else np.ascontiguousarray(x)

    def _check_changes(self) -> None:
        """Raise `ConfigError` unless the layer could be made as it is now, with its arrays."""
        if type(self).__module__.startswith("nnscratch."):  # others may do anything when made
            made = make(type(self), arguments(self))  # whose constructor knows the limits
            # What follows from a setting follows from one that was set later too.
            self.__dict__.update({k: v for k, v in made.__dict__.items() if k not in _ITS_OWN})
        for shapes, arrays in (
            (self.parameter_shapes(), self.params),
            (self.parameter_shapes(), self.grads),
            (self.statistic_shapes(), self.statistics),
        ):
            asked = {name: (*shape, self.dtype) for name, shape in shapes.items()}
            found = {name: (*array.shape, array.dtype) for name, array in arrays.items()}
            if asked != found:
                raise ConfigError(
                    f"layer {self.name!r} ({self!r}) was changed after its arrays were made: it "
                    f"asks for {shapes}, and has { {n: a.shape for n, a in arrays.items()} } of "
                    f"{', '.join(sorted({str(a.dtype) for a in arrays.values()}))}; "
                    f"make a new layer, or a network with nn.remake"
                )
        self.__dict__["_checked"] = self.version  # itself no change

    def buffer(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return the layer's reused array `name`."""
        assert self.dtype is not None  # `check_input` has seen to that
        return self.workspace.get(name, shape, self.dtype)

    def options(self) -> str:
        """Return the arguments the layer was made with, for `repr`."""
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.options()})"


_BOUND = {"params", "grads", "statistics", "dtype"}  # what `bind` sets
_ITS_OWN = _BOUND | {"name", "noise", "workspace", "frozen", "version"}
_PARAMETER_ROLES = {
    "weight": "weight",
    "recurrent_weight": "recurrent_weight",
    "bias": "bias",
    "recurrent_bias": "bias",
    "gamma": "scale",
    "beta": "shift",
    "slope": "slope",
}
