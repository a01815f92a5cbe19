"""Two networks of which one tells examples from what the other makes: does it always win?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from nnscratch.arrays import Array
from nnscratch.pytorch.losses import in_graph
from nnscratch.pytorch.losses.sent_back import terms
from nnscratch_records.words import percent

LOOKS = 16  # recorded steps at which targets are looked at
LEAST = 200  # recorded steps
WINS = 0.05  # its loss of a pass: it gives 95 % and more to what is right
MOSTLY = 0.9  # of the later half of the steps
BEGAN = 0.3  # a loss that was to be learned


def given_to(roots: list[Any]) -> tuple[Any, ...]:
    """Return outputs and targets of the first of the losses that are added up; empty: of none.

    roots : tensors that are about to be sent back
    """
    found = [in_graph.asked(node) for node in (terms(roots[0]) if len(roots) == 1 else ())]
    return next((one[2:] for one in found if one is not None), ())


class Rivals:
    """Looks at what is asked of a network that is fed by another one at times."""

    def __init__(self) -> None:
        self._looks, self._alike = 0, True

    def look(self, given: tuple[Any, ...]) -> None:
        """Look at what the loss was given in a recorded step: outputs and targets."""
        if self.looks_on:
            y: Any = given[1] if len(given) > 1 else torch.empty(0)
            known = y.is_floating_point() and y.numel() > 1
            self._alike = known and bool((y == y.flatten()[0]).all())
            self._looks += 1

    @property
    def looks_on(self) -> bool:
        """Whether more is looked at."""
        return self._looks < LOOKS and self._alike

    @property
    def tells_apart(self) -> bool:
        """Whether each pass was asked for one and the same answer: real, or made."""
        return self._alike and self._looks == LOOKS

    def told(self, losses: Array) -> tuple[str, ...]:
        """Return what is wrong, as a line of `Mistakes`; nothing where all is right."""
        late = losses[len(losses) // 2 :]
        if len(losses) < LEAST or not (late >= 0).all() or not losses[:LOOKS].mean() > BEGAN:
            return ()
        share = float(np.mean(late < WINS))
        if not share >= MOSTLY:
            return ()
        return (
            "discriminator wins",
            f"The network tells what is real from what another one makes, and is hardly ever "
            f"wrong: its loss is below {WINS:g} in {percent(share)} of the later half of the "
            f"steps.",
            "It learns faster than the one that is to deceive it, or something gives away what is "
            "made: a range of values, a border that is exactly 0. Nothing is left to learn from.",
            "hold it back: a rate several times smaller than the other's, one step of each, 0.9 "
            "for what is real, noise on what both show it",
            "",
        )
