"""What a recorder tells a logger at every step, under names that charts can take."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

import numpy as np

from nnscratch.arrays import Array
from nnscratch.files import PathLike, as_path, write_rows
from nnscratch_records import Record, series
from nnscratch_records.ends import ends, ratios

# ``log(numbers, step)``: `wandb.log`, `mlflow.log_metrics`, `CsvLog`, ...
Log = Callable[[dict[str, float], int], object]

_AS_THEY_ARE = ("loss", "lr", "validation_loss", "validation_accuracy")
# Of which the size says something: a gradient of 1e-10 is no other than 0 on a linear axis.
_LOG10 = ("gradient_norm", "param_gradient_norm", "update_ratio")
# MLflow refuses any other name; of PyTorch's calls there are "fc#2" and "fc.relu()".
_NO_NAME = re.compile(r"[^\w ./:-]+")


def logarithms(record: Record) -> dict[str, Array]:
    """Return log10 of the norms and ratios of a record by name, (steps,) each; NaN for 0.

    Names are those of the fields, with ``log10_`` before and the layer or parameter behind a slash;
    ``log10_first_over_last`` is the norm of the gradient at the first layer with weights over that
    at the last: in one number, what it loses on its way.
    """
    made: dict[str, Array] = {}
    for name, columns, values in series.scalars(record):
        if name in _LOG10 and columns is not None:
            made |= {f"{name}/{of}": values[:, i] for i, of in enumerate(columns)}
    made["first_over_last"] = ratios(record["gradient_norm"], ends(record))
    logs: dict[str, Array] = {}
    for name, values in made.items():
        above = np.where(values > 0, values, np.nan)
        logs[f"log10_{name}"] = np.log10(above.astype(np.float64))
    return logs


def numbers_of(record: Record) -> dict[str, float]:
    """Return the numbers of a record's last step; those that are not finite are left out.

    What a logger would refuse in the name of a layer is ``_``.
    """
    made = {name: float(record[name][-1]) for name in _AS_THEY_ARE}
    made |= {name: float(values[-1]) for name, values in logarithms(record).items()}
    return {_NO_NAME.sub("_", name): one for name, one in made.items() if math.isfinite(one)}


class CsvLog:
    """A logger that appends to a CSV file: a row ``step,name,value`` for each number.

    ``nn.GradientFlow(model, log=nn.CsvLog("numbers.csv"))``. Raises `FileError`.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = as_path(path)
        write_rows(self.path, "w", [("step", "name", "value")])

    def __call__(self, numbers: Mapping[str, float], step: int) -> None:
        """Write the numbers of a step."""
        write_rows(self.path, "a", [(step, name, value) for name, value in numbers.items()])
