"""Without the package of a bridge, the error says which extra to install."""

import importlib
import sys
import tomllib
from pathlib import Path

import pytest

import nnscratch as nn
from nnscratch.datasets.download import fetch
from nnscratch.errors import MissingPackageError
from nnscratch.flow.export import to_frame, to_xarray
from nnscratch.sweeping.table import Table

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "optional-dependencies"
]
# Whose own function is given as log=: nothing here imports them.
NOT_IMPORTED = {"wandb", "mlflow"}
FOR_DEVELOPERS = {"test", "lint", "peers"}


def to_dask(path):
    nn.sweep(dict, {"depth": [1]}, executor="tcp://127.0.0.1:1", table=path / "a.csv")


# The extra, the module that is hidden, what is then tried in a folder.
USES = [
    ("torch", "torch", "nnscratch.pytorch"),
    ("lightning", "lightning.pytorch.callbacks", "nnscratch.pytorch.lightning"),
    ("transformers", "transformers", "nnscratch.pytorch.transformers"),
    ("sklearn", "sklearn.utils.validation", "nnscratch.sklearn"),
    ("onnx", "onnx", "nnscratch.onnx"),
    (
        "safetensors",
        "safetensors.numpy",
        lambda path: nn.Sequential(nn.Dense(2, 2)).save_weights(path / "a.safetensors"),
    ),
    ("pandas", "pandas", lambda path: to_frame({})),
    ("pandas", "pandas", lambda path: nn.Sweep(path, []).to_frame()),
    ("xarray", "xarray", lambda path: to_xarray({})),
    ("parquet", "pyarrow.parquet", lambda path: Table(path / "a.parquet", ["depth"])),
    ("dask", "distributed", to_dask),
    ("download", "pooch", lambda path: fetch("a")),
]


@pytest.mark.parametrize(("extra", "module", "use"), USES)
def test_the_error_names_the_extra(extra, module, use, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    if isinstance(use, str):
        if "pytorch." in use:
            pytest.importorskip("torch", reason="torch is not installed")
        monkeypatch.delitem(sys.modules, use, raising=False)
    with pytest.raises(MissingPackageError, match=rf"pip install 'nnscratch\[{extra}\]'"):
        importlib.import_module(use) if isinstance(use, str) else use(tmp_path)


def test_every_extra_is_tried_or_is_the_users_to_import():
    tried = {extra for extra, _, _ in USES}
    assert tried | NOT_IMPORTED == EXTRAS.keys() - FOR_DEVELOPERS
    docs = "".join(path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md"))
    for extra in EXTRAS.keys() - FOR_DEVELOPERS - {"download"}:
        assert f"nnscratch[{extra}]" in docs, extra
