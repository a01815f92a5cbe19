"""JAX: the whole training step in one `jax.jit`, old parameters donated to the new ones."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

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

jax: Any = importlib.import_module("jax")
jnp: Any = jax.numpy


class JaxJit:
    """Parameters and running statistics are dictionaries of arrays that each step replaces."""

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        layers, lr, clip = problem.workload.layers, problem.workload.lr, problem.workload.clip
        self.params = {name: jnp.array(array) for name, array in problem.parameters.items()}
        uses_adam = problem.workload.optimizer == "adam"
        self.moments = [
            {name: jnp.zeros_like(p) for name, p in self.params.items()}
            for _ in range(2 * uses_adam)
        ]
        self.made = 0
        self.running = {}
        for i, (kind, _, n_out) in enumerate(layers):
            if kind == "batchnorm":
                self.running[f"{i}.running_mean"] = jnp.zeros(n_out)
                self.running[f"{i}.running_variance"] = jnp.ones(n_out)
        self.x, self.labels = jnp.array(problem.x), jnp.array(problem.labels.astype(np.int32))

        def loss(params: Any, running: Any, x: Any, labels: Any) -> Any:
            logits, running = _forward(layers, params, running, x)
            picked = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
            return -picked.mean(), running

        def adam(params: Any, moments: Any, grads: Any, t: Any) -> Any:
            first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, moments[0], grads)
            second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, moments[1], grads)
            root = jnp.sqrt(1 - BETA2**t)
            rate, small = lr * root / (1 - BETA1**t), ADAM_EPSILON * root
            moved = jax.tree.map(
                lambda p, m, v: p - rate * m / (jnp.sqrt(v) + small), params, first, second
            )
            return moved, [first, second]

        def step(params: Any, running: Any, moments: Any, t: Any, x: Any, labels: Any) -> Any:
            (value, running), grads = jax.value_and_grad(loss, has_aux=True)(
                params, running, x, labels
            )
            rate = lr
            if clip:
                norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in grads.values()))
                rate = lr * jnp.minimum(1.0, clip / norm)
            if uses_adam:
                return value, running, *adam(params, moments, grads, t)
            return value, running, jax.tree.map(lambda p, g: p - rate * g, params, grads), moments

        self._step = jax.jit(step, donate_argnums=(0, 1, 2))

    def step(self) -> float:
        self.made += 1
        value, self.running, self.params, self.moments = self._step(
            self.params, self.running, self.moments, self.made, self.x, self.labels
        )
        jax.block_until_ready(self.params)
        return float(value)

    def arrays(self) -> dict[str, Array]:
        means = {name: a for name, a in self.running.items() if name.endswith("mean")}
        return {name: np.asarray(array) for name, array in {**self.params, **means}.items()}


def _forward(layers: Any, params: Any, running: Any, x: Any) -> Any:
    activations = {"elu": jax.nn.elu, "tanh": jnp.tanh, "relu": jax.nn.relu}
    updated = {}
    for i, (kind, _, _) in enumerate(layers):
        if kind == "dense":
            x = x @ params[f"{i}.weight"] + params[f"{i}.bias"]
        elif kind == "batchnorm":
            mean, variance = x.mean(axis=0), x.var(axis=0)
            normal = (x - mean) * jax.lax.rsqrt(variance + BATCHNORM_EPSILON)
            x = params[f"{i}.gamma"] * normal + params[f"{i}.beta"]
            for name, batch in (("running_mean", mean), ("running_variance", variance)):
                old = running[f"{i}.{name}"]
                updated[f"{i}.{name}"] = BATCHNORM_MOMENTUM * old + (1 - BATCHNORM_MOMENTUM) * batch
        elif kind in GATES:
            x = _scan(kind, x, {k.split(".")[1]: p for k, p in params.items() if k[:2] == f"{i}."})
        elif kind == "laststep":
            x = x[:, -1]
        else:
            x = activations[kind](x)
    return x, updated


def _scan(kind: str, x: Any, p: Any) -> Any:
    """Return the states of all steps: input products at once, `jax.lax.scan` over the rest."""
    u = p["recurrent_weight"]
    start = jnp.zeros((x.shape[0], u.shape[0]), x.dtype)
    sigmoid = jax.nn.sigmoid

    def step(carry: Any, a: Any) -> Any:
        h, c = carry
        if kind == "rnn":
            h = jnp.tanh(a + h @ u)
        elif kind == "lstm":
            i, f, g, o = jnp.split(a + h @ u, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
            h = sigmoid(o) * jnp.tanh(c)
        else:
            (ar, az, an), (ur, uz, un) = (
                jnp.split(v, 3, axis=1) for v in (a, h @ u + p["recurrent_bias"])
            )
            z = sigmoid(az + uz)
            h = (1 - z) * jnp.tanh(an + sigmoid(ar + ur) * un) + z * h
        return (h, c), h

    products = jnp.swapaxes(x @ p["weight"] + p["bias"], 0, 1)
    return jnp.swapaxes(jax.lax.scan(step, (start, start), products)[1], 0, 1)


CONTENDER = JaxJit
