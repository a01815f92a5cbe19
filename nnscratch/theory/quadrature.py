"""Expectations over one and over two Gaussians, exact at the corner that activations have at 0.

Gauss-Hermite nodes are evenly spread: they miss the corner of a ReLU and the steep middle of a
sigmoid with large inputs (tanh, variance 30: 2.27 for 2.38 with 100 nodes). Here every line through
the origin is cut at 0 into panels that halve in size towards it, with Gauss-Legendre nodes in each,
so that an activation is resolved at any scale of its input.

Two inputs that share a correlation are an integral over the plane, taken in polar coordinates: the
lines where either input is 0 are rays, and the panels halve towards each of them. The same rays
serve the sphere on which batch norm puts the values of a finite batch (`sphere`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array

Function = Callable[[Array], Array]

REACH = 12.0  # standard deviations; what lies beyond weighs less than 1e-32
_HALVINGS = 44  # the smallest panel is REACH / 2^44: inputs of any variance up to 1e24
_NODES = 16
_legendre = functools.cache(np.polynomial.legendre.leggauss)


def _panels(edges: Array, nodes: int) -> tuple[Array, Array]:
    """Return Gauss-Legendre nodes and weights on the panels between `edges`."""
    x, w = _legendre(nodes)
    half = np.diff(edges)[:, None] / 2
    middle = (edges[1:] + edges[:-1])[:, None] / 2
    return (middle + half * x).ravel(), (half * w).ravel()


def _halving(end: float, count: int) -> Array:
    """Return edges from 0 to `end` whose panels halve towards 0."""
    return np.concatenate([[0.0], end * 0.5 ** np.arange(count, -1, -1)])


@functools.cache
def gaussian() -> tuple[Array, Array]:
    """Return nodes z and weights w with ``E f(z) = sum(w * f(z))`` for z ~ N(0, 1)."""
    z, w = _panels(_halving(REACH, _HALVINGS), _NODES)
    w = w * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return np.concatenate([-z[::-1], z]), np.concatenate([w[::-1], w])


def mean(f: Function, variance: float) -> float:
    """Return ``E f(u)`` for u ~ N(0, variance)."""
    z, w = gaussian()
    return float(w @ f(math.sqrt(variance) * z))


@dataclass(frozen=True)
class Plane:
    """A distribution of two values that is the same in all directions of the plane.

    `radii` and `weights` integrate over the distance from the origin; the weights sum to 1. The two
    coordinates have variance 1 each.
    """

    radii: Array
    weights: Array


@functools.cache
def gaussian_plane() -> Plane:
    """Return the plane of two independent N(0, 1)."""
    r, w = _panels(_halving(REACH, 5), 10)
    return Plane(r, w * r * np.exp(-r * r / 2))


@functools.cache
def sphere_plane(dimensions: int) -> Plane:
    """Return the plane of two coordinates of a uniform point on a sphere.

    The sphere of radius ``sqrt(dimensions)`` lies in that many dimensions, at least 3. With
    ``r = sqrt(dimensions) sin(psi)`` the density is ``sin(psi) cos(psi)^(dimensions - 3)``.
    """
    end = min(math.pi / 2, REACH / math.sqrt(dimensions))
    psi, w = _panels(np.linspace(0, end, 9), 12)
    w = w * np.sin(psi) * np.cos(psi) ** (dimensions - 3)
    return Plane(math.sqrt(dimensions) * np.sin(psi), w / w.sum())


@functools.cache
def sphere(dimensions: int) -> tuple[Array, Array]:
    """Return nodes and weights for one coordinate of that point; its variance is 1."""
    end = min(math.pi / 2, REACH / math.sqrt(dimensions))
    psi, w = _panels(_halving(end, 30), _NODES)
    w = w * np.cos(psi) ** (dimensions - 2)
    t, w = math.sqrt(dimensions) * np.sin(psi), w / (2 * w.sum())
    return np.concatenate([-t[::-1], t]), np.concatenate([w[::-1], w])


def sphere_mean(f: Function, variance: float, dimensions: int) -> float:
    """Return ``E f(u)`` for one coordinate u of that point, of the given variance."""
    if dimensions < 3:
        return mean(f, variance)
    t, w = sphere(dimensions)
    return float(w @ f(math.sqrt(variance) * t))


def _angles(between: float, halvings: int) -> tuple[Array, Array]:
    """Return nodes and weights over the half turn from the ray of one zero line to its other end.

    The zero lines of the two inputs meet at the angle `between`; panels halve towards both.
    """
    angles, weights, start = [], [], 0.0
    for width in (between, math.pi - between):
        if width > 0:
            x, w = _panels(_halving(width / 2, halvings), 6)
            angles += [start + x, start + width - x]
            weights += [w, w]
        start += width
    return np.concatenate(angles), np.concatenate(weights)


def pair_mean(
    f: Function,
    g: Function,
    variance: float,
    correlation: float,
    plane: Plane | None = None,
) -> float:
    """Return ``E f(u) g(v)`` for u and v of the given variance and correlation.

    `plane` is the joint distribution, by default Gaussian.
    """
    plane = gaussian_plane() if plane is None else plane
    correlation = min(1.0, max(-1.0, correlation))
    # u is 0 on the ray at 0, v on the ray at `between`.
    between = math.pi - math.acos(correlation)
    halvings = 4 + max(0, math.ceil(math.log2(max(variance, 1.0)) / 2))
    angle, w = _angles(between, halvings)
    scale = math.sqrt(variance)
    u = np.multiply.outer(plane.radii, scale * np.sin(angle))
    v = np.multiply.outer(plane.radii, scale * np.sin(angle - between) * -1.0)
    both = f(u) * g(v) + f(-u) * g(-v)
    return float(plane.weights @ both @ w) / (2 * math.pi)
