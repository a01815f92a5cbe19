"""The peers are optional: without them these tests are skipped, unless the environment insists."""

import importlib.util
import os

import pytest

PEERS = (
    *("torch", "tensorboard", "keras", "sklearn", "onnx", "onnxruntime", "safetensors"),
    *("pandas", "xarray", "distributed", "lightning", "transformers", "accelerate"),
    *("wandb", "mlflow", "pyarrow", "optuna"),
)


def pytest_configure(config):
    if os.environ.get("NNSCRATCH_REQUIRE_PEERS"):
        for peer in PEERS:
            if not importlib.util.find_spec(peer):
                raise pytest.UsageError(f"NNSCRATCH_REQUIRE_PEERS is set, but {peer} is missing")
