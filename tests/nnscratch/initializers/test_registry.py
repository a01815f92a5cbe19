"""Initializers by name: the numbers each name stands for."""

import itertools
import math

import numpy as np
import pytest

import nnscratch.initializers as init
from nnscratch.errors import ConfigError

N_IN, N_OUT = 784, 300
# Each name's standard deviation and, for uniform ones, bound r of U[-r, r].
NORMAL = {
    "normal": 1.0,
    "glorot_normal": math.sqrt(2 / (N_IN + N_OUT)),
    "simplified_normal": 1 / math.sqrt(N_IN),
    "lecun_normal": 1 / math.sqrt(N_IN),
    "he_normal": math.sqrt(2 / N_IN),
    "he_normal_fan_out": math.sqrt(2 / N_OUT),
    "he_normal_fan_avg": math.sqrt(2) * math.sqrt(2 / (N_IN + N_OUT)),
}
UNIFORM = {
    "glorot_standard_uniform": 1 / math.sqrt(N_IN),
    "glorot_uniform": math.sqrt(6 / (N_IN + N_OUT)),
    "simplified_uniform": math.sqrt(3) / math.sqrt(N_IN),
    "lecun_uniform": math.sqrt(3 / N_IN),
    "he_uniform": math.sqrt(6 / N_IN),
    "he_uniform_fan_out": math.sqrt(6 / N_OUT),
    "he_uniform_fan_avg": math.sqrt(2) * math.sqrt(6 / (N_IN + N_OUT)),
}
OTHERS = ("zeros", "ones", "tf1_variance_scaling", "orthogonal", "identity", "spectral_radius")


def test_every_name_is_tested_here() -> None:
    assert sorted(init.names()) == sorted([*NORMAL, *UNIFORM, *OTHERS])


@pytest.mark.parametrize("name", NORMAL)
def test_standard_deviations(name: str) -> None:
    initializer = init.get(name)
    assert initializer.variance(N_IN, N_OUT) == pytest.approx(NORMAL[name] ** 2, rel=1e-13)
    values = initializer((N_IN, N_OUT), np.random.default_rng(0), np.float64)
    assert values.std() == pytest.approx(NORMAL[name], rel=5 / math.sqrt(2 * values.size))
    assert np.abs(values).max() > 3.5 * NORMAL[name], "not truncated"


@pytest.mark.parametrize("name", UNIFORM)
def test_bounds(name: str) -> None:
    initializer = init.get(name)
    assert initializer.variance(N_IN, N_OUT) == pytest.approx(UNIFORM[name] ** 2 / 3, rel=1e-13)
    values = initializer((N_IN, N_OUT), np.random.default_rng(0), np.float64)
    assert 0.9999 * UNIFORM[name] < np.abs(values).max() <= UNIFORM[name] * (1 + 1e-12)


def test_the_other_names() -> None:
    assert init.get("zeros") == init.Zeros()
    assert init.get("ones") == init.Constant(1.0)
    assert init.get("orthogonal") == init.Orthogonal(1.0)
    assert init.get("identity") == init.ScaledIdentity(1.0)
    assert init.get("spectral_radius") == init.SpectralRadius(0.95, 15)
    tf1 = init.get("tf1_variance_scaling")
    assert tf1.variance(N_IN, N_OUT) == pytest.approx(1.00586 * 2 / N_IN, rel=5e-6)


def test_glorot_s_standard_has_a_third() -> None:
    for n in (10, 1000):
        variance = init.get("glorot_standard_uniform").variance(n, 7)
        assert n * variance == pytest.approx(1 / 3)


@pytest.mark.parametrize("widths", [(784, 300, 100, 10), (10, 50, 50, 50, 5)])
def test_one_fan_telescopes_and_the_average_does_not(widths: tuple[int, ...]) -> None:
    """With he_normal the backward product is a ratio of end widths, whatever lies between."""
    layers = list(itertools.pairwise(widths))
    forward = [n_in * init.get("he_normal").variance(n_in, n_out) / 2 for n_in, n_out in layers]
    backward = [n_out * init.get("he_normal").variance(n_in, n_out) / 2 for n_in, n_out in layers]
    assert forward == pytest.approx([1.0] * len(layers))
    assert math.prod(backward) == pytest.approx(widths[-1] / widths[0])


def test_fan_average_on_the_post_s_network() -> None:
    he = init.get("he_normal_fan_avg")
    gains = [n * he.variance(n, m) / 2 for n, m in ((784, 300), (300, 100), (100, 10))]
    assert gains == pytest.approx([1.446, 1.5, 1.818], abs=5e-4)
    assert math.prod(gains) == pytest.approx(3.94, abs=5e-3)


def test_an_initializer_passes_through() -> None:
    mine = init.Normal(0.02)
    assert init.get(mine) is mine


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="unknown initializer 'he_norml': did you mean 'he_norma"):
        init.get("he_norml")


@pytest.mark.parametrize("thing", [None, 3, np.zeros, ["he_normal"]], ids=str)
def test_other_things_are_refused(thing: object) -> None:
    with pytest.raises(ConfigError, match=r"must be a name or an Initializer.*he_normal"):
        init.get(thing)
