"""Captured passes: forward, loss and backward of a training step as one list of kernel calls.

The layers' buffers stay where they are from step to step, so the kernels a step calls, and the
arrays they are called with, are the same every time. `CapturedPass` notes them once, by letting the
layers' own `forward` and `backward` run with a set of kernels that only takes notes, and from then
on runs the list in one native call, on several threads: the same kernels in an order that gives the
same bits. Printed, the list is back-propagation itself, call by call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from nnscratch.arrays import Array, empty
from nnscratch.backend import kernels, load_module
from nnscratch.losses import Loss
from nnscratch.losses.base import Prepared
from nnscratch.network.graph import Graph
from nnscratch.network.nodes import Pass
from nnscratch.sequences import NOTHING, Given
from nnscratch.workspace import changes
from nnscratch_kernels.runtime.memory import address

Request = tuple[Array, str, tuple[Any, ...]]  # a tensor, the kernel that measures it, its arguments
# Gradients of fewer bytes have a place each: they stay in the caches.
FEW_BYTES = 2 << 20


class Measurer(Protocol):
    """Who measures the tensors of a pass (`nnscratch.flow.tap`)."""

    def requests(self, latest: Pass) -> list[Request]:
        """Return the calls that measure such a pass."""
        ...


class _Plan:
    """The calls scheduled for a number of threads, with the addresses of the latest batch."""

    def __init__(
        self,
        program: Any,
        calls: list[Any],
        stand_ins: tuple[Array, ...],
        apart: Callable[[Array], Array],
    ) -> None:
        self.apart = apart
        self.program = program
        self.calls = calls  # keeps the arrays alive
        self.batch: list[Array | None] = [None] * len(stand_ins)
        arguments = self.program.arguments
        self.places = []
        for array in stand_ins:
            offsets = arguments - array.ctypes.data
            inside = np.flatnonzero((offsets >= 0) & (offsets < array.nbytes))
            self.places.append((inside, offsets[inside]))

    def for_batch(self, *batch: Array) -> Any:
        """Return the program for these inputs and what the loss takes."""
        for i, array in enumerate(batch):
            if array is not self.batch[i]:
                places, offsets = self.places[i]
                self.batch[i] = None  # as long as some addresses may be of one, some of another
                array = self.apart(array)
                # Not array.ctypes, which with cold caches costs as much as a layer.
                self.program.arguments[places] = array.__array_interface__["data"][0] + offsets
                self.batch[i] = array
        return self.program


class CapturedPass:
    """The training pass of a model for one shape of batch. `print` shows its list of calls."""

    def __init__(
        self,
        model: Graph,
        x: Array,
        prepared: Prepared,
        loss: Loss,
        tap: Measurer | None = None,
        given: Given = NOTHING,
    ) -> None:
        # They import Numba: not before now.
        self._team, self._calls, self._schedule, self._threads = (
            load_module(f"nnscratch_kernels.runtime.{name}")
            for name in ("team", "calls", "schedule", "threads")
        )
        self.model, self.loss = model, loss
        self.value = np.full(1, np.nan)
        self.calls: list[Any] = []
        # Arrays that nothing else shares stand in for the batch, whose arrays change from step to
        # step, and may be one and the same. What the input holds plays no part.
        self.stand_ins = (empty(x.shape, x.dtype), *[a.copy() for a in prepared.arrays])
        self.given = given.copy()
        before = model.latest

        def work() -> None:
            model.latest = Pass(self.stand_ins[0])
            model.run(self.stand_ins[0], True, into=model.latest, given=self.given)
            logits = model.output
            self.dlogits = empty(logits.shape, logits.dtype)
            loss.compute(self.dlogits, logits, prepared._replace(arrays=self.stand_ins[1:]))
            model.back(self.dlogits)

        try:
            kernels.noted(self._note, work)
            self.captured = model.latest
        finally:
            model.latest = before
        self.tap = tap
        if tap is not None:
            self._insert(tap.requests(self.captured))
        self.passing = set[int]() if model.keep_gradients else self._let_pass()
        self.x = self.stand_ins[0]
        self.x_places = _places_of(self.x, self.captured)
        self.plans: dict[int, _Plan] = {}
        self.changes = changes.number
        self.versions = _versions(model)

    def _note(self, name: str, arguments: tuple[Any, ...]) -> float:
        """Keep a call instead of making it."""
        result = self.value if name in self._schedule.LOSSES else None
        self.calls.append(self._calls.Call(name, arguments, result))
        return float("nan")

    def _insert(self, requests: list[Request]) -> None:
        """Put the calls that measure a tensor behind the last call that fills it.

        The batch, which nobody fills, is measured behind the first call that has brought it near.
        """
        places: dict[int, int] = {}
        for i, call in enumerate(self.calls):
            for array in call.arrays:
                places.setdefault(array.ctypes.data, i)
        for i, call in enumerate(self.calls):
            for array in self._calls.written(call):
                places[array.ctypes.data] = i
        behind: dict[int, list[Any]] = {}
        for tensor, name, arguments in requests:
            call = self._calls.Call(name, arguments)
            behind.setdefault(places.get(tensor.ctypes.data, 0), []).append(call)
        calls = []
        for i, call in enumerate(self.calls):
            calls += [call, *behind.get(i, [])]
        self.calls = calls

    def _let_pass(self) -> set[int]:
        """Return the addresses of gradients that only pass through, and keep none of them.

        Their memory is used again within the pass. None where they are small.
        """
        kept = self.captured
        gradients = [*kept.upstream, *(dx for handed in kept.downstream for dx in handed)]
        found = {address(dx): dx.nbytes for dx in gradients if dx is not None}
        inside = [part for cache in kept.caches for part in _parts(cache)]
        for array in (self.dlogits, *self.stand_ins, *inside):
            if isinstance(array, np.ndarray):
                found.pop(address(array), None)
        if sum(found.values()) < FEW_BYTES:
            return set()

        def staying(dx: Array | None) -> Array | None:
            return None if dx is None or address(dx) in found else dx

        kept.upstream = [staying(dy) for dy in kept.upstream]
        kept.downstream = [tuple(map(staying, handed)) for handed in kept.downstream]
        return set(found)

    def is_current(self) -> bool:
        """Whether the arrays and numbers of the calls are still those of the layers."""
        if self.changes == changes.number:
            return True
        if self.versions != _versions(self.model):
            return False
        self.changes = changes.number
        return True

    def run(self, x: Array, prepared: Prepared, given: Given = NOTHING) -> float:
        """Run the pass on a batch of the same shape; return the loss."""
        program = self.program(x, prepared, given)
        if program.parts == 1 or not self._team.run(program):
            self._team.alone(program)
        return self.passed()

    def program(self, x: Array, prepared: Prepared, given: Given = NOTHING) -> Any:
        """Return what runs the pass on a batch of the same shape."""
        if given is not NOTHING:
            self.given.fill(given)
        if x is not self.x:
            x = self.model.apart(x)
            self._replace_input(x)
        threads = self._threads.get_num_threads()
        plan = self.plans.get(threads)
        if plan is None:
            program, calls = self._schedule.fastest(
                self.calls, self.model.dtype, threads, self.passing
            )
            plan = _Plan(program, calls, self.stand_ins, self.model.apart)
            self.plans[threads] = plan
        return plan.for_batch(x, *prepared.arrays)

    def passed(self, passes: int = 1) -> float:
        """Note that the program was run so often; return the loss of the latest pass."""
        self.model.number += passes
        self.model.latest = self.captured
        return float(self.value[0])

    def _replace_input(self, x: Array) -> None:
        """Let everything that keeps the batch keep `x`."""
        self.captured.x = self.x = x
        outputs, caches = self.captured.outputs, self.captured.caches
        for i in self.x_places[0]:
            outputs[i] = x
        for i, place in self.x_places[1]:
            if place is None:
                caches[i] = x
            else:
                caches[i] = (*caches[i][:place], x, *caches[i][place + 1 :])

    def describe(self) -> str:
        """Return the list of calls as text: layer, kernel, what it fills from what."""
        owners = _owners(self.model)
        owners[self.dlogits.ctypes.data] = "loss"
        width = max(len(name) for name in owners.values())
        rows = [f"Training pass of {len(self.calls)} kernel calls, batch {self.x.shape}"]
        for i, call in enumerate(self.calls):
            names = list(inspect.signature(_definition(call.name)).parameters)
            shown = [
                f"{name} {'x'.join(map(str, value.shape))}"
                if isinstance(value, np.ndarray)
                else f"{name} {value}"
                for name, value in zip(names, call.arguments, strict=True)
            ]
            owner = owners.get(call.arguments[0].ctypes.data, "")
            rows.append(f"{i:4}  {owner:<{width}}  {call.name}: {', '.join(shown)}")
        return "\n".join(rows)

    __str__ = describe


def _parts(cache: Any) -> tuple[Any, ...]:
    return cache if isinstance(cache, tuple) else (cache,)


def _places_of(x: Array, kept: Pass) -> tuple[list[int], list[tuple[int, int | None]]]:
    """Return which outputs are `x` itself, and which caches, or places in them, hold it."""
    caches: list[tuple[int, int | None]] = []
    for i, cache in enumerate(kept.caches):
        if cache is x:
            caches.append((i, None))
        elif isinstance(cache, tuple):
            caches += [(i, place) for place, part in enumerate(cache) if part is x]
    return [i for i, y in enumerate(kept.outputs) if y is x], caches


def _definition(name: str) -> Any:
    import nnscratch_kernels

    return getattr(nnscratch_kernels.load("reference"), name)


def _versions(model: Graph) -> list[int]:
    """Numbers that change when a layer or a buffer of the model does."""
    numbers = [model.sums.version]
    for node in model.nodes:
        numbers += [node.layer.version, node.workspace.version]
    return numbers


def _owners(model: Graph) -> dict[int, str]:
    """The name of the node that an address belongs to."""
    owners = {array.ctypes.data: "sum at a fork" for array in model.sums.arrays()}
    for node in reversed(model.nodes):
        layer = node.layer
        arrays = [*node.workspace.arrays(), *layer.grads.values(), *layer.statistics.values()]
        owners.update((array.ctypes.data, node.name) for array in arrays)
    return owners
