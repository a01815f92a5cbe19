"""Steepest descent: its direction minimises g.v over the unit ball of the norm."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.optimizers import steepest_direction

NORMS = {
    "l2": lambda v: np.linalg.norm(v.ravel()),
    "l1": lambda v: np.abs(v).sum(),
    "linf": lambda v: np.abs(v).max(),
    "spectral": lambda v: np.linalg.norm(v, 2),
}
DUALS = {
    "l2": NORMS["l2"],
    "l1": NORMS["linf"],
    "linf": NORMS["l1"],
    "spectral": lambda v: np.linalg.norm(v, "nuc"),
}


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", [(4, 3), (2, 7), (1, 5)])
def test_direction_is_steepest(norm, shape):
    rng = np.random.default_rng(0)
    g = rng.standard_normal(shape)
    d, dual = steepest_direction(g, norm)
    assert NORMS[norm](d) == pytest.approx(1)
    assert dual == pytest.approx(DUALS[norm](g))
    assert np.sum(g * d) == pytest.approx(-dual)
    others = [v / NORMS[norm](v) for v in rng.standard_normal((3000, *shape))]
    others += [v / NORMS[norm](v) for v in d + 0.1 * rng.standard_normal((1000, *shape))]
    assert min(np.sum(g * v) for v in others) > -dual
    # Gradient descent's direction is less steep, unless the norm is the Euclidean one.
    euclidean = norm == "l2" or (norm == "spectral" and shape[0] == 1)
    slope = np.sum(g * -g) / NORMS[norm](g)
    assert slope == pytest.approx(-dual) if euclidean else slope > -0.99 * dual


def test_directions_by_hand():
    g = np.array([[3.0, -4.0]])
    np.testing.assert_allclose(steepest_direction(g, "l2")[0], [[-0.6, 0.8]])
    np.testing.assert_array_equal(steepest_direction(g, "l1")[0], [[0, 1]])
    np.testing.assert_array_equal(steepest_direction(g, "linf")[0], [[-1, 1]])
    np.testing.assert_allclose(steepest_direction(g, "spectral")[0], [[-0.6, 0.8]])
    turned = np.array([[0.0, -5.0], [0.1, 0.0]])
    np.testing.assert_allclose(
        steepest_direction(turned, "spectral")[0], [[0, 1], [-1, 0]], atol=1e-15
    )


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zero_singular_and_nonfinite_gradients(norm, dtype):
    zero = np.zeros((3, 2), dtype)
    d, dual = steepest_direction(zero, norm)
    assert (dual, d.dtype) == (0, dtype)
    assert not d.any()
    # Of rank one: the direction that has no gradient does not move.
    singular = np.outer([1, 2, 3], [1, -1]).astype(dtype)
    d, dual = steepest_direction(singular, norm)
    assert d.dtype == dtype
    assert NORMS[norm](d) == pytest.approx(1, rel=1e-5)
    assert dual == pytest.approx(DUALS[norm](singular), rel=1e-5)
    if norm == "spectral":
        assert np.linalg.matrix_rank(d, tol=1e-5) == 1
    for bad in (np.nan, np.inf):
        singular[1, 1] = bad
        d, dual = steepest_direction(singular, norm)
        assert np.isnan(d).all()
        assert np.isnan(dual)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_euclidean_steepest_descent_is_gradient_descent(dtype, run):
    ours = run(nn.SteepestDescent(0.1), dtype=dtype)
    theirs = run(nn.SGD(0.1), dtype=dtype)
    assert ours.tobytes() == theirs.tobytes()


def test_other_norms_are_not_gradient_descent(run):
    theirs = run(nn.SGD(0.1), 1)
    for norm in ("l1", "linf", "spectral"):
        assert np.abs(run(nn.SteepestDescent(0.1, norm), 1) - theirs).max() > 0.01


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
@pytest.mark.parametrize("normalized", [False, True])
def test_steps_over_all_parameters(norm, normalized, run, stream):
    p, gradients = stream
    path = run(nn.SteepestDescent(0.03, norm, normalized))
    for g, found in zip(gradients, path, strict=True):
        if norm == "l2":
            d, dual = -g / np.linalg.norm(g), np.linalg.norm(g)
        elif norm == "linf":
            d, dual = -np.sign(g), np.abs(g).sum()
        else:
            d, dual = np.where(np.abs(g) == np.abs(g).max(), -np.sign(g), 0), np.abs(g).max()
        p = p + 0.03 * d * (1 if normalized else dual)
        np.testing.assert_allclose(found, p, rtol=1e-12)


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
@pytest.mark.parametrize("normalized", [False, True])
def test_rates_of_parameters_leave_the_direction_that_of_all(norm, normalized, parameters):
    params, expected, grads = parameters(0), parameters(0), parameters(1)
    slower = next(iter(params))
    d, dual = steepest_direction(grads.flat, norm)
    expected.flat[...] += 0.03 * d * (1 if normalized else dual)
    expected[slower][...] -= (expected[slower] - params[slower]) / 2
    nn.SteepestDescent(0.03, norm, normalized, rates={slower: 0.5}).step(params, grads)
    np.testing.assert_allclose(params.flat, expected.flat, rtol=1e-12)


@pytest.mark.parametrize("normalized", [False, True])
def test_spectral_acts_on_each_matrix(normalized, parameters):
    optimizer = nn.SteepestDescent(0.03, "spectral", normalized)
    params, expected = parameters(0), parameters(0)
    for step in range(10):
        grads = parameters(100 + step)
        for name, p in expected.items():
            g = grads[name]
            if g.ndim == 2:
                # The orthogonal polar factor, by an eigendecomposition instead of the SVD.
                values, vectors = np.linalg.eigh(g.T @ g)
                d = -g @ vectors @ np.diag(values**-0.5) @ vectors.T
                dual = np.sqrt(values).sum()
            else:
                d, dual = -g / np.linalg.norm(g), np.linalg.norm(g)
            p += 0.03 * d * (1 if normalized else dual)
        optimizer.step(params, grads)
        np.testing.assert_allclose(params.flat, expected.flat, rtol=1e-9)


def test_small_clips_lead_to_normalised_steps(parameters):
    """Gradient descent with a tiny clip is normalised steepest descent with a tiny rate."""
    for clip, norm in ((nn.ClipByValue(1e-9), "linf"), (nn.ClipByGlobalNorm(1e-9), "l2")):
        clipped, steepest = parameters(0), parameters(0)
        clipped.flat[...] = steepest.flat[...] = 0
        nn.SGD(1.0, clip=clip).step(clipped, parameters(1))
        nn.SteepestDescent(1e-9, norm, normalized=True).step(steepest, parameters(1))
        np.testing.assert_allclose(clipped.flat, steepest.flat, rtol=1e-7)


def test_unknown_norm():
    with pytest.raises(nn.ConfigError, match="unknown norm 'l0': known are l1, l2, linf, spectral"):
        steepest_direction(np.ones((2, 2)), "l0")
