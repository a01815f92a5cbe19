"""What branches are made of: where they begin, and where they come together."""

from __future__ import annotations

from typing import ClassVar

from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels
from nnscratch.errors import ShapeError, require_number
from nnscratch.layers.activations import Identity
from nnscratch.layers.base import Layer, Shape
from nnscratch.layers.recurrent import flat

__all__ = ["Branch", "Concatenate", "Skip", "Sum"]


class Branch(Identity):
    """Where a branch begins. Its output is its input; what arrives here is the branch's gradient.

    The gradient that arrives at the layer below is the sum over all branches that begin there; the
    part that came through this one is ``trace["3.branch"].upstream``.
    """

    kind: ClassVar[str] = "branch"
    captured_whole: ClassVar[bool] = True


class Skip(Identity):
    """Where the connection begins that goes around a block: see `Branch`."""

    kind: ClassVar[str] = "skip"
    captured_whole: ClassVar[bool] = True


_ALIKE = "let both give as many features, for example with skip=nn.Dense(n_in, n_out)"


class Sum(Layer):
    """``y = skip + scale * branch``; backward ``dbranch = scale * dy``, ``dskip = dy``.

    A step of a sequence that a mask leaves out gives what the last one before it gave, as in
    recurrent layers: what goes around these is filled up there.

    Parameters
    ----------
    scale : float, default 1
        Any finite number.
    """

    kind: ClassVar[str] = "sum"
    role: ClassVar[str] = "join"
    captured_whole: ClassVar[bool] = True

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = require_number("Sum scale", scale)

    def forward(  # type: ignore[override]
        self, branch: Array, skip: Array, training: bool = False, mask: Array | None = None
    ) -> tuple[Array, Array | None]:
        branch, skip = self.check_input(branch), self.check_input(skip)
        if branch.shape != skip.shape:
            raise ShapeError(
                f"layer {self.name!r} adds arrays of one shape, got {branch.shape} from the branch "
                f"and {skip.shape} from the skip connection: {_ALIKE}"
            )
        y = self.buffer("y", branch.shape)
        kernels.add_scaled(rows(y), rows(skip), rows(branch), self.scale)
        mask = self.check_mask(mask, y)
        if mask is None:
            return y, None
        held = self.buffer("held", y.shape)
        kernels.hold_forward(flat(held), flat(y), mask)
        return held, mask

    def backward(
        self, dy: Array, cache: Array | None, accumulate: bool = False, input_gradient: bool = True
    ) -> tuple[Array, Array]:
        if cache is not None:
            held, dy = dy, self.buffer("dy", dy.shape)
            kernels.hold_backward(flat(dy), flat(held), cache)
        if self.scale == 1:
            return dy, dy
        dbranch = self.buffer("dbranch", dy.shape)
        kernels.scaled(rows(dbranch), rows(dy), self.scale)
        return dbranch, dy

    def output_shape(self, *shapes: Shape) -> Shape:
        branch, skip = (shape[-1] for shape in shapes)
        if branch != skip and None not in (branch, skip):
            raise ShapeError(
                f"layer {self.name!r} adds arrays of one shape, got {branch} features from the "
                f"branch and {skip} from the skip connection: {_ALIKE}"
            )
        return shapes[1] if branch is None else shapes[0]

    def options(self) -> str:
        return "" if self.scale == 1 else f"scale={self.scale:g}"


class Concatenate(Layer):
    """``y`` is the features of two arrays side by side; backward each gets its part of ``dy``."""

    kind: ClassVar[str] = "concatenate"
    role: ClassVar[str] = "join"
    captured_whole: ClassVar[bool] = True

    def output_shape(self, *shapes: Shape) -> Shape:
        widths = [shape[-1] for shape in shapes]
        known = [width for width in widths if width is not None]
        return (*shapes[0][:-1], sum(known) if len(known) == len(widths) else None)

    def forward(  # type: ignore[override]
        self, a: Array, b: Array, training: bool = False
    ) -> tuple[Array, tuple[tuple[int, ...], tuple[int, ...]]]:
        a, b = self.check_input(a), self.check_input(b)
        if a.shape[:-1] != b.shape[:-1]:
            raise ShapeError(
                f"layer {self.name!r} puts features side by side of arrays that are alike in all "
                f"other sizes, got {a.shape} and {b.shape}"
            )
        y = self.buffer("y", (*a.shape[:-1], a.shape[-1] + b.shape[-1]))
        kernels.concatenate(rows(y), rows(a), rows(b))
        return y, (a.shape, b.shape)

    def backward(
        self,
        dy: Array,
        cache: tuple[tuple[int, ...], tuple[int, ...]],
        accumulate: bool = False,
        input_gradient: bool = True,
    ) -> tuple[Array, Array]:
        da, db = self.buffer("da", cache[0]), self.buffer("db", cache[1])
        kernels.split(rows(da), rows(db), rows(dy))
        return da, db
