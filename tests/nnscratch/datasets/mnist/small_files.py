"""Files as those of MNIST, with few images."""

import numpy as np

from nnscratch.datasets.idx import write_idx
from nnscratch.datasets.mnist import FILES

TRAIN_X, TRAIN_Y, TEST_X, TEST_Y = FILES


def content_of(array):
    return b"\0\0\x08" + bytes([array.ndim]) + np.array(array.shape, ">u4").tobytes() + bytes(array)


def write_all(folder, arrays, end=""):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        write_idx(folder / f"{name}{end}", array)


def check_small(split, small, dtype=np.float32):
    expected = [small[TRAIN_X], small[TRAIN_Y], small[TEST_X], small[TEST_Y]]
    for got, array in zip(split, expected, strict=True):
        assert got.flags.c_contiguous
        assert got.flags.writeable
        if array.ndim == 3:
            assert got.dtype == dtype
            np.testing.assert_array_equal(got, array.reshape(-1, 784).astype(dtype) / dtype(255))
        else:
            assert got.dtype == np.int64
            np.testing.assert_array_equal(got, array)
