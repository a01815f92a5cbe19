"""PyTorch as it comes: eager, autograd, `torch.optim.SGD` or `Adam` with its defaults."""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.contenders.torch_networks import make
from benchmarks.workloads import BATCHNORM_EPSILON, BATCHNORM_MOMENTUM, GATES, Array, Problem

torch: Any = importlib.import_module("torch")

NAMES = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}
CELL_NAMES = {
    "weight": "weight_ih_l0",
    "recurrent_weight": "weight_hh_l0",
    "bias": "bias_ih_l0",
    "recurrent_bias": "bias_hh_l0",
}


class TorchEager:
    """`torch.nn.Sequential`, cross-entropy, optimizer; gradients are set to None, as is advised."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        torch.set_num_threads(threads)
        if torch.get_num_interop_threads() != 1:
            torch.set_num_interop_threads(1)
        self.layers = problem.workload.layers
        if problem.workload.made:
            self.model = make(problem.workload)
        else:
            self.model = torch.nn.Sequential(*(_module(*layer) for layer in self.layers))
        with torch.no_grad():
            for name, array in problem.parameters.items():
                self._parameter(name).copy_(torch.from_numpy(array.T))
        self.model.train()
        self.loss = torch.nn.CrossEntropyLoss()
        self.learned = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[problem.workload.optimizer]
        self.optimizer = optimizer(self.learned, lr=problem.workload.lr)
        self.clip = problem.workload.clip
        self.x, self.labels = torch.from_numpy(problem.x), torch.from_numpy(problem.labels)

    def _parameter(self, name: str) -> Any:
        index, parameter = name.split(".")
        module = self.model[int(index)]
        names = CELL_NAMES if hasattr(module, "cell") else NAMES
        return getattr(getattr(module, "cell", module), names[parameter])

    def step(self) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.model(self.x), self.labels)
        loss.backward()
        if self.clip:
            torch.nn.utils.clip_grad_norm_(self.learned, self.clip)
        self.optimizer.step()
        return float(loss.item())

    def arrays(self) -> dict[str, Array]:
        if not self.layers:
            return {name: p.detach().numpy() for name, p in self.model.named_parameters()}
        arrays = {}
        for i, (kind, _, _) in enumerate(self.layers):
            module = self.model[i]
            if kind == "dense":
                arrays[f"{i}.weight"] = module.weight.detach().numpy().T
                arrays[f"{i}.bias"] = module.bias.detach().numpy()
            elif kind in GATES:
                for name, theirs in CELL_NAMES.items():
                    parameter = getattr(module.cell, theirs)
                    if parameter.requires_grad:
                        arrays[f"{i}.{name}"] = parameter.detach().numpy().T
            elif kind == "batchnorm":
                arrays[f"{i}.gamma"] = module.weight.detach().numpy()
                arrays[f"{i}.beta"] = module.bias.detach().numpy()
                arrays[f"{i}.running_mean"] = module.running_mean.numpy()
        return arrays


class Cell(torch.nn.Module):  # type: ignore[misc]
    """A recurrent layer that gives its outputs alone. Of two biases that are added up one is 0."""

    def __init__(self, kind: str, n_in: int, n_out: int) -> None:
        super().__init__()
        made = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind]
        self.cell = made(n_in, n_out, batch_first=True)
        if kind != "gru":
            torch.nn.init.zeros_(self.cell.bias_hh_l0)
            self.cell.bias_hh_l0.requires_grad_(False)

    def forward(self, x: Any) -> Any:
        return self.cell(x)[0]


class LastStep(torch.nn.Module):  # type: ignore[misc]
    """What the layer below gives at the last step."""

    def forward(self, x: Any) -> Any:
        return x[:, -1]


def _module(kind: str, n_in: int, n_out: int) -> Any:
    nn = torch.nn
    if kind == "dense":
        return nn.utils.skip_init(nn.Linear, n_in, n_out)
    if kind == "batchnorm":
        return nn.BatchNorm1d(n_out, eps=BATCHNORM_EPSILON, momentum=1 - BATCHNORM_MOMENTUM)
    if kind in GATES:
        return Cell(kind, n_in, n_out)
    return {"elu": nn.ELU, "tanh": nn.Tanh, "relu": nn.ReLU, "laststep": LastStep}[kind]()


CONTENDER = TorchEager
