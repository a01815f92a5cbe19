"""Layers in a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch.arguments import arguments, make
from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, shown
from nnscratch.layers.base import Layer
from nnscratch.network.network import Network
from nnscratch.network.nodes import INPUT, Block, Writer, is_of_torch
from nnscratch.parameters import stays


class Sequential(Network):
    """Layers in a row: the output of one is the input of the next.

    ``nn.Sequential(nn.Dense(64, 100), nn.ELU(), nn.Dense(100, 10), seed=0)``

    ``model[0]`` is the first part, ``len(model)`` says how many there are, ``for part in model``
    goes through them, and ``model(x)`` is ``model.forward(x)``.

    Parameters
    ----------
    parts : Layer or Block
        Layers, or blocks of layers such as `Residual`. A layer belongs to one model; where it
        stands twice in it, both places share its weights. Widths are checked here: `ShapeError`
        names the layer.
    seed : int, SeedSequence or None
        Decides the initial weights and the noise of dropout and randomized slopes. Each layer has
        its own stream, so that changing one layer does not change the weights of another.
    dtype : float32 or float64

    Attributes
    ----------
    parts : tuple
        As they were given.
    layers : dict of Layer
        By name, ``"index.kind"``; in the block at index 3 ``"3.index.kind"``.
    params, grads, statistics : Parameters
        Every parameter ``"index.parameter"``, its gradient, and running statistics, each a view
        into one flat array.
    """

    parts: tuple[Layer | Block, ...] = stays("parts")

    def __init__(
        self,
        *parts: Layer | Block,
        seed: int | np.random.SeedSequence | None = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.parts = parts
        super().__init__(self._write, seed, dtype)

    def _write(self, writer: Writer) -> None:
        at = INPUT
        for part in self.parts:
            at = writer.put(part, at)
        if at != len(writer.nodes) - 1:
            raise ConfigError(
                f"the last part gives the output of {writer.nodes[at].name!r}, but writes "
                f"{writer.nodes[-1].name!r} behind it, which nobody takes"
            )

    def __reduce__(self) -> tuple[Callable[..., Sequential], tuple[Any, ...]]:
        """Be pickled by way of what the parts were made with, and the arrays.

        Loading runs the constructors of the parts. Raises `ConfigError` for a part whose class does
        not keep its arguments, or for a subclass.
        """
        if type(self) is not Sequential:
            raise ConfigError(
                f"{type(self).__name__} cannot be pickled: a subclass of Sequential needs a "
                f"__reduce__ of its own; or save its weights with model.save_weights(path)"
            )
        arrays = self.params.flat, self.statistics.flat, self.noise_state()
        return _restored, (_Bare.of(self.parts, {}), str(self.dtype), *arrays, self.frozen)

    def __getitem__(self, index: int) -> Layer | Block:
        if isinstance(index, bool) or not isinstance(index, int | np.integer):
            raise ConfigError(
                f"model[...] takes a whole number, got {shown(index)}; for names see model.layers"
            )
        if not -len(self.parts) <= index < len(self.parts):
            raise IndexError(f"model[{index}]: the model has {len(self.parts)} parts")
        return self.parts[index]

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[Layer | Block]:
        return iter(self.parts)


class _Bare:
    """A layer or a block as it lies in a pickled model: its class and its arguments."""

    def __init__(self, part: Layer | Block, seen: dict[int, _Bare]) -> None:
        self.kind = type(part)
        self.given = {name: _Bare.of(value, seen) for name, value in arguments(part).items()}

    @classmethod
    def of(cls, value: Any, seen: dict[int, _Bare]) -> Any:
        """Return `value` with every part in it bare; the same one for a layer in several places."""
        if isinstance(value, tuple | list):
            return [cls.of(one, seen) for one in value]
        if isinstance(value, Layer) or callable(getattr(value, "write", None)):
            if id(value) not in seen:
                seen[id(value)] = cls(value, seen)
            return seen[id(value)]
        return value

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return make, (self.kind, self.given)


def _restored(
    parts: list[Layer | Block],
    dtype: str,
    params: Array,
    statistics: Array,
    noise: list[Any],
    frozen: tuple[str, ...] = (),  # models pickled by 1.0 know of none
) -> Sequential:
    model = Sequential(*parts, dtype=dtype)
    model.params.flat[...] = params
    model.statistics.flat[...] = statistics
    model.set_noise_state(noise)
    if frozen:
        model.freeze(*frozen)
    return model


def require_model(what: str, model: object) -> None:
    """Raise `ConfigError` saying what to give instead unless `model` is a `Sequential`."""
    if isinstance(model, Sequential):
        return
    hint = ""
    if isinstance(getattr(model, "model", None), Sequential):
        hint = ": give its .model"
    elif is_of_torch(model):
        hint = (
            ": nnscratch.pytorch.watch(model, optimizer) watches a PyTorch network, "
            "nnscratch.pytorch.from_torch(model) makes one of ours of it"
        )
    raise ConfigError(f"{what} must be a Sequential, got {shown(model)}{hint}")
