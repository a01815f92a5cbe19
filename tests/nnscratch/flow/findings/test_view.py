"""When a thing holds, and since when."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.findings.view import View


def view(loss=(2.0,) * 40, first_step=0, poison=None):
    model = nn.Sequential(nn.Dense(3, 4), nn.BatchNorm(4), nn.Tanh(), nn.Dense(4, 2))
    flow = nn.GradientFlow(model)
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    optimizer = nn.SGD(lr=0.0)
    with flow.attached(optimizer):
        for _ in loss:
            model.training_pass(x, np.zeros(5, np.int64), nn.SoftmaxCrossEntropy())
            optimizer.step(model.params, model.grads)
    record = flow.to_dict()
    record["loss"] = np.array(loss)
    record["steps"] = record["steps"] + first_step
    if poison is not None:
        record["gradient_nonfinite"][poison, 1] = 3
    return View(record)


def test_now_is_a_fifth_of_the_rows_between_5_and_20():
    assert view().now == slice(32, 40)
    assert view((2.0,) * 12).now == slice(7, 12)
    assert view((2.0,) * 3).now == slice(0, 3)
    assert view((2.0,) * 130).now == slice(110, 130)


def test_holds_is_about_now():
    where = np.zeros(40, bool)
    where[:32] = True
    assert not view().holds(where)
    where[33:] = True  # 7 of the latest 8
    assert view().holds(where)
    where[33:35] = False
    assert not view().holds(where)


def test_since_passes_over_single_rows():
    where = np.zeros(40, bool)
    where[10:] = True
    where[20] = False
    assert view(first_step=100).since(where) == 110
    where[:] = False
    where[3] = True  # once, long ago
    where[30:] = True
    assert view().since(where) == 30


@pytest.mark.parametrize(("poison", "rows"), [(None, 40), (0, 0), (17, 17)])
def test_rows_end_before_the_first_that_is_not_finite(poison, rows):
    seen = view(poison=poison)
    assert seen.rows == rows
    assert len(seen.get("output_norm")) == rows


def test_stalled():
    assert view().stalled()
    assert view((2.0,) * 30 + (1.9,) * 10).stalled()
    assert not view((2.0,) * 30 + (1.9,) * 10).stalled(0.97)
    assert not view((2.0,) * 30 + (1.7,) * 10).stalled()


def test_columns_and_scales():
    seen = view()
    assert seen.dense == [0, 3]
    assert [str(seen.record["params"][i]) for i in seen.weights] == ["0.weight", "3.weight"]
    assert seen.activation == "tanh"
    assert seen.fan_in(3) == 4
    weight = seen.record["param_norm"][-1, seen.weights[1]]
    assert seen.weight_scale(3) == pytest.approx(4 * (weight**2 / 8))  # n_in times mean square
    assert seen.before(3, "batchnorm") == 1
    assert seen.before(0, "dense") is None
