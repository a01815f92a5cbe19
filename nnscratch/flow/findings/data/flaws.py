"""Flaws of what is learned from: codes for missing values, padding that is read, rare classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from nnscratch.datasets.codes import BY_THE_OTHERS, line_without
from nnscratch.datasets.far import FAR_OFF
from nnscratch.flow.findings.cures import anew
from nnscratch.flow.findings.finding import Advice, Finding, Shown
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.progress import ENOUGH, LEARNED, LEARNS, NOTHING
from nnscratch.flow.findings.view import View
from nnscratch_records import limits
from nnscratch_records.words import number, percent

PADDED = 0.3  # of the steps
RARE = 0.9  # of the answers are one and the same: to give that always is right as often
RARE_LABELS = 0.97  # the same of labels each by itself, that are being learned
AGAINST = 2.0  # times as much the commonest class counts as the other one
DROWNED = 0.05  # of what the loss sees, all examples of the commonest class together
SCARCE = 0.99  # of zeros and ones, whose squared errors are to be small, are 0
EVEN = 5.0  # the same, for all examples of it together: the rare one is not made up for
MEDIAN = 0.5  # of the answers are one and the same: their median
_COUNT = (
    "count = np.bincount(np.ravel(y if y.dtype.kind in 'iu' else y.argmax(axis=-1)), minlength={})"
)
_TURNED = "wrong = loss; loss = lambda *given: (wrong(*given)[0], -wrong(*given)[1])"
_FAR = (
    "away = abs(x - np.median(x, axis=0)); near = np.median(away, axis=0); "
    f"x = np.ma.masked_where((away > {FAR_OFF:g} * near) & (near > 0), x)"
)
IN_FRONT: Final = Advice(
    "put the padding in front, of test data too, so that what was seen is read at once, and begin "
    "anew",
    "ends = (x != 0).any(axis=2).cumsum(axis=1).argmax(axis=1); "
    "x = np.stack([np.roll(row, -1 - end, axis=0) for row, end in zip(x, ends)])",
)
# Losses that make nothing of outputs of 0, and the activations that they are for.
_ALIKE = {
    "SigmoidCrossEntropy": "",
    "SoftmaxCrossEntropy": "",
    "BinaryCrossEntropy": "sigmoid",
    "CategoricalCrossEntropy": "softmax",
    "BCEWithLogitsLoss": "",
    "BCELoss": "sigmoid",
}
_ABSOLUTE = ("MeanAbsoluteError", "L1Loss")
# Of these a rare class may be the cause.
_STANDS = frozenset({"does not learn", "constant output", "too few steps"})


def find(view: View, shown: Shown) -> list[Finding]:
    """Return what is wrong with what is learned from, in a run that has not learned."""
    if not view.rows or view.progress.share >= LEARNED:
        return []
    # Of such a loss, and such inputs, what other examples tell says little.
    unsure = [*_missing(view), *_weighed(view)]
    if view.progress.learned:
        return unsure
    return [*_unpaired(view), *_uphill(view), *_padding(view, shown), *unsure]


def _unpaired(view: View) -> list[Finding]:
    """A loss that is the same whichever output meets which answer."""
    told = "broadcast loss" in view.text("mistakes")  # by whoever watched the loop
    if told or not view.latest("loss_paired") <= limits.UNPAIRED:
        return []
    return [
        Finding(
            "broadcast loss",
            "serious",
            (),
            view.first_step,
            "The loss does not see which output belongs to which answer: it is the same where all "
            "answers are moved on to other examples.",
            "Outputs of shape (examples, 1) that meet answers of shape (examples,) or (1, examples)"
            " make a table of both: each output is pulled to the mean of the answers.",
            (
                Advice(
                    "give the answers the shape of the outputs, or take a loss that does",
                    "y = y.reshape(len(y), -1); loss = nn.MeanSquaredError()"
                    if view.latest("target_classes") == 0
                    else "",
                ),
            ),
            {"paired": view.latest("loss_paired")},
            EXPLAINS["broadcast loss"],
            first=True,
        )
    ]


def _uphill(view: View) -> list[Finding]:
    """A loss of one's own whose gradient has the wrong sign."""
    slope = view.latest("loss_slope")
    if not slope < -limits.WRONG_WAY:
        return []
    return [
        Finding(
            "steps uphill",
            "serious",
            (),
            view.first_step,
            f"Against the gradient that the loss hands back the loss rises: by {number(-slope)} "
            f"times what it should fall by, for outputs moved a little.",
            "Its sign is wrong, as where target - output is derived by the output.",
            (anew(view, Advice("turn the sign of the gradient that the loss returns", _TURNED)),),
            {"slope": slope},
            EXPLAINS["steps uphill"],
            first=True,
        )
    ]


