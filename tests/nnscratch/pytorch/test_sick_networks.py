"""Sick convolutional networks of PyTorch, told by their cause; healthy and recurrent ones."""

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn = torch.nn
STEPS, BATCH = 80, 50


class ByRow(tn.Module):
    """Reads a digit row by row."""

    def __init__(self, kind):
        super().__init__()
        self.cell, self.head = kind(8, 20, batch_first=True), tn.Linear(20, 10)

    def forward(self, x):
        return self.head(self.cell(x.squeeze(1))[0][:, -1])


def convolutional():
    layers = tn.Conv2d(1, 8, 3), tn.ReLU(), tn.Conv2d(8, 16, 3), tn.ReLU()
    return tn.Sequential(*layers, tn.Flatten(), tn.Linear(256, 10))


NETWORKS = {
    "convolutional": convolutional,
    "recurrent": lambda: ByRow(tn.RNN),
    "LSTM": lambda: ByRow(tn.LSTM),
}


def findings(network, lr, weights=1.0, size=2.0, steps=STEPS):
    """Train one of the networks on digits; return what is found and the loss at the end."""
    torch.manual_seed(0)
    x, y, _, _ = nn.datasets.digits()
    images = torch.from_numpy(np.float32(size) * x.reshape(-1, 1, 8, 8))
    labels, model = torch.from_numpy(y), NETWORKS[network]()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= weights
    optimizer, loss = torch.optim.SGD(model.parameters(), lr=lr), tn.CrossEntropyLoss()
    flow, rng = watch(model, optimizer), np.random.default_rng(0)
    for _ in range(steps):
        rows = torch.from_numpy(rng.integers(0, len(images), BATCH))
        optimizer.zero_grad()
        value = loss(model(images[rows]), labels[rows])
        value.backward()
        optimizer.step()
    return flow.findings(), value.item()


@pytest.mark.parametrize(
    ("network", "sick", "cause"),
    [
        ("convolutional", {"lr": 0.1, "size": 255.0}, "input scale"),
        ("convolutional", {"lr": 0.1, "weights": 0.0}, "symmetric units"),
        ("convolutional", {"lr": 30.0}, "learning rate too large"),
        ("convolutional", {"lr": 1e-6}, "learning rate too small"),
    ],
)
def test_the_cause_comes_first(network, sick, cause):
    assert findings(network, **sick)[0].causes[0].kind == cause


@pytest.mark.slow
def test_its_twin_is_well():
    found, loss = findings("convolutional", 0.1, steps=150)
    assert loss < 1.5
    assert not found.at_least("serious")


@pytest.mark.parametrize("network", ["recurrent", "LSTM"])
def test_recurrent_layers_need_no_activation_behind_them(network):
    """What bends stands inside of them."""
    found, _ = findings(network, 0.2)
    assert not {"no activation", "activation"} & set(found.kinds)


class ByStep(tn.Module):
    """Tells in which order two symbols came, many steps before."""

    def __init__(self, kind):
        super().__init__()
        self.rnn, self.head = kind(6, 20, batch_first=True), tn.Linear(20, 4)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


def by_step(model, optimizer, steps=100):
    """Train a network to tell in which order two symbols came; return what is seen."""
    x, y = map(torch.from_numpy, nn.datasets.temporal_order(320, length=100, seed=0))
    flow, loss = watch(model, optimizer), tn.CrossEntropyLoss()
    for step in range(steps):
        rows = slice(step % 10 * 32, step % 10 * 32 + 32)
        optimizer.zero_grad()
        loss(model(x[rows]), y[rows]).backward()
        optimizer.step()
    return flow, x


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "cause", "large"),
    [
        (tn.RNN, "recurrent weights", 0.8),
        (tn.LSTM, "forget bias", 0.8),
        (tn.GRU, "forget bias", 0.8),
    ],
)
def test_what_vanishes_through_time_is_cured_by_the_printed_line(kind, cause, large):
    torch.manual_seed(0)
    model = ByStep(kind)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    flow, _ = by_step(model, optimizer)
    found = flow.findings()
    assert found[0].kind == cause, found
    assert "vanishing through time" in found.kinds
    assert "Not seen" not in str(found)
    names = {"torch": torch, "model": model}
    exec(found[0].advice[0].line, names)
    cured, _ = by_step(model, names["optimizer"], 2)
    before, after = (float(each.to_dict()["time_rate"][0, 0]) for each in (flow, cured))
    assert before < large - 0.1 < large < after < 1.1


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "reach"), [(tn.RNN, 5), (tn.LSTM, 7)])
def test_what_is_not_seen_through_time_is_said_and_the_line_shows_it(kind, reach, capsys):
    """A hook makes something else of what the layer gives."""
    torch.manual_seed(0)
    model = ByStep(kind)
    hook = model.rnn.register_forward_hook(
        lambda module, args, output: (output[0] + 1e-2, output[1])
    )
    flow, x = by_step(model, torch.optim.SGD(model.parameters(), lr=0.05))
    found = flow.findings()[0]
    assert found.kind in ("does not learn", "constant output")
    assert "Not seen: what the gradient does through time, inside rnn" in found.cause
    hook.remove()  # nobody can copy what it does
    exec(found.advice[0].line, {"nnscratch": nn, "model": model, "x": x})
    said = capsys.readouterr().out
    assert "vanishing through time: 99 steps back" in said
    assert f"before training it can learn about {reach} steps back" in " ".join(said.split())
