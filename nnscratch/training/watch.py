"""The look that a training takes at every step for NaN and infinity, at next to no cost."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.arrays import Array, empty
from nnscratch.backend import kernels
from nnscratch.nonfinite import (
    BEFORE,
    NonFinite,
    bad_rows,
    find_nonfinite,
    first_bad,
    tensors_of_update,
)
from nnscratch.training.callbacks import Training

# Gradients and losses below this are far from overflowing anything; beyond, every value is looked
# at in every step.
LARGE = 1e6
# So many values are looked at in two microseconds.
FEW = 8192
LOSSES = 5  # of the steps before that a report tells


class NonFiniteWatch:
    """Sees at each step whether loss, gradients and running statistics are finite.

    A gradient that is not finite anywhere in the backward pass is summed into the gradient of the
    bias, slope, gamma or beta of its layer. So the sum over these vectors, a few microseconds,
    stands for looking at everything, as long as they and the loss are small. While something is
    large (`LARGE`) every gradient is counted, and the update is watched too.
    """

    def __init__(self, trainer: Training) -> None:
        self.trainer = trainer
        self.first = trainer.steps
        params = trainer.model.params
        starts = params.offsets.tolist()
        vectors = [
            np.arange(starts[i], starts[i + 1])
            for i, values in enumerate(params.values())
            if values.ndim == 1
        ]
        self.rows = np.concatenate(vectors) if vectors else np.empty(0, np.int64)
        self.values = empty(len(self.rows), params.dtype)
        self.calm = False
        self.kept: tuple[Array, dict[str, Array]] | None = None

    def sees_finite(self, loss: float) -> bool:
        """Return whether the pass that was just made is finite."""
        model = self.trainer.model
        grads, statistics = model.grads.flat, model.statistics.flat
        tap = model.tap  # a recorder has counted, also what leaves no trace in the gradient
        if tap is not None and tap.saw_nonfinite:
            return False
        grads.take(self.rows, out=self.values, mode="clip")
        self.calm = (
            abs(loss) < LARGE
            and kernels.norm(self.values) < LARGE
            and kernels.norm(statistics) < LARGE
            and self.rows.size > 0
        )
        if self.calm and grads.size > FEW:
            return True
        return (
            math.isfinite(loss)
            and kernels.count_nonfinite(grads) == 0
            and kernels.count_nonfinite(statistics) == 0
        )

    def find(
        self, loss: float, epoch: int, batch: dict[str, Array], rows: Array
    ) -> NonFinite | None:
        """Return where the pass, on these rows of the data, first holds what is not finite."""
        found = find_nonfinite(self.trainer.model, loss)
        if found is not None:
            bad = bad_rows(self.trainer.model, found.first)
            if len(bad) < len(rows):
                found.examples = rows[bad].tolist()
            if found.first.stage == BEFORE:
                found.since = (
                    "it was so before the first step"
                    if self.trainer.steps == self.first
                    else f"made so by the update of step {self.trainer.steps - 1}"
                )
            self._fill(found, loss, epoch, batch)
        return found

    def before_update(self) -> None:
        """Keep what an update may spoil, while something is large."""
        optimizer = self.trainer.optimizer
        self.kept = (
            None if self.calm else (self.trainer.model.params.flat.copy(), optimizer.state_dict())
        )

    def find_in_update(self, loss: float, epoch: int, batch: dict[str, Array]) -> NonFinite | None:
        """Return what the update made NaN or infinite, if it was watched."""
        if self.kept is None:
            return None
        model, state = self.trainer.model, self.trainer.optimizer.state
        if all(kernels.count_nonfinite(a) == 0 for a in (model.params.flat, *state.values())):
            return None
        found = first_bad(tensors_of_update(model, state))
        if found is not None:
            found.kept = self.kept
            self._fill(found, loss, epoch, batch)
        return found

    def undo_update(self) -> None:
        """Put parameters and optimizer back to where they were before the update."""
        assert self.kept is not None
        params, state = self.kept
        self.trainer.model.params.flat[...] = params
        self.trainer.optimizer.load_state_dict(state)

    def _fill(self, found: NonFinite, loss: float, epoch: int, batch: dict[str, Array]) -> None:
        found.step, found.epoch, found.loss, found.batch = self.trainer.steps, epoch, loss, batch
        found.losses = self.trainer.history.loss[-LOSSES:]
