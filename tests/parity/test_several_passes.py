"""Steps of several passes: which targets are known then; targets that are other passes' answers."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.losses.unused import Losses  # noqa: E402

from .loops import X, Y, layers, plain, told, trained  # noqa: E402

tn, F = torch.nn, torch.nn.functional
LOSS = tn.CrossEntropyLoss()


# Targets of Q-learning


def best(z):
    return z.max(1).values


def chosen(z):
    return z.gather(1, Y[:24, None])[:, 0]


def q_loss(target, how, detach):
    def loss(m, x, i):
        following = m(X[i])
        following = following.detach() if detach else following
        asked, aim = m(x).gather(1, Y[i, None])[:, 0], target(following)
        return how(asked, aim)

    return loss


@pytest.mark.parametrize(
    "how", [F.mse_loss, F.smooth_l1_loss, lambda a, b: (b - a).square().mean()]
)
@pytest.mark.parametrize(
    ("target", "is_told"),
    [
        (lambda z: X[:24, 0] + 0.9 * best(z) * (X[:24, 1] > 0), True),
        (lambda z: 0.9 * chosen(z) + X[:24, 0], True),
        (lambda z: X[:24, 0] + 0.9 * z.mean(1), False),  # not of one action
        (lambda z: 0.9 * best(z), False),  # what an ensemble agrees on, or a distillation
    ],
)
def test_targets_that_learn_along(how, target, is_told):
    found = told(trained(plain(), q_loss(target, how, False), steps=4), "targets not detached")
    assert bool(found) == is_told
    apart = trained(plain(), q_loss(target, how, True), steps=4)
    assert told(apart, "targets not detached") is None


# Several passes for one step


@pytest.mark.parametrize("apart", [False, True])
def test_of_several_passes_with_a_loss_each_the_last_ones_answers_are_not_all(apart):
    """Yes for some in a pass, no for others in the next: no one is asked for one answer."""
    torch.manual_seed(0)
    model, loss = layers(tn.Linear(8, 16), tn.ReLU(), tn.Linear(16, 1)), tn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    flow = watch(model, optimizer, loss=loss, histograms=False)
    some, others = X[X[:, 0] > 0][:96], X[X[:, 0] < 0][:96]
    for step in range(60):
        rows = slice(24 * (step % 4), 24 * (step % 4) + 24)
        optimizer.zero_grad()
        parts = [(some[rows], torch.ones(24, 1)), (others[rows], torch.zeros(24, 1))]
        if apart:
            for x, y in parts:
                loss(model(x), y).backward()
        else:
            sum(loss(model(x), y) for x, y in parts).backward()
        optimizer.step()
    assert told(flow, "labels") is None
    assert not np.isfinite(flow.to_dict()["loss_constant"]).any()


@pytest.mark.parametrize(
    ("before", "now", "parts"),
    [
        (torch.ones(4), torch.zeros(4), True),
        (torch.ones(4), torch.ones(4), False),
        (torch.ones(4), torch.tensor([0.0, 1, 0, 1]), False),
        (torch.tensor([0.0, 1, 0, 1]), torch.zeros(4), False),
        (torch.ones(0), torch.zeros(4), False),
        (None, torch.zeros(4), False),
    ],
)
def test_passes_of_one_target_each(before, now, parts):
    one, w = Losses(), torch.ones(1, requires_grad=True)
    one.begins(None)
    value = (w * 2).sum()
    one.computes(value)
    value.backward()
    one.begins(before)
    assert one.parted(now) == parts
    one.step()
    one.begins(before)  # for another step
    assert not one.parted(now)


def test_adding_up_is_asked_as_it_was():
    """Gradients of several passes with targets of all kinds: the latest are as good as any."""
    torch.manual_seed(0)
    model = plain()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    flow = watch(model, optimizer, loss=LOSS, histograms=False)
    for step in range(60):
        optimizer.zero_grad()
        for part in range(2):
            rows = torch.arange(24) + 24 * ((2 * step + part) % 10)
            LOSS(model(X[rows]), Y[rows]).backward()
        optimizer.step()
    assert np.isfinite(flow.to_dict()["loss_constant"]).any()
