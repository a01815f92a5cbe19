"""Every loss against PyTorch, value and gradient, float64, to 1e-10 relative."""

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional

RNG = np.random.default_rng(0)
LOGITS = 5 * RNG.standard_normal((11, 4))
LABELS = RNG.integers(0, 4, 11)
SOFT = RNG.dirichlet(np.ones(4), 11)
TARGETS = RNG.uniform(0, 1, (11, 4))
WEIGHTS = [1.0, 0.5, 3.0, 0.0]

CASES = {
    "softmax, integer labels": (nn.SoftmaxCrossEntropy, F.cross_entropy, LABELS),
    "softmax, one-hot": (nn.SoftmaxCrossEntropy, F.cross_entropy, np.eye(4)[LABELS]),
    "softmax, soft labels": (nn.SoftmaxCrossEntropy, F.cross_entropy, SOFT),
    "sigmoid": (nn.SigmoidCrossEntropy, F.binary_cross_entropy_with_logits, TARGETS),
    "mean squared error": (nn.MeanSquaredError, F.mse_loss, TARGETS),
    "mean absolute error": (nn.MeanAbsoluteError, F.l1_loss, TARGETS),
    "huber": (nn.Huber, F.huber_loss, TARGETS),
    "huber 0.3": (lambda: nn.Huber(0.3), lambda z, t: F.huber_loss(z, t, delta=0.3), TARGETS),
    "smoothed labels": (
        lambda: nn.SoftmaxCrossEntropy(label_smoothing=0.2),
        lambda z, t: F.cross_entropy(z, t, label_smoothing=0.2),
        LABELS,
    ),
    "class weights": (
        lambda: nn.SoftmaxCrossEntropy(0.1, WEIGHTS),
        lambda z, t: F.cross_entropy(z, t, torch.tensor(WEIGHTS), label_smoothing=0.1),
        SOFT,
    ),
    "weight of yes": (
        lambda: nn.SigmoidCrossEntropy(class_weights=(1, 3)),
        lambda z, t: F.binary_cross_entropy_with_logits(z, t, pos_weight=torch.tensor(3.0)),
        TARGETS,
    ),
}


@pytest.mark.parametrize(
    ("make", "function", "labels"),
    [
        (nn.BinaryCrossEntropy, F.binary_cross_entropy, TARGETS),
        (
            nn.CategoricalCrossEntropy,
            lambda p, t: F.nll_loss(torch.log(p / p.sum(1, keepdim=True)), t),
            LABELS,
        ),
    ],
)
def test_loss_on_probabilities(make, function, labels):
    p = RNG.uniform(0.01, 0.99, (11, 4))
    value, dp = make()(p, labels)
    leaf = torch.tensor(p, requires_grad=True)
    expected = function(leaf, torch.tensor(labels))
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-10)
    np.testing.assert_allclose(dp, leaf.grad.numpy(), rtol=1e-10)


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("name", CASES)
def test_loss(name, scale):
    make, function, labels = CASES[name]
    value, dlogits = make()(scale * LOGITS, labels)
    logits = torch.tensor(scale * LOGITS, requires_grad=True)
    expected = function(logits, torch.tensor(labels))
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-10)
    np.testing.assert_allclose(
        dlogits, logits.grad.numpy(), rtol=1e-10, atol=1e-12 * np.abs(logits.grad.numpy()).max()
    )
