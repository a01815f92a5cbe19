"""PyTorch watched by `nnscratch.pytorch.watch`, every step."""

from __future__ import annotations

from benchmarks.contenders.torch_eager import TorchEager
from benchmarks.workloads import Problem
from nnscratch.pytorch import watch

MEMORY = "64 MB"  # of the record, which is thinned beyond it


class TorchWatched(TorchEager):
    """The same steps, watched."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        self.flow = watch(self.model, self.optimizer, self.loss, memory=MEMORY)


CONTENDER = TorchWatched
