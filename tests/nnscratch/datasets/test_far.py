"""Examples whose targets lie far from all others are left out."""

import numpy as np
import pytest

import nnscratch as nn

X = np.arange(48.0).reshape(24, 2)


def targets(far, sign=1):
    """The median absolute deviation is 1, the median 7."""
    return 7 + sign * np.array([[-1.0]] * 11 + [[0.0]] * 2 + [[1.0]] * 10 + [[far]])


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("far", "kept"), [(19.9, 24), (20.1, 23)])
def test_what_is_twenty_times_as_far_is_left_out(sign, far, kept):
    x, y = nn.only_near(X, targets(far, sign))
    np.testing.assert_array_equal(x, X[:kept])
    np.testing.assert_array_equal(y, targets(far, sign)[:kept])


def test_of_several_columns_and_steps_each_counts():
    y = np.concatenate([targets(1), targets(21)], axis=1)
    assert len(nn.only_near(X, y)[1]) == 23
    x, y = nn.only_near(X, y.reshape(24, 2, 1))
    assert (len(x), y.shape) == (23, (23, 2, 1))


@pytest.mark.parametrize(("zeros", "kept"), [(12, 22), (13, 24)])
def test_where_most_are_one_number_nothing_is_far(zeros, kept):
    y = np.r_[np.zeros(zeros), np.linspace(1, 2, 22 - zeros), [1e3, 1e4]][:, None]
    assert len(nn.only_near(X, y)[0]) == kept


def test_what_does_not_fit_is_refused():
    with pytest.raises(nn.ShapeError, match=r"as many rows, got shapes \(24, 2\) and \(23, 1\)"):
        nn.only_near(X, targets(1)[:23])
    with pytest.raises(nn.DataError, match="y is not finite"):
        nn.only_near(X, targets(np.nan))
    with pytest.raises(nn.DtypeError, match="y must be float32 or float64"):
        nn.only_near(X, np.arange(24)[:, None])
