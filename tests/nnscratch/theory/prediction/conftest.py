"""The digits."""

import pytest

import nnscratch as nn


@pytest.fixture(scope="module")
def data():
    x, y, _, _ = nn.datasets.digits()
    return x, y
