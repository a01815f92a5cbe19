"""Tensors as NumPy arrays that the kernels measure: on the CPU without a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError

REAL = (torch.float32, torch.float64)
IDS = (torch.int64, torch.int32)  # of inputs: numbers of words, users, things


def require_module(what: str, model: Any) -> torch.nn.Module:
    """Return `model`; raise `ConfigError` for what is none, in the name of the function `what`."""
    if isinstance(model, torch.nn.Module):
        return model
    kind = isinstance(model, type) and issubclass(model, torch.nn.Module)
    got = f"the class {model.__name__}: make one of it" if kind else type(model).__name__
    raise ConfigError(f"{what} takes a torch.nn.Module, got {got}")


def is_measured(value: Any, axes: int = 2) -> bool:
    """Whether a value is a tensor of real numbers with a batch and features.

    axes : at least; 1 where single examples go in, which have no batch
    """
    return (
        isinstance(value, torch.Tensor)
        and value.ndim >= axes
        and value.numel() > 0
        and value.layout is torch.strided
        and value.is_floating_point()
    )


def tensors_in(value: Any) -> Iterator[Any]:
    """Yield the tensors of what a module was given or gives, in order, however they are nested."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from tensors_in(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from tensors_in(one)


def as_array(tensor: Any, scale: float = 1.0) -> Array:
    """Return a tensor's values, divided by `scale`; a view where they lie in memory as floats."""
    values = tensor.detach()
    if values.dtype not in REAL:
        values = values.float()
    if values.device.type != "cpu":
        values = values.cpu()
    if scale != 1.0:
        values = values / scale
    made: Array = values.resolve_conj().resolve_neg().numpy()
    return made


def replaced(given: Any, old: Any, new: Any) -> Any:
    """Return what a module was given with another tensor in the place of `old`."""
    return _each(given, lambda one: new if one is old and old is not None else one)


def doubled(given: Any) -> Any:
    """Return what a module was given with all that is real in float64."""
    real = (torch.float32, torch.float16, torch.bfloat16)
    return _each(given, lambda one: one.double() if getattr(one, "dtype", None) in real else one)


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _each(one, change) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_each(one, change) for one in value)
    return change(value)
