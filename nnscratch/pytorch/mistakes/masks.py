"""Masks of attention that hide every step from one: the softmax over nothing is NaN."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nnscratch.pytorch.losses.sent_back import name_of, nodes, signed
from nnscratch.pytorch.tensors import tensors_in

_PADDING, _MASK = (3, "key_padding_mask"), (5, "attn_mask")  # places and names of arguments


class Masks:
    """Looks at the masks of the first pass.

    Attributes
    ----------
    told : tuple of str
        What is wrong, as a line of `Mistakes`; empty if nothing is.
    """

    def __init__(self) -> None:
        self.told: tuple[str, ...] = ()
        self._hidden: dict[str, tuple[int, int]] = {}  # rows that see nothing, and all, by module

    def called(self, name: str, module: nn.Module, given: Any) -> None:
        """Note what a module of attention hides."""
        if isinstance(module, nn.MultiheadAttention):
            args, kwargs = given
            padding, mask = (
                _hides(args[i] if len(args) > i else kwargs.get(key))
                for i, key in (_PADDING, _MASK)
            )
            self._hidden[name] = _alone(padding, mask, module.num_heads)

    def returned(self, name: str, module: nn.Module, output: Any) -> None:
        """See whether what it gives is no number."""
        rows, count = self._hidden.pop(name, (0, 0))
        if rows and any(bool(one.isnan().any()) for one in tensors_in(output)):
            self.told = self.told or _line(name, rows, count)

    def sent(self, roots: list[Any]) -> None:
        """Look for softmaxes of what a mask was filled in."""
        for node in nodes(roots) if not self.told else ():
            softmax = name_of(node) == "SoftmaxBackward"
            below: Any = node.next_functions[0][0] if softmax else None
            if name_of(below) != "MaskedFillBackward":
                continue
            weights, mask = node._saved_result, below._saved_mask
            hidden = mask.expand(weights.shape).all(signed(node._saved_dim))
            if bool(hidden.any()) and bool(weights.isnan().any()):
                self.told = _line("", int(hidden.sum()), hidden.numel())
                return


def _hides(mask: Any) -> Any:
    """Return where a mask, of truths or of what is added, hides a step; None if there is none."""
    if not isinstance(mask, torch.Tensor):
        return None
    return mask if mask.dtype == torch.bool else mask.detach() == -torch.inf


def _alone(padding: Any, mask: Any, heads: int) -> tuple[int, int]:
    """Return from how many rows of attention every step is hidden, and how many there are."""
    if padding is not None and padding.ndim == 1:
        padding = padding[None]
    if mask is not None and mask.ndim == 3:
        mask = mask.unflatten(0, (-1, heads))[:, 0]
    both = [one for one in (None if padding is None else padding[:, None], mask) if one is not None]
    if not both:
        return 0, 0
    hidden = (both[0] | both[1] if len(both) == 2 else both[0]).all(-1)
    return int(hidden.sum()), hidden.numel()


def _line(name: str, rows: int, count: int) -> tuple[str, ...]:
    who = name or "a softmax of what a mask was filled in with -inf"
    return (
        "words hidden",
        f"The masks hide every step from {rows} of the {count} rows of {who}: the softmax over "
        f"nothing is NaN, and so are the loss and all gradients.",
        "A sequence has nothing but padding, or padding in front and a causal mask, or one step "
        "alone that is not to see itself.",
        "leave such sequences out, put padding behind, or let every step see itself",
        "",
    )
