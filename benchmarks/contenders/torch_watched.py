"""PyTorch watched by `nnscratch.pytorch.watch`, every step."""

from __future__ import annotations

import copy

from benchmarks.contenders.torch_eager import TorchEager
from benchmarks.workloads import Problem
from nnscratch.pytorch import watch

MEMORY = "64 MB"  # of the record, which is thinned beyond it
# The first steps are looked at closely, at twice the cost: 0 to 4, 6, 8, 12, ... 48, then 64, 96.
# A training makes thousands of steps, a benchmark few: it is to see what most steps cost.
SETTLED = 49


class TorchWatched(TorchEager):
    """The same steps, watched."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        self.flow = watch(self.model, self.optimizer, self.loss, memory=MEMORY)
        both = self.model, self.optimizer
        begun = [copy.deepcopy(one.state_dict()) for one in both]
        for _ in range(SETTLED):
            self.step()
        for one, state in zip(both, begun, strict=True):
            one.load_state_dict(state)


CONTENDER = TorchWatched
