"""What goes in and how it is used: scales of inputs and targets, batch norm's memory, the clip."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.flow.findings.finding import Finding
from nnscratch.flow.findings.view import View
from nnscratch.flow.findings.words import number, percent, plural, since

LARGE_INPUT, SMALL_INPUT = 10.0, 1e-2  # root mean square of the inputs
OFF_CENTRE = 5.0  # |mean| over standard deviation
LARGE_TARGET = 10.0  # root mean square of regression targets
# Of batches of B examples: |ln(batch / running variance)|, and the gap of the means in standard
# deviations, each above what sampling a batch gives by itself.
VARIANCE_GAP, VARIANCE_NOISE = 0.45, 2.5  # the second over B
MEAN_GAP = 2.3  # over sqrt(B)
_WARM = 50  # steps that running statistics may take to arrive
_ON_THE_WAY = 0.6  # of what they lacked at the beginning: then they are arriving
ALWAYS, _FAR = 0.98, 10.0  # a clip fires in this share of steps; cuts the norm by this factor
_ALWAYS_AFTER, _FAR_AFTER, _NEVER_AFTER = 100, 30, 100  # steps


def find(view: View) -> list[Finding]:
    """Return what is wrong with data, batch norm's running statistics and the clip."""
    return [*_inputs(view), *_targets(view), *_batchnorm(view), *_clip(view)]


def _inputs(view: View) -> list[Finding]:
    if not len(view.steps) or view.record["input_nonfinite"][0] > 0:
        return []
    mean = float(np.median(view.record["input_mean"][:5]))
    std = float(np.median(view.record["input_std"][:5]))
    rms = math.hypot(mean, std)
    if rms > LARGE_INPUT:
        what = "large"
    elif rms < SMALL_INPUT:
        what = "small"
    elif abs(mean) > OFF_CENTRE * std and rms > 1:
        what = "far from zero"
    else:
        return []
    why = {
        "large": "The weights are drawn for inputs of mean square about 1: larger ones saturate or "
        "swamp the first layer, and make its gradient as many times too large.",
        "small": "The weights are drawn for inputs of mean square about 1: of smaller ones nearly "
        "nothing reaches the loss, and the gradient of the first layer is as many times too small.",
        "far from zero": "All inputs look alike beside their common mean.",
    }
    return [
        Finding(
            "input scale",
            "serious",
            view.layers[:1],
            int(view.steps[0]),
            f"The inputs are {what}: mean {number(mean)}, standard deviation {number(std)}.",
            why[what],
            (
                "bring each feature to mean 0 and deviation 1: "
                "x = (x - x_train.mean(0)) / (x_train.std(0) + 1e-8), test data with the same "
                "numbers",
            ),
            {"mean": mean, "std": std, "rms": rms},
        )
    ]


def _targets(view: View) -> list[Finding]:
    """Regression targets: with the mean squared error |dL/dp|^2 size / 4 is the loss itself."""
    if not view.rows:
        return []
    loss = view.get("loss")
    size = view.get("batch_size") * float(view.record["features"][-1])
    square = view.get("gradient_norm")[:, -1] ** 2 * size / 4
    if not np.allclose(square[:5], loss[:5], rtol=1e-3) or loss[0] <= 0:
        return []
    error = math.sqrt(float(loss[0]))
    output = math.hypot(view.get("output_mean")[0, -1], view.get("output_std")[0, -1])
    if error < LARGE_TARGET or output > error / 5:
        return []
    return [
        Finding(
            "target scale",
            "serious",
            view.layers[-1:],
            int(view.steps[0]),
            f"The targets are large: about {number(error)} (root mean square) where the untrained "
            f"network gives {number(output)}; the loss begins at {number(float(loss[0]))}.",
            "The gradient of the squared error grows with the targets: the first steps are as many "
            "times too large, or the last bias alone has a long way to go.",
            ("train on (y - y_train.mean(0)) / y_train.std(0), and undo that after prediction",),
            {"target_rms": error, "output_rms": output, "loss": float(loss[0])},
        )
    ]


def _batchnorm(view: View) -> list[Finding]:
    names = [str(name) for name in view.record["batchnorm_layers"]]
    if not names or not view.rows or view.steps[view.rows - 1] - view.steps[0] < _WARM - 1:
        return []
    batch = view.get("batch_size")[:, None]
    gap = view.get("batchnorm_mean_gap")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(np.log(view.get("batchnorm_variance_ratio")))
    where = (gap > MEAN_GAP / np.sqrt(batch)) | (ratio > VARIANCE_GAP + VARIANCE_NOISE / batch)
    now = view.now
    lack = ratio / VARIANCE_GAP + gap * np.sqrt(batch) / MEAN_GAP
    arriving = np.median(lack[now], axis=0) < _ON_THE_WAY * np.median(lack[:5], axis=0)
    off = [i for i in range(len(names)) if view.holds(where[:, i]) and not arriving[i]]
    if not off:
        return []
    worst = max(off, key=lambda i: float(np.median(ratio[now, i]) + np.median(gap[now, i])))
    step = view.since(where[:, worst])
    times = float(np.median(view.get("batchnorm_variance_ratio")[now, worst]))
    away = float(np.median(gap[now, worst]))
    return [
        Finding(
            "batch norm statistics",
            "serious",
            tuple(names[i] for i in off),
            step,
            f"Batch norm's running statistics are not those of the batches: at {names[worst]} the "
            f"batch's variance is {number(times)} times the running one and its means are "
            f"{number(away)} standard deviations off, {since(step, int(view.steps[0]))}. "
            f"Evaluation, which uses the running ones, sees another network than training.",
            f"After {plural(view.rows, 'recorded step')} they have not arrived: the momentum is "
            f"too close to 1 for a run this short, or they are not updated.",
            (
                "let them follow faster: nn.BatchNorm(n, momentum=0.9)",
                'evaluate with the batch\'s own: trainer.evaluate(x, y, statistics="batch")',
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
    far = norm > _FAR * left
    if steps >= (_FAR_AFTER if far else _ALWAYS_AFTER) and fired.mean() >= ALWAYS:
        return [
            Finding(
                "clip always",
                "serious" if far else "notice",
                (),
                int(view.steps[known][0]),
                f"{made} fires in {percent(float(fired.mean()))} of {steps} steps: it cuts the "
                f"gradient from a norm of {number(norm)} to {number(left)} (medians).",
                "A clip that always fires is a second learning rate, and one by value turns every "
                "step away from the gradient's direction besides.",
                (
                    f"set the limit above the usual norm: "
                    f"nn.ClipByGlobalNorm({number(2 * norm)}), or lower the learning rate instead",
                ),
                {"fired": float(fired.mean()), "before": norm, "after": left},
            )
        ]
    if steps >= _NEVER_AFTER and not fired.any():
        largest = float(np.max(before))
        return [
            Finding(
                "clip never",
                "notice",
                (),
                int(view.steps[known][0]),
                f"{made} has not changed one gradient in {steps} steps: the largest norm was "
                f"{number(largest)}. Without it the run would be the same, bit for bit.",
                "",
                (
                    f"leave it out, or set it where it guards against outliers: "
                    f"nn.ClipByGlobalNorm({number(2 * largest)})",
                ),
                {"fired": 0.0, "largest": largest},
            )
        ]
    return []
