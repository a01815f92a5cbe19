"""Changes to a plan: what one is, those of data, loss and optimizer, and several together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from nnscratch import losses
from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.curing.part import Part, initializer_python
from nnscratch.curing.plan import Plan
from nnscratch.initializers import Initializer
from nnscratch.losses.base import CrossEntropy
from nnscratch.optimizers import Adam
from nnscratch.training import Penalty


class Change:
    """One change: ``change.apply(plan)`` returns the changed plan, ``str(change)`` says it.

    Attributes
    ----------
    kind : str
        What is tried against each other: the best change of every kind comes before the second
        best of any.
    said : str
        It in words, with its fields in braces.
    """

    kind: ClassVar[str]
    said: ClassVar[str] = ""

    def __str__(self) -> str:
        words = dict(vars(self))
        for name, x in words.items():
            if isinstance(x, Initializer):
                words[name] = short(x)
            elif isinstance(x, tuple):
                words[name] = ", ".join(map(str, x))
        return self.said.format(**words)

    def apply(self, plan: Plan) -> Plan:
        """Return `plan` with the change."""
        raise TypeError(f"{type(self).__name__} has no apply: use a class of nnscratch.curing")


@dataclass(frozen=True)
class StandardInputs(Change):
    """Inputs of mean 0 and deviation 1."""

    kind: ClassVar[str] = "inputs"
    said: ClassVar[str] = "standard inputs"

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, standard_inputs=True)


@dataclass(frozen=True)
class StandardTargets(Change):
    """Targets of mean 0 and deviation 1; predictions are taken back."""

    kind: ClassVar[str] = "targets"
    said: ClassVar[str] = "standard targets"

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, standard_targets=True)


@dataclass(frozen=True)
class OneHot(Change):
    """Inputs `columns` that are names as zeros and ones, `more` columns in all; others standard.

    Of a network that reads them by a dense or a recurrent layer that is not frozen.
    """

    kind: ClassVar[str] = "category codes"
    said: ClassVar[str] = "zeros and ones for input {columns}"
    columns: tuple[int, ...]
    more: int

    def apply(self, plan: Plan) -> Plan:
        first, *others = plan.layers
        wide = next((name for name in ("n_in", "features_in") if name in first.options), "")
        if first.frozen or not wide or plan.one_hot:
            return plan
        wider = first.with_options(**{wide: first.options[wide] + self.more})
        made = replace(plan, layers=(wider, *others), one_hot=self.columns, standard_inputs=True)
        return replace(made, logarithms=tuple(j for j in made.logarithms if j not in self.columns))


@dataclass(frozen=True)
class WithoutCode(Change):
    """Inputs of mean 0 and deviation 1, with the mean in the place of the number `code`."""

    kind: ClassVar[str] = "missing values"
    said: ClassVar[str] = "means in the place of {code:g}"
    code: float

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, missing=self.code, standard_inputs=True)


@dataclass(frozen=True)
class CutInputs(Change):
    """Inputs of mean 0 and deviation 1, those cut that lie far from all others of their column."""

    kind: ClassVar[str] = "far inputs"
    said: ClassVar[str] = "standard inputs, cut at {times:g} middle distances"
    times: float

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, cut=self.times, standard_inputs=True)


@dataclass(frozen=True)
class OnlyNear(Change):
    """Targets of mean 0 and deviation 1, without those that lie far from all others."""

    kind: ClassVar[str] = "far targets"
    said: ClassVar[str] = "standard targets without those far off"

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, only_near=True, standard_targets=True)


@dataclass(frozen=True)
class Logarithms(Change):
    """Logarithms of the inputs `columns`, which have a long tail; all inputs standard."""

    kind: ClassVar[str] = "logarithms"
    said: ClassVar[str] = "logarithms of input {columns}"
    columns: tuple[int, ...]

    def apply(self, plan: Plan) -> Plan:
        kept = tuple(j for j in self.columns if j not in plan.one_hot)
        return replace(plan, logarithms=kept, standard_inputs=True)


@dataclass(frozen=True)
class TargetLogarithms(Change):
    """Logarithms of the targets `columns`, which have a long tail; predictions are taken back."""

    kind: ClassVar[str] = "target logarithms"
    said: ClassVar[str] = "logarithms of targets"
    columns: tuple[int, ...]

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, target_logarithms=self.columns, standard_targets=True)


@dataclass(frozen=True)
class ClassWeights(Change):
    """Classes count by these factors in the loss, if that is a cross-entropy."""

    kind: ClassVar[str] = "class weights"
    said: ClassVar[str] = "class weights"
    weights: tuple[float, ...]

    def apply(self, plan: Plan) -> Plan:
        if not (isinstance(plan.loss, Part) and plan.loss.is_a(CrossEntropy)):
            return plan
        return replace(plan, loss=plan.loss.with_options(class_weights=self.weights))


@dataclass(frozen=True)
class NewOutput(Change):
    """No activation at the output, and the loss `loss` on what the last dense layer gives."""

    kind: ClassVar[str] = "output"
    said: ClassVar[str] = "{loss.__name__} on a linear output"
    loss: type[losses.Loss]

    def apply(self, plan: Plan) -> Plan:
        last = plan.top()
        kept = [p for i, p in enumerate(plan.layers) if i < last or p.role != "activation"]
        kept_loss = plan.loss if plan.loss_is(self.loss) else Part(self.loss, {})
        return replace(plan, layers=tuple(kept), loss=kept_loss)


@dataclass(frozen=True)
class ClipGradient(Change):
    """Clip the whole gradient to the norm `max_norm`, instead of any clip there is."""

    kind: ClassVar[str] = "clipping"
    said: ClassVar[str] = "clip to norm {max_norm:g}"
    max_norm: float

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, clip=ClipByGlobalNorm(self.max_norm))


@dataclass(frozen=True)
class LearningRate(Change):
    """The constant learning rate `lr`."""

    kind: ClassVar[str] = "learning rate"
    said: ClassVar[str] = "lr={lr:g}"
    lr: float

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, lr=self.lr)


@dataclass(frozen=True)
class UseAdam(Change):
    """Adam with the rate `lr`, and the clip that is there."""

    kind: ClassVar[str] = "optimizer"
    said: ClassVar[str] = "Adam, lr={lr:g}"
    lr: float

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, optimizer=Part(Adam, {}), lr=self.lr)


@dataclass(frozen=True)
class NoPenalty(Change):
    """Weights of any size cost nothing."""

    kind: ClassVar[str] = "penalty"
    said: ClassVar[str] = "no penalty"

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, penalty=None)


@dataclass(frozen=True)
class LessDecay(Change):
    """Decay of the weights by the optimizer with the factor `decay`."""

    kind: ClassVar[str] = "penalty"
    said: ClassVar[str] = "weight decay {decay:g}"
    decay: float

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, optimizer=plan.optimizer.with_options(weight_decay=self.decay))


@dataclass(frozen=True)
class AddPenalty(Change):
    """What is minimised has `l2` times the sum of the squared weights more."""

    kind: ClassVar[str] = "penalty"
    said: ClassVar[str] = "a penalty on weights, l2={l2:g}"
    l2: float

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, penalty=Part(Penalty, {"l2": self.l2}))


@dataclass(frozen=True)
class Together(Change):
    """Several changes, one after the other."""

    kind: ClassVar[str] = "together"
    changes: tuple[Change, ...]

    def apply(self, plan: Plan) -> Plan:
        for change in self.changes:
            plan = change.apply(plan)
        return plan

    def __str__(self) -> str:
        return " + ".join(map(str, self.changes))


# Whatever of these came before a change of the kind it undoes.
_UNDOES = {
    "learning rate": {"learning rate"},
    "optimizer": {"learning rate", "optimizer"},
    "activation": {"activation", "weights"},
    "weights": {"weights"},
    "clipping": {"clipping"},
    "cell": {"cell", "recurrent weights", "forget bias"},
    "recurrent weights": {"recurrent weights"},
    "input weights": {"input weights", "recurrent weights"},
    "blocks add": {"blocks add"},
    "forget bias": {"forget bias"},
    "truncation": {"truncation"},
    "category codes": {"inputs"},
    "missing values": {"inputs"},
    "far inputs": {"inputs"},
    "far targets": {"targets"},
    "logarithms": {"inputs"},
    "target logarithms": {"targets"},
    "width": {"width"},
    "penalty": {"penalty"},
    "dropout": {"dropout"},
}


def together(*changes: Change | None) -> Change | None:
    """Return several changes as one, those within each other side by side; None for none.

    What a later one decides anew is left out.
    """
    flat: list[Change] = []
    for change in changes:
        for one in change.changes if isinstance(change, Together) else [change] if change else []:
            flat = [old for old in flat if old.kind not in _UNDOES.get(one.kind, ())] + [one]
    return flat[0] if len(flat) == 1 else Together(tuple(flat)) if flat else None


def short(init: Initializer) -> str:
    """Return an initializer in few words."""
    return initializer_python(init).removeprefix("nn.initializers.").strip('"')
