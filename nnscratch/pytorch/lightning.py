"""Lightning: a callback that watches a training.

``Trainer(callbacks=[flow := FlowCallback()])``, then ``flow.flow.findings()``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from nnscratch.errors import ConfigError, require_name, require_text
from nnscratch.extras import missing
from nnscratch.pytorch.flow import TorchFlow
from nnscratch.pytorch.watching import watch
from nnscratch_records.words import listed

try:
    from lightning.pytorch.callbacks import Callback
except ImportError as error:
    raise missing("nnscratch.pytorch.lightning", "lightning") from error

__all__ = ["FlowCallback"]


class FlowCallback(Callback):  # type: ignore[misc]  # without Lightning's types it is of type Any
    """Watch the module that Lightning trains.

    Parameters
    ----------
    part : str
        The module in it that is called in `training_step`, such as ``"net"``; empty: the whole,
        which `training_step` then calls as ``self(batch)``.
    options
        Of `watch`.

    Attributes
    ----------
    flow : TorchFlow
        From the beginning of the training on.

    Raises `ConfigError` for a part that there is not, and at the first step for a whole that is not
    called.
    """

    def __init__(self, part: str = "", **options: Any) -> None:
        self.part, self.options = require_text("FlowCallback part", part), options
        self.flow: TorchFlow
        self._called: set[str] = set()  # of the first step: the whole, "", and what it is made of
        self._hooks: list[Any] = []

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin to watch (called by Lightning)."""
        if len(trainer.optimizers) != 1:
            raise ConfigError(
                f"FlowCallback watches one optimizer, got {len(trainer.optimizers)}: in "
                f"training_step call watch(part, optimizer) for each part"
            )
        if self.part:
            require_name("part of the module", self.part, dict(pl_module.named_modules()))
        self.flow = watch(pl_module.get_submodule(self.part), trainer.optimizers[0], **self.options)
        for name, part in () if self.part else (("", pl_module), *pl_module.named_children()):
            if next(part.parameters(), None) is not None:
                seen = partial(self._calls, name)
                self._hooks.append(part.register_forward_pre_hook(seen))

    def _calls(self, name: str, *call: Any) -> None:
        self._called.add(name)

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:
        """Note the loss (called by Lightning)."""
        if self._hooks:
            for hook in self._hooks:
                hook.remove()
            self._hooks = []
            if self._called and "" not in self._called:
                called = sorted(self._called)
                alone = f'name it, FlowCallback("{called[0]}"), or ' * (len(called) == 1)
                raise ConfigError(
                    f"FlowCallback() watches the module's forward, and training_step calls "
                    f"{listed(called, 'modules')} without it: {alone}call them in forward, and "
                    f"self(batch) in training_step"
                )
        self.flow.tell_loss(loss)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Let go (called by Lightning)."""
        self.flow.close()
