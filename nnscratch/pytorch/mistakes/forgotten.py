"""Steps of time of which only the last one leads to the loss: the others are not learned from."""

from __future__ import annotations

from typing import Any

from torch import nn

from nnscratch.pytorch.losses.sent_back import nodes
from nnscratch.pytorch.tensors import tensors_in

LEAST = 3  # calls of a module in a pass: the steps of a sequence


class Forgotten:
    """Looks at modules that are called step by step, and which calls the loss depends on."""

    def __init__(self) -> None:
        self._gave: dict[str, list[set[Any]]] = {}  # nodes of autograd of each call's outputs
        self._whose = "", 0

    def called(self, name: str) -> None:
        """Note that a module is called; the network itself: a pass begins."""
        if name == "":
            self._gave = {}

    def returned(self, name: str, module: nn.Module, output: Any) -> None:
        """Note what a module with parameters of its own gave."""
        if name and next(module.parameters(recurse=False), None) is not None:
            made = {one.grad_fn for one in tensors_in(output)} - {None}
            self._gave.setdefault(name, []).append(made)

    def sent(self, roots: list[Any]) -> None:
        """Look at what the loss of the pass depends on; nothing is kept alive."""
        gave, self._gave = self._gave, {}
        steps = {name: calls for name, calls in gave.items() if len(calls) >= LEAST}
        reached = set(nodes(roots)) if steps else set()
        for name, calls in steps.items():
            alone = all(calls) and not any(one & reached for one in calls[:-1])
            # A state that is cut off now and then, also before the last step, goes on between.
            if alone and calls[-1] & reached and not set(nodes([*calls[-2]])) & calls[-3]:
                self._whose = name, len(calls)

    def told(self) -> tuple[str, ...]:
        """Return what was seen, as a line of `Mistakes`; nothing where all is right."""
        name, count = self._whose
        if not name:
            return ()
        return (
            "truncation",
            f"{name} is called {count} times in a pass, and only the last call leads to the loss: "
            f"what the {count - 1} before it gave is used nowhere, or without its past.",
            "No state goes from one step of time to the next: each begins with that of the first, "
            "or detach() or no_grad() cuts it off. What was seen earlier is not learned from.",
            "hand on what each step gives: state = cell(x[:, t], state)",
            "",
        )
