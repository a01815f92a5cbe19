"""A few of the digits."""

import pytest

import nnscratch as nn


@pytest.fixture(scope="module")
def digits():
    x, y, x_test, y_test = nn.datasets.digits()
    return x[:600], y[:600], (x_test[:200], y_test[:200])
