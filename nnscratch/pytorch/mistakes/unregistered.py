"""Modules that a network holds in plain lists or dicts, and does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn


def hidden(model: nn.Module) -> dict[str, nn.Module]:
    """Return the modules with parameters that stand in plain lists or dicts, and all inside them.

    The model does not know them: no optimizer gets what `model.parameters()` leaves out.
    """
    known = set(model.modules())
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        for attribute, key, inner in _contained(module):
            if inner in known or not any(p.requires_grad for p in inner.parameters()):
                continue
            path = f"{name}.{attribute}[{key!r}]".lstrip(".")
            for below, one in inner.named_modules(prefix=path):
                if one not in known:
                    known.add(one)
                    found[below] = one
    return found


_OWN = frozenset(vars(nn.Module()))  # what PyTorch keeps in lists and dicts itself


def _contained(module: nn.Module) -> Iterator[tuple[str, Any, nn.Module]]:
    for attribute, value in vars(module).items():
        if attribute in _OWN or not isinstance(value, list | tuple | dict):
            continue
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(inner, nn.Module):
                yield attribute, key, inner
