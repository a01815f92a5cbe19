"""Whether the network can give what the loss asks of it."""

from __future__ import annotations

import math
from dataclasses import replace

from nnscratch.flow.findings.cures import (
    STANDARDISE_TARGETS,
    anew,
    dense_behind,
    no_output_activation,
    remade,
    scaled_targets,
)
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.progress import ENOUGH
from nnscratch.flow.findings.view import View
from nnscratch_records.limits import LARGE_TARGET
from nnscratch_records.words import called, number, percent

OUT_OF_REACH = 0.02  # of the way from a constant answer's loss to the least: not reached
MANY_ZEROS = 0.3  # of the outputs
ROUNDING = 1e-6  # of the sum of a row of ones and zeros
_SUMS = "print(np.unique(np.asarray(y).sum(axis=-1), return_counts=True))"
_SIGNED = ("tanh", "hardtanh", "softsign")
SQUARES = ("MeanSquaredError", "MeanAbsoluteError", "Huber")


def finding(
    kind: str,
    severity: str,
    view: View,
    seen: str,
    cause: str,
    advice: tuple[Advice, ...],
    explains: frozenset[str] | None = None,
    **numbers: float,
) -> list[Finding]:
    layers = view.layers[-1:]
    brought = EXPLAINS.get(kind, frozenset()) if explains is None else explains
    return [
        Finding(
            kind,
            severity,
            layers,
            view.first_step,
            seen,
            cause,
            advice,
            numbers,
            brought,
        )
    ]


def find(view: View) -> list[Finding]:
    """The last activation cannot give what is asked for."""
    if states := _states(view):
        return states
    p, kind = view.progress, view.output_activation
    missing = (p.floor - p.free) / p.room if p.known else math.nan
    if kind and missing > OUT_OF_REACH:
        low, high = view.latest("target_min"), view.latest("target_max")
        return finding(
            "output activation",
            "serious",
            view,
            f"{called(kind)} at the output cannot give the answers, which run from {number(low)} "
            f"to {number(high)}: with it the loss cannot fall below {number(p.floor)} (without it "
            f"{number(p.free)}; a constant answer gives {number(p.constant)}; it stands at "
            f"{number(p.now)}).",
            "",
            _within_reach(view, f"The loss can then fall to {number(p.free)}."),
            floor=p.floor,
            free=p.free,
            missing=missing,
        )
    if shares := _shared_out(view):
        return shares
    if each_by_itself(view):
        return finding(
            "output activation",
            "notice",
            view,
            f"Each example has one class out of {int(view.record['features'][-1])}, and "
            f"{called(kind)} answers for each class by itself: that one excludes the others is "
            f"left to be learned.",
            "",
            (
                remade(
                    view,
                    "let the classes share one softmax",
                    'output="identity"',
                    "nn.SoftmaxCrossEntropy()",
                ),
            ),
            frozenset({"loss"}),  # a matter of taste: nothing is held up by it
        )
    return _signed(view, kind) or _rectified(view, kind)


def _within_reach(view: View, expect: str) -> tuple[Advice, ...]:
    """Return what brings answers and outputs together: of answers as far off as no rate for others
    leads to, first the answers.
    """
    linear, scaled = no_output_activation(view, expect), scaled_targets(view)
    size = math.hypot(view.latest("target_mean"), view.latest("target_std"))
    if size <= LARGE_TARGET or scaled is STANDARDISE_TARGETS:
        return (linear,)
    return anew(view, scaled), replace(linear, what=f"or {linear.what}", expect="")


