"""The one registry of workloads: the networks whose training step is checked and then timed.

Five main ones, six that go through time, three small ones, two that only PyTorch makes, and four
families in which one number grows: depth, width, batch or steps of time. Everything here is plain
NumPy, because every contender's process imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# What keeps the size of the signal, so that hundreds of layers still compute something.
GAIN = {"elu": 1.55, "tanh": 1.0, "relu": 2.0}
BATCHNORM_MOMENTUM = 0.9
BATCHNORM_EPSILON = 1e-3
FAMILIES = ("depth", "width", "batch", "time")
GATES = {"rnn": 1, "lstm": 4, "gru": 3}  # of a recurrent layer
BETA1, BETA2, ADAM_EPSILON = 0.9, 0.999, 1e-8
CHECK_STEPS = 2  # after which a contender's weights are compared with the reference


@dataclass(frozen=True)
class Workload:
    """A network and a batch: one training step is forward, loss, backward, update.

    A recurrent one is a recurrent layer, its last step and a dense layer.

    Parameters
    ----------
    widths : tuple of int
        Features in, the width of each hidden layer, classes.
    activation : "elu", "tanh" or "relu"
        After every dense layer but the last.
    batch : int
    lr : float
    batchnorm : bool
        Between each hidden dense layer and its activation.
    cell : "rnn" (tanh), "lstm", "gru" or ""
        The recurrent layer of the hidden width, if there is one.
    steps : int
        Of time; 0: none.
    clip : float
        The largest global norm of the gradients; 0: they are not clipped.
    optimizer : "sgd" or "adam"
        Gradient descent, or Adam with `BETA1`, `BETA2`, `ADAM_EPSILON`.
    made : str
        What PyTorch's contenders alone make, and record: see `contenders.torch_networks`.
    family : str
        "main", "recurrent", "small", or the number that grows: "depth", "width", "batch" or "time".
    """

    name: str
    widths: tuple[int, ...]
    activation: str
    batch: int
    lr: float
    batchnorm: bool = False
    family: str = "main"
    cell: str = ""
    steps: int = 0
    clip: float = 0.0
    optimizer: str = "sgd"
    made: str = ""

    @property
    def depth(self) -> int:
        """Dense layers."""
        return len(self.widths) - 1

    @property
    def size(self) -> int:
        """The number that grows in the family."""
        sizes = (self.depth, self.widths[1], self.batch, self.steps)
        return dict(zip(FAMILIES, sizes, strict=True)).get(self.family, 0)

    @property
    def layers(self) -> list[tuple[str, int, int]]:
        """Kind, features in and features out of every layer, in order."""
        layers: list[tuple[str, int, int]] = []
        if self.made:
            return layers
        if self.cell:
            n_in, n, classes = self.widths
            return [(self.cell, n_in, n), ("laststep", n, n), ("dense", n, classes)]
        for i, (n_in, n_out) in enumerate(pairwise(self.widths)):
            layers.append(("dense", n_in, n_out))
            if i < self.depth - 1:
                if self.batchnorm:
                    layers.append(("batchnorm", n_out, n_out))
                layers.append((self.activation, n_out, n_out))
        return layers

    @property
    def grows(self) -> bool:
        """Whether it is one of a family."""
        return self.family in FAMILIES

    def small(self) -> Workload:
        """Return a small one with the same kinds of layers."""
        if self.made:
            return replace(self, batch=8)
        if self.cell:
            return replace(self, widths=(3, 8, 4), batch=8, steps=5)
        return replace(self, widths=(8, 16, 12, 4), batch=8)

    @property
    def network(self) -> str:
        """The network in words, such as ``784-8x128-10, ELU``."""
        if self.made:
            return self.made
        parts: list[list[int]] = []
        for i, width in enumerate(self.widths):
            if 1 < i < self.depth and parts[-1][0] == width:
                parts[-1][1] += 1
            else:
                parts.append([width, 1])
        shape = "-".join(str(w) if n == 1 else f"{n}x{w}" for w, n in parts)
        if self.cell:
            return f"{shape}, {self.cell.upper()}, {self.steps} steps"
        names = {"elu": "ELU", "relu": "ReLU"}
        normal = ", batch norm" if self.batchnorm else ""
        adam = ", Adam" if self.optimizer == "adam" else ""
        return f"{shape}{normal}, {names.get(self.activation, self.activation)}{adam}"


def _hidden(n_in: int, layers: int, width: int, classes: int = 10) -> tuple[int, ...]:
    return (n_in, *([width] * layers), classes)


MAIN = (
    Workload("mnist-bn-elu", (784, 300, 100, 10), "elu", 200, 0.01, batchnorm=True),
    Workload("elu-8x128", _hidden(784, 8, 128), "elu", 64, 0.01),
    Workload("tanh-50x100", _hidden(64, 50, 100), "tanh", 60, 0.01),
    Workload("tanh-200x64", _hidden(64, 200, 64), "tanh", 32, 0.01),
    Workload("relu-4x2048", _hidden(784, 4, 2048), "relu", 512, 0.01),
)

# What is published of small recurrent networks, and shapes that fill a cache.
RECURRENT = tuple(
    Workload(
        f"{cell}-{n_in}-{n}", (n_in, n, 10), "tanh", batch, 0.01,
        family="recurrent", cell=cell, steps=steps, clip=1.0,
    )
    for cell, n_in, n, steps, batch in (
        ("rnn", 6, 50, 100, 20),
        ("rnn", 28, 128, 28, 64),
        ("lstm", 6, 50, 100, 20),
        ("lstm", 28, 128, 28, 64),
        ("lstm", 64, 256, 50, 32),
        ("gru", 28, 128, 28, 64),
    )
)  # fmt: skip

# The small networks whose times are published, and XOR.
SMALL = (
    Workload(
        "tanh-4-32-16-4", (4, 32, 16, 4), "tanh", 10_000, 1e-3, family="small", optimizer="adam"
    ),
    Workload("tanh-24-8-2", (24, 8, 2), "tanh", 200, 1e-3, family="small", optimizer="adam"),
    Workload("xor", (2, 8, 2), "tanh", 4, 0.1, family="small"),
)

# What is watched of PyTorch's networks besides.
MADE = (
    Workload("convolutions", (784, 10), "relu", 64, 0.01, made="convolutions"),
    Workload("transformer", (32, 64, 10), "relu", 32, 0.01, steps=32, made="transformer"),
)

DEPTHS = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
BATCHES = (1, 4, 16, 64, 256, 1024, 4096, 8192)
TIMES = (1, 3, 10, 30, 100, 300, 1000)

GROWTH = (
    *(
        Workload(f"depth-{n}", _hidden(64, n - 1, 64), "tanh", 32, 0.01, family="depth")
        for n in DEPTHS
    ),
    *(Workload(f"width-{n}", _hidden(64, 3, n), "elu", 64, 0.01, family="width") for n in WIDTHS),
    *(Workload(f"batch-{n}", _hidden(64, 4, 128), "elu", n, 0.01, family="batch") for n in BATCHES),
    *(
        Workload(
            f"time-{n}", (28, 128, 10), "tanh", 32, 0.01,
            family="time", cell="lstm", steps=n, clip=1.0,
        )
        for n in TIMES
    ),
)  # fmt: skip

# For trying the runner itself: over in a moment.
TINY = Workload("tiny", (8, 16, 12, 4), "elu", 8, 0.05, batchnorm=True, family="trial")

WORKLOADS = {
    workload.name: workload for workload in (*MAIN, *RECURRENT, *SMALL, *MADE, *GROWTH, TINY)
}


@dataclass(frozen=True)
class Problem:
    """A workload's arrays: the batch, its labels and the weights to start from.

    `parameters` are named ``"index.parameter"`` by the index of the layer in `Workload.layers`.
    """

    workload: Workload
    x: Array
    labels: Array
    parameters: dict[str, Array]


def make_problem(workload: Workload, dtype: npt.DTypeLike = np.float32, seed: int = 0) -> Problem:
    """Return the same arrays every time; in float64 they hold the float32 values."""
    rng = np.random.default_rng(seed)
    draw: Callable[..., Array] = rng.standard_normal
    steps = (workload.steps,) if workload.steps else ()
    x = draw((workload.batch, *steps, workload.widths[0]), dtype=np.float32)
    labels = rng.integers(0, workload.widths[-1], workload.batch)
    parameters = {}
    for i, (kind, n_in, n_out) in enumerate(workload.layers):
        if kind == "dense":
            std = np.float32(np.sqrt(GAIN[workload.activation] / n_in))
            parameters[f"{i}.weight"] = draw((n_in, n_out), dtype=np.float32) * std
            parameters[f"{i}.bias"] = draw(n_out, dtype=np.float32) * np.float32(0.01)
        elif kind in GATES:
            wide = GATES[kind] * n_out
            for name, n in (("weight", n_in), ("recurrent_weight", n_out)):
                scale = np.float32(1 / np.sqrt(n))
                parameters[f"{i}.{name}"] = draw((n, wide), dtype=np.float32) * scale
            for name in ("bias", "recurrent_bias") if kind == "gru" else ("bias",):
                parameters[f"{i}.{name}"] = draw(wide, dtype=np.float32) * np.float32(0.01)
        elif kind == "batchnorm":
            parameters[f"{i}.gamma"] = 1 + draw(n_out, dtype=np.float32) * np.float32(0.1)
            parameters[f"{i}.beta"] = draw(n_out, dtype=np.float32) * np.float32(0.1)
    return Problem(
        workload,
        x.astype(dtype),
        labels,
        {name: array.astype(dtype) for name, array in parameters.items()},
    )
