"""Lightning: a callback that watches a training.

``Trainer(callbacks=[flow := FlowCallback()])``, then ``flow.flow.findings()``.
"""

from __future__ import annotations

from typing import Any

from nnscratch.errors import ConfigError
from nnscratch.extras import missing
from nnscratch.pytorch.flow import TorchFlow
from nnscratch.pytorch.watching import watch

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
        The module in it that is called in `training_step`, such as ``"net"``; empty: the whole.
    options
        Of `watch`.

    Attributes
    ----------
    flow : TorchFlow
        From the beginning of the training on.
    """

    def __init__(self, part: str = "", **options: Any) -> None:
        self.part, self.options = part, options
        self.flow: TorchFlow

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin to watch (called by Lightning)."""
        if len(trainer.optimizers) != 1:
            raise ConfigError(
                f"FlowCallback watches one optimizer, got {len(trainer.optimizers)}: in "
                f"training_step call watch(part, optimizer) for each part"
            )
        self.flow = watch(pl_module.get_submodule(self.part), trainer.optimizers[0], **self.options)

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:
        """Note the loss (called by Lightning)."""
        self.flow.tell_loss(loss)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Let go (called by Lightning)."""
        self.flow.close()
