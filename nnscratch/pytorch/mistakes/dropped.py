"""Dropout that is a function between modules: autograd keeps what it multiplied by."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import torch
from torch import nn

from nnscratch.pytorch.losses.sent_back import name_of, nodes
from nnscratch_records import limits
from nnscratch_records.words import percent

_LOOKED_AT = 4096  # numbers of a mask
_LEAST = 100  # the same
_TIMES = 0.1  # by what is kept is multiplied, relative to what makes up for what is dropped


class Dropped:
    """Looks for dropout in what a pass leaves behind.

    Attributes
    ----------
    most : float
        The largest share that a function takes away.
    """

    def __init__(self) -> None:
        self._modules: set[Any] = set()  # nodes of autograd of what modules drop
        self.most = 0.0

    def returned(self, module: nn.Module, output: Any) -> None:
        """Note what a module gave."""
        if isinstance(module, nn.modules.dropout._DropoutNd):
            self._modules.add(getattr(output, "grad_fn", None))

    def sent(self, roots: list[Any]) -> None:
        """Look at what the loss was computed by."""
        own, self._modules = self._modules, set()
        self.most = _most(roots, own)

    def told(self) -> tuple[str, ...]:
        """Return what was seen, as a line of `Mistakes`; nothing where all is right."""
        if not self.most > limits.DROPPED:
            return ()
        return (
            "dropout",
            f"A function between layers, such as F.dropout, takes {percent(self.most)} of what it "
            f"is given away in each step; usual are 10 % to 50 %.",
            "What is left is another network each time, too small to learn what there is. Some "
            "libraries ask for the share that is kept, PyTorch for the one that is dropped.",
            "drop fewer: p=0.2",
            "",
        )


def still_on(answers: Any) -> tuple[str, ...]:
    """Return that what a network answers as it is evaluated is dropped from, as in `Mistakes`."""
    share = _most([answers], ())
    if not share > 0:
        return ()
    return (
        "training mode",
        f"After model.eval() a function between layers, such as F.dropout, still takes "
        f"{percent(share)} of what it is given away: the network is tested as it trains.",
        "F.dropout drops unless it is told not to: it does not know of model.eval(), as the module "
        "of that name does.",
        "tell it the mode, or use the module",
        "h = torch.nn.functional.dropout(h, p, training=self.training)",
    )


def _most(roots: list[Any], own: Collection[Any]) -> float:
    """Return the largest share that a node of autograd drops, of others than its own; 0: none."""
    shares = [_share(node) for node in nodes(roots) if node not in own]
    return max([share for share in shares if not math.isnan(share)], default=0.0)


def _share(node: Any) -> float:
    """Return the share that a node of autograd drops; NaN if it drops nothing."""
    name = name_of(node)
    try:
        if name == "NativeDropoutBackward":
            return float(node._saved_p)
        mask = node._saved_other if name == "MulBackward" else None
    except (RuntimeError, AttributeError):
        return math.nan  # gone back already, or kept by another name
    if not isinstance(mask, torch.Tensor) or not mask.is_floating_point() or mask.requires_grad:
        return math.nan
    some = mask.detach().reshape(-1)[:_LOOKED_AT].float()
    dropped = float((some == 0).float().mean()) if len(some) >= _LEAST else 0.0
    if not 0 < dropped < 1:
        return math.nan
    kept = some[some != 0]
    exact = float(kept.min()) == float(kept.max()) and float(kept.max()) > 1
    # By one over the share that is kept, so that the mean stays as it is.
    fits = abs(float(kept.max()) * (1 - dropped) - 1) < _TIMES / math.sqrt(1 - dropped)
    return 1 - 1 / float(kept.max()) if exact and fits else math.nan
