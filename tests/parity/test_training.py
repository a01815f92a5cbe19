"""Ten training steps of whole networks: every optimizer and every clip, float64, 1e-10 relative."""

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

STEPS, BATCH, N_IN, WIDTH, CLASSES = 10, 16, 9, 12, 5
RNG = np.random.default_rng(0)
X = RNG.standard_normal((STEPS, BATCH, N_IN))
LABELS = RNG.integers(0, CLASSES, (STEPS, BATCH))


def networks(activation="elu", batchnorm=True):
    """Return our network and PyTorch's with the same weights."""
    makers = {"elu": (nn.ELU, torch.nn.ELU), "tanh": (nn.Tanh, torch.nn.Tanh)}
    ours_activation, theirs_activation = makers[activation]
    ours, theirs = [], []
    for n_in, n_out in ((N_IN, WIDTH), (WIDTH, WIDTH)):
        ours.append(nn.Dense(n_in, n_out, init="he_normal"))
        theirs.append(torch.nn.Linear(n_in, n_out))
        if batchnorm:
            ours.append(nn.BatchNorm(n_out))
            theirs.append(torch.nn.BatchNorm1d(n_out, eps=1e-3))
        ours.append(ours_activation())
        theirs.append(theirs_activation())
    ours.append(nn.Dense(WIDTH, CLASSES))
    theirs.append(torch.nn.Linear(WIDTH, CLASSES))
    model = nn.Sequential(*ours, seed=0, dtype=np.float64)
    peer = torch.nn.Sequential(*theirs).double()
    with torch.no_grad():
        for layer, module in zip(model.layers.values(), peer, strict=True):
            if "weight" in layer.params:
                module.weight.copy_(torch.tensor(layer.params["weight"].T))
                module.bias.copy_(torch.tensor(layer.params["bias"]))
    return model, peer


def train_ours(model, optimizer, scale=1.0):
    loss = nn.SoftmaxCrossEntropy()
    values = []
    for x, labels in zip(X, LABELS, strict=True):
        value, dlogits = loss(model.forward(x, training=True), labels)
        model.backward(scale * dlogits)
        optimizer.step(model.params, model.grads)
        values.append(value)
    return values


def train_theirs(peer, optimizer, clip, scale=1.0):
    values = []
    for x, labels in zip(X, LABELS, strict=True):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(peer(torch.tensor(x)), torch.tensor(labels))
        (scale * loss).backward()
        clip(list(peer.parameters()))
        optimizer.step()
        values.append(loss.item())
    return values


def worst_difference(model, peer):
    worst = 0.0
    for layer, module in zip(model.layers.values(), peer, strict=True):
        for name, ours in layer.params.items():
            theirs = getattr(module, {"gamma": "weight", "beta": "bias"}.get(name, name))
            theirs = theirs.detach().numpy()
            theirs = theirs.T if ours.ndim == 2 else theirs
            worst = max(worst, np.abs(ours - theirs).max() / np.abs(theirs).max())
    return worst


OPTIMIZERS = {
    "gradient descent": (lambda **k: nn.SGD(lr=0.1, **k), lambda p: torch.optim.SGD(p, lr=0.1)),
    "momentum": (
        lambda **k: nn.SGD(lr=0.1, momentum=0.9, **k),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    ),
    "Nesterov": (
        lambda **k: nn.SGD(lr=0.1, momentum=0.9, nesterov=True, **k),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    ),
    "RMSProp": (
        lambda **k: nn.RMSProp(lr=0.01, decay=0.9, epsilon=1e-8, **k),
        lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-8),
    ),
    "Adam": (lambda **k: nn.Adam(lr=0.01, **k), lambda p: torch.optim.Adam(p, lr=0.01)),
    "AdamW": (
        lambda **k: nn.AdamW(lr=0.01, weight_decay=0.1, **k),
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    ),
}


def clip_each(parameters):
    for parameter in parameters:
        torch.nn.utils.clip_grad_norm_([parameter], 0.05)


# PyTorch divides by (norm + 1e-6) where the definition divides by the norm: gradients scaled by
# 1e6 make that difference smaller than the tolerance, and the clip fire at every step.
CLIPS = {
    "none": (None, lambda parameters: None, 1.0),
    "by value": (
        nn.ClipByValue(0.02),
        lambda parameters: torch.nn.utils.clip_grad_value_(parameters, 0.02),
        1.0,
    ),
    "by norm": (nn.ClipByNorm(0.05), clip_each, 1e6),
    "by global norm": (
        nn.ClipByGlobalNorm(0.3),
        lambda parameters: torch.nn.utils.clip_grad_norm_(parameters, 0.3),
        1e6,
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name):
    # With batch norm the biases before it have a gradient of rounding errors alone, which
    # optimizers that divide by the gradient's size blow up: leave it out for those.
    batchnorm = name in ("gradient descent", "momentum", "Nesterov")
    model, peer = networks(batchnorm=batchnorm)
    ours, theirs = OPTIMIZERS[name]
    values = train_ours(model, ours())
    expected = train_theirs(peer, theirs(peer.parameters()), lambda parameters: None)
    np.testing.assert_allclose(values, expected, rtol=1e-10)
    if batchnorm:
        for i in (0, 3):  # the biases of rounding errors
            model.params[f"{i}.bias"][...] = peer[i].bias.detach().numpy()
    assert worst_difference(model, peer) < 1e-10


@pytest.mark.parametrize("name", CLIPS)
def test_clip(name):
    model, peer = networks("tanh", batchnorm=False)
    clip, clip_theirs, scale = CLIPS[name]
    values = train_ours(model, nn.SGD(lr=0.5, clip=clip), scale)
    optimizer = torch.optim.SGD(peer.parameters(), lr=0.5)
    expected = train_theirs(peer, optimizer, clip_theirs, scale)
    np.testing.assert_allclose(values, expected, rtol=1e-10)
    assert worst_difference(model, peer) < 1e-10
    if clip is not None:
        unclipped, _ = networks("tanh", batchnorm=False)
        train_ours(unclipped, nn.SGD(lr=0.5))
        assert np.abs(unclipped.params.flat - model.params.flat).max() > 1e-3
