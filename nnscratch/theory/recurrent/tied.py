"""What weights that are the same at every step do to a gradient: closed forms.

A gated cell that is about its biases hands the gradient on by ``J = a I + s G``: it keeps a part a
(forget or update gate), and sends a part through a random matrix G whose entries have variance
1 / units. If G were drawn anew at every step, the expected squared norm after T steps would be
``(a^2 + s^2)^T``. It is the same G, so all the ways to pass k times through it in T steps meet in
one and the same vector and add up before they are squared:

    E |J^T ... J^T v|^2 = sum_k C(T, k)^2 a^(2 (T - k)) s^(2 k) |v|^2

whose growth per step tends to ``a + s`` on the norm.
"""

from __future__ import annotations

import math

from nnscratch.errors import ConfigError, require_count, require_number


def tied_square(a: float, s: float, steps: int) -> float:
    """Return the expected squared norm of a gradient of norm 1 after `steps` steps of ``a I + s G``
    with the same G: ``sum_k C(T, k)^2 a^(2 (T - k)) s^(2 k)``.

    a, s : the part that is kept and the part that is mixed, not negative

    >>> tied_square(0.5, 0.5, 1)
    0.5
    """
    a, s = require_number("a", a, least=0), require_number("s", s, least=0)
    steps = require_count("steps", steps, least=0)
    return sum((math.comb(steps, k) * a ** (steps - k) * s**k) ** 2 for k in range(steps + 1))


def tied_rate(a: float, s: float, first: int = 10, last: int = 70) -> float:
    """Return the factor per step on the norm between two numbers of steps; in the limit ``a + s``.

    >>> round(tied_rate(0.7311, 0.1443), 4)    # LSTM, forget bias 1, weights as PyTorch draws them
    0.8683
    """
    if not 0 <= first < last:
        raise ConfigError(f"first must be below last, got {first} and {last}")
    ratio = tied_square(a, s, last) / tied_square(a, s, first)
    return ratio ** (1 / (2 * (last - first)))
