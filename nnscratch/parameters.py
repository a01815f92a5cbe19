"""All parameters of a model in one flat array, each also a named view into it.

An optimizer, a clip or a norm is then one pass over one array, and inspecting is just looking:
``model.params["0.weight"]`` is an ordinary NumPy array that shares memory with
``model.params.flat``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, as_array, as_numbers, filled, fitted
from nnscratch.errors import ConfigError, ShapeError, unknown_name
from nnscratch.turns import Turn

T = TypeVar("T")


def stays(name: str) -> Any:
    """Return an attribute of a class whose objects set it once: whose arrays kernels know by their
    addresses, whatever stands here later.
    """
    own = f"_{name}"

    def set_once(self: object, value: object) -> None:
        if own in self.__dict__ and self.__dict__[own] is not value:
            raise ConfigError(
                f"{name} of a {type(self).__name__} stay where they are; write into the arrays, "
                f"for example {name}[key] = values, or make a new {type(self).__name__}"
            )
        self.__dict__[own] = value

    return property(attrgetter(own), set_once)


class Owner(Protocol):
    """What parameters belong to: a layer."""

    name: str
    frozen: bool


def put_whole(put: Callable[[T], object], values: T, instead: T) -> None:
    """Call ``put(values)``; where a signal handler or anything else raises within, ``put(instead)``
    before that goes on: nothing stays half written.
    """
    try:
        put(values)
    except BaseException:
        put(instead)
        raise


def is_of(name: str, whole: str) -> bool:
    """Whether a layer or parameter is, or is part of, what is called `whole`."""
    return name == whole or name.startswith(f"{whole}.")


class Views(Mapping[str, Array]):
    """Named arrays whose places never change: setting one copies the values into its place.

    Whoever gives the array that he got another shape or type, or write-protects it, does so to his
    own view alone (``model.freeze`` has a layer left as it is).

    Attributes
    ----------
    places : dict of arrays
        The arrays themselves, which kernels know by their addresses; for this package's own use.
    """

    what: ClassVar[str] = "parameter"  # what errors call one

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.places = dict(arrays)

    def __getitem__(self, name: str) -> Array:
        if name not in self.places:
            raise unknown_name(self.what, name, self.places)
        return self.places[name].view()

    def __setitem__(self, name: str, values: npt.ArrayLike) -> None:
        """Copy `values` in. Raises `ShapeError` unless they have the array's shape, `DtypeError`
        unless they are real numbers; an unknown name is a `UnknownNameError`.
        """
        _copy_in(self[name], values, repr(name))

    def part(self, names: Mapping[str, str]) -> Views:
        """Return views of the same arrays by other names: their name there, their name here."""
        return Views({name: self.places[here] for name, here in names.items()})

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {view.shape}" for name, view in self.places.items())


def _copy_in(view: Array, values: npt.ArrayLike, what: str) -> None:
    given = as_array(values, what)
    if given.shape != view.shape:
        raise ShapeError(f"{what} has shape {view.shape}, got values of shape {given.shape}")
    view[...] = fitted(given, view.dtype, what)


class Parameters(Views):
    """Views into the array `flat`, by name.

    Setting `flat` copies the values in, and nothing else can be set.

    Attributes
    ----------
    flat : array, shape (size,)
        Every value, one name after the other in the order of `names`: a view of `memory`.
    memory : array, shape (size,)
        The array itself, as `places` are.
    names : tuple of str
    offsets : int64 array, shape (len(names) + 1,)
        ``flat[offsets[i]:offsets[i + 1]]`` holds ``names[i]``, row-major.
    owners : dict of Owner
        In a network, the layer that each belongs to.
    turn : Turn
        Who works with them, or with the network that they are of: one thread at a time.
    """

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        dtype: npt.DTypeLike,
        flat: Array | None = None,
    ) -> None:
        sizes = [math.prod(shape) for shape in shapes.values()]
        self.names = tuple(shapes)
        self.memory: Array = filled(sum(sizes), 0, dtype) if flat is None else flat
        self.owners: dict[str, Owner] = {}
        self.turn = Turn()
        self.offsets = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64))).astype(np.int64)
        self.offsets.setflags(write=False)
        super().__init__(
            {
                name: self.memory[start:stop].reshape(shape)
                for (name, shape), start, stop in zip(
                    shapes.items(), self.offsets[:-1], self.offsets[1:], strict=True
                )
            }
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ and name != "owners":
            raise ConfigError(f"{name} of {type(self).__name__} stays as it was made")
        super().__setattr__(name, value)

    @property
    def flat(self) -> Array:
        return self.memory.view()

    @flat.setter
    def flat(self, values: npt.ArrayLike) -> None:
        _copy_in(self.memory, values, "flat")

    def __reduce__(self) -> tuple[Callable[..., Parameters], tuple[Any, ...]]:
        return _restored, (self._shapes(), self.memory.copy())

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: view.shape for name, view in self.places.items()}

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameters:
        twin = _restored(self._shapes(), self.memory)
        memo[id(self)] = twin
        # Whoever else holds a view of this one gets the view of the twin.
        memo.update({id(view): twin.places[name] for name, view in self.places.items()})
        return twin

    def __repr__(self) -> str:
        rows = (f"  {name}: {view.shape}" for name, view in self.places.items())
        return f"Parameters({self.dtype}, {self.memory.size:,} values)\n" + "\n".join(rows)

    def piece(self, first: int, last: int) -> Parameters:
        """Return ``names[first:last]`` by themselves: views of the same arrays."""
        shapes = {name: self.places[name].shape for name in self.names[first:last]}
        return Parameters(shapes, self.dtype, self.memory[self.offsets[first] : self.offsets[last]])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of every value."""
        return self.memory.dtype

    def check(self, values: Mapping[str, Array], what: str) -> Array:
        """Return `values` one after the other, as `flat` has them.

        Raises `ShapeError` if a name in `values` is missing, unknown or of another shape,
        `DtypeError` or `DataError` if these are no numbers of the parameter's type.

        `what` names the source of the values in the message.
        """
        missing = [name for name in self.names if name not in values]
        extra = [name for name in values if name not in self.places]
        if missing or extra:
            raise ShapeError(
                f"{what} does not fit this model: missing {missing or 'nothing'}, "
                f"not in the model {extra or 'nothing'}; build the model that was saved"
            )
        parts = [self.memory[:0]]
        for name, view in self.places.items():
            given = as_numbers(values[name], view.dtype, f"{what}: {name!r}")
            if given.shape != view.shape:
                raise ShapeError(
                    f"{what} does not fit this model: {name!r} has shape {given.shape}, "
                    f"the model expects {view.shape}"
                )
            parts.append(given.reshape(-1))
        return np.concatenate(parts)


def _restored(shapes: Mapping[str, tuple[int, ...]], flat: Array) -> Parameters:
    made = Parameters(shapes, flat.dtype)
    made.flat[...] = flat
    return made
