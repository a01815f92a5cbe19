"""Copies between PyTorch and this engine give equal outputs and gradients."""

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import from_torch, to_torch  # noqa: E402

tn = torch.nn
ACTIVATIONS = (
    *(tn.Sigmoid, tn.Tanh, tn.ReLU, tn.SELU, tn.Softsign, tn.SiLU, tn.Softplus, tn.Mish),
    *(tn.Identity, tn.Hardsigmoid, tn.ELU, tn.LeakyReLU),
)


def theirs(activation):
    inner = tn.Sequential(tn.Linear(7, 6), tn.LayerNorm(6), activation())
    return tn.Sequential(tn.BatchNorm1d(7), inner, tn.Dropout(0.0), tn.Linear(6, 3))


def agree(module, model, close):
    double = next(module.parameters()).dtype == torch.float64
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 7)).astype("float64" if double else "float32")
    labels = rng.integers(0, 3, 20)
    y = module(torch.from_numpy(x))
    tn.CrossEntropyLoss()(y, torch.from_numpy(labels)).backward()
    loss = nn.SoftmaxCrossEntropy()
    model.training_pass(x, labels, loss)
    np.testing.assert_allclose(model.latest.outputs[-1], y.detach().numpy(), rtol=close, atol=close)
    grads = {name: p.grad.numpy() for name, p in module.named_parameters()}
    assert len(grads) == len(model.grads)
    for ours, p in zip(model.grads.values(), grads.values(), strict=True):
        turned = p.T if p.ndim == 2 else p
        np.testing.assert_allclose(ours, turned, rtol=close, atol=close)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 2e-6), (torch.float64, 1e-12)])
def test_a_copy_gives_equal_outputs_and_gradients(activation, dtype, close):
    torch.manual_seed(0)
    module = theirs(activation).to(dtype)
    if activation is tn.Hardsigmoid:  # PyTorch computes its slope with a sixth in float32
        close = max(close, 1e-9)
    agree(module, from_torch(module), close)


def test_there_and_back_with_residual_blocks():
    model = nn.Sequential(
        nn.Dense(7, 6),
        nn.Residual(nn.LayerNorm(6), nn.ELU(0.7), nn.Dense(6, 6), scale=0.5),
        nn.Residual(nn.Dense(6, 4), nn.Tanh(), skip=nn.Dense(6, 4)),
        nn.BatchNorm(4),
        nn.Dense(4, 3),
        seed=2,
        dtype="float64",
    )
    module = to_torch(model)
    again = from_torch(module)
    for name, values in model.params.items():
        np.testing.assert_array_equal(again.params[name], values)
    x = np.random.default_rng(1).standard_normal((9, 7))
    module.eval()
    expected = model.predict(x)
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach().numpy(), expected, rtol=1e-12)
    np.testing.assert_array_equal(again.predict(x), expected)


def test_what_is_not_known_is_named():
    module = tn.Sequential(tn.Linear(3, 3), tn.Sequential(tn.Conv1d(1, 1, 1), tn.GLU()))
    with pytest.raises(nn.ConfigError, match=r"1\.0 \(Conv1d.*1\.1 \(GLU"):
        from_torch(module)
    with pytest.raises(nn.ConfigError, match=r"0 \(Linear.*bias=False"):
        from_torch(tn.Sequential(tn.Linear(3, 3, bias=False)))
    with pytest.raises(nn.ConfigError, match="to_torch does not know LSTM"):
        to_torch(nn.Sequential(nn.LSTM(3, 4), nn.LastStep(), nn.Dense(4, 2)))
