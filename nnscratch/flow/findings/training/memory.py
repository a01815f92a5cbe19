"""Batch norm's memory, batches too small for it, norms over one unit, and the clip."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.flow.findings import rates
from nnscratch.flow.findings.cures import LEAST_BATCH, remade
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.progress import LEARNS
from nnscratch.flow.findings.view import View
from nnscratch_records.words import number, percent, plural, since

# Of batches of B examples: |ln(batch / running variance)|, and the gap of the means in standard
# deviations, each above what sampling a batch gives by itself.
VARIANCE_GAP, VARIANCE_NOISE = 0.45, 2.5  # the second over B
MEAN_GAP = 2.3  # over sqrt(B)
WARM, SURE_AFTER = 20, 50  # steps before they are looked at, and before it is a fault
ON_THE_WAY = 0.6  # of what they lacked at the beginning: arriving, which is no fault
ROUNDING = 1e-9  # of a spread
_OF_ITS_OWN = ("layernorm", "rmsnorm")
SOME = 4.0  # examples
ALWAYS, FAR = 0.98, 10.0  # a clip fires in this share of steps; cuts the norm by this factor
LOW = 0.1  # a norm that is left by a limit far below usual ones: not for the gradient's size
ALWAYS_AFTER, FAR_AFTER, NEVER_AFTER = 100, 30, 100  # steps


def find(view: View) -> list[Finding]:
    """Return what is wrong with batch norm's statistics and with the clip."""
    statistics = _batchnorm(view)
    # Of some examples a batch's own differ a little: not as much as of what never arrives.
    slow = any(one.severity == "serious" for one in statistics)
    few = [one for one in _few(view) if not (slow and one.numbers["batch"] >= SOME)]
    return [*_alone(view), *few, *statistics, *_clip(view)]


def _alone(view: View) -> list[Finding]:
    """A norm of each example by its own size, over one unit: what it gives is no number of it."""
    spread = view.looks("output_spread")
    if not view.rows or view.progress.learned or not len(spread):
        return []
    gradient = view.get("gradient_norm")
    two = [
        i
        for i in view.columns("norm")
        if view.kinds[i] == "layernorm" and view.record["features"][i] == 2
    ]
    found = [
        i
        for i in view.columns("norm")
        if view.kinds[i] in _OF_ITS_OWN
        and view.record["features"][i] == 1
        # What spans more than its one channel gives something to go by, and hands a gradient down.
        and ((spread[:, i] <= ROUNDING).all() or (gradient[:, view.below(i)] == 0).all())
    ]
    if not found:
        return _of_two(view, two)
    name = view.layers[found[-1]]
    return [
        Finding(
            "norm over one unit",
            "fatal",
            view.names(found),
            view.first_step,
            f"{name} normalises a single unit by its own size: whatever goes in comes out the "
            f"same, and no gradient passes it.",
            "Of one number nothing is left when its own mean, or its own size, is taken out.",
            (_leave_out(view, name),),
            {"layers": float(len(found))},
            EXPLAINS["norm over one unit"],
        )
    ]


def _of_two(view: View, found: list[int]) -> list[Finding]:
    """Of two numbers less their mean, over their deviation, only which is larger is left."""
    if not found or view.rows < SURE_AFTER or view.progress.learns:
        return []
    name = view.layers[found[0]]
    return [
        Finding(
            "norm over one unit",
            "serious",
            view.names(found),
            view.first_step,
            f"{name} normalises two units by their own mean and deviation: they come out as 1 and "
            f"-1, or -1 and 1, whatever goes in.",
            "Of two numbers only which is larger is left then.",
            (_leave_out(view, name),),
            {"layers": float(len(found))},
            EXPLAINS["norm over one unit"],
        )
    ]


def _leave_out(view: View, name: str) -> Advice:
    what = f"leave {name} out: norms are for layers of several units"
    plain = name.count(".") == 1 and not view.text("framework")  # blocks end where their way joins
    return remade(view, what, f'without="{name}"') if plain else Advice(what)


def _few(view: View) -> list[Finding]:
    """Batches of so few examples that batch norm takes away what tells them apart."""
    if not view.has_batchnorm or view.rows < SURE_AFTER or view.progress.learned:
        return []
    batch = int(np.median(view.get("batch_size")))
    if batch >= LEAST_BATCH:
        return []
    why = (
        "Of so few neither can be told, and in the difference of two examples only signs are left."
    )
    explains = EXPLAINS["small batches"]
    if batch == 1:
        why = "One example is its own mean: what goes on is the same for every one of them."
        explains |= EXPLAINS["dead layer"] | {"dead layer"}
    held = view.looks("validation_loss")
    if len(held) and held.min() >= view.progress.constant:
        why += (
            " Held-out examples are normalised by all batches together, and were never judged "
            "better than by a constant answer."
        )
        explains |= {"overfitting"}
    return [
        Finding(
            "small batches",
            view.harm,
            tuple(str(name) for name in view.record["batchnorm_layers"]),
            view.first_step,
            f"Batch norm takes mean and deviation of {plural(batch, 'example')} at a time: what "
            f"one of them becomes depends on which others it was drawn with.",
            why,
            (
                Advice(
                    "take larger batches",
                    f"trainer.fit(x, y, epochs={view.rows}, max_steps={view.rows}, batch_size=32)",
                ),
                Advice("or a norm that looks at one example: nn.LayerNorm"),
            ),
            {"batch": float(batch)},
            explains,
        )
    ]


