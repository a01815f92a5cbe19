"""Records as pandas and xarray have them."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.export import to_frame, to_xarray
from nnscratch_records import FIELDS

SERIES = {name: field for name, field in FIELDS.items() if field.is_series}
BY_LAG = {name for name, field in FIELDS.items() if field.axes[2:] == ("lags",)}


def test_a_frame_has_a_row_a_step_and_a_column_a_layer(recording):
    pytest.importorskip("pandas", reason="pandas is not installed")
    record = recording.record()
    frame = to_frame(record)
    assert frame.index.name == "step"
    assert frame.index.tolist() == record["steps"].tolist()
    assert set(frame.columns.get_level_values("quantity")) == set(SERIES) | BY_LAG
    for name, field in SERIES.items():
        if field.over:
            assert frame[name].columns.tolist() == record[field.over].tolist()
        np.testing.assert_array_equal(frame[name].to_numpy(), record[name])
    np.testing.assert_array_equal(
        frame["gradient_norm", "1.tanh"].to_numpy(), record["gradient_norm"][:, 1]
    )
    assert frame.attrs["label"] == "a run"


def test_a_dataset_has_every_field_over_its_axes(recording):
    pytest.importorskip("xarray", reason="xarray is not installed")
    record = recording.record()
    data = to_xarray(record)
    for name, field in FIELDS.items():
        if field.axes:
            assert data[name].dims == field.axes
            np.testing.assert_array_equal(data[name].to_numpy(), record[name])
            assert data[name].attrs["meaning"] == field.meaning
        else:
            assert data.attrs[name] == record[name]
    chosen = data["gradient_norm"].sel(layers="1.tanh", steps=3)
    assert float(chosen) == pytest.approx(record["gradient_norm"][3, 1], nan_ok=True)


def test_histograms_that_were_not_kept_are_left_out(recording):
    pytest.importorskip("xarray", reason="xarray is not installed")
    record = recording.record()
    record["output_histogram"] = record["output_histogram"][:0]
    assert "output_histogram" not in to_xarray(record)


def test_a_recorder_gives_both():
    pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("xarray", reason="xarray is not installed")
    model = nn.Sequential(nn.Dense(4, 3))
    flow, optimizer = nn.GradientFlow(model), nn.SGD(lr=0.1)
    with flow.attached(optimizer):
        model.training_pass(np.ones((5, 4), np.float32), np.zeros(5, int), nn.SoftmaxCrossEntropy())
        optimizer.step(model.params, model.grads)
    assert flow.to_frame().shape[0] == 1
    assert flow.to_xarray().sizes["layers"] == 1
