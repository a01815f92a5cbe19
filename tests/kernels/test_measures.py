"""What a recorder measures: both kernel sets against NumPy in extended precision."""

import numpy as np
import pytest

from nnscratch_kernels.compiled import measures as compiled
from nnscratch_kernels.reference import measures as reference

SETS = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])
SIGNED = np.concatenate((-(2.0 ** np.arange(12, -20, -1.0)), [0.0], 2.0 ** np.arange(-19.0, 13)))
MAGNITUDES = np.concatenate(([0.0], 2.0 ** np.arange(-100.0, 27, 2)))


def measured(kernels, x, low=np.nan, high=np.nan, run=1000):
    """Measure `x` in runs; return the row of `finish_measures` by name."""
    starts = list(range(0, x.size, run))
    sums = np.full((len(starts), 7), 99.0)
    for i, first in enumerate(starts):
        kernels.measure_elements(sums[i], x, low, high, first, min(first + run, x.size))
    out = np.full((1, 8), 99.0)
    kernels.finish_measures(
        out, sums, np.array([0, len(starts)]), np.array([x.size], dtype=np.float64)
    )
    return dict(zip(reference.MEASURES, out[0].tolist(), strict=True))


@SETS
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (64, 100), (37, 181)])
@pytest.mark.parametrize(
    ("dtype", "scale"),
    [
        *((np.float32, scale) for scale in (1, 1e-30, 1e-38, 1e30)),
        *((np.float64, scale) for scale in (1, 1e-200, 1e200)),
    ],
)
def test_measures_equal_those_of_the_raw_values(kernels, shape, dtype, scale):
    rng = np.random.default_rng(0)
    x = ((0.4 + rng.standard_normal(shape)) * scale).astype(dtype)
    x[rng.random(shape) < 0.2] = 0
    low, high = -0.3 * scale, 0.8 * scale
    found = measured(kernels, x, low, high)
    raw = x.astype(np.longdouble)
    root_mean_square = float(np.sqrt((raw**2).mean()))
    assert found["norm"] == pytest.approx(float(np.sqrt((raw**2).sum())), rel=1e-6)
    assert found["mean"] == pytest.approx(float(raw.mean()), abs=1e-6 * root_mean_square)
    assert found["std"] == pytest.approx(
        float(raw.std()), rel=1e-5, abs=1e-3 * root_mean_square if raw.std() == 0 else 0
    )
    assert found["max"] == np.abs(x).max()
    assert found["zeros"] == pytest.approx((x == 0).mean())
    assert found["nonfinite"] == 0
    assert found["low"] == pytest.approx((x <= dtype(low)).mean())
    assert found["high"] == pytest.approx((x >= dtype(high)).mean())


@SETS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_not_finite_is_counted_and_the_largest_number_is_finite(kernels, dtype):
    x = np.random.default_rng(1).standard_normal((50, 50)).astype(dtype)
    x[3, 4] = 7
    x[10, :5] = np.inf
    found = measured(kernels, x)
    assert np.isnan([found["low"], found["high"]]).all()  # no ends were asked for
    assert (found["norm"], found["mean"], found["nonfinite"]) == (np.inf, np.inf, 5)
    assert np.isnan(found["std"])
    x[11, :2] = np.nan
    found = measured(kernels, x)
    assert np.isnan([found["norm"], found["mean"], found["std"]]).all()
    assert (found["max"], found["nonfinite"]) == (7, 7)
    assert measured(kernels, np.full((2, 2), np.nan, dtype))["max"] == 0


@SETS
def test_a_constant_has_no_deviation_and_nothing_measures_zero(kernels):
    assert measured(kernels, np.full((40, 60), 3.0, np.float32))["std"] <= 3e-3
    nothing = measured(kernels, np.zeros((4, 5), np.float32), -1.0, 1.0)
    assert nothing == {**dict.fromkeys(reference.MEASURES, 0.0), "zeros": 1.0}


@SETS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stride", [16, 17, 50, 1290, 5000])
def test_histograms_count_the_sample_between_their_edges(kernels, dtype, stride):
    rng = np.random.default_rng(2)
    x = (rng.standard_normal((40, 33)) * 10.0 ** rng.uniform(-12, 5, (40, 33))).astype(dtype)
    x[:2, :9] = np.array([0, -0.0, 1, -1, 0.5, 5000, -5000, 2.0**-25, -(2.0**-19)], dtype)
    x[2, :4] = np.nan, np.inf, -np.inf, np.nan
    runs = [x.ravel()[at : at + 16] for at in range(0, x.size - 15, stride)]
    sample = np.concatenate(runs).astype(np.float64)
    sample = sample[~np.isnan(sample)]
    for kernel, values, edges in (
        (kernels.sample_signed, sample, SIGNED),
        (kernels.sample_magnitudes, np.abs(sample), MAGNITUDES),
    ):
        counts = np.full(64, 9, np.uint16)
        kernel(counts, x, stride)
        inside = np.clip(values, edges[0], np.nextafter(edges[-1], 0))
        # A negative number lies in (edge, next edge], a positive one in [edge, next edge).
        expected = np.histogram(inside[inside >= 0], edges)[0]
        expected += np.histogram(-inside[inside < 0], -edges[::-1])[0][::-1]
        np.testing.assert_array_equal(counts, expected)


@SETS
@pytest.mark.parametrize("units", [1, 4, 37])
def test_batch_norm_measures(kernels, units):
    rng = np.random.default_rng(3)
    mean, running_mean, gamma = rng.standard_normal((3, units)).astype(np.float32)
    variance, running_variance = rng.uniform(0.1, 3, (2, units)).astype(np.float32)
    out = np.empty(4)
    kernels.measure_batchnorm(out, mean, variance, running_mean, running_variance, gamma, 1e-3)
    sigma = np.sqrt(running_variance.astype(np.float64) + 1e-3)
    ratio = (variance.astype(np.float64) + 1e-3) / sigma**2
    scale = np.abs(gamma) / np.sqrt(variance.astype(np.float64) + 1e-3)
    expected = [
        np.sqrt((((mean.astype(np.float64) - running_mean) / sigma) ** 2).mean()),
        np.prod(ratio) ** (1 / units),
        np.sqrt((scale**2).mean()),
        scale.max(),
    ]
    np.testing.assert_allclose(out, expected, rtol=1e-5)
