"""`first_nonfinite`: which module produced the first NaN, and which ones only passed it on."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import nn

from nnscratch.errors import NonFiniteError
from nnscratch.pytorch.tensors import require_module, tensors_in


def first_nonfinite(model: nn.Module, stop: bool = True) -> Guard:
    """Watch for the first NaN or infinity, forward and backward, and tell what produced it.

    ::

        with first_nonfinite(model):
            ...                                # train; the first one raises NonFiniteError

    or ``guard = first_nonfinite(model)`` before the training, and `guard.close` behind it.

    A module whose output is not finite produced that only if all that it was given, and its own
    parameters, were finite. Of gradients the producer is what stands between the last finite one
    and the first that is not. Checking every tensor takes time: use it where something is wrong.

    stop : whether to raise; else `Guard.producer` and `Guard.passed_on` tell
    """
    return Guard(require_module("first_nonfinite", model), stop)


class Guard:
    """See `first_nonfinite`.

    Attributes
    ----------
    producer : str
        A sentence on what produced the first value that is not finite; empty as long as none is.
    passed_on : list of str
        Names of the modules that were given such values, in order.
    """

    def __init__(self, model: nn.Module, stop: bool) -> None:
        self.producer = ""
        self.passed_on: list[str] = []
        self._stop = stop
        # With each tensor, so that no identity is given twice, the modules that were given it.
        self._readers: dict[int, tuple[Any, list[str]]] = {}
        self._hooks = [model.register_forward_pre_hook(self._begin)]
        for name, module in model.named_modules():
            if next(module.children(), None) is None:
                self._hooks.append(
                    module.register_forward_hook(
                        lambda m, args, more, y, name=name: self._leave(name, m, (args, more), y),
                        with_kwargs=True,
                    )
                )

    def close(self) -> None:
        """Let go of the model."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self._readers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _begin(self, model: nn.Module, args: Any) -> None:
        self._readers.clear()

    def _readers_of(self, tensor: Any) -> list[str]:
        return self._readers.setdefault(id(tensor), (tensor, []))[1]

    def _leave(self, name: str, module: nn.Module, given: Any, output: Any) -> None:
        for tensor in tensors_in(given):
            self._readers_of(tensor).append(name)
        for tensor in tensors_in(output):
            if tensor.requires_grad and tensor.is_floating_point():
                readers = self._readers_of(tensor)
                tensor.register_hook(lambda dy, readers=readers: self._arrive(name, readers, dy))
        if all(map(_finite, tensors_in(output))):
            return
        if not all(map(_finite, tensors_in(given))):
            if self.producer:
                self.passed_on.append(name)
            else:
                self._found(
                    f"what {_called(name)} was given is not finite: the data, or a function"
                )
            return
        bad = [own for own, p in module.named_parameters() if not _finite(p)]
        if bad:
            self._found(f"the parameter {bad[0]} of {_called(name)} is not finite")
        else:
            self._found(f"{_called(name)} ({type(module).__name__}) made it of finite values")

    def _arrive(self, name: str, readers: list[str], dy: Any) -> None:
        if _finite(dy):
            return
        if self.producer:
            self.passed_on.append(name)
        elif readers:
            self._found(f"backward through {' or '.join(map(_called, readers))}, below it")
        else:
            self._found(f"backward through the loss, or a function behind {_called(name)}")

    def _found(self, text: str) -> None:
        if self.producer:
            return
        self.producer = text
        if self._stop:
            raise NonFiniteError(
                f"the first NaN or infinity: {text}. Look at what goes in there, and at the steps "
                f"before: watch(model, optimizer).findings()"
            )


def _called(name: str) -> str:
    return repr(name) if name else "the model"


def _finite(tensor: Any) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor.detach()).all())
