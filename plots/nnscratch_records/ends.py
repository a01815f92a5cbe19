"""Where the gradient comes in, and where it arrives: the last and the first layer with weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_records.roles import WEIGHTED

Array = npt.NDArray[Any]


def weight_columns(record: Mapping[str, Any]) -> list[int]:
    """Return the columns of the layers with weights; of all layers where none was recorded."""
    roles = [str(role) for role in record["roles"]]
    return [i for i, role in enumerate(roles) if role in WEIGHTED] or list(range(len(roles)))


def ends(record: Mapping[str, Any]) -> tuple[int, int]:
    """Return the columns of the first and the last layer with weights.

    Of several of a block that come first side by side, as query, key and value do, it is the one
    that gets most of the gradient: queries get little of it however much comes by the values.
    """
    columns = weight_columns(record)
    first, depths, blocks = columns[0], record["depths"], record["blocks"]
    if not blocks[first] or not depths[first]:
        return first, columns[-1]
    beside = [i for i in columns if depths[i] == depths[first] and blocks[i] == blocks[first]]
    sizes = np.nan_to_num(np.asarray(record["gradient_norm"])[:, beside], posinf=0.0)
    return beside[int(np.argmax(np.median(sizes, axis=0)))], columns[-1]


def ratios(norms: Array, ends: tuple[int, int]) -> Array:
    """Return, by step, the first over the last of two columns; no gradient at all (0 / 0) is 0."""
    first, last = (norms[:, column] for column in ends)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(np.where((first == 0) & (last == 0), 0.0, first / last))
