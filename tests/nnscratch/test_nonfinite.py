"""The first NaN or infinity: planted in every kind of tensor, and found there."""

import json
import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.nonfinite import NonFinite, find_nonfinite, summarize, tensors_of_pass

RNG = np.random.default_rng(0)
X = RNG.standard_normal((8, 5)).astype(np.float32)
Y = RNG.integers(0, 3, 8)
LOSS = nn.SoftmaxCrossEntropy()


def make(dtype=np.float32):
    return nn.Sequential(
        nn.Dense(5, 4), nn.BatchNorm(4), nn.Tanh(), nn.Dense(4, 4), nn.ReLU(), nn.Dense(4, 3),
        dtype=dtype,
    )  # fmt: skip


def run(model, x=X):
    return model.training_pass(x, Y, LOSS)


def test_a_healthy_pass_has_none():
    model = make()
    value = run(model)
    assert find_nonfinite(model, value) is None
    seen = list(tensors_of_pass(model, value))
    names = [f"{t.stage}|{t.name}" for t in seen]
    assert names[:4] == [
        "forward|the input of 0.dense",
        "before the pass|the weight of 0.dense",
        "before the pass|the bias of 0.dense",
        "forward|the output of 0.dense",
    ]
    assert names[-2:] == [
        "backward|the gradient of the weight of 0.dense",
        "backward|the gradient of the bias of 0.dense",
    ]
    assert "forward|the loss" in names
    assert "forward|the running_variance of 1.batchnorm" in names
    by_name = dict(zip(names, seen, strict=True))
    upstream = model.last["3.dense"].upstream
    row = by_name["backward|the gradient that arrives at the output of 3.dense"]
    assert row.norm == pytest.approx(np.linalg.norm(upstream.astype(np.float64)), rel=1e-6)
    assert row.largest == pytest.approx(np.abs(upstream).max())
    assert (row.size, row.bad) == (32, 0)


def test_summary_counts():
    row = summarize("forward", "0.dense", "output", np.array([[1.0, -7.0, np.nan], [np.inf, 2, 3]]))
    assert (row.size, row.nan, row.infinite, row.bad, row.largest) == (6, 1, 1, 2, 7.0)
    assert row.kinds == "1 NaN, 1 infinite"
    assert math.isnan(summarize("forward", "0.dense", "output", np.full(3, np.nan)).largest)


@pytest.mark.parametrize("kernels", ["numba", "reference"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["0.weight", "1.gamma", "3.bias", "5.weight"])
def test_a_bad_parameter_is_found_where_it_is(name, bad, kernels):
    with nn.use_kernels(kernels), np.errstate(all="ignore"):
        model = make()
        model.params[name].flat[1] = bad
        value = run(model)
    found = find_nonfinite(model, value)
    index, key = name.split(".")
    assert (found.first.stage, found.first.tensor) == ("before the pass", key)
    assert found.first.layer.startswith(index)
    assert found.first.bad == 1
    assert found.before is None


def test_overflow_in_the_forward_pass():
    model = make()
    model.params["3.weight"][...] = 3e38
    model.params["3.weight"][:, 1:] = 1
    value = run(model)
    found = find_nonfinite(model, value)
    assert (found.first.stage, found.first.layer, found.first.tensor) == (
        "forward", "3.dense", "output",
    )  # fmt: skip
    output = model.last["3.dense"].output
    assert found.first.infinite == np.isinf(output).sum() > 0
    assert found.first.largest == np.abs(output[np.isfinite(output)]).max()
    assert found.before.name == "the output of 2.tanh"
    assert found.before.largest == np.abs(model.last["2.tanh"].output).max()


def test_overflow_in_the_backward_pass():
    model = make()
    value = run(model)
    dlogits = np.full((8, 3), 3e38, np.float32)
    model.params["5.weight"][...] = 10
    model.backward(dlogits)
    found = find_nonfinite(model, value)
    # The sum over the batch overflows first, in the gradients of the last layer's parameters.
    assert (found.first.stage, found.first.layer) == ("backward", "5.dense")
    assert found.first.tensor.startswith("gradient of ")
    assert found.before.name == "the gradient that arrives at the output of 5.dense"


def test_loss_and_input():
    model = make()
    run(model)
    assert find_nonfinite(model, math.inf).first.name == "the loss"
    x = X.copy()
    x[3, 2] = -np.inf
    with np.errstate(all="ignore"):
        value = run(model, x)
    found = find_nonfinite(model, value)
    assert (found.first.name, found.before) == ("the input of 0.dense", None)


def test_without_a_backward_pass():
    model = make()
    model.forward(X)
    assert find_nonfinite(model) is None
    assert [t.stage for t in tensors_of_pass(model)][-1] == "forward"


def test_words():
    model = make()
    run(model)
    found = find_nonfinite(model, math.nan)
    found.step, found.epoch, found.loss, found.losses = 12, 3, math.nan, [2.5, 1e20]
    assert str(found) == (
        "not finite at step 12 (epoch 4), in the forward pass: first the loss, which is NaN "
        f"(largest of the output of 5.dense {found.before.largest:.3g}); "
        "losses in the 2 steps before: 2.5, 1e+20"
    )
    found.earlier = [3.0]
    assert "largest of the loss in the step before: 3;" in str(found)


def test_as_plain_values():
    model = make()
    run(model)
    found = find_nonfinite(model, math.nan)
    found.step, found.losses = 12, [2.5]
    twin = NonFinite.from_dict(json.loads(json.dumps(found.to_dict())))
    assert str(twin) == str(found)
    assert twin.first.same_place(found.first)
    with pytest.raises(KeyError):
        NonFinite.from_dict({"step": 1})
