"""Ten training steps of whole networks: every optimizer and every clip, float64, 1e-10 relative."""

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

STEPS, BATCH, N_IN, WIDTH, CLASSES = 10, 16, 9, 12, 5
RNG = np.random.default_rng(0)
X = RNG.standard_normal((STEPS, BATCH, N_IN))
LABELS = RNG.integers(0, CLASSES, (STEPS, BATCH))


ACTIVATIONS = {
    "sigmoid": (nn.Sigmoid, torch.nn.Sigmoid),
    "tanh": (nn.Tanh, torch.nn.Tanh),
    "relu": (nn.ReLU, torch.nn.ReLU),
    "leaky": (lambda: nn.LeakyReLU(0.2), lambda: torch.nn.LeakyReLU(0.2)),
    "prelu": (nn.PReLU, torch.nn.PReLU),
    "prelu per unit": (lambda: nn.PReLU(WIDTH), lambda: torch.nn.PReLU(WIDTH)),
    "elu": (nn.ELU, torch.nn.ELU),
    "selu": (nn.SELU, torch.nn.SELU),
    "softsign": (nn.Softsign, torch.nn.Softsign),
    "softplus": (nn.Softplus, lambda: torch.nn.Softplus(threshold=700)),
    "gelu": (nn.GELU, torch.nn.GELU),
    "silu": (nn.SiLU, torch.nn.SiLU),
    "identity": (nn.Identity, torch.nn.Identity),
    # Without noise, which no two frameworks share: dropout of nothing.
    "dropout 0": (lambda: nn.Dropout(0.0), lambda: torch.nn.Dropout(0.0)),
}


def networks(activation="elu", batchnorm=True):
    """Return our network and PyTorch's with the same weights."""
    ours_activation, theirs_activation = ACTIVATIONS[activation]
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
            if layer.kind == "dense":
                module.weight.copy_(torch.tensor(layer.params["weight"].T))
                module.bias.copy_(torch.tensor(layer.params["bias"]))
    return model, peer


def train_ours(model, optimizer, scale=1.0, loss=None, targets=LABELS):
    loss = loss or nn.SoftmaxCrossEntropy()
    values = []
    for x, labels in zip(X, targets, strict=True):
        value, dlogits = loss(model.forward(x, training=True), labels)
        model.backward(scale * dlogits)
        optimizer.step(model.params, model.grads)
        values.append(value)
    return values


def train_theirs(
    peer, optimizer, clip=None, scale=1.0, loss=torch.nn.functional.cross_entropy, targets=LABELS
):
    values = []
    for x, labels in zip(X, targets, strict=True):
        optimizer.zero_grad()
        value = loss(peer(torch.tensor(x)), torch.tensor(labels))
        (scale * value).backward()
        if clip is not None:
            clip(list(peer.parameters()))
        optimizer.step()
        values.append(value.item())
    return values


def worst_difference(model, peer):
    worst = 0.0
    for layer, module in zip(model.layers.values(), peer, strict=True):
        for name, ours in layer.params.items():
            theirs = getattr(
                module, {"gamma": "weight", "beta": "bias", "slope": "weight"}.get(name, name)
            )
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
    "Adagrad": (
        lambda **k: nn.Adagrad(lr=0.05, initial=0.1, **k),
        lambda p: torch.optim.Adagrad(p, lr=0.05, initial_accumulator_value=0.1),
    ),
    "Adadelta": (lambda **k: nn.Adadelta(**k), lambda p: torch.optim.Adadelta(p, lr=1.0)),
    "Adamax": (lambda **k: nn.Adamax(lr=0.01, **k), lambda p: torch.optim.Adamax(p, lr=0.01)),
    "Nadam": (lambda **k: nn.Nadam(lr=0.01, **k), lambda p: torch.optim.NAdam(p, lr=0.01)),
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
    "none": (None, None, 1.0),
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


