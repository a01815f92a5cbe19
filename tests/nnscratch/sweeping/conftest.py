"""Sweeps in threads: of two given ones, and of those that stand in for processes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import nnscratch as nn
from nnscratch.sweeping.run import one_thread


@pytest.fixture
def sweep(tmp_path):
    def run(build, grid, table="sweep.csv", **options):
        with ThreadPoolExecutor(2) as executor:
            return nn.sweep(build, grid, executor=executor, table=tmp_path / table, **options)

    return run


@pytest.fixture
def pools(monkeypatch):
    """Threads in the place of processes; the list of the pools."""
    made = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, count, context, initializer):
            assert context.get_start_method() == "spawn"
            assert initializer is one_thread
            super().__init__(count)
            made.append((count, self))

        def shutdown(self, wait=True, *, cancel_futures=False):
            self.cancelled = getattr(self, "cancelled", False) or cancel_futures
            super().shutdown(wait, cancel_futures=cancel_futures)

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", Pool)
    return made
