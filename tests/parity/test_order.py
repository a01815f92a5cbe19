"""Tables of each with each, sequences that show what they ask, states out of order or cut off."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional
G = torch.Generator().manual_seed(3)
WORDS = torch.randint(12, (40, 9), generator=G)
SERIES = torch.randn(40, 7, 3, generator=G)
SIDES = (SERIES[:, :, 0].sum(1) > 0).long()
LINE = torch.randn(40, 5, generator=G)


def kinds(model, step, steps=3):
    """Return the findings of a few steps: ``step(model)`` is the loss."""
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    flow = watch(model, optimizer, histograms=False)
    for _ in range(steps):
        optimizer.zero_grad()
        step(model).backward()
        optimizer.step()
    return {one.kind: one for one in flow.findings()}


# Each with each

Y = LINE[:, 0] * 2
WEIGHT = torch.rand(40, generator=G)
TABLES = [
    lambda m: ((m(LINE) - Y) ** 2).mean(),
    lambda m: (Y - m(LINE)).abs().sum(),
    lambda m: F.mse_loss(m(LINE), Y),
    lambda m: 3 * F.smooth_l1_loss(m(LINE)[:, 0], Y[:, None]),
    lambda m: -(F.logsigmoid(m(LINE)[:, 0]) * WEIGHT[:, None]).mean(),
]
NONE = [
    lambda m: ((m(LINE) - Y[:, None]) ** 2).mean(),
    lambda m: ((m(LINE)[:, 0] - Y) ** 2).mean(),
    lambda m: -(F.logsigmoid(m(LINE)[:, 0]) * WEIGHT).mean(),
    lambda m: F.softplus(m(LINE) - m(LINE)[:, 0]).mean(),  # ranks: both sides learn
    lambda m: (m(LINE).T * torch.ones(40, 40).tril()).logsumexp(1).mean(),  # of each its own
    lambda m: ((m(LINE) - torch.zeros(39)) ** 2).mean(),  # not one for each example
]


@pytest.mark.parametrize("step", TABLES)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_table_that_broadcasting_makes(step):
    found = kinds(tn.Linear(5, 1), step)["broadcast loss"]
    assert found.severity == "serious"
    assert "(40, 40)" in found.sentence or found.sentence.endswith("makes a table of both.")


@pytest.mark.parametrize("step", NONE)
def test_no_table(step):
    assert "broadcast loss" not in kinds(tn.Linear(5, 1), step)


# Several labels


@pytest.mark.parametrize(("rows", "told"), [(5, True), (4, False), (0, False)])
def test_examples_of_several_classes(rows, told):
    y = F.one_hot(torch.arange(40) % 4, 4).float()
    y[:rows] = torch.tensor([1.0, 1.0, 0.0, 1.0])
    loss = tn.CrossEntropyLoss()
    found = kinds(tn.Linear(5, 4), lambda m: loss(m(LINE), y))
    assert ("several labels" in found) == told
    if told:
        assert "5 of 40 examples have several, 3 on average" in found["several labels"].sentence
    assert "several labels" not in kinds(tn.Linear(5, 4), lambda m: loss(m(LINE), y / y.sum(1)[0]))
    each = tn.BCEWithLogitsLoss()
    assert "several labels" not in kinds(tn.Linear(5, 4), lambda m: each(m(LINE), y))


# What comes after


class Words(tn.Module):
    def __init__(self, body, masked=False, batch_first=True, loss=None):
        super().__init__()
        self.emb, self.body, self.head = tn.Embedding(12, 8), body, tn.Linear(8, 12)
        self.masked, self.batch_first, self.loss = masked, batch_first, loss

    def forward(self, words, asked=None):
        given = self.emb(words)
        if isinstance(self.body, tn.RNNBase):
            seen = self.body(given)[0]
        else:
            steps = words.shape[1 if self.batch_first else 0]
            mask = tn.Transformer.generate_square_subsequent_mask(steps) if self.masked else None
            seen = self.body(given, mask=mask, is_causal=self.masked)
        z = self.head(seen)
        if asked is None:
            return z
        return F.cross_entropy(z.reshape(-1, 12), asked.reshape(-1))


def encoder(batch_first=True):
    layer = tn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first)
    return tn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


def asks(words, asked):
    loss = tn.CrossEntropyLoss()
    return lambda m: loss(m(words).reshape(-1, 12), asked.reshape(-1))


NEXT = asks(WORDS[:, :-1], WORDS[:, 1:])


@pytest.mark.parametrize(
    ("body", "options", "step", "told"),
    [
        (encoder(), {}, NEXT, True),
        (encoder(), {"masked": True}, NEXT, False),
        (encoder(), {}, asks(WORDS, WORDS), False),  # words of the same place: none is hidden
        (encoder(), {}, lambda m: m(WORDS[:, :-1], WORDS[:, 1:]), True),
        (encoder(), {"masked": True}, lambda m: m(WORDS[:, :-1], WORDS[:, 1:]), False),
        (encoder(False), {"batch_first": False}, asks(WORDS.T[:-1], WORDS.T[1:]), True),
        (tn.LSTM(8, 4, batch_first=True, bidirectional=True), {}, NEXT, True),
        (tn.LSTM(8, 8, batch_first=True), {}, NEXT, False),
    ],
)
def test_a_sequence_that_shows_what_comes_after(body, options, step, told):
    found = kinds(Words(body, **options), step)
    assert ("looks ahead" in found) == told
    if told:
        assert found["looks ahead"].severity == "serious"


NUMBERS = torch.randn(20, 9, 2, generator=torch.Generator().manual_seed(3))


class Numbered(tn.Module):
    """Numbers of a series, each of which is told what the next one is."""

    def __init__(self, both, wide=True):
        super().__init__()
        self.wide = wide
        self.body = tn.LSTM(2 if wide else 1, 6, batch_first=True, bidirectional=both)
        self.head = tn.Linear(12 if both else 6, 1)

    def forward(self, x):
        return self.head(self.body(x if self.wide else x.unsqueeze(2))[0]).squeeze(2)


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize(
    ("both", "on", "told"), [(True, 1, True), (False, 1, False), (True, 2, False)]
)
def test_a_series_that_shows_what_comes_after(both, on, told, wide):
    """The second number of each step is asked for, so many steps further on."""
    x, y = (
        NUMBERS[:, :-2] if wide else NUMBERS[:, :-2, 1],
        NUMBERS[:, on : len(NUMBERS[0]) - 2 + on, 1],
    )
    loss = tn.MSELoss()
    found = kinds(Numbered(both, wide), lambda m: loss(m(x), y))
    assert ("looks ahead" in found) == told


def test_the_last_step_may_ask_nothing():
    loss = tn.CrossEntropyLoss()

    def step(m):
        return loss(m(WORDS)[:, :-1].reshape(-1, 12), WORDS[:, 1:].reshape(-1))

    assert "looks ahead" in kinds(Words(encoder()), step)


class Translates(tn.Module):
    def __init__(self, causal):
        super().__init__()
        self.emb, self.head, self.causal = tn.Embedding(12, 8), tn.Linear(8, 12), causal
        self.body = tn.Transformer(8, 2, 1, 1, 16, batch_first=True)

    def forward(self, source, words):
        n = words.shape[1]
        mask = tn.Transformer.generate_square_subsequent_mask(n) if self.causal else None
        return self.head(self.body(self.emb(source), self.emb(words), tgt_mask=mask))


@pytest.mark.parametrize("causal", [True, False])
def test_two_sequences_are_not_taken_for_one(causal):
    loss = tn.CrossEntropyLoss()
    source, words, asked = WORDS.flip(0)[:, :-1], WORDS[:, :-1], WORDS[:, 1:]

    def step(m):
        return loss(m(source, words).reshape(-1, 12), asked.reshape(-1))

    assert "looks ahead" not in kinds(Translates(causal), step)


# Padding


def padded(lengths):
    """Words, and what is asked: a number for each of so many, and 0 after them."""
    words = WORDS[: len(lengths)] % 10 + 2
    asked = torch.where(torch.arange(9) < torch.tensor(lengths)[:, None], words.flip(1), 0)
    return words, asked


MANY = [2, 3, 4, 4, 5, 5, 4, 4, 4, 5] * 2
HALF = [4, 5, 4, 5, 4, 5, 4, 5, 5, 5] * 2  # 88 of 180 answers are 0


@pytest.mark.parametrize(
    ("lengths", "loss", "told"),
    [
        (MANY, tn.CrossEntropyLoss(), True),
        (MANY, tn.CrossEntropyLoss(ignore_index=0), False),
        ([4] * 20, tn.CrossEntropyLoss(), False),  # of one length: that may be meant
        (HALF, tn.CrossEntropyLoss(), False),
    ],
)
def test_padding_that_the_loss_counts(lengths, loss, told):
    words, asked = padded(lengths)
    step = [
        lambda m: loss(m(words).reshape(-1, 12), asked.reshape(-1)),
        lambda m: loss(m(words).transpose(1, 2), asked),
    ]
    for one in step:
        found = kinds(Words(tn.LSTM(8, 8, batch_first=True)), one)
        assert ("padding counted" in found) == told
    if told:
        assert found["padding counted"].sentence.startswith("56 % of the 180 answers")
        assert found["padding counted"].advice[0].line.endswith("(ignore_index=0)")


def test_a_number_that_also_comes_before_others_is_no_padding():
    words, asked = padded(MANY)
    asked[0] = asked[0].flip(0)
    loss = tn.CrossEntropyLoss()
    found = kinds(
        Words(tn.LSTM(8, 8, batch_first=True)),
        lambda m: loss(m(words).reshape(-1, 12), asked.reshape(-1)),
    )
    assert "padding counted" not in found


# States


class Last(tn.Module):
    def __init__(self, body, read):
        super().__init__()
        self.body, self.read, self.head = body, read, tn.LazyLinear(2)
        self.head(read(body(SERIES)[1]))

    def forward(self, x):
        return self.head(self.read(self.body(x)[1]))


LSTM = tn.LSTM(3, 6, batch_first=True, bidirectional=True)
GRU = tn.GRU(3, 6, num_layers=2, batch_first=True)


@pytest.mark.parametrize(
    ("body", "read", "told"),
    [
        (LSTM, lambda s: s[0].view(40, -1), True),
        (LSTM, lambda s: s[0].reshape(-1, 12), True),
        (GRU, lambda h: h.view(40, 12), True),
        (LSTM, lambda s: torch.cat(list(s[0]), 1), False),
        (LSTM, lambda s: s[0].transpose(0, 1).reshape(40, -1), False),
        (LSTM, lambda s: s[0].permute(1, 0, 2).flatten(1), False),
        (GRU, lambda h: h[-1], False),
        (tn.GRU(3, 6, batch_first=True), lambda h: h.view(40, -1), False),
    ],
)
def test_states_that_are_viewed_as_those_of_other_examples(body, read, told):
    loss = tn.CrossEntropyLoss()
    found = kinds(Last(body, read), lambda m: loss(m(SERIES), SIDES))
    assert ("examples mixed" in found) == told
    if told:
        assert found["examples mixed"].severity == "serious"


class Steps(tn.Module):
    def __init__(self, cell, cuts):
        super().__init__()
        self.cell, self.cuts, self.head = cell, cuts, tn.Linear(6, 2)

    def forward(self, x):
        two = isinstance(self.cell, tn.LSTMCell)
        state = (torch.zeros(len(x), 6),) * 2 if two else torch.zeros(len(x), 6)
        for t in range(x.shape[1]):
            if self.cuts(t):
                state = tuple(one.detach() for one in state) if two else state.detach()
            state = self.cell(x[:, t], state)
        return self.head(state[0] if two else state)


@pytest.mark.parametrize("cell", [tn.GRUCell, tn.RNNCell, tn.LSTMCell])
@pytest.mark.parametrize(
    ("cuts", "told"),
    [(lambda t: True, True), (lambda t: False, False), (lambda t: t % 2 == 0, False)],
)
def test_states_without_their_past(cell, cuts, told):
    loss = tn.CrossEntropyLoss()
    found = kinds(Steps(cell(3, 6), cuts), lambda m: loss(m(SERIES), SIDES))
    assert ("truncation" in found) == told
