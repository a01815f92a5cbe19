import numpy as np
import pytest

from nnscratch.arrays import check_dtype, empty, filled, fitted
from nnscratch.errors import DataError, DtypeError, TooLargeError


@pytest.mark.parametrize("dtype", [np.float16, int, "nonsense", object, ">f4", [[1]]])
def test_other_types_are_refused(dtype):
    with pytest.raises(DtypeError, match="float32 or float64"):
        check_dtype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, "float64", np.dtype(np.float32)])
def test_the_two_types_are_taken(dtype):
    assert check_dtype(dtype) == np.dtype(dtype)


def test_numbers_are_fitted_into_a_type_or_refused():
    float32 = np.dtype(np.float32)
    same = np.zeros(2, np.float32)
    assert fitted(same, float32, "x") is same
    assert fitted(np.array([1.5, np.inf, np.nan]), float32, "x").dtype == float32
    assert fitted(np.array([True, False]), float32, "x").tolist() == [1, 0]
    with pytest.raises(DataError, match=r"x holds -1e\+39, beyond the range of float32: scale it"):
        fitted(np.array([np.inf, 1.0, -1e39]), float32, "x")
    for wrong in (np.array([1j]), np.array(["1"]), np.array([None])):
        with pytest.raises(DtypeError, match="x must hold numbers that float32 can be"):
            fitted(wrong, float32, "x")


def test_an_array_that_does_not_fit_into_memory_is_refused_before_it_is_taken():
    with pytest.raises(TooLargeError, match=r"an array of 1,125,899,906,842,624 numbers needs 9.*"):
        empty(2**50, np.float64)
    with pytest.raises(TooLargeError, match=r"needs .* TB of memory, and .* are free"):
        filled((2**40, 2**40), 0.0, np.float32)