def _missing(view: View) -> list[Finding]:
    """A number that stands for values that are missing, among those that are not."""
    share = view.latest("missing_share")
    if not share > 0:
        return []
    code = view.latest("missing_code")
    line = f"{_FAR}; {BY_THE_OTHERS}"
    which = "numbers" if math.isnan(code) else f"the number {code:g}"
    if not math.isnan(code):
        line = line_without(code)
    what = Advice(
        "scale each column by all its other values, put its mean, 0, in the place of these (and a "
        "column of zeros and ones beside it that says where), and begin anew",
        line,
    )
    return [
        Finding(
            "missing value code",
            "notice" if view.progress.learned else view.harm,
            view.layers[:1],
            view.first_step,
            f"{percent(share)} of the examples have {which} in some column that others have there "
            f"too, to the last digit, where all other values lie far away and close together.",
            "It looks like what stands for a value that is missing, or is an error: no measure of "
            "anything, and so far away that it outweighs what the columns say.",
            (anew(view, what),),
            {"code": code, "share": share},
            EXPLAINS["missing value code"],
        )
    ]


def _padding(view: View, shown: Shown) -> list[Finding]:
    """The last step is read, behind zeros that fill up shorter sequences."""
    share = view.latest("padded_steps")
    if not share >= PADDED or "laststep" not in view.kinds or "does not learn" not in shown:
        return []
    steps = float(view.get("time_steps")[0].max()) if view.get("time_steps").size else math.nan
    return [
        Finding(
            "padding read",
            view.harm,
            view.names([view.kinds.index("laststep")]),
            view.first_step,
            f"The last step is read, and before it stand zeros: {percent(share)} of the "
            f"{number(steps)} steps come after all that sequences hold, which end at different "
            f"steps.",
            "What was seen has to be carried through all of the padding, and the gradient back.",
            (
                anew(view, IN_FRONT),
                Advice(
                    "or say which steps each sequence has, here and to predict: LastStep then "
                    "takes its own last one",
                    f"trainer.fit(x, y, epochs={view.rows}, max_steps={view.rows}, "
                    f"batch_size={int(view.get('batch_size')[0])}, mask=(x != 0).any(axis=2))",
                ),
            ),
            {"share": share},
            EXPLAINS["padding read"],
        )
    ]


def _weight(view: View) -> float:
    """Return what the loss counts the commonest answer for, over another; NaN where that is not
    known: where it and the last layer are not those that take all classes alike.
    """
    name, last = view.text("loss_kind"), view.output_activation
    return view.latest("common_weight") if _ALIKE.get(name, "?") == last else math.nan


def _weighed(view: View) -> list[Finding]:
    """The commonest class counts most, or next to nothing."""
    weight, common = _weight(view), view.latest("target_common")
    seen = common * weight / (common * weight + 1 - common)
    against = weight >= AGAINST
    if not (MEDIAN < common < 1 and (against or seen <= DROWNED)):
        return []
    why = "these are the wrong way round" if against else "these make up for far more than that"
    return [
        Finding(
            "class weights",
            "serious",
            view.layers[-1:],
            view.first_step,
            f"The loss counts the commonest answer {number(weight)} times as much as the others, "
            f"and {percent(common)} of the examples have it: it makes up {percent(seen)} of what "
            f"the loss sees.",
            f"Class weights are there to make up for what is rare; {why}, or for classes of other "
            f"numbers.",
            (_balanced(view, common),),
            {"weight": weight, "common": common},
            EXPLAINS["class weights"] | {"labels"},
            first=True,
        )
    ]


