"""Batches that are views of the data, and what is done to them in place."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.mistakes.written import Written  # noqa: E402

tn = torch.nn
KIND = "data written over"


def trained(change, again=None, epochs=8, lr=1e-6, plain=False):
    """Train on views of the data; ``change(x)`` returns what is made of a batch."""
    torch.manual_seed(0)
    data = torch.randn(96, 5)
    y = (data[:, 0] > 0).long() if plain else torch.randint(0, 2, (96,))
    model, loss = tn.Sequential(tn.Linear(5, 8), tn.ReLU(), tn.Linear(8, 2)), tn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    flow = watch(model, optimizer, histograms=False)
    for _ in range(epochs):
        if again is not None:
            again(data)
        for at in range(0, 96, 16):
            x = change(data[at : at + 16])
            optimizer.zero_grad()
            loss(model(x), y[at : at + 16]).backward()
            optimizer.step()
    return flow


def told(flow):
    return next((one for one in flow.findings() if one.kind == KIND), None)


def pasted(line, x):
    names = {"x": x}
    exec(line, names)
    return names["x"]


@pytest.mark.parametrize(
    "change", [lambda x: x.mul_(1.3), lambda x: x.add_(torch.randn(16, 5)), lambda x: x.mul_(0.8)]
)
def test_a_batch_that_is_changed_in_place(change):
    seen = told(trained(change))
    assert seen.severity == "serious"
    assert "written to in between" in seen.sentence
    assert not told(trained(lambda x: change(pasted(seen.advice[0].line, x))))


@pytest.mark.parametrize(("factor", "steady"), [(1.6, False), (1.01, True)])
def test_it_is_told_once_and_looked_for_until_then(factor, steady):
    """What drifts slowly is looked at again, up to sixteen times a place."""
    data, watched = torch.ones(4, 5), Written()
    seen = []
    for _ in range(20):
        for at in (0, 2):
            watched.begin(data[at : at + 2].mul_(factor))
        seen.append(bool(watched.told()))
    assert seen == [i == 3 and not steady for i in range(20)]


def test_a_place_is_seen_four_times_before_anything_is_said():
    assert not told(trained(lambda x: x.mul_(1.6), epochs=3))
    assert told(trained(lambda x: x.mul_(1.6), epochs=4))


def test_copies_and_data_that_stay_what_they_are():
    assert not told(trained(lambda x: x))
    assert not told(trained(lambda x: 1.3 * x))
    assert not told(trained(lambda x: x.clamp_(-1, 1)))  # once and for all


def test_a_buffer_that_is_filled_anew():
    generator = torch.Generator().manual_seed(2)
    assert not told(trained(lambda x: x, lambda data: data.normal_(generator=generator), 20))


def test_of_a_run_that_learns_it_is_not_said():
    flow = trained(lambda x: x.mul_(1.1), lr=0.3, epochs=10, plain=True)
    assert KIND in flow.to_dict()["mistakes"]
    assert KIND not in flow.findings().kinds