def _signed(view: View, kind: str) -> list[Finding]:
    """An activation from -1 to 1 for answers of zeros and ones."""
    zero_one, p = view.latest("target_classes") > 0, view.progress
    squares = view.text("loss_kind") in (*SQUARES, "MSELoss", "L1Loss", "HuberLoss")
    if not (kind in _SIGNED and zero_one and p.rows >= ENOUGH) or p.learned or squares:
        return []
    right = "nn.SoftmaxCrossEntropy()" if each(view) else "nn.SigmoidCrossEntropy()"
    return finding(
        "output activation",
        view.harm,
        view,
        f"{called(kind)} at the output gives numbers from -1 to 1, and the answers are zeros and "
        f"ones: what lies below 0 is no probability.",
        "A loss of probabilities is cut off there and hands no gradient down, whatever it is.",
        (remade(view, "answer with a score", 'output="identity"', right),),
    )


def each(view: View) -> bool:
    """Whether an example has one class out of several."""
    return bool(view.latest("target_classes") == 2 and view.record["features"][-1] > 1)


def _shared_out(view: View) -> list[Finding]:
    """A softmax, whose outputs sum to 1, for answers that do not."""
    outputs = int(view.record["features"][-1])
    ones = view.latest("target_mean") * outputs
    several = view.latest("target_classes") == 1 and outputs > 1 and abs(ones - 1) > ROUNDING
    if view.output_activation != "softmax" or not several:
        return []
    if ones > 1:
        why = "Each may be right by itself: that is a sigmoid for each, and its cross-entropy."
        what, loss = "answer yes or no to each", "nn.SigmoidCrossEntropy()"
    else:
        why = (
            "Some rows of answers are all zeros: labels that were counted from 1, or a class that "
            "has no column. Of these nothing is learned."
        )
        what, loss = "count the classes from 0, one column each", ""
    advice = remade(view, what, 'output="identity"', loss) if loss else Advice(what, _SUMS)
    return finding(
        "output activation" if ones > 1 else "labels",
        "serious",
        view,
        f"The answers of an example sum to {number(ones, 3)} on average, and softmax shares out 1 "
        f"among {outputs} outputs.",
        why,
        (advice,),
        ones=ones,
    )


def each_by_itself(view: View) -> bool:
    """Whether classes of which one is right are answered by a sigmoid each."""
    exclusive = view.latest("target_classes") == 2 and view.record["features"][-1] > 2
    return exclusive and view.output_activation in ("sigmoid", "hardsigmoid")


def _states(view: View) -> list[Finding]:
    """A recurrent layer whose states are the answers: they end at 1 and -1."""
    last = view.weights[-1] if view.weights else 0
    low, high = view.latest("target_min"), view.latest("target_max")
    beyond = max(high - 1, -1 - low)
    if not view.weights or view.kinds[last] not in ("lstm", "gru") or view.output_activation:
        return []
    if not beyond > OUT_OF_REACH * (high - low) or view.latest("target_classes") > 0:
        return []
    return finding(
        "output activation",
        "notice" if view.progress.learned else "serious",
        view,
        f"The states of {view.layers[last]} are the answers, and a state lies between -1 and 1: "
        f"the answers run from {number(low)} to {number(high)}.",
        "",
        (dense_behind(view),),
        low=low,
        high=high,
    )


def _rectified(view: View, kind: str) -> list[Finding]:
    """A rectifier at the output, which hands no gradient down where it is 0."""
    last = len(view.layers) - 1
    # Scores of several classes: what is 0 for one of them is so for good, whatever else is learned.
    scores = each(view) and view.text("loss_kind") == "SoftmaxCrossEntropy"
    learned = view.progress.learned
    if last not in view.rectifiers or not view.rows or (learned and not scores):
        return []
    zeros = view.now_of("output_zeros", last)
    if not zeros > 0:
        return []  # it hands every gradient down
    return finding(
        "output activation",
        "serious" if zeros > MANY_ZEROS and not learned else "notice",
        view,
        f"{called(kind)} at the output: {percent(zeros)} of what the network gives is 0, and from "
        f"there no gradient comes down, whatever the answer should be.",
        "",
        (no_output_activation(view, "Every example then has its say in every step."),),
        zeros=zeros,
    )
