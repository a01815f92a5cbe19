"""PyTorch is optional: without it these tests are skipped, unless the environment insists."""

import importlib.util
import os

import pytest


def pytest_configure(config):
    if os.environ.get("NNSCRATCH_REQUIRE_PEERS") and not importlib.util.find_spec("torch"):
        raise pytest.UsageError("NNSCRATCH_REQUIRE_PEERS is set, but PyTorch is not installed")
