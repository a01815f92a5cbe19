"""What weights and biases began as: their scale, their lean to one side, their offset."""

from __future__ import annotations

import math

from nnscratch.flow.findings import cures
from nnscratch.flow.findings.finding import Advice, Finding, Shown
from nnscratch.flow.findings.graph import EXPLAINS, SMALL_WEIGHTS
from nnscratch.flow.findings.network.gradient import main_term
from nnscratch.flow.findings.network.moving import random_weights
from nnscratch.flow.findings.recurrent import faint
from nnscratch.flow.findings.view import LOUD, View
from nnscratch.theory.suited import suited_scale
from nnscratch_records.words import called, number

OFF = 0.5  # log10 of what the weights' scales do to the gradient, over all layers
LOST = 1.0  # the same, where what goes in is lost on the way up
DEAD_TOO = 3.0  # times that, where units that are off lose it anyway
FAR_OFF = 1.5  # log10 of n_in Var(w) over what suits, of one layer
NOTICED = 0.1  # the same: a layer is counted as off
WIDE = 2.0  # standard deviations of the inputs of an activation that saturates
LEAN = 0.5  # mean of the weights over their standard deviation
BY_CHANCE = 4.0  # standard errors of that mean, and of that of biases
_FANS = 4  # inputs: with fewer a lean means nothing
OWED = 0.5  # of the mean of an activation's inputs comes from the biases
ASIDE = 0.5  # that mean, in standard deviations
DROWNED = 3.0  # times what the weights make of the examples, of which biases are larger than _BIAS
_BIAS = 0.3
GROWN = 1.5  # log10 of the size behind the last block over that behind the first
_BLOCKS = 3
_USUAL = 1.0  # n_in Var(w) of usual weights, where theory knows none that suit
_LARGEST = {"sigmoid": 16.0}  # over its slope at 0, squared, a gradient keeps its size
_ADDED = 2.0  # at the end of a block that is added to what came in
_SHALLOW = 3  # hidden layers that sigmoids of usual weights let a gradient through


def find(view: View, shown: Shown) -> list[Finding]:
    """Return what is wrong with initial weights and biases, given what is shown."""
    if not view.rows:
        return _overflows(view) or _sums(view)
    biases, scale = _biases(view, shown), _scale(view, shown) or _sums(view)
    if biases and scale and not scale[0].numbers["large"]:  # which of the two is it?
        small = biases[0].numbers["bias"] < _BIAS
        biases, scale = ([], scale) if small else (biases, [])
    return [*(_lean(view, shown) or scale or _sure(view) or faint.find(view, shown)), *biases]


def _initial(view: View, layer: int) -> float:
    """Return n_in Var(w) before the first update, or in the first row where that is not known."""
    scale = view.weight_scale(layer, None)
    return view.weight_scale(layer, 0) if math.isnan(scale) and view.rows else scale


def _off(view: View) -> dict[int, float]:
    """Return, by hidden layer, log10 of its n_in Var(w) over what suits what follows it.

    Where theory knows none that suits, 0 from usual weights to the largest that hand a gradient on.
    """
    found = {}
    for i in view.hidden_weights:
        least, most = _suiting(view, i)
        scale = _initial(view, i)
        if scale > 0:
            found[i] = math.log10(scale / min(max(scale, least), most))
    return found


def _suiting(view: View, layer: int) -> tuple[float, float]:
    """Return the least and the largest n_in Var(w) of which nothing is to be said."""
    above = view.after(layer, "activation")
    kind = "" if above is None else view.kinds[above]
    right = suited_scale(kind)
    if not math.isnan(right):
        return right, right
    added = view.after(layer, "join") is not None  # what a block adds: He's is as usual there
    return _USUAL, _LARGEST.get(kind, _ADDED if added else _USUAL)


def _overflows(view: View) -> list[Finding]:
    """The very first pass is not finite: are the weights too large for that?"""
    off = _off(view)
    helpless = bool(view.activation) and math.isnan(suited_scale(view.activation))
    bad_data = view.record["input_nonfinite"][0] > 0
    if helpless or bad_data or not sum(off.values()) / 2 > OFF:
        return []
    return [_scale_finding(view, off, large=True)]


def _scale(view: View, shown: Shown) -> list[Finding]:
    """Weights too large or too small for what follows them, where that shows."""
    off, p = _off(view), view.progress
    if not off:
        return []
    whole, most = sum(off.values()) / 2, max(off.values())
    start = {kind: one for kind, one in shown.items() if one.step <= view.first_step}
    if "saturated" in start and _widens(view, start["saturated"], off):
        return [_scale_finding(view, off, large=True)]
    if view.has_norm:
        return []
    vanishes = "vanishing" in start and main_term(start["vanishing"]) == "weights"
    lost = "constant output" in start and whole < -LOST * (DEAD_TOO if "dead layer" in start else 1)
    if (vanishes and whole < -OFF) or lost:
        return [_scale_finding(view, off, large=False)]
    loud = p.known and p.first > LOUD * p.constant and not _loud_inputs(view)
    far = most > FAR_OFF and not p.learned
    if ("exploding" in start and whole > OFF) or (loud and max(most, whole) > OFF) or far:
        return [_scale_finding(view, off, large=True)]
    return []


