"""What a recorder measures: both kernel sets against NumPy in extended precision."""

import numba
import numpy as np
import pytest

from nnscratch_kernels.compiled import measures as compiled
from nnscratch_kernels.compiled.sums import moments_of
from nnscratch_kernels.reference import measures as reference
from nnscratch_kernels.runtime.native import doubles
from nnscratch_kernels.runtime.operation import row_range
from nnscratch_kernels.vector.vectors import FUSED, address

SETS = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])
SIGNED = np.concatenate((-(2.0 ** np.arange(12, -20, -1.0)), [0.0], 2.0 ** np.arange(-19.0, 13)))
MAGNITUDES = np.concatenate(([0.0], 2.0 ** np.arange(-100.0, 27, 2)))


def measured(kernels, x, low=np.nan, high=np.nan, runs=1, samples=0, signed=True, stride=16):
    """Measure `x`, third of three tensors, in runs; return its measures by name, and its sample."""
    sums = np.zeros((runs + 1, 9, 4))  # a run more than it has, a tensor more than there is
    found = np.full(samples, 99, np.uint8)
    kernels.measure_tensor(sums, found, x, 2, low, high, signed, stride, runs)
    assert (sums[:, :, [0, 1, 3]] == 0).all()
    out = np.full((8, 3), 99.0)
    kernels.finish_measures(out, sums, np.array([7, 7, x.size], np.float64))
    return dict(zip(reference.MEASURES, out[:, 2].tolist(), strict=True)), found


@SETS
@pytest.mark.parametrize(
    ("shape", "runs"), [((1, 1), 1), ((3, 7), 1), ((64, 100), 4), ((37, 181), 2), ((9, 1500), 1)]
)
@pytest.mark.parametrize(
    ("dtype", "scale"),
    [
        *((np.float32, scale) for scale in (1, 1e-30, 1e-38, 1e30)),
        *((np.float64, scale) for scale in (1, 1e-200, 1e200)),
    ],
)
def test_measures_equal_those_of_the_raw_values(kernels, shape, runs, dtype, scale):
    rng = np.random.default_rng(0)
    x = ((0.4 + rng.standard_normal(shape)) * scale).astype(dtype)
    x[rng.random(shape) < 0.2] = 0
    low, high = -0.3 * scale, 0.8 * scale
    found, _ = measured(kernels, x, low, high, runs)
    raw = x.astype(np.longdouble)
    root_mean_square = float(np.sqrt((raw**2).mean()))
    assert found["norm"] == pytest.approx(float(np.sqrt((raw**2).sum())), rel=1e-6, abs=0)
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
@pytest.mark.parametrize(
    ("low", "high"), [(-0.7, 0.7), (0.0, np.nan), (-0.7, np.nan), (0.2, 0.7), (np.nan, -0.2)]
)
def test_what_lies_at_an_end_is_counted(kernels, dtype, low, high):
    """Where nothing does, nothing is counted, which must not be a wrong guess."""
    rng = np.random.default_rng(4)
    edges = np.array([low, high, -low, -high, 0.0], dtype)
    for reach in (0.1, 0.6, 0.7, 0.8):
        x = rng.uniform(-reach, reach, (40, 70)).astype(dtype)
        for values in (x, abs(x), -abs(x), np.maximum(x, 0)):
            for place in range(5):
                values = values.copy()
                values[31, 7] = np.nan_to_num(edges[place])
                found, _ = measured(kernels, values, low, high, runs=2)
                at_low = np.nan if np.isnan(low) else (values <= dtype(low)).mean()
                at_high = np.nan if np.isnan(high) else (values >= dtype(high)).mean()
                expected = [(values == 0).mean(), at_low, at_high]
                np.testing.assert_allclose([found[k] for k in ("zeros", "low", "high")], expected)


@SETS
@pytest.mark.parametrize(
    ("dtype", "least", "largest"),
    [
        *((np.float32, *ends) for ends in ((-45, -8), (-45, -12.9), (-20, -12), (-45, -27))),
        *((np.float32, *ends) for ends in ((-45, -30), (-45, -38.5), (-23, -19), (-45, 0))),
        *((np.float64, *ends) for ends in ((-323, -140), (-170, -149), (-323, -300), (-323, 0))),
    ],
)
@pytest.mark.parametrize("size", [3, 16, 5000])
def test_vanishing_values_of_many_sizes(kernels, dtype, least, largest, size):
    """Squares are subnormal, or elements are, or both, which is where arithmetic may skip them."""
    rng = np.random.default_rng(size)
    x = 10.0 ** rng.uniform(least, largest, (1, size)) * rng.choice([-1, 1], (1, size))
    x = x.astype(dtype)
    for _ in range(3):
        found, _ = measured(kernels, x)
        raw = x.astype(np.longdouble)
        root_mean_square = float(np.sqrt((raw**2).mean()))
        assert found["norm"] == pytest.approx(float(np.sqrt((raw**2).sum())), rel=1e-6, abs=0)
        assert found["mean"] == pytest.approx(float(raw.mean()), abs=1e-6 * root_mean_square)
        assert found["max"] == abs(x).max()
        assert found["zeros"] == (x == 0).mean()
        x = np.roll(x, 1)  # another one is the first
        x[0, 0] = 0
    assert (np.full(20, 3e-39, np.float32) * np.float32(0.5) > 0).all()  # as it was before


