"""A training of which nothing could be recorded: no gradient came back, or no step was made."""

from __future__ import annotations

from nnscratch.flow.findings import Advice, Finding, Findings
from nnscratch.flow.findings.finding import UNREAD
from nnscratch_records.words import plural


def unreached(label: str, passes: int, steps: int, reached: bool, late: bool) -> Findings:
    """Return what is wrong where the optimizer made steps and no layer ever got a gradient.

    passes : of the network, forward; reached : whether its parameters got one all the same;
    late : whether some came once the step of their pass was made
    """
    made = plural(steps, "step")
    if reached:
        why = (
            "no layer gave real numbers with a batch and features. Give the network batches; "
            "x[None] is a batch of one."
            if passes <= steps
            else f"the network was called {passes:,} times, and they were not those of the last "
            f"call before a step, which is what is looked at. Call it under torch.no_grad() for "
            f"what is not learned from, and with batches: x[None] is a batch of one."
        )
        return Findings((), label, f"{UNREAD} of {made}, though gradients came: {why}")
    if late:
        seen = (
            f"In {made} the gradients came when optimizer.step() was over, and were gone "
            f"before the next one: no step followed any of them."
        )
        why = (
            "step() stands before backward(), and zero_grad() between one backward() and the next."
        )
        line = "optimizer.zero_grad(); loss.backward(); optimizer.step()"
        advice = Advice("move step() behind backward()", line)
        return _alone(label, f"Read: {made}.", seen, why, advice, "gradients cleared too soon")
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
    return _alone(label, f"Read: {made}, and no gradient.", seen, why, Advice(what))


def unstepped(label: str, passes: int, came: bool) -> Findings:
    """Return what is wrong where the optimizer made no step in `passes`.

    came : whether gradients did
    """
    seen = f"{passes:,} passes of the network the optimizer that is watched has made no step"
    if came:
        seen = f"Gradients came, and in {seen}."
        why = (
            "step() is not called, or is another optimizer's. Where gradients are added up over "
            "batches, and counted anew in each epoch, an epoch may have fewer batches than are to "
            "be added up."
        )
        advice = Advice("have the optimizer make its step behind backward()", "optimizer.step()")
    else:
        seen = f"In {seen}, and no gradient came: the network answers, and is not trained."
        why = (
            "The lines that train it are never reached: a condition before them (a full memory, a "
            "count of steps, a flag) does not come true, or waits for what they would do."
        )
        advice = Advice("count what that condition waits for where the network is asked")
    return _alone(label, f"Read: {passes:,} passes, and no step.", seen, why, advice)


def _alone(
    label: str,
    scope: str,
    seen: str,
    why: str,
    advice: Advice,
    kind: str = "frozen parameters",
) -> Findings:
    one = Finding(kind, "fatal", (), 0, seen, why, (advice,), {}, frozenset())
    return Findings((one,), label, scope)
