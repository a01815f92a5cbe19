"""Standardising and back."""

import numpy as np
import pytest

import nnscratch as nn

RNG = np.random.default_rng(0)
X = RNG.normal([3, -1000, 0.01], [1, 50, 1e-3], (200, 3)).astype(np.float32)


def test_columns_have_mean_0_and_deviation_1():
    z = nn.Standardizer(X)(X)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-4)


def test_undo_gives_back_what_went_in():
    scale = nn.Standardizer(X)
    np.testing.assert_allclose(scale.undo(scale(X)), X, rtol=1e-5)
    other = X[:5] + 7
    np.testing.assert_allclose(scale.undo(scale(other)), other, rtol=1e-5)


def test_a_column_that_is_the_same_everywhere_becomes_0():
    x = np.c_[X, np.full(200, 0.1, np.float32)]
    scale = nn.Standardizer(x)
    assert scale.std[3] == 1
    assert np.abs(scale(x)[:, 3]).max() < 1e-7


def test_integers_and_positions():
    x = RNG.integers(0, 256, (20, 5, 4))
    scale = nn.Standardizer(x)
    z = scale(x)
    assert z.shape == x.shape
    assert z.dtype == np.float32
    np.testing.assert_allclose(z.reshape(-1, 4).std(axis=0), 1, rtol=1e-5)


def test_what_does_not_fit_is_refused():
    with pytest.raises(nn.ShapeError, match=r"of 3 columns, got shape \(200, 2\)"):
        nn.Standardizer(X)(X[:, :2])
    with pytest.raises(nn.DataError, match="x is not finite"):
        nn.Standardizer(np.where(X[0, 0] == X, np.nan, X))
    assert repr(nn.Standardizer(X)) == "Standardizer of 3 columns"


