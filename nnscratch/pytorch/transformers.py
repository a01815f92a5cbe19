"""Hugging Face: a callback that watches what `transformers.Trainer` trains.

``Trainer(..., callbacks=[flow := FlowCallback()])``, then ``flow.flow.findings()``.
"""

from __future__ import annotations

from typing import Any

from nnscratch.extras import missing
from nnscratch.pytorch.flow import TorchFlow
from nnscratch.pytorch.watching import watch

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise missing("nnscratch.pytorch.transformers", "transformers") from error

__all__ = ["FlowCallback"]


class FlowCallback(TrainerCallback):  # type: ignore[misc]  # without its types it is of type Any
    """Watch the model of a `transformers.Trainer`.

    Parameters
    ----------
    options
        Of `watch`.

    Attributes
    ----------
    flow : TorchFlow
        From the beginning of the training on.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.flow: TorchFlow

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Begin to watch (called by the trainer)."""
        model, optimizer = given["model"], given["optimizer"]
        optimizer = getattr(optimizer, "optimizer", optimizer)  # as Accelerate wraps it
        self.flow = watch(model, optimizer, **self.options)
        self._hook = model.register_forward_hook(self._computed)

    def _computed(self, model: Any, inputs: Any, output: Any) -> None:
        loss = output.get("loss") if hasattr(output, "get") else output[0]
        if model.training and loss is not None:
            self.flow.tell_loss(loss)

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Let go (called by the trainer)."""
        self._hook.remove()
        self.flow.close()
