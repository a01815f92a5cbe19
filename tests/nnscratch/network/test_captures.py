"""Which passes are captured, which of them a batch goes by, and that none is out of date."""

from __future__ import annotations

import copy
from typing import ClassVar

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.network.replay import CapturedPass

from .captured import COMPILED, layer_by_layer

pytestmark = COMPILED


class Doubled(nn.Dense):
    """A user's layer that computes with NumPy."""

    kind: ClassVar[str] = "doubled"

    def forward(self, x, training=False):
        y, cache = super().forward(x, training)
        return 2 * y, cache


class SameDense(nn.Dense):
    """A subclass that says nothing of itself."""


@pytest.mark.parametrize("layer", [Doubled(13, 10), SameDense(13, 10), nn.Dropout(0.5), nn.RReLU()])
def test_layers_that_are_more_than_kernel_calls_are_not_captured(batch, layer):
    x, labels = batch
    model = nn.Sequential(layer, seed=1) if layer.kind != "dropout" else nn.Sequential(
        nn.Dense(13, 10), layer
    )  # fmt: skip
    loss = nn.SoftmaxCrossEntropy()
    twin = copy.deepcopy(model)
    if layer.kind == "rrelu":
        labels = labels % 13
    assert model.captured(x, labels, loss) is None
    assert model.training_pass(x, labels, loss) == layer_by_layer(twin, x, labels, loss)
    np.testing.assert_array_equal(model.grads.flat, twin.grads.flat)


def test_a_replaced_forward_is_not_captured(batch):
    model, loss = nn.Sequential(nn.Dense(13, 10), nn.Tanh()), nn.SoftmaxCrossEntropy()
    assert isinstance(model.captured(*batch, loss), CapturedPass)
    layer = model.layers["1.tanh"]
    layer.forward = lambda x, training=False: (x, (x, x))
    assert model.captured(*batch, loss) is None


def test_other_losses_and_inputs_go_layer_by_layer(batch):
    x, labels = batch
    model, loss = nn.Sequential(nn.Dense(13, 10)), nn.SoftmaxCrossEntropy()

    class Own(nn.SoftmaxCrossEntropy):
        def __call__(self, output, labels, sample_weights=None):
            return super().__call__(output, labels, sample_weights)

    assert model.captured(x, labels, Own()) is None
    assert model.captured(x, labels, lambda output, labels: loss(output, labels)) is None
    assert model.captured(x[:, ::-1], labels, loss) is None
    expected = layer_by_layer(copy.deepcopy(model), x, labels, loss)
    assert model.training_pass(x, labels.astype(np.int32), loss) == expected
    assert model.training_pass(np.asfortranarray(x), labels, loss) == expected


def test_what_was_captured_is_not_used_for_anything_else(batch):
    x, labels = batch
    model = nn.Sequential(nn.Dense(13, 10))
    loss, other = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy(label_smoothing=0.1)
    found = model.captured(x, labels, loss)
    assert model.captured(x, labels, loss) is found
    assert model.captured(x, labels, other) is not found
    assert model.captured(x[:3], labels[:3], loss) is not found
    assert model.captured(x.astype(np.float64), labels, loss) is None
    assert model.captured(x, labels, loss) is found
    assert model.captured(x[:, ::-1], labels, loss) is None
    loss.label_smoothing = 0.1  # which another kernel computes
    assert model.captured(x, labels, loss) is not found
    loss.compute = other.compute
    assert model.captured(x, labels, loss) is None


def test_errors_are_those_of_the_layers_and_the_loss(batch):
    x, labels = batch
    model, loss = nn.Sequential(nn.Dense(13, 10)), nn.SoftmaxCrossEntropy()
    model.training_pass(x, labels, loss)
    grads = model.grads.flat.copy()
    bad = labels.copy()
    bad[3] = 10
    with pytest.raises(nn.DataError, match="label 10 at index 3"):
        model.training_pass(x, bad, loss)
    with pytest.raises(nn.ShapeError, match="expects 13 features"):
        model.training_pass(x[:, :5].copy(), labels, loss)
    with pytest.raises(nn.ShapeError, match="empty"):
        model.training_pass(x[:0], labels[:0], loss)
    with pytest.raises(nn.DtypeError, match="computes in float32"):
        model.training_pass(x.astype(np.float64), labels, loss)
    with pytest.raises(nn.ShapeError, match="63 labels for 64"):
        model.training_pass(x, labels[1:], loss)
    np.testing.assert_array_equal(model.grads.flat, grads)


def test_the_list_of_calls_can_be_read(batch):
    model, loss = nn.Sequential(nn.Dense(13, 10), nn.ELU(0.5)), nn.SoftmaxCrossEntropy()
    captured = model.captured(*batch, loss)
    lines = str(captured).splitlines()
    assert len(lines) == 6
    assert "0.dense  dense_forward: y 64x10, x 64x13, weight 13x10, bias 10" in lines[1]
    assert "1.elu    elu_forward: y 64x10, x 64x10, alpha 0.5" in lines[2]
    assert "loss     softmax_cross_entropy: dlogits 64x10, logits 64x10, labels 64" in lines[3]
    assert "1.elu    elu_backward" in lines[4]
    assert "0.dense  dense_backward_parameters" in lines[5]


def test_only_a_few_shapes_are_kept(batch):
    x, labels = batch
    model, loss = nn.Sequential(nn.Dense(13, 10)), nn.SoftmaxCrossEntropy()
    for rows in range(1, 40):
        model.training_pass(x[:rows], labels[:rows], loss)
    assert len(model._captured._passes) <= 8


def test_ever_new_shapes_leave_nothing_behind_but_the_latest():
    model, loss = nn.Sequential(nn.Dense(6, 8), nn.Tanh(), nn.Dense(8, 3)), nn.SoftmaxCrossEntropy()
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((700, 6), np.float32), rng.integers(0, 3, 700)
    for rows in range(700, 0, -1):
        model.training_pass(x[:rows], labels[:rows], loss)
    assert max(len(node.workspace.arrays()) for node in model.nodes) <= 512
    expected = layer_by_layer(copy.deepcopy(model), x, labels, loss)
    assert model.training_pass(x, labels, loss) == expected
