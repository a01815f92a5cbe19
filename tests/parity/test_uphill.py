"""Losses of one's own that fall as outputs get farther from what they are to be."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.mistakes.uphill import driven_away  # noqa: E402
from tests.parity.loops import X, layers  # noqa: E402

tn = torch.nn
KIND = "steps uphill"
Y = torch.tanh(X @ torch.randn(8, 6, generator=torch.Generator().manual_seed(5)))


def told(loss, model=None, x=X, y=Y, given=True, steps=20):
    torch.manual_seed(0)
    model = layers(tn.Linear(8, 16), tn.ReLU(), tn.Linear(16, 6)) if model is None else model
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    flow = watch(model, optimizer, histograms=False, **({"loss": loss} if given else {}))
    for step in range(steps):
        rows = torch.arange(step * 24, step * 24 + 24) % len(x)
        optimizer.zero_grad()
        (flow.loss if given else loss)(model(x[rows]), y[rows]).backward()
        optimizer.step()
    return next((one for one in flow.findings() if one.kind == KIND), None)


def likeness(z, y):
    return torch.cosine_similarity(z, y).mean()


def quantile(z, y, turned=1):
    away = y - z
    return turned * torch.maximum(0.9 * away, -0.1 * away).mean()


def test_a_likeness_that_is_made_small():
    found = told(likeness)
    assert found.severity == "serious"
    assert "1 - likeness" in found.advice[0].what
    assert not told(lambda z, y: 1 - likeness(z, y))


def test_a_distance_whose_sign_is_wrong():
    assert told(lambda z, y: quantile(z, y, -1))
    assert told(lambda z, y: -((z - y) ** 2).mean())
    assert not told(quantile)
    assert not told(lambda z, y: (z.exp() - y * z).mean())  # of counts, by their logarithm


def test_before_it_was_asked_nothing_is_said():
    assert not told(likeness, steps=12)
    assert told(likeness, steps=13)


def dice(z, y):
    p = torch.sigmoid(z)
    return (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)


@pytest.mark.parametrize("turned", [True, False])
def test_an_overlap_of_masks_of_a_loss_that_nobody_told_of(turned):
    g = torch.Generator().manual_seed(2)
    masks = (torch.rand(240, 1, 6, 6, generator=g) < 0.3).float()
    images = masks + 0.2 * torch.randn(240, 1, 6, 6, generator=g)
    model = layers(tn.Conv2d(1, 4, 3, padding=1), tn.ReLU(), tn.Conv2d(4, 1, 1))
    loss = dice if turned else lambda z, y: 1 - dice(z, y)
    assert (told(loss, model, images, masks, given=False) is not None) == turned


def push(t, agree):
    """A gradient whose correlation with the targets is so much, where the outputs are pushed to."""
    t = t - t.mean(0)
    other = torch.randn(t.shape, generator=torch.Generator().manual_seed(9), dtype=t.dtype)
    other = other - other.mean(0)
    other = other - t * (t * other).sum() / (t * t).sum()
    return -(agree * t / t.norm() + (1 - agree**2) ** 0.5 * other / other.norm())


@pytest.mark.parametrize(("agree", "seen"), [(-0.21, True), (-0.19, False), (1.0, False)])
def test_how_much_against_the_targets(agree, seen):
    t = torch.randn(32, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert bool(driven_away(torch.zeros(32, 4), push(t, agree), t)) == seen


def test_of_what_it_says_nothing():
    t = torch.randn(32, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    z = torch.zeros(32, 2)
    assert driven_away(z, push(t, -0.9), t)
    assert not driven_away(z[1:], push(t[1:], -0.9), t[1:])  # of 62 numbers
    labels = (t > 0).double()  # 1 may stand for what is alike, of a distance
    assert not driven_away(z, push(labels, -0.9), labels)
    assert not driven_away(z, push(t, -0.9), t > 0)
    assert not driven_away(z, push(t, -0.9), t.T.reshape(2, 32))
    assert not driven_away(None, push(t, -0.9), t)