@pytest.fixture
def scalars_in_float64():
    """PyTorch keeps Nadam's product of scalars in float32 unless that is not its default."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("scalars_in_float64")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name):
    # With batch norm the biases before it have a gradient of rounding errors alone, which
    # optimizers that divide by the gradient's size blow up: leave it out for those.
    batchnorm = name in ("gradient descent", "momentum", "Nesterov")
    model, peer = networks(batchnorm=batchnorm)
    ours, theirs = OPTIMIZERS[name]
    values = train_ours(model, ours())
    expected = train_theirs(peer, theirs(peer.parameters()))
    np.testing.assert_allclose(values, expected, rtol=1e-10)
    if batchnorm:
        for i in (0, 3):  # the biases of rounding errors
            model.params[f"{i}.bias"][...] = peer[i].bias.detach().numpy()
    assert worst_difference(model, peer) < 1e-10


@pytest.mark.usefixtures("scalars_in_float64")
@pytest.mark.parametrize("clip", ["none", "by global norm"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_frozen_layers_and_rates_by_layer(name, clip):
    """PyTorch's requires_grad and groups of parameters."""
    model, peer = networks("tanh", batchnorm=False)
    model.freeze("2.dense")
    for parameter in peer[2].parameters():
        parameter.requires_grad = False
    model.params["2.bias"] = peer[2].bias.fill_(0.5)
    ours, theirs = OPTIMIZERS[name]
    groups = [{"params": peer[0].parameters()}, {"params": [peer[4].weight]}]
    optimizer = theirs([*groups, {"params": [peer[4].bias]}])
    for group, factor in zip(optimizer.param_groups, (0.25, 1.0, 3.0), strict=True):
        group["lr"] *= factor
    limit, clip_theirs, scale = CLIPS[clip]
    values = train_ours(model, ours(clip=limit, rates={"0": 0.25, "4.bias": 3.0}), scale)
    expected = train_theirs(peer, optimizer, clip_theirs, scale)
    np.testing.assert_allclose(values, expected, rtol=1e-10)
    assert worst_difference(model, peer) < 1e-10


def test_frozen_batch_norm():
    """PyTorch's in eval(), as Keras's with trainable=False."""
    model, peer = networks()
    train_ours(model, nn.SGD(lr=0.1))
    train_theirs(peer, torch.optim.SGD(peer.parameters(), lr=0.1))
    model.freeze("1", "4")
    for i in (1, 4):
        for name, ours in model.layers[f"{i}.batchnorm"].statistics.items():
            theirs = getattr(peer[i], name.replace("variance", "var"))
            theirs.copy_(torch.tensor(ours))  # the unbiased variance is PyTorch's alone
        peer[i].eval()
        for parameter in peer[i].parameters():
            parameter.requires_grad = False
    trained = [p for p in peer.parameters() if p.requires_grad]
    values = train_ours(model, nn.SGD(lr=0.1))
    expected = train_theirs(peer, torch.optim.SGD(trained, lr=0.1))
    np.testing.assert_allclose(values, expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["Nesterov", "Adam", "Adagrad"])
def test_l2_penalty(name):
    """PyTorch's weight_decay is twice our l2, given to the weights alone."""
    model, peer = networks("tanh", batchnorm=False)
    ours, theirs = OPTIMIZERS[name]
    parameters = list(peer.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim == 2], "weight_decay": 0.06},
        {"params": [p for p in parameters if p.ndim == 1]},
    ]
    expected = train_theirs(peer, theirs(groups))
    penalty, optimizer = nn.Penalty(l2=0.03), ours()
    values = []
    for x, labels in zip(X, LABELS, strict=True):
        values.append(model.training_pass(x, labels, nn.SoftmaxCrossEntropy()))
        penalty.add(model)
        optimizer.step(model.params, model.grads)
    np.testing.assert_allclose(values, expected, rtol=1e-10)
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


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation(activation):
    model, peer = networks(activation, batchnorm=False)
    values = train_ours(model, nn.SGD(lr=0.1))
    expected = train_theirs(peer, torch.optim.SGD(peer.parameters(), lr=0.1))
    np.testing.assert_allclose(values, expected, rtol=1e-10)
    assert worst_difference(model, peer) < 1e-10


TARGETS = RNG.uniform(0, 1, (STEPS, BATCH, CLASSES))
LOSSES = {
    "softmax, one-hot": (
        nn.SoftmaxCrossEntropy,
        torch.nn.functional.cross_entropy,
        np.eye(CLASSES)[LABELS],
    ),
    "sigmoid": (
        nn.SigmoidCrossEntropy,
        torch.nn.functional.binary_cross_entropy_with_logits,
        TARGETS,
    ),
    "mean squared error": (nn.MeanSquaredError, torch.nn.functional.mse_loss, TARGETS),
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name):
    ours, theirs, targets = LOSSES[name]
    model, peer = networks("tanh", batchnorm=False)
    values = train_ours(model, nn.SGD(lr=0.1), loss=ours(), targets=targets)
    optimizer = torch.optim.SGD(peer.parameters(), lr=0.1)
    expected = train_theirs(peer, optimizer, loss=theirs, targets=targets)
    np.testing.assert_allclose(values, expected, rtol=1e-10)
    assert worst_difference(model, peer) < 1e-10
