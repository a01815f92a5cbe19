"""Records: what a recorder measured, as plain arrays by name.

A record is a dict with the keys

``label``                 name of the run
``layers``                (L,) names of the layers with weights, first to last
``steps``                 (S,) the training steps that were recorded
``loss``                  (S,) the loss at each of them
``backprop_norm``         (S, L) Euclidean norm of the gradient that arrives at each layer's output
``weight_gradient_norm``  (S, L) Euclidean norm of the gradient of each layer's weights

both norms before clipping. It is saved as an ordinary `.npz` that any NumPy can read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnscratch.errors import DataError
from nnscratch.files import PathLike, load_npz, save_npz

Record = dict[str, Any]

QUANTITIES = ("backprop_norm", "weight_gradient_norm")
KEYS = ("label", "layers", "steps", "loss", *QUANTITIES)


def save_record(path: PathLike, record: Record) -> Path:
    """Save `record` to `path` (`.npz`), atomically."""
    return save_npz(path, record)


def load_record(path: PathLike) -> Record:
    """Return the record saved at `path`.

    Raises `FileError` if it cannot be read, `DataError` if it is damaged or is no record.
    """
    record: Record = dict(load_npz(path))
    missing = [key for key in KEYS if key not in record]
    if missing:
        raise DataError(f"{path} is no record of a run: it lacks {', '.join(missing)}")
    record["label"] = str(record["label"])
    shape = (len(record["steps"]), len(record["layers"]))
    for key in QUANTITIES:
        if record[key].shape != shape:
            raise DataError(
                f"{path} is no record of a run: {key} has shape {record[key].shape}, "
                f"expected (steps, layers) = {shape}"
            )
    return record
