"""scikit-learn's `MLPClassifier`: one `partial_fit` on the whole batch is one step."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from benchmarks.workloads import Array, Problem

neural_network: Any = importlib.import_module("sklearn.neural_network")


class SklearnMLP:
    """Plain SGD without momentum and without the penalty; ReLU or tanh, no batch norm."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        workload = problem.workload
        self.indices = [i for i, (kind, _, _) in enumerate(workload.layers) if kind == "dense"]
        self.model = neural_network.MLPClassifier(
            hidden_layer_sizes=workload.widths[1:-1],
            activation=workload.activation,
            solver="sgd",
            alpha=0.0,
            batch_size=workload.batch,
            learning_rate_init=workload.lr,
            momentum=0.0,
            nesterovs_momentum=False,
            shuffle=False,
            random_state=0,
        )
        self.x, self.labels = problem.x, problem.labels
        classes = np.arange(workload.widths[-1])
        # The first call makes the arrays and the optimizer that holds them; then they are filled.
        self.model.partial_fit(self.x, self.labels, classes=classes)
        for i, weight, bias in zip(
            self.indices, self.model.coefs_, self.model.intercepts_, strict=True
        ):
            weight[...] = problem.parameters[f"{i}.weight"]
            bias[...] = problem.parameters[f"{i}.bias"]

    def step(self) -> float:
        self.model.partial_fit(self.x, self.labels)
        return float(self.model.loss_)

    def arrays(self) -> dict[str, Array]:
        arrays = {}
        for i, weight, bias in zip(
            self.indices, self.model.coefs_, self.model.intercepts_, strict=True
        ):
            arrays[f"{i}.weight"], arrays[f"{i}.bias"] = weight, bias
        return arrays


CONTENDER = SklearnMLP
