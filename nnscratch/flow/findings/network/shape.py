"""What the network is: activations, depth, width."""

from __future__ import annotations

import math
from collections.abc import Collection

from nnscratch.flow.findings import cures, rates
from nnscratch.flow.findings.finding import Advice, Finding, Shown
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.network import alike, units
from nnscratch.flow.findings.network.gradient import main_term
from nnscratch.flow.findings.progress import NOTHING
from nnscratch.flow.findings.view import View
from nnscratch.theory.suited import suited_scale
from nnscratch_records import UNTOLD, WEIGHTED
from nnscratch_records.words import called, number, percent, plural

NARROW = 16  # units: layers of fewer rectifiers die whole, by chance
TOO_NARROW = 3  # units through which little gets
_LASTING = 200  # steps
SOME_RATE = 0.5  # of the rate one begins with: by such steps something would have been learned
FADED = 0.1  # of its first norm: a gradient of all examples at the best there is
_LINES = ("weights", "join", "shape", "noise")  # roles
TOLD_MORE = 0.2  # of the answers' variance a guess tells more than the run
SLOPE = 0.25  # the largest of sigmoid
DEEP = 10
SEVERAL = 3  # layers of an activation that loses the gradient
_CRAMPED = frozenset({"does not learn", "constant output", "slow layer", "saturated"})
_BEGAN = frozenset({"symmetric units", "initial weights", "initial biases"})


def find(view: View, shown: Shown, causes: Collection[str]) -> list[Finding]:
    """Return what about the network itself explains what is shown and other `causes` do not."""
    return [
        *(_shared(view, causes) or ([] if _BEGAN & set(causes) else _activations(view, shown))),
        *(_depth(view, shown) or alike.find(view, shown, causes)),
        *_linear(view, shown),
        *_capacity(view, shown),
    ]


def _hidden(view: View) -> list[int]:
    return view.hidden_weights


def _activations(view: View, shown: Shown) -> list[Finding]:
    return [*_narrow(view, shown), *_activation(view, shown)]


def _shared(view: View, causes: Collection[str]) -> list[Finding]:
    """A softmax between layers of weights: its units share out one, whatever the weights are."""
    last = view.weights[-1] if view.weights else 0
    shared = [i for i in view.columns("activation") if i < last and view.kinds[i] == "softmax"]
    # What several steps are weighed by, in attention, is no layer's output.
    shared = [i for i in shared if view.below(i) < 0 or view.roles[view.below(i)] not in UNTOLD]
    if not shared or view.progress.learned:
        return []
    units = int(view.record["features"][shared[-1]])
    return [
        Finding(
            "activation",
            view.harm,
            view.names(shared),
            view.first_step,
            f"A softmax in a hidden layer, {view.layers[shared[-1]]}: its {plural(units, 'unit')} "
            f"share out one, {number(1 / max(units, 1))} each on average, and one can grow only "
            f"at the cost of the others.",
            "The next layer gets little, and the gradient that comes back is as many times "
            "smaller; a softmax is for what a network answers.",
            (cures.remade(view, "replace Softmax by ReLU", 'activation="relu"'),),
            {"units": float(units), "layers": float(len(shared))},
            EXPLAINS["activation"] | {"learning rate too small"},
            first="initial weights" in causes,
        )
    ]


def _narrow(view: View, shown: Shown) -> list[Finding]:
    """Narrow layers of rectifiers, whose units are off from the first step on, or too many."""
    off = [shown[kind] for kind in ("dead layer", "dead units") if kind in shown]
    began = _columns(view, [one for one in off if one.step <= view.first_step], NARROW)
    # A finding tells of several layers since the first of them is off: each must have begun so.
    counted = units.census(view)
    began = [i for i in began if i not in counted or counted[i][0][0] >= units.DEAD_UNITS]
    died = [] if began or not _stands(view) else _columns(view, off, TOO_NARROW)
    if not (began or died):
        return []
    lowest = (began or died)[0]
    kind, count = called(view.kinds[lowest]), len(view.rectifiers)
    width, name = int(view.record["features"][lowest]), view.layers[lowest]
    layers = "one hidden layer" if count == 1 else f"{count} hidden layers"
    what = f"{kind} in {layers} as narrow as {plural(width, 'unit')}: "
    return [
        Finding(
            "activation",
            view.harm,
            view.names(began or died),
            view.first_step if began else min(one.step for one in off),
            f"{what}those of {name} began off for every example, by chance of the draw, and what "
            f"is off learns nothing."
            if began
            else f"{what}some of {name} went off for every example and stay so, and what is left "
            f"cannot do it; the loss stands at {number(view.progress.now, 3)}.",
            f"{kind} is off for about half of what it sees; of layers this narrow whole ones are.",
            (
                *cures.other_activation(view, view.kinds[lowest]),
                cures.remade(view, "or use wider layers", f"width={4 * NARROW}"),
            ),
            {"width": float(width), "layers": float(count)},
            EXPLAINS["activation"],
        )
    ]


