"""Where the first NaN or infinity of a pass is: every tensor of it, in the order of computation.

``nn.find_nonfinite(model, loss=value)`` after `model.backward` (or `training_pass`) names the first
tensor with a component that is not finite; `Trainer.fit` calls it when a training runs away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.display import Brief
from nnscratch.errors import require_real
from nnscratch.network.model import Sequential, require_model
from nnscratch.saved import from_plain

BEFORE, FORWARD, BACKWARD, UPDATE = "before the pass", "forward", "backward", "update"
# Of a tensor, the name under which a record keeps its largest value at each step.
SEEN = {"output": "output_max", "gradient of output": "gradient_max"}


@dataclass(frozen=True)
class TensorSummary:
    """One tensor of a training step in numbers.

    Attributes
    ----------
    stage : str
        ``"before the pass"`` (a parameter as the pass found it), ``"forward"``, ``"backward"`` or
        ``"update"`` (a parameter, or what the optimizer remembers of it, after the update).
    layer : str
        Name of the layer; empty for the loss.
    tensor : str
        ``"input"``, ``"output"``, ``"loss"``, the name of a parameter or a running statistic;
        behind ``"gradient of"`` the gradient of one, or the gradient that arrives at the output.
    size, nan, infinite : int
        Components, and how many of them are NaN or infinite.
    norm : float
        Euclidean norm over all components (NaN or infinite if one of them is).
    largest : float
        Largest absolute value among the finite components; NaN if there is none.
    """

    stage: str
    layer: str
    tensor: str
    size: int
    nan: int
    infinite: int
    norm: float
    largest: float

    @property
    def bad(self) -> int:
        """How many components are not finite."""
        return self.nan + self.infinite

    @property
    def name(self) -> str:
        """In words: ``"the output of 5.relu"``."""
        if not self.layer:
            return f"the {self.tensor}"
        if self.tensor == "gradient of output":
            return f"the gradient that arrives at the output of {self.layer}"
        if self.tensor.startswith("gradient of "):
            return f"the gradient of the {self.tensor[12:]} of {self.layer}"
        return f"the {self.tensor} of {self.layer}"

    @property
    def kinds(self) -> str:
        """What the bad components are: ``"NaN"``, ``"infinite"`` or how many of each."""
        if self.nan and self.infinite:
            return f"{self.nan:,} NaN, {self.infinite:,} infinite"
        return "NaN" if self.nan else "infinite"

    def same_place(self, other: TensorSummary) -> bool:
        """Whether both are the same tensor in the same stage."""
        return (self.stage, self.layer, self.tensor) == (other.stage, other.layer, other.tensor)


def summarize(stage: str, layer: str, tensor: str, values: Array | float) -> TensorSummary:
    """Return the summary of `values`."""
    array = np.atleast_1d(np.asarray(values))
    finite = np.isfinite(array)
    nan = int(np.isnan(array).sum())
    bad = array.size - int(finite.sum())
    largest = float(np.abs(array[finite]).max()) if bad < array.size else math.nan
    with np.errstate(over="ignore", invalid="ignore"):
        norm = float(kernels.norm(np.ascontiguousarray(array)))
    return TensorSummary(stage, layer, tensor, array.size, nan, bad - nan, norm, largest)


def tensors_of_pass(model: Sequential, loss: float | None = None) -> Iterator[TensorSummary]:
    """Go through the model's latest pass in the order in which it was computed.

    The input; for each layer its parameters, its output and its running statistics; the loss, if
    it is given; then from the last layer to the first the gradient that arrives at the output and
    those of the parameters, if there was a backward pass.
    """
    trace = model.last
    names = list(model.layers)
    first = trace[names[0]]
    yield summarize(FORWARD, names[0], "input", first.input)
    for name, layer in model.layers.items():
        for key, values in layer.params.items():
            yield summarize(BEFORE, name, key, values)
        yield summarize(FORWARD, name, "output", trace[name].output)
        for key, values in layer.statistics.items():
            yield summarize(FORWARD, name, key, values)
    if loss is not None:
        yield summarize(FORWARD, "", "loss", loss)
    for name in reversed(names):
        upstream = trace[name].upstream
        if upstream is None:
            return
        yield summarize(BACKWARD, name, "gradient of output", upstream)
        for key, values in model.layers[name].grads.items():
            yield summarize(BACKWARD, name, f"gradient of {key}", values)


def tensors_of_update(model: Sequential, state: Mapping[str, Array]) -> Iterator[TensorSummary]:
    """Go through an update: each parameter's gradient, what the optimizer remembers of it, itself.

    `state` is the optimizer's, arrays as long as all parameters together.
    """
    offsets = model.params.offsets.tolist()
    for i, (name, values) in enumerate(model.params.items()):
        layer, key = model.owners[name], name.rpartition(".")[2]
        yield summarize(UPDATE, layer, f"gradient of {key}", model.grads[name])
        for remembered, flat in state.items():
            part = flat[offsets[i] : offsets[i + 1]]
            yield summarize(UPDATE, layer, f"optimizer's {remembered} of the {key}", part)
        yield summarize(UPDATE, layer, key, values)


@dataclass(repr=False)
class NonFinite(Brief):
    """The first NaN or infinity of a training, and where it was.

    Attributes
    ----------
    first : TensorSummary
        The first tensor, in the order of computation, with a component that is not finite.
    before : TensorSummary or None
        The tensor it was computed from: the output of the layer below in the forward pass, the
        gradient of the layer above in the backward pass, a parameter's gradient for its update.
    step, epoch : int or None
        Counted from 0; None where nobody counts.
    loss : float or None
        The loss of the step.
    losses : list of float
        Those of the steps before, the latest last.
    examples : list of int
        The rows of the training data that are not finite there, where others of the mini-batch are.
    since : str
        For a parameter that was bad before the pass: what made it so.
    saved : str
        Where the state from before the step was saved; empty if it was not.
    earlier : list of float
        The largest absolute values that the same tensor had in the steps before, the latest last,
        where a recorder saw them.
    batch, kept : dict of arrays or None, (parameters, optimizer's state) or None
        While the trainer's callbacks see it: the mini-batch of the step; and, of an update, what it
        changed, from before it.
    """

    first: TensorSummary
    before: TensorSummary | None = None
    step: int | None = None
    epoch: int | None = None
    loss: float | None = None
    losses: list[float] = field(default_factory=list)
    examples: list[int] = field(default_factory=list)
    since: str = ""
    saved: str = ""
    earlier: list[float] = field(default_factory=list)
    batch: dict[str, Array] | None = field(default=None, repr=False, compare=False)
    kept: tuple[Array, dict[str, Array]] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        """Say where, how many, and how large the finite values next to it were."""
        first = self.first
        when = "" if self.step is None else f" at step {self.step}"
        when += "" if self.epoch is None else f" (epoch {self.epoch + 1})"
        text = f"not finite{when}, {_WHERE[first.stage]}: first {first.name}, "
        if first.size == 1:
            value = "NaN" if first.nan else "infinite"
            text += f"which is {value}"
        else:
            text += f"{first.bad:,} of {first.size:,} values are {first.kinds}"
        largest = []
        if not math.isnan(first.largest):
            largest.append(f"largest finite one {first.largest:.3g}")
        if self.before is not None:
            largest.append(f"largest of {self.before.name} {self.before.largest:.3g}")
        text += f" ({'; '.join(largest)})" if largest else ""
        if self.examples:
            text += f"; from {_examples(self.examples)} of the training data"
        text += f"; {self.since}" if self.since else ""
        if self.loss is not None and first.tensor != "loss":
            verb = "is still" if math.isfinite(self.loss) else "became"
            text += f"; the loss {verb} {self.loss:.6g}"
        text += _series(f"largest of {first.name}", self.earlier)
        return text + _series("losses", self.losses)

    def remember(self, record: Mapping[str, Any], history: int = 5) -> None:
        """Take from a record how large the tensor was in up to `history` steps before."""
        name = SEEN.get(self.first.tensor)
        layers = list(record["layers"])
        if name is None or self.first.layer not in layers:
            return
        column = record[name][:, layers.index(self.first.layer)]
        self.earlier = column[record["steps"] < self.step][-history:].tolist()

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain values."""
        facts = {key: getattr(self, key) for key in _FACTS}
        facts.update({key: list(getattr(self, key)) for key in _LISTS})
        facts["first"] = asdict(self.first)
        facts["before"] = None if self.before is None else asdict(self.before)
        return facts

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> NonFinite:
        """Return what `to_dict` described. Raises `KeyError` or `TypeError` if it did not."""
        before = facts["before"]
        plain = {key: facts[key] for key in (*_FACTS, *_LISTS)}
        tensors = {
            "first": from_plain(TensorSummary, facts["first"]),
            "before": None if before is None else from_plain(TensorSummary, before),
        }
        found = from_plain(cls, {**tensors, **plain})
        if found.first.stage not in _WHERE:
            raise TypeError(f"stage is {found.first.stage!r}, expected {', '.join(_WHERE)}")
        return found


def _examples(rows: list[int]) -> str:
    if len(rows) == 1:
        return f"example {rows[0]}"
    shown = ", ".join(map(str, rows[:5]))
    return f"{len(rows)} examples ({shown}{', ...' if len(rows) > 5 else ''})"


def _series(what: str, values: list[float]) -> str:
    if not values:
        return ""
    steps = "step" if len(values) == 1 else f"{len(values)} steps"
    return f"; {what} in the {steps} before: {', '.join(f'{value:.4g}' for value in values)}"


_WHERE = {
    BEFORE: "before the pass",
    FORWARD: "in the forward pass",
    BACKWARD: "in the backward pass",
    UPDATE: "in the update",
}
_SOURCES = {FORWARD: ("output", "input"), BACKWARD: ("gradient of output",), UPDATE: ()}
_LISTS = ("losses", "earlier", "examples")
_FACTS = ("step", "epoch", "loss", "since")


def first_bad(tensors: Iterator[TensorSummary]) -> NonFinite | None:
    """Return the first of `tensors` that is not finite, with the one it was computed from."""
    seen: list[TensorSummary] = []
    for tensor in tensors:
        if tensor.bad:
            return NonFinite(tensor, _source(tensor, seen))
        seen.append(tensor)
    return None


def find_nonfinite(model: Sequential, loss: float | None = None) -> NonFinite | None:
    """Return where the latest pass of `model` first holds a NaN or an infinity; None if nowhere.

    For one's own loop: ``value = model.training_pass(x, y, loss)``, then, before the update,
    ``print(nn.find_nonfinite(model, value))``.
    """
    require_model("find_nonfinite model", model)
    if loss is not None:
        loss = require_real("find_nonfinite loss", loss)
    with (mine := Lock()):
        model.turn.take(mine, model)
        model.whole()
    return first_bad(tensors_of_pass(model, loss))


def bad_rows(model: Sequential, first: TensorSummary) -> Array:
    """Return which rows of the latest batch are not finite in `first`; none for a parameter."""
    values = None
    if first.layer:
        layer = model.last[first.layer]
        places = {
            "input": layer.input,
            "output": layer.output,
            "gradient of output": layer.upstream,
        }
        values = places.get(first.tensor)
    if values is None:
        return np.empty(0, np.int64)
    return np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))


def _source(tensor: TensorSummary, seen: list[TensorSummary]) -> TensorSummary | None:
    """Return the finite tensor that `tensor` was computed from."""
    if tensor.stage == BEFORE or tensor.tensor == "input":
        return None
    for earlier in reversed(seen):
        if tensor.stage == FORWARD and (earlier.layer, earlier.tensor) == (tensor.layer, "output"):
            continue  # a running statistic is that of the layer's input
        if earlier.stage == tensor.stage and earlier.tensor in _SOURCES[tensor.stage]:
            return earlier
        if tensor.stage == UPDATE and earlier.tensor.startswith("gradient of"):
            return earlier
    return None
