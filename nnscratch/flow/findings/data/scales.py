"""What goes in and what is asked: inputs that are alike, the scales of inputs and targets."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from nnscratch.flow.findings.cures import (
    STANDARDISE_BOTH,
    STANDARDISE_INPUTS,
    STANDARDISE_TARGETS,
    WITHOUT_FAR,
    anew,
    scaled_targets,
)
from nnscratch.flow.findings.data import labels, outliers
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.view import LOUD, View
from nnscratch_records.limits import (
    BESIDE,
    LARGE_INPUT,
    LARGE_TARGET,
    OFF_CENTRE,
    SMALL_INPUT,
    SMALL_TARGET,
    TRIED_LARGE_INPUT,
    TRIED_SMALL_INPUT,
)
from nnscratch_records.words import number, percent

UNEVEN = 100.0  # the largest deviation of a feature over the middle one
_ENOUGH = 50  # steps
ROUNDING = 1e-9  # of means and deviations of numbers that are all the same
FAR_TARGET = 100.0  # root mean square: smaller ones are learned as they are, in time
SPIKE, FEW, SELDOM = 3.0, 2, 0.05  # times the usual loss; steps at least; of them at most
# What holds a run up then, whatever the targets' scale.
AS_IT_IS = frozenset({"output activation", "learning rate too small", "too few steps"})
UNTOLD = 0.5  # of the answers' variance, or less, can be told of inputs that come again
_SAME = 8  # examples with one input
_OF_INPUTS, _ONE = ("mean", "std", "max"), 0.5  # half of what a single one among zeros is
COPIES = 16  # of each example in a batch, on average: so many are drawn on no purpose
COLUMNS = 5  # of fewer there may be no more examples: a truth table, the corners of a square
_LOOK_AT_INPUTS = Advice(
    "look at what the inputs are, where they are loaded",
    "print(np.ptp(np.asarray(x), axis=0).max())",
)
_LOOK_AT_ROWS = Advice(
    "look at what the inputs are, where they are loaded",
    "print(len(np.unique(x.reshape(len(x), -1), axis=0)), len(x), x.dtype)",
)


def find(view: View) -> list[Finding]:
    """Return what is wrong with labels, inputs and targets."""
    return _alike(view) or [
        *_repeated(view),
        *labels.find(view),
        *outliers.find(view),
        *_scales(view),
    ]


def _scales(view: View) -> list[Finding]:
    """Inputs and targets of another scale than weights are drawn for: where both are, neither is
    mended without the other, even if the loss falls on its way to the targets' mean.
    """
    inputs, targets = _inputs(view), _targets(view)
    if targets and (inputs or worth_a_try(view)):
        own = scaled_targets(view)
        also = replace(own, line=f"{STANDARDISE_INPUTS.line}; {own.line}")
        both = anew(view, STANDARDISE_BOTH if own is STANDARDISE_TARGETS else also)
        alone = (anew(view, own),)
        found = [*inputs, *(one for one in targets if one.advice == alone)]
        return [
            replace(one, advice=(both,)) if one in found else one for one in (*inputs, *targets)
        ]
    return [*inputs, *targets]


def worth_a_try(view: View) -> bool:
    """Whether a cure would scale the inputs: zeros with a one among them are not small."""
    mean, std, largest = (float(np.median(view.get(f"input_{k}")[:5])) for k in _OF_INPUTS)
    rms = math.hypot(mean, std)
    return rms > TRIED_LARGE_INPUT or (rms < TRIED_SMALL_INPUT and largest < _ONE)


def _alike(view: View) -> list[Finding]:
    """Inputs that are the same for all examples: what the first layer gives then is, too."""
    spread, count = view.looks("output_spread"), view.latest("target_count")
    first = view.weights[0] if view.weights else 0
    seen = first
    if view.recurs(first):  # what it gives differs from step to step all the same
        first = view.weights[-1]
        seen = len(view.layers) - 1
    weight = view.param(first, "weight")
    silent = weight is not None and not view.record["param_norm_initial"][weight] > 0
    batch = float(np.median(view.get("batch_size"))) if view.rows else 0.0
    if count == 1 and batch >= _SAME:
        return [_few_examples(view, 1, int(batch))]
    # Of few columns there may be no more: a truth table, the corners of a square.
    many = view.rows >= _ENOUGH and view.fan_in(first) >= COLUMNS
    if many and count > 1 and count * COPIES <= batch:
        return [_few_examples(view, int(count), int(batch))]
    if not count >= _SAME or not math.isnan(view.latest("feature_ratio")) or silent:
        return []
    if not len(spread) or not (spread[:, seen] <= ROUNDING).all():
        return []
    return [
        Finding(
            "inputs alike",
            "serious",
            view.layers[:1],
            view.first_step,
            f"All examples have the same inputs: {view.layers[seen]} gives the same for every one "
            f"of them, while the answers have {number(view.latest('target_values'))} values.",
            "One and the same example is handed out again and again, or the inputs were lost on "
            "the way: nothing tells one answer from another.",
            (_LOOK_AT_INPUTS,),
            {"examples": count},
            EXPLAINS["inputs alike"],
        )
    ]


def _few_examples(view: View, count: int, batch: int) -> Finding:
    same, others = "the same inputs with the same answer", "that is learned by heart, and"
    one = f"All examples are one and the same: each batch holds {batch} times {same}."
    few = (
        f"The same {count} examples come again and again: batches of {batch} hold no other, in "
        f"{view.rows:,} steps."
    )
    drawn = (
        "What draws them was given weights of classes, or indices of few, in place of a weight "
        f"for each example: {others} the loss says nothing of any other."
    )
    handed = f"One and the same example is handed out again and again: {others} the loss says "
    return Finding(
        "inputs alike",
        # Few may be all that there are: then nothing is wrong with learning them.
        "notice" if count > 1 and view.progress.learned else "serious",
        view.layers[:1],
        view.first_step,
        one if count == 1 else few,
        f"{handed}nothing of any other." if count == 1 else drawn,
        (_LOOK_AT_INPUTS if count == 1 else _LOOK_AT_ROWS,),
        {"examples": float(count)},
        EXPLAINS["inputs alike"],
    )


def _repeated(view: View) -> list[Finding]:
    """Examples with the same inputs and other answers: no network can tell them apart."""
    share, told = view.latest("repeated_share"), view.latest("repeated_told")
    if view.progress.learned or not told <= UNTOLD:
        return []
    return [
        Finding(
            "inputs alike",
            view.harm,
            view.layers[:1],
            view.first_step,
            f"{percent(share)} of the examples have inputs that come with other answers too: of "
            f"the answers' variance the inputs tell {percent(max(0.0, told))}, and no network "
            f"tells more of these examples.",
            "What tells them apart was lost on the way - rounded, cut off, a column left out - or "
            "the answers are drawn by chance.",
            (_LOOK_AT_ROWS,),
            {"repeated": share, "told": told},
            EXPLAINS["inputs alike"],
        )
    ]


def _inputs(view: View) -> list[Finding]:
    if not len(view.steps) or view.record["input_nonfinite"][0] > 0:
        return []
    mean = float(np.median(view.record["input_mean"][:5]))
    std = float(np.median(view.record["input_std"][:5]))
    if std == 0 and view.alone and not np.ptp(view.record["input_mean"]) > 0:
        return []  # one number, of one example, and ever the same: no scale
    rms = math.hypot(mean, std)
    ratio = view.latest("feature_ratio")
    offset = np.nan_to_num(view.latest("feature_offset"))
    large = rms > (LOUD if view.sure else LARGE_INPUT)
    small = rms < SMALL_INPUT
    uneven = ratio > UNEVEN and rms > 1
    away = max(offset, abs(mean) / std if std else 0.0) > OFF_CENTRE and rms > 1
    if not (large or small or uneven or away):
        return []
    what = [
        *(["large"] if large else ["small"] if small else []),
        *(["far from zero"] if away else []),
        *(["of very different scales"] if uneven else []),
    ]
    numbers = {"mean": mean, "std": std, "rms": rms, "ratio": ratio}
    seen = f"mean {number(mean)}, standard deviation {number(std)}"
    if uneven:
        seen += f", the largest feature's {number(ratio)} times the middle one's"
    drawn = "The weights are drawn for inputs of mean square about 1: "
    why = "Beside their common mean all inputs look alike, and the gradient points along it."
    if small:
        why = (
            f"{drawn}of smaller ones nearly nothing reaches the loss, and the first layer's "
            f"gradient is as many times too small."
        )
    elif large or uneven:
        why = (
            f"{drawn}larger ones saturate, kill or swamp the first layer, and its gradient is as "
            f"many times too large."
        )
    explains = EXPLAINS["input scale"]
    if small:
        explains -= {"exploding", "diverged", "non-finite", "learning rate too large", "saturated"}
    return [
        Finding(
            "input scale",
            view.harm,
            view.layers[:1],
            view.first_step,
            f"The inputs are {' and '.join(what)}: {seen}.",
            why,
            (anew(view, STANDARDISE_INPUTS),),
            numbers,
            explains,
        )
    ]


def _targets(view: View) -> list[Finding]:
    """Regression targets far from what an untrained network gives."""
    if not view.rows:
        return []
    mean, std = view.latest("target_mean"), view.latest("target_std")
    if math.isnan(mean):
        mean, std = 0.0, _squared_error(view)
    if view.latest("target_classes") > 0 or not std > 0 or view.progress.learned:
        return []
    if view.outweighed:  # what is left without the few, of mean and deviation
        few = view.latest("target_far") / view.latest("target_count")
        share = view.latest("target_far_share")
        mean = math.copysign(max(0.0, abs(mean) - std * math.sqrt(few * share)), mean)
        std *= math.sqrt(1 - share)
    size = math.hypot(mean, std)
    output = math.hypot(view.get("output_mean")[0, -1], view.get("output_std")[0, -1])
    large = size > LARGE_TARGET and output < size / BESIDE
    small = size < SMALL_TARGET and output > size * BESIDE
    if not (large or small):
        return []
    why = (
        "What an untrained network gives is noise beside them, and the loss and its gradient are "
        "as small as their square."
        if small
        else "The gradient of the loss grows with the targets: the first steps are as many times "
        "too large, or the last bias alone has a long way to go."
    )
    advice, hidden = anew(view, scaled_targets(view)), small and _spiked(view)
    if hidden:
        advice = anew(view, WITHOUT_FAR)
        why = (
            "In a few steps the loss is many times that of the steps around them: some target that "
            "is not among those looked at lies far from all others, and may be what the others "
            "were made so small by."
        )
    explains = EXPLAINS["target scale"]
    if small or len(view.weights) == 1:  # how far a linear layer can step no target decides
        explains -= {"diverged", "non-finite", "exploding", "learning rate too large"}
    if large and tens(view):
        explains -= AS_IT_IS
    if len(view.layers) - 1 in view.rectifiers:  # no scale gives it what lies below 0
        explains -= {"output activation"}
    return [
        Finding(
            "target scale",
            "notice" if _on_the_way(view) else view.harm,
            view.layers[-1:],
            view.first_step,
            f"The targets are {'small' if small else 'large'}: mean {number(mean)}, standard "
            f"deviation {number(std)}, where the untrained network gives {number(output)} (root "
            f"mean square); the loss begins at {number(view.progress.first)}.",
            why,
            (advice,),
            {"target_rms": size, "output_rms": output, "loss": view.progress.first},
            explains,
        )
    ]


def _spiked(view: View) -> bool:
    """Whether a few of the later losses are far above the others: as of one far target a pass."""
    losses = view.get("loss")[view.rows // 2 :]
    high = losses > SPIKE * np.median(losses)
    return bool(FEW <= high.sum() <= SELDOM * len(losses))


def tens(view: View) -> bool:
    """Whether targets are no larger than networks learn as they are, given time and a way out."""
    mean, std = view.latest("target_mean"), view.latest("target_std")
    return LARGE_TARGET < math.hypot(mean, std) <= FAR_TARGET


def _on_the_way(view: View) -> bool:
    """Whether the loss falls: also that of a run too short to tell it by quarters."""
    p = view.progress
    return p.falling or (p.rows < _ENOUGH and p.pace < math.inf)


def _squared_error(view: View) -> float:
    """Return the targets' size where the record does not say it but the loss is their square.

    With the mean squared error |dL/dp|^2 size / 4 is the loss itself. NaN if it is not.
    """
    loss = view.get("loss")
    size = view.get("batch_size") * float(view.record["features"][-1])
    square = view.get("gradient_norm")[:, -1] ** 2 * size / 4
    same = loss[0] > 0 and np.allclose(square[:5], loss[:5], rtol=1e-3)
    return math.sqrt(float(loss[0])) if same else math.nan
