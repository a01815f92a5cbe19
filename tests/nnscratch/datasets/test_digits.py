"""The embedded digits: the data of the source, always split the same way."""

import hashlib

import numpy as np
import pytest

from nnscratch import datasets
from nnscratch.errors import DtypeError


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_types_and_ranges(dtype):
    x_train, y_train, x_test, y_test = datasets.digits(dtype)
    assert x_train.shape == (1500, 64)
    assert x_test.shape == (297, 64)
    assert y_train.shape == (1500,)
    assert y_test.shape == (297,)
    for x, y in ((x_train, y_train), (x_test, y_test)):
        assert x.dtype == dtype
        assert x.flags.c_contiguous
        assert x.flags.writeable
        assert (x.min(), x.max()) == (0, 1)
        np.testing.assert_array_equal(x * 16, np.round(x * 16))
        assert y.dtype == np.int64
        np.testing.assert_array_equal(np.unique(y), np.arange(10))


def test_the_content_is_that_of_the_source():
    # UCI gives 178 zeros, 182 ones and so on in this part; the hash pins every pixel and the order.
    x_train, y_train, x_test, y_test = datasets.digits()
    labels = np.concatenate([y_train, y_test])
    np.testing.assert_array_equal(
        np.bincount(labels), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    )
    pixels = (np.concatenate([x_train, x_test]) * 16).astype(np.uint8)
    content = pixels.tobytes() + labels.astype(np.uint8).tobytes()
    assert hashlib.sha256(content).hexdigest() == (
        "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
    )


def test_the_content_is_that_of_scikit_learn():
    source = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    data = source.load_digits()
    x_train, y_train, x_test, y_test = datasets.digits(np.float64)
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]) * 16, data.data)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), data.target)


def test_each_call_returns_arrays_of_its_own():
    first, second = datasets.digits(), datasets.digits()
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.base is None
        assert not np.shares_memory(a, b)


def test_another_type_is_refused():
    with pytest.raises(DtypeError, match="float32 or float64, got int64"):
        datasets.digits(np.int64)
