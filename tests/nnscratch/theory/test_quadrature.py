"""Expectations over Gaussians and spheres against closed forms and plain sampling."""

import math

import numpy as np
import pytest

from nnscratch.theory import nonlinearity
from nnscratch.theory.quadrature import mean, pair_mean, sphere, sphere_plane
from nnscratch.theory.roots import root

RELU = nonlinearity("relu")
TANH = nonlinearity("tanh")


def arc_cosine(c):
    """J(c) = 2 E relu(u) relu(v) for correlation c and variance 1 (Cho & Saul 2009)."""
    return (math.sqrt(1 - c * c) + (math.pi - math.acos(c)) * c) / math.pi


def test_moments_of_the_normal_distribution():
    for power, expected in ((0, 1), (2, 1), (4, 3), (6, 15), (3, 0)):
        assert mean(lambda u, p=power: u**p, 1.0) == pytest.approx(expected, abs=1e-12)
    assert mean(RELU.square, 3.0) == pytest.approx(1.5, rel=1e-14)


@pytest.mark.parametrize("variance", [1e-6, 1.0, 140.0, 1e6])
def test_steep_activation_against_a_fine_grid(variance):
    h = 1e-5
    z = np.arange(-9, 9, h) + h / 2
    weight = np.exp(-z * z / 2) * h / math.sqrt(2 * math.pi)
    expected = float(weight @ np.tanh(math.sqrt(variance) * z) ** 2)
    assert mean(TANH.square, variance) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("c", [-1.0, -0.9, 0.0, 0.3, 0.99, 1 - 1e-7, 1.0])
def test_corner_of_relu_is_exact_at_any_correlation(c):
    # E relu relu = q J(c) / 2
    expected = 2.0 * arc_cosine(c) / 2
    assert pair_mean(RELU.value, RELU.value, 2.0, c) == pytest.approx(expected, abs=1e-11)
    # E relu' relu' = (pi - arccos c) / 2 pi
    expected = (math.pi - math.acos(c)) / (2 * math.pi)
    assert pair_mean(RELU.slope, RELU.slope, 2.0, c) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("q", [0.3, 140.0])
def test_pairs_meet_singles_at_their_ends(q):
    assert pair_mean(TANH.value, TANH.value, q, 1.0) == pytest.approx(
        mean(TANH.square, q), abs=1e-7
    )
    assert pair_mean(TANH.value, TANH.value, q, -1.0) == pytest.approx(
        -mean(TANH.square, q), abs=1e-7
    )
    assert pair_mean(TANH.value, TANH.value, q, 0.0) == pytest.approx(0, abs=1e-12)
    slope = mean(TANH.slope, q)
    assert pair_mean(TANH.slope, TANH.slope, q, 0.0) == pytest.approx(slope**2, abs=1e-7)


@pytest.mark.parametrize("dimensions", [4, 7, 63, 999])
def test_sphere(dimensions):
    t, w = sphere(dimensions)
    assert w.sum() == pytest.approx(1)
    assert w @ t**2 == pytest.approx(1)
    # E t^4 = 3 n / (n + 2)
    assert w @ t**4 == pytest.approx(3 * dimensions / (dimensions + 2))
    plane = sphere_plane(dimensions)
    assert pair_mean(lambda u: u, lambda u: u, 1.0, 0.4, plane) == pytest.approx(0.4)
    product = pair_mean(lambda u: u**2, lambda u: u**2, 1.0, 0.0, plane)
    assert product == pytest.approx(dimensions / (dimensions + 2))


def test_root():
    assert root(lambda x: x * x - 2, 1e-6, 1e6) == pytest.approx(math.sqrt(2), rel=1e-12)
    assert root(lambda x: 1.0 if x > 3 else -1.0, 1, 10) == pytest.approx(3, rel=1e-12)
    with pytest.raises(ValueError, match="same sign"):
        root(lambda x: x, 1, 2)