def test_what_stands_for_missing_values_becomes_the_mean():
    gone = np.random.default_rng(1).random(X.shape) < 0.3
    x = np.where(gone, np.float32(-999), X)
    scale = nn.Standardizer(x, missing=-999)
    np.testing.assert_allclose(scale.mean, np.ma.array(X, mask=gone).mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(scale.std, np.ma.array(X, mask=gone).std(axis=0), rtol=1e-4)
    z = scale(x)
    assert (z[gone] == 0).all()
    np.testing.assert_allclose(z[~gone], ((X - scale.mean) / scale.std)[~gone], rtol=1e-4)
    near = np.float32(-999 * (1 + 4e-6)), np.float32(-999 * (1 + 4e-5))
    assert (scale(np.full((1, 3), near[0])) == 0).all()
    assert (scale(np.full((1, 3), near[1])) != 0).all()
    assert repr(scale) == "Standardizer of 3 columns, -999 for what is missing"


def test_missing_values_beside_names_and_long_tails():
    x = np.c_[np.exp(X[:, 0]), np.arange(200) % 3, np.full(200, -1)]
    x[::7, 0] = -1
    scale = nn.Standardizer(x, one_hot=[1], logarithms=[0], missing=-1)
    z = scale(x)
    assert z.shape == (200, 5)
    known = np.arange(200) % 7 > 0
    assert (z[~known, 0] == 0).all()
    alone = nn.Standardizer(x[known, :1], logarithms=[0])
    np.testing.assert_allclose(z[known, 0], alone(x[known, :1])[:, 0], rtol=1e-6)
    assert (z[:, 1] == 0).all()  # of which none is known
    assert (scale(np.array([[5.0, 0, 3]]))[0, 1]) == 4


@pytest.mark.parametrize("wrong", ["NA", [1], True, None.__class__, float("nan")])
def test_what_stands_for_missing_values_is_a_number(wrong):
    with pytest.raises(nn.ConfigError, match="Standardizer missing"):
        nn.Standardizer(X, missing=wrong)


def test_what_lies_far_from_all_others_is_cut():
    x = np.column_stack([np.linspace(-1, 1, 41), np.linspace(-1, 1, 41), np.zeros(41)])
    x[[0, 1], 0] = 1e6, -99
    x[3, 2] = 7  # beside nothing but zeros
    scale = nn.Standardizer(x, cut=4, missing=-99)
    at = np.array([[-5.0, 0, 0], [1e9, 0, 9], [3.0, 0, 7], [-99, 0, 0]])
    z = scale(at)
    known = np.delete(x[:, 0], 1)
    middle = np.median(known)
    far = 4 * np.median(np.abs(known - middle))
    cut = np.clip(known, middle - far, middle + far)
    want = (np.array([middle - far, middle + far, middle + far]) - cut.mean()) / cut.std()
    np.testing.assert_allclose(z[:3, 0], want)
    assert z[3, 0] == 0
    alone = nn.Standardizer(x[:, 1:])
    np.testing.assert_allclose(z[:, 1:], alone(at[:, 1:]))


@pytest.mark.parametrize("wrong", ["far", 0, -1, True, float("inf")])
def test_where_to_cut_is_a_number_above_0(wrong):
    with pytest.raises(nn.ConfigError, match="Standardizer cut"):
        nn.Standardizer(X, cut=wrong)


def test_masked_values_and_text_are_refused():
    masked = np.ma.array(np.eye(3), mask=np.eye(3) > 0)
    with pytest.raises(nn.DataError, match="masked"):
        nn.Standardizer(masked)
    with pytest.raises(nn.DataError, match="masked"):
        nn.Standardizer(np.eye(3))(masked)
    with pytest.raises(nn.DtypeError):
        nn.Standardizer(np.eye(3)).undo(np.eye(3).astype(str))


def test_names_become_zeros_and_ones_behind_all_others():
    x = np.array([[3.0, 10.0, 7], [3, 20, 5], [1, 30, 7], [1, 40, 9]])
    scale = nn.Standardizer(x, one_hot=[2, 0])
    z = scale(np.array([[1, 25, 9], [8, 25, 5.0]]))
    np.testing.assert_array_equal(z, [[0, 0, 0, 1, 1, 0], [0, 1, 0, 0, 0, 0]])
    assert z.dtype == np.float64
    assert scale(x.astype(np.float32).reshape(2, 2, 3)).shape == (2, 2, 6)
    assert repr(scale) == "Standardizer of 3 columns, 2 of names"
    with pytest.raises(nn.ConfigError, match="is for inputs"):
        scale.undo(z)


def test_logarithms_of_long_tails_and_back():
    x = np.exp(2 * RNG.standard_normal((400, 2))).astype(np.float32)
    x[0, 1] = x[:, 1].min() - 1
    scale = nn.Standardizer(x, logarithms=[1])
    z = scale(x)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(z[:, 0], nn.Standardizer(x[:, :1])(x[:, :1])[:, 0])
    away = x[:, 1] - x[:, 1].min()
    logarithms = np.log(away + np.quantile(away[away > 0], 0.05))
    np.testing.assert_allclose(z[:, 1], (logarithms - logarithms.mean()) / logarithms.std(), 1e-4)
    np.testing.assert_allclose(scale.undo(z), x, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(scale(x[:1] - 5)[:, 1], z[:1, 1])  # no less than the least
    assert np.isinf(scale.undo(np.full((1, 2), 1e4, np.float32))[0, 1])
    assert repr(scale) == "Standardizer of 2 columns, 1 logarithm"
    assert not nn.Standardizer(np.ones((3, 1)), logarithms=[0])(np.ones((3, 1))).any()


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"one_hot": [3]}, "each of 0 to 2 once"),
        ({"one_hot": [1], "logarithms": [1]}, "each of 0 to 2 once"),
        ({"logarithms": [-1]}, "logarithms must be a whole number >= 0, got -1"),
        ({"logarithms": 1}, "logarithms must be a list"),
    ],
)
def test_columns_that_there_are_not_are_refused(named, said):
    with pytest.raises(nn.ConfigError, match=said):
        nn.Standardizer(X, **named)
