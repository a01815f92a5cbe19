"""Steepest descent in a chosen norm, of which gradient descent is the Euclidean case.

Which direction is steepest depends on how a step is measured. Within steps of norm 1 it is

    d = argmin over ||v|| <= 1 of g . v,        and then  g . d = -||g||_*

where ``||.||_*`` is the dual norm (Boyd & Vandenberghe, "Convex Optimization", section 9.4):

=========  ==========================  =========================================  ==============
norm       d                           in words                                   dual norm
=========  ==========================  =========================================  ==============
l2         -g / ||g||_2                normalised gradient descent                l2
l1         -sign(g_i) e_i              only the largest coordinate i moves        l-infinity
linf       -sign(g)                    sign descent                               l1
spectral   -U V^T, g = U S V^T         every singular direction moves alike       nuclear
=========  ==========================  =========================================  ==============
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnscratch.arrays import DTYPES, Array, as_array
from nnscratch.backend import kernels
from nnscratch.clipping import Clip
from nnscratch.errors import DtypeError, require_flag, require_name
from nnscratch.optimizers.base import Optimizer, Rates
from nnscratch.parameters import Parameters
from nnscratch.schedules import Schedule

NORMS = ("l2", "l1", "linf", "spectral")


def steepest_direction(g: Array, norm: str) -> tuple[Array, float]:
    """Return ``(d, dual)``: ``d = argmin over ||v|| <= 1 of g . v``, and ``dual = -g . d``.

    `g` may have any shape; the l1, l2 and l-infinity norms are those of its components. The
    spectral norm is that of a matrix; for a vector it is the l2 norm. Directions in which `g` is
    zero do not move, so ``d = 0`` for ``g = 0``; where several coordinates are largest, l1 moves
    the first. A `g` with NaN or infinity gives NaN. Raises `ConfigError` for an unknown norm,
    and `DtypeError`.
    """
    require_name("norm", norm, NORMS)
    g = as_array(g, "g")
    if g.dtype not in DTYPES:
        raise DtypeError(f"g must hold float32 or float64, got {g.dtype}")
    size = kernels.norm(g)
    if not math.isfinite(size):
        return np.full_like(g, np.nan), math.nan
    if size == 0:
        return np.zeros_like(g), 0.0
    if norm == "linf":
        return -np.sign(g), float(np.abs(g).sum(dtype=np.float64))
    if norm == "l1":
        i = np.unravel_index(np.abs(g).argmax(), g.shape)
        d = np.zeros_like(g)
        d[i] = -np.sign(g[i])
        return d, float(abs(g[i]))
    if norm == "spectral" and g.ndim == 2:
        u, s, vt = np.linalg.svd(g, full_matrices=False)
        rank = int((s > s[0] * max(g.shape) * np.finfo(g.dtype).eps).sum())
        d = -(u[:, :rank] @ vt[:rank])
        return d, float(s[:rank].sum(dtype=np.float64))
    return np.asarray(g / -size, dtype=g.dtype), float(size)


class SteepestDescent(Optimizer):
    """``p <- p + lr * ||g||_* d``, or ``p <- p + lr * d`` when `normalized`.

    `d` is the steepest direction in the norm and ``||g||_*`` the gradient's dual norm: see the
    table in `nnscratch.optimizers.steepest`. Not normalised in l2 it *is* gradient descent, bit for
    bit. Normalised in l-infinity it is signSGD (Bernstein et al. 2018); in the spectral norm, the
    update of Carlson et al. (2015) that Muon approximates (Bernstein & Newhouse 2024; Jordan 2024).

    l1, l2 and l-infinity take all parameters as one vector; the spectral norm acts on each weight
    matrix by itself (singular value decomposition by NumPy, so slow for large ones), and on each
    vector (biases, gamma and beta) as l2.

    Parameters
    ----------
    lr : float or Schedule
    norm : "l2", "l1", "linf" or "spectral"
    normalized : bool
        Steps of norm `lr` whatever the gradient's size.
    clip : Clip or None
    rates : mapping or None
    """

    def __init__(
        self,
        lr: float | Schedule,
        norm: str = "l2",
        normalized: bool = False,
        clip: Clip | None = None,
        rates: Rates = None,
    ) -> None:
        super().__init__(lr, clip, rates)
        require_name("norm", norm, NORMS)
        self.norm = norm
        self.normalized = require_flag("SteepestDescent normalized", normalized)

    def update(self, params: Parameters, grads: Parameters, lr: float) -> None:
        if self.norm == "spectral":
            for name in grads.names:
                self._move(params[name], grads[name], lr)
        elif self.norm == "l2" and not self.normalized:
            kernels.gradient_descent_update(params.flat, grads.flat, lr)
        else:
            self._move(params.flat, grads.flat, lr)

    def _update(self, params: Parameters, grads: Parameters, lr: float) -> None:
        pieces, plain = self._pieces, self.norm == "l2" and not self.normalized
        if pieces is None or plain or self.norm == "spectral":
            super()._update(params, grads, lr)
            return
        d, dual = steepest_direction(grads.flat, self.norm)  # one vector, whatever its rates
        for piece in pieces:
            if piece.factor is not None:
                rate = lr * piece.factor * (1.0 if self.normalized else dual)
                piece.params.flat[...] += params.dtype.type(rate) * d[piece.place]

    def _move(self, p: Array, g: Array, lr: float) -> None:
        d, dual = steepest_direction(g, self.norm)
        p += p.dtype.type(lr if self.normalized else lr * dual) * d

    def options(self) -> dict[str, Any]:
        return {"norm": self.norm, "normalized": self.normalized}