def last_resort(view: View, shown: Shown, causes: Sequence[Finding]) -> list[Finding]:
    """Return causes and, where they do not say why nothing is learned, that one class is rare."""
    p, common = view.progress, view.latest("target_common")
    rare = RARE <= common < 1 and common * _weight(view) >= EVEN * (1 - common)
    other = [one for one in causes if one.explains and not {one.kind} <= _STANDS]
    if not rare or p.learned or p.rows < ENOUGH or set(shown) - _STANDS:
        return list(causes)
    if any(one.severity != "notice" for one in other):
        return list(causes)
    # Labels each by itself share out the loss: as long as it falls, that is how fast it can.
    going = p.falling and _several(view)
    if p.share < LEARNS and not going:
        return [*causes, _rare(view, common)]
    beside = [one for one in causes if one.kind != "too few steps"]
    made = float(view.steps[view.rows - 1] - view.steps[0]) + 1
    if beside or p.steps_left < made / 2 or (going and common < RARE_LABELS):
        return list(causes)
    return [*causes, replace(_rare(view, common), severity="notice", explains=frozenset())]


def drowned(view: View) -> list[Finding]:
    """Return that ones are so rare among zeros that squared errors are least near 0 everywhere."""
    common, p = view.latest("target_common"), view.progress
    ones = view.latest("target_classes") == 1 and view.latest("target_mean") < MEDIAN
    if not (ones and SCARCE <= common < 1 and p.rows >= ENOUGH and p.share < NOTHING):
        return []
    seen = (
        f"{percent(1 - common)} of the answers are ones among zeros, and the loss is the squared "
        f"error: to give 0 everywhere costs {number(p.constant)}, and {percent(max(0.0, p.share))} "
        f"of what there is to learn beside that is learned."
    )
    times = number(common / (1 - common), 1)
    what = (
        f"let the square of a one count some {times} times, or make each a hill of several numbers "
        f"and of more height, as heatmaps have them"
    )
    made = _rare(view, common)
    return [replace(made, severity="notice", sentence=seen, advice=(Advice(what),))]


def _several(view: View) -> bool:
    """Whether an example may have several labels, each by itself."""
    return bool(view.record["features"][-1] > 1 and view.latest("target_classes") == 1)


def _rare(view: View, common: float) -> Finding:
    of = "the labels" if _several(view) else "the answers"
    return Finding(
        "class weights",
        "serious" if view.progress.nothing else view.harm,
        view.layers[-1:],
        view.first_step,
        f"{percent(common)} of {of} are one and the same: always to give that one is right as "
        f"often, and {percent(max(0.0, view.progress.share))} of what there is to learn beside it "
        f"is learned.",
        "Of what is rare a batch holds little, and one answer for all costs little: accuracy says "
        "nothing here, balanced accuracy or precision and recall do.",
        (
            _balanced(view, common),
            Advice("or answer yes from a lower limit than one half on"),
        ),
        {"common": common},
        EXPLAINS["class weights"],
    )


def _balanced(view: View, common: float) -> Advice:
    """Return a loss in which both classes count alike."""
    what, name = "let the rare class count as much as the common one", view.text("loss_kind")
    mean, outputs = view.latest("target_mean"), int(view.record["features"][-1])
    single = view.latest("target_classes") == 1
    if view.text("framework"):
        return Advice(f"{what}, by class weights")
    times = max(2, round(common / (1 - common)))
    if single:
        both = f"{{0: 1, 1: {times}}}" if mean < MEDIAN else f"{{0: {times}, 1: 1}}"
        return Advice(what, f"loss = nn.{name}(class_weights={both})")
    several = f"let all {outputs} classes count as much as the common one"
    weights = "count.sum() / len(count) / np.maximum(count, 1)"
    count = _COUNT.format(outputs)
    line = f"{count}; loss = nn.{name}(class_weights={weights})"
    return Advice(what if outputs == 2 else several, line)


def median(view: View) -> list[Finding]:
    """Return that the absolute error asks for the median, which most of the answers are."""
    common, p = view.latest("target_common"), view.progress
    numbers = view.latest("target_classes") == 0 and view.text("loss_kind") in _ABSOLUTE
    if not (numbers and common > MEDIAN and p.rows >= ENOUGH and p.share < LEARNS):
        return []
    return [
        Finding(
            "loss",
            "serious",
            view.layers[-1:],
            view.first_step,
            f"{percent(common)} of the answers are one and the same number, and the loss is the "
            f"absolute error: it asks for the median, which that number is for nearly all inputs.",
            "The others pull by their number, not by how far they are away.",
            (
                Advice(
                    "take the squared error, which asks for the mean",
                    "loss = nn.MeanSquaredError()",
                ),
            ),
            {"common": common},
            EXPLAINS["labels"],
        )
    ]
