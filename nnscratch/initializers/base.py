"""What every initializer shares: the call, the fans of a shape, the checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, check_dtype
from nnscratch.errors import ConfigError, ShapeError, require_count, require_number, shown


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return ``(fan_in, fan_out)`` of a parameter of the given shape.

    A weight matrix ``(n_in, n_out)`` has fans ``(n_in, n_out)``; a vector ``(n,)``, such as a
    bias, has fans ``(n, n)``.

    Raises:
        ShapeError: `shape` is not one or two whole numbers >= 1.
    """
    expected = "expected (n_in, n_out) for weights or (n,) for a vector, whole numbers >= 1"
    if not isinstance(shape, Sequence) or isinstance(shape, str) or len(shape) not in (1, 2):
        raise ShapeError(f"cannot initialize shape {shown(shape)}: {expected}")
    try:
        sizes = [require_count("size", size) for size in shape]
    except ConfigError as error:
        raise ShapeError(f"cannot initialize shape {shown(shape)}: {expected}") from error
    return sizes[0], sizes[-1]


def require_generator(what: str, rng: object) -> np.random.Generator:
    """Return `rng`, or raise `ConfigError` if it is not a `numpy.random.Generator`."""
    if not isinstance(rng, np.random.Generator):
        raise ConfigError(
            f"{what} must be a numpy.random.Generator, got {shown(rng)}: "
            "make one with numpy.random.default_rng(seed)"
        )
    return rng


class Initializer(ABC):
    """A rule that draws the first values of a parameter.

    Subclasses are frozen dataclasses: their fields are checked when they are made, two with the
    same fields are equal, and one may be shared by many layers.
    """

    def __call__(
        self, shape: Sequence[int], rng: np.random.Generator, dtype: npt.DTypeLike = np.float32
    ) -> Array:
        """Return a new array of `shape`, ``(n_in, n_out)`` or ``(n,)``, drawn from `rng`.

        The numbers are drawn in float64 and then rounded to `dtype`, so one seed gives a float32
        and a float64 model the same start (up to that rounding) and leaves `rng` in the same state.

        Raises:
            ShapeError: `shape` is not one or two whole numbers >= 1.
            DtypeError: `dtype` is neither float32 nor float64.
            ConfigError: `rng` is no Generator, or the values are too large for `dtype`.
        """
        fans(shape)  # raises
        require_generator(f"rng of {self}", rng)
        kind = check_dtype(dtype)
        with np.errstate(over="ignore"):
            values = self._draw(tuple(shape), rng).astype(kind, copy=False)
        if not np.isfinite(values).all():
            raise ConfigError(f"{self} draws values that {kind} cannot hold: make it smaller")
        return values

    @abstractmethod
    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return the exact variance of one weight of a ``(fan_in, fan_out)`` matrix.

        Mean-field theory needs it as ``sw2 = fan_in * variance(fan_in, fan_out)``.
        """

    @abstractmethod
    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return the float64 values."""

    def _require_number(self, field: str, **limits: float) -> None:
        """Check a field of this frozen dataclass and keep it as a Python float."""
        what = f"{field} of {type(self).__name__}"
        object.__setattr__(self, field, require_number(what, getattr(self, field), **limits))
