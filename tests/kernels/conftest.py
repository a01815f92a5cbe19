"""The vector widths that this machine can run."""

import pytest

from nnscratch_kernels.vector.vectors import WIDTH

VECTORS = [width for width in (64, 32, 16) if width <= WIDTH]  # in bytes


def each(widths: list[int]) -> list[object]:
    """Return widths as what is tried; what others than the machine's own compile takes its time."""
    return [pytest.param(n, marks=[pytest.mark.slow] * (n != WIDTH)) for n in widths]


@pytest.fixture(params=each([*VECTORS, 0]))
def width(request: pytest.FixtureRequest) -> int:
    """One of them, 0 for plain loops."""
    found: int = request.param
    return found


@pytest.fixture(params=each(VECTORS or [0]))
def vector_width(request: pytest.FixtureRequest) -> int:
    """One of them, 0 only where there are no vectors."""
    found: int = request.param
    return found
