"""The recorder: watches a model train and keeps the gradient norms of every layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.errors import ConfigError, require_count
from nnscratch.flow.reading import Reading, read_flow
from nnscratch.flow.records import Record, save_record
from nnscratch.model import Sequential
from nnscratch.training import Callback, StepInfo, Trainer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnscratch.files import PathLike


class GradientFlow(Callback):
    """Record, at every step, how large the gradient is at every layer with weights.

    ``flow = nn.GradientFlow(model)``; then ``trainer.fit(..., callbacks=[flow])``, or in one's
    own loop ``flow.record(loss)`` after ``model.backward``. Gradients are recorded before any
    clipping. Looking does not change the training by a single bit.

    Two norms are kept, because they can disagree: the *back-propagated* gradient, dL/dz at the
    output z of the layer, and the gradient of the layer's *weights*. Glorot & Bengio (2010,
    figure 8) show that the second can look flat while the first vanishes.

    Parameters
    ----------
    model : Sequential
    every : int
        Record one step in `every`.
    label : str
        Name of the run in plots and tables.
    """

    def __init__(self, model: Sequential, every: int = 1, label: str = "run") -> None:
        self.model = model
        self.every = require_count("GradientFlow every", every)
        self.label = label
        self.layers = tuple(n for n in model.layers if f"{_index(n)}.weight" in model.params)
        if not self.layers:
            raise ConfigError("GradientFlow found no layer with weights in the model")
        names = model.params.names
        self._weights = np.array([names.index(f"{_index(name)}.weight") for name in self.layers])
        self._weight_norms: Array = np.empty(len(names))
        self._steps: list[int] = []
        self._losses: list[float] = []
        self._backprop: list[Array] = []
        self._weight_gradients: list[Array] = []

    def on_backward(self, trainer: Trainer, step: StepInfo) -> None:
        """Record one training step (called by the trainer)."""
        if trainer.model is not self.model:
            raise ConfigError("this GradientFlow was made for another model than the trainer's")
        if step.step % self.every == 0:
            self.record(step.loss, step.step)

    def record(self, loss: float, step: int | None = None) -> None:
        """Record the pass the model has just made, forward and backward.

        `step` numbers the record; without it steps are counted 0, `every`, 2 `every`, ...
        """
        trace = self.model.last
        norms = np.empty(len(self.layers))
        for i, name in enumerate(self.layers):
            upstream = trace[name].upstream
            if upstream is None:
                raise ConfigError("GradientFlow.record needs a backward pass before it")
            norms[i] = kernels.norm(upstream)
        grads = self.model.grads
        kernels.segment_norms(self._weight_norms, grads.flat, grads.offsets)
        self._steps.append(len(self._steps) * self.every if step is None else step)
        self._losses.append(float(loss))
        self._backprop.append(norms)
        self._weight_gradients.append(self._weight_norms[self._weights])

    def __len__(self) -> int:
        return len(self._steps)

    def to_dict(self) -> Record:
        """Return what was recorded (see `nnscratch.flow.records`)."""
        if not self._steps:
            raise ConfigError(
                f"GradientFlow {self.label!r} has recorded nothing yet: pass it to "
                f"trainer.fit(..., callbacks=[flow]) or call flow.record(loss) after backward"
            )
        return {
            "label": self.label,
            "layers": np.array(self.layers),
            "steps": np.array(self._steps, dtype=np.int64),
            "loss": np.array(self._losses),
            "backprop_norm": np.array(self._backprop),
            "weight_gradient_norm": np.array(self._weight_gradients),
        }

    def reading(self) -> Reading:
        """Return what the record says in a word: healthy, vanishing, exploding or diverged."""
        return read_flow(self.to_dict())

    def save(self, path: PathLike) -> None:
        """Save the record to `path` (`.npz`)."""
        save_record(path, self.to_dict())

    def plot(self, quantity: str = "backprop_norm") -> Figure:
        """Return a figure of the norm of the gradient by layer, at the first step and at the end.

        quantity : ``"backprop_norm"`` or ``"weight_gradient_norm"``.
        """
        from nnscratch_plots import gradient_norm_figure

        return gradient_norm_figure([self.to_dict()], quantity=quantity)


def _index(name: str) -> str:
    return name.split(".")[0]
