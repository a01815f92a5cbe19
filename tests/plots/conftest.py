"""Synthetic records: runs whose gradient flow is known because it was written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnscratch_records import upgraded

Record = dict[str, Any]

EDGES_SIGNED = np.concatenate([-(2.0 ** np.arange(12, -20, -1)), [0], 2.0 ** np.arange(-19, 13)])
EDGES_MAGNITUDE = np.concatenate([[0], 2.0 ** np.arange(-100, 27, 2)])
ENDS = {"sigmoid": (0.015, 0.985), "tanh": (-0.97, 0.97), "relu": (0.0, np.nan)}
DRAWN = 200


def make_record(
    label: str,
    *,
    layers: int = 6,
    steps: int = 40,
    per_layer: float = 1.0,
    growth: float = 1.0,
    activation: str = "tanh",
    spread: float = 1.0,
    batchnorm: bool = False,
    clip: bool = False,
    histograms: bool = False,
    seed: int = 0,
) -> Record:
    """A run of `layers` dense layers with activations between.

    The gradient norm at the dense layers changes by `per_layer` per layer towards the input, 60 %
    of it (in log units) across the activation, and grows by `growth` at every step; beyond
    float32's range it is infinite, and everything afterwards NaN. Pre-activations have the standard
    deviation `spread`.
    """
    rng = np.random.default_rng(seed)
    block = ["dense", "batchnorm", activation] if batchnorm else ["dense", activation]
    kinds = block * (layers - 1) + ["dense"]
    names = [f"{i}.{kind}" for i, kind in enumerate(kinds)]
    ways = np.arange(len(kinds))
    dense = np.array([kind == "dense" for kind in kinds])
    step = np.arange(steps)[:, None]

    # How many blocks lie between a layer's output and the last dense layer.
    above = (len(kinds) - 1 - ways) / len(block)
    share = np.array([0.0 if kind == "dense" else -0.6 for kind in kinds])
    share[[kind == "batchnorm" for kind in kinds]] = -0.5
    depth = np.where(dense, above, np.ceil(above) + share)
    with np.errstate(over="ignore"):
        exponents = np.log10(0.05) + depth * np.log10(per_layer) + step * np.log10(growth)
        norms = 10.0 ** (exponents + 0.05 * rng.standard_normal((steps, len(kinds))))
    norms[norms > 3e38] = np.inf
    ended = np.flatnonzero(np.isinf(norms).any(axis=1))
    end = int(ended[0]) if ended.size else steps
    loss = 2.3 * np.exp(-step[:, 0] / max(1, steps / 3)) + 0.02 + 0.02 * rng.random(steps)
    loss[end : end + 1] = np.inf
    dead = np.arange(steps) > end
    norms[norms < 1e-45] = 0.0

    params = [f"{i}.weight" for i in np.flatnonzero(dense)]
    for i in np.flatnonzero([kind == "batchnorm" for kind in kinds]):
        params += [f"{i}.gamma", f"{i}.beta"]
    owner = np.array([int(name.split(".")[0]) for name in params])
    slope = np.linspace(3.0, 1.0, len(kinds))
    gradients = norms[:, owner] * slope[owner]
    ratio = np.clip(gradients / 50, 0, None)
    noise = np.abs(1 + 0.05 * rng.standard_normal((steps, len(kinds))))
    features = np.full(len(kinds), 64)
    features[-1] = 10

    # Outputs: quantiles of a normal distribution through the activation.
    z = spread * _normal(DRAWN)
    y = {
        "dense": z,
        "batchnorm": z / spread,
        activation: {
            "tanh": np.tanh,
            "relu": lambda z: np.maximum(z, 0),
            "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        }[activation](z),
    }
    low, high = ENDS[activation]
    ends = {activation: (np.mean(y[activation] <= low), np.mean(y[activation] >= high))}
    if np.isnan(high):
        ends[activation] = (ends[activation][0], np.nan)

    def tensor(value: Callable[[Any], float]) -> Any:
        return np.array([value(y[kind]) for kind in kinds]) * noise

    norm_layers = [name for name in names if name.endswith("batchnorm")]
    acts = [name for name in names if name.endswith(activation)]
    made: Record = {
        "format": 2,
        "label": label,
        "layers": np.array(names),
        "features": features,
        "params": np.array(params),
        "param_sizes": np.full(len(params), 64 * 64),
        "steps": np.arange(steps, dtype=np.int64),
        "loss": loss,
        "lr": np.full(steps, 0.01),
        "batch_size": np.full(steps, 32),
        "every": 1,
        "kept_every": 1,
        "note": "",
        "clip": "ClipByGlobalNorm(1.0)" if clip else "",
        "output_norm": tensor(lambda v: np.sqrt(np.mean(v**2) * 64 * 32)),
        "output_mean": tensor(np.mean),
        "output_std": tensor(np.std),
        "output_max": tensor(lambda v: np.abs(v).max()),
        "output_zeros": np.broadcast_to([np.mean(y[k] == 0) for k in kinds], (steps, len(kinds))),
        "saturated_low": tensor(np.size) * 0
        + np.array([ends.get(kind, (np.nan, np.nan))[0] for kind in kinds]),
        "saturated_high": tensor(np.size) * 0
        + np.array([ends.get(kind, (np.nan, np.nan))[1] for kind in kinds]),
        "gradient_norm": norms,
        "gradient_mean": norms * 1e-4,
        "gradient_std": norms / np.sqrt(64 * 32),
        "gradient_max": norms / 10,
        "param_norm": np.full((steps, len(params)), 8.0),
        "param_mean": np.full((steps, len(params)), -1e-3),
        "param_gradient_norm": gradients,
        "param_update_norm": ratio * 8.0,
        "update_ratio": ratio,
        "batchnorm_layers": np.array(norm_layers, dtype="U32"),
        "batchnorm_mean_gap": 0.1 * noise[:, : len(norm_layers)],
        "batchnorm_variance_ratio": noise[:, : len(norm_layers)],
        "batchnorm_scale": noise[:, : len(norm_layers)] / spread,
        "batchnorm_scale_max": 2 * noise[:, : len(norm_layers)] / spread,
    }
    for key in ("input_norm", "input_mean", "input_std", "input_max", "input_zeros"):
        made[key] = np.full(steps, {"input_norm": 45.0, "input_zeros": 0.0}.get(key, 1.0))
    whole = np.sqrt((gradients**2).sum(axis=1))
    made["clip_before"] = whole if clip else np.full(steps, np.nan)
    made["clip_after"] = np.minimum(whole, 1.0) if clip else np.full(steps, np.nan)
    made["clip_fraction"] = np.where(whole > 1, 1.0, 0.0) if clip else np.full(steps, np.nan)
    made["clip_cosine"] = np.full(steps, 1.0 if clip else np.nan)
    for key, values in made.items():
        if isinstance(values, np.ndarray) and values.dtype == np.float64 and key != "lr":
            made[key] = np.array(values)
            made[key][dead] = np.nan
    for key, count in (("output", len(kinds)), ("gradient", len(kinds)), ("param", len(params))):
        made[f"{key}_nonfinite"] = np.broadcast_to(dead[:, None] * 64.0, (steps, count)).copy()
    made["param_gradient_nonfinite"] = made["param_nonfinite"]
    made |= _histograms(steps if histograms else 0, kinds, y, norms, len(params), dead)
    made |= _census(acts, steps, spread, activation, rng)
    return upgraded(made)


def _histograms(
    steps: int, kinds: list[str], y: Any, norms: Any, params: int, dead: Any
) -> dict[str, Any]:
    def counted(values: Any, edges: Any) -> Any:
        return np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0].astype(np.uint16)

    outputs = np.zeros((steps, len(kinds), 64), dtype=np.uint16)
    gradients = np.zeros((steps, len(kinds), 64), dtype=np.uint16)
    weights = np.zeros((steps, params, 64), dtype=np.uint16)
    shapes = {kind: counted(values, EDGES_SIGNED) for kind, values in y.items()}
    for row in range(steps):
        if dead[row]:
            continue
        weights[row] = counted(0.1 * _normal(DRAWN), EDGES_SIGNED)
        for i, kind in enumerate(kinds):
            outputs[row, i] = shapes[kind]
            size = norms[row, i] / 45
            if np.isfinite(size):
                gradients[row, i] = counted(np.abs(size * _normal(DRAWN)), EDGES_MAGNITUDE)
    return {
        "output_histogram": outputs,
        "gradient_histogram": gradients,
        "param_histogram": weights,
        "histogram_edges_signed": EDGES_SIGNED,
        "histogram_edges_magnitude": EDGES_MAGNITUDE,
    }


def _census(
    names: list[str], steps: int, spread: float, activation: str, rng: Any
) -> dict[str, Any]:
    """One look in ten steps at 64 units per layer: dead with ReLU, else saturated by the spread."""
    looks = np.arange(0, steps, 10)
    chance = min(0.9, 0.05 * spread)
    kinds = (1, 1) if activation == "relu" else (2, 3)
    drawn = rng.random((len(looks), 64 * len(names)))
    census = np.where(drawn < chance, np.where(drawn < chance / 2, *kinds), 0).astype(np.uint8)
    return {
        "census_steps": looks,
        "census_layers": np.array(names, dtype="U32"),
        "census_units": 64 * np.arange(len(names) + 1),
        "census": census,
    }


def _normal(count: int) -> Any:
    """Quantiles of the standard normal distribution (to about one in a hundred)."""
    p = (np.arange(count) + 0.5) / count
    return (p**0.135 - (1 - p) ** 0.135) / 0.1975


@pytest.fixture
def record() -> Callable[..., Record]:
    return make_record


@pytest.fixture
def renamed() -> Callable[[Record, list[str]], Record]:
    """The record of another chain: its layers renamed, and taken for what the new names say."""

    def renamed(given: Record, names: list[str]) -> Record:
        new = dict(zip(given["layers"].tolist(), names, strict=True))
        of_names = {
            key: np.array([new[name] for name in given[key].tolist()], dtype=np.str_)
            for key in ("layers", "batchnorm_layers", "census_layers")
        }
        return upgraded({**given, **of_names, "format": 2})

    return renamed


@pytest.fixture
def residual() -> Callable[..., Record]:
    """A network of blocks with a skip connection, its numbers and facts written down by hand.

    0.stem, then blocks of (norm, activation, weights) beside a skip lane, then a head. At the last
    of 4 steps the skip lane carries all that arrives at a block, the branch a tenth of it, and
    below a block arrives 1.5 times as much.
    """

    def residual(blocks: int = 3, label: str = "residual") -> Record:
        rows = [("0.stem", "conv", "weights", "", 1, [-1], 1.5)]
        for block in range(1, blocks + 1):
            below, name = len(rows) - 1, str(block)
            inner = [("branch", "shape", 0.1), ("layernorm", "norm", 0.2)]
            inner += [("relu", "activation", 0.3), ("dense", "weights", 0.4)]
            source = below
            for place, (kind, role, share) in enumerate(inner):
                own = f"{name}.{kind}" if kind == "branch" else f"{name}.{place - 1}.{kind}"
                depth = block + (role == "weights")
                rows.append((own, kind, role, name, depth, [source], share))
                source = len(rows) - 1
            rows.append((f"{name}.skip", "skip", "shape", name, block, [below], 1.0))
            join = ([len(rows) - 1, source], 1.0)
            rows.append((f"{name}.sum", "sum", "join", name, block + 1, *join))
        rows.append(("head", "linear", "weights", "", blocks + 2, [len(rows) - 1], 0.5))
        names, kinds, roles, of, depths, sources, shares = zip(*rows, strict=True)
        size, norms = 1.0, np.zeros(len(rows))
        for i in range(len(rows) - 1, -1, -1):
            size *= 1.5 if kinds[i] == "sum" or i == 0 else 1.0
            norms[i] = shares[i] * size if i else size
        edges = [(source, i) for i, given in enumerate(sources) for source in given]
        owners = [i for i, role in enumerate(roles) if role == "weights"]
        made = make_record(label, layers=len(rows) // 2 + 1, steps=4)
        kept = ("steps", "loss", "lr", "batch_size", "every", "kept_every", "note", "clip")
        made = {key: made[key] for key in (*kept, *(k for k in made if k.startswith("input_")))}
        wide, few = (4, len(rows)), (4, len(owners))
        return made | {
            "format": 3,
            "label": label,
            "layers": np.array(names),
            "kinds": np.array(kinds),
            "roles": np.array(roles),
            "blocks": np.array(of),
            "depths": np.array(depths),
            "features": np.full(len(rows), 8),
            "edges": np.array(edges),
            "gaps": np.zeros(len(edges), dtype=int),
            "params": np.array([f"W of {names[i]}" for i in owners]),
            "param_layers": np.array(owners),
            "param_roles": np.array(["weight"] * len(owners)),
            "gradient_norm": norms * np.array([4.0, 3.0, 2.0, 1.0])[:, None],
            **{f"output_{key}": np.ones(wide) for key in ("mean", "std", "zeros")},
            **{f"saturated_{end}": np.full(wide, np.nan) for end in ("low", "high")},
            **{key: np.full(few, 1e-3) for key in ("update_ratio", "param_gradient_norm")},
            "batchnorm_layers": np.array([], dtype=np.str_),
            "batchnorm_scale": np.zeros((4, 0)),
        }

    return residual
