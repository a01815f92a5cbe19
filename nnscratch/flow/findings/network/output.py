"""Whether the loss can see what the network gives, and the network give what the loss asks."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.flow.findings.cures import OF_LOGITS, remade
from nnscratch.flow.findings.data import flaws
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.network import reach
from nnscratch.flow.findings.network.reach import finding
from nnscratch.flow.findings.progress import ENOUGH, NOTHING
from nnscratch.flow.findings.view import View
from nnscratch.flow.flaws import is_absolute
from nnscratch_records.words import number, percent

TWICE = 0.01  # how near the least loss is to that of a softmax of a softmax
BLIND = 1e-6  # how much the loss can change, of itself
_ENOUGH = 5  # steps
GROWN = 10.0  # times what the network gave at first it gives at the end
FLAT = 0.99  # of the outputs, whose gradient is exactly 0: of many actions one is chosen
_PULLED = frozenset(
    {"does not learn", "constant output", "learning rate too small", "too few steps"}
)


def find(view: View) -> list[Finding]:
    """Return what is wrong with the last activation and the loss."""
    some = _blind(view) or _twice(view) or _unbounded(view) or _endless(view) or _flat(view)
    return some or [*reach.find(view), *_loss(view)]


def _endless(view: View) -> list[Finding]:
    """A loss below 0 that falls faster and faster, the more the network gives."""
    if view.rows < ENOUGH or view.incomparable:
        return []
    parts = np.array_split(view.get("loss"), 4)
    means = [float(part.mean()) for part in parts]
    before, now = means[1] - means[2], means[2] - means[3]
    given = view.get("output_std")[:, -1]
    grown = float(given[-len(parts[3]) :].mean()) / float(given[0]) if given[0] > 0 else math.nan
    if not (means[3] < 0 and now >= before > 0 and grown >= GROWN):
        return []
    return finding(
        "loss",
        "serious",
        view,
        f"The loss falls below 0, faster and faster: by {number(before)} from the second to the "
        f"third quarter of the steps, by {number(now)} to the last one, where its mean is "
        f"{number(means[3])}. What {view.layers[-1]} gives grows with it: {number(grown)} times as "
        f"large as at first.",
        "It has no least value: the further off the answers are, the less it is. A sign is turned, "
        "min stands for max, or nothing holds what is multiplied with the outputs.",
        (Advice("turn it round where it is made: a minus, max for min"),),
        frozenset({"exploding", "learning rate too large", "too few steps", "diverged"}),
        grown=grown,
        loss=means[3],
    )


def _flat(view: View) -> list[Finding]:
    """Most of what the network says of examples changes nothing in a loss that stands high."""
    last, p = len(view.layers) - 1, view.progress
    last -= last > 0 and view.roles[last] == "opaque"  # a function that may itself be flat
    classes = "SoftmaxCrossEntropy"  # it may leave places out
    if view.rows < ENOUGH or not p.known or view.text("loss_kind") == classes:
        return []
    if not p.share <= NOTHING or p.falling:
        return []
    if view.roles[last] == "activation":  # its own slope is told elsewhere
        return []
    zeros, arrives = (view.get(f"gradient_{what}")[:, last] for what in ("zeros", "norm"))
    if not view.holds((zeros >= FLAT) & ~np.isnan(arrives)):
        return []
    share = float(np.median(zeros[view.now]))
    return finding(
        "loss",
        "serious",
        view,
        f"For {percent(share)} of what {view.layers[last]} gives the gradient of the loss is "
        f"exactly 0, while the loss stands at {number(p.now, 3)}: whatever it is, the loss is the "
        f"same.",
        "Something between that and the loss is flat: clamp(), relu() or a comparison cuts off "
        "what is out of its range, and no gradient brings it back.",
        (Advice("take away what cuts off, and give the loss what it takes: logits, or a sigmoid"),),
        _PULLED | {"dead layer"},
        zeros=share,
    )


def _blind(view: View) -> list[Finding]:
    """The loss is the same whatever the network gives."""
    p = view.progress
    if not view.rows:
        return []
    zeros = view.get("gradient_zeros")[:, -1] >= 1
    none = view.holds(zeros)
    flat = p.constant - p.free <= BLIND * max(abs(p.constant), 1e-12)
    held = p.constant - p.floor <= BLIND * max(abs(p.constant), 1e-12) and not flat
    varied = view.latest("target_values") > 1
    softmax = view.output_activation == "softmax" and view.record["features"][-1] == 1
    # Where nothing is known of the answers: it never came to anything.
    never = math.isnan(p.constant) and bool(zeros.all()) and len(zeros) >= _ENOUGH
    if not softmax and not never and not (none and (flat or held) and varied):
        return []
    outputs = int(view.record["features"][-1])
    seen = (
        f"The loss does not depend on what the network gives: dL/dy is exactly 0 at "
        f"{view.layers[-1]} in every step, and the loss stands at {number(p.now)}."
    )
    if outputs != 1:
        return finding(
            *("loss", "fatal", view, seen, "The loss gives every answer the same value."),
            (Advice("take a loss that compares the output with the answers"),),
            loss=p.now,
        )
    return finding(
        *("softmax over one unit", "fatal", view, seen),
        "A softmax over a single output is 1, whatever goes into it; for one yes-or-no answer a "
        "sigmoid is meant.",
        (_sigmoid(view),),
        loss=p.now,
    )


def _sigmoid(view: View) -> Advice:
    if view.latest("target_classes") == 0:
        what = "answer with a number, and take the squared error"
        return remade(view, what, 'output="identity"', "nn.MeanSquaredError()")
    if view.output_activation:
        what = "answer with the logit and let the loss take its sigmoid"
        return remade(view, what, 'output="identity"', "nn.SigmoidCrossEntropy()")
    return Advice("let the loss take the sigmoid of the output", "loss = nn.SigmoidCrossEntropy()")


def _twice(view: View) -> list[Finding]:
    """A softmax of a softmax: its least loss is ln(1 + (K - 1) / e)."""
    p, outputs = view.progress, int(view.record["features"][-1])
    name = view.text("loss_kind")
    by_name = name == "SoftmaxCrossEntropy" and view.output_activation == "softmax"
    least = math.log(1 + (outputs - 1) / math.e)
    hard = view.latest("target_classes") == 2
    by_loss = hard and outputs > 1 and abs(p.free - least) < TWICE * least
    if not (by_name or by_loss):
        return []
    return finding(
        "softmax twice",
        "notice" if p.learned else "serious",
        view,
        f"The loss takes the softmax of outputs that are a softmax already: it cannot fall below "
        f"{number(least)}, whatever is learned (a constant answer gives {number(p.constant)}; it "
        f"stands at {number(p.now)}).",
        "Of probabilities between 0 and 1 the second softmax makes nearly equal ones, and the "
        "gradient is as many times smaller.",
        (
            remade(
                view, "hand the loss the logits", 'output="identity"', "nn.SoftmaxCrossEntropy()"
            )
            if view.output_activation
            else Advice("hand the loss the logits", "loss = nn.SoftmaxCrossEntropy()"),
        ),
        least=least,
        loss=p.now,
    )


def _unbounded(view: View) -> list[Finding]:
    """A loss of probabilities that gets any number: nothing bounds what the last weights give."""
    p, name = view.progress, view.text("loss_kind")
    # Functions between the last module and the loss are not seen in PyTorch.
    seen = view.rows and view.text("framework") != "torch"
    parts = [role for role in view.roles if role not in ("shape", "noise")]
    bare = parts[-1:] == ["weights"]
    if not (seen and bare and name in OF_LOGITS):
        return []
    missing, right = OF_LOGITS[name]
    last = len(view.layers) - 1
    mean, std = (view.now_of(f"output_{what}", last) for what in ("mean", "std"))
    return finding(
        "output activation",
        "notice" if p.learned else "serious",
        view,
        f"{name} takes probabilities, and what {view.layers[-1]} gives is any number: mean "
        f"{number(mean)}, standard deviation {number(std)}.",
        f"Below 0 and above 1 the loss is cut off and hands no gradient down; a {missing} is "
        f"missing.",
        (Advice(f"take the loss that has the {missing} in it", f"loss = nn.{right}()"),),
        EXPLAINS["output activation"] | {"learning rate too large"},
        mean=mean,
        std=std,
    )


def _loss(view: View) -> list[Finding]:
    """A loss that is not made for classes."""
    p, name = view.progress, view.text("loss_kind")
    classes = view.latest("target_classes")
    # Somebody's own, or another framework's, is known by how its gradient grows.
    absolute = name == "MeanAbsoluteError" or is_absolute(view.latest("loss_grows"))
    if not classes > 0 or not (absolute or name in reach.SQUARES):
        return flaws.median(view)
    if rare := flaws.drowned(view):
        return rare
    right = "nn.SoftmaxCrossEntropy()" if classes == 2 else "nn.SigmoidCrossEntropy()"
    advice = Advice("take the cross-entropy", f"loss = {right}")
    if view.output_activation:
        advice = remade(view, "take the cross-entropy", 'output="identity"', right)
    why = (
        "The absolute error pulls every answer to the commonest one, and its gradient does not "
        "grow with the error."
        if absolute
        else "Where an answer is wrong but sure, the gradient of the squared error is almost 0."
    )
    return finding(
        "loss",
        "serious" if absolute and not p.learns else "notice",
        view,
        f"The answers are classes (zeros and ones), and the loss is the "
        f"{'absolute' if absolute else 'squared'} error; of what there is to learn "
        f"{percent(max(0.0, p.share))} is learned.",
        why,
        (advice,),
        _PULLED if absolute else None,
        share=p.share,
    )
