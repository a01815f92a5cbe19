"""nnscratch with a `GradientFlow` attached: every quantity of every layer at every step."""

from __future__ import annotations

import nnscratch as nn
from benchmarks.contenders.nnscratch import Nnscratch
from benchmarks.workloads import Problem


class NnscratchRecorded(Nnscratch):
    """The same steps in a block that records them, with room for all of them."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        self.flow = nn.GradientFlow(self.model, memory="2 GB")
        self.recording = self.flow.attached(self.optimizer)
        self.recording.__enter__()


CONTENDER = NnscratchRecorded
