"""Which captured pass belongs to a batch: as long as nothing has changed, the latest one."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.errors import NnscratchError
from nnscratch.layers.base import Layer
from nnscratch.losses import Loss
from nnscratch.losses.base import Prepared
from nnscratch.network.graph import Graph
from nnscratch.network.replay import CapturedPass, Measurer
from nnscratch.sequences import NOTHING, Given
from nnscratch.workspace import changes

_KEPT = 8  # captured passes that a model keeps: one for each shape of batch


def capturable(layer: Layer) -> bool:
    """Whether the layer's passes consist of kernel calls alone.

    A class says so itself. A subclass does not inherit it: its `forward` may compute anything.
    """
    return bool(type(layer).__dict__.get("captured_whole", False)) and not (
        {"forward", "backward"} & layer.__dict__.keys()
    )


def _computes(loss: Any) -> bool:
    """Whether what a loss computes is the call of a kernel, as `Loss` says."""
    kind = type(loss)
    return bool(
        isinstance(loss, Loss)
        and kind.__call__ is Loss.__call__
        and kind.compute is Loss.compute
        and "compute" not in loss.__dict__
    )


class _Found(NamedTuple):
    """A pass that was found, and what for: as long as all of that is the same, it is the one."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    loss: Any
    tap: Measurer | None
    changes: int
    keeps: bool
    output: tuple[int, ...]
    what: tuple[Any, ...]  # of the loss: kernel, constants, shapes of arrays
    captured: CapturedPass


class CapturedPasses:
    """The captured passes of one model, made when they are first asked for."""

    def __init__(self, model: Graph) -> None:
        self._model = model
        self._passes: dict[Any, CapturedPass] = {}
        self._latest: _Found | None = None
        self._checked = -1
        self._capturable = False

    def find(
        self,
        x: Array,
        labels: Array,
        loss: Any,
        sample_weights: Array | None = None,
        tap: Measurer | None = None,
        given: Given = NOTHING,
    ) -> tuple[CapturedPass, Prepared] | None:
        """Return the pass for batches like these, and what the loss takes of this one; None where
        only layer by layer is right.

        None also for arguments that are wrong in any way: the layers and the loss say what it is.
        """
        latest = self._latest
        if latest is not None and not (
            latest.changes == changes.number
            and type(x) is np.ndarray
            and x.shape == latest.shape
            and x.dtype == latest.dtype
            and x.flags.c_contiguous
            and loss is latest.loss
            and tap is latest.tap
            and given is NOTHING
            and self._model.keep_gradients == latest.keeps
        ):
            latest = None
        if not (_computes(loss) and (latest is not None or self._fit(x))):
            return None
        try:
            output = self._model.output_shape(x.shape) if latest is None else latest.output
            prepared = loss.prepare(output, x.dtype, labels, sample_weights)
        except NnscratchError:
            return None
        kernel, arrays, constants = prepared
        what = kernel, constants, [a.shape for a in arrays]
        if latest is not None and what == latest.what:
            return latest.captured, prepared
        keeps = self._model.keep_gradients
        key = x.shape, id(loss), id(tap), given.key, keeps, *what[:2], *what[2]
        found = self._passes.get(key)
        if found is None or not found.is_current():
            self._passes.pop(key, None)
            while len(self._passes) >= _KEPT:
                del self._passes[next(iter(self._passes))]
            found = self._passes[key] = CapturedPass(self._model, x, prepared, loss, tap, given)
        if given is NOTHING:
            self._latest = _Found(
                *(x.shape, x.dtype, loss, tap, found.changes, keeps, output, what, found)
            )
        return found, prepared

    def _fit(self, x: Array) -> bool:
        model = self._model
        if self._checked != changes.number:
            self._capturable = all(capturable(node.layer) for node in model.nodes)
            self._checked = changes.number
        return bool(
            self._capturable
            and kernels.name == "numba"
            and type(x) is np.ndarray
            and x.dtype == model.dtype
            and x.ndim >= 2
            and x.size
            and x.flags.c_contiguous
            and x.shape[-1] == (model.features_in or x.shape[-1])
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> CapturedPasses:
        """Return none for the twin of the model: its arrays lie elsewhere."""
        return CapturedPasses(copy.deepcopy(self._model, memo))
