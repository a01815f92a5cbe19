"""Moves of axes after which a row holds numbers of several examples, and those that keep them."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional
KIND = "examples mixed"


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


class Made(tn.Module):
    """Parts, and a function of them and the input."""

    def __init__(self, forward, **parts):
        super().__init__()
        self.go = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *x):
        return self.go(self, *x)


def told(forward, *x, **parts):
    """Return what is said of examples after two steps of a network, None if nothing."""
    torch.manual_seed(0)
    model = Made(forward, **parts)
    model(*x)  # lazy parts
    flow = watch(model, torch.optim.SGD(model.parameters(), lr=1e-3), histograms=False)
    for _ in range(2):
        model.zero_grad()
        outputs = model(*x)
        outputs.square().mean().backward()
        flow._optimizer.step()
    return next((one for one in flow.findings() if one.kind == KIND), None)


IMAGES, SERIES, WIDE = drawn(12, 2, 6, 6), drawn(10, 5, 4), drawn(10, 40)
PLACES = torch.zeros(1, 288, requires_grad=True)


def conv():
    return {"conv": tn.Conv2d(2, 8, 3, padding=1), "head": tn.LazyLinear(3)}


def after_conv(move):
    return lambda m, x: m.head(move(F.relu(m.conv(x))))


IN_ROWS = {
    "channels first, then rows": lambda z: z.permute(1, 0, 2, 3).reshape(12, -1),
    "by places": lambda z: z.permute(2, 3, 0, 1).reshape(12, -1),
    "as a row, turned over": lambda z: z.transpose(0, 1).contiguous().view(12, -1),
    "through an activation": lambda z: torch.tanh(z.permute(1, 0, 2, 3).reshape(12, -1)),
    "through dropout": lambda z: F.dropout(z.permute(1, 0, 2, 3).reshape(12, -1), 0.2),
    "with positions": lambda z: PLACES + z.permute(1, 0, 2, 3).reshape(12, -1),
    "in several views": lambda z: z.transpose(0, 1).reshape(8, -1).reshape(12, -1),
    "summed after it": lambda z: z.transpose(0, 1).reshape(12, 8, 36).sum(2),
    "averaged after it": lambda z: z.permute(1, 2, 3, 0).reshape(12, 36, 8).mean(1),
}
STILL = {
    "flat": lambda z: z.flatten(1),
    "flat, with positions": lambda z: z.flatten(1) + PLACES,
    "of two, added": lambda z: z.flatten(1) + z.permute(1, 0, 2, 3).reshape(12, -1),  # not followed
    "channels last, flat": lambda z: z.permute(0, 2, 3, 1).reshape(12, -1),
    "places, then back": lambda z: (
        z.permute(2, 3, 0, 1).reshape(36, 12, 8).transpose(0, 1).flatten(1)
    ),
    "there and back": lambda z: (
        z.transpose(0, 1).reshape(8, -1).view(8, 12, 36).transpose(0, 1).flatten(1)
    ),
    "averaged": lambda z: z.mean((2, 3)),
    "one channel": lambda z: z[:, 0].reshape(12, -1),
    "places as steps": lambda z: (
        z.flatten(2).transpose(1, 2).reshape(12 * 36, 8).view(12, 36, 8).mean(1)
    ),
}


@pytest.mark.parametrize("how", IN_ROWS)
def test_rows_of_several_examples(how):
    seen = told(after_conv(IN_ROWS[how]), IMAGES, **conv())
    assert seen.severity == "serious"
    assert seen.sentence.startswith("head is given rows that hold numbers of ")
    assert "what conv gives is (12, 8, 6, 6), with the examples on axis 0" in seen.sentence


@pytest.mark.parametrize("how", STILL)
def test_rows_of_one_example_each(how):
    assert told(after_conv(STILL[how]), IMAGES, **conv()) is None


@pytest.mark.parametrize("count", [2, 3, 8, 9, 16, 36])
def test_whatever_the_size_of_the_batch(count):
    """Also where it divides the numbers that are moved, or equals one of them."""
    images = drawn(count, 2, 6, 6)
    wrong = told(after_conv(lambda z: z.permute(1, 0, 2, 3).reshape(len(z), -1)), images, **conv())
    assert wrong
    assert told(after_conv(lambda z: z.permute(0, 2, 3, 1).flatten(1)), images, **conv()) is None


def test_one_example_is_mixed_with_none():
    move = after_conv(lambda z: z.permute(1, 0, 2, 3).reshape(1, -1))
    assert told(move, drawn(1, 2, 6, 6), **conv()) is None


def test_the_advice_keeps_examples_apart():
    seen = told(after_conv(IN_ROWS["channels first, then rows"]), IMAGES, **conv())
    assert seen.advice[0].what.endswith("first, then reshape: .reshape(-1, 288)")
    states = {"rnn": tn.GRU(4, 6, num_layers=2, batch_first=True), "head": tn.Linear(12, 3)}
    seen = told(lambda m, x: m.head(m.rnn(x)[1].view(10, -1)), SERIES, **states)
    assert seen.advice[0].what.endswith(": .movedim(1, 0).reshape(-1, 12)")


RNN = {"rnn": tn.LSTM(4, 6), "head": tn.Linear(6, 3)}
FIRST = {"rnn": tn.LSTM(4, 6, batch_first=True), "head": tn.Linear(6, 3)}
STEPS = {
    "viewed as time first": (lambda m, x: m.head(m.rnn(x.view(5, 10, 4))[0][-1]), RNN, True),
    "turned to time first": (lambda m, x: m.head(m.rnn(x.transpose(0, 1))[0][-1]), RNN, False),
    "copied time first": (
        lambda m, x: m.head(m.rnn(x.transpose(0, 1).contiguous())[0][-1]),
        RNN,
        False,
    ),
    "turned, then viewed": (
        lambda m, x: m.head(m.rnn(x.transpose(0, 1).reshape(10, 5, 4))[0][:, -1]),
        FIRST,
        True,
    ),
    "turned twice": (
        lambda m, x: m.head(m.rnn(x.transpose(1, 2).reshape(10, 4, 5).transpose(1, 2))[0][:, -1]),
        FIRST,
        False,
    ),
    "one row of steps": (
        lambda m, x: m.head(m.rnn(x.reshape(50, 1, 4))[0].view(10, 5, 6)[:, -1]),
        RNN,
        False,
    ),
    "a row for each step": (
        lambda m, x: m.head(m.inner(x.reshape(50, 4)).view(10, 5, 6).mean(1)),
        {"inner": tn.Linear(4, 6), "head": tn.Linear(6, 3)},
        False,
    ),
    "each step, viewed as time first": (
        lambda m, x: m.head(m.rnn(m.inner(x.reshape(50, 4)).view(5, 10, 4))[0][-1]),
        {**RNN, "inner": tn.Linear(4, 4)},
        False,  # it may have been time first before
    ),
    "outputs, time first": (
        lambda m, x: m.wide(m.rnn(x.transpose(0, 1))[0].reshape(10, 30)),
        {**RNN, "wide": tn.Linear(30, 3)},
        True,
    ),
    "outputs, turned": (
        lambda m, x: m.wide(m.rnn(x.transpose(0, 1))[0].transpose(0, 1).reshape(10, 30)),
        {**RNN, "wide": tn.Linear(30, 3)},
        False,
    ),
    "outputs of the network": (
        lambda m, x: m.head(m.rnn(x.transpose(0, 1))[0]).reshape(10, 15),
        RNN,
        True,
    ),
    "flat inputs": (lambda m, x: m.head(x.view(10, -1)), {"head": tn.Linear(20, 3)}, False),
    "flat inputs, turned": (
        lambda m, x: m.head(x.transpose(0, 1).reshape(10, -1)),
        {"head": tn.Linear(20, 3)},
        True,
    ),
}


@pytest.mark.parametrize("how", STEPS)
def test_steps_of_time(how):
    forward, parts, wrong = STEPS[how]
    assert bool(told(forward, SERIES, **parts)) == wrong


def test_time_may_come_first_in_what_goes_in():
    """(time, examples, features): one answer for each step, or for each example."""
    x = drawn(5, 10, 4)
    assert told(lambda m, x: m.head(m.rnn(x)[0]), x, **RNN) is None
    assert told(lambda m, x: m.head(m.rnn(x)[0][-1]), x, **RNN) is None
    wide = {**RNN, "wide": tn.Linear(30, 3)}
    turned = told(lambda m, x: m.wide(m.rnn(x)[0].transpose(0, 1).flatten(1)), x, **wide)
    assert turned is None
    assert told(lambda m, x: m.wide(m.rnn(x)[0].view(10, 30)), x, **wide)


def test_numbers_of_words_viewed_as_time_first():
    words = torch.arange(50).view(10, 5)
    parts = {"emb": tn.Embedding(50, 4), **RNN}
    wrong = told(lambda m, x: m.head(m.rnn(m.emb(x).view(5, 10, 4))[0][-1]), words, **parts)
    assert wrong
    assert told(lambda m, x: m.head(m.rnn(m.emb(x.t()))[0][-1]), words, **parts) is None


def test_what_mixes_by_itself_is_meant():
    """Batch norm, attention over the batch, a product with neighbours, groups, pairs, windows."""
    x, near = drawn(12, 8), torch.eye(12).roll(1, 0) + torch.eye(12)
    inner, head = tn.Linear(8, 8), tn.Linear(8, 3)
    parts = {"inner": inner, "head": head}
    assert told(lambda m, x: m.head(m.norm(m.inner(x))), x, norm=tn.BatchNorm1d(8), **parts) is None
    assert told(lambda m, x: m.head(near @ m.inner(x)), x, **parts) is None
    assert told(lambda m, x: m.head(F.softmax(x @ x.T, 1) @ m.inner(x)), x, **parts) is None
    attends = tn.MultiheadAttention(8, 2)
    assert (
        told(
            lambda m, x: m.head(m.att(x[:, None], x[:, None], x[:, None])[0][:, 0]),
            x,
            att=attends,
            **parts,
        )
        is None
    )

    def groups(m, x):
        y = m.inner(x).view(4, 3, 8)
        return m.head((y - y.mean(1, keepdim=True)).view(12, 8))

    assert told(groups, x, **parts) is None
    pairs = {"inner": inner, "head": tn.Linear(16, 3)}
    assert told(lambda m, x: m.head(m.inner(x).view(6, 16)), x, **pairs) is None
    windows = {"rnn": tn.GRU(8, 8, batch_first=True), "head": head}
    assert (
        told(lambda m, x: m.head(m.rnn(m.rnn(x.view(4, 3, 8))[0])[0].reshape(12, 8)), x, **windows)
        is None
    )


def test_heads_of_attention_written_by_hand():
    def attends(m, x):
        b, t, _ = x.shape
        q, k, v = (m.inner(x).view(b, t, 3, 2, 4).permute(2, 0, 3, 1, 4)[i] for i in range(3))
        y = F.softmax(q @ k.transpose(2, 3), -1) @ v
        return m.head(y.transpose(1, 2).reshape(b, t, 8)[:, 0])

    parts = {"inner": tn.Linear(4, 24), "head": tn.Linear(8, 3)}
    for count in (5, 10, 2, 4, 8):  # as many as steps, heads, numbers of a head
        assert told(attends, drawn(count, 5, 4), **parts) is None

    def forgets(m, x):
        b, t, _ = x.shape
        y = torch.relu(m.inner(x)).view(b, t, 2, 12).permute(2, 1, 0, 3)
        return m.wide(y.reshape(b, -1))

    wide = {"inner": parts["inner"], "wide": tn.LazyLinear(3)}
    assert told(forgets, drawn(10, 5, 4), **wide)


def test_channels_of_one_large_image_are_groups():
    """As in networks that modulate weights by example: examples as groups of channels."""

    def modulates(m, x):
        y = m.first(x)
        y = F.conv2d(y.view(1, -1, 6, 6), m.first.weight.new_ones(96, 1, 3, 3), groups=96)
        return m.head(m.second(y.view(12, 8, 4, 4)).mean((2, 3)))

    parts = {"first": tn.Conv2d(2, 8, 1), "second": tn.Conv2d(8, 8, 1), "head": tn.Linear(8, 3)}
    assert told(modulates, IMAGES, **parts) is None


def test_a_batch_that_float32_counts_exactly():
    """Averages over steps divide the numbers of rows, which have to come out whole again."""
    x = drawn(1000, 7, 3)
    parts = {"inner": tn.Linear(3, 3), "head": tn.Linear(3, 2)}
    right = told(lambda m, x: m.head(m.inner(x).view(1000, -1, 3).mean(1)), x, **parts)
    assert right is None
    assert told(lambda m, x: m.head(m.inner(x).view(7, 1000, 3).mean(0)), x, **parts)
