"""Recurrent layers in plain NumPy, step by step, for `numpy_plain`; every state begins at 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workloads import Array

Cache = list[tuple[Any, ...]]


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def recurrent_forward(kind: str, x: Array, p: dict[str, Array]) -> tuple[Array, Cache]:
    """Return the states of all steps, and what each step keeps for its backward."""
    u = p["recurrent_weight"]
    h = c = np.zeros((len(x), len(u)), x.dtype)
    states, caches = [], Cache()
    for t in range(x.shape[1]):
        a, before = x[:, t] @ p["weight"] + p["bias"], h
        if kind == "rnn":
            h = np.tanh(a + before @ u)
            caches.append((before, h))
        elif kind == "lstm":
            i, f, g, o = np.split(a + before @ u, 4, axis=1)
            i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
            old, c = c, f * c + i * g
            h = o * np.tanh(c)
            caches.append((before, i, f, g, o, old, c))
        else:
            products = before @ u + p["recurrent_bias"]
            (ar, az, an), (ur, uz, un) = (np.split(v, 3, axis=1) for v in (a, products))
            r, z = _sigmoid(ar + ur), _sigmoid(az + uz)
            new = np.tanh(an + r * un)
            h = (1 - z) * new + z * before
            caches.append((before, r, z, new, un))
        states.append(h)
    return np.stack(states, axis=1), caches


def recurrent_backward(
    kind: str, dy: Array, x: Array, caches: Cache, p: dict[str, Array]
) -> dict[str, Array]:
    """Return the gradients of the parameters. Nothing is below, so the input gets none."""
    grads = {name: np.zeros_like(values) for name, values in p.items()}
    dh = dc = np.zeros_like(dy[:, 0])
    for t in range(dy.shape[1] - 1, -1, -1):
        dh = dh + dy[:, t]
        before, *kept = caches[t]
        past = 0.0  # what goes back to the state beside the products
        if kind == "rnn":
            da = du = dh * (1 - kept[0] ** 2)
        elif kind == "lstm":
            i, f, g, o, old, c = kept
            squashed = np.tanh(c)
            dc = dc + dh * o * (1 - squashed**2)
            parts = dc * g * i * (1 - i), dc * old * f * (1 - f), dc * i * (1 - g**2)
            da = du = np.hstack([*parts, dh * squashed * o * (1 - o)])
            dc = dc * f
        else:
            r, z, new, un = kept
            dn = dh * (1 - z) * (1 - new**2)
            gates = [dn * un * r * (1 - r), dh * (before - new) * z * (1 - z)]
            da, du, past = np.hstack([*gates, dn]), np.hstack([*gates, dn * r]), dh * z
        grads["weight"] += x[:, t].T @ da
        grads["bias"] += da.sum(axis=0)
        grads["recurrent_weight"] += before.T @ du
        if "recurrent_bias" in grads:
            grads["recurrent_bias"] += du.sum(axis=0)
        dh = past + du @ p["recurrent_weight"].T
    return grads
