"""Each network with forks, and a batch."""

import numpy as np
import pytest

from .forks import NETWORKS


@pytest.fixture(params=NETWORKS)
def parts(request):
    return NETWORKS[request.param]


@pytest.fixture
def batch():
    rng = np.random.default_rng(4)
    return rng.standard_normal((64, 13), np.float32), rng.integers(0, 10, 64)
