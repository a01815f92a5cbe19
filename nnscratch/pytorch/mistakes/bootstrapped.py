"""Targets that are made of the network's own answers, as in Q-learning, and learn along with them.

A reward and what is expected from the next state on, r + gamma max_a Q(s', a), is what Q(s, a) is
to become: no gradient is to go through it (Sutton and Barto, 2018, section 11.3).
"""

from __future__ import annotations

from typing import Any

from nnscratch.pytorch.losses.sent_back import name_of, nodes

_COMPARES = ("MseLossBackward", "SmoothL1LossBackward", "HuberLossBackward", "SubBackward")
_BEST = ("MaxBackward", "AmaxBackward", "GatherBackward")  # of the actions, or the one chosen
_ADDS = ("AddBackward", "RsubBackward")
_AROUND = (
    *("MulBackward", "ViewBackward", "SqueezeBackward", "UnsqueezeBackward", "UnsafeViewBackward"),
    *("WhereBackward", "CloneBackward", "IndexPutBackward", "SelectBackward", "ExpandBackward"),
)


def learns_along(roots: list[Any]) -> tuple[str, ...]:
    """Return that a loss sends gradients to its targets too, as a line of `Mistakes`."""
    for node in nodes(roots):
        if name_of(node) not in _COMPARES or len(node.next_functions) < 2:
            continue
        sides = [one for one, _ in node.next_functions[:2] if one is not None]
        if len(sides) == 2 and sum(map(_is_target, sides)) == 1:
            return (
                "targets not detached",
                "The loss compares the network's answers with others of its own, to which a reward "
                "or another constant is added, and sends a gradient to both.",
                "Those are what is expected from the next state on, the target: with a gradient it "
                "comes to meet the answer, in place of standing where that is to go.",
                "compute the target without a gradient",
                "with torch.no_grad(): target = reward + gamma * model(following).max(1).values",
            )
    return ()


def _is_target(node: Any) -> bool:
    """Whether a constant is added to the best, or the chosen one, of several answers."""
    added = False
    while node is not None:
        name = name_of(node)
        below = [one for one, _ in node.next_functions if one is not None]
        if name in _BEST:
            return added
        if len(below) != 1 or name not in (*_ADDS, *_AROUND):
            return False
        added = added or (name in _ADDS and len(node.next_functions) > 1)
        node = below[0]
    return False
