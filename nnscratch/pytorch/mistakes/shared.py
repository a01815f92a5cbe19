"""Layers that stand several times in one container, and are one and the same."""

from __future__ import annotations

from collections import Counter

from torch import nn

from nnscratch.flow.findings.torch_lines import OPTIMIZER


def repeated(model: nn.Module) -> tuple[str, ...]:
    """Return that a layer with weights stands in a container more than once, as in `Mistakes`."""
    for name, one in model.named_modules():
        if not isinstance(one, nn.Sequential | nn.ModuleList):
            continue
        layers = [child for child in one._modules.values() if child is not None]
        often = Counter(child for child in layers if any(True for _ in child.parameters()))
        layer, times = next(iter(often.most_common(1)), (None, 0))
        if times < 2:
            continue
        kind = "Sequential" if isinstance(one, nn.Sequential) else "ModuleList"
        star = "*" if kind == "Sequential" else ""
        at = f"model.get_submodule({name!r})"
        copies = f"torch.nn.{kind}({star}map(copy.deepcopy, {at}))"
        return (
            "shared layers",
            f"{name or 'The network'} has {times} places for layers in which one and the same "
            f"{type(layer).__name__} stands: they have one set of weights, and one of statistics.",
            "A list times a number, [layer] * n, holds a layer n times, and makes no other.",
            "make a layer for each place",
            f"import copy; model.set_submodule({name!r}, {copies}); {OPTIMIZER}" if name else "",
        )
    return ()
