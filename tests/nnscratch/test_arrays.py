import numpy as np
import pytest

from nnscratch.arrays import check_dtype
from nnscratch.errors import DtypeError


@pytest.mark.parametrize("dtype", [np.float16, int, "nonsense", object, ">f4"])
def test_other_types_are_refused(dtype):
    with pytest.raises(DtypeError, match="float32 or float64"):
        check_dtype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, "float64", np.dtype(np.float32)])
def test_the_two_types_are_taken(dtype):
    assert check_dtype(dtype) == np.dtype(dtype)
