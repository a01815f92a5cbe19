"""What answers depend on: targets that are the inputs, steps out of order, hidden words."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.mistakes.asking import Questions  # noqa: E402

tn, F = torch.nn, torch.nn.functional
V, T, D = 12, 10, 16
G = torch.Generator().manual_seed(7)
WORDS = torch.randint(1, V, (96, T), generator=G)
SIDES = torch.randint(0, 2, (96,), generator=G)
ASKED = tn.CrossEntropyLoss()


def trained(model, loss, steps=60, lr=1e-3):
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    flow = watch(model, optimizer, histograms=False)
    for step in range(steps):
        rows = torch.arange(step * 24, step * 24 + 24) % 96
        optimizer.zero_grad()
        loss(model, rows).backward()
        optimizer.step()
    return flow.findings()


def told(findings, kind):
    return next((one for one in findings if one.kind == kind), None)


class Words(tn.Module):
    """Embeds, goes through a GRU or own attention, and answers each step or the whole."""

    def __init__(self, inner="gru", whole=False, mask=None, positions=0.0, hides=None):
        super().__init__()
        torch.manual_seed(2)
        self.emb = tn.Embedding(V, D)
        self.inner, self.whole, self.mask, self.hides = inner, whole, mask, hides
        self.at = tn.Parameter(positions * torch.randn(T, D)) if positions is not None else 0.0
        if inner != "own":
            both = inner == "both ways"
            self.gru = tn.GRU(D, D // (1 + both), batch_first=True, bidirectional=both)
        else:
            self.qkv = tn.Linear(D, 3 * D)
        self.out = tn.Linear(D, 2 if whole else V)

    def forward(self, x):
        h = self.emb(x)
        if self.inner != "own":
            h, last = self.gru(h)
            if self.inner == "bottleneck":
                h = self.gru(torch.zeros_like(h) + self.at, last)[0]
            return self.out(h)
        q, k, v = self.qkv(h + self.at).chunk(3, -1)
        scores = q @ k.transpose(1, 2) / math.sqrt(D)
        if self.mask is not None:
            scores = scores.masked_fill(self.mask, -1e9)
        seen = torch.ones_like(x, dtype=torch.bool)
        if self.hides is not None:
            seen = ~self.hides(x)
            scores = scores.masked_fill(~seen[:, None], -1e9)
        h = scores.softmax(-1) @ v
        keep = seen[..., None].float()
        return self.out((h * keep).sum(1) / keep.sum(1) if self.whole else h)


def same(model, rows):
    return ASKED(model(WORDS[rows]).transpose(1, 2), WORDS[rows])


def same_by_function(model, rows):
    return F.cross_entropy(model(WORDS[rows]).reshape(-1, V), WORDS[rows].reshape(-1))


def following(model, rows):
    x = WORDS[rows].roll(-1, 1)
    return F.cross_entropy(model(WORDS[rows]).reshape(-1, V), x.reshape(-1))


def side(model, rows):
    return ASKED(model(WORDS[rows]), SIDES[rows])


# Each step is asked for what it is given


@pytest.mark.parametrize("loss", [same, same_by_function])
@pytest.mark.parametrize("lr", [1e-3, 1.0])
def test_targets_that_are_the_inputs(loss, lr):
    seen = trained(Words(), loss, 60, lr)[0]
    assert (seen.kind, seen.severity) == ("looks ahead", "serious")
    assert "the targets equal the inputs" in seen.sentence
    names = {"x": WORDS}
    exec(seen.advice[0].line, names)
    assert torch.equal(names["x"][:, 1:], names["y"][:, :-1])


@pytest.mark.parametrize("inner", ["bottleneck", "both ways"])
def test_what_goes_through_a_bottleneck_is_rightly_asked_again(inner):
    assert not told(trained(Words(inner, positions=0.1), same), "looks ahead")


def test_words_that_are_hidden_are_asked_for():
    hidden = torch.rand(96, T, generator=G) < 0.3

    def loss(model, rows):
        x = WORDS[rows].masked_fill(hidden[rows], 0)
        return ASKED(model(x).transpose(1, 2), WORDS[rows].masked_fill(~hidden[rows], -100))

    assert not told(trained(Words(), loss), "looks ahead")


@pytest.mark.parametrize(("steps", "seen"), [(6, True), (5, False)])
def test_more_than_half_of_the_steps_have_to_be_asked_for_what_they_are_given(steps, seen):
    def loss(model, rows):
        y = WORDS[rows].masked_fill(torch.arange(T) >= steps, -100)
        return ASKED(model(WORDS[rows]).transpose(1, 2), y)

    assert bool(told(trained(Words(), loss), "looks ahead")) == seen


# The next word, and a mask of one's own

PAST = torch.ones(T, T, dtype=torch.bool).tril(-1)


@pytest.mark.parametrize(("mask", "ahead"), [(PAST, True), (None, True), (PAST.T, False)])
def test_a_mask_that_hides_the_past(mask, ahead):
    found = trained(Words("own", mask=mask, positions=0.1), following)
    assert bool(told(found, "looks ahead")) == ahead


def test_noise_of_the_network_is_no_look_ahead():
    class Noisy(Words):
        def forward(self, x):
            return super().forward(x) + 0.1 * torch.randn(1)

    assert not told(trained(Noisy(), following), "looks ahead")


# Order


def test_attention_without_positions():
    seen = trained(Words("own", True, positions=None), side)[0]
    assert (seen.kind, seen.severity) == ("no positions", "serious")
    names = {"torch": torch, "model": (model := Words("own", True, positions=None))}
    exec(seen.advice[0].line, names)
    assert model.positions.shape == (T, D)
    assert any(p is model.positions for p in names["optimizer"].param_groups[0]["params"])
    assert not told(trained(model, side), "no positions")


@pytest.mark.parametrize(("positions", "seen"), [(None, True), (0.1, False)])
def test_examples_of_the_same_words_in_other_orders(positions, seen):
    """All of them are answered alike without positions."""
    orders = torch.stack([torch.randperm(T, generator=G) for _ in range(96)])

    def loss(model, rows):
        return ASKED(model(orders[rows]), SIDES[rows])

    model = Words("own", True, positions=positions)
    assert bool(told(trained(model, loss, lr=1e-2), "no positions")) == seen


@pytest.mark.parametrize(("felt", "known"), [(0.9e-3, False), (1.1e-3, True)])
def test_answers_that_no_word_changes_say_nothing_of_order(felt, known):
    class Sums(tn.Module):
        def forward(self, x):
            return torch.full((len(x), 2), 1.0).double() + felt * (x.sum(1, keepdim=True) - 3)

    words = torch.tensor([[0, 1, 2], [2, 0, 1]])
    asks = Questions(Sums())
    asks.begin(((words,), {}))
    same = asks._unchanged(words, words.roll(1, 1), other=torch.tensor([[1, 1, 2], [2, 0, 1]]))
    assert (same is not None) == known


def test_positions_may_begin_as_zeros():
    assert not told(trained(Words("own", True, positions=0.0), side, lr=0.1), "no positions")


class Labelled(Words):
    """Is given its labels too, as language models are: the same tensor."""

    def forward(self, x, labels):
        scores = super().forward(x)
        return ASKED(scores[:, :-1].flatten(0, 1), labels[:, 1:].flatten()), scores


def test_labels_that_are_the_inputs_do_not_hide_positions():
    def loss(model, rows):
        return model(x := WORDS[rows], x)[0]

    mask = PAST.T
    assert not told(trained(Labelled("own", mask=mask, positions=0.1), loss, 40), "no positions")


@pytest.mark.parametrize(("positions", "seen"), [(1e-6, False), (None, True)])
def test_positions_that_hardly_count_are_positions(positions, seen):
    model = Words("own", True, positions=positions)
    assert bool(told(trained(model, side, 14, 1e-4), "no positions")) == seen


def test_an_order_that_cannot_matter_is_none_of_a_run_that_learns():
    counts = (WORDS == 3).any(1).long()

    def loss(model, rows):
        return ASKED(model(WORDS[rows]), counts[rows])

    assert not told(trained(Words("own", True, positions=None), loss, 300, 1.0), "no positions")


def test_without_attention_nothing_is_said_of_order():
    model = tn.Sequential(tn.Embedding(V, D), tn.AdaptiveAvgPool2d((1, D)), tn.Flatten())
    model.append(tn.Linear(D, 2))
    assert not told(trained(model, side), "no positions")


# A mask turned round


@pytest.mark.parametrize("shown", [False, True])
def test_a_mask_that_hides_the_words(shown):
    lengths = torch.randint(3, T - 1, (96,), generator=G)
    padded = WORDS.masked_fill(torch.arange(T) >= lengths[:, None], 0)

    def loss(model, rows):
        return ASKED(model(padded[rows]), SIDES[rows])

    model = Words("own", True, positions=0.1, hides=lambda x: (x == 0) == shown)
    seen = told(trained(model, loss), "words hidden")
    assert bool(seen) != shown
    if seen:
        assert seen.severity == "serious"
        names = {"x": padded}
        exec(seen.advice[0].line, names)
        assert torch.equal(names["mask"], padded == 0)


@pytest.mark.parametrize(("twice", "told_of"), [(7, True), (1, False)])
def test_of_little_padding_nothing_is_said(twice, told_of):
    """Of 240 places in a batch 12 are a twentieth."""
    padding = torch.arange(96) % 24
    short = (padding < 8).long() + (padding < twice)
    padded = WORDS.masked_fill(torch.arange(T) >= T - short[:, None], 0)

    def loss(model, rows):
        return ASKED(model(padded[rows]), SIDES[rows])

    first = torch.arange(T) == 0  # stands for the whole
    model = Words("own", True, positions=0.1, hides=lambda x: (x != 0) & ~first)
    assert bool(told(trained(model, loss), "words hidden")) == told_of


# Nothing of it remains


class Counts(Words):
    """Notes of itself what it did, and draws numbers."""

    def forward(self, x):
        self.state = getattr(self, "state", 0.0) + self.emb.weight.detach().sum()
        self.drawn = np.random.random()  # noqa: NPY002
        return super().forward(x) + 0 * self.state


def test_asking_changes_no_bit_of_the_training():
    def run(watched):
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        model = Counts("own", positions=0.1)
        model.drop = tn.Dropout(0.2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        flow = watch(model, optimizer) if watched else None
        for step in range(20):
            optimizer.zero_grad()
            loss = following(model, torch.arange(24) + step)
            (loss + model.drop(model.emb.weight).sum()).backward()
            optimizer.step()
        state = [p.detach().clone() for p in model.parameters()]
        return [*state, model.state, torch.tensor(model.drawn), torch.rand(2)], flow

    (plain, _), (watched, flow) = run(False), run(True)
    assert told(flow.findings(), "looks ahead")
    assert all(map(torch.equal, plain, watched))


class Shifts(tn.Module):
    """Is given what it is to answer beside the words, and shows each step those before it."""

    def __init__(self, by=1):
        super().__init__()
        torch.manual_seed(2)
        self.emb, self.out, self.by = tn.Embedding(V, D), tn.Linear(D, V), by
        self.reads, self.writes = (tn.GRU(D, D, batch_first=True) for _ in range(2))

    def forward(self, x, asked):
        shown = asked if not self.by else tn.functional.pad(asked[:, : -self.by], (self.by, 0))
        return self.out(self.writes(self.emb(shown), self.reads(self.emb(x))[1])[0])


@pytest.mark.parametrize(("by", "ahead"), [(0, True), (1, False), (2, False)])
@pytest.mark.parametrize("loss", [F.cross_entropy, ASKED])
def test_answers_that_are_given_beside_and_shown_one_step_later(by, ahead, loss):
    def translation(model, rows):
        asked = WORDS[rows].flip(1)
        return loss(model(WORDS[rows], asked).transpose(1, 2), asked)

    assert bool(told(trained(Shifts(by), translation), "looks ahead")) == ahead
