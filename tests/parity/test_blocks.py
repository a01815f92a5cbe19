"""Residual blocks and normalization of rows against PyTorch: outputs, gradients, ten steps."""

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch")
functional = torch.nn.functional

N, DEPTH = 7, 4


def relative(ours, theirs):
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


def tensor(values):
    return torch.tensor(np.array(values), dtype=torch.float64)


def blocks(kind):
    norm = nn.LayerNorm if kind == "layer" else nn.RMSNorm
    return [
        nn.Dense(5, N),
        *(
            nn.Residual(norm(N), nn.GELU(), nn.Dense(N, N, init="he_normal"), scale=0.7)
            for _ in range(DEPTH)
        ),
        nn.Residual(nn.Dense(N, 3), nn.Tanh(), skip=nn.Dense(N, 3)),
    ]


def theirs(kind, params, x):
    """The same network in PyTorch, reading our parameters by name."""

    def dense(at, h):
        return h @ params[f"{at}.weight"] + params[f"{at}.bias"]

    h = dense("0", x)
    for i in range(1, DEPTH + 1):
        gamma = params[f"{i}.0.gamma"]
        if kind == "layer":
            z = functional.layer_norm(h, (N,), gamma, params[f"{i}.0.beta"], 1e-5)
        else:
            z = functional.rms_norm(h, (N,), gamma, 1e-5)
        h = h + 0.7 * dense(f"{i}.2", functional.gelu(z))
    last = DEPTH + 1
    return torch.tanh(dense(f"{last}.0", h)) + dense(f"{last}.2", h)


@pytest.mark.parametrize("shape", [(9,), (3, 4), (2, 3, 2)], ids=["rows", "time", "image"])
@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_ten_steps_of_a_residual_network(kind, shape):
    rng = np.random.default_rng(0)
    model = nn.Sequential(*blocks(kind), dtype=np.float64, seed=1)
    model.params.flat[...] += 0.1 * rng.standard_normal(model.params.flat.size)
    loss, optimizer = nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1, momentum=0.9)
    params = {name: tensor(values).requires_grad_() for name, values in model.params.items()}
    twin = torch.optim.SGD(params.values(), lr=0.1, momentum=0.9)
    for _ in range(10):
        x, labels = rng.standard_normal((*shape, 5)), rng.integers(0, 3, shape)
        given = tensor(x).requires_grad_()
        logits = theirs(kind, params, given)
        value = functional.cross_entropy(logits.reshape(-1, 3), torch.tensor(labels.ravel()))
        twin.zero_grad()
        value.backward()
        found, dlogits = loss(model.forward(x, training=True), labels)
        dx = model.backward(dlogits, input_gradient=True)
        assert found == pytest.approx(value.item(), rel=1e-12)
        assert relative(model.output, logits.detach().numpy()) < 1e-10
        assert relative(dx, given.grad.numpy()) < 1e-10
        for name, grad in model.grads.items():
            assert relative(grad, params[name].grad.numpy()) < 1e-10, name
        optimizer.step(model.params, model.grads)
        twin.step()
    for name, values in model.params.items():
        assert relative(values, params[name].detach().numpy()) < 1e-10, name
