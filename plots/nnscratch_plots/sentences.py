"""What a run shows in each panel, in a sentence with numbers."""

from __future__ import annotations

import numpy as np

from nnscratch_plots import batchnorm, clip
from nnscratch_plots.attribution import split_at
from nnscratch_plots.blocks import lanes
from nnscratch_plots.census import STATES, turnover
from nnscratch_plots.records import Array, Run
from nnscratch_plots.saturation import ends
from nnscratch_records import WEIGHTED
from nnscratch_records.attribution import TITLES
from nnscratch_records.limits import LEAST_UPDATE, MOST_UPDATE, verdict
from nnscratch_records.words import number, percent, plural


def shows(run: Run, panel: str) -> str:
    """What this run shows in a panel, in a sentence or two."""
    return _SHOWS[panel](run)


def _loss(run: Run) -> str:
    losses = run.get("loss")
    finite = np.isfinite(losses)
    if not finite.any():
        return "no loss was finite."
    last = int(np.flatnonzero(finite)[-1])
    best = float(np.nanmin(np.where(finite, losses, np.nan)))
    text = f"from {number(losses[0])} at step {run.steps[0]} to {number(losses[last])} at step "
    text += f"{run.steps[last]}, lowest {number(best)}"
    quarter = losses[finite][-(finite.sum() // 4 or 1) :]
    if number(quarter.mean()) != number(losses[last]):  # of batches one alone is not where it is
        text += f", {number(quarter.mean())} in the mean of the last quarter"
    bad = np.flatnonzero(~finite)
    text += f"; not finite from step {run.steps[bad[0]]} on." if bad.size else "."
    held, accuracy = run.held("validation_loss"), run.held("validation_accuracy")[-1]
    if np.isfinite(held).any():
        text += f" On held-out examples it ends at {number(held[-1])}, lowest "
        text += f"{number(np.nanmin(held))} at step {run.steps[int(np.nanargmin(held))]}"
        text += "." if np.isnan(accuracy) else f"; accuracy {number(accuracy)}."
    return text


def facts(run: Run) -> str:
    """What was recorded: how large the network is, how many steps, what is missing."""
    weights = int(np.isin(run.facts("roles"), WEIGHTED).sum())
    parts = [f"{plural(len(run.layers), 'layer')}, {weights} of them with weights"]
    if "param_sizes" in run:
        parts.append(f"{int(run.facts('param_sizes').sum()):,} parameters")
    steps = plural(len(run.steps), "recorded step")
    parts.append(f"{steps}, {run.steps[0]} to {run.steps[-1]}")
    if "batch_size" in run:
        parts.append(f"batches of {int(run.facts('batch_size').max())}")
    note = run.text("note")
    return ", ".join(parts) + "." + (f" {note}" if note else "")


def from_end_to_end(run: Run) -> str:
    """The gradient at both ends of the network, and what that is called."""
    series, ratio = run.series("gradient_norm"), run.ratio_of_ends()
    first, last = (run.layers[column] for column in run.outer)
    low, high = map(number, run.get("gradient_norm")[run.row("finite"), run.outer])
    if first == last:
        return f"one layer only, its gradient {high} at {run.when('finite')}."
    text = f"at {run.when('finite')}, {high} arrives at {last} and {low} at {first}; "
    if not np.isfinite(series.values).all(axis=1).any():
        return f"{text}no step has finite gradients at every layer."
    if np.isnan(ratio):
        return f"{text}at {last} it is exactly 0 at some steps."
    return f"{text}first over last, median of the steps: {number(ratio)}, {verdict(ratio)}."


def _gradient(run: Run) -> str:
    series = run.series("gradient_norm")
    text, bad = from_end_to_end(run), ~np.isfinite(series.values)
    if bad.any():
        begun = int(np.flatnonzero(bad.any(axis=1))[0])
        at = series.layers[int(np.flatnonzero(bad[begun])[-1])]
        text += f" Not finite from step {run.steps[begun]} on, from {at} downwards."
    zeros = float((series.values == 0).mean())
    return text + (f" {percent(zeros)} of the norms are exactly 0." if zeros else "")


def _attribution(run: Run) -> str:
    split = split_at(run, run.row("finite"), "backward")
    if not split.layers or split.broken.all():
        return "nothing to split."
    totals = split.totals()
    finite = len(split.layers) - int(split.broken.sum())
    over = "in all" if not split.broken.any() else f"over {finite} of {len(split.layers)} layers"
    text = f"{round(sum(totals.values()), 1) + 0.0:+.1f} powers of ten {over}, at "
    text += f"{run.when('finite')}: " + ", ".join(
        f"{TITLES[term]} {round(total, 1) + 0.0:+.1f}" for term, total in totals.items()
    )
    return text + ("; at the others a norm is 0 or not finite." if split.broken.any() else ".")


def _blocks(run: Run) -> str:
    norms, found = run.get("gradient_norm")[run.row("finite")], lanes(run)
    if not found:
        return "this network has no blocks with a skip connection."
    branch, skip = (dict(zip(*found[lane], strict=True)) for lane in ("branch", "skip"))
    shared = [block for block in branch if block in skip]
    with np.errstate(all="ignore"):
        shares = [norms[branch[block]] / norms[skip[block]] for block in shared]
    text = f"at {run.when('finite')}, of {plural(len(shared), 'block')} "
    if not np.isfinite(shares).all():
        return text + "some have a norm that is 0 or not finite."
    low, high = int(np.argmin(shares)), int(np.argmax(shares))
    text += f"the branch carries {number(shares[low])} (block {shared[low]}) to "
    return text + f"{number(shares[high])} times (block {shared[high]}) what the skip carries."


def _updates(run: Run) -> str:
    series = run.series("update_ratio")
    if not series.layers:
        return "no parameters were recorded."
    columns = [values[np.isfinite(values)] for values in series.values.T]
    medians = np.array([np.median(one) if one.size else np.nan for one in columns])
    if np.isnan(medians).all():
        return "no update was measured."
    low, high = int(np.nanargmin(medians)), int(np.nanargmax(medians))
    text = f"medians over the run from {number(medians[low])} ({series.layers[low]}) to "
    text += f"{number(medians[high])} ({series.layers[high]})"
    under, over = int((medians < LEAST_UPDATE).sum()), int((medians > MOST_UPDATE).sum())
    if not under and not over:
        return text + "; all inside the band."
    return text + f"; of {len(medians)} layers {under} lie below the band and {over} above it."


def _outputs(run: Run) -> str:
    row = run.row("finite")
    chosen = run.select("layers", "activation")
    names = run.names("layers")
    std = run.get("output_std")[row, chosen]
    if not np.isfinite(std).any():
        return "no output was finite."
    text = f"at {run.when('finite')} the standard deviation is {number(std[0])} at "
    text += names[chosen[0]]
    if len(chosen) > 1:
        text += f" and {number(std[-1])} at {names[chosen[-1]]}"
    zeros = run.get("output_zeros")[row, chosen]
    most = int(np.nanargmax(np.nan_to_num(zeros)))
    if zeros[most] > 0:
        text += f"; most zeros at {names[chosen[most]]}: {percent(zeros[most])}"
    return text + "."


def _saturation(run: Run) -> str:
    low, high = ends(run)
    if not low.layers:
        return "no activation here can saturate."
    row = run.row("finite")
    both = low.values[row] + high.values[row]
    if np.isnan(both).all():
        return "no output was finite."
    worst = int(np.nanargmax(both))
    if both[worst] < 0.005:
        return f"at {run.when('finite')}, nothing is saturated."
    text = f"at {run.when('finite')}, {percent(np.nanmean(both))} on average; most at "
    text += f"{low.layers[worst]}: {percent(low.values[row, worst])} at the low"
    if high.values[row, worst] > 0:
        text += f" and {percent(high.values[row, worst])} at the high"
    return text + " end."


def _census(run: Run) -> str:
    steps, layers, counts = run.census()
    if not len(steps):
        return "no census was recorded."
    last = counts[-1]
    idle = last[:, 1:].sum(axis=1) / np.maximum(last.sum(axis=1), 1)
    worst = int(np.argmax(idle))
    sums = last.sum(axis=0)
    if idle[worst] > 0:
        text = f"at step {steps[-1]}, of {sums.sum():,} units "
        text += ", ".join(f"{sums[i]:,} {STATES[i]}" for i in range(4) if sums[i] or i == 0)
        text += f"; most at {layers[worst]}: {percent(idle[worst])}"
    else:
        text = f"at step {steps[-1]}, all {sums.sum():,} units are alive"
    _, stopped, revived = turnover(run)
    if stopped.any() or revived.any():
        text += f"; since the first census {stopped.sum():,} stopped, {revived.sum():,} came back"
    return f"{text}."


def _clip(run: Run) -> str:
    if not clip.clipped(run):
        return "the gradient was not clipped."
    fired = clip.fired(run)
    before, after = run.get("clip_before"), run.get("clip_after")
    text = f"{run.text('clip') or 'the clip'} fired at {percent(fired.mean())} of the steps"
    both = fired & np.isfinite(before) & np.isfinite(after) & (after > 0)
    if both.any():
        with np.errstate(over="ignore"):  # a limit of 1e-320
            times = np.median(before[both] / after[both])
        text += f", where it divided the norm by {number(times)}"
        cosines = np.clip(run.get("clip_cosine")[both], -1, 1)
        if np.isfinite(cosines).any():
            angle = float(np.degrees(np.arccos(np.nanmin(cosines))))
            text += f" (median) and turned the gradient by at most {angle:.0f}°"
    return text + "."


def _batchnorm(run: Run) -> str:
    if not batchnorm.has_batchnorm(run):
        return "this network has no batch norm."
    row = run.row("finite")
    gaps, scales = run.get("batchnorm_mean_gap")[row], run.get("batchnorm_scale")[row]
    names = run.names("batchnorm_layers")
    if np.isnan(gaps).all():
        return "no statistic was finite."
    worst = int(np.nanargmax(gaps))
    text = f"at {run.when('finite')} the largest gap is {number(gaps[worst])} ({names[worst]})"
    if np.isfinite(scales).any():
        low, high = number(np.nanmin(scales)), number(np.nanmax(scales))
        text += f"; |gamma/sigma| is {low}" + (f" to {high}" if high != low else "")
    return text + "."


def _signal(run: Run) -> str:
    series = run.series("output_std")
    row = run.row("finite")
    text = f"{number(series.values[0, 0])} at {series.layers[0]} and "
    text += f"{number(series.values[0, -1])} at {series.layers[-1]} at the first step, "
    text += f"{number(series.values[row, 0])} and {number(series.values[row, -1])} at "
    return text + f"{run.when('finite')}."


def _weight_gradients(run: Run) -> str:
    series = run.series("param_gradient_norm")
    values = series.values[run.row("finite")]
    if not np.isfinite(values).any():
        return "no weight gradient was finite."
    low, high = (int(i) for i in _argrange(values))
    text = f"at {run.when('finite')} from {number(values[low])} ({series.layers[low]}) to "
    return text + f"{number(values[high])} ({series.layers[high]})."


def _argrange(values: Array) -> tuple[int, int]:
    finite = np.where(np.isfinite(values), values, np.nan)
    return int(np.nanargmin(finite)), int(np.nanargmax(finite))


_SHOWS = {
    "loss": _loss,
    "gradient_map": _gradient,
    "attribution": _attribution,
    "blocks": _blocks,
    "updates": _updates,
    "outputs": _outputs,
    "saturation": _saturation,
    "census": _census,
    "clip": _clip,
    "batchnorm": _batchnorm,
    "signal": _signal,
    "weight_gradients": _weight_gradients,
}
