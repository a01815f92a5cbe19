"""What the gradient does inside recurrent modules, between the steps of time.

No hook gets there: at the outputs of `torch.nn.RNN`, `LSTM` and `GRU` arrives what comes from above
alone, not what later steps of time send back. With that, the inputs and the weights, one pass of
our own layer forward and back gives dL/dh of every step, whole: exactly, but for rounding. Such a
pass takes as long as the module's own, so it is made at some steps only; and its outputs have to be
those of the module, or nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from nnscratch.arrays import Array
from nnscratch.flow.builder import Recorder
from nnscratch.pytorch.copies.recurrent import read_recurrent, stacked
from nnscratch.pytorch.kinds import kind_of
from nnscratch.pytorch.measuring.graph import Found
from nnscratch.pytorch.measuring.hooks import Hook, Say
from nnscratch.pytorch.measuring.places import await_gradient
from nnscratch.pytorch.tensors import as_array

EVERY = 64  # recorded steps, and at powers of two; not on a GPU, which is many times as fast
_NEAR = {torch.float32: 1e-4, torch.float64: 1e-8}  # of the largest state
_NEAR_HALF = 0.03  # of shorter numbers


class Insides:
    """The recurrent modules of a network that can be gone through again.

    Parameters
    ----------
    names : mapping
        Of the network's modules.
    count : callable
        Returns the number of the step that is recorded, below 0 if none is.
    """

    def __init__(self, names: Mapping[Any, str], count: Callable[[], int]) -> None:
        self._all = {name: _Inside(one) for one, name in names.items() if _can_be_seen(one)}
        self._count = count
        self._layers: dict[str, _Inside] = {}

    def hooks(self, outside: Callable[..., Any]) -> list[Any]:
        """Hook the modules, and return what removes that again.

        outside : makes of a hook one that a compiler leaves alone
        """
        return [
            inside.module.register_forward_hook(
                outside(Hook(partial(self._gave, inside))), with_kwargs=True
            )
            for inside in self._all.values()
        ]

    def _gave(self, inside: _Inside, module: Any, args: Any, kwargs: Any, output: Any) -> None:
        if _due(self._count(), module):
            inside.gave(args, kwargs, output)

    def forget(self) -> None:
        """Begin a new pass."""
        for inside in self._all.values():
            inside.forget()

    def told(self, found: Sequence[Found]) -> None:
        """Note of which layers more is known: those of modules that give the same again."""
        for one in found:
            inside = self._all.get(one.module)
            if inside is not None and inside.calls == 1 and inside.goes_again():
                one.info = replace(one.info, role="recurrent", gates=inside.gates)
                self._layers[one.info.name] = inside

    def measure(self, recorder: Recorder, scale: float, say: Say) -> None:
        """Have measured what was seen in this pass, of a loss times `scale`."""
        for name, inside in self._layers.items():
            if name in recorder.layers and inside.calls:
                inside.measure(recorder, name, scale, say)


class _Inside:
    """A recurrent module: what it was given in a pass, and what its last layer makes of it again.

    Attributes
    ----------
    calls : int
        In the pass at hand.
    """

    def __init__(self, module: Any) -> None:
        self.module = module
        self._own: list[Any] = []  # our layers
        self.forget()

    def forget(self) -> None:
        """Begin a new pass."""
        self.calls = 0
        self._given: tuple[Any, list[Any], Any] | None = None
        self._arrived: dict[int, Any] = {}
        self._cache: Any = None

    def gave(self, args: Any, kwargs: Any, output: Any) -> None:
        """Note what a call was given and gave, and wait for the gradients at that."""
        self.calls += 1
        x, state = (*args, *kwargs.values(), None)[:2]
        y, last = output
        tensors = all(type(one) is torch.Tensor and one.numel() for one in (x, y))
        if self.calls > 1 or not tensors:  # of steps one by one, or packed
            self._given = None
            return
        states = [] if state is None else [state] if isinstance(state, torch.Tensor) else [*state]
        self._given = x, states, y
        for place, one in enumerate([y, *([last] if isinstance(last, torch.Tensor) else last)]):
            await_gradient(one, partial(self._arrived.__setitem__, place))

    @property
    def gates(self) -> tuple[str, ...]:
        """Of our layer."""
        return tuple(self._own[-1].gates)

    def goes_again(self) -> bool:
        """Go through the module again, forward; return whether that gives what it gave."""
        if self._given is None:
            return False
        x, states, y = self._given
        if not self._own:
            self._own = stacked(self.module)
            for layer in self._own:
                layer.initialize(0, np.float64 if y.dtype == torch.float64 else np.float32)
        read_recurrent(self.module, self._own)
        dtype = self._own[0].dtype
        values = self._batch_first(as_array(x)).astype(dtype, copy=False)
        for k, layer in enumerate(self._own):
            own = [np.atleast_2d(as_array(one)[k]).astype(dtype, order="C") for one in states]
            state = dict(zip(("hidden", "cell"), own, strict=False)) or None
            values, self._cache = layer.forward(values, training=True, state=state)
        theirs = self._batch_first(as_array(y))
        near = _NEAR.get(y.dtype, _NEAR_HALF) * np.abs(theirs).max()
        with np.errstate(invalid="ignore"):
            return bool(np.abs(values - theirs).max() <= near)  # not so of NaN

    def measure(self, recorder: Recorder, name: str, scale: float, say: Say) -> None:
        """Go back through time, and have that measured as of the layer `name`."""
        arrived, layer = self._arrived, self._own[-1]
        if 2 in arrived and bool(arrived[2].any()):
            say("what goes through time is not seen where the loss takes the last cell", name)
            return
        if self._cache is None and not self.goes_again():
            say("what goes through time is not seen: gone through again it gives another", name)
            return
        inside = layer.inside(self._cache)
        upstream = np.zeros_like(inside["hidden"])
        if 0 in arrived:
            upstream += self._batch_first(as_array(arrived[0], scale))
        if 1 in arrived:
            upstream[:, -1] += np.atleast_2d(as_array(arrived[1], scale)[-1])
        layer.backward(upstream, self._cache, input_gradient=False)
        recorder.recurrent(
            *(name, inside["hidden_gradient"], upstream, inside.get("gates")),
            *(layer.params["recurrent_weight"], layer.grads["recurrent_weight"]),
            inside.get("cell_gradient"),
        )

    def _batch_first(self, values: Array) -> Array:
        if values.ndim == 2:  # one sequence
            return np.ascontiguousarray(values[None])
        return np.ascontiguousarray(values if self.module.batch_first else values.swapaxes(0, 1))


def _due(count: int, module: nn.Module) -> bool:
    """Whether to go through a module again at the `count`-th recorded step: 0, 1, 2, 4, 8, ..."""
    if count < 0:
        return False
    often = count % EVERY == 0 and next(module.parameters()).device.type == "cpu"
    return often or count & (count - 1) == 0


def _can_be_seen(module: nn.Module) -> bool:
    """Whether a module goes in one direction, without noise between its layers."""
    return (
        isinstance(module, nn.RNN | nn.LSTM | nn.GRU)
        and kind_of(module) is not None
        and not (module.bidirectional or module.proj_size)
        and not (module.dropout and module.num_layers > 1)
    )