def _columns(view: View, found: list[Finding], most: int) -> list[int]:
    """Return the layers of at most so many rectifiers of which a finding tells."""
    names = dict.fromkeys(name for one in found for name in one.layers)
    columns = [view.layers.index(name) for name in names]
    return [i for i in columns if i in view.rectifiers and 0 < view.record["features"][i] <= most]


def _stands(view: View) -> bool:
    """Whether a run at a usual rate has come to a stop, far from done."""
    p = view.progress
    usual = rates.rate_at(view, 0) <= rates.usual(view)[0]
    return usual and p.rows >= _LASTING and not (p.learned or p.falling or p.worse)


def _behind_a_constant(view: View) -> bool:
    """Whether a run at no small rate has not come to where one answer for all is: what it has done
    the last biases do alone."""
    p = view.progress
    below = p.known and p.rows >= _LASTING and p.share < 0 and not p.worse
    return below and not rates.timid(view)


def _activation(view: View, shown: Shown) -> list[Finding]:
    """An activation that no weights help: its derivative loses the gradient, or blows it up."""
    kind, hidden = view.activation, len(_hidden(view))
    overflow = shown.get("non-finite") if not view.rows else None
    least = 1 if overflow is not None and kind == "exponential" else SEVERAL
    several = view.hidden_activations.count(kind) >= least and not view.has_norm
    if not kind or not math.isnan(suited_scale(kind)) or not several:
        return []
    flow = shown.get("vanishing") or shown.get("exploding")
    by = flow if flow is not None and main_term(flow) in ("derivative", "") else None
    found = [one for one in (by, shown.get("constant output"), overflow) if one is not None]
    if not found and not (kind == "sigmoid" and _behind_a_constant(view)):
        return []
    why = "it has no scale of the weights at which signal and gradient keep their size"
    if kind == "sigmoid":
        why = (
            f"its slope is at most {SLOPE}, which takes away a factor {number(SLOPE**-hidden)} "
            f"unless the weights make up for it, and those that did would saturate it"
        )
    if kind == "exponential":
        why = "each makes of what is large something larger still, until numbers overflow"
    return [
        Finding(
            "activation",
            view.harm,
            view.names([i for i in view.columns("activation") if i < view.weights[-1]]),
            min((one.step for one in found), default=view.first_step),
            f"{called(kind)} in {plural(hidden, 'hidden layer')}: {why}.",
            "",
            (*cures.other_activation(view, kind), *cures.batch_norm(view)),
            {"layers": float(hidden)},
            EXPLAINS["activation"],
        )
    ]


def _depth(view: View, shown: Shown) -> list[Finding]:
    """Batch norm in a deep chain: the gradient of random weights grows in every layer."""
    flow = shown.get("exploding")
    if flow is None or not view.has_norm or len(view.weights) < DEEP or "join" in view.roles:
        return []
    per_layer = 10 ** (flow.numbers["log10_ratio"] / (len(view.weights) - 1))
    return [
        Finding(
            "depth",
            view.harm,
            flow.layers,
            flow.step,
            f"{len(view.weights)} layers in a row, each normalised: the gradient grows by "
            f"{number(per_layer)} in each.",
            "Normalising by the batch makes the gradient of random weights grow in every layer, by "
            "pi / (pi - 1) = 1.47 on the squared norm with ReLU.",
            (
                *cures.other_activation(view, view.activation),
                Advice("or add what comes in to what goes out, every few layers: nn.Residual"),
            ),
            {"per_layer": per_layer},
            EXPLAINS["depth"],
        )
    ]


def _linear(view: View, shown: Shown) -> list[Finding]:
    """Layers of weights with no activation between them, or no hidden layer at all."""
    hidden = _hidden(view)
    bare = [i for i in hidden if view.after(i, "activation") is None and _plain(view, i)]
    bare = hidden if _lines_alone(view) else bare
    if view.record["gaps"].any() or (hidden and not bare) or not view.rows:
        return []
    unknown = [i for i in view.columns(*UNTOLD) if view.weights and i < view.weights[-1]]
    if not bare and unknown:
        return []  # these may be what a line is not
    whole = len(bare) == len(hidden) and not any(map(view.recurs, view.weights))
    p = view.progress
    more, held = "", False
    behind = p.linear > p.share + TOLD_MORE  # a line could do more than this one does
    if whole and not behind and p.near > max(p.share, p.linear) + TOLD_MORE:
        held = True
        more = (
            f" Of the answers' variance a linear fit tells {percent(max(0.0, p.linear))}, the "
            f"nearest neighbours {percent(p.near)}."
        )
    elif whole and math.isnan(p.near) and _settled(view, shown):
        held = True
        more = f" It answers all examples the same, and its loss stands at {number(p.now, 3)}."
    if not bare and (not held or p.learned):  # a line is all that it takes
        return []
    if not held and ((p.falling and behind) or all(_bottleneck(view, i) for i in bare)):
        return []  # that is not what holds it up; a narrow one is there to be narrow
    where = f"between {view.layers[bare[0]]} and the next layer of weights" if bare else ""
    what = "all its layers together are one linear map" if whole else "the two are one linear map"
    seen = f"There is no activation {where}: {what}.{more}"
    if not bare:
        seen = f"There is no hidden layer: what it can tell apart is on two sides of a line.{more}"
    return [
        Finding(
            "no activation",
            "serious" if held and not (p.learned if bare else p.learns) else "notice",
            view.names(bare or view.weights[:1]),
            view.first_step,
            seen,
            "",
            (
                cures.remade(
                    view, "put an activation behind every hidden layer", 'activation="relu"'
                )
                if bare
                else cures.hidden_layer(view),
            ),
            {"layers": float(len(bare))},
            EXPLAINS["no activation"] if held else frozenset(),
        )
    ]


