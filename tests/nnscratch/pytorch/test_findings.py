"""Sick networks of PyTorch: the cause that our own engine names, and cures in lines of torch."""

import itertools

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn = torch.nn
STEPS, BATCH = 120, 50
ACTIVATIONS = {"relu": tn.ReLU, "sigmoid": tn.Sigmoid, "tanh": tn.Tanh, "softmax": tn.Softmax}
LOSSES = {
    "softmax": (nn.SoftmaxCrossEntropy, tn.CrossEntropyLoss),
    "squares": (nn.MeanSquaredError, tn.MSELoss),
    "sigmoid": (nn.SigmoidCrossEntropy, tn.BCEWithLogitsLoss),
}


def data(kind):
    x, y, _, _ = nn.datasets.digits()
    if kind == "raw pixels":
        return np.asarray(x * 300 + 500, np.float32), y
    if kind == "shuffled":
        return x, np.random.default_rng(0).permutation(y)
    if kind == "large targets":
        return x, (500 + 100 * y[:, None]).astype(np.float32)
    if kind == "one class":
        return x, np.full_like(y, 3)
    return x, y


def twins(widths, activation, output, init, bias):
    layers = []
    for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        layers.append(nn.Dense(n_in, n_out, init=init, bias_init=bias))
        if i < len(widths) - 2 and activation:
            layers.append(nn.layers.activation(activation))
    if output:
        layers.append(nn.Softmax() if output == "softmax" else nn.layers.activation(output))
    own = nn.Sequential(*layers, seed=0)
    modules = []
    for name, layer in own.layers.items():
        if isinstance(layer, nn.Dense):
            linear = tn.Linear(layer.n_in, layer.n_out)
            place = name.partition(".")[0]
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(own.params[f"{place}.weight"].T.copy()))
                linear.bias.copy_(torch.from_numpy(own.params[f"{place}.bias"].copy()))
            modules.append(linear)
        else:
            made = ACTIVATIONS[layer.kind]
            modules.append(made(dim=-1) if made is tn.Softmax else made())
    return own, tn.Sequential(*modules)


def run(
    widths=(64, 50, 50, 10),
    activation="relu",
    output="",
    init="he_normal",
    bias="zeros",
    loss="softmax",
    lr=0.05,
    of="digits",
    adam=False,
    steps=STEPS,
):
    """Train twins; return the records of both, the model, and its data."""
    x, y = data(of)
    own, model = twins(widths, activation, output, init, bias)
    our_loss, their_loss = (made() for made in LOSSES[loss])
    flow = nn.GradientFlow(own, probe=x[:100])
    step = nn.Adam(lr=lr) if adam else nn.SGD(lr=lr)
    trainer = nn.Trainer(own, our_loss, step)
    epochs = -(-steps * BATCH // len(x))
    options = {"epochs": epochs, "batch_size": BATCH, "max_steps": steps, "progress": False}
    with np.errstate(all="ignore"):
        trainer.fit(x, y, **options, callbacks=[flow], stop_on_nonfinite=False)
    made = torch.optim.Adam if adam else torch.optim.SGD
    optimizer = made(model.parameters(), lr=lr)
    xs, ys = torch.from_numpy(np.asarray(x, np.float32)), torch.from_numpy(np.asarray(y))
    watched = watch(model, optimizer, probe=xs[:100])
    rng = np.random.default_rng(0)
    for _ in range(steps):
        rows = torch.from_numpy(rng.integers(0, len(x), BATCH))
        optimizer.zero_grad()
        their_loss(model(xs[rows]), ys[rows]).backward()
        optimizer.step()
    return flow, watched, model, xs


SICK = {
    "zero weights": {"init": "zeros"},
    "deep sigmoid": {
        "widths": (64, *[30] * 9, 10),
        "activation": "sigmoid",
        "init": "glorot_normal",
    },
    "raw pixels": {"of": "raw pixels"},
    "shuffled labels": {"of": "shuffled", "lr": 0.01},
    "large targets": {"of": "large targets", "loss": "squares", "widths": (64, 50, 1), "lr": 1e-4},
    "one class": {"of": "one class"},
    "rate too large": {"lr": 30.0},
    "rate too small": {"lr": 1e-6},
    "softmax twice": {"output": "softmax"},
    "large weights": {"activation": "tanh", "init": nn.initializers.Normal(3.0)},
}


@pytest.mark.parametrize("name", SICK)
def test_the_first_cause_is_that_of_our_own_engine(name):
    flow, watched, model, x = run(**SICK[name])
    ours, theirs = flow.findings(), watched.findings()
    assert ours.causes
    assert theirs.causes[0].kind == ours.causes[0].kind
    lines = [advice.line for one in theirs for advice in one.advice]
    assert not [
        line for line in lines if "nn." in line.replace("torch.nn.", "").replace("nnscratch.", "")
    ]
    assert theirs.first is not None
    if not theirs.first.line.startswith(("x = ", "y = ", "print", "guard")):
        names = {"torch": torch, "model": model, "x": x, "optimizer": watched._optimizer}
        exec(theirs.first.line, names)
        assert torch.isfinite(names["model"](x[:9])).all() or "lr" in theirs.first.line


def test_a_decay_and_a_trainer_that_torch_has_not_are_no_lines_of_ours():
    torch.manual_seed(0)
    x, y = (torch.from_numpy(np.asarray(one)) for one in data("")[:2])
    model = tn.Sequential(tn.Linear(64, 32), tn.ReLU(), tn.Linear(32, 10))
    loss = tn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1.0)
    watched = watch(model, optimizer, probe=x[:100])
    for step in range(80):
        part = slice(50 * step % 1400, 50 * step % 1400 + 50)
        optimizer.zero_grad()
        loss(model(x[part]), y[part].long()).backward()
        optimizer.step()
    found = watched.findings()
    assert found[0].kind == "penalty"
    line = "optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.0001)"
    assert found.first.line == line
    assert not [a.line for one in found for a in one.advice if "trainer" in a.line]
