"""What a recorder measures of recurrent layers, against norms of slices written out."""

import math

import numpy as np
import pytest

import nnscratch_kernels

SETS = [nnscratch_kernels.load(name) for name in ("reference", "numba")]
LAGS = np.array([0, 1, 4, 9], np.int64)
BATCH, STEPS, UNITS = 3, 6, 5


def drawn(dtype=np.float64, scale=1.0):
    rng = np.random.default_rng(4)
    h, above, c = scale * rng.standard_normal((3, BATCH, STEPS, UNITS))
    gates = rng.random((BATCH, STEPS, 4 * UNITS))
    return [array.astype(dtype) for array in (h, above, c, gates)]


def rows(array):
    return array.reshape(-1, array.shape[-1])


def measured(kernels, h, above, c, gates, reverse=False):
    out, norms = np.full(3 + 2 * len(LAGS), -1.0), np.full(4 * STEPS, -1.0)
    cells = np.zeros((0, UNITS), h.dtype) if c is None else rows(c)
    cuts = np.ones((BATCH, 0), h.dtype), np.ones(0, h.dtype)
    kernels.measure_time(
        out, norms, LAGS, rows(h), rows(above), cells, rows(gates), *cuts, UNITS, reverse
    )
    return out, norms.reshape(4, STEPS)


def expected_rate(h, above, c, gates):
    """The mean logarithm, from the definition: one step after the other, back from the last."""
    logs = []
    for t in range(STEPS - 1, 0, -1):
        state, handed = [h[:, t]], [h[:, t - 1] - above[:, t - 1]]
        if c is not None:
            f = gates[:, :, UNITS : 2 * UNITS]
            handed.append(f[:, t] * c[:, t])
            state.append(f[:, t + 1] * c[:, t + 1] if t + 1 < STEPS else np.zeros_like(h[:, t]))
        logs.append(math.log(np.linalg.norm(handed) / np.linalg.norm(state)))
    return math.exp(np.mean(logs))


@pytest.mark.parametrize("kernels", SETS)
@pytest.mark.parametrize("cell", [True, False])
@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e170])
def test_norms_by_step_and_the_factor_per_step(kernels, cell, scale):
    h, above, c, gates = drawn(scale=scale)
    c = c if cell else None
    out, norms = measured(kernels, h, above, c, gates)
    unit = np.linalg.norm(h / scale, axis=(0, 2)) * scale
    np.testing.assert_allclose(norms[0], unit, rtol=1e-13)
    assert out[:3] == pytest.approx(
        [
            STEPS,
            expected_rate(h / scale, above / scale, None if c is None else c / scale, gates),
            unit[0],
        ],
        rel=1e-12,
    )
    np.testing.assert_allclose(out[3:7], [unit[5], unit[4], unit[1], np.nan], rtol=1e-13)
    cells = np.linalg.norm(c / scale, axis=(0, 2)) * scale if cell else np.full(STEPS, np.nan)
    np.testing.assert_allclose(out[7:], [cells[5], cells[4], cells[1], np.nan], rtol=1e-13)


@pytest.mark.parametrize("kernels", SETS)
def test_a_gradient_that_is_nothing_has_no_factor_and_what_is_not_finite_shows(kernels):
    h, above, _, gates = drawn()
    out, norms = measured(kernels, 0 * h, 0 * above, None, gates)
    assert math.isnan(out[1])
    assert not norms[0].any()
    h[1, 2, 3] = np.nan
    _, norms = measured(kernels, h, above, None, gates)
    assert np.isnan(norms[0]).tolist() == [t == 2 for t in range(STEPS)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_compiled_set_gives_what_the_reference_gives(dtype):
    given = drawn(dtype)
    found = [measured(kernels, *given) for kernels in SETS]
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-6)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-6)


@pytest.mark.parametrize("kernels", SETS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gates_and_their_weights(kernels, dtype):
    _, _, _, gates = drawn(dtype)
    weight, gradient = gates[:, 0], gates[:, 1]
    weight, gradient = (np.resize(one, (UNITS, 4 * UNITS)) for one in (weight, gradient))
    ends = np.array([0.2, 0.8, math.nan, 0.5, 0.1, math.nan, 0.5, 0.5], dtype)
    out = np.full(20, -1.0)
    kernels.measure_gates(out, rows(gates), ends)
    kernels.measure_gate_weights(out, weight, gradient)
    for g in range(4):
        own = slice(g * UNITS, (g + 1) * UNITS)
        values, (low, high) = gates[..., own], ends[2 * g : 2 * g + 2]
        shares = [(values <= low).mean() if low == low else low]
        shares.append((values >= high).mean() if high == high else high)
        norms = [np.linalg.norm(one[:, own].astype(float)) for one in (weight, gradient)]
        expected = [values.astype(float).mean(), *shares, *norms]
        np.testing.assert_allclose(out[5 * g : 5 * g + 5], expected, rtol=1e-6)


@pytest.mark.parametrize("kernels", SETS)
def test_norms_of_weights_beyond_the_range_of_squares(kernels):
    out = np.zeros(5)
    kernels.measure_gate_weights(out, np.full((4, 4), 1e-200), np.full((4, 4), 1e200))
    assert out[3:] == pytest.approx([4e-200, 4e200])


@pytest.mark.parametrize("kernels", SETS)
@pytest.mark.parametrize("scale", [1.0, 1e-170])
def test_a_layer_that_goes_backward_is_measured_in_its_own_order(kernels, scale):
    given = drawn(scale=scale)
    turned = [np.ascontiguousarray(array[:, ::-1]) for array in given]
    for a, b in zip(measured(kernels, *given), measured(kernels, *turned, True), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
