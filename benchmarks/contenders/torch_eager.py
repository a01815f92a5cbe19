"""PyTorch as it comes: eager, autograd, `torch.optim.SGD` with its defaults."""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.workloads import BATCHNORM_EPSILON, BATCHNORM_MOMENTUM, Array, Problem

torch: Any = importlib.import_module("torch")

NAMES = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


class TorchEager:
    """`torch.nn.Sequential`, cross-entropy and SGD; gradients are set to None, as is advised."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        torch.set_num_threads(threads)
        if torch.get_num_interop_threads() != 1:
            torch.set_num_interop_threads(1)
        self.layers = problem.workload.layers
        self.model = torch.nn.Sequential(*(_module(*layer) for layer in self.layers))
        with torch.no_grad():
            for name, array in problem.parameters.items():
                self._parameter(name).copy_(torch.from_numpy(array.T))
        self.model.train()
        self.loss = torch.nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=problem.workload.lr)
        self.x, self.labels = torch.from_numpy(problem.x), torch.from_numpy(problem.labels)

    def _parameter(self, name: str) -> Any:
        index, parameter = name.split(".")
        return getattr(self.model[int(index)], NAMES[parameter])

    def step(self) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.model(self.x), self.labels)
        loss.backward()
        self.optimizer.step()
        return float(loss.item())

    def arrays(self) -> dict[str, Array]:
        arrays = {}
        for i, (kind, _, _) in enumerate(self.layers):
            module = self.model[i]
            if kind == "dense":
                arrays[f"{i}.weight"] = module.weight.detach().numpy().T
                arrays[f"{i}.bias"] = module.bias.detach().numpy()
            elif kind == "batchnorm":
                arrays[f"{i}.gamma"] = module.weight.detach().numpy()
                arrays[f"{i}.beta"] = module.bias.detach().numpy()
                arrays[f"{i}.running_mean"] = module.running_mean.numpy()
        return arrays


def _module(kind: str, n_in: int, n_out: int) -> Any:
    nn = torch.nn
    if kind == "dense":
        return nn.utils.skip_init(nn.Linear, n_in, n_out)
    if kind == "batchnorm":
        return nn.BatchNorm1d(n_out, eps=BATCHNORM_EPSILON, momentum=1 - BATCHNORM_MOMENTUM)
    return {"elu": nn.ELU, "tanh": nn.Tanh, "relu": nn.ReLU}[kind]()


CONTENDER = TorchEager