def _lines_alone(view: View) -> bool:
    """Whether there is nothing at all that is not linear, whichever way round it goes."""
    return bool(view.roles) and all(
        role in _LINES or (role, kind) == ("norm", "batchnorm")
        for role, kind in zip(view.roles, view.kinds, strict=True)
    )


def _bottleneck(view: View, layer: int) -> bool:
    """Whether a layer has fewer units than it has inputs, and than the next weights have."""
    above = view.weights[view.weights.index(layer) + 1]
    units = view.record["features"]
    return bool(units[layer] < min(view.fan_in(layer), units[above]))


def _settled(view: View, shown: Shown) -> bool:
    """Whether a run that learned nothing has come to where it can: its gradient has faded, or at a
    rate that others learn by nothing has come of many steps.
    """
    if not view.progress.nothing or {"diverged", "non-finite"} & set(shown):
        return False
    if view.rows >= _LASTING and rates.rate_at(view) >= SOME_RATE * rates.usual(view)[1]:
        return True
    norms = view.get("param_gradient_norm")[:, view.weight_params].max(axis=1)
    return float(norms[view.now].max()) < FADED * float(norms[:5].max())


def _plain(view: View, layer: int) -> bool:
    """Whether nothing that is not linear stands between a layer and the next weights."""
    if view.roles[layer] == "lookup":
        return False  # no map of values, that one behind it would meet
    if sum(source == layer for source, _ in view.record["edges"].tolist()) > 1:
        return False  # it also goes around what comes next
    for at in range(layer + 1, len(view.roles)):
        if view.roles[at] == "norm" and view.kinds[at] != "batchnorm":
            return False  # of each example by its own size
        if view.roles[at] in WEIGHTED:
            way = all(view.below(i) == i - 1 for i in range(layer + 1, at + 1))
            return way and bool(view.record["features"][layer] > 0)
        if view.roles[at] in ("activation", "join", *UNTOLD):
            return False
    return False


def _capacity(view: View, shown: Shown) -> list[Finding]:
    """So few units that the loss stands, or nearly, though the gradient arrives everywhere."""
    widths = {i: int(view.record["features"][i]) for i in _hidden(view) if not _passed_by(view, i)}
    p = view.progress
    if (
        not widths
        or view.incomparable
        or min(widths.values()) > TOO_NARROW
        or p.learned
        or p.rows < _LASTING
    ):
        return []
    nothing = p.nothing or p.share < NOTHING  # though the last biases may be on their way
    if math.isnan(p.now) or (nothing and min(widths.values()) > 1):
        return []  # two units learn a part: where nothing is learned, it is not their number
    brisk = p.falling and p.steps_left < p.steps[-1] - p.steps[0]
    if brisk or rates.timid(view) or set(shown) - _CRAMPED:
        return []
    narrowest = min(widths, key=widths.__getitem__)
    return [
        Finding(
            "capacity",
            "serious" if widths[narrowest] == 1 else view.harm,
            view.names([narrowest]),
            view.first_step,
            f"Everything has to pass through {plural(widths[narrowest], 'unit')} in "
            f"{view.layers[narrowest]}; the gradient arrives everywhere, and the loss stands at "
            f"{number(p.now, 3)}, or nearly ({percent(max(0.0, p.share))} of what there is to "
            f"learn).",
            "",
            (cures.remade(view, "give the hidden layers more units", "width=16"),),
            {"units": float(widths[narrowest]), "share": p.share},
            EXPLAINS["capacity"],
        )
    ]


def _passed_by(view: View, layer: int) -> bool:
    """Whether the output can be reached without going through a layer: by another branch."""
    reached = {-1}
    for source, reader in sorted(view.record["edges"].tolist(), key=lambda edge: int(edge[1])):
        if source in reached and reader != layer:
            reached.add(reader)
    return len(view.layers) - 1 in reached
