"""Records on disk: saved and loaded, or refused with a reason."""

from pathlib import Path

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.files import save_npz
from nnscratch.flow import load_record
from nnscratch_records.attribution import attribute

DATA = Path(__file__).parent / "data"

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((40, 8)).astype(np.float32), RNG.integers(0, 3, 40)


def recorded(**options):
    model = nn.Sequential(nn.Dense(8, 6), nn.BatchNorm(6), nn.ReLU(), nn.Dense(6, 3), seed=0)
    flow = nn.GradientFlow(model, label="a run", probe=X, probe_every=2, **options)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(0.1, clip=nn.ClipByValue(0.01)))
    trainer.fit(X, LABELS, epochs=3, batch_size=20, callbacks=[flow], progress=False)
    flow.close()
    return flow


def test_saved_and_loaded_a_record_is_the_same(tmp_path):
    flow = recorded()
    flow.save(tmp_path / "a.npz")
    np.testing.assert_equal(load_record(tmp_path / "a.npz"), flow.to_dict())


def test_the_file_of_a_recorder_holds_the_same_record(tmp_path):
    flow = recorded(file=tmp_path / "a.flow")
    np.testing.assert_equal(load_record(tmp_path / "a.flow"), flow.to_dict())


def test_the_file_keeps_what_memory_gives_up(tmp_path):
    flow = recorded(file=tmp_path / "a.flow", memory=1)
    assert len(flow) == 2
    assert list(load_record(tmp_path / "a.flow")["steps"]) == list(range(6))


def test_missing_key_is_named(tmp_path):
    incomplete = recorded().to_dict()
    del incomplete["loss"]
    save_npz(tmp_path / "a.npz", incomplete)
    with pytest.raises(nn.DataError, match="lacks loss"):
        load_record(tmp_path / "a.npz")


def test_records_of_other_formats_are_refused(tmp_path):
    save_npz(tmp_path / "old.npz", {"label": "old", "backprop_norm": np.ones((1, 1))})
    with pytest.raises(nn.DataError, match=r"format 1, expected 3 or 2.*another version"):
        load_record(tmp_path / "old.npz")
    save_npz(tmp_path / "new.npz", {**recorded().to_dict(), "format": 4})
    with pytest.raises(nn.DataError, match="format 4, expected 3 or 2"):
        load_record(tmp_path / "new.npz")


@pytest.mark.parametrize("name", ["format2.npz", "format2.flow"])
def test_a_file_of_format_2_is_read(name):
    record = load_record(DATA / name)
    assert record["format"] == 3
    assert record["layers"].tolist() == ["0.dense", "1.batchnorm", "2.prelu", "4.dense"]
    assert record["roles"].tolist() == ["weights", "norm", "activation", "weights"]
    assert record["gaps"].tolist() == [0, 0, 0, 1]  # dropout was not recorded
    assert record["param_fan_in"].tolist() == [8, 0, 0, 0, 0, 6, 0]
    assert np.isnan(record["param_norm_initial"]).all()
    assert record["steps"].tolist() == [0, 1, 2, 3]
    assert record["loss"][0] == pytest.approx(1.1088, abs=1e-4)
    terms = attribute(record).terms
    assert terms == ("weights", "scale", "derivative", "unrecorded")


def test_both_files_of_format_2_hold_the_same():
    np.testing.assert_equal(load_record(DATA / "format2.flow"), load_record(DATA / "format2.npz"))


def test_missing_file(tmp_path):
    with pytest.raises(nn.FileError, match="no such file"):
        load_record(tmp_path / "none.npz")
