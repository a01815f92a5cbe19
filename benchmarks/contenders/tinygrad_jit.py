"""tinygrad: forward, loss, backward and update in one `TinyJit`, its kernels compiled by clang."""

from __future__ import annotations

import importlib
import os
from typing import Any

from benchmarks.contenders.clang import find_clang
from benchmarks.workloads import (
    ADAM_EPSILON,
    BATCHNORM_EPSILON,
    BATCHNORM_MOMENTUM,
    BETA1,
    BETA2,
    Array,
    Problem,
)

os.environ["CC"] = find_clang() or "clang"
os.environ.setdefault("DEV", "CPU")
tinygrad: Any = importlib.import_module("tinygrad")
nn: Any = importlib.import_module("tinygrad.nn")
helpers: Any = importlib.import_module("tinygrad.helpers")


class TinygradJit:
    """Parameters are tensors that the optimizer assigns to in place."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        helpers.Context(TRAINING=1).__enter__()
        self.layers = problem.workload.layers
        self.tensors = {n: tinygrad.Tensor(array) for n, array in problem.parameters.items()}
        self.norms = {}
        for i, (kind, _, n_out) in enumerate(self.layers):
            if kind == "batchnorm":
                norm = nn.BatchNorm(n_out, BATCHNORM_EPSILON, momentum=1 - BATCHNORM_MOMENTUM)
                norm.weight, norm.bias = self.tensors[f"{i}.gamma"], self.tensors[f"{i}.beta"]
                self.norms[i] = norm
        learned, lr = list(self.tensors.values()), problem.workload.lr
        optimizer = (
            nn.optim.Adam(learned, lr, BETA1, BETA2, ADAM_EPSILON)
            if problem.workload.optimizer == "adam"
            else nn.optim.SGD(learned, lr)
        )
        x, labels = tinygrad.Tensor(problem.x), tinygrad.Tensor(problem.labels.astype("int32"))

        def step() -> Any:
            optimizer.zero_grad()
            loss = self._forward(x).sparse_categorical_crossentropy(labels)
            loss.backward()
            return loss.realize(*optimizer.schedule_step(), *self._running())

        self._step = tinygrad.TinyJit(step)

    def _forward(self, x: Any) -> Any:
        for i, (kind, _, _) in enumerate(self.layers):
            if kind == "dense":
                x = x @ self.tensors[f"{i}.weight"] + self.tensors[f"{i}.bias"]
            else:
                x = self.norms[i](x) if kind == "batchnorm" else getattr(x, kind)()
        return x

    def _running(self) -> list[Any]:
        return [t for norm in self.norms.values() for t in (norm.running_mean, norm.running_var)]

    def step(self) -> float:
        return float(self._step().item())

    def arrays(self) -> dict[str, Array]:
        means = {f"{i}.running_mean": norm.running_mean for i, norm in self.norms.items()}
        return {name: tensor.numpy() for name, tensor in {**self.tensors, **means}.items()}


CONTENDER = TinygradJit
