"""Where the tensors of a recorded call are measured, and who waits for its gradient."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from nnscratch.errors import NnscratchError
from nnscratch.flow.builder import Recorder
from nnscratch.pytorch.measuring.on_device import Afar, OnDevice, is_afar, wide
from nnscratch.pytorch.tensors import as_array, is_measured

_DTYPES: dict[Any, np.dtype[Any]] = {
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}


class Place:
    """Takes one tensor of every step: by its address where it lies as the kernels read it.

    On another device it is measured there.

    Parameters
    ----------
    recorder : Recorder
    afar : Afar
    what : str
        "output" or "gradient".
    layer : str
    say : callable
        Told what is wrong with a tensor that does not fit: a training is not ended by that.
    """

    def __init__(
        self,
        recorder: Recorder,
        afar: Afar,
        what: str,
        layer: str,
        say: Callable[[str, str], None],
    ) -> None:
        self._recorder, self._afar = recorder, afar
        self._what, self._layer, self._say = what, layer, say
        self._shape: Any = None
        self._dtype: Any = None
        self._take: Callable[[int], None]
        self._like: Any = None  # what is measured on a device
        self._measure: OnDevice | None = None

    def take(self, tensor: Any, scale: float = 1.0) -> None:
        """Measure a tensor, divided by `scale`."""
        if (
            tensor.shape == self._shape
            and tensor.dtype is self._dtype
            and scale == 1.0
            and tensor.is_cpu
            and tensor.is_contiguous()
            and not tensor.is_neg()
            and type(tensor) in _PLAIN
        ):
            self._take(tensor.data_ptr())
        else:
            self._other(tensor, scale)

    def _other(self, tensor: Any, scale: float) -> None:
        """Measure a tensor of another shape than the last one, or that lies elsewhere."""
        plain = type(tensor) in _PLAIN and is_measured(tensor)
        if plain and is_afar(tensor):
            measure = self._afar_of(tensor)
            if measure is not None:
                measure.take(tensor, scale)
                return
        elif plain and scale == 1.0 and tensor.dtype in _DTYPES and _lies_plain(tensor):
            shape, dtype = tensor.shape, tensor.dtype
            given = self._what, self._layer, tuple(shape), _DTYPES[dtype]
            ready = self._recorder.prepare(*given)
            if ready is not None:
                self._take, self._shape, self._dtype = ready.take, shape, dtype
                ready.take(tensor.data_ptr())
                return
        self.give(tensor, scale)

    def _afar_of(self, tensor: Any) -> OnDevice | None:
        """Return what measures tensors like this one where they lie; None: nothing does."""
        like = tensor.shape, tensor.dtype, tensor.device
        if self._like != like:
            dtype = _DTYPES.get(tensor.dtype, np.dtype(np.float32))
            remote = self._recorder.remote(self._what, self._layer, tuple(tensor.shape), dtype)
            key = self._what, self._layer
            self._measure = None if remote is None else OnDevice(self._afar, key, remote, tensor)
            self._like, self._shape = like, None
        return self._measure

    def give(self, tensor: Any, scale: float = 1.0) -> None:
        """Measure a tensor, divided by `scale`, as an array; a single example as a batch of one."""
        self._shape = self._like = None  # what was ready is so no more
        self._afar.drop((self._what, self._layer))
        measure = getattr(self._recorder, self._what)
        try:
            measure(self._layer, as_array(tensor if tensor.ndim > 1 else tensor[None], scale))
        except NnscratchError as error:
            measure(self._layer, None)
            self._say(str(error), self._layer)


_PLAIN = (torch.Tensor, torch.nn.Parameter)


def _lies_plain(tensor: Any) -> bool:
    return bool(tensor.is_cpu and tensor.is_contiguous() and not tensor.is_neg())


def await_gradient(tensor: Any, hook: Callable[[Any], None]) -> None:
    """Have `hook` called with the gradient that arrives at a tensor.

    What `Tensor.register_hook` does, without what could remove the hook again: that takes longer
    than all else here.
    """
    if not tensor.requires_grad:
        return
    if tensor._backward_hooks is None and tensor.grad_fn is not None:
        tensor._backward_hooks = OrderedDict(((_OURS, hook),))
        tensor.grad_fn._register_hook_dict(tensor)
    else:
        tensor.register_hook(hook)


_OURS = -1  # among the numbers of a tensor's hooks, which count from 0


def norm_statistics(norm: Any, received: Any, output: Any) -> Any:
    """Return what a norm by the batch goes by, (5, features), as `Recorder.batchnorm` takes it:
    mean, variance, those that run, gamma."""
    mean, variance = _batch_statistics(received, output, norm.eps)
    running = [norm.running_mean, norm.running_var]
    if running[0] is None:
        running = [mean, variance]
    gamma = torch.ones_like(mean) if norm.weight is None else norm.weight
    dtype = wide(mean.device)
    return torch.stack([one.detach().to(dtype) for one in (mean, variance, *running, gamma)])


def _batch_statistics(received: Any, output: Any, epsilon: float) -> tuple[Any, Any]:
    """Return mean and variance by which a norm normalised its batch, of each feature.

    They are kept for the way back: mean and 1 / sqrt(variance + epsilon). Else they are computed.
    """
    node = output.grad_fn
    mean = getattr(node, "_saved_result1", None)
    if mean is not None and mean.numel() == received.shape[1]:
        return mean, node._saved_result2.to(wide(mean.device)).pow(-2) - epsilon
    values = received.detach()
    values = values if values.dtype == torch.float64 else values.float()
    around = [axis for axis in range(values.ndim) if axis != 1]
    variance, mean = torch.var_mean(values, around, correction=0)
    return mean, variance
