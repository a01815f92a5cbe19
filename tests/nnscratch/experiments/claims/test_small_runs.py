"""Claims with small networks and for a few steps: each makes of them what it did.

What came out lies beside this file. A few steps carry on little of how a processor rounds. After a
change that is meant, this file, run as a program, writes it anew.
"""

import itertools
import json
import math
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nnscratch.experiments import order
from nnscratch.experiments.claims import (
    Data,
    Trial,
    bn_cost,
    bn_freedom,
    elu_speed,
    registry,
    remembering,
    saturates_first,
    trainable_depth,
)

MADE = Path(__file__).with_name("small_runs.json")
STACK = {"depth": 2, "width": 8, "batch": 20, "epochs": 3}
MEMORY = {"units": 6, "updates": 15}
START = {"units": 8, "features": 4, "steps": 8}
SMALL = {
    "activation-ranking": {**STACK, "trials": 1, "rates": (0.05, 0.5)},
    "adding": {**MEMORY, "length": 10},
    "batchnorm-allows-sigmoid": {**STACK, "depths": [1, 2], "rates": [0.5, 2.0]},
    "batchnorm-any-initialization": {**STACK, "rate": 0.5, "scales": [0.5, 1.0, 2.0]},
    "batchnorm-explodes": {"width": 20, "depth": 5, "batches": [5, 8], "activations": ["tanh"]},
    "batchnorm-larger-rates": {**STACK, "rates": [0.1, 1.0, 10.0]},
    "batchnorm-regularizes": {**STACK, "examples": 60},
    "batchnorm-slower-step": {"batch": 10, "rounds": 2, "steps": 2},
    "batchnorm-steadies": {"steps": 40, "checks": 5, "rate": 0.3, "sd": 0.5},
    "chrono": {**MEMORY, "length": 10},
    "clipping-lowers-accuracy": {"epochs": 2},
    "clipping-rescues": {**STACK, "lr": 0.2, "depth": 4, "width": 16},
    "clipping-temporal-order": {**MEMORY, "lengths": [10, 12]},
    "copying": {**MEMORY, "blanks": 3},
    "digits-in-time": {"units": 4, "updates": 4},
    "dying-relu": {**STACK, "rates": (0.1, 1.0)},
    "elu-median": STACK,
    "elu-speed": {**STACK, "steps": 3},
    "first-question": {"width": 20, "batch": 50},
    "forget-bias": START,
    "glorot-keeps-variances": {"width": 30, "batch": 30},
    "glorot-table": {"depth": 2, "width": 8, "epochs": 1, "rates": [0.02, 0.5]},
    "he-against-xavier": {"width": 12, "epochs": 1, "norm_width": 20, "norm_draws": [0, 1]},
    "identity-relu": {**MEMORY, "length": 10},
    "jacobian-singular-values": {"width": 20},
    "large-leak": {**STACK, "images": 100},
    "lsuv": {**STACK, "depth": 3, "probe": 50},
    "mean-field-rates": {"width": 20, "depth": 5, "batch": 8},
    "mean-field-residual": {"widths": (8,), "batch": 6},
    "omega-temporal-order": {**MEMORY, "lengths": [10, 12]},
    "post-accuracy": {"epochs": 2},
    "random-truncation": {"length": 12, "every": 4, "units": 4, "draws": 20},
    "recurrent-defaults-vanish": START,
    "recurrent-rates": START,
    "rrelu-prelu": {**STACK, "images": 100},
    "selu": {"width": 60, "depth": 9},
    "sigmoid-top-first": {"steps": 20, "width": 8},
    "steepest-descent": {"width": 12, "batch": 40},
    "tanh-bottom-first": {"steps": 20, "width": 8},
    "trainable-depth": {
        "width": 8, "rates": (0.3, 0.1), "scales": (0.6, 1.0, 1.76), "most": 30, "step": 2.0,
    },
    "truncation": {**MEMORY, "length": 12, "one": 6, "both": 4},
}  # fmt: skip
# Limits that so little training reaches.
EASIER = (
    (remembering, "FRESH", 100),
    (bn_freedom, "LEARNT", 0.4),
    (saturates_first, "AT_ZERO", 0.48),
    (saturates_first, "BEYOND", 0.3),
)


class Few(Data):
    """Some of the digits; and as MNIST the same ones, larger."""

    def digits(self):
        x, y, x_test, y_test = super().digits()
        return x[:200], y[:200], x_test[:100], y_test[:100]

    def mnist(self):
        x, y, x_test, y_test = self.digits()
        return larger(x), y, larger(x_test), y_test


def larger(x):
    tripled = np.kron(x.reshape(-1, 8, 8), np.ones((1, 3, 3), x.dtype))
    return np.pad(tripled, ((0, 0), (2, 2), (2, 2))).reshape(-1, 784)


class Clock:
    """Every second that passes is longer than the one before."""

    def __init__(self):
        self.seconds = (float(n * n) for n in itertools.count())

    def perf_counter(self):
        return next(self.seconds)


def learn(model, optimizer, *, updates, callbacks=(), **given):
    """Stand in for `order.learn`: whether it learns is drawn anew for all that it depends on."""
    how = repr(optimizer), updates, [(one.weight, one.form) for one in callbacks], *given.items()
    drawn = zlib.crc32(repr(how).encode())
    rng = np.random.default_rng(zlib.crc32(model.params.flat.tobytes(), drawn))
    solved, after, right = rng.random(3)
    return order.Learned(updates * after if solved > 0.5 else math.inf, (right,), ())


def train(model, data, optimizer, sizes, seed, max_steps):
    """Stand in for `train`: how deep a network learns grows with its weights and the seed."""
    sw2 = float(model.params["0.weight"].var()) * 64
    learns = len(model.layers) // 2 <= (4 + 5 * seed) * sw2 * (optimizer.lr < 0.2)
    return SimpleNamespace(loss=[9.0] * 20 + [1.0 if learns else 1.2] * 10)


def measured(name, monkeypatch):
    for module, limit, value in EASIER:
        monkeypatch.setattr(module, limit, value)
    monkeypatch.setattr(order, "learn", learn)
    monkeypatch.setattr(trainable_depth, "train", train)
    for module in (bn_cost, elu_speed):
        monkeypatch.setattr(module, "time", Clock())
    (claim,) = registry.select([name])
    with np.errstate(all="ignore"):
        settings = {**claim.settings(seeds=(0, 1)), **SMALL[name]}
        return claim.run(Trial(settings, Few())).quantities


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] * (n == "mean-field-residual")) for n in SMALL],
)
def test_a_small_run_comes_out_as_it_did(name, monkeypatch):
    expected, found = json.loads(MADE.read_text("utf-8"))[name], measured(name, monkeypatch)
    assert list(found) == list(expected)
    for key, quantity in found.items():
        values = np.array(expected[key], float)  # None is NaN
        np.testing.assert_allclose(quantity.values, values, 1e-3, 1e-6, True, key)


if __name__ == "__main__":
    made = {}
    for claim in SMALL:
        with pytest.MonkeyPatch.context() as patch:
            made[claim] = {
                key: [
                    float(f"{v:.7g}") if np.isfinite(v) else None if np.isnan(v) else v
                    for v in quantity.values
                ]
                for key, quantity in measured(claim, patch).items()
            }
    lines = (f"{json.dumps(name)}: {json.dumps(values)}" for name, values in made.items())
    MADE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
