"""Losses of PyTorch as autograd keeps them: which function, and what it was given.

However it is called (by a name that was bound before anybody watched, from a partial or a class),
the node that computes its gradient has outputs, targets and settings until it has gone back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.nn import functional

from nnscratch.pytorch.losses.sent_back import name_of, signed

_REDUCTIONS = ("none", "mean", "sum")  # by their number
_WEIGHTS = ("weight",)
# By node: the function, and its settings beside `reduction`.
_LOSSES: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "NllLossBackward": (functional.nll_loss, (*_WEIGHTS, "ignore_index")),
    "NllLoss2DBackward": (functional.nll_loss, (*_WEIGHTS, "ignore_index")),
    "MseLossBackward": (functional.mse_loss, ()),
    "SmoothL1LossBackward": (functional.smooth_l1_loss, ("beta",)),
    "HuberLossBackward": (functional.huber_loss, ("delta",)),
    "BinaryCrossEntropyBackward": (functional.binary_cross_entropy, _WEIGHTS),
    "BinaryCrossEntropyWithLogitsBackward": (
        functional.binary_cross_entropy_with_logits,
        (*_WEIGHTS, "pos_weight"),
    ),
}
_AROUND = ("ViewBackward", "SqueezeBackward", "UnsqueezeBackward")  # between softmax and loss
_CROSS_ENTROPY = functional.cross_entropy


def asked(node: Any) -> tuple[Callable[..., Any], dict[str, Any], Any, Any] | None:
    """Return the function that a node is of, its settings, outputs and targets; None: of none.

    Of a cross-entropy the outputs are log-probabilities, which it takes as they are.
    """
    name = name_of(node)
    if name not in _LOSSES:
        return None
    function, settings = _LOSSES[name]
    try:
        outputs, targets = node._saved_self.detach(), node._saved_target.detach()
        given = {one: getattr(node, f"_saved_{one}") for one in settings}
        given["reduction"] = _REDUCTIONS[node._saved_reduction]
        if "ignore_index" in given:
            given["ignore_index"] = signed(given["ignore_index"])
    except (RuntimeError, AttributeError, IndexError):
        return None  # it has gone back already, or keeps them by other names
    if name.startswith("Nll"):
        if outputs.ndim == 4 and outputs.shape[2] == 1:  # as (examples, classes, steps) are kept
            outputs, targets = outputs.squeeze(2), targets.squeeze(1)
        if softmax_below(node) is not None:
            function = _CROSS_ENTROPY
    return function, given, outputs, targets


def softmax_below(loss: Any) -> Any:
    """Return the node of the softmax that a cross-entropy takes itself; None: it takes none."""
    node = loss.next_functions[0][0]
    while name_of(node) in _AROUND:
        node = node.next_functions[0][0]
    return node if name_of(node) == "LogSoftmaxBackward" else None
