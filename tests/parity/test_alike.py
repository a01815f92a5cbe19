"""Networks of PyTorch that make all rows alike through depth, and what keeps them apart."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional
ROWS = 60
LABELS = torch.arange(ROWS) % 3


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def neighbours():
    """Return the averages over neighbours, who are mostly of the same class."""
    g = torch.Generator().manual_seed(4)
    chance = torch.where(LABELS[:, None] == LABELS, 0.3, 0.03)
    near = ((torch.rand(ROWS, ROWS, generator=g) < chance) | torch.eye(ROWS, dtype=bool)).float()
    near = near.maximum(near.T)
    return near / near.sum(1, keepdim=True)


class Graph(tn.Module):
    """Rounds of averages over neighbours."""

    def __init__(self, rounds, around=False):
        super().__init__()
        self.first = tn.Linear(9, 16)
        self.rounds = tn.ModuleList(tn.Linear(16, 16) for _ in range(rounds))
        self.out, self.near, self.around = tn.Linear(16, 3), neighbours(), around

    def forward(self, x):
        x = self.first(x)
        for part in self.rounds:
            y = F.relu(part(self.near @ x))
            x = x + y if self.around else y
        return self.out(x)


class Attends(tn.Module):
    """Attention of all rows to all, layer after layer."""

    def __init__(self, layers, around=False):
        super().__init__()
        self.first = tn.Linear(9, 16)
        self.layers = tn.ModuleList(
            tn.MultiheadAttention(16, 2, batch_first=True) for _ in range(layers)
        )
        self.inner = tn.ModuleList(tn.Linear(16, 16) for _ in range(layers))
        self.out, self.around = tn.Linear(16, 3), around

    def forward(self, x):
        x = self.first(x)
        for attends, inner in zip(self.layers, self.inner, strict=True):
            y = inner(attends(x[None], x[None], x[None])[0][0])
            x = x + y if self.around else y
        return self.out(x)


def found(model, steps=60):
    torch.manual_seed(0)
    x = F.one_hot(LABELS, 3).float().repeat(1, 3) + drawn(ROWS, 9)
    optimizer, loss = torch.optim.Adam(model.parameters(), lr=5e-3), tn.CrossEntropyLoss()
    flow = watch(model, optimizer, histograms=False)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(x), LABELS).backward()
        optimizer.step()
    return flow.findings()


SICK = {"graph": lambda: Graph(40), "attention": lambda: Attends(8)}
WELL = {
    "few rounds": lambda: Graph(2),
    "rounds with a way around": lambda: Graph(12, around=True),
    "one layer": lambda: Attends(1),
    "attention with a way around": lambda: Attends(8, around=True),
}


@pytest.mark.parametrize("name", SICK)
def test_rows_that_become_alike(name):
    torch.manual_seed(0)
    seen = next(one for one in found(SICK[name]()).causes if one.kind == "depth")
    assert seen.severity == "serious"
    assert "less than a millionth of it" in seen.sentence
    assert "attention" in seen.cause


@pytest.mark.parametrize("name", WELL)
def test_rows_that_stay_apart(name):
    torch.manual_seed(0)
    assert "depth" not in found(WELL[name]()).kinds
