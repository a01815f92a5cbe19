"""Losses as they are computed: PyTorch's modules by a hook, its functions by what stands for them.

A module is one of the losses that add up. Of a function it is not known what comes of it: it may be
a number for the log. It counts where it is what is sent back, and is asked for its targets then; so
does one that was called by a name from before anybody watched, which autograd still knows.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from nnscratch.pytorch.losses.in_graph import asked
from nnscratch.pytorch.losses.sent_back import name_of

_FUNCTIONS = (
    *("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"),
    *("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div"),
)
_CLIPS = ("clip_grad_norm_", "clip_grad_value_")  # of torch.nn.utils
_MODULES = nn.modules.loss.__name__  # where the functions are called by modules, which are heard
_MARK = "nnscratch"  # in what autograd keeps for a node
_WHOLE = ("MulBackward", "DivBackward", "MeanBackward")  # by a number; of what was not reduced

_LEFT: list[Any] = []  # hooks of watchers that are no more
_LISTENERS: weakref.WeakKeyDictionary[Any, tuple[Callable[..., None], ...]]
_LISTENERS = weakref.WeakKeyDictionary()
_OWN: dict[str, Callable[..., Any]] = {}  # PyTorch's functions, while others stand for them
_SENDS = "backward"
_PLACES = {nn.functional: _FUNCTIONS, nn.utils: _CLIPS, torch.autograd: (_SENDS,)}


class Asked:
    """A function of PyTorch with all that it was given beside outputs and targets."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self._call = functools.partial(function, **options)
        self.times = 1.0  # what is sent back is so many times that
        self.reduction = options.get("reduction", "mean")
        self.__name__ = function.__name__
        usual = inspect.signature(function).parameters.get("ignore_index")
        self.ignore_index = None if usual is None else options.get("ignore_index", usual.default)

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """Return the loss."""
        return self.times * self._call(outputs, targets)


def hear_every_loss(
    flow: Any,
    lost: Callable[..., None],
    heard: Callable[..., None],
    clipped: Callable[..., None],
    sends: Callable[..., None],
) -> list[Any]:
    """Have ``lost(flow, module, args, output)`` called for each loss module while `flow` lives.

    And, see `Functions`, ``heard(flow, function, (outputs, targets), value)`` for each function,
    ``clipped(flow, parameters, limit)`` before gradients are clipped, and ``sends(flow, tensors,
    gradients)`` before a backward pass. Returns what removes that again.
    """
    while _LEFT:
        _LEFT.pop().remove()
    me = weakref.ref(flow)  # a hook of all modules keeps nobody alive

    def seen(module: nn.Module, args: Any, output: Any) -> None:
        alive = me() if isinstance(module, nn.modules.loss._Loss) else None
        if alive is not None:
            lost(alive, module, args, output)

    hook = nn.modules.module.register_module_forward_hook(seen)
    # Not at once: where the garbage is collected these hooks may be gone through.
    weakref.finalize(flow, _LEFT.append, hook)
    return [hook, Functions(flow, heard, clipped, sends)]


class Functions:
    """Hears PyTorch's functions of losses, those that clip, and the one that sends back.

    While any watcher lives, others stand for them where PyTorch has them, and do the same.
    """

    def __init__(self, flow: Any, *heard: Callable[..., None]) -> None:
        self._flow = weakref.ref(flow)
        _LISTENERS[flow] = heard
        for place, names in _PLACES.items() if not _OWN else ():
            for name in names:
                _OWN[name] = getattr(place, name)
                own = _OWN[name]
                before = _stands_for(own) if place is nn.functional else _tells_before(own)
                setattr(place, name, before)

    def remove(self) -> None:
        """Listen no more."""
        _LISTENERS.pop(self._flow(), None)
        _go_home()


def _go_home() -> None:
    """Put PyTorch's functions back where nobody listens any more."""
    for name in list(_OWN) if not _LISTENERS else ():
        place = next(place for place, names in _PLACES.items() if name in names)
        setattr(place, name, _OWN.pop(name))


def _stands_for(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that gives the same, and tells.

    Its globals are the other's: TorchScript reads the source of that, and looks for names there.
    """
    tell = _tell

    def loss(*args: Any, **kwargs: Any) -> Any:
        value = function(*args, **kwargs)
        tell(function, args, kwargs, value)
        return value

    made = types.FunctionType(
        loss.__code__, function.__globals__, function.__name__, None, loss.__closure__
    )
    return functools.wraps(function)(made)


def _tells_before(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that clips, or sends back, as another one, and tells before it does."""
    place = 2 if function.__name__ == _SENDS else 1

    @functools.wraps(function)
    def tells(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(tensors, torch.Tensor):
            tensors = list(tensors)  # may be gone through once only
        limit = next(iter((*args, *kwargs.values())), None)
        for flow, heard in list(_LISTENERS.items()):
            heard[place](flow, tensors, limit)
        return function(tensors, *args, **kwargs)

    return tells


def _tell(function: Callable[..., Any], args: Any, kwargs: Any, value: Any) -> None:
    if torch.compiler.is_compiling() or sys._getframe(2).f_globals.get("__name__") == _MODULES:
        return
    if not _LISTENERS:
        _go_home()
    elif isinstance(value, torch.Tensor) and value.requires_grad == torch.is_grad_enabled():
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        outputs, targets = given.pop("input"), given.pop("target")
        for flow, heard in list(_LISTENERS.items()):
            heard[0](flow, Asked(function, given), (outputs, targets), value)


def mark(value: Any) -> object:
    """Return what `marked` finds again, and which keeps nothing of the graph alive."""
    one = object()
    if value.grad_fn is not None:
        value.grad_fn.metadata[_MARK] = one
    return one


def marked(root: Any) -> object:
    """Return the mark of the value of a loss that is sent back, perhaps times a number, or its
    mean; None if it is another."""
    made = next((node for node in _whole(root) if _MARK in node.metadata), None)
    return None if made is None else made.metadata[_MARK]


def called_before(root: Any) -> tuple[Asked, tuple[Any, Any]] | None:
    """Return the function of PyTorch whose value is sent back, perhaps times a number or averaged,
    and what it was given, as autograd knows them; None if it is another.
    """
    found = next((one for one in map(asked, _whole(root)) if one is not None), None)
    if found is None:
        return None
    function, given, outputs, targets = found
    return Asked(function, given), (outputs, targets)


def _whole(root: Any) -> Iterator[Any]:
    """Yield the nodes of autograd of a value, as long as it is one other times a number, or its
    mean."""
    node = root.grad_fn
    while node is not None:
        yield node
        below = [one for one, _ in node.next_functions if one is not None]
        node = below[0] if name_of(node) in _WHOLE and len(below) == 1 else None
