"""A model's parameters and gradients around an update, in two flat arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from nnscratch.optimizers.measures import PARAM_MEASURES, ParameterMeasures
from nnscratch.parameters import Parameters

_OF_GRADIENT = [PARAM_MEASURES.index(f"param_gradient_{what}") for what in ("norm", "nonfinite")]
_OF_UPDATE = [PARAM_MEASURES.index(f"param_{what}") for what in ("norm_before", "update_norm")]
_SAME_DIRECTION = 1 - 1e-5


class Around:
    """Measures parameters before and after an update, and what is done to gradients in between.

    Parameters
    ----------
    tensors : dict
        The parameters that are recorded, by name.
    updated : set of int
        The identities of those that the optimizer changes.
    histograms : bool

    Attributes
    ----------
    measures : ParameterMeasures
    params : Parameters
        As they are before the update; after it, as they are then.
    clip : str
        What clips the gradient, as far as it shows; empty as long as nothing did.
    """

    def __init__(self, tensors: Mapping[str, Any], updated: set[int], histograms: bool) -> None:
        self._tensors = list(tensors.values())
        double = any(tensor.dtype == torch.float64 for tensor in self._tensors)
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        dtype = np.float64 if double else np.float32
        self.params, self._grads = Parameters(shapes, dtype), Parameters(shapes, dtype)
        self.measures = ParameterMeasures(self.params, self._grads, histograms)
        self._into = [torch.from_numpy(view) for view in self.params.values()]
        self._grads_into = [torch.from_numpy(view) for view in self._grads.values()]
        self._still = [i for i, tensor in enumerate(self._tensors) if id(tensor) not in updated]
        self._versions: list[int] = []
        self._scale = 1.0
        self.clip = ""

    def keep_gradients(self, scale: float) -> None:
        """Copy the gradients as the backward pass leaves them, divided by the loss's `scale`."""
        with torch.no_grad():
            self._copy_gradients(self._grads_into)
        if scale != 1.0:
            self._grads.flat /= scale
        self._versions, self._scale = self._now(), scale

    def before(self) -> tuple[float, float, float, float] | None:
        """Measure before the update; return what was done to the gradients since they came.

        Norms before and after, fraction changed and cosine; None if nothing was done.
        """
        with torch.no_grad():
            torch._foreach_copy_(self._into, self._tensors)
        self.measures.measure_before(self.params, self._grads)
        missing = [i for i, tensor in enumerate(self._tensors) if tensor.grad is None]
        self.measures.values[np.ix_(_OF_GRADIENT, missing)] = math.nan
        return None if self._versions == self._now() else self._changed()

    def after(self) -> None:
        """Measure after the update."""
        with torch.no_grad():
            torch._foreach_copy_(self._into, self._tensors)
        self.measures.measure_after(self.params)
        self.measures.values[np.ix_(_OF_UPDATE, self._still)] = math.nan

    def _now(self) -> list[int]:
        return [-1 if p.grad is None else p.grad._version for p in self._tensors]

    def _copy_gradients(self, into: list[Any]) -> None:
        given = [(to, p.grad) for to, p in zip(into, self._tensors, strict=True)]
        known = [(to, grad) for to, grad in given if grad is not None]
        if known:
            torch._foreach_copy_([to for to, _ in known], [_dense(grad) for _, grad in known])
        for to, grad in given:
            if grad is None:
                to.zero_()

    def _changed(self) -> tuple[float, float, float, float] | None:
        before, after = self._grads.flat, np.empty_like(self._grads.flat)
        made, start = [], 0
        for view in self._grads_into:
            made.append(torch.from_numpy(after[start : start + view.numel()]).view(view.shape))
            start += view.numel()
        with torch.no_grad():
            self._copy_gradients(made)
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


def _dense(grad: Any) -> Any:
    return grad.to_dense() if grad.layout is not torch.strided else grad
