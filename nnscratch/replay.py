"""Captured passes: forward, loss and backward of a training step as one list of kernel calls.

The layers' buffers stay where they are from step to step, so the kernels a step calls, and the
arrays they are called with, are the same every time. `CapturedPass` notes them once, by letting the
layers' own `forward` and `backward` run with a set of kernels that only takes notes, and from then
on runs the list in one native call, on several threads: the same kernels in an order that gives the
same bits. Printed, the list is back-propagation itself, call by call.
"""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import kernels, load_module
from nnscratch.errors import DataError
from nnscratch.layers.base import Layer
from nnscratch.losses import MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy
from nnscratch.workspace import changes

if TYPE_CHECKING:
    from nnscratch.flow.tap import Request, Tap
    from nnscratch.model import LossFunction, Sequential

_LOSSES = (SoftmaxCrossEntropy, SigmoidCrossEntropy, MeanSquaredError)
_KEPT = 8  # captured passes that a model keeps: one for each shape of batch


def capturable(layer: Layer) -> bool:
    """Whether the layer's passes consist of kernel calls alone.

    A class says so itself. A subclass does not inherit it: its `forward` may compute anything.
    """
    return bool(type(layer).__dict__.get("captured_whole", False)) and not (
        {"forward", "backward"} & layer.__dict__.keys()
    )


class _Plan:
    """The calls scheduled for a number of threads, with the addresses of the latest batch."""

    def __init__(self, scheduler: Any, batch: tuple[Array, Array]) -> None:
        self.program = scheduler.build()
        self.calls = scheduler.calls  # keeps the arrays alive
        self.batch = list(batch)
        arguments = self.program.arguments
        self.places = [np.flatnonzero(arguments == array.ctypes.data) for array in batch]

    def for_batch(self, *batch: Array) -> Any:
        """Return the program for these inputs and labels."""
        for i, array in enumerate(batch):
            if array is not self.batch[i]:
                self.program.arguments[self.places[i]] = array.ctypes.data
                self.batch[i] = array
        return self.program


class CapturedPass:
    """The training pass of a model for one shape of batch. `print` shows its list of calls."""

    def __init__(
        self, model: Sequential, x: Array, labels: Array, loss: LossFunction, tap: Tap | None = None
    ) -> None:
        # They import Numba: not before now.
        self._team, self._schedule, self._threads = (
            load_module(f"nnscratch_kernels.{name}") for name in ("team", "schedule", "threads")
        )
        self.model, self.loss = model, loss
        self.value = np.full(1, np.nan)
        self.calls: list[Any] = []
        with kernels.noted(self._note):
            logits = model.forward(x, training=True)
            _, self.dlogits = loss(logits, labels)
            model.backward(self.dlogits)
        self.logits = logits
        self.lists = (model._inputs, model._outputs, model._caches, model._upstream)
        self.tap = tap
        if tap is not None:
            self._insert(tap.requests(model._inputs, model._outputs, model._upstream))
        self.first = (x, labels)  # the batch of the calls
        self.x = x
        self.plans: dict[int, _Plan] = {}
        self.changes = changes.number
        self.versions = _versions(model, loss)

    def _note(self, name: str, arguments: tuple[Any, ...]) -> float:
        """Keep a call instead of making it."""
        result = self.value if isinstance(arguments[-1], np.ndarray) and _is_loss(name) else None
        self.calls.append(self._schedule.Call(name, arguments, result))
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
            for array in self._schedule.written(call):
                places[array.ctypes.data] = i
        behind: dict[int, list[Any]] = {}
        for tensor, name, arguments in requests:
            call = self._schedule.Call(name, arguments)
            behind.setdefault(places.get(tensor.ctypes.data, 0), []).append(call)
        calls = []
        for i, call in enumerate(self.calls):
            calls += [call, *behind.get(i, [])]
        self.calls = calls

    def is_current(self) -> bool:
        """Whether the arrays and numbers of the calls are still those of the layers."""
        if self.changes == changes.number:
            return True
        if self.versions != _versions(self.model, self.loss):
            return False
        self.changes = changes.number
        return True

    def run(self, x: Array, labels: Array) -> float:
        """Run the pass on a batch of the same shape; return the loss."""
        if x is not self.x:
            self._replace_input(x)
        threads = self._threads.get_num_threads()
        plan = self.plans.get(threads)
        if plan is None:
            scheduler = self._schedule.Scheduler(self.calls, self.model.dtype, threads)
            plan = self.plans[threads] = _Plan(scheduler, self.first)
        program = plan.for_batch(x, labels)
        if program.parts == 1 or not self._team.run(program):
            self._team.alone(program)
        model = self.model
        model._pass += 1
        model._inputs, model._outputs, model._caches, model._upstream = self.lists
        model._first_downstream = None
        return float(self.value[0])

    def _replace_input(self, x: Array) -> None:
        """Let every layer that keeps the batch `self.x` keep `x`."""
        old = self.x
        inputs, outputs, caches, _ = self.lists
        for i in range(len(inputs)):
            if inputs[i] is not old:
                break
            inputs[i] = x
            if outputs[i] is old:
                outputs[i] = x
            cache = caches[i]
            if cache is old:
                caches[i] = x
            elif isinstance(cache, tuple):
                caches[i] = tuple(x if part is old else part for part in cache)
        self.x = x

    def describe(self) -> str:
        """Return the list of calls as text: layer, kernel, what it fills from what."""
        owners = _owners(self.model, self.loss)
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


