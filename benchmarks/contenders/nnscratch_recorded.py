"""nnscratch with a `GradientFlow` attached: every quantity of every layer at every step."""

from __future__ import annotations

import nnscratch as nn
from benchmarks.contenders.nnscratch import Nnscratch
from benchmarks.workloads import Problem


class NnscratchRecorded(Nnscratch):
    """The same steps in a block that records them, in memory that is thinned when it is full."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        self.flow = nn.GradientFlow(self.model, memory="64 MB")
        self.recording = self.flow.attached(self.optimizer)
        self.recording.__enter__()


CONTENDER = NnscratchRecorded
