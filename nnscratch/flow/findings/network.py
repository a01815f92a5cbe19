"""What the network is: activations, depth, width."""

from __future__ import annotations

import math
from collections.abc import Collection

from nnscratch.flow.findings import cures
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.gradient import main_term
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.view import View
from nnscratch.flow.findings.weights import Shown
from nnscratch.theory.suited import suited_scale
from nnscratch_records import WEIGHTED
from nnscratch_records.words import called, number, percent, plural

NARROW = 16  # units: layers of fewer rectifiers die whole, by chance
TOO_NARROW = 3  # units through which little gets
_LASTING = 200  # steps
TOLD_MORE = 0.2  # of the answers' variance the nearest neighbours tell more than the run
SLOPE = 0.25  # the largest of sigmoid
DEEP = 10
SEVERAL = 3  # layers of an activation that loses the gradient
_BEGAN = frozenset({"symmetric units", "initial weights", "initial biases"})


def find(view: View, shown: Shown, causes: Collection[str]) -> list[Finding]:
    """Return what about the network itself explains what is shown and other `causes` do not."""
    return [
        *([] if _BEGAN & set(causes) else [*_narrow(view, shown), *_activation(view, shown)]),
        *_depth(view, shown),
        *_linear(view),
        *_capacity(view, shown),
    ]


def _hidden(view: View) -> list[int]:
    return view.hidden_weights


def _narrow(view: View, shown: Shown) -> list[Finding]:
    """Narrow layers of rectifiers, all of whose units are off from the first step on."""
    began = [
        name
        for kind in ("dead layer", "dead units")
        if kind in shown and shown[kind].step <= view.first_step
        for name in shown[kind].layers
    ]
    columns = [view.layers.index(name) for name in dict.fromkeys(began)]
    widths = view.record["features"]
    narrow = [i for i in columns if i in view.rectifiers and 0 < widths[i] <= NARROW]
    if not narrow:
        return []
    lowest, width = narrow[0], int(widths[narrow[0]])
    kind, count = called(view.kinds[lowest]), len(view.rectifiers)
    layers = "one hidden layer" if count == 1 else f"{count} hidden layers"
    return [
        Finding(
            "activation",
            view.harm,
            view.names(narrow),
            view.first_step,
            f"{kind} in {layers} as narrow as {plural(width, 'unit')}: those of "
            f"{view.layers[lowest]} began off for every example, by chance of the draw, and what "
            f"is off learns nothing.",
            f"{kind} is off for about half of what it sees; of layers this narrow whole ones are.",
            (
                *cures.other_activation(view, view.kinds[lowest]),
                cures.remade(view, "or use wider layers", f"width={4 * NARROW}"),
            ),
            {"width": float(width), "layers": float(count)},
            EXPLAINS["activation"],
        )
    ]


def _activation(view: View, shown: Shown) -> list[Finding]:
    """An activation that no weights help: its derivative loses the gradient, or blows it up."""
    kind, hidden = view.activation, len(_hidden(view))
    several = view.hidden_activations.count(kind) >= SEVERAL and not view.has_norm
    if not kind or not math.isnan(suited_scale(kind)) or not several:
        return []
    flow = shown.get("vanishing") or shown.get("exploding")
    by = flow if flow is not None and main_term(flow) in ("derivative", "") else None
    overflow = shown.get("non-finite") if not view.rows else None
    found = [one for one in (by, shown.get("constant output"), overflow) if one is not None]
    if not found:
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
            min(one.step for one in found),
            f"{called(kind)} in {hidden} hidden layers: {why}.",
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


def _linear(view: View) -> list[Finding]:
    """Layers of weights with no activation between them."""
    hidden = _hidden(view)
    bare = [i for i in hidden if view.after(i, "activation") is None and _plain(view, i)]
    if not bare or view.record["gaps"].any():
        return []
    whole = len(bare) == len(hidden)
    p = view.progress
    held = whole and p.near > max(p.share, p.linear) + TOLD_MORE
    what = "all its layers together are one linear map" if whole else "the two are one linear map"
    more = (
        f" Of the answers' variance a linear fit tells {percent(max(0.0, p.linear))}, the nearest "
        f"neighbours {percent(p.near)}."
        if held
        else ""
    )
    return [
        Finding(
            "no activation",
            "serious" if held and not p.learned else "notice",
            view.names(bare),
            view.first_step,
            f"There is no activation between {view.layers[bare[0]]} and the next layer of weights: "
            f"{what}.{more}",
            "",
            (
                cures.remade(
                    view, "put an activation behind every hidden layer", 'activation="relu"'
                ),
            ),
            {"layers": float(len(bare))},
            EXPLAINS["no activation"] if held else frozenset(),
        )
    ]


def _plain(view: View, layer: int) -> bool:
    """Whether nothing that is not linear stands between a layer and the next weights."""
    for at in range(layer + 1, len(view.roles)):
        if view.roles[at] in WEIGHTED:
            return view.record["features"][layer] > 0 and view.below(layer + 1) == layer
        if view.roles[at] in ("activation", "join", "opaque"):
            return False
    return False


def _capacity(view: View, shown: Shown) -> list[Finding]:
    """So few units that the loss stands, or nearly, though the gradient arrives everywhere."""
    widths = {i: int(view.record["features"][i]) for i in _hidden(view)}
    p = view.progress
    if not widths or min(widths.values()) > TOO_NARROW or p.learned or p.rows < _LASTING:
        return []
    brisk = p.falling and p.steps_left < p.steps[-1] - p.steps[0]
    if brisk or set(shown) - {"does not learn", "constant output", "slow layer", "saturated"}:
        return []
    narrowest = min(widths, key=widths.__getitem__)
    return [
        Finding(
            "capacity",
            "serious" if widths[narrowest] == 1 else "notice" if p.nothing else view.harm,
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
