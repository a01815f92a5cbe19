"""What to change, each with the line of Python that does it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Final

from nnscratch import initializers, layers
from nnscratch.flow.findings.finding import Advice
from nnscratch.flow.findings.optimizer import (
    adam,
    adam_rate,
    fresh,
    is_short,
    optimizer_python,
)
from nnscratch.flow.findings.rates import LEAP, MOMENTUM, is_plain, rate_at, rounded, usual
from nnscratch.flow.findings.view import View
from nnscratch.theory.suited import suited_gate_bias, suited_init, suited_scale
from nnscratch_records.words import called, number

NEAR = 1.25  # as near as weights must be to the scale that suits
HIDDEN = 16  # units of a hidden layer where there was none
ABOVE_ZERO = ("exponential", "softplus")  # activations that give no number below 0
# Losses of probabilities, and what takes any number in their place.
OF_LOGITS = {
    "CategoricalCrossEntropy": ("softmax", "SoftmaxCrossEntropy"),
    "BinaryCrossEntropy": ("sigmoid", "SigmoidCrossEntropy"),
}
CLIP = 1  # the norm of the whole gradient, as in most recurrent networks that are published
LEAPS = "What comes back through time leaps: a rate for the usual steps is too large for those."
LEAST_BATCH = 8  # examples, for batch norm
_MOMENTUM = re.compile(r"momentum=[0-9.e+-]+")
_RATES = re.compile(r", rates=\{[^}]*\}")

STANDARDISE_INPUTS: Final = Advice(
    "bring each feature of the inputs to mean 0 and deviation 1 (test data with the same numbers), "
    "and begin anew",
    "x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-8)",
)
STANDARDISE_TARGETS: Final = Advice(
    "begin anew on targets of mean 0 and deviation 1, and undo that after prediction",
    "y = (y - y.mean(axis=0)) / (y.std(axis=0) + 1e-8)",
)
WITHOUT_FAR: Final = Advice(
    "leave out what is far from all others, if it is wrong, and bring the rest to mean 0 and "
    "deviation 1",
    f"x, y = nn.only_near(x, y); {STANDARDISE_TARGETS.line}",
)
LOGARITHMS: Final = Advice(
    "learn their logarithms, from the least one on, and undo that after prediction",
    "y = y - y.min(axis=0); y = np.log(y + np.quantile(y[y > 0], 0.05)); "
    "y = (y - y.mean(axis=0)) / (y.std(axis=0) + 1e-8)",
)
# Into what an activation at the output can give.
UNIT_TARGETS: Final = Advice(
    "begin anew on targets between 0 and 1, which the output can give, and undo that after "
    "prediction",
    "y = (y - y.min(axis=0)) / (y.max(axis=0) - y.min(axis=0) + 1e-8)",
)
SIGNED_TARGETS: Final = Advice(
    "begin anew on targets between -1 and 1, which the output can give, and undo that after "
    "prediction",
    "y = 2 * (y - y.min(axis=0)) / (y.max(axis=0) - y.min(axis=0) + 1e-8) - 1",
)
POSITIVE_TARGETS: Final = Advice(
    "begin anew on targets of mean 1, which the output can give, and undo that after prediction",
    "y = y / (y.mean(axis=0) + 1e-8)",
)
STANDARDISE_BOTH: Final = Advice(
    "bring each feature of the inputs, and the targets, to mean 0 and deviation 1 (test data with "
    "the same numbers, predictions back), and begin anew",
    f"{STANDARDISE_INPUTS.line}; {STANDARDISE_TARGETS.line}",
)
LOOK_AT_ANSWERS: Final = Advice(
    "look at the answers before training", "print(np.unique(y, axis=0))"
)


def remade(view: View, what: str, changes: str, loss: str = "", expect: str = "") -> Advice:
    """Return a new network as advice, and what has to be new with it: loss, optimizer.

    changes : arguments of `remake`
    """
    inner = f"model, {changes}" if changes else "model"
    names, values = ["model"], [f"nn.remake({inner})"]
    if loss:
        names, values = [*names, "loss"], [*values, loss]
    text = view.text("optimizer")
    if "rates=" in text and _inserts(view, changes):
        text = _RATES.sub("", text)
        expect = f"{expect} Layers get other numbers: name those of rates= anew.".strip()
    optimizer = fresh(view, text)
    if optimizer:
        names, values = [*names, "optimizer"], [*values, optimizer]
    return Advice(what, f"{', '.join(names)} = {', '.join(values)}", expect)


def _inserts(view: View, changes: str) -> bool:
    """Return whether what `remake` is asked to change puts layers between those there are."""
    bare = any(view.after(i, "activation") is None for i in view.hidden_weights)
    return "norm=True" in changes or (changes.startswith("activation=") and bare)


def suits(kind: str, scale: float) -> bool:
    """Return whether weights of this ``n_in Var(w)`` suit an activation (or nothing is known)."""
    right = suited_scale(kind)
    return math.isnan(right) or math.isnan(scale) or right / NEAR <= scale <= right * NEAR


def init_for(kind: str) -> str:
    """Return the initializer, in Python, of the weights that suit an activation."""
    found = suited_init(kind)
    named = [name for name in initializers.names() if initializers.get(name) == found]
    return f'"{named[-1]}"' if named else f"nn.initializers.{found!r}"


def suitable_init(view: View) -> tuple[Advice, ...]:
    """Return weights of the scale that suits the activation, where they are not that already."""
    kind = view.activation
    if math.isnan(suited_scale(kind)):
        return ()
    if all(suits(kind, view.weight_scale(i, None)) for i in view.hidden_weights):
        return ()
    what = f"draw the weights so that n_in Var(w) = {number(suited_scale(kind))}, which suits "
    expect = "Each layer then hands the gradient on as large as it came."
    return (remade(view, what + called(kind), f"init={init_for(kind)}", expect=expect),)


def batch_norm(view: View) -> tuple[Advice, ...]:
    """Return batch norm, unless there is a norm or batches are too small."""
    batch = float(view.get("batch_size")[-1]) if view.rows else 0.0
    if view.has_norm or batch < LEAST_BATCH:
        return ()
    return (remade(view, "normalise the input of each hidden activation", "norm=True"),)


def hidden_layer(view: View) -> Advice:
    """Return a network with one hidden layer, in place of one that has none."""
    lowest = view.weights[0]
    n_in, n_out = view.fan_in(lowest), int(view.record["features"][lowest])
    kind, what = view.output_activation, "put a hidden layer between"
    if kind not in ("", "softmax", *layers.activation_names()):
        return Advice(what)
    name = "Softmax" if kind == "softmax" else kind and type(layers.activation(kind)).__name__
    last = f", nn.{name}()" if name else ""
    made = (
        f'nn.Sequential(nn.Dense({n_in}, {HIDDEN}, init="he_normal"), nn.ReLU(), '
        f"nn.Dense({HIDDEN}, {n_out}){last})"
    )
    return _anew(view, what, made)


def dense_behind(view: View) -> Advice:
    """Return a dense layer behind the last of layers of cells, each behind the one before."""
    what, last = "put a dense layer behind it", view.weights[-1]
    plain = set(view.kinds) <= {"lstm", "gru", "laststep"} and not any(view.record["blocks"])
    if not plain or any(view.below(i) != i - 1 for i in range(1, len(view.kinds))):
        return Advice(what)
    units = [int(n) for n in view.record["features"]]
    wide = [HIDDEN if i >= last else n for i, n in enumerate(units)]
    made = [
        f"nn.{kind.upper()}({wide[i - 1] if i else view.fan_in(i)}, {wide[i]})"
        if kind in ("lstm", "gru")
        else "nn.LastStep()"
        for i, kind in enumerate(view.kinds)
    ]
    return _anew(view, what, f"nn.Sequential({', '.join(made)}, nn.Dense({HIDDEN}, {units[-1]}))")


def keeps_state(view: View, steps: float) -> Advice:
    """Return layers that keep their state for so many steps of time: cells, or gates that are open.

    Of layers in a row of kinds that this package has; without a line of any others.
    """
    bias, kinds = number(suited_gate_bias(steps)), set(view.kinds)
    if "rnn" not in kinds and kinds & {"lstm", "gru"}:
        option = "forget_bias" if "lstm" in kinds else "update_bias"
        return remade(view, f"let its gates begin open, with a bias of {bias}", f"{option}={bias}")
    what = "take a layer that keeps its state: nn.LSTM with a forget bias, or nn.GRU"
    units, made = [int(n) for n in view.record["features"]], []
    for i, kind in enumerate(view.kinds):
        n_in, n = view.fan_in(i), units[i]
        cells = {"rnn": f"LSTM({n_in}, {n}, forget_bias={bias})", "lstm": f"LSTM({n_in}, {n})"}
        own = cells | {"gru": f"GRU({n_in}, {n})", "dense": f"Dense({n_in}, {n})"}
        own |= {"laststep": "LastStep()", "meanovertime": "MeanOverTime()", "softmax": "Softmax()"}
        if kind in layers.activation_names() and kind not in own:
            own[kind] = f"{type(layers.activation(kind)).__name__}()"
        plain = kind in own and view.below(i) == i - 1 and not view.record["blocks"][i]
        if not plain or view.text("framework"):
            return Advice(what)
        made.append(f"nn.{own[kind]}")
    return _anew(view, what, f"nn.Sequential({', '.join(made)})")


def _anew(view: View, what: str, made: str) -> Advice:
    """Return advice to take another network, with an optimizer that knows nothing of this one."""
    optimizer = fresh(view)
    also, value = (", optimizer", f", {optimizer}") if optimizer else ("", "")
    return Advice(what, f"model{also} = {made}{value}")


def other_activation(view: View, kind: str) -> tuple[Advice, ...]:
    """Return an activation that does not saturate, and does not die, unless it is there."""
    if kind == "" or "elu" in view.hidden_activations:
        return ()
    what = f"replace {called(kind)} by ELU, which neither saturates above nor dies"
    return (remade(view, what, 'activation="elu"'),)


def zero_biases(view: View) -> tuple[Advice, ...]:
    """Return biases that begin at zero."""
    return (remade(view, "begin with biases of zero", 'bias_init="zeros"'),)


def anew(view: View, advice: Advice) -> Advice:
    """Return advice with new weights: what the old ones became may not recover.

    An optimizer that it is about goes with them; else there is a new one like the run's.
    """
    new = fresh(view)
    if not new or view.text("framework") == "torch" or "opaque" in view.roles:
        return advice
    _, own, made = advice.line.rpartition("optimizer = ")
    first = "" if own else f"{made}; "
    return replace(
        advice, line=f"{first}model, optimizer = nn.remake(model), {made if own else new}"
    )


def scaled_targets(view: View) -> Advice:
    """Return targets of a scale that the network learns, and the activation at its output gives."""
    ends = {
        **dict.fromkeys(("sigmoid", "hardsigmoid"), UNIT_TARGETS),
        **dict.fromkeys(("tanh", "hardtanh", "softsign"), SIGNED_TARGETS),
    }
    if view.output_activation in ABOVE_ZERO and view.latest("target_min") >= 0:
        return POSITIVE_TARGETS
    return ends.get(view.output_activation, STANDARDISE_TARGETS)


def no_output_activation(view: View, expect: str = "") -> Advice:
    """Return a network whose output is that of its last weights, and a loss that takes it."""
    what, kind = "end with the last layer of weights, without an activation", view.text("loss_kind")
    loss = ""
    if kind in OF_LOGITS:
        classes = view.latest("target_classes") > 0
        loss = f"nn.{OF_LOGITS[kind][1] if classes else 'MeanSquaredError'}()"
    return remade(view, what, 'output="identity"', loss, expect=expect)


def less_momentum(view: View) -> tuple[Advice, ...]:
    """Return the usual momentum for the same rate, from new weights."""
    new = optimizer_python(_MOMENTUM.sub(f"momentum={MOMENTUM:g}", view.text("optimizer")))
    line = f"model, optimizer = nn.remake(model), {new}" if new else ""
    return (Advice(f"take a momentum of {MOMENTUM:g}, and new weights", line),)


def learning_rate(view: View, rate: float, spoiled: bool = False) -> tuple[Advice, ...]:
    """Return a change of the learning rate; none where there is no rate to name.

    spoiled : the weights are, by steps that were too long: the network begins anew
    """
    if not rate > 0:
        return ()
    new = optimizer_python(view.text("optimizer"), rate)
    what = f"train with the learning rate {rate:g}"
    if not new:
        return (Advice(what, f"optimizer.lr = {rate:g}"),)
    if not spoiled:
        return (Advice(what, f"optimizer = {new}"),)
    anew = Advice(f"{what}, from new weights", f"model, optimizer = nn.remake(model), {new}")
    if not is_plain(view) or len(view.weights) < 2:
        return (anew,)
    other = f"model, optimizer = nn.remake(model), {adam(view)}"
    fits = Advice("let the step fit each weight, from new weights", other)
    return fits, replace(anew, what=f"or {anew.what}")


def longer_steps(view: View, rate: float) -> tuple[Advice, ...]:
    """Return longer steps: of plain descent through several layers those of Adam, or this rate; of
    others no less than one begins with.
    """
    if not is_plain(view):
        return learning_rate(view, max(rate, usual(view)[1]))
    own = learning_rate(view, rate)
    if len(view.weights) < 2:
        return own
    return (*adaptive(view), *(replace(one, what=f"or {one.what}") for one in own))


def shorter_steps(view: View, rate: float, leaps: bool) -> tuple[Advice, ...]:
    """Return a lower learning rate for new weights or, where the gradient `leaps`, first a clip."""
    begin = usual(view)[1]
    if rate >= begin and is_short(view, rate):  # nothing that was seen asks for less
        rate = min(adam_rate(view), rounded(rate_at(view, 0) / LEAP))
    lower = learning_rate(view, rate, spoiled=True)
    if not leaps:
        return lower
    return (
        clipped_anew(view),
        *(replace(a, what=f"or {a.what.removeprefix('or ')}") for a in lower),
    )


def clipped_anew(view: View) -> Advice:
    """Return a clip of the whole gradient, at 1, for new weights: a leap has spoiled the old."""
    new = optimizer_python(view.text("optimizer"))
    if not new or view.text("framework") == "torch":
        what = "clip the gradient, and begin anew"
        return Advice(what, f"optimizer.clip = nn.ClipByGlobalNorm({CLIP})")
    clip = f"clip=nn.ClipByGlobalNorm({CLIP})"
    line = f"model, optimizer = nn.remake(model), {new[:-1]}, {clip})"
    return Advice("clip the gradient, from new weights", line)


def adaptive(view: View) -> tuple[Advice, ...]:
    """Return an optimizer that fits the step to each weight, unless it is there."""
    if not is_plain(view):
        return ()
    return (Advice("let the step fit each weight", f"optimizer = {adam(view)}"),)
