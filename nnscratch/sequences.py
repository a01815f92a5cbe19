"""What a pass over sequences is given beside them: a mask, states to begin with, a truncation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nnscratch.arguments import Settings
from nnscratch.arrays import Array, as_array, as_numbers, fitted
from nnscratch.errors import (
    ConfigError,
    DataError,
    ShapeError,
    require_count,
    require_name,
    require_number,
    require_seed,
)

__all__ = ["RandomTruncation"]

States = Mapping[str, Mapping[str, Array]]  # by layer, and in it by name: "hidden", "cell"


class RandomTruncation(Settings):
    """Cut the way of the gradient back through time at random, and leave its mean as it was.

    Before each step but the first it is cut with the given probability, and what goes on is divided
    by one minus that: the gradient is unbiased, where one that is cut every K steps is not (ARTBP;
    Tallec & Ollivier, "Unbiasing Truncated Backpropagation Through Time", 2017). Between two cuts
    lie ``1 / probability`` steps on average.

    Parameters
    ----------
    probability : float in [0, 1)
    seed : int

    >>> import nnscratch as nn
    >>> model = nn.Sequential(nn.RNN(6, 50), nn.LastStep(), nn.Dense(50, 4))
    >>> optimizer = nn.SGD(lr=0.1)
    >>> trainer = nn.Trainer(
    ...     model, nn.SoftmaxCrossEntropy(), optimizer, truncate=nn.RandomTruncation(1 / 30)
    ... )
    """

    def __init__(self, probability: float, seed: int = 0) -> None:
        self.probability = require_number("RandomTruncation probability", probability, least=0)
        if self.probability >= 1:
            raise ConfigError(
                f"RandomTruncation probability must be below 1, got {probability!r}: nothing would "
                f"ever go back"
            )
        self.seed = require_seed("RandomTruncation seed", seed)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "seed":
            self._rng = np.random.default_rng(self.seed)

    def factors(self, steps: int) -> Array:
        """Draw by what the gradient that goes back from each step is multiplied."""
        kept = self._rng.random(steps) >= self.probability
        factors = kept / (1 - self.probability)
        factors[:1] = 1  # before the first step there is nothing to cut
        return factors

    def noise_state(self) -> dict[str, Any]:
        """Return where its random numbers stand, for a checkpoint."""
        return dict(self._rng.bit_generator.state)

    def set_noise_state(self, state: Any) -> None:
        """Go on where `noise_state` stood. Raises `DataError`, and nothing is done, for others."""
        made = np.random.default_rng()
        try:
            made.bit_generator.state = state
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(f"that is no state of a RandomTruncation: {error!r}") from error
        self._rng = made

    def __repr__(self) -> str:
        return f"RandomTruncation({self.probability:g}, seed={self.seed})"


Truncate = int | RandomTruncation | None


class Given(NamedTuple):
    """What the layers of a pass are given beside their input, in the model's dtype.

    mask : (batch, time) of zeros and ones
    through : (time,), factors of the gradient that goes back from each step
    state : arrays (batch, features) by name, by layer
    """

    mask: Array | None = None
    through: Array | None = None
    state: States | None = None

    @property
    def key(self) -> Any:
        """What has to be alike for two passes to call the same kernels."""
        if self is NOTHING:
            return None
        state = self.state or {}
        states = [(name, key) for name in state for key in state[name]]
        return self.mask is None, self.through is None, tuple(sorted(states))

    def copy(self) -> Given:
        """Return the same with arrays of its own."""
        return Given(
            None if self.mask is None else self.mask.copy(),
            None if self.through is None else self.through.copy(),
            None
            if self.state is None
            else {
                name: {key: values.copy() for key, values in states.items()}
                for name, states in self.state.items()
            },
        )

    def fill(self, other: Given) -> None:
        """Take over the numbers of another one with the same key."""
        for own, new in ((self.mask, other.mask), (self.through, other.through)):
            if own is not None and new is not None:
                own[...] = new
        for name, states in (self.state or {}).items():
            for key, values in states.items():
                values[...] = (other.state or {})[name][key]


NOTHING = Given()


def as_mask(mask: Any, shape: tuple[int, ...], dtype: np.dtype[Any], what: str = "mask") -> Array:
    """Return a mask for sequences of that shape as zeros and ones of `dtype`.

    Raises `ShapeError` or `DataError` for what is none.
    """
    values = as_array(mask, what)
    if values.shape != shape[:2] or len(shape) < 3:
        lengths = len(shape) > 2 and values.shape == shape[:1]
        raise ShapeError(
            f"{what} has shape {values.shape}; expected (batch, time), which for an input of shape "
            f"{shape} is {shape[:2] if len(shape) > 2 else 'nothing: it has no steps of time'}"
            + lengths
            * f"; lengths become a mask with np.arange({shape[1]}) < lengths[:, None]"
        )
    numbers = fitted(values, dtype, what)
    if values.dtype != bool and not ((values == 0) | (values == 1)).all():
        raise DataError(
            f"{what} must say of each step whether it is there, True or False, got numbers such as "
            f"{values[(values != 0) & (values != 1)].flat[0]}"
        )
    return np.ascontiguousarray(numbers)


def without_padding(values: Any, mask: Array | None, answers: str = "") -> Any:
    """Return inputs with 0 where a mask, (batch, time), leaves a step out, whatever stands there:
    of what is no number something would be left, times 0.

    answers : what they are called, if they are answers: there stands then one that is there, as
        every loss takes it
    """
    if mask is None or np.shape(values)[:2] != mask.shape:
        return values
    array = as_array(values, answers or "x")
    there = mask.reshape(*mask.shape, *[1] * (array.ndim - 2)) != 0
    if not answers:
        return np.where(there, array, array.dtype.type(0))
    if mask.any():
        return np.where(there, array, array[mask != 0][0])
    return array if array.dtype.kind == "f" else np.zeros_like(array)


def as_states(
    states: Any,
    layers: Mapping[str, Mapping[str, tuple[int, ...]]],
    batch: int,
    dtype: np.dtype[Any],
) -> States:
    """Return states to begin with as arrays of `dtype`; `layers`: the shapes that each layer takes.

    Raises `UnknownNameError`, `ConfigError` or `ShapeError` for what does not fit.
    """
    made: dict[str, dict[str, Array]] = {}
    if not isinstance(states, Mapping):
        raise ConfigError(
            f"state must say of each layer what it begins with, as model.state() does, "
            f"got {type(states).__name__}"
        )
    for name, given in states.items():
        taken = {layer: shapes for layer, shapes in layers.items() if shapes}
        require_name("recurrent layer of a state", name, taken)
        keys = set(given) if isinstance(given, Mapping) else None
        if keys != set(taken[name]):
            got = type(given).__name__ if keys is None else ", ".join(map(str, given)) or "nothing"
            raise ConfigError(
                f"the state of layer {name!r} must have {' and '.join(taken[name])}, got {got}"
            )
        made[name] = {}
        for key, shape in taken[name].items():
            what = f"the {key} state of layer {name!r}"
            values = as_numbers(given[key], dtype, what)
            if values.shape != (batch, *shape):
                raise ShapeError(
                    f"{what} has shape {values.shape}; a batch of "
                    f"{batch} begins with {(batch, *shape)}: it is that of another "
                    f"{'batch' if values.shape[1:] == shape else 'layer'}"
                )
            made[name][key] = np.ascontiguousarray(values)
    return made


def factors_back(truncate: Truncate, steps: int, dtype: np.dtype[Any]) -> Array:
    """Return by what the gradient that goes back from each step is multiplied.

    A number K cuts it every K steps, which is to train on pieces of K steps that take over the
    state of the one before.
    """
    if isinstance(truncate, RandomTruncation):
        return truncate.factors(steps).astype(dtype)
    every = require_count("truncate", truncate)
    factors = np.ones(steps, dtype)
    factors[every::every] = 0
    return factors


def step_weights(mask: Array, weights: Array | None) -> Array:
    """Return factors of the loss of each step that leave out what the mask does.

    They make the mean over all steps that over those that there are.
    """
    there = mask.sum()
    factors = mask * (mask.size / there if there else 0.0)
    if weights is None:
        return factors
    return factors * np.reshape(weights, (*np.shape(weights), *[1] * (2 - np.ndim(weights))))


def joined_weights(weights: list[Array]) -> Array:
    """Return factors of the losses of several batches, of examples or of their steps, as one."""
    steps = max(weights, key=np.ndim).shape[1:]
    columns = [w.reshape(len(w), *(w.shape[1:] or [1] * len(steps))) for w in weights]
    return np.concatenate([np.broadcast_to(w, (len(w), *steps)) for w in columns])
