"""Spectral radius and norm of recurrent weights are NumPy's, to what is said."""

import numpy as np
import pytest

from nnscratch.flow import spectra as module
from nnscratch.flow.spectra import spectra

UNITS = 96


def gaussian(seed=0, units=UNITS):
    return np.random.default_rng(seed).standard_normal((units, units)) / units**0.5


def orthogonal():
    return np.linalg.qr(gaussian())[0]


def rotations(*, coupled):
    turn = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    made = 0.97 * np.kron(np.eye(UNITS // 2), turn)
    made[0, -1] += 3 * coupled
    return made


def pairs():
    """Defective: every eigenvalue twice, with one eigenvector."""
    return np.kron(np.eye(UNITS // 2), [[0.9, 1], [0, 0.9]])


def ring():
    """It comes round after as many steps as there are units, and only then is it smaller."""
    made = np.roll(np.eye(UNITS), 1, axis=0)
    made[0] *= 1e-3
    return made


MATRICES = {
    "gaussian": gaussian(),
    "small": 1e-9 * gaussian(),
    "large": 1e200 * gaussian(),
    "orthogonal": orthogonal(),
    "rotations": rotations(coupled=False),
    "rotations, one of them far from normal": rotations(coupled=True),
    "defective": pairs(),
    "defective, seen from elsewhere": orthogonal() @ pairs() @ orthogonal().T,
    "one Jordan block": 0.9 * np.eye(UNITS) + np.eye(UNITS, k=1),
    "nilpotent": np.triu(gaussian(), 1),
    "triangular": np.triu(gaussian()),
    "identity": np.eye(UNITS),
    "near the identity": np.eye(UNITS) + 0.1 * gaussian(),
    "one large": gaussian() + 2 * np.outer(orthogonal()[0], orthogonal()[0]),
    "of opposite signs": np.diag(np.r_[1.0, -1.0, np.full(UNITS - 2, 0.3)]),
    "of one row": np.outer(gaussian()[0], gaussian()[1]),
    "ring": ring(),
    "zeros": np.zeros((UNITS, UNITS)),
}
BY_LAPACK = ("one Jordan block", "nilpotent", "ring")


def check(matrix, rtol):
    found = spectra(matrix)
    size = np.abs(matrix).max() or 1.0
    expected = np.abs(np.linalg.eigvals(matrix / size)).max(), np.linalg.norm(matrix / size, 2)
    for name, value in zip(("spectral_radius", "spectral_norm"), expected, strict=True):
        np.testing.assert_allclose(found[name], size * value, rtol=rtol, atol=0, err_msg=name)


@pytest.mark.parametrize("name", MATRICES)
def test_they_are_right_to_a_thousandth(name):
    check(MATRICES[name], 1e-3)


@pytest.mark.parametrize("name", [name for name in MATRICES if name not in BY_LAPACK])
def test_no_decomposition_is_made(name, monkeypatch):
    monkeypatch.setattr(module, "_by_lapack", None)
    assert np.isfinite(spectra(MATRICES[name])["spectral_radius"]).all()


@pytest.mark.parametrize("seed", range(20))
def test_of_any_size(seed):
    units = int(np.random.default_rng(seed).integers(1, 140))
    check(gaussian(seed, units), 1e-3 if units >= 64 else 1e-9)


def test_every_gate_by_itself_and_none_that_is_not_finite():
    blocks = [gaussian(), np.full((UNITS, UNITS), np.nan), orthogonal()]
    found = spectra(np.concatenate(blocks, axis=1).astype("float32"))
    assert np.isnan(found["spectral_norm"]).tolist() == [False, True, False]
    assert found["spectral_radius"][2] == pytest.approx(1, rel=1e-3)
    assert found["spectral_norm"][0] == pytest.approx(np.linalg.norm(blocks[0], 2), rel=1e-3)
