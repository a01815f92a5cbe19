"""What happens where branches come together, compiled. Definitions: `reference`."""

from __future__ import annotations

from nnscratch_kernels.jit import elementwise
from nnscratch_kernels.runtime.sharing import Matrix, shared


@shared(by="rows", writes=1)
@elementwise
def add_scaled(y: Matrix, a: Matrix, b: Matrix, scale: float) -> None:
    """y = a + scale * b"""
    factor = y.dtype.type(scale)
    y, a, b = y.reshape(y.size), a.reshape(a.size), b.reshape(b.size)
    for i in range(y.size):
        y[i] = a[i] + factor * b[i]


@shared(by="rows", writes=1)
@elementwise
def scaled(y: Matrix, x: Matrix, factor: float) -> None:
    """y = factor * x"""
    number = y.dtype.type(factor)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(y.size):
        y[i] = number * x[i]


@shared(by="rows", writes=1)
@elementwise
def concatenate(y: Matrix, a: Matrix, b: Matrix) -> None:
    """y = a and b side by side"""
    n = a.shape[1]
    for i in range(len(y)):
        for j in range(n):
            y[i, j] = a[i, j]
        for j in range(b.shape[1]):
            y[i, n + j] = b[i, j]


@shared(by="rows", writes=2)
@elementwise
def split(da: Matrix, db: Matrix, dy: Matrix) -> None:
    """da and db side by side = dy"""
    n = da.shape[1]
    for i in range(len(dy)):
        for j in range(n):
            da[i, j] = dy[i, j]
        for j in range(db.shape[1]):
            db[i, j] = dy[i, n + j]