def _sure(view: View) -> list[Finding]:
    """A last layer so large that its scores are sure before anything is learned."""
    last = view.weights[-1] if view.weights and not view.recurs(view.weights[-1]) else -1
    scale = _initial(view, last) if last >= 0 and view.sure else math.nan
    if not scale > 10**OFF:
        return []
    p, n_in = view.progress, view.fan_in(last)
    known = suited_scale(view.activation) > 0
    init = cures.init_for(view.activation) if known else '"lecun_normal"'
    return [
        Finding(
            "initial weights",
            view.harm,
            view.names([last]),
            view.first_step,
            f"The weights of the last layer, {view.layers[last]}, began too large: standard "
            f"deviation {number(math.sqrt(scale / n_in))} on {n_in} inputs, n_in Var(w) = "
            f"{number(scale)}, where about {_USUAL:g} is usual.",
            f"Its scores are sure of classes before anything is learned: the loss began at "
            f"{number(p.first)}, and at {number(p.now)} one answer for all would still be better.",
            (cures.remade(view, "draw smaller weights", f"init={init}"),),
            {"scale": scale, "loss": p.first, "large": 1.0},
            EXPLAINS["initial weights"] | {"too few steps"},
        )
    ]


def _sums(view: View) -> list[Finding]:
    """Blocks that add to what comes in about as much again, each: the signal grows in all of them.

    Weights that keep the size of what goes through them double the square of a sum.
    """
    sums, p = [i for i in view.columns("join") if view.kinds[i] == "sum"], view.progress
    if len(sums) < _BLOCKS or view.has_norm or p.learned:
        return []
    record = view.record
    first, last = (
        math.hypot(float(record["output_mean"][0, i]), float(record["output_std"][0, i]))
        for i in (sums[0], sums[-1])
    )
    loud = not view.rows or (p.known and p.first > LOUD * p.constant)
    if not (first > 0 and loud and not last <= first * 10**GROWN):
        return []
    size = f"{number(first)} behind the first and {number(last)} behind the last"
    begins = f", and the loss begins at {number(p.first)}" if view.rows else ""
    return [
        Finding(
            "initial weights",
            view.harm,
            view.names(sums),
            view.first_step,
            f"The signal grows in each of {len(sums)} residual blocks: it is {size} before the "
            f"first update{begins}.",
            "What a block adds is as large as what comes in, and so is the gradient that it sends "
            "down; without a norm nothing makes up for that.",
            (
                _less(view, len(sums)),
                Advice("or put a norm in front of each: nn.Residual(nn.LayerNorm(...), ...)"),
            ),
            {"first": first, "last": last, "blocks": float(len(sums)), "large": 1.0},
            EXPLAINS["initial weights"],
        )
    ]


def _less(view: View, blocks: int) -> Advice:
    """With 1 / sqrt(blocks) of each the square of the last sum is at most e times the first's."""
    scale = f"scale={1 / math.sqrt(blocks):.2g}"
    what = f"let each block add less: nn.Residual(..., {scale})"
    ours = view.text("framework") == ""
    return cures.remade(view, what, f"residual_{scale}") if ours else Advice(what)


def _loud_inputs(view: View) -> bool:
    return math.hypot(view.get("input_mean")[0], view.get("input_std")[0]) > LOUD


def _widens(view: View, saturated: Finding, off: dict[int, float]) -> bool:
    """Whether weights, more than what enters them, spread the inputs of a saturated activation."""
    for name in saturated.layers:
        layer = view.before(view.layers.index(name), "weights")
        if layer is None or layer not in off:
            continue
        wide = float(view.get("output_std")[0, layer])
        entering = math.log10(max(wide**2, 1e-18) / _initial(view, layer))
        if wide > WIDE and off[layer] > max(NOTICED, entering):
            return True
    return False


def _scale_finding(view: View, off: dict[int, float], large: bool) -> Finding:
    sign = 1 if large else -1
    worst = max(off, key=lambda i: sign * off[i])
    same = [i for i in off if sign * off[i] > NOTICED] or [worst]
    above = view.after(worst, "activation")
    kind = view.kinds[above] if above is not None else ""
    scale, n_in, right = _initial(view, worst), view.fan_in(worst), suited_scale(kind)
    deviation = math.sqrt(scale / n_in) if n_in else math.nan
    least, most = _suiting(view, worst)
    usual_ones = f"about {_USUAL:g} is usual" if least == most else f"1 to {most:g} are usual"
    fit = f"{number(right)} suits {called(kind)}" if right > 0 else usual_ones
    more = f" ({len(same)} layers are off like that)" if len(same) > 1 else ""
    explains = EXPLAINS["initial weights"] if large else SMALL_WEIGHTS
    whole = sum(off.values()) / 2
    usual = cures.remade(view, "draw the weights so that n_in Var(w) = 1", 'init="lecun_normal"')
    # Where no scale suits, in a deep network that one only makes the gradient vanish.
    deep = len(view.hidden_weights) > _SHALLOW and math.isnan(suited_scale(view.activation))
    other = cures.other_activation(view, view.activation) if deep else ()
    return Finding(
        "initial weights",
        view.harm,
        view.names(same),
        view.first_step,
        f"The weights began too {'large' if large else 'small'}: those of {view.layers[worst]} "
        f"with standard deviation {number(deviation)} on {n_in} inputs, n_in Var(w) = "
        f"{number(scale)}, where {fit}{more}.",
        f"Over all layers that makes signal and gradient {number(10 ** abs(whole))} times "
        f"{'larger' if whole > 0 else 'smaller'}.",
        (*(cures.suitable_init(view) or other or (usual,)), *cures.batch_norm(view)),
        {"scale": scale, "right": right, "log10_off": whole, "large": float(large)},
        explains,
    )


