"""Weights of classes that go with how often a class comes."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch.mistakes.class_weights import by_frequency  # noqa: E402

from .loops import X, layers, told, trained  # noqa: E402

tn = torch.nn
OFTEN = torch.repeat_interleave(torch.arange(3), torch.tensor([48, 12, 6]))


@pytest.mark.parametrize(
    ("weights", "is_told"),
    [
        ([0.8, 0.13, 0.07], True),
        ([0.8, 0.2, 0.21], False),  # more than a factor of two from the shares
        ([0.8, 0.2, 0.11], True),
        ([0.3, 0.2, 0.101], False),  # nearly alike
        ([0.4, 1.7, 3.3], False),
        ([1.0, 1.0, 0.0], False),  # what stands for nothing
        ([1.0, 1.0, 1.0], False),
        ([0.8, 0.13, 0.07, 0.0], True),
        ([0.8, 0.13], False),
    ],
)
def test_weights_and_shares(weights, is_told):
    line = by_frequency(tn.CrossEntropyLoss(weight=torch.tensor(weights)), OFTEN)
    assert bool(line) == is_told
    if is_told:
        assert "class 0, 48 of 66 answers of a batch, counts 0.8" in line[1]


def test_what_says_too_little():
    loss = tn.CrossEntropyLoss(weight=torch.tensor([0.8, 0.13, 0.07]))
    assert by_frequency(loss, OFTEN[:53])  # five of the second class
    assert not by_frequency(loss, OFTEN[:52])
    assert not by_frequency(loss, OFTEN - 1)  # a class that is left out
    assert not by_frequency(loss, torch.nn.functional.one_hot(OFTEN).float())
    assert not by_frequency(tn.CrossEntropyLoss(), OFTEN)
    assert not by_frequency(loss, None)


@pytest.mark.parametrize("turned", [False, True])
def test_in_a_loop(turned):
    y = (X[:, 0] > 0.9).long()
    counts = torch.bincount(y).float()
    weights = counts.sum() / (2 * counts) if turned else counts / counts.sum()
    loss = tn.CrossEntropyLoss(weight=weights)
    model = layers(tn.Linear(8, 16), tn.ReLU(), tn.Linear(16, 2))
    x = torch.cat([X] * 4)
    flow = trained(model, lambda m, x, i: loss(m(X), y), steps=20, x=x)
    found = told(flow, "class weights by frequency")
    assert (found is None) == turned
    assert turned or found.severity == "serious"
