"""Data sets: plain arrays `x_train, y_train, x_test, y_test`, nothing else.

`digits()` comes with the package; `mnist()` reads the four MNIST files of a folder. Sequences that
need a memory are made from a seed: `temporal_order`, `adding`, `copying` give `x, y`;
`digit_sequences` reads the digits row by row or pixel by pixel. `table` reads a file of one's own.
"""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt

from nnscratch.datasets.checks import Split, check_inputs, check_labels
from nnscratch.datasets.digits import digits
from nnscratch.datasets.idx import read_idx, write_idx
from nnscratch.datasets.mnist import mnist
from nnscratch.datasets.sequences import adding, copying, digit_sequences, temporal_order
from nnscratch.datasets.tables import table
from nnscratch.errors import ConfigError, require_name, shown

__all__ = [
    "adding",
    "check_inputs",
    "check_labels",
    "copying",
    "digit_sequences",
    "digits",
    "load",
    "mnist",
    "names",
    "read_idx",
    "table",
    "temporal_order",
    "write_idx",
]


def names() -> tuple[str, ...]:
    """Return the names that `load` knows."""
    return ("digits", "mnist")


def load(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
    dtype: npt.DTypeLike = np.float32,
) -> Split:
    """Return the data set called `name`: `x_train, y_train, x_test, y_test`.

    `data_dir` and `download` are those of `mnist`; the digits need neither. Raises `ConfigError`
    for an unknown name, and for a folder given to the digits, which are part of the package.
    """
    require_name("data set", name, names())
    if name == "digits":
        if data_dir is not None:
            raise ConfigError(
                f"data_dir={shown(data_dir)} has no meaning for the digits, which come with "
                "the package: leave it out, or ask for 'mnist'"
            )
        return digits(dtype)
    return mnist(data_dir, download, dtype)