def _batchnorm(view: View) -> list[Finding]:
    names = [str(name) for name in view.record["batchnorm_layers"]]
    made = view.steps[view.rows - 1] - view.steps[0] + 1 if view.rows else 0
    if not names or made < WARM:
        return []
    batch = view.get("batch_size")[:, None]
    gap = view.get("batchnorm_mean_gap")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(np.log(view.get("batchnorm_variance_ratio")))
    where = (gap > MEAN_GAP / np.sqrt(batch)) | (ratio > VARIANCE_GAP + VARIANCE_NOISE / batch)
    now = view.now
    lack = ratio / VARIANCE_GAP + gap * np.sqrt(batch) / MEAN_GAP
    arriving = np.median(lack[now], axis=0) < ON_THE_WAY * np.median(lack[:5], axis=0)
    off = [i for i in range(len(names)) if view.holds(where[:, i])]
    if not off:
        return []
    worst = max(off, key=lambda i: float(np.median(ratio[now, i]) + np.median(gap[now, i])))
    step = view.since(where[:, worst])
    times = float(np.median(view.get("batchnorm_variance_ratio")[now, worst]))
    away = float(np.median(gap[now, worst]))
    return [
        Finding(
            "batch norm statistics",
            "notice" if arriving[off].all() or made < SURE_AFTER else "serious",
            tuple(names[i] for i in off),
            step,
            f"Batch norm's running statistics are not those of the batches: at {names[worst]} the "
            f"batch's variance is {number(times)} times the running one and its means are "
            f"{number(away)} standard deviations off, {since(step, view.first_step)}. "
            f"Evaluation, which uses the running ones, sees another network than training.",
            f"After {plural(view.rows, 'recorded step')} they "
            f"{'are on the way' if arriving[off].all() else 'have not arrived'}: the momentum is "
            f"too close to 1 for a run this short, or they are not updated.",
            (
                remade(view, "let them follow faster", "momentum=0.9"),
                Advice(
                    "or evaluate with the batch's own",
                    'trainer.evaluate(x, y, statistics="batch")',
                ),
            ),
            {"variance_ratio": times, "mean_gap": away},
        )
    ]


def _clip(view: View) -> list[Finding]:
    made = str(view.record["clip"])
    if not made:
        return []
    fraction = view.get("clip_fraction")
    known = ~np.isnan(fraction)
    fired, steps = fraction[known] > 0, int(known.sum())
    before, after = view.get("clip_before")[known], view.get("clip_after")[known]
    norm, left = (float(np.median(x)) if steps else math.nan for x in (before, after))
    far = norm > FAR * left
    # Steps of a size of their own are no shorter for it, and a run that learns needs no word.
    own = rates.optimizer_name(view) not in ("", *rates.BY_GRADIENT)
    if own and view.progress.learns and fired.any():
        return []
    if steps >= (FAR_AFTER if far else ALWAYS_AFTER) and fired.mean() >= ALWAYS:
        return [
            Finding(
                "clip always",
                view.harm if far else "notice",
                (),
                int(view.steps[: view.rows][known][0]),
                f"{made} fires in {percent(float(fired.mean()))} of {steps} steps: it cuts the "
                f"gradient from a norm of {number(norm)} to {number(left)} (medians).",
                "A clip that always fires is a second learning rate, and one by value turns every "
                "step away from the gradient's direction besides.",
                (_limit("set the limit above the usual norm", 2 * norm),),
                {"fired": float(fired.mean()), "before": norm, "after": left},
                EXPLAINS["clip always"],
                first=far and left < LOW and _halts(view, norm / left if left else math.inf),
            )
        ]
    if steps >= NEVER_AFTER and not fired.any():
        largest = float(np.max(before))
        return [
            Finding(
                "clip never",
                "notice",
                (),
                int(view.steps[: view.rows][known][0]),
                f"{made} has not changed one gradient in {steps} steps: the largest norm was "
                f"{number(largest)}. Without it the run would be the same, bit for bit.",
                "",
                (_limit("leave it out, or set it where it guards against outliers", 2 * largest),),
                {"fired": 0.0, "largest": largest},
            )
        ]
    return []


def _halts(view: View, cut: float) -> bool:
    """Whether plain steps, cut so far, are those of a timid rate, and have changed no layer: what
    else the network began with is learned too, by steps that count.
    """
    plain = rates.optimizer_name(view) in rates.BY_GRADIENT
    slow = rates.rate_at(view) / cut < rates.TIMID * rates.usual(view)[1]
    moved = float(np.nansum(view.typical_updates))
    return plain and slow and view.progress.share < LEARNS and moved < rates.TOGETHER


def _limit(what: str, norm: float) -> Advice:
    return Advice(what, f"optimizer.clip = nn.ClipByGlobalNorm({number(norm)})")