def _lean(view: View, shown: Shown) -> list[Finding]:
    """Weights drawn to one side of 0: all units of a layer then see the same sum."""
    if not {"saturated", "dead units", "dead layer", "vanishing", "does not learn"} & set(shown):
        return []
    leans = {}
    for i in view.hidden_weights:
        column, n_in = view.param(i, "weight"), view.fan_in(i)
        if column is None or n_in < _FANS:
            continue
        mean = float(view.record["param_mean_initial"][column])
        std = math.sqrt(max(_initial(view, i) / n_in - mean**2, 0.0))
        error = std / math.sqrt(float(view.record["param_sizes"][column]))
        if abs(mean) > max(LEAN * std, BY_CHANCE * error):
            leans[i] = (mean, std)
    if not leans:
        return []
    worst = max(leans, key=lambda i: abs(leans[i][0]) * view.fan_in(i))
    mean, std = leans[worst]
    return [
        Finding(
            "initial weights",
            view.harm,
            view.names(list(leans)),
            view.first_step,
            f"The weights of {view.layers[worst]} began on one side of 0: mean {number(mean)}, "
            f"standard deviation {number(std)}, on {view.fan_in(worst)} inputs.",
            "All units of the layer then get nearly the same large sum, which saturates or kills "
            "them together.",
            cures.suitable_init(view) or (random_weights(view),),
            {"mean": mean, "std": std},
            EXPLAINS["initial weights"],
        )
    ]


def _biases(view: View, shown: Shown) -> list[Finding]:
    """Biases that push the inputs of activations to one side, or drown what the weights give."""
    pushed = {"saturated", "dead units", "dead layer", "constant output", "vanishing"} & set(shown)
    found = {}
    for i in view.hidden_weights if pushed else []:
        offset = view.offset(i, initial=True)
        mean, std = (float(view.get(f"output_{what}")[0, i]) for what in ("mean", "std"))
        leans = offset * mean > 0 and abs(offset) > max(OWED * abs(mean), _chance(view, i))
        if leans and abs(mean) > ASIDE * std:
            found[i] = (
                abs(offset),
                f"The biases of {view.layers[i]} began at {number(offset)} on average: its outputs "
                f"have mean {number(mean)} and standard deviation {number(std)} at the first step.",
            )
    if not found and {"constant output", "vanishing"} & pushed:
        found = _drowning(view)
    if not found:
        return []
    size, seen = max(found.values())
    layers = view.names(list(found))
    numbers = {"bias": size}
    # No scale of what is asked for brings back what was off before the first step.
    off = "dead layer" in shown and shown["dead layer"].step <= view.first_step
    return [
        Finding(
            *("initial biases", view.harm, layers, view.first_step, seen, ""),
            *(cures.zero_biases(view), numbers, EXPLAINS["initial biases"]),
            first=off,
        )
    ]


def _chance(view: View, layer: int) -> float:
    """Return what the mean of a layer's biases may be by chance."""
    column = view.param(layer, "bias")
    if column is None:
        return 0.0
    norm, mean = (float(view.record[f"param_{k}_initial"][column]) for k in ("norm", "mean"))
    count = float(view.record["param_sizes"][column])
    return BY_CHANCE * math.sqrt(max(norm**2 / count - mean**2, 0.0) / count)


def _drowning(view: View) -> dict[int, tuple[float, str]]:
    """Return hidden layers whose biases began larger than what their weights give."""
    spread, found = view.looks("output_spread"), {}
    for i in view.hidden_weights if len(spread) else []:
        bias = view.param(i, "bias")
        if bias is None:
            continue
        count = float(view.record["param_sizes"][bias])
        size = float(view.record["param_norm_initial"][bias]) / math.sqrt(count)
        if size > max(_BIAS, DROWNED * spread[0, i]):
            found[i] = (
                size,
                f"The biases of {view.layers[i]} began as large as {number(size)} (root mean "
                f"square), where what tells examples apart is {number(float(spread[0, i]))}: what "
                f"goes in hardly counts.",
            )
    return found
