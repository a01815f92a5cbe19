"""What PyTorch lets a training loop do without a word: seen in the first pass, told in findings.

Each is exact, no guess: the optimizer lacks a parameter that has a gradient, a loss compares each
output with the targets of all examples, a module takes the batch for time, the network trains as it
is evaluated. Gradients that are never cleared are measured from pass to pass (`gradient_kept`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from nnscratch.flow.findings.torch_lines import OPTIMIZER
from nnscratch.pytorch.losses.criterion import Criterion
from nnscratch.pytorch.losses.sent_back import signed, table
from nnscratch.pytorch.measuring.graph import is_recorded
from nnscratch.pytorch.mistakes.bootstrapped import learns_along
from nnscratch.pytorch.mistakes.class_weights import by_frequency
from nnscratch.pytorch.mistakes.dropped import Dropped
from nnscratch.pytorch.mistakes.forgotten import Forgotten
from nnscratch.pytorch.mistakes.masks import Masks
from nnscratch.pytorch.mistakes.modes import evaluates
from nnscratch.pytorch.mistakes.moves import Moves
from nnscratch.pytorch.mistakes.sequences import Sequences
from nnscratch.pytorch.mistakes.softmaxes import Softmaxes
from nnscratch.pytorch.tensors import tensors_in
from nnscratch_records.words import number, percent

_LAST = "the last function"
_INSIDE = "a function inside, such as attention,"
_OF_SCORES = {"NLLLoss": "loss = torch.nn.CrossEntropyLoss()"}
SEVERAL = 0.1  # of the examples have several classes: no slips of whoever wrote them
_NAMED = 3  # of many parameters as many are named


def frozen(tensors: Mapping[str, Any]) -> str:
    """Return what is frozen, in a sentence: often on purpose, so no mistake; empty if nothing."""
    names = [name for name, p in tensors.items() if not p.requires_grad]
    if not names:
        return ""
    sizes = [p.numel() for p in tensors.values()]
    still = sum(tensors[name].numel() for name in names)
    return (
        f"frozen by requires_grad=False: {len(names)} of {len(sizes)} parameters, "
        f"{percent(still / max(sum(sizes), 1))} of all numbers: {_some(names)}"
    )


class Mistakes:
    """Collects what is wrong with the loop while the first pass is found."""

    def __init__(self) -> None:
        self._called: dict[str, None] = {}  # modules, in order
        self._sequences: list[tuple[str, Any]] = []  # those that take the first axis for time
        self._mixes = ""  # what takes the softmax over the batch
        self._within: dict[str, int] = {}  # softmaxes of the first axis, and how long that is
        self._softmax: tuple[str, Any] = "", None  # the last module that takes one, and its node
        self._ends = ""  # the softmax that gives the network's output
        self._examples = 0
        self._evaluates = False
        self._order, self._moves, self.dropped = Sequences(), Moves(), Dropped()
        self._softmaxes, self._forgotten, self._masks = Softmaxes(), Forgotten(), Masks()
        self._table: tuple[str, tuple[int, ...]] = "", ()
        self._bootstrapped: tuple[str, ...] = ()
        self._network: Any = None  # the first tensor that goes in
        self._given_all: set[str] = set()  # modules that are given that too
        self._cut: set[str] = set()  # those whose outputs ask for no gradient

    def called(self, name: str, module: nn.Module, given: Any) -> None:
        """Look at a module that is called."""
        if is_recorded(module):  # what others hold themselves may be used by none of them
            self._called[name] = None
            one = next(tensors_in(given), None)
            if one is not None and one is self._network:
                self._given_all.add(name)
        self._forgotten.called(name)
        self._masks.called(name, module, given)
        self._order.called(name, module, given)
        self._moves.called(name, module, given)
        if name == "":
            first = self._network = next(tensors_in(given), None)
            self._given_all, self._cut = set(), set()
            self._examples = 0 if first is None or not first.ndim else len(first)
            other = nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd
            some = any(isinstance(one, other) for one in module.modules())
            self._evaluates = some and not module.training
        if isinstance(module, nn.RNNBase | nn.MultiheadAttention) and not module.batch_first:
            first = next(tensors_in(given), None)
            if first is not None and first.ndim == 3:
                self._sequences.append((name, first.shape))

    def returned(self, name: str, module: nn.Module, output: Any) -> None:
        """Look at what a softmax gives, and at what the network gives: is it that?"""
        self._forgotten.returned(name, module, output)
        self._masks.returned(name, module, output)
        self._order.returned(name, module, output)
        self._moves.returned(name, module, output)
        self.dropped.returned(module, output)
        self._softmaxes.returned(name, module, output)
        if not any(one.requires_grad for one in tensors_in(output)):
            self._cut.add(name)
        if isinstance(module, nn.Softmax | nn.LogSoftmax | nn.Softmin):
            self._softmax = name, getattr(output, "grad_fn", None)
            if getattr(output, "ndim", 0) >= 2 and module.dim in (0, -output.ndim):
                self._within[name] = len(output)
        for tensor in tensors_in(output) if name == "" else ():
            made = tensor.grad_fn
            if made is not None and made is self._softmax[1]:
                self._ends = self._softmax[0]
            whole = tensor.ndim >= 2 and len(tensor) == self._examples
            if whole and "Softmax" in type(made).__name__:
                axis = made._saved_dim
                if signed(axis) % tensor.ndim == 0:
                    self._mixes = self._softmax[0] if made is self._softmax[1] else _LAST
        if name == "":
            self._softmax = "", None
            self._network = None

    def sent(self, roots: list[Any]) -> None:
        """Look at what the first loss was computed by."""
        self._table = table(roots, self._examples)
        self._bootstrapped = learns_along(roots)
        self._forgotten.sent(roots)
        self._masks.sent(roots)
        self.dropped.sent(roots)
        self._softmaxes.sent(roots)

    def told(
        self,
        criterion: Criterion,
        tensors: Mapping[str, Any],
        updated: set[int],
        unknown: Mapping[str, Any],
    ) -> list[tuple[str, ...]]:
        """Return what was seen, as lines of the record's `mistakes`; empty ones are none.

        tensors : the parameters by name
        updated : the identities of those that the optimizer has
        unknown : the modules that the model does not know, by name
        """
        over_batch = self._over_batch(criterion.targets)
        left = [
            name
            for name, p in tensors.items()
            if p.requires_grad and p.grad is not None and id(p) not in updated
        ]
        return [
            _left_out(left, unknown, len(tensors)) if left else self._cut_off(tensors, updated),
            self._batch_as_time(criterion.targets),
            over_batch,
            _broadcast(*criterion.broadcast()) or self._each_with_each(),
            _several(*criterion.several(), criterion.targets),
            () if over_batch else self._not_logs(*criterion.not_logs()),
            _not_meant(*criterion.not_meant()),
            self._evaluating(),
            *self._order.told(criterion.targets, criterion.left_out),
            self._forgotten.told(),
            self._masks.told,
            self._moves.told() or self._softmaxes.mixed,
            self._softmaxes.of_one,
            self._bootstrapped,
            by_frequency(criterion.function, criterion.targets),
            self.dropped.told(),
        ]

    def _cut_off(self, tensors: Mapping[str, Any], updated: set[int]) -> tuple[str, ...]:
        """The first modules that were called have no gradient, and later ones do."""
        own: dict[str, list[Any]] = {name: [] for name in self._called}
        for name, p in tensors.items():
            if p.requires_grad and id(p) in updated and name.rpartition(".")[0] in own:
                own[name.rpartition(".")[0]].append(p.grad is not None)
        reached = [(name, any(arrived)) for name, arrived in own.items() if arrived]
        count = next((i for i, (_, arrived) in enumerate(reached) if arrived), 0)
        if not count:
            return ()
        names = ", ".join(name or "the network" for name, _ in reached[:count][-_NAMED:])
        behind = reached[count][0]
        if behind in self._given_all and not self._cut & {name for name, _ in reached[:count]}:
            return _unused(names, behind)
        return (
            "frozen parameters",
            f"No gradient reaches the parameters of {names}: they are part of the pass and of the "
            f"optimizer, and {behind} behind them has one.",
            "Something between them cuts the gradient off: detach(), .data, numpy(), no_grad(), a "
            "rounding or an argmax.",
            f"take away what cuts it off before {behind}, or freeze what is not to be trained",
            "",
        )

    def _not_logs(self, loss: str, given: str) -> tuple[str, ...]:
        if not loss:
            return ()
        seen = f"{loss} takes the logarithms of probabilities, and what it is given are {given}."
        why = "It turns the sign of what stands for the right answer, and that has no end."
        what, line = "take the loss of scores", _OF_SCORES.get(loss, "")
        if given == "probabilities":
            softmax = f"model.set_submodule({self._ends!r}, torch.nn.LogSoftmax(-1))"
            what, line = "end with a log-softmax", softmax if self._ends else ""
        return "not log-probabilities", seen, why, what, line

    def _over_batch(self, targets: Any) -> tuple[str, ...]:
        if not self._mixes and getattr(targets, "ndim", 0) == 1:  # else time may come first
            inner = [one for one, count in self._within.items() if count == len(targets)]
            self._mixes = inner[0] if inner else ""
            if not inner and len(targets) == self._examples and len(targets) > 1:
                self._mixes = _INSIDE if len(targets) in self._softmaxes.of_first else ""
        if not self._mixes:
            return ()
        known = self._mixes not in (_LAST, _INSIDE)
        return (
            "softmax over the batch",
            f"The softmax of {self._mixes} adds up to 1 over the examples of the batch, not over "
            f"the {'steps' if self._mixes == _INSIDE else 'classes'} of each.",
            "Its axis is 0: an example's probabilities then depend on what else is in the batch.",
            "take it over the last axis",
            f"model.get_submodule({self._mixes!r}).dim = -1" if known else "",
        )

    def _batch_as_time(self, targets: Any) -> tuple[str, ...]:
        for name, (time, batch, _) in self._sequences:
            examples = None if targets is None or not targets.ndim else targets.shape[0]
            other = targets is not None and targets.ndim > 1 and targets.shape[1] == batch
            if examples == time != batch and not other:
                return (
                    "batch taken for time",
                    f"{name} takes the {time} examples of a batch for steps of time, and the "
                    f"{batch} steps of each for a batch: there are {time} targets.",
                    "Without batch_first=True it reads (time, batch, features): each example sees "
                    "the ones before it, or all others.",
                    "give the examples first, as the data are",
                    f"model.get_submodule({name!r}).batch_first = True",
                )
        return ()

    def _each_with_each(self) -> tuple[str, ...]:
        name, given = self._table
        if not name:
            return ()
        count = given[0]
        other = (count,) if len(given) == 2 else (count, 1)
        does = "multiplies" if name == "MulBackward" else "compares"
        return (
            "broadcast loss",
            f"The loss {does} what the network says of each of {count} examples with what belongs "
            f"to all of them: numbers of shape {given} meet others, such as {other}, and "
            f"broadcasting makes a table {(count, count)} of both.",
            "So each is pulled the way that is right for the average of all, whatever goes in.",
            "give both the same shape, by squeeze(1) or unsqueeze(1)",
            "",
        )

    def _evaluating(self) -> tuple[str, ...]:
        seen = "The network trains as it is evaluated", "model.eval() was called"
        return evaluates(*seen) if self._evaluates else ()


def _unused(names: str, behind: str) -> tuple[str, ...]:
    return (
        "unused layers",
        f"No gradient reaches the parameters of {names}: {behind} behind them is given what goes "
        f"into the network, and not what they give.",
        "A line of forward() starts from its input again, in place of the last line's result; or "
        "detach() cuts off what else reads it.",
        f"give {behind} what the layers before it give: x = layer(x), line by line",
        "",
    )


def _left_out(names: list[str], unknown: Mapping[str, Any], count: int) -> tuple[str, ...]:
    some = _some(names)
    one = len(names) == 1
    seen = (
        f"The optimizer does not have {some}: of {count} parameters {len(names)} "
        f"{'gets a gradient and never changes' if one else 'get a gradient and never change'}."
    )
    kind, what = "frozen parameters", "make the optimizer of all parameters"
    held = next((name for name in names if name.rpartition(".")[0] in unknown), "")
    if held:
        owner, _, key = held.partition("[")
        register = "ModuleList" if key[0].isdecimal() else "ModuleDict"
        return (
            *(kind, seen),
            f"model.{owner} is a plain list or dict, which a Module does not search: its layers "
            f"are missing in model.parameters(), in state dicts and in model.to().",
            "register them, and make the optimizer anew",
            f"model.{owner} = torch.nn.{register}(model.{owner}); {OPTIMIZER}",
        )
    why = "It was made of other parameters, or before these were put in their place."
    return kind, seen, why, what, OPTIMIZER


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if names[_NAMED:] else ""
    return ", ".join(names[:_NAMED]) + more


def _several(count: int, classes: float, targets: Any) -> tuple[str, ...]:
    if not count > SEVERAL * (0 if targets is None else len(targets)):
        return ()
    return (
        "several labels",
        f"The loss takes one class to be right, and {count} of {len(targets)} examples have "
        f"several, {number(classes)} on average.",
        "Its softmax makes the classes share out one: what is right with one of them is wrong with "
        "the others, and no output says yes or no.",
        "ask for each label by itself",
        "loss = torch.nn.BCEWithLogitsLoss()",
    )


def _not_meant(loss: str, takes: str, given: str, line: str) -> tuple[str, ...]:
    if not loss:
        return ()
    return (
        "target values",
        f"The targets are {given}, and {loss} takes {takes}: it does not say so.",
        "For others it is no distance from anything: some of them count for nothing, or outputs "
        "without end make it fall without end.",
        "bring the targets to what the loss takes",
        line,
    )


def _broadcast(outputs: str = "", targets: str = "") -> tuple[str, ...]:
    if not outputs:
        return ()
    return (
        "broadcast loss",
        f"The loss compares every output with the targets of all examples: outputs are "
        f"{outputs}, targets {targets}, and broadcasting makes a table of both.",
        "So each output is pulled to the mean of the targets, whatever its input.",
        "give the targets the shape of the outputs",
        "y = y.reshape(model(x).shape)",
    )
