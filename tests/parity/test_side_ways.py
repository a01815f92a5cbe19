"""Layers beside the way from inputs to the loss, and what an optimizer makes up for."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional
G = torch.Generator().manual_seed(5)
X = torch.randn(64, 6, generator=G)
Y = (X[:, 0] > 0).long()


def findings(model, optimizer, steps=40, x=X, y=Y):
    flow = watch(model, optimizer, histograms=False)
    for step in range(steps):
        rows = slice(5 if step % 10 == 9 else None)  # the last batch of an epoch is short
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
    return {one.kind: one for one in flow.findings()}


class Pooled(tn.Module):
    """Answers by `top`; beside it a layer gives what nothing reads, or hardly anything."""

    def __init__(self, reads):
        super().__init__()
        torch.manual_seed(1)
        self.body = tn.Sequential(tn.Linear(6, 16), tn.Tanh(), tn.Linear(16, 16), tn.Tanh())
        self.pooler, self.top, self.reads = tn.Linear(16, 16), tn.Linear(16, 2), reads

    def forward(self, x):
        h = self.body(x)
        pooled = self.pooler(h)
        return self.top(h + self.reads * pooled if self.reads else h)


@pytest.mark.parametrize(("reads", "slow"), [(0.0, False), (1e-4, True)])
def test_what_nothing_reads_is_no_slow_layer(reads, slow):
    model = Pooled(reads)
    found = findings(model, torch.optim.SGD(model.parameters(), lr=0.05))
    assert ("slow layer" in found) == slow


def deep(size):
    """Layers of small or large weights."""
    torch.manual_seed(2)
    layers = [part for _ in range(6) for part in (tn.Linear(16, 16), tn.LeakyReLU(0.9))]
    for one in layers[::2]:
        tn.init.normal_(one.weight, std=size)
    return tn.Sequential(tn.Linear(6, 16), tn.Tanh(), *layers, tn.Linear(16, 2))


@pytest.mark.parametrize(("size", "kind"), [(0.06, "vanishing"), (0.8, "exploding")])
@pytest.mark.parametrize(
    ("optimizer", "severity"),
    [
        (lambda p: torch.optim.Adam(p, lr=1e-5), "notice"),
        (lambda p: torch.optim.SGD(p, lr=1e-9), "serious"),
    ],
)
def test_adam_makes_up_for_a_gradient_of_another_size_below(size, kind, optimizer, severity):
    model = deep(size)
    found = findings(model, optimizer(model.parameters()), steps=20)
    assert found[kind].severity == severity


def test_adam_does_not_make_up_for_it_beside_a_large_epsilon():
    model = deep(0.06)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5, eps=1e-2)
    assert findings(model, optimizer, steps=20)["vanishing"].severity == "serious"


class Gated(tn.Module):
    """A branch of which one layer is off."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.below, self.inner, self.gate = tn.Linear(6, 16), tn.Linear(16, 2), tn.Linear(2, 16)
        self.off, self.top = tn.ReLU(), tn.Linear(16, 2)
        with torch.no_grad():
            self.inner.bias.fill_(-100.0)

    def forward(self, x):
        h = self.below(x)
        return self.top(h * torch.sigmoid(self.gate(self.off(self.inner(h)))))


def test_a_layer_that_is_given_nothing_is_not_said_to_be_cut_off():
    model = Gated()
    found = findings(model, torch.optim.AdamW(model.parameters(), lr=1e-3))
    assert "frozen parameters" not in found
    assert "dead layer" in found


class Empty(tn.Module):
    def __init__(self):
        super().__init__()
        self.top, self.none = tn.Linear(6, 2), tn.Linear(6, 0)

    def forward(self, x):
        return self.top(x) + self.none(x).sum(1, keepdim=True)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_parameter_without_numbers_ends_no_training():
    model = Empty()
    findings(model, torch.optim.SGD(model.parameters(), lr=0.1), steps=3)


@pytest.mark.parametrize(("rows", "told"), [(1, True), (2, False)])
def test_one_example_that_fills_every_batch(rows, told):
    torch.manual_seed(4)
    model = tn.Sequential(tn.Linear(6, 8), tn.ReLU(), tn.Linear(8, 2))
    x, y = X[:rows].repeat(16 // rows, 1), Y[:rows].repeat(16 // rows)
    found = findings(model, torch.optim.Adam(model.parameters(), lr=0.01), 60, x, y)
    assert ("inputs alike" in found) == told
    if told:
        assert found["inputs alike"].severity == "serious"
        assert "16 times the same inputs" in found["inputs alike"].sentence
