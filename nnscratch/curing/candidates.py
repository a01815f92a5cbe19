"""Which changes are worth trying next, and in which order."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnscratch import initializers
from nnscratch.arrays import Array
from nnscratch.curing.changes import (
    AddPenalty,
    Change,
    ClipGradient,
    LearningRate,
    NoPenalty,
    UseAdam,
)
from nnscratch.curing.forecast import Forecast
from nnscratch.curing.network import (
    AddBatchNorm,
    AddDropout,
    AddResidual,
    BlocksAdd,
    LessDropout,
    NewActivation,
    RemoveBatchNorm,
    Weights,
    residual_runs,
)
from nnscratch.curing.part import Part, opened
from nnscratch.curing.plan import Plan
from nnscratch.curing.recurrent import (
    AddOmega,
    DenseBehind,
    FewerCells,
    GateBias,
    InputWeights,
    NewCell,
    RecurrentWeights,
    WayBack,
    spare_cells,
)
from nnscratch.curing.size import AddHidden, Deeper, Wider, is_bare, is_shut_off
from nnscratch.curing.trials import Trial
from nnscratch.errors import ConfigError
from nnscratch.flow.findings.optimizer import rate_by_size
from nnscratch.flow.findings.recurrent.faint import FAINT, least_variance
from nnscratch.initializers import Initializer, Orthogonal, VarianceScaling
from nnscratch.layers import GRU, LSTM, RNN, BatchNorm, Dense, Dropout, Layer, activation
from nnscratch.network.blocks import Residual
from nnscratch.optimizers import Adagrad, Adam, Adamax, AdamW, Nadam, RMSProp
from nnscratch.theory import best_scale
from nnscratch.theory.recurrent import critical_gain
from nnscratch.theory.suited import suited_gate_bias
from nnscratch.training import Omega

ADAPTIVE = (Adam, AdamW, Adamax, Nadam, RMSProp, Adagrad)
# Rates that are ever proposed, for gradient descent and for optimizers of steps of their own size.
SANE, SANE_ADAPTIVE = (1e-4, 1.0), (1e-5, 0.05)
SANE_CLIP = 1e-3  # and no clip below this
_ACTIVATIONS = ("relu", "tanh", "elu", "leaky_relu")
_NAMED = ("he_normal", "lecun_normal", "glorot_normal")
DRAWN = {"relu": _NAMED[0], "tanh": _NAMED[1]}  # the weights of a layer that is made anew
_SATURATED = 10.0  # weights larger than this, n_in Var(w), drive units into saturation
_LEAST_BATCH = 5  # for batch norm
_SMALLER = 10.0  # a threshold that is too large is divided by at least this
_TIMID = 5.0  # times: a rate as far below the usual one is tried beside that
_SAME_RATE = 1.5  # times: rates nearer to each other are not told apart
_LEAST_RESIDUAL = 3  # layers that a way around is worth
_SPARE = 2  # recurrent layers between the first and the last one
_SHALLOW, _FLAT = 3, 3  # dense layers, inputs: what may bend too seldom
_MORE_LAYERS = 2
_FEW_UNITS = 8  # of a recurrent layer
WIDTH = 32  # of a layer that has few units
_RUNS_AWAY = {"exploding", "diverged", "learning rate too large"}
_RUNS_AWAY |= {"exploding through time", "gradient spikes"}
_IN_TIME = {"vanishing through time", "exploding through time"}
_ROWS = 256  # of the inputs, that say how large they are
_OMEGA = 1.0
_LESS = (0.1, 0.0)  # of dropout
_PENALTIES, _DROPPED = (1e-3, 1e-2), 0.5  # for what is learned by heart
_FAR = 100.0  # of a rate that is too large, what is surely small enough


@dataclass(frozen=True)
class Candidate:
    """A change and what is expected of it."""

    change: Change
    forecast: Forecast


def propose(
    trial: Trial, *, rows: int, steps: int, rate: float, adam_rate: float, narrow: bool = False
) -> list[Change]:
    """Return the changes that could help the plan of a trial, each once.

    rows, steps : of a batch, of a trial
    rate, adam_rate : what range tests suggest for the plan with its own optimizer and with Adam;
        NaN where no rate makes the loss fall
    narrow : whether layers are narrow on purpose

    * a learning rate, with its own optimizer and with Adam, where it is far below the usual one
      that one too; a hundredth of one that runs away or was found too large, where the test says
      none; of a schedule the largest, kept throughout;
    * weights at the critical scale of its own activation, and the usual initializers;
    * another activation at *its* critical scale;
    * batch norm where there is none, or its removal; residual blocks for deep networks, and blocks
      without norms that add less;
    * more layers where few read few inputs; more units where layers have few, a hidden layer where
      there is none; less dropout, and none;
    * for a run that diverges or explodes: clipping at the norm 1, or at a tenth of the first
      gradient's norm if that is smaller (a clip that is there already: at a tenth of its limit).
    """
    plan, changes = trial.plan, list[Change]()
    has_norm = any(part.is_a(BatchNorm) for part in plan.layers)
    adaptive = plan.optimizer.is_a(*ADAPTIVE)
    largest = plan.largest_rate(steps)
    if math.isnan(rate) and trial.diverged | ("learning rate too large" in trial.ills):
        rate = largest / _FAR  # the test begins where units are dead already
    for near in sane_rates(rate, adaptive):
        if callable(plan.lr) or not plan.lr / _SAME_RATE < near < plan.lr * _SAME_RATE:
            changes.append(LearningRate(near))
    if callable(plan.lr):  # what is as large throughout as it ever is
        changes += [LearningRate(near) for near in sane_rates(largest, adaptive)]
    if not adaptive:
        changes += [UseAdam(near) for near in sane_rates(adam_rate, True)]
    usual = usual_rate(plan)
    if not adaptive and adam_rate < usual / _TIMID:  # of a plateau a test tells nothing
        changes.append(UseAdam(usual))
    if adaptive and np.fmax(rate, largest) < usual / _TIMID:
        changes.append(LearningRate(usual))
    own = own_activation(plan)
    critical = suited_weights(plan)
    hidden = len(plan.dense()) > 1
    if hidden and not has_norm:
        if critical is not None:
            changes.append(Weights(critical))
        changes += [Weights(initializers.get(name)) for name in _NAMED]
    if is_bare(plan) and not narrow:
        changes += [AddHidden(WIDTH, name, initializers.get(init)) for name, init in DRAWN.items()]
    if hidden:
        for name in _ACTIVATIONS:
            best = _critical(activation(name))
            if best is not None and (own is None or repr(activation(name)) != repr(own)):
                changes.append(NewActivation(name, best))
    if hidden and not has_norm and rows >= _LEAST_BATCH:
        changes.append(AddBatchNorm())
    if has_norm and critical is not None:
        changes.append(RemoveBatchNorm(critical))
    if len(residual_runs(plan)) >= _LEAST_RESIDUAL:
        changes.append(AddResidual())
    blocks = [part for part in plan.layers if part.is_a(Residual) and not part.frozen]
    normed = any(inner.role == "norm" for part in blocks for inner in opened(part))
    if len(blocks) >= _LEAST_RESIDUAL and not normed:
        less = float(f"{1 / math.sqrt(len(blocks)):.2g}")
        if min(part.options["scale"] for part in blocks) > less:
            changes.append(BlocksAdd(less))
    widths = [plan.layers[i].options["n_out"] for i in plan.dense()[:-1]]
    # Narrow on purpose, but for a code of so few that too little gets through.
    enough, shut = WIDTH, narrow and not is_shut_off(trial)
    if narrow and widths:
        enough = min(WIDTH, (plan.layers[plan.dense()[0]].options["n_in"] + 1) // 2)
    shallow = hidden and len(plan.dense()) <= _SHALLOW and not plan.recurrent()
    if shallow and critical is not None and plan.layers[0].options.get("n_in", math.inf) <= _FLAT:
        changes.append(Deeper(_MORE_LAYERS, critical))
    cells = [part.options["features"] for part in plan.recurrent()]
    few = min(widths, default=enough) < (enough if narrow else enough / 2)
    few |= min(cells, default=WIDTH) < _FEW_UNITS
    if few and not shut:
        changes.append(Wider(enough))
    if trial.diverged or _RUNS_AWAY & set(trial.ills):
        changes += _clips(plan, trial.forecast.gradient_norm)
    if any(part.is_a(Dropout) and part.options["rate"] for part in plan.hidden()):
        changes += [LessDropout(rate) for rate in _LESS]
    if plan.penalty is not None:
        changes.append(NoPenalty())
    elif trial.by_heart:
        changes += [AddPenalty(l2) for l2 in _PENALTIES]
    if hidden and trial.by_heart and not any(part.is_a(Dropout) for part in plan.hidden()):
        changes.append(AddDropout(_DROPPED))
    return different(plan, changes)


def propose_in_time(trial: Trial, x: Array) -> list[Change]:
    """Return the changes of recurrent layers that could help the plan of a trial on inputs `x`.

    * weights as they are drawn by default, where they are far smaller;
    * recurrent weights that keep a state's size: orthogonal ones, those at the critical scale, and
      for units that rectify the identity;
    * gates that begin open long enough for the sequences, or a cell that has such gates;
    * of four recurrent layers in a row, or more, the first and the last;
    * a dense layer behind states that are answers they cannot reach;
    * a way back that is not cut, or cut at random;
    * for plain layers whose gradient fades or grows through time, Omega.
    """
    plan, changes = trial.plan, list[Change]()
    cells = plan.recurrent()
    if not cells:
        return []
    bias = suited_gate_bias(x.shape[1])
    plain = [part for part in cells if part.is_a(RNN)]
    if any(map(_is_faint, cells)):
        changes.append(InputWeights(initializers.get("glorot_uniform")))
    changes.append(RecurrentWeights(initializers.get("orthogonal")))
    with contextlib.suppress(ConfigError):  # theory does not know it
        gain = critical_gain(plan.model(0), x[:_ROWS])
        if math.isfinite(gain):
            changes.append(RecurrentWeights(Orthogonal(float(f"{gain:.3g}"))))
    if any(activation(part.options["activation"]).rectifies for part in plain):
        changes.append(RecurrentWeights(initializers.get("identity")))
    if plain:
        changes += [NewCell(LSTM, bias), NewCell(GRU, bias)]
    if len(plain) < len(cells):
        changes.append(GateBias(bias))
    if len(spare_cells(plan)) >= _SPARE:
        changes.append(FewerCells())
    if not plan.dense() and "output activation" in trial.findings.kinds:
        changes.append(DenseBehind(WIDTH))
    if plan.truncate is not None:
        changes.append(WayBack())
        if isinstance(plan.truncate, int) and plan.truncate > 1:  # of 1 nothing would go back
            changes.append(WayBack(plan.truncate))
    has_omega = plan.omega or (isinstance(plan.penalty, Part) and plan.penalty.is_a(Omega))
    if plain == cells and not has_omega and _IN_TIME & set(trial.ills):
        changes.append(AddOmega(_OMEGA))
    return different(plan, changes)


def _is_faint(cell: Part) -> bool:
    """Whether a recurrent layer is drawn far smaller than anything draws it by default."""
    n_in, units = (cell.options[name] for name in ("features_in", "features"))
    init = cell.options.get("init")
    if init is None or cell.frozen or cell.options["defaults"] is not None:
        return False
    return bool(init.variance(n_in, units) < FAINT * least_variance(n_in, units))


def usual_rate(plan: Plan) -> float:
    """Return the rate of Adam that suits the network by its size."""
    cells = [part.options["features_in"] for part in plan.recurrent()]
    fans = [part.options["n_in"] for part in plan.layers if part.is_a(Dense)]
    return rate_by_size([*cells, *fans], bool(cells))


def sane_rates(rate: float, adaptive: bool) -> list[float]:
    """Return a rate of 1, 2 or 5 times a power of ten near `rate`; none for NaN."""
    if not rate > 0:
        return []
    low, high = SANE_ADAPTIVE if adaptive else SANE
    return [_round(min(max(rate, low), high))]


def gentler_rate(plan: Plan) -> float:
    """Return a third of a plan's rate, as it would be proposed."""
    assert not callable(plan.lr)
    return sane_rates(plan.lr / 3, plan.optimizer.is_a(*ADAPTIVE))[0]


