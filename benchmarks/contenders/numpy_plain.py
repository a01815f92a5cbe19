"""Plain NumPy, as one writes it by hand; on a float64 problem, the reference of all the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.contenders.numpy_recurrent import recurrent_backward, recurrent_forward
from benchmarks.workloads import (
    ADAM_EPSILON,
    BATCHNORM_EPSILON,
    BATCHNORM_MOMENTUM,
    BETA1,
    BETA2,
    GATES,
    Array,
    Problem,
)


class NumpyPlain:
    """A list of layers, a loop forward, a loop backward, and an update per parameter."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        self.layers = problem.workload.layers
        self.x, self.labels, self.lr = problem.x, problem.labels, problem.workload.lr
        self.clip = problem.workload.clip
        self.params = {name: array.copy() for name, array in problem.parameters.items()}
        self.uses_adam, self.made = problem.workload.optimizer == "adam", 0
        self.moments: dict[str, tuple[Array, Array]] = {}
        self.running: dict[str, Array] = {}
        for i, (kind, _, n_out) in enumerate(self.layers):
            if kind == "batchnorm":
                self.running[f"{i}.running_mean"] = np.zeros(n_out, self.x.dtype)
                self.running[f"{i}.running_variance"] = np.ones(n_out, self.x.dtype)

    def step(self) -> float:
        p = self.params
        x, caches = self.x, list[Any]()
        for i, (kind, _, _) in enumerate(self.layers):
            if kind == "dense":
                caches.append(x)
                x = x @ p[f"{i}.weight"] + p[f"{i}.bias"]
            elif kind == "batchnorm":
                x, cache = self._normalise(i, x)
                caches.append(cache)
            elif kind in GATES:
                x, kept = recurrent_forward(kind, x, self._of(i))
                caches.append(kept)
            elif kind == "laststep":
                caches.append(x.shape)
                x = x[:, -1]
            else:
                x = FORWARD[kind](x)
                caches.append(x)
        loss, dy = _softmax_cross_entropy(x, self.labels)
        grads = {}
        for i in range(len(self.layers) - 1, -1, -1):
            kind, cache = self.layers[i][0], caches[i]
            if kind == "dense":
                grads[f"{i}.weight"] = cache.T @ dy
                grads[f"{i}.bias"] = dy.sum(axis=0)
                if i > 0:
                    dy = dy @ p[f"{i}.weight"].T
            elif kind in GATES:
                found = recurrent_backward(kind, dy, self.x, cache, self._of(i))
                grads |= {f"{i}.{name}": grad for name, grad in found.items()}
            elif kind == "laststep":
                last, dy = dy, np.zeros(cache, dy.dtype)
                dy[:, -1] = last
            elif kind == "batchnorm":
                normal, inv_std = cache
                grads[f"{i}.gamma"] = (dy * normal).sum(axis=0)
                grads[f"{i}.beta"] = dy.sum(axis=0)
                mean_dy = grads[f"{i}.beta"] / len(dy)
                mean_dy_normal = grads[f"{i}.gamma"] / len(dy)
                dy = p[f"{i}.gamma"] * inv_std * (dy - mean_dy - normal * mean_dy_normal)
            else:
                dy = BACKWARD[kind](dy, cache)
        norm = np.sqrt(sum(np.square(grad).sum() for grad in grads.values()))
        factor = min(1.0, self.clip / norm) if self.clip else 1.0
        self.made += 1
        for name, grad in grads.items():
            p[name] -= self.lr * self._direction(name, factor * grad)
        return loss

    def _direction(self, name: str, grad: Array) -> Array:
        """Return what the optimizer makes of a gradient."""
        if not self.uses_adam:
            return grad
        first, second = self.moments.setdefault(name, (np.zeros_like(grad), np.zeros_like(grad)))
        first += (1 - BETA1) * (grad - first)
        second += (1 - BETA2) * (grad * grad - second)
        root: Array = np.sqrt(second / (1 - BETA2**self.made)) + ADAM_EPSILON
        return first / (1 - BETA1**self.made) / root

    def _of(self, i: int) -> dict[str, Array]:
        """Return the parameters of layer i by their own names."""
        start = f"{i}."
        return {
            name.removeprefix(start): values
            for name, values in self.params.items()
            if name.startswith(start)
        }

    def _normalise(self, i: int, x: Array) -> tuple[Array, tuple[Array, Array]]:
        mean, variance = x.mean(axis=0), x.var(axis=0)
        for name, batch in (("running_mean", mean), ("running_variance", variance)):
            running = self.running[f"{i}.{name}"]
            running *= BATCHNORM_MOMENTUM
            running += (1 - BATCHNORM_MOMENTUM) * batch
        inv_std = 1 / np.sqrt(variance + BATCHNORM_EPSILON)
        normal = (x - mean) * inv_std
        return self.params[f"{i}.gamma"] * normal + self.params[f"{i}.beta"], (normal, inv_std)

    def arrays(self) -> dict[str, Array]:
        means = {name: a for name, a in self.running.items() if name.endswith("mean")}
        return {**self.params, **means}


def _softmax_cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    sums = exps.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(sums[:, 0]) - shifted[rows, labels]))
    dlogits = exps / sums
    dlogits[rows, labels] -= 1
    return loss, dlogits / len(labels)


FORWARD: dict[str, Any] = {
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
}
# From the output: the derivative of ELU is y + 1 where y <= 0.
BACKWARD: dict[str, Any] = {
    "elu": lambda dy, y: dy * np.where(y > 0, 1, y + 1),
    "tanh": lambda dy, y: dy * (1 - y * y),
    "relu": lambda dy, y: dy * (y > 0),
}

CONTENDER = NumpyPlain