@SETS
def test_many_subnormal_squares_count_beside_a_larger_one(kernels):
    for larger in 10.0 ** -np.arange(12.0, 19.5, 0.5):
        x = np.full((1, 4000), 1.05e-19, np.float32)
        x[0, -1] = larger
        found, _ = measured(kernels, x)
        norm = float(np.sqrt((x.astype(np.longdouble) ** 2).sum()))
        assert found["norm"] == pytest.approx(norm, rel=1e-6, abs=0)


@SETS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_not_finite_is_counted_and_the_largest_number_is_finite(kernels, dtype):
    x = np.random.default_rng(1).standard_normal((50, 50)).astype(dtype)
    x[3, 4] = 7
    x[10, :5] = np.inf
    found, _ = measured(kernels, x, runs=2)
    assert np.isnan([found["low"], found["high"]]).all()  # no ends were asked for
    assert (found["norm"], found["mean"], found["nonfinite"]) == (np.inf, np.inf, 5)
    assert np.isnan(found["std"])
    assert measured(kernels, x, -1.0, np.inf)[0]["high"] == 5 / x.size
    x[11, :2] = np.nan
    found, _ = measured(kernels, x, runs=2)
    assert np.isnan([found["norm"], found["mean"], found["std"]]).all()
    assert (found["max"], found["nonfinite"]) == (7, 7)
    assert measured(kernels, np.full((2, 2), np.nan, dtype))[0]["max"] == 0


