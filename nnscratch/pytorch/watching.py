"""`watch`: the training of a PyTorch network recorded as that of our own is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from nnscratch.errors import ConfigError
from nnscratch.pytorch.flow import TorchFlow
from nnscratch.pytorch.tensors import require_module

if TYPE_CHECKING:
    from nnscratch.files import PathLike


def watch(
    model: nn.Module,
    optimizer: Any,
    loss: Callable[..., Any] | None = None,
    probe: Any = None,
    every: int = 1,
    file: PathLike | None = None,
    layers: Sequence[str] | None = None,
    **options: Any,
) -> TorchFlow:
    """Record the training of a PyTorch network, and return what reads the record.

    ::

        flow = watch(model, optimizer)
        ...                                    # train as always
        print(flow.findings())
        flow.plot(), flow.overview(), flow.report("run.html"), flow.attribution(), flow.to_dict()

    Names are the model's own (``encoder.layer.3.fc``; where that ends in a number, ``4.linear``),
    roles come from the types of the modules, blocks from how they are nested; modules that nobody
    knows are opaque. Functions between modules are seen as far as a module receives or returns
    their result (``block.relu()``). A step is one of the optimizer's: where gradients are
    accumulated, layers show the last pass before it, parameters the sum. Clipping is seen. Looking
    changes no bit of the training.

    Parameters
    ----------
    model : torch.nn.Module
        Nested, with shared modules and several outputs. Not DataParallel. What `torch.compile` made
        is recorded too (give it the loss), but its graph is cut at every recorded layer: compile
        for speed after looking.
    optimizer : torch.optim.Optimizer
    loss : module or function
        A module is seen when it is called; where none is given, PyTorch's own modules and functions
        are found. Of another function the value is seen; call ``flow.loss(outputs, targets)`` in
        its place, and findings know the targets too.
    probe : tensor (examples, ...)
        A fixed batch on which the units are counted as dead, saturated or alive.
    every : int
        Record one step in `every`.
    file : path
        Also append every step to this ``.flow`` file, for ``nnscratch diagnose`` and the others.
    layers : sequence of str
        Names of the layers to record; None: all.
    scaler : torch.amp.GradScaler
        Given, gradients are recorded without its scale, and skipped steps are told.
    label, memory, histograms, probe_every, log
        See `nnscratch.GradientFlow`.

    Raises `ConfigError` for what cannot be watched.
    """
    plain = _plain(model)
    alone = model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model
    compiled = alone is not plain or plain._compiled_call_impl is not None
    if not hasattr(optimizer, "register_step_pre_hook"):
        raise ConfigError(
            f"watch takes the torch.optim.Optimizer that trains the model, got "
            f"{type(optimizer).__name__}: watch(model, optimizer)"
        )
    given = optimizer, loss, probe, every, file, layers
    return TorchFlow(plain, *given, compiled=compiled, **options)


def _plain(model: nn.Module) -> nn.Module:
    """Return the module whose modules are watched; `ConfigError` for what cannot be."""
    if isinstance(model, nn.DataParallel):
        raise ConfigError(
            "watch cannot see a torch.nn.DataParallel: it computes with copies of the model that "
            "last one pass. Watch model.module on one device, or use DistributedDataParallel, "
            "where each process can watch its own"
        )
    if isinstance(model, torch.jit.ScriptModule):
        raise ConfigError(
            "watch cannot see into a torch.jit.ScriptModule: watch it before scripting"
        )
    require_module("watch", model)
    if isinstance(model, nn.parallel.DistributedDataParallel):
        return _plain(model.module)
    return getattr(model, "_orig_mod", model)  # what torch.compile was given
