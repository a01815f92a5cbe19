"""What a network's answers depend on, asked by going forward again: with other words, or in another
order.

No module and no mask is looked at: how attention is written does not matter. It is asked once, some
steps after the first, as positions may begin as zeros.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from nnscratch.flow.findings.torch_lines import OPTIMIZER
from nnscratch.pytorch.losses.criterion import Criterion
from nnscratch.pytorch.losses.sent_back import name_of, nodes, shape_of
from nnscratch.pytorch.losses.unused import one_example
from nnscratch.pytorch.measuring.graph import first_measured
from nnscratch.pytorch.measuring.hooks import Hook
from nnscratch.pytorch.measuring.places import await_gradient
from nnscratch.pytorch.measuring.probing import unseen
from nnscratch.pytorch.mistakes.bounds import bounded
from nnscratch.pytorch.mistakes.companions import SAME, by_the_batch, mixed
from nnscratch.pytorch.mistakes.dropped import still_on
from nnscratch.pytorch.mistakes.padding import (
    Padded,
    first_alone,
    padded,
    padding_read,
    words_hidden,
)
from nnscratch.pytorch.mistakes.sequences import (
    LEAST,
    copies,
    looks_ahead,
    one_further,
    same_number,
)
from nnscratch.pytorch.mistakes.uphill import driven_away, meant, multiplied
from nnscratch.pytorch.tensors import IDS, doubled, replaced, tensors_in

ASKED = 12  # the recorded step at which it is asked
APART = 1e-3  # of the same: by so much examples' answers differ at least
WORDS = 4  # different ones there are
_BY_STEPS = (nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)  # what stands first may be time


class Questions:
    """Keeps what the network is given in one pass, and asks."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self.begin(None)

    def begin(self, given: Any) -> None:
        """Keep what a pass is given, args and kwargs, and wait for the gradient of its answers."""
        self._given = given
        self._steps = 0  # that attend to one another
        self._asked: Any = None  # classes
        self._first: dict[str, int] = {}  # modules that are given the input, and what they make
        self._before: Any = None  # answers
        self._gradient: Any = None  # that came back to what it gave
        self._gave_last: Any = None, None  # that, without what made it, and its node of autograd
        self._factor: Any = None  # what the loss multiplies that with
        if given is not None:
            hook = self._model.register_forward_hook(Hook(lambda *call: self._gave(hook, call[-1])))

    def _gave(self, hook: Any, output: Any) -> None:
        hook.remove()
        answers = first_measured(output)
        if answers is not None:
            self._gave_last = answers.detach(), answers.grad_fn
            await_gradient(answers, self._arrived)

    def sends(self, roots: list[Any]) -> None:
        """Look at a loss before it is sent back."""
        if self._given is not None:
            self._factor = multiplied(roots, self._gave_last[1])

    def _arrived(self, dy: Any) -> None:
        """Read off a gradient what a cross-entropy asks for: it is negative there alone."""
        self._gradient = dy
        for axis in (-1, 1):
            below = dy < 0
            if dy.shape[axis] > 2 and bool((below.sum(axis) <= 1).all()):
                self._asked = torch.where(below.any(axis), dy.argmin(axis), -1)
                return

    def sent(self, roots: list[Any]) -> None:
        """Look at what the pass went through: attention."""
        for node in nodes(roots):
            name, shape = name_of(node), shape_of(node) or ()
            if len(shape) > 2 and name.startswith("ScaledDotProduct"):
                self._steps = shape[-2]
            elif len(shape) > 2 and name == "SoftmaxBackward" and shape[-1] == shape[-2]:
                self._steps = shape[-1]

    def told(self, criterion: Criterion, drops: bool) -> list[tuple[str, ...]]:
        """Ask, and return what is wrong as lines of `Mistakes`; let go of what was kept.

        drops : whether functions drop something while it trains
        """
        lines: list[tuple[str, ...]] = []
        if self._given is not None:
            outputs = self._gave_last[0]
            to = meant(outputs, criterion, self._factor)
            lines.append(driven_away(outputs, self._gradient, to))
            if not any(isinstance(one, _BY_STEPS) for one in self._model.modules()):
                lines.append(one_example(self._gradient, criterion.targets))
            asked = self._asked if criterion.targets is None else criterion.targets
            asks = [
                lambda: self._lines(asked),
                lambda: self._bounded(criterion),
                lambda: self._mixed(criterion.targets),
            ]
            for ask in [*asks, self._still_drops] if drops else asks:
                # It may not go again with other numbers.
                with contextlib.suppress(Exception), unseen(self._model, as_it_is=True):
                    lines += [one for one in ask() if one]
        self.begin(None)
        return lines

    def _lines(self, asked: Any) -> Iterator[tuple[str, ...]]:
        if any(map(_mixes_steps, self._model.modules())):
            return
        some = list(tensors_in(self._given))
        words = [one for one in some if one.dtype in IDS and one.ndim == 2]
        words = [one for one in words if len(one.unique()) >= WORDS]
        named = asked is not None and asked.dtype in IDS
        long = [one for one in words if named and min(one.shape) >= LEAST]
        told = [one for one in long if same_number(one, asked) or one_further(one, asked)]
        if len(told) > 1:  # a model that is given the targets too may take its loss of them
            told = [one for one in told if not self._for_the_loss(one)]
        if len(told) == 1:  # of two that are told the other one is to show it
            yield self._seen(told[0], asked)
        for ids in words:
            yield self._hidden(ids)
        for x in [*words, *(one for one in some if one.is_floating_point() and one.ndim == 3)]:
            yield self._first_alone(x)
        if self._steps and some and some[0].ndim in (2, 3):
            yield self._out_of_order(some)

    def _still_drops(self) -> list[tuple[str, ...]]:
        with torch.enable_grad():
            return [still_on(self._answers())]

    def _bounded(self, criterion: Criterion) -> list[tuple[str, ...]]:
        return [bounded(lambda times: self._answers(times=times), criterion)]

    def _mixed(self, targets: Any) -> list[tuple[str, ...]]:
        some = list(tensors_in(self._given))
        if len(some) != 1 or by_the_batch(self._model.modules()):
            return []
        return [mixed(lambda new: self._answers(some[0], new), some[0], targets)]

    def _answers(self, old: Any = None, new: Any = None, times: float = 1.0) -> Any:
        """Return what the network answers with another tensor in the place of `old`.

        In float64: positions that hardly count, as at the beginning, are above rounding there.
        """
        args, kwargs = doubled(replaced(self._given, old, new))
        state = {
            name: doubled(one) * times if isinstance(one, nn.Parameter) else doubled(one)
            for name, one in _state(self._model)
        }
        for seed in (random.seed, np.random.seed, torch.manual_seed):  # the same noise each time
            seed(0)
        call = partial(torch.func.functional_call, self._model, state, args, kwargs)
        return first_measured(call(tie_weights=False))

    def _unchanged(self, ids: Any, new: Any, other: Any = None) -> Any:
        """Return which answers stay the same; None where it is not known.

        other : what has to be answered otherwise, where all examples are answered alike
        """
        if self._before is None:
            self._before = self._plain(ids)
        before, after = self._before, self._answers(ids, new)
        if before is None or after.shape != before.shape or not bool(before.isfinite().all()):
            return None
        largest = before.abs().max()
        apart = before.flatten(1).std(0)
        if other is not None and not apart.max() > APART * largest:
            apart = (self._answers(ids, other) - before).abs()
        if not apart.max() > APART * largest:
            return None  # whatever goes in
        return (after - before).abs() <= SAME * largest

    def _plain(self, ids: Any) -> Any:
        """Return the answers to what was given; note which modules that is given to."""
        names = {module: name for name, module in self._model.named_modules() if name}

        def note(module: nn.Module, given: Any, output: Any) -> None:
            same = any(one is ids for one in tensors_in(given))
            if same and getattr(output, "ndim", 0) == 3:
                self._first.setdefault(names[module], output.shape[-1])

        hooks = [module.register_forward_hook(note) for module in names]
        try:
            return self._answers()
        finally:
            for hook in hooks:
                hook.remove()

    def _for_the_loss(self, ids: Any) -> bool:
        """Whether answers stay the same whatever these are."""
        same = self._unchanged(ids, ids.flip(0).roll(1, 1))
        return same is not None and bool(same.all())

    def _seen(self, ids: Any, asked: Any) -> tuple[str, ...]:
        """Is what each step has to tell shown to it: itself, or the one that comes next?"""
        itself = same_number(ids, asked)
        axes = (0, 1) if itself else (1,)  # which of them is time is not known of the same
        free = []
        for axis in axes:
            other = ids.clone()
            last = other.select(axis, -1)
            last.copy_(last.roll(1) if len(last.unique()) > 1 else ids.select(axis, 0))
            same = self._unchanged(ids, other)
            kept = None if same is None else _by_place(same, ids)
            if kept is None or bool((ids == other).all()):
                return ()
            free.append(bool(kept.narrow(axis, 0, ids.shape[axis] - 1).all()))
            if itself and bool(kept.select(axis, -1).all()):
                return ()  # it is not shown itself: these are answers that are given beside
        if itself:
            return copies() if all(free) else ()
        return () if all(free) else looks_ahead("The network")

    def _hidden(self, ids: Any) -> tuple[str, ...]:
        """Do the words make no difference, and only how long the padding is?"""
        places = padded(ids)
        if places is None:
            return ()
        words = places.words
        other = ids.clone()
        other[words] = ids[words].roll(int(words.sum()) // 2)
        same = self._unchanged(ids, other)
        if same is None or not bool(same.all()) or bool((ids == other).all()) or not self._first:
            return self._padding_read(ids, places)
        return words_hidden(places)

    def _padding_read(self, ids: Any, places: Padded) -> tuple[str, ...]:
        """Is it the padding that the answers depend on, and hardly the words?"""
        made: list[Any] = []

        def keep(module: nn.Module, given: Any, output: Any) -> Any:
            if any(one is ids for one in tensors_in(given)) and getattr(output, "ndim", 0) == 3:
                made.append(output.detach().requires_grad_())
                return made[-1]
            return None

        hooks = [one.register_forward_hook(keep) for one in self._model.modules()]
        try:
            with torch.enable_grad():
                answers = self._answers()
                if answers.ndim != 2 or len(answers) != len(ids):  # not one for each sequence
                    return ()
                slope = torch.autograd.grad((answers - answers.mean(0)).square().sum(), made[:1])[0]
        finally:
            for hook in hooks:
                hook.remove()
        return padding_read(slope.abs().sum(2), places)

    def _first_alone(self, x: Any) -> tuple[str, ...]:
        """Are answers, one for each example, the same whatever comes behind its first step?"""
        for examples, time in ((0, 1), (1, 0)):
            other = x.roll(1, examples)
            other.select(time, 0).copy_(x.select(time, 0))
            same = self._unchanged(x, other)
            whole = same is not None and bool(same.all()) and same.ndim <= 2
            if whole and len(same) == x.shape[examples] and not bool((other == x).all()):
                return first_alone(x.shape[time])
        return ()

    def _out_of_order(self, some: list[Any]) -> tuple[str, ...]:
        """Is the answer the same whatever the order of the steps?"""
        x = some[0]
        near = [i for i in (0, 1) if 0 <= self._steps - x.shape[i] <= 1]  # one may be set before
        if len(near) != 1 or x.shape[near[0]] < LEAST + 2:
            return ()
        axis, count = near[0], x.shape[near[0]]
        order = torch.arange(count, device=x.device)
        order[1:-1] = order[1:-1].roll(1)
        whole = self._given
        try:
            self._before = self._plain(x) if self._before is None else self._before
            for one in some[1:]:  # masks go with it
                if one is not x and one.shape[:2] == x.shape[:2]:
                    self._given = replaced(self._given, one, one.index_select(axis, order))
            other = x.clone()  # one step twice: other steps, in whatever order
            other.select(axis, 0).copy_(x.select(axis, 1))
            same = self._unchanged(x, x.index_select(axis, order), other)
        finally:
            self._given = whole
        if same is not None and same.shape[:2] == x.shape[:2]:
            same = same.index_select(axis, order[[0, -1]])  # the others go with their steps
        if same is None or not bool(same.all()) or bool((x == x.index_select(axis, order)).all()):
            return ()
        name, width = next(iter(self._first.items()), ("", 0))
        at = ": y.shape[1]" if axis else ": len(y), None"
        line = (
            f"model.positions = torch.nn.Parameter(torch.randn({count}, {width})); "
            f"model.get_submodule({name!r}).register_forward_hook(lambda m, x, y: y + "
            f"model.positions[{at}]); {OPTIMIZER}"
        )
        return (
            "no positions",
            f"The order of the {count} steps cannot matter: in another order they give the same "
            f"answers.",
            "Attention alone does not see where a step stands, and nothing that goes in says it.",
            "add to each step what stands for its position",
            line if name else "",
        )


def _state(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield what each module holds, once, by one of its names.

    PyTorch finds itself what is shared, but a module that has two names keeps the other numbers.
    """
    for name, module in model.named_modules():
        own = {**module._parameters, **module._buffers}.items()
        yield from ((f"{name}.{key}".lstrip("."), one) for key, one in own if one is not None)


def _mixes_steps(module: nn.Module) -> bool:
    """Whether a module normalises over steps of time, or by what is in the batch."""
    norm = isinstance(module, nn.modules.batchnorm._NormBase)
    return isinstance(module, nn.GroupNorm) or (norm and module.running_mean is None)


def _by_place(same: Any, ids: Any) -> Any:
    """Return for each step whether all of its answers are the same; None where it is not known."""
    shape = tuple(ids.shape)
    if tuple(same.shape[:2]) == shape:
        return same.flatten(2).all(2) if same.ndim > 2 else same
    if same.ndim == 3 and (same.shape[0], same.shape[2]) == shape:
        return same.all(1)
    if tuple(same.shape[:2]) == shape[::-1]:
        return same.flatten(2).all(2).T
    return None