def select(candidates: Sequence[Candidate], tries: int) -> list[Candidate]:
    """Return the `tries` candidates to train: the least strain first, every kind once before
    any comes twice."""
    ranked = sorted(candidates, key=lambda one: one.forecast.strain)
    firsts: dict[str, Candidate] = {}
    for one in ranked:
        firsts.setdefault(one.change.kind, one)
    others = [one for one in ranked if firsts[one.change.kind] is not one]
    chosen = [*firsts.values(), *others][:tries]
    return sorted(chosen, key=lambda one: one.forecast.strain)


def own_activation(plan: Plan) -> Layer | None:
    """Return the activation of the hidden layers; None if there is none or they differ."""
    made = [part.new() for part in plan.hidden() if part.role == "activation"]
    return made[0] if len({repr(layer) for layer in made}) == 1 else None


def suited_weights(plan: Plan) -> Initializer | None:
    """Return weights at the critical scale of the hidden layers' activation; None if there is none,
    or they differ.
    """
    own = own_activation(plan)
    return None if own is None else _critical(own)


def _clips(plan: Plan, norm: float) -> list[Change]:
    limit = min(1.0, norm / _SMALLER) if math.isfinite(norm) else 1.0
    there = [value for value in vars(plan.clip).values() if value] if plan.clip else []
    lowest = min([limit, *(value / _SMALLER for value in there)])
    return [ClipGradient(_round(lowest))] if lowest >= SANE_CLIP else []


