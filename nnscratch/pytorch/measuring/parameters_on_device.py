"""A model's parameters and gradients around an update, on a GPU: measured there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.pytorch.measuring.on_device import Afar, is_afar, wide
from nnscratch.pytorch.measuring.parameters import PLACES, Around, copy_all, dense
from nnscratch.sampling import sampled_places
from nnscratch_kernels.reference.measures import NOTHING, SAMPLE_RUN

_Measured = dict[int, list[Any]]  # numbers by the place of the parameter


class AroundOnDevice(Around):
    """Does what `Around` does, where the parameters lie: `values` are there once `afar` fetched.

    Copies of the parameters, and of gradients where something is done to them, stay on the device.
    """

    def __init__(
        self, tensors: Mapping[str, Any], updated: set[int], samples: Sequence[Array], afar: Afar
    ) -> None:
        super().__init__(tensors, updated, samples)
        self._afar = afar
        on_mps = any(wide(tensor.device) is torch.float32 for tensor in self._tensors)
        self._wide = torch.float32 if on_mps else torch.float64
        self._rooms: dict[str, list[Any]] = {}
        self._done: Array | None = None  # norms, how many changed, products; by parameter
        self._where: list[Any] = []
        for tensor, stride, into in zip(self._tensors, self._strides, samples, strict=True):
            places = sampled_places(tensor.numel(), 0, stride, len(into))
            self._where.append(torch.from_numpy(places).to(tensor.device))

    @torch.no_grad()
    def keep_gradients(self, scale: float) -> None:
        """Measure the gradients as the backward pass leaves them, divided by the loss's `scale`."""
        grads = [tensor.grad for tensor in self._tensors]
        self._scale, self._has_copy = scale, scale != 1.0 or self._keeps
        given = grads
        if self._has_copy:
            kept = self._room("gradients")
            copy_all(kept, grads)
            if scale != 1.0:
                torch._foreach_div_(kept, scale)
            given = [None if one is None else to for to, one in zip(kept, grads, strict=True)]
        rows = [PLACES["gradient_norm"], PLACES["gradient_nonfinite"]]
        self.values[rows] = np.nan
        found = self._norms(given)
        for i, numbers in found.items():
            numbers.append(self._nonfinite(given[i]))
        self._later("gradient", found, self._into(rows))
        self._note_versions(grads)

    @torch.no_grad()
    def left(self, beside: Sequence[int]) -> float:
        """Return the norm of what lies in the gradients of what is updated, but for `beside`."""
        norms, once = np.zeros(len(self._tensors)), Afar()
        self._later("left", self._norms([one.grad for one in self._tensors]), norms.put, once)
        once.fetch()
        return self._whole(norms, beside)

    @torch.no_grad()
    def before(self) -> None:
        """Measure before the update, and what was done to the gradients since they came."""
        copy_all(self._room("kept"), self._tensors)
        self._later("before", self._moving(), self._into([PLACES["norm_before"]]))
        grads = [tensor.grad for tensor in self._tensors]
        self._done, self.lost = None, 0.0
        if not self._differ(grads):
            return
        self._done = done = np.zeros((3, len(grads)))
        found = self._norms(grads)
        for i, came in enumerate(self._room("gradients")) if self._has_copy else ():
            gone = grads[i] is None
            now = torch.zeros_like(came) if gone else dense(grads[i]).to(self._dtype)
            numbers = found.setdefault(i, [came.new_zeros(())])
            numbers += [(came != now).sum(), (came * now).sum(dtype=self._wide)]

        def put(i: int, numbers: Array) -> None:
            done[: len(numbers), i] = numbers

        self._later("done", found, put)

    @torch.no_grad()
    def after(self) -> None:
        """Measure after the update."""
        kept, now = self._room("kept"), [tensor.detach() for tensor in self._tensors]
        found = self._norms(now)
        for i, numbers in found.items():
            numbers += [now[i].sum(dtype=self._wide) / max(now[i].numel(), 1)]
            numbers += [self._nonfinite(now[i])]
        self._later("after", found, self._into([PLACES[n] for n in ("norm", "mean", "nonfinite")]))
        for i, places in enumerate(self._where):
            values = now[i].reshape(-1).index_select(0, places)
            self._afar.add(("sample", i), values, partial(self._sample, i))
        for to, one in zip(kept, now, strict=True):
            to -= one.to(to.dtype)
        self._later("update", self._moving(), self._into([PLACES["update_norm"]]))

    def unmoved(self) -> float:
        """Nobody looks."""
        return math.nan

    def clipped(self) -> tuple[float, float, float, float] | None:
        """See `Around`."""
        if self._done is None:
            return None
        there = ~np.isnan(self.values[PLACES["gradient_norm"]])
        came = float(np.sqrt(np.sum(self.values[PLACES["gradient_norm"], there] ** 2)))
        now, changed, dot = self._done
        self._compare(self.values[PLACES["gradient_norm"]], now)
        if self.lost == 1:
            return None
        norms = came, float(np.sqrt(np.sum(now**2)))
        if not self._has_copy:
            return self._judged(*norms)
        size = sum(tensor.numel() for tensor in self._tensors)
        return self._judged(*norms, float(changed.sum()) / max(size, 1), float(dot.sum()))

    def _room(self, name: str) -> list[Any]:
        """Return room for a copy of all parameters, each on its device."""
        if name not in self._rooms:
            self._rooms[name] = [
                torch.zeros(tensor.shape, dtype=self._dtype, device=tensor.device)
                for tensor in self._tensors
            ]
        return self._rooms[name]

    def _norms(self, tensors: list[Any]) -> _Measured:
        """Return the norm of each that is there."""
        there = [i for i, one in enumerate(tensors) if one is not None]
        if not there:
            return {}
        norms = torch._foreach_norm([dense(tensors[i]) for i in there], 2, self._wide)
        return {i: [norm] for i, norm in zip(there, norms, strict=True)}

    def _moving(self) -> _Measured:
        """Return the norms of what is kept of those that the optimizer changes."""
        found = self._norms(self._room("kept"))
        return {i: numbers for i, numbers in found.items() if i not in self._still}

    @staticmethod
    def _nonfinite(values: Any) -> Any:
        values = dense(values)
        return (values - values != 0).sum()

    def _later(
        self,
        name: str,
        found: _Measured,
        use: Callable[[int, Array], Any],
        afar: Afar | None = None,
    ) -> None:
        for i, numbers in found.items():
            flat = torch.stack([number.to(self._wide) for number in numbers])
            (afar or self._afar).add((name, i), flat, partial(use, i))

    def _into(self, rows: list[int]) -> Callable[[int, Array], None]:
        def put(i: int, numbers: Array) -> None:
            self.values[rows, i] = numbers

        return put

    def _sample(self, i: int, values: Array) -> None:
        into = self._samples[i]
        into[...] = NOTHING
        if len(into) and len(values):
            kernels.sample_bins(into, values, True, 0, SAMPLE_RUN)


def around(
    tensors: Mapping[str, Any], updated: set[int], samples: Sequence[Array], afar: Afar
) -> Around:
    """Return what measures these parameters around an update, where they lie."""
    given = tensors, updated, samples
    return AroundOnDevice(*given, afar) if any(map(is_afar, tensors.values())) else Around(*given)
