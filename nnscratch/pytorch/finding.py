"""The pass in which a network's layers are found: every module is looked at, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import nn

from nnscratch.pytorch.measuring.graph import Discovery
from nnscratch.pytorch.measuring.hooks import Hook
from nnscratch.pytorch.measuring.places import await_gradient, norm_statistics
from nnscratch.pytorch.mistakes.first_pass import Mistakes


class Finder:
    """Hooks all modules of a network until its layers are known.

    Parameters
    ----------
    modules : mapping
        By name.
    mistakes : Mistakes
        Looks too.
    arrive : callable
        Called with the name of a layer, the number of the pass and the gradient that arrives.
    outside : callable
        Makes of a hook one that a compiler leaves alone.

    Attributes
    ----------
    pauses : bool
        Whether the pass at hand is another one.
    found : Discovery
    norms : dict
        What the norms of the pass went by, see `norm_statistics`.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        mistakes: Mistakes,
        arrive: Callable[[str, int, Any], None],
        outside: Callable[..., Any],
    ) -> None:
        self._modules, self._mistakes, self._arrive = modules, mistakes, arrive
        self._names = {module: name for name, module in modules.items()}
        self.pauses = False
        self.found = Discovery()
        self.norms: dict[str, Any] = {}
        self._number = 0  # of the pass; 0: nobody looks
        self._hooks: list[Any] = []
        for module in self._names:
            before, after = outside(Hook(self._enter)), outside(Hook(self._leave))
            self._hooks += [
                module.register_forward_pre_hook(before, with_kwargs=True),
                module.register_forward_hook(after, with_kwargs=True),
            ]

    def begin(self, number: int) -> None:
        """Look at the pass of that number; 0: at none."""
        self._number = number
        if number:
            self.found, self.norms = Discovery(), {}

    def close(self) -> None:
        """Let go of the modules, and of what was found."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self.found, self.norms = [], Discovery(), {}

    def _enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self._number and not self.pauses:
            self.found.enter(self._names[module], module, (args, kwargs))
            self._mistakes.called(self._names[module], module, (args, kwargs))
            self._hook_new()

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if self._number and not self.pauses:
            self.found.leave(self._names[module], module, (args, kwargs), output)
            self._mistakes.returned(self._names[module], module, output)
            self._hook_new()

    def _hook_new(self) -> None:
        """Wait for the gradient at what was found since; keep what it is that norms do."""
        for one in reversed(self.found.found):
            if one.whole is None:
                break
            await_gradient(one.whole, partial(self._arrive, one.info.name, self._number))
            if one.received is not None:
                norm = self._modules[one.module]
                self.norms[one.info.name] = norm_statistics(norm, one.received, one.whole)
            one.whole = one.received = None


def as_it_is(hook: Callable[..., Any]) -> Callable[..., Any]:
    """Return a hook of what no compiler sees."""
    return hook
