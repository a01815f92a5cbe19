"""A model's parameters and gradients around an update, measured where they lie."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from nnscratch.arrays import Array
from nnscratch.flow.lying import Lying
from nnscratch.optimizers.measures import PARAM_MEASURES
from nnscratch.pytorch.tensors import as_array
from nnscratch.sampling import parameter_stride
from nnscratch_kernels.reference.measures import MEASURES

_NORM, _MEAN, _NONFINITE = (MEASURES.index(name) for name in ("norm", "mean", "nonfinite"))
PLACES = {name: PARAM_MEASURES.index(f"param_{name}") for name in (
    *("norm", "mean", "nonfinite", "norm_before", "update_norm"),
    *("gradient_norm", "gradient_nonfinite"),
)}  # fmt: skip
_SAME_DIRECTION = 1 - 1e-5
_STRIDED = torch.strided
_WIDE = 4  # bytes of a number


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
    samples : sequence of arrays
        Where the sampled bins of each are put.

    Attributes
    ----------
    values : array, shape (7, parameters)
        In the order of `PARAM_MEASURES`.
    clip : str
        What clips the gradient, as far as it shows; empty as long as nothing did.
    lost : float
        Part of the norm of the gradients that came which is no more there before the update:
        theirs of whose gradient nothing is left. Known after `clipped`.
    """

    def __init__(
        self, tensors: Mapping[str, Any], updated: set[int], samples: Sequence[Array]
    ) -> None:
        self._by_name, self._tensors = tensors, list(tensors.values())
        double = any(tensor.dtype == torch.float64 for tensor in self._tensors)
        self._dtype = torch.float64 if double else torch.float32
        dtype = np.dtype(np.float64 if double else np.float32)
        sizes = [tensor.numel() for tensor in self._tensors]
        self._samples, self._strides = (
            samples,
            [
                parameter_stride(tensor.numel(), tensor.shape[-1] if tensor.ndim > 1 else 1)
                for tensor in self._tensors
            ],
        )
        self.values: Array = np.full((len(PARAM_MEASURES), len(sizes)), math.nan)
        self._plain, self._sampled = (
            Lying(sizes, dtype),
            Lying(sizes, dtype, samples, self._strides),
        )
        self._buffers: dict[str, tuple[Any, list[Any]]] = {}
        self._still = [i for i, tensor in enumerate(self._tensors) if id(tensor) not in updated]
        self._versions: list[int] = []
        self._scale = 1.0
        self._keeps = True  # copies of gradients
        self._has_copy = False
        self.clip = ""
        self.lost = 0.0
        self._clipped: tuple[float, float, float, float] | None = None

    def arrays(self) -> dict[str, Array]:
        """Return the parameters as arrays."""
        return {name: as_array(tensor) for name, tensor in self._by_name.items()}

    def keep_gradients(self, scale: float) -> None:
        """Measure the gradients as the backward pass leaves them, divided by the loss's `scale`."""
        grads = [tensor.grad for tensor in self._tensors]
        self._scale, self._has_copy = scale, scale != 1.0 or self._keeps
        if self._has_copy:
            flat, views = self._buffer("gradients")
            copy_all(views, grads)
            if scale != 1.0:
                flat /= scale
            given = [None if one is None else to for to, one in zip(views, grads, strict=True)]
        else:
            given = grads
        self._measure_gradients(given)
        self._note_versions(grads)

    def left(self, beside: Sequence[int]) -> float:
        """Return the norm of what lies in the gradients of what is updated, but for `beside`."""
        grads = self._as_measured([tensor.grad for tensor in self._tensors], "now")
        return self._whole(self._plain.measure(self._addresses(grads))[_NORM], beside)

    @property
    def finite(self) -> bool:
        """Whether all gradients are, and all parameters, as far as known. Known after `after`."""
        return not np.nansum(self.values[[PLACES["nonfinite"], PLACES["gradient_nonfinite"]]]) > 0

    @property
    def arrived(self) -> float:
        """The norm of the gradients that were kept last."""
        return self._whole(self.values[PLACES["gradient_norm"]])

    def _whole(self, norms: Array, beside: Sequence[int] = ()) -> float:
        """Return the norm of all that is updated but for `beside`; NaN: there is none of one."""
        return float(np.sqrt(np.nansum(np.delete(norms, [*self._still, *beside]) ** 2)))

    def before(self) -> None:
        """Measure before the update, and what was done to the gradients since they came."""
        kept = self._buffer("kept")[1]
        copy_all(kept, self._tensors)
        self.values[PLACES["norm_before"]] = self._plain.measure(self._addresses(kept))[_NORM]
        grads = [tensor.grad for tensor in self._tensors]
        self.lost = 0.0
        self._clipped = self._changed(grads) if self._differ(grads) else None

    def clipped(self) -> tuple[float, float, float, float] | None:
        """Return what was done to the gradients before the update.

        Norms before and after, fraction changed and cosine; None if nothing was done.
        """
        return self._clipped

    def _note_versions(self, grads: list[Any]) -> None:
        self._versions = [-1 if grad is None else grad._version for grad in grads]

    def _differ(self, grads: list[Any]) -> bool:
        """Whether something was done to the gradients since they came."""
        came = self._versions
        self._note_versions(grads)
        self._keeps = self._versions != came
        return self._keeps

    def after(self) -> None:
        """Measure after the update."""
        now = self._as_measured(self._tensors, "now")
        out, values = self._sampled.measure(self._addresses(now)), self.values
        for name, row in (("norm", _NORM), ("mean", _MEAN), ("nonfinite", _NONFINITE)):
            values[PLACES[name]] = out[row]
        change = self._buffer("kept")[1]
        if change:
            with torch.no_grad():
                torch._foreach_sub_(change, now)
        values[PLACES["update_norm"]] = self._plain.measure(self._addresses(change))[_NORM]
        for name in ("norm_before", "update_norm"):
            values[PLACES[name], self._still] = math.nan

    def unmoved(self) -> float:
        """Return which part of the numbers of under 32 bits the update left as they were, of those
        with a gradient; NaN: there are none, or nobody looks. Known after `after`.
        """
        left = total = 0
        for tensor, change in zip(self._tensors, self._buffer("kept")[1], strict=True):
            if tensor.element_size() < _WIDE and tensor.grad is not None:
                pulled = dense(tensor.grad) != 0
                total += int(pulled.sum())
                left += int((pulled & (change == 0)).sum())
        return left / total if total else math.nan

    def _measure_gradients(self, grads: list[Any]) -> None:
        out = self._plain.measure(self._addresses(self._as_measured(grads, "now")))
        self.values[PLACES["gradient_norm"]] = out[_NORM]
        self.values[PLACES["gradient_nonfinite"]] = out[_NONFINITE]

    def _buffer(self, name: str) -> tuple[Any, list[Any]]:
        """Return room for a copy of all parameters: flat, and a view of each."""
        if name not in self._buffers:
            sizes = [tensor.numel() for tensor in self._tensors]
            flat, ends = torch.zeros(sum(sizes), dtype=self._dtype), itertools.accumulate(sizes)
            views = [
                flat[end - tensor.numel() : end].view(tensor.shape)
                for tensor, end in zip(self._tensors, ends, strict=True)
            ]
            self._buffers[name] = flat, views
        return self._buffers[name]

    def _as_measured(self, tensors: list[Any], buffer: str) -> list[Any]:
        """Return tensors, or copies of those that do not lie as they are measured."""
        dtype = self._dtype
        others = [
            i
            for i, one in enumerate(tensors)
            if one is not None
            and not (
                one.dtype is dtype and one.is_cpu and one.layout is _STRIDED and one.is_contiguous()
            )
        ]
        if not others:
            return tensors
        made, views = list(tensors), self._buffer(buffer)[1]
        copy_all([views[i] for i in others], [tensors[i] for i in others])
        for i in others:
            made[i] = views[i]
        return made

    @staticmethod
    def _addresses(tensors: list[Any]) -> Array:
        return np.array([0 if one is None else one.data_ptr() for one in tensors], np.int64)

    def _changed(self, grads: list[Any]) -> tuple[float, float, float, float] | None:
        before, after = self._both_norms(grads)
        if self.lost == 1:
            return None  # no clip leaves nothing
        if not self._has_copy:
            return self._judged(before, after)
        flat, views = self._buffer("gradients")
        kept = flat.clone()
        copy_all(views, grads)
        fraction = int(torch.count_nonzero(kept != flat)) / max(flat.numel(), 1)
        return self._judged(before, after, fraction, float(torch.dot(kept.double(), flat.double())))

    def _judged(
        self, before: float, after: float, fraction: float = math.nan, dot: float = math.nan
    ) -> tuple[float, float, float, float] | None:
        """Return `clipped`, and find out what clips: from norms and, where known, the product."""
        if fraction == 0 and self._scale != 1.0:  # they were unscaled, and that is all
            return None
        product = before * after
        cosine = dot / product if product else math.nan
        if fraction > 0 and not self.clip.endswith(")"):
            whole = cosine > _SAME_DIRECTION
            self.clip = f"clip_grad_norm_({after:.3g})" if whole else "clip_grad_value_()"
        self.clip = self.clip or "clip_grad_norm_"
        return before, after, fraction, cosine if math.isnan(cosine) else min(cosine, 1.0)

    def _both_norms(self, grads: list[Any]) -> list[float]:
        """Return the norms of the whole gradient: as it came, and as it is now."""
        there = np.array([grad is not None for grad in grads], bool)
        came = self.values.copy()
        self._measure_gradients(grads)
        both = [values[PLACES["gradient_norm"]].copy() for values in (came, self.values)]
        self.values[...] = came
        self._compare(both[0], np.where(there, both[1], 0.0))
        known = there | ~np.isnan(both[0]), there  # of one that is gone it is known what came
        return [float(np.sqrt(np.sum(one[at] ** 2))) for one, at in zip(both, known, strict=True)]

    def _compare(self, came: Array, now: Array) -> None:
        """Find `lost` from the norms of all gradients: NaN where none came, 0 where none is."""
        squares = np.nan_to_num(np.delete(came, self._still), posinf=np.nan) ** 2
        whole, gone = float(squares.sum()), np.delete(now, self._still) == 0
        self.lost = math.sqrt(float(squares[gone].sum()) / whole) if whole > 0 else 0.0


def copy_all(into: list[Any], tensors: list[Any]) -> None:
    """Copy tensors of any kind; zeros for those that are not there."""
    known = [(to, one) for to, one in zip(into, tensors, strict=True) if one is not None]
    with torch.no_grad():
        if known:
            torch._foreach_copy_([to for to, _ in known], [dense(one) for _, one in known])
        if len(known) < len(into):
            for to, one in zip(into, tensors, strict=True):
                if one is None:
                    to.zero_()


def dense(grad: Any) -> Any:
    return grad if grad.layout is _STRIDED else grad.to_dense()
