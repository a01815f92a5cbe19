"""A short run of a recurrent network that forgets: on its way, or not."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional
G = torch.Generator().manual_seed(5)
LABELS = torch.randint(10, (400,), generator=G)
ROWS = torch.randn(10, 28, 12, generator=G)[LABELS] * 0.5
ROWS = ROWS + 0.5 * torch.randn(400, 28, 12, generator=G)


class Rows(tn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.rnn, self.top = tn.LSTM(12, 32, batch_first=True), tn.Linear(32, 10)

    def forward(self, x):
        return self.top(self.rnn(x)[0][:, -1])


@pytest.mark.parametrize(("lr", "severity"), [(7e-4, "notice"), (1e-6, "serious")])
def test_what_forgets_in_a_short_run(lr, severity):
    model = Rows()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    flow = watch(model, optimizer, histograms=False)
    for step in range(70):
        rows = torch.arange(step * 40, step * 40 + 40) % 400
        optimizer.zero_grad()
        F.cross_entropy(model(ROWS[rows]), LABELS[rows]).backward()
        optimizer.step()
    found = {one.kind: one for one in flow.findings()}
    share = flow.findings().state
    assert found["vanishing through time"].severity == severity, share
