"""What is sampled, and what is measured together: by shapes alone."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import sampling
from nnscratch.flow.measuring import TensorMeasures
from nnscratch_kernels.reference import measures
from nnscratch_kernels.reference.measures import NAN, NOTHING


@pytest.mark.parametrize(
    ("features", "size"), [(1, 64), (64, 64), (65, 128), (300, 512), (2048, 512)]
)
def test_a_power_of_two_is_sampled_of_a_tensor(features, size):
    assert sampling.tensor_sample(features) == size


@pytest.mark.parametrize(
    ("size", "sampled"), [(0, 64), (10, 64), (4096, 64), (4097, 128), (10**6, 512)]
)
def test_one_element_in_64_is_sampled_of_a_parameter(size, sampled):
    assert sampling.parameter_sample(size) == sampled


WIDTHS = (
    1,
    2,
    7,
    10,
    16,
    31,
    32,
    33,
    50,
    64,
    65,
    96,
    100,
    128,
    200,
    256,
    300,
    512,
    784,
    1000,
    2048,
)
BATCHES = (1, 2, 7, 16, 20, 32, 50, 60, 64, 100, 128, 200, 256, 500, 512, 1000)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_column_is_sampled_equally_often(width, monkeypatch):
    """Over 336 shapes, by what the kernel reads: each element holds the number of its column."""
    sampled = []

    def note(values, signed):
        sampled.append(values)
        return np.zeros(len(values), np.uint8)

    monkeypatch.setattr(measures, "_bins", note)
    for batch in BATCHES:
        sampled.clear()
        x = np.tile(np.arange(width, dtype=np.float64), (batch, 1))
        places = np.zeros(sampling.tensor_sample(width), np.uint8)
        with nn.use_kernels("reference"):
            TensorMeasures(np.empty((8, 1))).take(0, places, x, (np.nan, np.nan), True)
        columns = np.concatenate(sampled).astype(int)
        counts = np.bincount(columns, minlength=width)
        shape = (batch, width)
        if batch * width >= 2 * len(places):
            assert len(columns) == len(places), shape
        assert counts.max() - counts.min() <= 1, shape
        if width > len(places):  # spread over all of the layer
            assert np.ptp(np.flatnonzero(counts)) > 0.9 * width


@pytest.mark.parametrize(
    "shape", [(64, 100), (784, 300), (100, 10), (50, 7), (2048, 2048), (9, 33)]
)
def test_every_column_of_a_weight_is_sampled_equally_often(shape):
    size = shape[0] * shape[1]
    stride = sampling.parameter_stride(size, shape[1])
    assert stride % 16 == 0
    begins = np.arange(sampling.parameter_sample(size) // 16) * stride
    begins = begins[begins + 16 <= size]
    assert begins[-1] > 0.4 * size or size < 1024
    counts = np.bincount(((begins[:, None] + np.arange(16)) % shape[1]).ravel(), minlength=shape[1])
    assert np.ptp(counts) <= 2


def test_a_histogram_sees_the_dead_units():
    """84 of 100 units are dead: so say the zeros that are counted, and so does the histogram."""
    model = nn.Sequential(nn.Dense(30, 100), nn.ReLU(), nn.Dense(100, 10))
    model.params["0.bias"][16:] = -100
    x = np.random.default_rng(0).standard_normal((200, 30)).astype(np.float32)
    flow, optimizer = nn.GradientFlow(model), nn.SGD(0.01)
    with flow.attached(optimizer):
        for _ in range(20):
            model.training_pass(x, np.arange(200) % 10, nn.SoftmaxCrossEntropy())
            optimizer.step(model.params, model.grads)
    record = flow.to_dict()
    counts = record["output_histogram"][:, 1].sum(axis=0)
    assert counts[32] / counts.sum() == pytest.approx(record["output_zeros"][0, 1], abs=0.06)


@pytest.mark.parametrize(
    ("rows", "columns", "runs"),
    [(1, 64, 1), (15, 999, 1), (16, 1, 2), (32, 64, 2), (200, 300, 8), (60, 100, 2), (512, 10, 2)],
)
def test_runs_of_rows(rows, columns, runs):
    assert sampling.measured_runs(rows, columns) == runs


def test_samples_are_counted_by_histogram():
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 64, (5, 40)).astype(np.uint8)
    samples[2, :7] = NAN
    samples[3, 10:12] = NOTHING
    starts = np.array([3, 10, 10, 39])
    found = sampling.count_samples(samples, starts)
    assert found.dtype == np.uint16
    for s in range(5):
        for i, (first, last) in enumerate([(3, 10), (10, 10), (10, 39)]):
            expected = [np.count_nonzero(samples[s, first:last] == b) for b in range(64)]
            np.testing.assert_array_equal(found[s, i], expected)
    assert sampling.count_samples(samples[:0], starts).shape == (0, 3, 64)
