import numpy as np
import pytest

import nnscratch as nn
from nnscratch.files import save_npz
from nnscratch.flow import load_record, save_record


def record(**changes):
    made = {
        "label": "a run",
        "layers": np.array(["0.dense", "2.dense"]),
        "steps": np.arange(3),
        "loss": np.array([3.0, 2.0, np.nan]),
        "backprop_norm": np.array([[1.0, 2.0], [0.0, np.inf], [np.nan, 1.0]]),
        "weight_gradient_norm": np.ones((3, 2)),
    }
    return {**made, **changes}


def test_round_trip(tmp_path):
    save_record(tmp_path / "a.npz", record())
    loaded = load_record(tmp_path / "a.npz")
    assert loaded["label"] == "a run"
    for key, value in record().items():
        np.testing.assert_array_equal(loaded[key], value)


def test_missing_key_is_named(tmp_path):
    incomplete = record()
    del incomplete["loss"]
    save_npz(tmp_path / "a.npz", incomplete)
    with pytest.raises(nn.DataError, match="lacks loss"):
        load_record(tmp_path / "a.npz")


def test_shape_is_checked(tmp_path):
    save_npz(tmp_path / "a.npz", record(backprop_norm=np.ones((2, 2))))
    with pytest.raises(nn.DataError, match=r"backprop_norm has shape \(2, 2\)"):
        load_record(tmp_path / "a.npz")


def test_missing_file(tmp_path):
    with pytest.raises(nn.FileError, match="no such file"):
        load_record(tmp_path / "none.npz")
