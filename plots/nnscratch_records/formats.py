"""Records of older formats, read by one table.

Format 2 knew layers and parameters by their names alone, ``"3.elu"`` and ``"3.weight"``, and the
network was a chain. What such a name does not say is not known: the role is ``"opaque"``, the
owner of a parameter -1, values before the first update NaN.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_records.fields import FORMAT

Array = npt.NDArray[Any]

_ACTIVATIONS = (
    *("sigmoid", "tanh", "softsign", "softplus", "silu", "gelu"),
    *("relu", "leakyrelu", "prelu", "rrelu", "elu", "selu"),
)
_ROLE_OF_KIND = {
    "dense": "weights",
    "batchnorm": "norm",
    "dropout": "noise",
    "identity": "shape",
    **dict.fromkeys(_ACTIVATIONS, "activation"),
}
_NO_END = (math.nan, math.nan)
_ENDS = {"relu": (0.0, math.nan)}  # where nothing passes: findings ask for that
_ROLE_OF_PARAM = {
    "weight": "weight",
    "bias": "bias",
    "slope": "slope",
    "gamma": "scale",
    "beta": "shift",
}


def format_of(record: Mapping[str, Any]) -> Any:
    """Return the format that a record has, or says it has."""
    if "format" in record:
        found = np.asarray(record["format"])
        return int(found) if found.ndim == 0 and found.dtype.kind in "iu" else record["format"]
    if "backprop_norm" in record:
        return 1
    return FORMAT if "kinds" in record else 2


def upgraded(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of format 2 as one of this format; any other as it is."""
    made = dict(record)
    if format_of(record) != 2:
        return made
    names = _names(made, "layers")
    params = _names(made, "params")
    places = [_split(name) for name in names]
    kinds = [kind for _, kind in places]
    roles = [_ROLE_OF_KIND.get(kind, "opaque") for kind in kinds]
    owners = _owners(params, [index for index, _ in places])
    given = [name.rpartition(".")[2] for name in params]
    known = [_ROLE_OF_PARAM.get(name, "other") for name in given]
    chain = np.arange(len(names))
    unknown = np.full(len(params), np.nan)
    return made | {
        "format": FORMAT,
        "kinds": np.array(kinds, dtype=np.str_),
        "roles": np.array(roles, dtype=np.str_),
        "blocks": np.array([""] * len(names), dtype=np.str_),
        "depths": np.cumsum([role == "weights" for role in roles], dtype=np.int64),
        "saturation": np.array([_ENDS.get(kind, _NO_END) for kind in kinds]).reshape(-1, 2),
        "edges": np.column_stack([chain - 1, chain]),
        "gaps": _gaps([index for index, _ in places]),
        "param_layers": np.array(owners, dtype=np.int64),
        "param_roles": np.array(known, dtype=np.str_),
        "param_fan_in": _fans_in(made, owners, [role == "weight" for role in known]),
        **{f"param_{name}_initial": unknown.copy() for name in ("norm", "mean", "max")},
    }


def _names(record: Mapping[str, Any], axis: str) -> list[str]:
    return [str(name) for name in np.atleast_1d(np.asarray(record.get(axis, ())))]


def _split(name: str) -> tuple[int | None, str]:
    """Return index and kind of ``"index.kind"``; of another name None and its last part."""
    index, dot, kind = name.partition(".")
    if dot and index.isdecimal():
        return int(index), kind
    return None, name.rpartition(".")[2]


def _gaps(indices: Sequence[int | None]) -> Array:
    """Return how many layers were left out before each one, as far as the names tell."""
    steps = itertools.pairwise([-1, *indices])
    left_out = [0 if a is None or b is None else max(0, b - a - 1) for a, b in steps]
    return np.array(left_out, dtype=np.int64)


def _owners(params: Sequence[str], indices: Sequence[int | None]) -> list[int]:
    columns = {str(index): column for column, index in enumerate(indices) if index is not None}
    return [columns.get(name.partition(".")[0], -1) for name in params]


def _fans_in(record: Mapping[str, Any], owners: Sequence[int], weights: Sequence[bool]) -> Array:
    """Return how many inputs each weight (n_in, n_out) of a layer has; 0 for what is none."""
    made = np.zeros(len(owners), dtype=np.int64)
    if "features" in record and "param_sizes" in record:
        widths, sizes = np.asarray(record["features"]), np.asarray(record["param_sizes"])
        for i, (owner, weight) in enumerate(zip(owners, weights, strict=True)):
            if weight and owner >= 0 and widths[owner] > 0:
                made[i] = sizes[i] // widths[owner]
    return made
