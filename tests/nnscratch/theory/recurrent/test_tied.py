"""The same random matrix at every step: closed forms against products of matrices."""

import numpy as np
import pytest

from nnscratch.errors import ConfigError
from nnscratch.theory.recurrent import tied_rate, tied_square

FORGET = [0.5, 0.7311, 0.8808]


@pytest.mark.parametrize("a", FORGET)
def test_the_same_matrix_at_every_step_adds_up_before_it_is_squared(a):
    rng, n, s, steps = np.random.default_rng(0), 200, 0.3, 30
    found = []
    for _ in range(8):
        g = rng.standard_normal((n, n)) * s / np.sqrt(n)
        v = rng.standard_normal(n)
        start = v @ v
        for _ in range(steps):
            v = a * v + v @ g
        found.append(v @ v / start)
    assert np.mean(found) == pytest.approx(tied_square(a, s, steps), rel=0.2)
    # Fresh matrices would leave less by far.
    assert np.mean(found) > 10 * (a * a + s * s) ** steps


@pytest.mark.parametrize(
    ("a", "s", "rate"),
    [(0.5, 0.1443, 0.6391), (0.7311, 0.1443, 0.8683), (0.8808, 0.1443, 1.0167), (0.5, 0.5, 0.9920)],
)
def test_published_rates(a, s, rate):
    assert tied_rate(a, s, 10, 70) == pytest.approx(rate, abs=1e-4)


def test_rate_tends_to_the_sum():
    assert tied_rate(0.7, 0.2, 900, 1000) == pytest.approx(0.9, rel=1e-3)
    assert tied_rate(0.7, 0.0) == pytest.approx(0.7)
    assert tied_rate(0.0, 0.2) == pytest.approx(0.2)


@pytest.mark.parametrize("bad", [(-0.1, 0.5, 3), (0.5, -1.0, 3), (0.5, 0.5, -1)])
def test_bad_numbers_are_refused(bad):
    with pytest.raises(ConfigError):
        tied_square(*bad)
    with pytest.raises(ConfigError, match="first must be below last"):
        tied_rate(0.5, 0.5, 10, 10)
