"""The kernels of a training step as operations (see `nnscratch_kernels.operation`), by name."""

from __future__ import annotations

from nnscratch_kernels.compiled.operations import (
    activations,
    batchnorm,
    dense,
    losses,
    measures,
    norms,
)
from nnscratch_kernels.operation import Operation

OPERATIONS: dict[str, Operation] = {
    name: value
    for module in (activations, batchnorm, dense, losses, measures, norms)
    for name, value in vars(module).items()
    if isinstance(value, Operation)
}
