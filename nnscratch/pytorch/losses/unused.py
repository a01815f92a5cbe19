"""Losses that are computed, and never sent back: a backward() that stands behind a loop."""

from __future__ import annotations

from typing import Any

from nnscratch_records.words import percent, plural

STEPS = 5  # before anything is said
FEW = 8  # examples: of fewer a loss may be given one
MANY = 4  # passes before a step: a test without no_grad() may be one or two
MOST = 0.9  # of the steps


class Losses:
    """Counts passes by what becomes of their losses."""

    def __init__(self) -> None:
        self._pass = 0
        self._computed: set[int] = set()  # passes since the latest step
        self._sent: set[int] = set()
        self._steps = self._often = self._left = 0
        self._joined = False  # a pass began while the loss of another one waited
        self._before: Any = None  # targets of the pass before, for the same step

    def begins(self, targets: Any) -> None:
        """Note that a pass begins, and the targets of the one before."""
        self._pass += 1
        self._joined = self._joined or bool(self._computed - self._sent)
        self._before = targets if self._computed else None

    def computes(self, value: Any) -> None:
        """Note a loss of the pass at hand, and wait for what is sent back through it."""
        if getattr(value, "requires_grad", False):
            self._computed.add(self._pass)
            sent, number = self._sent, self._pass  # a hook keeps nobody else alive
            value.register_hook(lambda gradient: sent.add(number))

    def step(self) -> None:
        """Note a step of the optimizer."""
        left = len(self._computed - self._sent)
        self._steps += 1
        self._often += left >= MANY
        self._left += left
        self._joined = False
        self._computed.clear()
        self._sent.clear()

    def parted(self, targets: Any) -> bool:
        """Whether the targets of the latest pass are some of those that a step asks for: the loss
        is of several passes, or each pass has one target for all, and another than the last.
        """
        before = self._before
        if self._joined or before is None or targets is None:
            return self._joined
        ends = [float(one) for y in (before, targets) if y.numel() for one in (y.min(), y.max())]
        return len(ends) == 4 and ends[0] == ends[1] != ends[2] == ends[3]

    def told(self) -> tuple[str, ...]:
        """Return what was seen, as a line of `Mistakes`; nothing where all is right."""
        if self._steps < STEPS or self._often < MOST * self._steps:
            return ()
        return (
            "unused losses",
            f"Of {self._left:,} passes a loss is computed and nothing is sent back: before each "
            f"of {plural(self._steps, 'step')} there are {self._left / self._steps:.0f} such, "
            f"{percent(self._left / (self._left + self._steps))} of all.",
            "backward() and step() stand behind the loop over batches, and not inside it: only the "
            "last batch of each counts.",
            "have them follow each loss",
            "optimizer.zero_grad(); loss.backward(); optimizer.step()",
        )


def one_example(dy: Any, targets: Any) -> tuple[str, ...]:
    """Return that a loss reads one example of a batch, as a line of `Mistakes`; nothing if not.

    dy : the gradient that came back to the outputs of all
    targets : what the loss was given
    """
    if dy is None or targets is None or len(dy) < FEW or targets.ndim == 0 or len(targets) > 1:
        return ()
    read = dy.flatten(1).any(1).nonzero().flatten().tolist()
    if len(read) != 1:
        return ()
    return (
        "unused losses",
        f"The loss reads one of the {len(dy)} examples of a batch, at place {read[0]}: it is given "
        f"one target, and no gradient comes back to what the network says of the others.",
        "An index picks one of the batch, such as outputs[0], and each update goes by that alone.",
        "give the loss all outputs and targets",
        "loss(model(x), y).backward()",
    )
