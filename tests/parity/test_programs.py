"""Programs as people write them: numbers of words go in, what comes out loses an axis."""

import warnings

import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional


def trained(model, loss, *inputs, y, steps=60, lr=0.01, **options):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    flow = watch(model, optimizer, histograms=False, **options)
    for step in range(steps):
        rows = torch.arange(step * 16, step * 16 + 16) % len(y)
        optimizer.zero_grad()
        loss(model(*(one[rows] for one in inputs)), y[rows]).backward()
        optimizer.step()
    return flow


def kinds(flow):
    return [one.kind for one in flow.findings()]


def latest(flow, field):
    """What was noted last: nothing new is said at most steps."""
    values = torch.from_numpy(flow.to_dict()[field])
    return float(values[~values.isnan()][-1])


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def ids(*shape, most=40):
    return torch.randint(0, most, shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def same_weights():
    torch.manual_seed(0)


class Factors(tn.Module):
    def __init__(self):
        super().__init__()
        self.users, self.things = tn.Embedding(40, 8), tn.Embedding(40, 8)
        self.bias = tn.Parameter(torch.zeros(1))

    def forward(self, user, thing):
        return (self.users(user) * self.things(thing)).sum(1) + self.bias


@pytest.mark.parametrize("functional", [False, True])
def test_numbers_of_words_one_a_row(functional):
    words = ids(320)
    model = tn.Sequential(tn.Embedding(40, 16), tn.Linear(16, 40))
    loss = F.cross_entropy if functional else tn.CrossEntropyLoss()
    flow = trained(model, loss, words, y=(words + 1) % 40)
    record = flow.to_dict()
    assert set(record["batch_size"].tolist()) == {16}
    assert not {"input scale", "no activation"} & set(kinds(flow))


def test_what_numbers_of_words_stand_for_is_not_in_their_size():
    words = ids(320, 12)
    model = tn.Sequential(tn.Embedding(40, 8), tn.Flatten(), tn.Linear(96, 40))
    flow = trained(model, tn.CrossEntropyLoss(), words, y=words[:, 3])
    record = flow.to_dict()
    assert record["input_mean"].shape == (60,)
    assert all(map(torch.isnan, torch.from_numpy(record["input_mean"])))
    assert latest(flow, "loss_constant") == pytest.approx(3.6, abs=0.1)  # the answers are known
    assert latest(flow, "target_count") > 200  # each row of them, though rows cannot be compared
    assert "input scale" not in kinds(flow)


def test_one_feature_without_an_axis():
    class Line(tn.Module):
        def __init__(self):
            super().__init__()
            self.inner = tn.Linear(1, 1)

        def forward(self, x):
            return self.inner(x[:, None])

    x = 50 + drawn(320)
    flow = trained(Line(), tn.MSELoss(), x, y=(2 * x)[:, None])
    assert flow.to_dict()["input_mean"][0] == pytest.approx(50, abs=1)


def test_a_parameter_behind_all_layers_was_cleared_too():
    users, things = ids(320), ids(320, most=30)
    flow = trained(Factors(), tn.MSELoss(), users, things, y=drawn(320) + 3)
    assert "gradients not cleared" not in kinds(flow)
    assert max(flow.to_dict()["gradient_kept"][1:]) == 0


def test_an_embedding_needs_no_activation_behind_it():
    class Words(tn.Module):
        def __init__(self):
            super().__init__()
            self.emb = tn.Embedding(40, 8)
            self.rnn, self.out = tn.LSTM(8, 16, batch_first=True), tn.Linear(16, 2)

        def forward(self, x):
            return self.out(self.rnn(self.emb(x))[0][:, -1])

    words = ids(320, 6)
    flow = trained(Words(), tn.CrossEntropyLoss(), words, y=words[:, 2] % 2)
    assert "no activation" not in kinds(flow)


class Block(tn.Module):
    """Ends behind the sum, as in the ResNet; the way around has weights of its own."""

    def __init__(self, bare=False):
        super().__init__()
        self.first, self.second = tn.Linear(8, 8), tn.Linear(8, 8)
        self.norm, self.around, self.out = tn.BatchNorm1d(8), tn.Linear(8, 8), tn.Linear(8, 3)
        self.relu, self.end = tn.ReLU(), tn.Identity() if bare else tn.ReLU()

    def forward(self, x):
        y = self.norm(self.second(self.relu(self.first(x))))
        return self.out(self.end(y + self.around(x)))


def test_weights_of_the_way_around_are_not_the_next_ones():
    x = drawn(320, 8)
    flow = trained(Block(), tn.CrossEntropyLoss(), x, y=(x[:, 0] > 0).long())
    assert "no activation" not in kinds(flow)


@pytest.mark.parametrize("loss", [tn.MSELoss(), tn.BCEWithLogitsLoss()])
def test_outputs_that_lose_their_axis_are_asked_for_without_it(loss):
    class Flat(tn.Module):
        def __init__(self):
            super().__init__()
            self.inner = tn.Sequential(tn.Linear(8, 16), tn.ReLU(), tn.Linear(16, 1))

        def forward(self, x):
            return self.inner(x)

    x = drawn(320, 8)
    y = (x[:, 0] > 0).float()
    optimizer = torch.optim.Adam((model := Flat()).parameters())
    flow = watch(model, optimizer, histograms=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(30):
            optimizer.zero_grad()
            loss(model(x).squeeze(1), y).backward()
            optimizer.step()
    constant = y.var(unbiased=False) if isinstance(loss, tn.MSELoss) else torch.tensor(2.0).log()
    assert latest(flow, "loss_constant") == pytest.approx(float(constant), rel=0.02)
    assert "broadcast loss" not in kinds(flow)


def test_two_answers_that_are_compared_are_no_targets():
    model = tn.Sequential(tn.Linear(8, 16), tn.ReLU(), tn.Linear(16, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    loss, x = tn.TripletMarginLoss(), drawn(96, 8)
    flow = watch(model, optimizer, histograms=False)
    for _ in range(60):
        optimizer.zero_grad()
        loss(*(model(part) for part in x.chunk(3))).backward()
        optimizer.step()
    assert "labels" not in kinds(flow)
    assert (
        "target_mean" not in flow.to_dict()
        or torch.isnan(torch.from_numpy(flow.to_dict()["target_mean"])).all()
    )


@pytest.mark.parametrize(("axis", "told"), [(0, True), (-2, False), (1, False), (-1, False)])
def test_attention_over_the_batch(axis, told):
    class Attends(tn.Module):
        def __init__(self):
            super().__init__()
            self.score, self.softmax, self.out = tn.Linear(4, 1), tn.Softmax(axis), tn.Linear(4, 2)

        def forward(self, x):
            return self.out((self.softmax(self.score(x)) * x).sum(1))

    x = drawn(320, 5, 4)
    flow = trained(Attends(), tn.CrossEntropyLoss(), x, y=(x[:, 0, 0] > 0).long())
    assert ("softmax over the batch" in kinds(flow)) == told


def test_a_loss_that_was_not_given():
    model = tn.Linear(3, 2)
    flow = watch(model, torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(nn.ConfigError, match="was given none: watch"):
        flow.loss(model(drawn(4, 3)), ids(4, most=2))