@SETS
def test_a_constant_has_no_deviation_and_nothing_measures_zero(kernels):
    assert measured(kernels, np.full((40, 60), 3.0, np.float32))[0]["std"] <= 3e-3
    nothing, _ = measured(kernels, np.zeros((4, 5), np.float32), -1.0, 1.0)
    assert nothing == {**dict.fromkeys(reference.MEASURES, 0.0), "zeros": 1.0}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments_in_vectors_of_every_width(width, dtype):
    plain, scaled = moments_of(width, FUSED)
    scale = dtype(0.5)

    @numba.njit
    def found(out, x):
        plain(address(x, 0), len(x), doubles(out.ctypes.data))

    @numba.njit
    def found_scaled(out, x):
        scaled(address(x, 0), len(x), scale, doubles(out.ctypes.data))

    rng = np.random.default_rng(5)
    for count in (1, 2, 7, 15, 16, 17, 63, 64, 65, 128, 200, 1000):
        x = (rng.standard_normal(count) + 0.1).astype(dtype)
        out = np.empty(4)
        found(out, x)
        raw = x.astype(np.longdouble)
        close = 1e-6 if dtype == np.float32 else 1e-14
        assert out[0] == pytest.approx(float(raw.sum()), abs=close * count)
        assert out[1] == pytest.approx(float((raw**2).sum()), rel=close)
        assert (out[2], out[3]) == (abs(x).max(), abs(x).min())
        half = np.empty(4)
        found_scaled(half, x)
        np.testing.assert_array_equal(half, out / [2, 4, 2, 2])
        tiny = (x * np.finfo(dtype).smallest_normal / 64).astype(dtype)  # subnormal
        found(out, tiny)
        assert (out[2], out[3]) == (abs(tiny).max(), abs(tiny).min())
        x[count // 2] = np.nan
        found(out, x)
        assert np.isnan(out[:3]).all()


def in_order(x):
    """Sum of `x` in the order of all widths: 256 bytes side by side, then halves to halves."""
    lanes = 64 // x.itemsize
    sums = np.zeros((4, lanes), x.dtype)
    whole = x.size // sums.size * sums.size
    for part in x[:whole].reshape(-1, 4, lanes):
        sums += part
    for start in range(whole, x.size, lanes):
        part = x[start : start + lanes]
        sums[0, : part.size] += part
    total = sums[0]
    for chain in sums[1:]:
        total = total + chain
    while total.size > 1:
        total = total[: total.size // 2] + total[total.size // 2 :]
    return total[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments_are_added_in_one_order_at_every_width(width, dtype):
    """So no width sums more, with more rounding, than another."""
    plain, _ = moments_of(width, FUSED)

    @numba.njit
    def found(out, x):
        plain(address(x, 0), len(x), doubles(out.ctypes.data))

    rng = np.random.default_rng(6)
    for count in (1, 15, 16, 31, 64, 100, 129, 4000, 4096):
        x = (rng.integers(-2000, 4000, count) / 7 * 4096).astype(dtype)
        out = np.empty(4)
        found(out, x)
        assert out[0] == in_order(x)
        x = rng.integers(-1200, 2000, count).astype(dtype)  # its squares are exact, not their sums
        found(out, x)
        assert out[1] == in_order(x * x)


def test_rows_are_shared_out_as_threads_share_them_out():
    """So that each thread measures what it has just computed, whatever the batch."""
    share = numba.njit(row_range.py_func)
    for rows in (1, 7, 8, 16, 17, 33, 60, 200, 1000):
        for parts in (1, 2, 4, 8):
            shares = [reference.row_share(rows, part, parts) for part in range(parts)]
            assert [share(rows, part, parts) for part in range(parts)] == shares
            assert [first for first, _ in shares[1:]] == [last for _, last in shares[:-1]]
            assert (shares[0][0], shares[-1][1]) == (0, rows)
            for part in range(parts // 2):
                halves = shares[2 * part][0], shares[2 * part + 1][1]
                assert halves == reference.row_share(rows, part, parts // 2)


def odd_values(dtype):
    """Sizes of all kinds, and what is no size."""
    rng = np.random.default_rng(2)
    x = (rng.standard_normal((40, 33)) * 10.0 ** rng.uniform(-12, 5, (40, 33))).astype(dtype)
    x[:2, :9] = np.array([0, -0.0, 1, -1, 0.5, 5000, -5000, 2.0**-25, -(2.0**-19)], dtype)
    x[2, :4] = np.nan, np.inf, -np.inf, np.nan
    x[3, :2] = np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max
    return x


def counted(samples):
    return np.bincount(samples, minlength=256)[:64]


def expected_counts(sample, signed):
    """How many of the sampled numbers lie between the edges."""
    values, edges = sample[~np.isnan(sample)].astype(np.float64), SIGNED
    if not signed:
        values, edges = np.abs(values), MAGNITUDES
    inside = np.clip(values, edges[0], np.nextafter(edges[-1], 0))
    # A negative number lies in (edge, next edge], a positive one in [edge, next edge).
    expected = np.histogram(inside[inside >= 0], edges)[0]
    return expected + np.histogram(-inside[inside < 0], -edges[::-1])[0][::-1]


@SETS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("stride", "runs"), [(16, 1), (17, 2), (50, 4), (400, 4), (5000, 2)])
def test_samples_are_counted_between_their_edges(kernels, dtype, signed, stride, runs):
    x = odd_values(dtype)
    _, found = measured(kernels, x, runs=runs, samples=256, signed=signed, stride=stride)
    places = 256 // runs
    for k in range(runs):
        first, last = reference.row_share(len(x), k, runs)
        flat = x[first:last].ravel()
        # Columns go on from run to run where the sample of the one before has ended.
        start = k * (places // 16) * stride % x.shape[1]
        starts = range(start, flat.size - 15, stride)[: places // 16]
        sample = np.concatenate([flat[at : at + 16] for at in starts])
        mine = found[k * places : (k + 1) * places]
        np.testing.assert_array_equal(counted(mine), expected_counts(sample, signed))
        assert np.count_nonzero(mine == reference.NAN) == np.isnan(sample).sum()
        assert (mine[sample.size :] == reference.NOTHING).all()
        assert (mine[: sample.size] <= reference.NAN).all()


@SETS
@pytest.mark.parametrize("size", [1, 5, 15, 16, 17, 40])
def test_a_small_array_is_sampled_as_far_as_it_goes(kernels, size):
    x = np.arange(1, size + 1, dtype=np.float32)
    places = np.full(64, 99, np.uint8)
    kernels.sample_bins(places, x, True, 0, 16)
    whole = size if size < 16 else size // 16 * 16
    np.testing.assert_array_equal(counted(places), expected_counts(x[:whole], True))
    assert (places[whole:] == reference.NOTHING).all()


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


@SETS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ratio", [0.1, 3.0, 5.6, 8.0, 100.0, 1e4])
@pytest.mark.parametrize(("shape", "runs"), [((200, 100), 8), ((64, 33), 2), ((9, 1500), 1)])
def test_a_mean_far_from_zero_costs_the_deviation_nothing(kernels, dtype, ratio, shape, runs):
    rng = np.random.default_rng(0)
    x = (ratio * (1 + 1e-9) + rng.standard_normal(shape)).astype(dtype)
    x[: len(x) // 2] += 0.25  # runs that differ
    for sign in (1, -1):
        found, _ = measured(kernels, sign * x, runs=runs)
        raw = x.astype(np.longdouble)
        assert found["std"] == pytest.approx(float(raw.std()), rel=1e-5, abs=0)
        assert found["mean"] == pytest.approx(float(sign * raw.mean()), rel=1e-6)


@SETS
def test_what_is_the_same_everywhere_has_no_deviation(kernels):
    found, _ = measured(kernels, np.full((64, 100), 1234.567, np.float32), runs=4)
    assert found["std"] == 0
    assert found["mean"] == np.float32(1234.567)
