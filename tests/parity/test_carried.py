"""States of recurrent layers that go on from batch to batch, of the same sequences or others."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn = torch.nn
G = torch.Generator().manual_seed(11)
X = torch.randn(128, 6, 2, generator=G)
Y = torch.randint(0, 2, (128,), generator=G)


class Keeps(tn.Module):
    """Hands its state on to the next batch, or does not."""

    def __init__(self, cell=tn.LSTM, keeps=True, time_first=False):
        super().__init__()
        torch.manual_seed(1)
        self.cell, self.out = cell(2, 8, batch_first=not time_first), tn.Linear(8, 2)
        self.keeps, self.time_first, self.state = keeps, time_first, None

    def forward(self, x):
        y, state = self.cell(x, self.state)
        if self.keeps:
            once = isinstance(state, tuple)
            self.state = tuple(s.detach() for s in state) if once else state.detach()
        return self.out(y[-1] if self.time_first else y[:, -1])


def trained(model, shuffled=True, epochs=5, again=lambda model: None, lines=0, **options):
    """Train; `lines`: so many of a batch of 16 go on with their own sequences in the next one."""
    torch.manual_seed(3)
    optimizer, loss = torch.optim.SGD(model.parameters(), lr=1e-3), tn.CrossEntropyLoss()
    flow = watch(model, optimizer, histograms=False, **options)
    for _ in range(epochs):
        order = torch.randperm(128) if shuffled else torch.arange(128)
        if lines:
            stay = torch.arange(128).reshape(8, 16) % 16 < lines
            order = torch.arange(128).reshape(8, 16)
            others = order[~stay]
            order[~stay] = others[torch.randperm(len(others))]
            order = order.reshape(-1)
        for rows in order.split(16):
            x = X[rows].transpose(0, 1) if model.time_first else X[rows]
            x = x.to(model.out.weight.dtype)
            optimizer.zero_grad()
            loss(model(x), Y[rows]).backward()
            optimizer.step()
            again(model)
    return next((one for one in flow.findings() if one.kind == "state carried"), None)


@pytest.mark.parametrize(
    ("cell", "time_first", "dtype"),
    [(tn.LSTM, False, None), (tn.LSTM, True, None), (tn.GRU, False, torch.bfloat16)],
)
def test_a_state_of_other_sequences(cell, time_first, dtype):
    model = Keeps(cell, time_first=time_first).to(dtype)
    seen = trained(model)
    assert seen.severity == "serious"
    assert "cell begins each batch with the state that other sequences left" in seen.sentence
    exec(seen.advice[0].line, {"model": model})
    assert not trained(model)


def test_no_state_or_that_of_the_same_sequences():
    assert not trained(Keeps(keeps=False))
    assert not trained(Keeps(), shuffled=False)  # parts of long sequences, epoch by epoch
    assert not trained(Keeps(), epochs=2)  # too few came again
    assert trained(Keeps(), epochs=3)
    assert not trained(Keeps(), lines=1)  # more than by chance stand behind the same one
    assert not trained(Keeps(), every=2)  # what comes before is not seen


def test_a_state_of_zeros_and_one_within_a_pass_are_none():
    def cleared(model):
        model.state = tuple(torch.zeros(1, 16, 8) for _ in range(2))

    def cleared_in_place(model):
        for part in model.state:
            part.zero_()

    model = Keeps()
    cleared(model)
    assert not trained(model, again=cleared)
    assert not trained(Keeps(), again=cleared_in_place)

    class Steps(Keeps):
        def forward(self, x):
            state = None
            for part in x.split(2, 1):
                y, state = self.cell(part, state)
            return self.out(y[:, -1])

    assert not trained(Steps())


def test_a_look_at_other_data_in_between_is_no_batch():
    def looks(model):
        with torch.no_grad():
            model(X[:16])

    assert not trained(Keeps(), shuffled=False, again=looks)


def test_where_all_is_learned_nothing_is_said():
    y = (X[:, -1, 0] > 0).long()
    model, loss = Keeps(tn.GRU), tn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    flow = watch(model, optimizer, histograms=False)
    for _ in range(12):
        for rows in torch.randperm(128).split(16):
            optimizer.zero_grad()
            loss(model(X[rows]), y[rows]).backward()
            optimizer.step()
    assert "state carried" in flow.to_dict()["mistakes"]
    assert "state carried" not in flow.findings().kinds
