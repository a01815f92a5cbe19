"""MNIST of few images, and no folder of this machine, nor a network."""

import hashlib

import numpy as np
import platformdirs
import pooch
import pytest

from nnscratch.datasets.mnist import FILES, Known

from .small_files import content_of


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """No folder of this machine and no network takes part."""

    def call(self, url, output_file, pooch):
        raise AssertionError(f"a test reached for {url}")

    monkeypatch.delenv("NNSCRATCH_DATA", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: str(tmp_path / name))
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", call)


@pytest.fixture
def small(monkeypatch):
    """Four small arrays, known to the loader as the right content."""
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.integers(0, 10 if len(known.shape) == 1 else 256, (n, *known.shape[1:]), np.uint8)
        for (name, known), n in zip(FILES.items(), (6, 6, 4, 4), strict=True)
    }
    for name, array in arrays.items():
        monkeypatch.setitem(
            FILES, name, Known(array.shape, hashlib.sha256(content_of(array)).hexdigest())
        )
    return arrays
