"""What a loss asks for: more than outputs can be, terms of it, padding, words to come."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch.mistakes import bounds, outweighed  # noqa: E402
from nnscratch.pytorch.mistakes.padding import padded, padding_read  # noqa: E402

from .loops import G, X, Y, layers, plain, told, trained  # noqa: E402

tn, F = torch.nn, torch.nn.functional


# Outputs that have an end


class Cosines(tn.Module):
    def __init__(self, scale, classes=4):
        super().__init__()
        torch.manual_seed(1)
        self.body, self.scale = tn.Linear(8, 16), scale
        self.heads = tn.Parameter(torch.randn(classes, 16))

    def forward(self, x):
        return self.scale * F.linear(F.normalize(self.body(x)), F.normalize(self.heads))


@pytest.mark.parametrize(
    ("model", "is_told"),
    [
        (Cosines(1.0), True),
        (Cosines(3.0), False),
        (Cosines(torch.nn.Parameter(torch.ones(()))), False),  # it learns to be as large as need be
        (plain(), False),
    ],
)
def test_a_loss_that_asks_for_more_than_the_network_can_give(model, is_told):
    flow = trained(model, lambda m, x, i: F.cross_entropy(m(x), Y[i]), steps=20, lr=1e-4)
    line = flow.to_dict()["mistakes"]
    assert line.startswith("output activation\tWhatever its weights") == is_told
    if is_told:
        assert "lies between -1 and 1" in line
        assert "fall below 0.341" in line  # ln(1 + 3 / e^2)


@pytest.mark.parametrize(
    ("answers", "targets", "is_told"),
    [
        (lambda times: torch.tensor([[0.1], [0.9]]), [[0.0], [1.8]], True),
        (lambda times: torch.tensor([[0.1], [0.9]]), [[0.0], [1.25]], False),  # 8 % are missed
        (lambda times: times * torch.tensor([[0.1], [0.9]]), [[0.0], [1.8]], False),
        (lambda times: torch.tensor([[0.9], [0.9]]), [[0.0], [1.8]], False),  # the same for all
    ],
)
def test_targets_beyond_the_end(answers, targets, is_told):
    targets = torch.tensor(targets)
    seen = SimpleNamespace(
        outputs=torch.zeros_like(targets), targets=targets, calls=1, function=F.mse_loss
    )
    assert bool(bounds.bounded(answers, seen)) == is_told


# Targets that the model is given too


class WithLoss(tn.Module):
    def __init__(self, causal):
        super().__init__()
        torch.manual_seed(1)
        self.emb, self.at = tn.Embedding(9, 16), tn.Parameter(0.1 * torch.randn(10, 16))
        self.qkv, self.out, self.causal = tn.Linear(16, 48), tn.Linear(16, 9), causal

    def forward(self, x, y=None):
        q, k, v = self.qkv(self.emb(x) + self.at).chunk(3, -1)
        h = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        scores = self.out(h)
        return scores, None if y is None else F.cross_entropy(scores.flatten(0, 1), y.flatten())


@pytest.mark.parametrize("causal", [False, True])
def test_a_model_that_is_given_the_targets_beside_the_words(causal):
    words = torch.randint(0, 9, (96, 11), generator=G)
    flow = trained(
        WithLoss(causal), lambda m, x, i: m(x[:, :-1], x[:, 1:])[1], steps=20, x=words, lr=1e-3
    )
    assert (told(flow, "looks ahead") is None) == causal


# Terms of a loss


def with_terms(factor, steps=160):
    target = torch.sigmoid(X @ torch.randn(8, 6, generator=torch.Generator().manual_seed(0)))
    model = layers(tn.Linear(8, 32), tn.Tanh(), tn.Linear(32, 6))

    def loss(m, x, i):
        z = m(x)
        return factor * F.mse_loss(z, target[i]) + (z - 3).square().sum()

    return trained(model, loss, steps=steps, lr=1e-2)


@pytest.mark.parametrize(("factor", "is_told"), [(1.0, True), (3e4, False)])
def test_a_term_of_which_nothing_is_learned(factor, is_told):
    found = told(with_terms(factor), "term outweighed")
    assert (found is not None) == is_told
    if is_told:
        assert "mse_loss stands at" in found.sentence


@pytest.mark.parametrize(
    ("share", "now", "looks", "is_told"),
    [
        (0.01, 0.4, 4, True),
        (0.03, 0.4, 4, False),
        (0.01, 0.6, 4, False),  # the whole has not fallen by half either
        (0.01, 0.4, 3, False),
    ],
)
def test_how_long_and_how_little(share, now, looks, is_told):
    one = outweighed.Outweighed()
    one._first, one._count = 1.0, 2
    one._looks[0] = [
        outweighed._Look(64 + i, now, "mse_loss", 1.0, 1.0, share) for i in range(looks)
    ]
    assert bool(one.told()) == is_told


@pytest.mark.parametrize(("mean", "is_told"), [(0.49, True), (0.51, False)])
def test_what_a_network_brings_about_itself_is_no_fixed_target(mean, is_told):
    """Rewards, which a critic is asked for, become others as the actions do."""
    one = outweighed.Outweighed()
    one._first, one._count = 1.0, 2
    one._looks[0] = [
        outweighed._Look(step, 0.4, "mse_loss", 1.0, 1.0, 0.01, mean=now, error=0.1)
        for now in (0.0, mean)
        for step in range(64, 68)
    ]
    assert bool(one.told()) == is_told


class Codes(tn.Module):
    """Codes that are drawn around what is read of the input, and decoded."""

    def __init__(self):
        super().__init__()
        self.read, self.decode = tn.Linear(8, 8), tn.Linear(4, 8)

    def forward(self, x):
        mean, log = self.read(x).chunk(2, 1)
        return self.decode(mean + (0.5 * log).exp() * torch.randn_like(mean)), mean, log


def with_codes(factor, held, steps=200):
    def loss(m, x, i):
        z, mean, log = m(x)
        term = (mean.square() + log.exp() - log - 1 if held else mean.square()).sum(1).mean()
        return F.mse_loss(z, x) + factor * term

    return trained(Codes(), loss, steps=steps, lr=3e-2)


@pytest.mark.parametrize(
    ("factor", "held", "steps", "is_told"),
    [
        (30.0, True, 200, True),
        (1e-3, True, 200, False),
        (30.0, False, 200, False),  # a penalty holds the mean alone
        (30.0, True, 140, False),  # it may still be on its way
    ],
)
def test_codes_that_are_held_at_noise(factor, held, steps, is_told):
    found = told(with_codes(factor, held, steps), "term outweighed")
    assert ("posterior collapse" in getattr(found, "sentence", "")) == is_told


@pytest.mark.parametrize(("count", "is_told"), [(12, True), (11, False)])
def test_how_often_codes_are_held(count, is_told):
    one = outweighed.Outweighed()
    one._first, one._count = 1.0, 2
    one._looks[0] = [
        outweighed._Look(64 + 8 * i, 0.9, "mse_loss", 1.0, 1.0, 0.01, drawn=True)
        for i in range(count)
    ]
    assert bool(one.told()) == is_told


# One step that is read


class ReadsOne(tn.Module):
    """Answers from what stands at one step."""

    def __init__(self, of, real, time_first):
        super().__init__()
        torch.manual_seed(1)
        self.read = tn.Linear(9, 12) if real else tn.Embedding(9, 12)
        self.of, self.time_first = of, time_first
        self.cell, self.out = tn.GRU(12, 12, batch_first=True), tn.Linear(12, 4)

    def forward(self, x):
        x = x.transpose(0, 1) if self.time_first else x
        return self.out(self.cell(self.read(x))[0][:, self.of])


def reading(of, real=False, time_first=False, steps=10):
    words = torch.randint(0, 9, (240, steps), generator=G)

    def loss(m, x, i):
        x = F.one_hot(x, 9).float() if real else x
        return F.cross_entropy(m(x.transpose(0, 1) if time_first else x), Y[i])

    return told(trained(ReadsOne(of, real, time_first), loss, x=words), "truncation")


@pytest.mark.parametrize(("of", "alone"), [(0, True), (1, False), (-1, False)])
@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("time_first", [False, True])
def test_the_first_step_is_all_that_is_read(of, alone, real, time_first):
    found = reading(of, real, time_first)
    assert bool(found) == alone
    if alone:
        assert "the first of the 10 places" in found.sentence


@pytest.mark.parametrize(("steps", "known"), [(2, False), (3, True)])
def test_of_two_steps_one_may_be_read(steps, known):
    assert bool(reading(0, steps=steps)) == known


# Padding that is read


@pytest.mark.parametrize(
    ("of_words", "is_told"), [(0.0, True), (5e-4, True), (2e-3, False), (1.0, False)]
)
def test_answers_that_depend_on_padding_alone(of_words, is_told):
    ids = torch.tensor([[3, 4, 0, 0, 0, 0], [5, 6, 7, 0, 0, 0], [8, 3, 4, 5, 0, 0]])
    places = padded(ids)
    slope = torch.where(places.tail, (1 - of_words) / 9, of_words / 9)
    slope = slope * torch.where(
        places.tail, 9 / places.tail.sum(1, True), 9 / (ids > 0).sum(1, True)
    )
    assert bool(padding_read(slope, places)) == is_told


@pytest.mark.parametrize(("short", "is_told"), [([0, 1], True), ([0, 1, 2], False), ([0], False)])
def test_answers_of_shorter_sequences_that_depend_on_nothing(short, is_told):
    """All of these, and no other: else it is no matter of how long they are."""
    ids = torch.arange(1, 25).view(4, 6)
    ids[:2, 3:] = 0
    slope = torch.ones(4, 6)
    slope[short] = 0.0
    line = padding_read(slope, padded(ids))
    assert bool(line) == is_told
    if is_told:
        assert "50 % of the sequences get an answer that depends on nothing" in line[1]


@pytest.mark.parametrize(("ends", "is_told"), [(2, True), (1, False)])
def test_what_few_sequences_end_with_may_be_a_word(ends, is_told):
    ids = torch.arange(1, 25).view(4, 6)
    ids[:ends, 3:] = 0
    places = padded(ids)
    assert bool(padding_read(places.tail.float(), places)) == is_told


def test_sequences_that_all_end_alike_have_no_padding():
    assert padded(torch.tensor([[3, 4, 0, 0], [5, 6, 0, 0]])) is None


class Reads(tn.Module):
    """Reads the last step, the last word, or every step; packed, there are zeros behind it."""

    def __init__(self, where):
        super().__init__()
        torch.manual_seed(1)
        self.emb, self.rnn = tn.Embedding(20, 8, padding_idx=0), tn.RNN(8, 16, batch_first=True)
        self.out, self.where = tn.Linear(16, 4), where

    def forward(self, x):
        given = self.emb(x)
        if self.where == "packed":
            given = tn.utils.rnn.pack_padded_sequence(given, (x > 0).sum(1), True, False)
        h = self.rnn(given)[0]
        if self.where == "packed":
            h = tn.utils.rnn.pad_packed_sequence(h, True)[0]
        if self.where == "word":
            h = h[torch.arange(len(x)), (x > 0).sum(1) - 1]
        return self.out(h[:, -1] if self.where in ("step", "packed") else h)


@pytest.mark.parametrize(
    ("where", "is_told"),
    [("step", True), ("packed", True), ("word", False), ("everywhere", False)],
)
def test_a_state_that_is_read_behind_the_padding(where, is_told):
    ids = torch.randint(1, 20, (240, 40), generator=G)
    ids[torch.arange(40) >= torch.randint(4, 9, (240, 1), generator=G)] = 0

    def loss(m, x, i):
        answers = m(x)
        return F.cross_entropy(answers if answers.ndim == 2 else answers.mean(1), Y[i])

    assert bool(told(trained(Reads(where), loss, x=ids, lr=1e-4), "padding read")) == is_told
