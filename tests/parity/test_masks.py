"""Masks of attention from which nothing is left to see."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn = torch.nn
T = 6
WORDS = torch.randint(1, 9, (24, T), generator=torch.Generator().manual_seed(0))
CAUSAL = torch.ones(T, T, dtype=torch.bool).triu(1)


def told(model, words, steps=3):
    """Return the findings of a few steps, by kind."""
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    flow, loss = watch(model, optimizer, histograms=False), tn.CrossEntropyLoss(ignore_index=0)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(words).flatten(0, 1), words.flatten()).backward()
        optimizer.step()
    return {one.kind: one for one in flow.findings()}


class Attends(tn.Module):
    def __init__(self, mask, added=False):
        super().__init__()
        self.words, self.out = tn.Embedding(9, 8), tn.Linear(8, 9)
        self.attention = tn.MultiheadAttention(8, 2, batch_first=True)
        self.mask = torch.zeros(T, T).masked_fill(mask, -torch.inf) if added else mask

    def forward(self, ids):
        padding, e = ids == 0, self.words(ids)
        if self.mask.dtype != torch.bool:
            padding = torch.zeros(ids.shape).masked_fill(padding, -torch.inf)
        return self.out(self.attention(e, e, e, key_padding_mask=padding, attn_mask=self.mask)[0])


class ByHand(tn.Module):
    def __init__(self, least):
        super().__init__()
        self.words, self.out, self.least = tn.Embedding(9, 8), tn.Linear(8, 9), least

    def forward(self, ids):
        e = self.words(ids)
        hidden = (ids == 0)[:, None] | CAUSAL
        return self.out((e @ e.mT).masked_fill(hidden, self.least).softmax(-1) @ e)


def padded(front):
    words = WORDS.clone()
    words[:5, : 2 if front else None] = 0 if front else words[:5]
    if not front:
        words[:5, -2:] = 0
    return words


@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("front", [True, False])
def test_padding_in_front_and_a_causal_mask(added, front):
    found = told(Attends(CAUSAL, added), padded(front))
    assert ("words hidden" in found) == front
    if front:
        first = found["words hidden"]
        assert "from 10 of the 144 rows of attention" in first.sentence
        assert first.severity == "fatal"


def test_a_step_alone_that_does_not_see_itself():
    words = WORDS.clone()
    words[0, 1:] = 0
    one = torch.eye(T, dtype=torch.bool)
    assert "from 1 of the 144 rows" in told(Attends(one), words)["words hidden"].sentence


@pytest.mark.parametrize(
    ("front", "least", "is_told"),
    [(True, -torch.inf, True), (True, -1e9, False), (False, -torch.inf, False)],
)
def test_what_a_mask_is_filled_in_by_hand(front, least, is_told):
    found = told(ByHand(least), padded(front))
    assert ("words hidden" in found) == is_told
