"""Answers from which nothing can be learned, or other things than those that are judged."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from nnscratch.flow.findings.cures import LOOK_AT_ANSWERS
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.progress import ASKED, LEARNED, LEARNS, NOTHING, PLAIN, WORTH
from nnscratch.flow.findings.recurrent import through_time
from nnscratch.flow.findings.view import View
from nnscratch_records.words import number, percent

UNRELATED = 0.05  # of the answers' variance: no more is told of other examples
LITTLE_TOLD = 0.15  # the same, where held-out examples never gained anything from what is learned
BY_HEART = 0.3  # of what there is to learn: less than this may be learned by heart
PAIRS = 75  # of examples with different answers: two classes of equal size have ASKED / 2
FEW_CLASSES = 0.5  # of the outputs ever is an answer
ROUNDING = 1e-6  # of the square of a deviation: of zeros and ones it is what their mean says
_PER_CLASS = 20  # examples
_ENOUGH, LASTING = 50, 200  # steps
STILL_SHORT = 3e-4  # updates over weights: by shorter ones little is learned of anything
_BEGINNING = 10  # steps
SAME = 8  # examples with one answer
LOOKS = 3  # at held-out examples
WORSE = 0.05  # of the way from a constant answer's loss to the least, by which those are judged
FAR_WORSE = 0.25  # the same, where others of the own tell what is learned
CHANCE = 2.0  # standard errors above one half, of two classes told apart
BETWEEN = 0.8  # of the variance of classes between batches: they are hardly mixed
ALONE, ALONE_OF = 0.5, 40  # different classes among examples, and of how many
SPREAD = 0.9  # of the logarithm of so many classes, what a constant answer costs
COSTS = (0.7, 3.0)  # times what a coin's throw between the two costs: so much is left of the loss
_ENTROPIES = ("SoftmaxCrossEntropy", "CategoricalCrossEntropy", "CrossEntropyLoss")
# The states of a recurrent layer, and the units, go where each class throws them.
_THROWN = frozenset({"vanishing through time", "gradient spikes", "saturated", "dead units"})
_ROWS = Advice(
    "check that row i of y belongs to row i of x, where they are loaded and shuffled",
    "print([(x[i], y[i]) for i in range(5)])",
)


def find(view: View) -> list[Finding]:
    """Return what is wrong with the answers."""
    if view.incomparable:
        return []
    ways = (
        _one_answer,
        _each_its_own,
        _in_turn,
        _unrelated,
        _strangers,
        _interchanged,
        _few_classes,
    )
    return next((found for found in (way(view) for way in ways) if found), [])


def last_resort(causes: list[Finding]) -> list[Finding]:
    """Return causes where labels that are not sure explain what no other cause does."""
    if any(one.kind != "labels" and (one.explains or one.severity != "notice") for one in causes):
        return causes
    unsure = frozenset({"does not learn"})
    return [
        replace(c, explains=unsure) if c.kind == "labels" and not c.explains else c for c in causes
    ]


def _finding(
    view: View,
    severity: str,
    seen: str,
    why: str,
    advice: Advice,
    sure: bool = True,
    **numbers: float,
) -> list[Finding]:
    numbers |= {"examples": view.latest("target_count"), "values": view.latest("target_values")}
    return [
        Finding(
            *("labels", severity, (), view.first_step, seen, why, (advice,), numbers),
            EXPLAINS["labels"] if sure else frozenset(),
        )
    ]


def _one_answer(view: View) -> list[Finding]:
    count = view.latest("target_count")
    if not (view.latest("target_values") == 1 and count >= SAME):
        return []
    single = view.latest("target_classes") == 2
    what = "one class" if single else number(view.latest("target_mean"))
    return _finding(
        view,
        "serious",
        f"All of the {int(count)} examples looked at have the same answer, {what}: whatever goes "
        f"in, a constant is right.",
        "Nothing that tells examples apart can be learned from them.",
        LOOK_AT_ANSWERS,
    )


def _each_its_own(view: View) -> list[Finding]:
    """So many classes that most examples are the only one of theirs: no others tell it."""
    count, values, p = view.latest("target_count"), view.latest("target_values"), view.progress
    if view.text("loss_kind") not in _ENTROPIES or view.latest("target_classes") != 2:
        return []
    # Of sequences, whose labels are many, whole rows of them are counted: then a constant answer
    # for each step costs less than as many classes would.
    spread = p.constant > SPREAD * math.log(max(values, 2.0))
    if p.learned or p.told > PLAIN:
        return []
    if not (count >= ALONE_OF and values > ALONE * count and spread):
        return []
    return _finding(
        view,
        view.harm,
        f"Nearly every example is a class of its own: the {int(count)} looked at have "
        f"{int(values)} different ones, of {int(view.record['features'][-1])} outputs.",
        "A number was taken for a class (a price, an age, a score), or what names each row (its "
        "key, a name): of a class that is seen once nothing can be told from other examples.",
        Advice(
            "learn a number as one (one output, squared error), or something that rows share",
            "print(np.unique(y, return_counts=True))",
        ),
    )


def _in_turn(view: View) -> list[Finding]:
    """Batches of one class each: what one teaches the next ones undo."""
    between, p = view.latest("target_between"), view.progress
    losses = view.get("loss")[view.rows // 2 :]
    # The loss of a batch of one class says little: that it jumps where the next begins says all.
    if not (between > BETWEEN and p.known and len(losses) and np.max(losses) > p.constant):
        return []
    made = _finding(
        view,
        "serious",
        f"The classes come one after the other: {percent(between)} of what tells answers apart "
        f"lies between batches, where of shuffled examples nothing does; the loss jumps up to "
        f"{number(float(np.max(losses)), 3)} as the next class begins, where one answer for all "
        f"gives {number(p.constant, 3)}.",
        "Each batch teaches to answer its own class, and the next ones undo it.",
        Advice(
            "shuffle the examples before every epoch (of a DataLoader: shuffle=True)",
            "order = np.random.default_rng(0).permutation(len(x)); x, y = x[order], y[order]",
        ),
        between=between,
    )
    return [replace(one, explains=one.explains | _THROWN) for one in made]


def _unrelated(view: View) -> list[Finding]:
    """Answers of which other examples tell nothing, and the network learns none but by heart."""
    count, progress, ordered = view.latest("target_count"), view.progress, view.recurrent
    # What is learned by heart is learned too, but slowly, and nothing comes of it.
    # Where a guess is worse than the mean there is all the more to learn by heart.
    slides = bool(view.weights) and _slides(view.kinds[view.weights[0]])
    heart = LEARNS if ordered else BY_HEART if progress.told >= 0 or slides else LEARNED
    lost = progress.nothing or (progress.share < heart and progress.rows >= _ENOUGH)
    # However much it is, where held-out examples are judged the worse the more is learned.
    contradicted = _contradicted(view, WORSE)
    lost = lost or contradicted
    # Of the variance of a few far targets no guess tells anything. Neither knows that steps of time
    # have an order, which may be all that counts: then it takes a run that is not short, and a
    # gradient that gets through time.
    lost = lost and not view.outweighed
    lost = lost and (not ordered or (progress.rows >= LASTING and through_time.flows(view)))
    little = LITTLE_TOLD if contradicted else UNRELATED
    if not (lost and progress.told < little and moves(view)):
        return []
    if not ((count >= ASKED and _differ(view) and not _rare_each(view)) or contradicted):
        return []  # too few rows to say so without held-out ones
    linear, near = (percent(max(0.0, told)) for told in (progress.linear, progress.near))
    seen = (
        f"The answers look unrelated to the inputs: of {int(count)} examples half were guessed "
        f"from the other half, and neither a linear fit nor the nearest neighbours do "
        f"{'much ' if progress.told >= UNRELATED else ''}better than their mean ({linear} and "
        f"{near} of the variance); "
    )
    table = _is_truth_table(view)
    unsure = ordered or table or (slides and not contradicted)
    heart_or = "may be" if unsure else "is"
    seen += "nor does the network." if progress.nothing else f"what it learns {heart_or} by heart."
    severity = "serious" if progress.share < BY_HEART and not unsure else "notice"
    if ordered:
        seen += " Neither guess knows of an order in time: if all lies in that, all is well."
    elif table:
        seen += " They are all rows of a truth table, where one may differ from each near it."
    elif unsure:
        seen += " Neither guess knows a thing that lies elsewhere: if it does, all is well."
    return _finding(
        view,
        severity,
        seen,
        "Answers that belong to other rows (shuffled or sorted apart from the inputs), or labels "
        "that are noise.",
        _ROWS,
        not unsure,
        linear=progress.linear,
        neighbours=progress.near,
    )


def _slides(kind: str) -> bool:
    """Whether a layer looks for the same thing everywhere, as convolutions do."""
    return kind.startswith("conv")


def _is_truth_table(view: View) -> bool:
    """Whether the inputs are all rows of zeros and ones that there are."""
    first = view.weights[0] if view.weights else 0
    mean, std = float(view.get("input_mean")[-1]), float(view.get("input_std")[-1])
    bits = abs(std**2 - mean * (1 - mean)) < ROUNDING and view.get("input_max")[-1] == 1
    return bool(bits and view.latest("target_count") == 2 ** view.fan_in(first))


def _contradicted(view: View, by: float) -> bool:
    """Whether held-out examples never were judged better than by a constant, and are by now judged
    worse than that, though something is learned.

    by : this much worse, of the way from a constant answer's loss to the least
    """
    held, p = view.looks("validation_loss"), view.progress
    if len(held) < LOOKS or not p.known or not np.isfinite(held).all():
        return False
    worse = held_out(view) > p.constant + by * p.room
    return p.share > NOTHING and held.min() >= p.constant and worse


def held_out(view: View) -> float:
    """Return the loss on held-out examples in the latest fifth of the looks; NaN if none."""
    held = view.looks("validation_loss")
    return float(np.mean(held[-max(1, len(held) // 5) :])) if len(held) else math.nan


def _strangers(view: View) -> list[Finding]:
    """Classes that others of the own examples tell, and held-out ones contradict from the first."""
    p = view.progress
    # Batch norm answers held-out examples by other means than its own.
    classes = view.latest("target_classes") > 0 and not view.has_batchnorm
    if not (classes and p.told > WORTH and p.share > LEARNS and _contradicted(view, FAR_WORSE)):
        return []
    held = view.looks("validation_loss")
    return _finding(
        view,
        "serious",
        f"What is learned does not hold for the held-out examples: their loss never was below "
        f"{number(float(held.min()), 3)}, where a constant answer gives {number(p.constant, 3)}, "
        f"though of the own examples the others tell {percent(p.told)} of the answers' variance.",
        "That is no learning by heart, from which held-out examples gain something at first: their "
        "classes are none of those that are trained (rows sorted by class, and split then) or "
        "numbered in another way, or they belong to other rows, or what goes in was not prepared "
        "alike.",
        Advice(
            "compare how classes are numbered, and inputs prepared, in both parts",
            "print(np.unique(y, return_counts=True), np.unique(y_held, return_counts=True))",
        ),
        held=float(held.min()),
        told=p.told,
    )


def _interchanged(view: View) -> list[Finding]:
    """Two classes between which nothing tells, while both are told from all others."""
    told, rows, p = view.latest("pair_told"), view.latest("pair_rows"), view.progress
    if view.text("loss_kind") not in _ENTROPIES or not rows > 0:
        return []
    if not told <= 0.5 + CHANCE * 0.5 / math.sqrt(rows):
        return []
    # What the two cost, and nearly nothing else, is left of the loss: more, and it is too soon to
    # say; less, and the network tells them apart.
    share = rows / view.latest("target_count")
    low, high = (times * share * math.log(2) for times in COSTS)
    # By heart the network tells them apart among its own examples, and not among others.
    if not (low <= max(p.now, np.nan_to_num(held_out(view))) and p.now <= high):
        return []
    one, other = (int(view.latest(f"pair_{of}")) for of in ("one", "other"))
    return _finding(
        view,
        view.harm,
        f"Nothing tells the classes {one} and {other} apart: of {int(rows)} examples of the two "
        f"others guess {percent(told)} right between them, a coin as many, though both are told "
        f"from all other classes; a coin's throw between them costs "
        f"{number(share * math.log(2), 3)} of loss, and it stands at {number(p.now, 3)}.",
        "Their labels are interchanged in about half of the rows (mirrored pictures whose name "
        "stays, two lists of names), or the inputs do not show what makes the difference.",
        Advice(
            f"look at rows of the two side by side: {one} and {other}",
            f"print(x[y == {one}][:5], x[y == {other}][:5])",
        ),
        pair=told,
        rows=rows,
    )


def _few_classes(view: View) -> list[Finding]:
    count, values = view.latest("target_count"), view.latest("target_values")
    outputs = int(view.record["features"][-1])
    few = count >= _PER_CLASS * outputs and values < FEW_CLASSES * outputs
    if not (view.latest("target_classes") == 2 and few):
        return []
    return _finding(
        view,
        "notice",
        f"Only {int(values)} of the {outputs} classes occur among the {int(count)} examples looked "
        f"at.",
        "The examples are sorted by class, or labels were rounded or scaled.",
        LOOK_AT_ANSWERS,
    )


def moves(view: View, least: float = STILL_SHORT) -> bool:
    """Whether steps are, or were, long enough to learn by: else nothing is learned for that."""
    sizes = view.typical_updates
    ends = [part[~np.isnan(part)] for part in (sizes[:_BEGINNING], sizes[view.now])]
    known = [float(np.median(part)) for part in ends if len(part)]
    return not known or max(known) >= least


def _rare_each(view: View) -> bool:
    """Whether there are so many classes that few examples show each: others tell little of them."""
    classes = view.latest("target_classes") == 2 and view.text("loss_kind") in _ENTROPIES
    values = min(view.latest("target_values"), float(view.record["features"][-1]))  # at each step
    return classes and view.latest("target_count") < _PER_CLASS * values


def _differ(view: View) -> bool:
    """Whether enough examples have unlike answers: of a rare class few can be told from others."""
    several = view.latest("target_classes") == 1  # labels, of which each is asked by itself
    outputs = 1.0 if several else float(view.record["features"][-1])
    unlike = (
        max(outputs, 2.0) * view.latest("target_std") ** 2
    )  # of two examples; 1/2 of two classes
    return not view.latest("target_classes") > 0 or view.latest("target_count") * unlike >= PAIRS
