"""Several steps of a training in one native call, where nobody looks in between."""

from __future__ import annotations

import time
from threading import Lock

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import load_module
from nnscratch.errors import NnscratchError
from nnscratch.losses.base import Prepared
from nnscratch.network.network import Network
from nnscratch.network.replay import CapturedPass
from nnscratch.optimizers.kernel import KernelOptimizer
from nnscratch.training.callbacks import Training
from nnscratch.training.examples import Examples
from nnscratch.training.watch import LARGE

# A stretch takes about so many seconds, which is how long Ctrl-C waits.
SECONDS = 2e-3
MOST = 1024


class Stretch:
    """Makes steps that are those of `Loop` bit for bit, many at a time.

    Possible where a step is gather, captured pass and compiled update, each on one thread, and no
    callback or recorder is called at it.
    """

    def __init__(self, trainer: Training, examples: Examples) -> None:
        self.trainer, self.examples = trainer, examples
        self.steps = 8
        self.checked = False
        self.possible = (
            isinstance(trainer.optimizer, KernelOptimizer)
            and type(trainer.model).training_pass is Network.training_pass
            and "training_pass" not in trainer.model.__dict__
            and trainer.truncate is None
            and examples.weights is None
            and examples.mask is None
            and examples.x.flags.c_contiguous
            and examples.y.flags.c_contiguous
        )

    def run(
        self, order: Array, batch_size: int, most: int | None = None
    ) -> tuple[list[float], bool]:
        """Make steps on the whole batches at the start of `order`, at most so many.

        Return the losses of their passes, and whether all of them were updated by. Else the last
        pass is one to look at, and its update was not made. No losses: nothing was done.
        """
        model, optimizer = self.trainer.model, self.trainer.optimizer
        count = min(self.steps, len(order) // batch_size, self.steps if most is None else most)
        if count < 2 or not self.possible or model.tap is not None or optimizer.tap is not None:
            return [], True
        assert isinstance(optimizer, KernelOptimizer)
        x, y = self.examples.buffers(batch_size)
        step = optimizer.compiled_step(model.params, model.grads)
        made = optimizer.steps
        scalars = [optimizer.numbers(made + i) for i in range(1, count + 1)]
        found = self._captured(x, y)  # before the lock: it may have to be captured
        if step is None or step.parts > 1 or scalars[0] is None or found is None:
            self.possible = False
            return [], True
        with (mine := Lock()):
            model.turn.take(mine, model)
            captured, prepared = found
            program = captured.program(x, prepared)
            if program.parts > 1:
                self.possible = False
                return [], True
            several = load_module("nnscratch_kernels.runtime.several")
            table = np.array([step.prepared(numbers) for numbers in scalars])
            started = time.perf_counter()
            losses, whole = several.train(
                several.Pass(program, captured.value, model.grads.memory, model.statistics.memory),
                several.Update(step.program, step.changing(), table),
                [self.examples.x, self.examples.y],
                [x, y],
                order[: count * batch_size],
                LARGE,
            )
            captured.passed(len(losses))
        taken = (time.perf_counter() - started) / len(losses)
        self.steps = max(2, min(MOST, int(SECONDS / taken))) if whole else 2
        return losses, whole

    def _captured(self, x: Array, y: Array) -> tuple[CapturedPass, Prepared] | None:
        """Return the captured pass, and what it takes of the loss if that reads `y` itself."""
        model, loss = self.trainer.model, self.trainer.loss
        captured = model.captured(x, y, loss)
        if captured is None:
            return None
        prepared = captured.loss.prepare(model.output_shape(x.shape), x.dtype, y)
        if [array.ctypes.data for array in prepared.arrays if array.size] != [y.ctypes.data]:
            return None
        if not self.checked:  # as the loss checks a batch before each pass
            whole = self.examples
            try:
                captured.loss.prepare(model.output_shape(whole.x.shape), x.dtype, whole.y)
            except NnscratchError:  # the batch that is wrong will say so
                return None
            self.checked = True
        return captured, prepared
