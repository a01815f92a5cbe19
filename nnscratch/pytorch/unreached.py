"""A training of which nothing could be recorded, since no gradient came back to the network."""

from __future__ import annotations

from nnscratch.flow.findings import Advice, Finding, Findings
from nnscratch.flow.findings.finding import UNREAD
from nnscratch_records.words import plural


def unreached(label: str, passes: int, steps: int, reached: bool) -> Findings:
    """Return what is wrong where the optimizer made steps and no layer ever got a gradient.

    passes : of the network, forward; reached : whether its parameters got one all the same
    """
    made = plural(steps, "step")
    if reached:
        return Findings(
            (),
            label,
            f"{UNREAD} of {made}, though gradients came: no layer gave real numbers with a "
            f"batch and features. Give the network batches; x[None] is a batch of one.",
        )
    seen = (
        f"No gradient came back to the network in {made} of its optimizer and {passes} passes: "
        f"what is sent back has no way to what the network gave."
    )
    why = (
        "Something cuts it off behind the network: detach(), .data, .item(), numpy(), no_grad(), "
        "a rounding or an argmax; or the loss is computed of something else."
    )
    what = "compute the loss of what the network gives, as it is"
    if not passes:
        seen = f"The optimizer made {made}, and the network that is watched was never called."
        why = "Another one is trained: a copy, or one that was made later."
        what = "watch the network that is trained, and give its parameters to the optimizer"
    one = Finding("frozen parameters", "fatal", (), 0, seen, why, (Advice(what),), {}, frozenset())
    return Findings((one,), label, f"Read: {made}, and no gradient.")
