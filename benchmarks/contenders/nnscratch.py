"""nnscratch, used the way its documentation says."""

from __future__ import annotations

import nnscratch as nn
from benchmarks.workloads import BATCHNORM_EPSILON, BATCHNORM_MOMENTUM, Array, Problem

PLAIN = {"elu": nn.ELU, "tanh": nn.Tanh, "relu": nn.ReLU, "laststep": nn.LastStep}
CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Nnscratch:
    """A `Sequential`, its loss and its optimizer; `step` is what `Trainer` does."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        layers: list[nn.layers.Layer] = []
        for kind, n_in, n_out in problem.workload.layers:
            if kind == "dense":
                layers.append(nn.Dense(n_in, n_out, init="zeros"))
            elif kind == "batchnorm":
                layers.append(nn.BatchNorm(n_out, BATCHNORM_MOMENTUM, BATCHNORM_EPSILON))
            elif kind in CELLS:
                layers.append(CELLS[kind](n_in, n_out))
            else:
                layers.append(PLAIN[kind]())
        self.model = nn.Sequential(*layers, dtype=problem.x.dtype)
        for name, array in problem.parameters.items():
            self.model.params[name][...] = array
        self.loss = nn.SoftmaxCrossEntropy()
        clip = problem.workload.clip
        optimizer = {"sgd": nn.SGD, "adam": nn.Adam}[problem.workload.optimizer]
        self.optimizer: nn.SGD | nn.Adam = optimizer(
            lr=problem.workload.lr, clip=nn.ClipByGlobalNorm(clip) if clip else None
        )
        self.x, self.labels = problem.x, problem.labels

    def step(self) -> float:
        value = self.model.training_pass(self.x, self.labels, self.loss)
        self.optimizer.step(self.model.params, self.model.grads)
        return value

    def arrays(self) -> dict[str, Array]:
        means = {name: a for name, a in self.model.statistics.items() if name.endswith("mean")}
        return {**self.model.params, **means}


CONTENDER = Nnscratch
