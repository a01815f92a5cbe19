"""A model's parameters and gradients around an update, measured where they lie."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from nnscratch.arrays import Array
from nnscratch.flow.builder import Recorder
from nnscratch.optimizers.measures import PARAM_MEASURES
from nnscratch.parameters import Parameters
from nnscratch.pytorch.tensors import as_array

_OF_UPDATE = [PARAM_MEASURES.index(f"param_{what}") for what in ("norm_before", "update_norm")]
_SAME_DIRECTION = 1 - 1e-5


class Around:
    """Measures parameters before and after an update, and what is done to gradients in between.

    What was done is known whole where the gradients were copied: at the first step, and as long as
    something is done to them. At the step at which that begins anew only the norms are known.

    Parameters
    ----------
    tensors : dict
        The parameters that are recorded, by name.
    updated : set of int
        The identities of those that the optimizer changes.
    recorder : Recorder

    Attributes
    ----------
    clip : str
        What clips the gradient, as far as it shows; empty as long as nothing did.
    """

    def __init__(self, tensors: Mapping[str, Any], updated: set[int], recorder: Recorder) -> None:
        self._by_name, self._tensors = tensors, list(tensors.values())
        double = any(tensor.dtype == torch.float64 for tensor in self._tensors)
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        dtype = np.float64 if double else np.float32
        self._dtype = torch.float64 if double else torch.float32
        # For what does not lie as it is measured; for the rest these are never written to.
        self._copies = Parameters(shapes, dtype), Parameters(shapes, dtype)
        self._views = [[torch.from_numpy(view) for view in flat.values()] for flat in self._copies]
        self._measures = recorder.param_measures(*self._copies)
        self._still = [i for i, tensor in enumerate(self._tensors) if id(tensor) not in updated]
        self._versions: list[int] = []
        self._scale = 1.0
        self._keeps = True  # copies of gradients
        self._has_copy = False
        self.clip = ""

    def arrays(self) -> dict[str, Array]:
        """Return the parameters as arrays."""
        return {name: as_array(tensor) for name, tensor in self._by_name.items()}

    def keep_gradients(self, scale: float) -> None:
        """Measure the gradients as the backward pass leaves them, divided by the loss's `scale`."""
        grads = [tensor.grad for tensor in self._tensors]
        whole = scale != 1.0 or self._keeps
        if whole:
            self._copy(grads, self._views[1])
            if scale != 1.0:
                self._copies[1].flat /= scale
        addresses = self._addresses(self._views[1] if whole else grads, 1)
        if whole:
            addresses[[i for i, grad in enumerate(grads) if grad is None]] = 0
        self._measures.measure_gradients(addresses, self._copies[1].flat)
        self._versions = [-1 if grad is None else grad._version for grad in grads]
        self._scale, self._has_copy = scale, whole

    def before(self) -> tuple[float, float, float, float] | None:
        """Measure before the update; return what was done to the gradients since they came.

        Norms before and after, fraction changed and cosine; None if nothing was done.
        """
        self._measures.keep(self._addresses(self._tensors, 0), self._copies[0].flat)
        grads = [tensor.grad for tensor in self._tensors]
        now = [-1 if grad is None else grad._version for grad in grads]
        self._keeps = self._versions != now
        if not self._keeps:
            return None
        return self._changed(grads) if self._has_copy else self._norms(grads)

    def after(self) -> None:
        """Measure after the update."""
        self._measures.measure_updated(self._addresses(self._tensors, 0))
        if self._still:
            self._measures.values[np.ix_(_OF_UPDATE, self._still)] = math.nan

    def _addresses(self, tensors: list[Any], which: int) -> Array:
        """Return where tensors lie, or copies of those that do not lie as they are measured."""
        dtype = self._dtype
        found = [
            0
            if one is None
            else one.data_ptr()
            if one.dtype is dtype and one.is_cpu and one.layout is _STRIDED and one.is_contiguous()
            else -1
            for one in tensors
        ]
        if -1 in found:
            others = [i for i, there in enumerate(found) if there == -1]
            views = [self._views[which][i] for i in others]
            self._copy([tensors[i] for i in others], views)
            for i, view in zip(others, views, strict=True):
                found[i] = view.data_ptr()
        return np.array(found, np.int64)

    @staticmethod
    def _copy(tensors: list[Any], into: list[Any]) -> None:
        known = [(to, one) for to, one in zip(into, tensors, strict=True) if one is not None]
        with torch.no_grad():
            if known:
                torch._foreach_copy_([to for to, _ in known], [_dense(one) for _, one in known])
            for to, one in zip(into, tensors, strict=True):
                if one is None:
                    to.zero_()

    def _norms(self, grads: list[Any]) -> tuple[float, float, float, float]:
        """Return what is known of a change where no copy was kept."""
        measures = self._measures
        before = measures.param_gradient_norm.copy(), measures.param_gradient_nonfinite.copy()
        measures.measure_gradients(self._addresses(grads, 1), self._copies[1].flat)
        after = measures.param_gradient_norm.copy()
        measures.param_gradient_norm[...], measures.param_gradient_nonfinite[...] = before
        self.clip = self.clip or "clip_grad_norm_"
        norms = [float(np.sqrt(np.nansum(one**2))) for one in (before[0], after)]
        return norms[0], norms[1], math.nan, math.nan

    def _changed(self, grads: list[Any]) -> tuple[float, float, float, float] | None:
        before = self._copies[1].flat.copy()
        self._copy(grads, self._views[1])
        after = self._copies[1].flat
        fraction = float(np.mean(before != after))
        if fraction == 0 and self._scale != 1.0:  # they were unscaled, and that is all
            return None
        with np.errstate(all="ignore"):
            norms = [float(np.linalg.norm(flat.astype(np.float64))) for flat in (before, after)]
            product = norms[0] * norms[1]
            dot = float(np.dot(before.astype(np.float64), after))
            cosine = dot / product if product > 0 else math.nan
        if fraction > 0 and not self.clip.endswith(")"):
            whole = cosine > _SAME_DIRECTION
            self.clip = f"clip_grad_norm_({norms[1]:.3g})" if whole else "clip_grad_value_()"
        self.clip = self.clip or "clip_grad_norm_"
        return norms[0], norms[1], fraction, min(cosine, 1.0)


_STRIDED = torch.strided


def _dense(grad: Any) -> Any:
    return grad.to_dense() if grad.layout is not _STRIDED else grad
