"""Steps of time of which only the last one leads to the loss."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn = torch.nn
SERIES = torch.randn(40, 7, 3, generator=torch.Generator().manual_seed(3))
SIDES = (SERIES[:, :, 0].sum(1) > 0).long()


def kinds(model, steps=3):
    """Return the findings of a few steps, by kind."""
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    flow, loss = watch(model, optimizer, histograms=False), tn.CrossEntropyLoss()
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(SERIES), SIDES).backward()
        optimizer.step()
    return {one.kind: one for one in flow.findings()}


class ByHand(tn.Module):
    """A cell of a Linear, which goes on from what it gave only where it is told to."""

    def __init__(self, hands_on, steps, read_all):
        super().__init__()
        self.gates, self.head = tn.Linear(9, 6), tn.Linear(6, 2)
        self.hands_on, self.steps, self.read_all = hands_on, steps, read_all

    def forward(self, x):
        state, seen = torch.zeros(len(x), 6), []
        for t in range(self.steps):
            seen.append(torch.tanh(self.gates(torch.cat([x[:, t], state], 1))))
            state = seen[-1] if self.hands_on else state
        return self.head(sum(seen) if self.read_all else seen[-1])


@pytest.mark.parametrize(
    ("hands_on", "steps", "read_all", "told"),
    [
        (False, 3, False, True),
        (False, 2, False, False),  # no sequence
        (True, 3, False, False),
        (False, 3, True, False),  # each is read by itself
    ],
)
def test_steps_of_which_only_the_last_leads_to_the_loss(hands_on, steps, read_all, told):
    found = kinds(ByHand(hands_on, steps, read_all))
    assert ("truncation" in found) == told


def test_a_cell_that_is_called_without_its_state():
    class Alone(tn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.head = tn.GRUCell(3, 6), tn.Linear(6, 2)

        def forward(self, x):
            for t in range(x.shape[1]):
                h = self.cell(x[:, t])
            return self.head(h)

    assert "truncation" in kinds(Alone())
