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

CASES = {
    "softmax, integer labels": (nn.SoftmaxCrossEntropy, F.cross_entropy, LABELS),
    "softmax, one-hot": (nn.SoftmaxCrossEntropy, F.cross_entropy, np.eye(4)[LABELS]),
    "softmax, soft labels": (nn.SoftmaxCrossEntropy, F.cross_entropy, SOFT),
    "sigmoid": (nn.SigmoidCrossEntropy, F.binary_cross_entropy_with_logits, TARGETS),
    "mean squared error": (nn.MeanSquaredError, F.mse_loss, TARGETS),
}


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
