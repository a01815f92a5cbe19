"""A loss of one's own that grows as outputs come nearer to what they are to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nnscratch.pytorch.losses.criterion import Criterion
from nnscratch.pytorch.losses.sent_back import name_of, nodes
from nnscratch_records.words import number

AGAINST = -0.2  # of the targets and of where the gradient pushes the outputs: their correlation
NUMBERS = 64  # of them
VALUES = 3  # of targets: of two, which is more may be agreed on the other way
_ROWS = 8
_ALONE = (  # each number by itself, or along with those of its example
    *("SigmoidBackward", "TanhBackward", "SoftmaxBackward", "ViewBackward", "ReluBackward"),
    *("SqueezeBackward", "UnsqueezeBackward", "UnsafeViewBackward", "CloneBackward"),
)
_PRODUCT = "MulBackward"


def multiplied(roots: Iterable[Any], made: Any) -> Any:
    """Return what a loss multiplies a network's outputs with that learns nothing; None: nothing.

    made : the node of autograd of what the network gave
    """
    for node in nodes(list(roots)) if made is not None else ():
        if name_of(node) != _PRODUCT or len(node.next_functions) != 2:
            continue
        places = [place for place, (one, _) in enumerate(node.next_functions) if one is not None]
        if len(places) != 1:
            continue
        below = node.next_functions[places[0]][0]
        while name_of(below) in _ALONE and below is not made:
            below = below.next_functions[0][0]
        if below is made:
            return node._saved_other if places[0] == 0 else node._saved_self
    return None


def meant(outputs: Any, criterion: Criterion, factor: Any) -> Any:
    """Return what outputs are to be: the targets, where the loss was given them as they are."""
    given = criterion.outputs
    same = outputs is not None and given is not None and given.numel() == outputs.numel()
    whole = same and bool((given.reshape(outputs.shape) == outputs).all())
    return criterion.targets if whole else factor


def driven_away(outputs: Any, dy: Any, targets: Any) -> tuple[str, ...]:
    """Tell where a loss pushes outputs away from the targets, in the shape of them.

    dy : the gradient that came back to the outputs
    """
    known = all(one is not None for one in (outputs, dy, targets))
    if not known or not targets.is_floating_point() or targets.numel() != outputs.numel():
        return ()
    if targets.numel() < NUMBERS or len(targets) != len(outputs):
        return ()
    masks = targets.ndim > 2
    t, push = (one.detach().double().reshape(outputs.shape) for one in (targets, -dy))
    if not masks and len(t.unique()) < VALUES:
        return ()
    if t.ndim == 2 and len(t) >= _ROWS:
        t, push = t - t.mean(0), push - push.mean(0)
    t, push = t - t.mean(), push - push.mean()
    size = float(t.norm() * push.norm())
    agree = float((t * push).sum()) / size if size > 0 else 0.0
    if not agree < AGAINST:
        return ()
    return (
        "steps uphill",
        f"The loss pushes outputs away from what they are to be: where a target is high its "
        f"gradient makes the output lower, and the other way round (correlation "
        f"{number(agree)}).",
        "It falls as the answers get worse: a likeness (a cosine, a Dice coefficient, an overlap) "
        "is made small in place of large, or a sign is wrong.",
        "turn it round: 1 - likeness, or its negative",
        "",
    )
