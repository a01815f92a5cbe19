"""Passes of which nothing is sent back, such as tests: is what differs in training switched off?

Where noise is, or a norm that goes by the batch, a test in training mode judges another network.
"""

from __future__ import annotations

from torch import nn

STEPS = 20  # before anything is said
TESTS = 2  # times that passes follow of which nothing is sent back
RARE = 0.5  # to a step: what goes on between all steps is a part of the training


class Tests:
    """Counts passes by the mode that they are made in."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._differs = any(map(_differs, model.modules()))
        self._open: bool | None = None  # whether the latest pass, not sent back yet, is in training
        self._noisy = self._times = 0
        self._training = True  # the pass before was sent back
        self._switched = False  # any was made as evaluation
        self._mode = True  # the pass at hand is in training
        self._trained = {True: 0, False: 0}  # passes that were sent back, by that

    def begins(self, known: bool) -> None:
        """Note that a pass begins, and whether it will be known that it is sent back."""
        self._close()
        self._mode = self._model.training
        self._open = self._mode if known else None

    def sent_back(self) -> None:
        """Note that the pass at hand is sent back."""
        self._open, self._training = None, True
        self._trained[self._mode] += 1

    def _close(self) -> None:
        if self._open is not None:
            self._noisy += self._open
            self._times += self._training
            self._training = False
            self._switched = self._switched or not self._open
        self._open = None

    def left_on(self) -> tuple[str, ...]:
        """Return that most of a training follows a test, and no train(), as in `Mistakes`."""
        before, left = self._trained[True], self._trained[False]
        if not (self._differs and self._switched and left >= STEPS and left > before > 0):
            return ()
        return evaluates(
            f"After {before:,} passes in training the network trains as it is evaluated, in "
            f"{left:,} more",
            "model.eval() was called for a test",
        )

    def told(self, steps: int) -> tuple[str, ...]:
        """Return what was seen in so many steps, as in `Mistakes`; nothing where all is right."""
        self._close()
        some = steps >= STEPS and TESTS <= self._times < RARE * steps
        if self._switched or not (self._differs and some):
            return ()
        return (
            "training mode",
            f"The network is tested as it trains: {self._times} times passes follow of which "
            f"nothing is sent back, {self._noisy:,} in all, and none of them after model.eval().",
            "Dropout drops units there, and batch norm goes by the examples that happen to be "
            "tested together, and learns from them: what is measured is another network.",
            "switch that off for tests, and on again for training",
            "model.eval()",
        )


def evaluates(seen: str, why: str) -> tuple[str, ...]:
    """Return that a network trains in evaluation mode, as a line of `Mistakes`."""
    return (
        "evaluation mode",
        f"{seen}: batch norm goes by its running statistics, which stand still, and nothing is "
        f"dropped.",
        f"{why}, and model.train() was not since.",
        "go back to training before each epoch",
        "model.train()",
    )


def _differs(module: nn.Module) -> bool:
    """Whether a module is another one in training, as far as its answers go."""
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return bool(module.p > 0)
    by_batch = isinstance(module, nn.modules.batchnorm._BatchNorm)
    # Without a momentum it is averaged over all passes, as is done on purpose behind a training.
    return by_batch and module.track_running_stats and module.momentum is not None