def _is_loss(name: str) -> bool:
    return name.endswith(("cross_entropy", "cross_entropy_soft", "squared_error"))


def _definition(name: str) -> Any:
    import nnscratch_kernels

    return getattr(nnscratch_kernels.load("reference"), name)


def _versions(model: Sequential, loss: Any) -> list[int]:
    """Numbers that change when a layer or a buffer of the model does."""
    numbers = [loss._workspace.version]
    for layer in model.layers.values():
        numbers += [layer.version, layer.workspace.version]
    return numbers


def _owners(model: Sequential, loss: Any) -> dict[int, str]:
    """The name of the layer, or the loss, that an address belongs to."""
    owners = {}
    for name, layer in model.layers.items():
        for array in [*layer.workspace.arrays(), *layer.grads.values(), *layer.statistics.values()]:
            owners[array.ctypes.data] = name
    for array in loss._workspace.arrays():
        owners[array.ctypes.data] = "loss"
    return owners


class CapturedPasses:
    """The captured passes of one model, made when they are first asked for."""

    def __init__(self, model: Sequential) -> None:
        self._model = model
        self._passes: dict[Any, CapturedPass] = {}
        self._checked = -1
        self._capturable = False

    def find(
        self, x: Array, labels: Array, loss: Any, tap: Tap | None = None
    ) -> CapturedPass | None:
        """Return the pass for batches like these; None where only layer by layer is right.

        None also for arguments that are wrong in any way: the layers and the loss say what it is.
        """
        if kernels.name != "numba" or not self._fit(x, labels, loss):
            return None
        key = (x.shape, labels.shape, id(loss), id(tap))
        found = self._passes.get(key)
        if found is None or not found.is_current():
            self._passes.pop(key, None)
            while len(self._passes) >= _KEPT:
                del self._passes[next(iter(self._passes))]
            found = self._passes[key] = CapturedPass(self._model, x, labels, loss, tap)
        return found

    def _fit(self, x: Array, labels: Array, loss: Any) -> bool:
        model = self._model
        if self._checked != changes.number:
            self._capturable = all(map(capturable, model.layers.values()))
            self._checked = changes.number
        if not (
            self._capturable
            and type(loss) in _LOSSES
            and type(x) is np.ndarray
            and type(labels) is np.ndarray
            and x.dtype == model.dtype
            and x.ndim == 2
            and x.size
            and x.flags.c_contiguous
            and labels.flags.c_contiguous
            and len(labels) == len(x)
        ):
            return False
        classes = model.features_out or x.shape[1]
        if labels.ndim == 1:
            return bool(
                type(loss) is SoftmaxCrossEntropy
                and labels.dtype == np.int64
                and labels.min() >= 0
                and labels.max() < classes
            )
        if labels.shape != (len(x), classes) or labels.dtype != model.dtype:
            return False
        try:
            loss.check(labels)
        except DataError:
            return False
        return True

    def __deepcopy__(self, memo: dict[int, Any]) -> CapturedPasses:
        """Return none for the twin of the model: its arrays lie elsewhere."""
        return CapturedPasses(copy.deepcopy(self._model, memo))
