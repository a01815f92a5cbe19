"""Clips: their definition, their report, their properties, and what is not finite."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnscratch as nn
from nnscratch.clipping import Clip
from nnscratch.parameters import Parameters

SHAPES = {"0.weight": (5, 7), "0.bias": (7,), "2.weight": (7, 3), "2.bias": (3,)}
CLIPS = (nn.ClipByValue, nn.ClipByNorm, nn.ClipByGlobalNorm)
DTYPES = (np.float32, np.float64)


def gradients(seed=0, scale=1.0, dtype=np.float64):
    grads = Parameters(SHAPES, dtype)
    grads.flat[...] = scale * np.random.default_rng(seed).standard_normal(grads.flat.size)
    return grads


@pytest.mark.parametrize("dtype", DTYPES)
def test_by_value(dtype):
    grads = gradients(dtype=dtype)
    before = grads.flat.copy()
    report = nn.ClipByValue(0.5).clip(grads)
    np.testing.assert_array_equal(grads.flat, np.clip(before, -0.5, 0.5))
    over = int((np.abs(before) > 0.5).sum())
    assert (report.changed, report.fraction) == (over, over / 66)
    assert report.fired
    assert report.norm_before == pytest.approx(np.linalg.norm(before.astype(np.float64)))
    assert report.norm_after == pytest.approx(np.linalg.norm(grads.flat.astype(np.float64)))
    assert report.largest == np.abs(before).max()
    assert report.norms == {}


@pytest.mark.parametrize("dtype", DTYPES)
def test_by_global_norm(dtype):
    grads = gradients(dtype=dtype)
    before = grads.flat.astype(np.float64)
    norm = np.linalg.norm(before)
    report = nn.ClipByGlobalNorm(2.0).clip(grads)
    np.testing.assert_allclose(grads.flat, before * 2 / norm, rtol=1e-6)
    assert report.norm_before == pytest.approx(norm)
    assert report.norm_after == pytest.approx(2.0, rel=1e-6)
    assert report.norm_after <= 2.0
    assert report.fraction == 1.0
    assert report.largest == np.abs(grads.flat.dtype.type(before)).max()


@pytest.mark.parametrize("dtype", DTYPES)
def test_by_norm_treats_each_parameter_by_itself(dtype):
    grads = gradients(dtype=dtype)
    grads["0.bias"][...] *= 0.01
    before = {name: grads[name].astype(np.float64) for name in grads}
    report = nn.ClipByNorm(2.0).clip(grads)
    norms = {name: np.linalg.norm(before[name]) for name in grads}
    assert norms["0.weight"] > 2 > norms["0.bias"]
    for name in grads:
        factor = min(1, 2 / norms[name])
        np.testing.assert_allclose(grads[name], before[name] * factor, rtol=1e-6)
        assert report.norms[name][0] == pytest.approx(norms[name])
        assert report.norms[name][1] == pytest.approx(min(norms[name], 2), rel=1e-6)
    np.testing.assert_array_equal(grads["0.bias"], before["0.bias"])
    assert report.norm_before == pytest.approx(math.hypot(*norms.values()))
    assert report.norm_after == pytest.approx(np.linalg.norm(grads.flat.astype(np.float64)))
    scaled = sum(before[name].size for name in grads if norms[name] > 2)
    assert report.changed == scaled < grads.flat.size
    assert report.largest == max(np.abs(array).max() for array in before.values())


@pytest.mark.parametrize("kind", CLIPS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**20),
    exponent=st.integers(-12, 12),
    limit=st.floats(1e-3, 1e3),
    single=st.booleans(),
)
def test_properties(kind, seed, exponent, limit, single):
    dtype = np.float32 if single else np.float64
    grads = gradients(seed, 10.0**exponent, dtype)
    before = grads.flat.copy()
    report = kind(limit).clip(grads)
    after = grads.flat.copy()
    # The limit holds, nothing grows, no sign turns.
    sizes = {
        nn.ClipByValue: [np.abs(after).max()],
        nn.ClipByNorm: [np.linalg.norm(grads[name].astype(np.float64)) for name in grads],
        nn.ClipByGlobalNorm: [np.linalg.norm(after.astype(np.float64))],
    }[kind]
    assert max(sizes) <= limit * (1 + 1e-7)
    assert (np.abs(after) <= np.abs(before)).all()
    assert (before * after >= 0).all()
    # The report agrees with the arrays, and nothing changes when nothing exceeds the limit.
    assert report.changed == np.count_nonzero(before != after)
    assert report.fired == (report.changed > 0)
    assert report.norm_after <= report.norm_before
    if report.norm_before < limit:
        assert not report.fired
        assert after.tobytes() == before.tobytes()
    # Clipping twice is clipping once.
    assert not kind(limit).clip(grads).fired
    assert grads.flat.tobytes() == after.tobytes()


@pytest.mark.parametrize("kernels", ["numba", "reference"])
@pytest.mark.parametrize("kind", CLIPS)
@pytest.mark.parametrize("limit", [1e-3, 0.7, 3.0, 1e3])
def test_cosine_of_the_angle_between_before_and_after(kind, limit, kernels):
    grads = gradients(5)
    grads["2.weight"][...] *= 10
    before = grads.flat.copy()
    with nn.use_kernels(kernels):
        cosine = kind(limit).clip(grads).cosine
    after = grads.flat
    expected = before @ after / np.sqrt((before @ before) * (after @ after))
    assert cosine == pytest.approx(expected, rel=1e-12)
    assert cosine <= 1
    if kind is nn.ClipByGlobalNorm or limit == 1e3:
        assert cosine == 1


@pytest.mark.parametrize("kernels", ["numba", "reference"])
@pytest.mark.parametrize("kind", CLIPS)
@pytest.mark.parametrize("shapes", [SHAPES, {}])
def test_zero_gradient_stays(kind, shapes, kernels):
    grads = Parameters(shapes, np.float32)
    with nn.use_kernels(kernels):
        report = kind(1.0).clip(grads)
    assert not report.fired
    assert (report.norm_before, report.norm_after, report.largest) == (0, 0, 0)
    assert math.isnan(report.cosine)
    assert not grads.flat.any()


@pytest.mark.parametrize("kind", [nn.ClipByValue, nn.ClipByGlobalNorm])
def test_exact_minimiser(kind):
    """v = -clip(g) minimises g.v + |v|^2 / 2 over the box, or over the ball."""
    rng = np.random.default_rng(3)
    grads = gradients(1)
    g = grads.flat.copy()
    kind(0.8).clip(grads)
    best = -grads.flat

    def objective(v):
        return v @ g + np.sum(v * v, axis=-1) / 2

    near = best + 0.05 * rng.standard_normal((2000, g.size))
    others = np.concatenate([near, 3 * rng.uniform(-1, 1, (2000, g.size))])
    if kind is nn.ClipByValue:
        others = np.clip(others, -0.8, 0.8)
    else:
        others *= np.minimum(1, 0.8 / np.linalg.norm(others, axis=1))[:, None]
    assert (objective(others[:2000]) > objective(best)).all()
    assert (objective(others[2000:]) > objective(best)).all()


def test_small_limits_give_sign_descent_and_normalised_descent():
    g = gradients(2).flat.copy()
    by_value, by_norm = gradients(2), gradients(2)
    nn.ClipByValue(1e-9).clip(by_value)
    nn.ClipByGlobalNorm(1e-9).clip(by_norm)
    np.testing.assert_allclose(by_value.flat / 1e-9, np.sign(g))
    np.testing.assert_allclose(by_norm.flat / 1e-9, g / np.linalg.norm(g))
    # By value turns the gradient, by norm does not.
    cosine = g @ by_value.flat / (np.linalg.norm(g) * np.linalg.norm(by_value.flat))
    assert cosine < 0.9
    assert g @ by_norm.flat == pytest.approx(np.linalg.norm(g) * np.linalg.norm(by_norm.flat))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_not_finite(bad):
    grads = gradients()
    grads["0.bias"][2] = bad
    before = grads.flat.copy()
    report = nn.ClipByGlobalNorm(1.0).clip(grads)
    assert grads.flat.tobytes() == before.tobytes()
    assert not report.fired
    assert not math.isfinite(report.norm_before)

    report = nn.ClipByNorm(1.0).clip(grads)
    assert math.isnan(report.norm_before) == math.isnan(bad)
    assert not math.isfinite(report.norm_before)
    np.testing.assert_array_equal(grads["0.bias"], before[35:42])  # left as it was
    assert np.linalg.norm(grads["0.weight"]) <= 1  # the others are clipped all the same

    nn.ClipByValue(0.5).clip(grads)
    value = grads["0.bias"][2]
    assert math.isnan(value) if math.isnan(bad) else value == math.copysign(0.5, bad)


@pytest.mark.parametrize("kind", CLIPS)
@pytest.mark.parametrize("limit", [0, -1.0, math.nan, math.inf, "1", True])
def test_nonsense_limits_are_refused(kind, limit):
    with pytest.raises(nn.ConfigError, match=kind.__name__):
        kind(limit)


def test_the_base_class_says_what_to_use():
    with pytest.raises(TypeError, match="Clip has no clip"):
        Clip().clip(gradients())


@pytest.mark.parametrize("kernels", ["numba", "reference"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_one_parameter_that_is_not_finite_shows_in_the_report_of_all(kernels, bad):
    with nn.use_kernels(kernels):
        grads = gradients()
        grads["0.bias"][2] = bad
        grads["2.bias"][1] = math.inf if math.isnan(bad) else 1.0
        report = nn.ClipByNorm(0.5).clip(grads)
        assert report.largest == pytest.approx(bad, nan_ok=True)
        assert report.norm_before == pytest.approx(bad, nan_ok=True)
        assert report.norm_after == pytest.approx(bad, nan_ok=True)


@pytest.mark.parametrize("kernels", ["numba", "reference"])
def test_a_gradient_at_the_limit_is_within_it(kernels):
    with nn.use_kernels(kernels):
        grads = Parameters({"0.slope": (1,)}, np.float64)
        grads.flat[...] = 3.0
        report = nn.ClipByGlobalNorm(3.0).clip(grads)
        assert (report.changed, report.fraction, grads.flat[0]) == (0, 0.0, 3.0)
        report = nn.ClipByGlobalNorm(2.0).clip(grads)
        assert (report.changed, report.fraction) == (1, 1.0)  # of one component


@pytest.mark.parametrize("kernels", ["reference", "numba"])
@pytest.mark.parametrize("given", [Fraction(1, 2), np.longdouble(0.5), np.float16(0.5), 10**30])
@pytest.mark.parametrize("kind", CLIPS)
def test_any_number_is_the_limit_that_it_says(kind, given, kernels):
    """Python's and NumPy's other numbers: the compiled step reads the bits of a float64."""
    grads, same = gradients(), gradients()
    with nn.use_kernels(kernels):
        report, expected = kind(given).clip(grads), kind(float(given)).clip(same)
    np.testing.assert_array_equal(grads.flat, same.flat)
    assert report == expected
