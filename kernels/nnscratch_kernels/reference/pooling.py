"""From a sequence to one vector, and what stands where a step is left out, in plain NumPy.

`x` is (batch, time * features), `y` (batch, features); `mask`, (batch, time) of zeros and ones or
(batch, 0) for all ones, says which steps there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def _steps(x: Array, y: Array) -> Array:
    return x.reshape(len(x), -1, y.shape[1])


def _share(x: Array, mask: Array) -> Array:
    """Return what each step counts in the mean, (batch, time, 1); 0 where an example has none."""
    counts = mask if mask.shape[1] else np.ones(x.shape[:2], x.dtype)
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares: Array = (counts / total)[:, :, None]
    return shares


def last_step_forward(y: Array, x: Array) -> None:
    """y = x_T"""
    y[...] = _steps(x, y)[:, -1]


def last_step_backward(dx: Array, dy: Array) -> None:
    """dx_T = dy and 0 in all other steps."""
    steps = _steps(dx, dy)
    steps[...] = 0
    steps[:, -1] = dy


def _held(mask: Array) -> Array:
    """Return whose output stands at each step: its own, or of the last one that there is."""
    held = np.where(mask != 0, np.arange(mask.shape[1]), -1)
    latest: Array = np.maximum.accumulate(held, axis=1)
    return np.where(latest < 0, np.arange(mask.shape[1]), latest)


def hold_forward(y: Array, x: Array, mask: Array) -> None:
    """y_t = x_s, s the last step up to t that there is; t where there is none."""
    steps = x.reshape(*mask.shape, -1)
    y[...] = np.take_along_axis(steps, _held(mask)[:, :, None], axis=1).reshape(y.shape)


def hold_backward(dx: Array, dy: Array, mask: Array) -> None:
    """dx_s = the sum of dy_t over all steps t at which x_s stands."""
    steps, given = dx.reshape(*mask.shape, -1), dy.reshape(*mask.shape, -1)
    steps[...] = 0
    np.add.at(steps, (np.arange(len(mask))[:, None], _held(mask)), given)


@np.errstate(over="ignore", invalid="ignore")
def mean_over_time_forward(y: Array, x: Array, mask: Array) -> None:
    """y = the mean of x_t over the steps that there are."""
    steps = _steps(x, y)
    shares = _share(steps, mask)
    y[...] = np.where(shares > 0, steps * shares, 0).sum(axis=1)


@np.errstate(over="ignore", invalid="ignore")
def mean_over_time_backward(dx: Array, dy: Array, mask: Array) -> None:
    """dx_t = dy / the number of steps in those that there are, else 0."""
    steps = _steps(dx, dy)
    shares = _share(steps, mask)
    steps[...] = np.where(shares > 0, dy[:, None] * shares, 0)
