"""`torch.compile` with "max-autotune": forward and loss, backward and the optimizer's step."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders.torch_eager import TorchEager, torch
from benchmarks.workloads import Problem


class TorchCompile(TorchEager):
    """The eager contender's parts, compiled where PyTorch's documentation compiles them."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        super().__init__(problem, threads)
        model, loss, optimizer = self.model, self.loss, self.optimizer

        def forward(x: Any, labels: Any) -> Any:
            return loss(model(x), labels)

        self.forward = torch.compile(forward, mode="max-autotune")
        self.update = torch.compile(optimizer.step, mode="max-autotune")

    def step(self) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.forward(self.x, self.labels)
        loss.backward()
        self.update()
        return float(loss.item())


CONTENDER = TorchCompile
