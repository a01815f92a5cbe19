"""From a sequence to one vector, for what has one answer for all of it."""

from __future__ import annotations

from typing import ClassVar

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.layers.base import Layer, Shape
from nnscratch.layers.recurrent import flat

__all__ = ["LastStep", "MeanOverTime"]


class Pooling(Layer):
    """``(batch, time, features)`` to ``(batch, features)``; see `LastStep`, `MeanOverTime`."""

    role: ClassVar[str] = "shape"
    positions: ClassVar[int | None] = 1

    def output_shape(self, *shapes: Shape) -> Shape:
        return (shapes[0][0], shapes[0][-1])


class LastStep(Pooling):
    """``y = x_T``: what the layer below gives at the last step of the sequence.

    Backward: ``dx_T = dy``, and 0 in all other steps. Behind a recurrent layer that was given a
    mask this is the last step that there is, whose output is carried on.
    """

    kind: ClassVar[str] = "laststep"
    captured_whole: ClassVar[bool] = True

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[int, ...]]:
        x = self.check_input(x)
        y = self.buffer("y", (len(x), x.shape[2]))
        kernels.last_step_forward(y, flat(x))
        return y, x.shape

    def backward(
        self,
        dy: Array,
        cache: tuple[int, ...],
        accumulate: bool = False,
        input_gradient: bool = True,
    ) -> Array:
        dx = self.buffer("dx", cache)
        kernels.last_step_backward(flat(dx), dy)
        return dx


class MeanOverTime(Pooling):
    """``y = (x_1 + ... + x_T) / T``; backward ``dx_t = dy / T``.

    Under a mask it is the mean over the steps that there are, 0 where there is none.
    """

    kind: ClassVar[str] = "meanovertime"
    captured_whole: ClassVar[bool] = True

    def forward(
        self, x: Array, training: bool = False, mask: Array | None = None
    ) -> tuple[Array, tuple[tuple[int, ...], Array]]:
        x = self.check_input(x)
        mask = self.check_mask(mask, x)
        if mask is None:
            mask = self.buffer("no mask", (len(x), 0))
        y = self.buffer("y", (len(x), x.shape[2]))
        kernels.mean_over_time_forward(y, flat(x), mask)
        return y, (x.shape, mask)

    def backward(
        self,
        dy: Array,
        cache: tuple[tuple[int, ...], Array],
        accumulate: bool = False,
        input_gradient: bool = True,
    ) -> Array:
        shape, mask = cache
        dx = self.buffer("dx", shape)
        kernels.mean_over_time_backward(flat(dx), dy, mask)
        return dx
