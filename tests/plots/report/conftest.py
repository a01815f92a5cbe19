"""Synthetic records: runs whose gradient flow is known because it was written down."""

import numpy as np
import pytest

from nnscratch_records import upgraded

SIGNED = np.concatenate([-(2.0 ** np.arange(12, -20, -1)), [0.0], 2.0 ** np.arange(-19, 13)])
MAGNITUDE = np.concatenate([[0.0], 2.0 ** np.arange(-100, 28, 2)])


def make_run(
    label="run", *, blocks=5, steps=40, per_layer=0.8, growth=1.0, histograms=True, seed=0
):
    """A record of `blocks` dense layers with an activation each, and a last dense layer.

    The gradient changes by `per_layer` a layer towards the input and by `growth` a step; beyond
    float32's range it is infinite, afterwards everything is NaN.
    """
    rng = np.random.default_rng(seed)
    kinds = ["dense", "sigmoid"] * blocks + ["dense"]
    layers = np.array([f"{i}.{kind}" for i, kind in enumerate(kinds)])
    params = [f"{i}.{p}" for i, k in enumerate(kinds) if k == "dense" for p in ("weight", "bias")]
    depth, time_ = np.arange(len(layers))[::-1], np.arange(steps)[:, None]

    def wobble(*shape):
        return np.exp(0.1 * rng.standard_normal(shape))

    with np.errstate(over="ignore"):
        gradient = 0.05 * per_layer**depth * growth**time_ * wobble(steps, len(layers))
    gradient[gradient > 3e38] = np.inf
    gradient[gradient < 1e-45] = 0.0
    std = 0.7 * wobble(steps, len(layers))
    ratio = 1e-3 * wobble(steps, len(params))
    saturated = rng.random((2, steps, len(layers))) * 0.4
    saturated[:, :, ::2] = np.nan  # dense layers have no ends
    zeros = np.where(np.arange(len(layers)) % 2, 0.25, 0.0) * np.ones((steps, 1))
    loss = 2.3 * np.exp(-time_[:, 0] / max(1, steps / 3)) + 0.02 + 0.02 * rng.random(steps)
    burst = np.flatnonzero(np.isinf(gradient).any(axis=1))
    if burst.size:
        for values in (gradient, std, ratio, saturated[0], saturated[1], loss):
            values[burst[0] + 1 :] = np.nan
        loss[burst[0]] = np.inf
    counted = (steps if histograms else 0, len(layers), 64)

    def ones(*shape):
        return np.ones(shape)

    record = {
        "format": 2, "label": label, "layers": layers, "params": np.array(params), "note": "",
        "features": np.full(len(layers), 32), "steps": np.arange(steps, dtype=np.int64),
        "loss": loss, "gradient_norm": gradient, "output_std": std, "output_zeros": zeros,
        "saturated_low": saturated[0], "saturated_high": saturated[1], "update_ratio": ratio,
        "input_mean": ones(steps), "input_std": ones(steps), "output_mean": ones(*std.shape),
        "batchnorm_layers": np.array([], dtype=str), "batchnorm_scale": ones(steps, 0),
        "histogram_edges_signed": SIGNED, "histogram_edges_magnitude": MAGNITUDE,
        "output_histogram": np.zeros(counted, dtype=np.uint16),
        "gradient_histogram": np.zeros(counted, dtype=np.uint16),
        "param_histogram": np.zeros((counted[0], len(params), 64), dtype=np.uint16),
    }  # fmt: skip
    for key, low, high in (
        ("output", 20, 44), ("gradient", 36, 48), ("param", 22, 42)
    ) if histograms else ():  # fmt: skip
        target = record[f"{key}_histogram"]
        target[..., low:high] = rng.multinomial(
            200, np.full(high - low, 1 / (high - low)), size=target.shape[:2]
        )
    return upgraded(record)


def with_extras(record, *, norms=(2, 6), counted=(1, 3), every=10, fires=2.0, seed=1):
    """Add batch norm at the layers `norms`, a census of the layers `counted`, and a clip."""
    rng = np.random.default_rng(seed)
    steps, layers = len(record["steps"]), record["layers"]
    for key in ("mean_gap", "variance_ratio", "scale", "scale_max"):
        record[f"batchnorm_{key}"] = np.exp(rng.standard_normal((steps, len(norms))))
    before = np.exp(rng.standard_normal(steps))
    census_steps = np.arange(every // 2, steps, every)
    return record | {
        "batchnorm_layers": layers[list(norms)],
        "clip": "ClipByGlobalNorm",
        "clip_before": before,
        "clip_after": np.minimum(before, fires),
        "census_steps": census_steps,
        "census_layers": layers[list(counted)],
        "census_units": np.arange(len(counted) + 1) * 8,
        "census": rng.integers(0, 4, (len(census_steps), 8 * len(counted))).astype(np.uint8),
    }


@pytest.fixture
def run():
    return make_run


@pytest.fixture
def extras():
    return with_extras
