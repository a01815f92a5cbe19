"""Tensors that lie on a GPU: measured there by operations of PyTorch, fetched once a step.

Nothing here waits for the device: no number is looked at before all of them are fetched.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from nnscratch.arrays import Array
from nnscratch.flow.measuring import Remote
from nnscratch.pytorch.tensors import REAL

Use = Callable[[Array], None]


def is_afar(tensor: Any) -> bool:
    """Whether a tensor lies where only its device reads it fast."""
    return bool(tensor.device.type != "cpu")


class Afar:
    """Numbers that were computed on devices and are still there."""

    def __init__(self) -> None:
        self._waiting: dict[Any, tuple[Any, Use]] = {}

    def add(self, key: Any, numbers: Any, use: Use) -> None:
        """Have `use` called with these numbers, a tensor, once they are fetched.

        What waits under the same key, of an earlier pass, is given up.
        """
        self._waiting[key] = numbers, use

    def drop(self, key: Any) -> None:
        """Give up what waits under a key."""
        self._waiting.pop(key, None)

    def fetch(self) -> None:
        """Fetch all that waits: one transfer from each device."""
        waiting, self._waiting = self._waiting, {}
        by_device: dict[Any, list[tuple[Any, Use]]] = {}
        for numbers, use in waiting.values():
            by_device.setdefault(numbers.device, []).append((numbers.reshape(-1), use))
        for device, several in by_device.items():
            dtype = wide(device)
            flat = torch.cat([numbers.to(dtype) for numbers, _ in several])
            values = here(flat).double().numpy()
            first = 0
            for numbers, use in several:
                use(values[first : first + numbers.numel()])
                first += numbers.numel()


def here(flat: Any) -> Any:
    """Copy a tensor from its device: the transfer."""
    return flat.cpu()


def wide(device: Any) -> torch.dtype:
    """Return the widest real dtype of a device."""
    return torch.float32 if device.type == "mps" else torch.float64


class OnDevice:
    """Measures tensors of one shape and dtype where they lie, into the record's `Remote`.

    What is measured is defined by `nnscratch_kernels.reference.measures`.
    """

    def __init__(self, afar: Afar, key: Any, remote: Remote, like: Any) -> None:
        self._afar, self._key, self._remote = afar, key, remote
        self._wide = wide(like.device)
        self._dtype = like.dtype if like.dtype in REAL else torch.float32
        ends = np.array(remote.ends, str(self._dtype).rpartition(".")[2])
        self._low, self._high = ends.tolist()
        self._places = torch.from_numpy(remote.places).to(like.device)

    def take(self, tensor: Any, scale: float = 1.0) -> None:
        """Measure a tensor, divided by `scale`."""
        with torch.no_grad():
            x = tensor.detach().to(self._dtype)
            if scale != 1.0:
                x = x / scale
            self._afar.add(self._key, torch.cat([self._sums(x), self._sample(x)]), self._put)

    def _sums(self, x: Any) -> Any:
        dtype = self._wide
        total = x.sum(dtype=dtype)
        largest = torch.linalg.vector_norm(x.nan_to_num(0.0, 0.0, 0.0), math.inf)
        # Squares of a dtype for which there is no wider one can leave its range.
        unit = torch.where(largest > 0, largest, 1.0) if self._dtype == dtype else None

        def norm(values: Any) -> Any:
            if unit is None:
                return torch.linalg.vector_norm(values, dtype=dtype)
            return torch.linalg.vector_norm(values / unit) * unit

        middle = (total / x.numel()).to(x.dtype)
        sums = [
            *(total, norm(x), largest),
            (x == 0).sum(dtype=dtype),
            (x - x != 0).sum(dtype=dtype),  # NaN and infinities: not 0, but NaN
            *((x <= self._low).sum(dtype=dtype), (x >= self._high).sum(dtype=dtype)),
            *(norm(x - middle), middle),
        ]
        return torch.stack([one.to(dtype) for one in sums])

    def _sample(self, x: Any) -> Any:
        return x.reshape(-1).index_select(0, self._places).to(self._wide)

    def _put(self, numbers: Array) -> None:
        total, norm, largest, zeros, nonfinite, low, high, away, middle = numbers[:9].tolist()
        size = self._remote.size
        # About the mean, of squares of distances from its rounded value.
        spread = max(away * away - size * (total / size - middle) ** 2, 0.0)
        if math.isnan(away):
            spread = math.nan
        if math.isnan(self._low):
            low = math.nan
        if math.isnan(self._high):
            high = math.nan
        sums = (total, norm, largest, zeros, nonfinite, low, high, spread, size)
        self._remote.take(np.array(sums, np.float64), numbers[9:])
