"""What is sampled, and what is measured together: by shapes alone."""

import numpy as np
import pytest

from nnscratch import sampling
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


@pytest.mark.parametrize("columns", [1, 10, 64, 100, 128, 300])
@pytest.mark.parametrize("elements", [1, 100, 1024, 60_000])
def test_runs_fit_and_come_by_all_columns(elements, columns):
    stride = sampling.run_stride(elements, 64, columns)
    starts = np.arange(0, elements - 15, stride)
    assert len(starts) <= 4
    assert stride % 16 == 0
    if columns % 16 == 0:
        passed = {at % columns for at in range(0, columns * stride, stride)}
        assert passed == set(range(0, columns, 16))


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
