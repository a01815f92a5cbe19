"""Spectra of batches: their inverse, and data against sampling."""

import numpy as np
import pytest

from nnscratch.theory.spectrum import even_spectrum, spectrum_of

from .networks import BATCH


def test_even_spectrum_has_the_known_inverse():
    for batch in (6, 8, 64):
        spectrum = even_spectrum(batch)
        assert spectrum.inverse_mean() == pytest.approx((batch - 1) / (batch - 3), rel=1e-4)
        np.testing.assert_allclose(spectrum.normalized().shares, spectrum.shares)
    assert even_spectrum(None).inverse_mean() == pytest.approx(1, rel=1e-5)


def test_spectrum_of_data_against_sampling(data):
    x = data[0][:BATCH].astype(np.float64)
    spectrum = spectrum_of(x, BATCH)
    assert spectrum.shares.sum() == pytest.approx(1)
    rng = np.random.default_rng(0)
    z = (x - x.mean(axis=0)) @ rng.standard_normal((64, 40_000))
    variance = np.mean(z * z, axis=0)
    assert spectrum.inverse_mean() == pytest.approx(
        np.mean(1 / variance) * np.mean(variance), rel=0.01
    )
    y = z / np.sqrt(variance)
    shares = np.sort(np.linalg.eigvalsh(y @ y.T))[::-1][: BATCH - 1]
    np.testing.assert_allclose(
        np.sort(spectrum.normalized().shares)[::-1][:5], (shares / shares.sum())[:5], rtol=0.03
    )
