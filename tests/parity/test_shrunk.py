"""Adaptive steps that an epsilon shrinks, here and in PyTorch, and those that it does not."""

import math

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402
from nnscratch.pytorch.measuring.shares import share_of_steps  # noqa: E402

tn = torch.nn
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 4, 320)
X = (RNG.standard_normal((4, 12))[Y] + RNG.standard_normal((320, 12))).astype(np.float32)
PARTS = (12, 32), (32, 4)


def watched(optimizer, steps=60, scale=1.0, **settings):
    """Return what a run of PyTorch leaves, its model, and its optimizer."""
    torch.manual_seed(0)
    model = tn.Sequential(tn.Linear(*PARTS[0]), tn.ReLU(), tn.Linear(*PARTS[1]))
    made = getattr(torch.optim, optimizer)(model.parameters(), **settings)
    flow, loss = watch(model, made, histograms=False), tn.CrossEntropyLoss()
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    for step in range(steps):
        rows = torch.arange(step * 32, step * 32 + 32) % 320
        made.zero_grad()
        (scale * loss(model(x[rows]), y[rows])).backward()
        made.step()
    return flow, model, made


def recorded(optimizer, steps=60):
    """Return the recorder of a run of this package."""
    model = nn.Sequential(nn.Dense(*PARTS[0]), nn.ReLU(), nn.Dense(*PARTS[1]), seed=0)
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), optimizer)
    options = {"epochs": steps, "max_steps": steps, "batch_size": 32, "progress": False}
    trainer.fit(X, Y, callbacks=[flow], **options)
    return flow


def told(flow):
    return next((one for one in flow.findings() if one.kind == "epsilon"), None)


OURS = {
    "Adam": lambda e: nn.Adam(lr=1e-3, epsilon=e),
    "AdamW": lambda e: nn.AdamW(lr=1e-3, epsilon=e),
    "RMSprop": lambda e: nn.RMSProp(lr=1e-3, epsilon=e),
    "Adagrad": lambda e: nn.Adagrad(lr=1e-2, epsilon=e),
    "NAdam": lambda e: nn.Nadam(lr=1e-3, epsilon=e),
}


@pytest.mark.parametrize("optimizer", OURS)
def test_an_epsilon_far_above_the_gradients(optimizer):
    rate = 1e-2 if optimizer == "Adagrad" else 1e-3
    for epsilon, wrong in ((30.0, True), (1e-8, False)):
        theirs = watched(optimizer, lr=rate, eps=epsilon)[0]
        for flow in (theirs, recorded(OURS[optimizer](epsilon))):
            seen = told(flow)
            assert bool(seen) == wrong
            if wrong:
                assert seen.severity == "serious"
                assert seen.numbers["epsilon"] == 30.0
                assert 0.001 < seen.numbers["root"] < 1
                assert "30.0" not in seen.advice[0].line
                assert "epsilon" in flow.findings().kinds[:2]


def test_the_line_makes_the_optimizer_anew():
    flow, model, _ = watched("Adam", lr=2e-3, eps=1.0, weight_decay=1e-4)
    line = told(flow).advice[0].line
    names = {"torch": torch, "model": model}
    exec(line, names)
    made = names["optimizer"]
    assert (made.defaults["eps"], made.defaults["lr"]) == (1e-8, 2e-3)
    assert made.defaults["weight_decay"] == 1e-4
    own = {"nn": nn}
    exec(told(recorded(nn.Adam(lr=2e-3, epsilon=1.0))).advice[0].line, own)
    assert repr(own["optimizer"]) == repr(nn.Adam(lr=2e-3))


def test_a_loss_so_small_that_the_usual_epsilon_counts():
    flow = watched("Adam", scale=1e-9, lr=1e-3)[0]
    seen = told(flow)
    assert seen.numbers["epsilon"] == 1e-8
    assert 0 < float(seen.advice[0].what.rpartition(" ")[2]) < 1e-11
    assert not told(watched("Adam", scale=1e-3, lr=1e-3)[0])


def test_steps_that_are_long_all_the_same():
    """An epsilon of 1 and a rate that makes up for it, as some have it."""
    flow = watched("RMSprop", steps=120, lr=0.5, eps=1.0)[0]
    share = flow.to_dict()["step_share"]
    assert np.nanmedian(share) < 0.1
    assert not told(flow)


@pytest.mark.parametrize("epsilon", [1e-8, 0.05])
@pytest.mark.parametrize("optimizer", ["Adam", "RMSprop", "Adagrad"])
def test_the_share_is_that_of_the_step_itself(optimizer, epsilon):
    """Of equal gradients: what is left of a step with epsilon, over one without."""
    moved, shares = [], []
    for e in (epsilon, 1e-30):
        p = tn.Parameter(torch.zeros(3, 3, dtype=torch.float64))
        made = getattr(torch.optim, optimizer)([p], lr=1.0, eps=e)
        for _ in range(4):
            p.grad = torch.full_like(p, 0.02)
            before = p.detach().clone()
            made.step()
        moved.append(float((p.detach() - before).abs().mean()))
        shares.append(share_of_steps(made))
    assert shares[0] == pytest.approx(moved[0] / moved[1], rel=1e-6)


def test_steps_without_a_root_have_no_share():
    flow, _, made = watched("SGD", steps=4, lr=0.1)
    assert math.isnan(share_of_steps(made))
    assert np.isnan(flow.to_dict()["step_share"]).all()
    assert np.isnan(recorded(nn.Adamax(), 4).to_dict()["step_share"]).all()
    first = torch.optim.Adam([tn.Parameter(torch.zeros(2, 2))])
    assert math.isnan(share_of_steps(first))


def test_ours_and_theirs_agree():
    theirs = watched("Adam", steps=30, lr=1e-3, eps=0.01)[0].to_dict()["step_share"]
    ours = recorded(nn.Adam(lr=1e-3, epsilon=0.01), 30).to_dict()["step_share"]
    known = ~np.isnan(theirs)
    np.testing.assert_array_equal(known, ~np.isnan(ours))
    assert known[1]
    assert not known[0]
    np.testing.assert_allclose(ours[known], theirs[known], rtol=0.5)  # weights of their own
