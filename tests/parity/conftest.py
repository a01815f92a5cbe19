"""The peers are optional: without them these tests are skipped, unless the environment insists."""

import importlib.util
import os

import pytest


def pytest_configure(config):
    if os.environ.get("NNSCRATCH_REQUIRE_PEERS"):
        for peer in ("torch", "tensorboard"):
            if not importlib.util.find_spec(peer):
                raise pytest.UsageError(f"NNSCRATCH_REQUIRE_PEERS is set, but {peer} is missing")
