"""The registry of data sets that the command line uses."""

import numpy as np
import pytest

from nnscratch import datasets
from nnscratch.errors import ConfigError, FileError


def test_digits_by_name():
    for a, b in zip(datasets.load("digits"), datasets.digits(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert datasets.load("digits", download=True, dtype=np.float64)[0].dtype == np.float64


def test_mnist_by_name_looks_in_the_given_folder(tmp_path):
    with pytest.raises(FileError, match=f"MNIST is not in {tmp_path} "):
        datasets.load("mnist", data_dir=tmp_path)


def test_every_name_is_known(tmp_path):
    assert datasets.names() == ("digits", "mnist")
    with pytest.raises(ConfigError, match="unknown data set 'minst': did you mean 'mnist'"):
        datasets.load("minst")


def test_the_digits_take_no_folder(tmp_path):
    with pytest.raises(ConfigError, match="no meaning for the digits"):
        datasets.load("digits", data_dir=tmp_path)
