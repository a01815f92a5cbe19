"""What `torch.fx` does not see of a module: what was put on it, tensors that two modules have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn

_LOOK = ("nnscratch.", "torch.nn.modules.lazy")  # whose hooks change no number


def put_on(model: nn.Module) -> Iterator[str]:
    """Yield the hooks of modules and the forwards of single ones: they may change any number."""
    for name, module in model.named_modules():
        called = name or type(module).__name__
        if "forward" in vars(module):
            yield f"the forward that {called} was given by itself (del it, or make a class of it)"
        for hook in (*module._forward_pre_hooks.values(), *module._forward_hooks.values()):
            if not str(getattr(hook, "__module__", "")).startswith(_LOOK):
                kind = getattr(hook, "__qualname__", type(hook).__name__)
                yield f"the hook {kind} of {called} (remove it, and what it does with it)"


def owned_twice(model: nn.Module, modules: Iterable[nn.Module]) -> Iterator[str]:
    """Yield parameters that two of the modules have: here only whole layers are shared."""
    names = {module: name for name, module in model.named_modules()}
    owners: dict[int, str] = {}
    for module in modules:
        for own, parameter in module.named_parameters():
            name = f"{names[module]}.{own}"
            if owners.setdefault(id(parameter), name) != name:
                yield f"{name}, which is the same tensor as {owners[id(parameter)]}"


def held(model: nn.Module) -> Iterator[str]:
    """Yield parameters and buffers whose numbers cannot be read as real ones."""
    tensors: list[tuple[str, Any]] = [*model.named_parameters(), *model.named_buffers()]
    for name, tensor in tensors:
        if nn.parameter.is_lazy(tensor):
            continue  # its module is named, which is none here
        if tensor.is_meta:
            yield f"{name}, which is on the device meta and holds no numbers (load them first)"
        elif tensor.is_complex():
            yield f"{name}, which holds complex numbers"
