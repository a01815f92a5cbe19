"""Networks of PyTorch and a few steps of training."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")


@pytest.fixture
def train():
    """Return a function that makes steps on made-up data and returns the losses."""

    def run(model, optimizer, loss, x, y, steps=12, batch=20, between=None):
        losses = []
        for step in range(steps):
            rows = torch.arange(step * batch, (step + 1) * batch) % len(x)
            optimizer.zero_grad()
            value = loss(model(x[rows]), y[rows])
            value.backward()
            if between is not None:
                between()
            optimizer.step()
            losses.append(value.item())
        return losses

    return run


@pytest.fixture
def classes():
    """Return 120 examples of 12 features in 3 classes."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((3, 12))
    y = rng.integers(0, 3, 120)
    x = (centres[y] + 0.5 * rng.standard_normal((120, 12))).astype(np.float32)
    return torch.from_numpy(x), torch.from_numpy(y)