def _critical(layer: Layer) -> Initializer | None:
    """Return the weights with a rate of 1, by name if they have one; None if that needs
    saturated units or a signal that grows for ever."""
    try:
        sw2, point = best_scale(layer)
    except ValueError:
        return None
    growing = math.isinf(point.q)
    if sw2 > _SATURATED or growing or abs(point.chi_1 - 1) > 1e-3:
        return None
    for name in _NAMED[:2]:
        known = initializers.get(name)
        if abs(known.variance(100, 100) * 100 / sw2 - 1) < 1e-3:
            return known
    return VarianceScaling(float(f"{sw2:.4g}"), "fan_in")


def different(plan: Plan, changes: Sequence[Change]) -> list[Change]:
    """Return the changes that change something, and no two that make the same network."""
    seen = [_signature(plan)]
    found = []
    for change in changes:
        signature = _signature(change.apply(plan))
        if signature not in seen:
            seen.append(signature)
            found.append(change)
    return found


def _signature(plan: Plan) -> list[object]:
    """Return what decides how a plan behaves, initializers by the variances they give."""
    rows: list[object] = [plan.optimizer_python(), plan.truncate, plan.omega, plan.penalty]

    def note(part: Part) -> Part:
        options = dict(part.options)
        init = options.get("init")
        if part.is_a(Dense) and isinstance(init, Initializer):
            variance = init.variance(options["n_in"], options["n_out"])
            # To two digits: the fan average of nearly equal fans is no other network.
            options["init"] = (type(init).__name__ == "Orthogonal", f"{variance:.1e}")
        rows.append((part.make, sorted(options.items())))
        return part

    plan.changed(note)
    return rows + [(part.make, part.options.get("scale")) for part in plan.layers]


def _round(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is at most `value`."""
    power = 10.0 ** math.floor(math.log10(value))
    digit = max(d for d in (1, 2, 5) if d * power <= value * (1 + 1e-9))
    return float(f"{digit * power:.1g}")
