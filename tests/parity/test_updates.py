"""Clips where there is nothing to be clipped, and updates that the numbers of parameters lose."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nnscratch.pytorch import watch  # noqa: E402

tn, F = torch.nn, torch.nn.functional
G = torch.Generator().manual_seed(9)
X = torch.randn(40, 6, generator=G)
Y = X[:, :1] * 2 + 1


def played(clips, steps=12, lr=0.05, x=X, of=None):
    """Train with ``clips(place, parameters)`` asked before, between and behind."""
    torch.manual_seed(0)
    model = tn.Sequential(tn.Linear(6, 8), tn.Tanh(), tn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    flow = watch(model, optimizer, histograms=False)
    other = (of or model).parameters
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), Y)
        clips("before", other)
        loss.backward()
        clips("between", other)
        optimizer.step()
        optimizer.zero_grad()
        clips("behind", other)
    return {one.kind: one for one in flow.findings()}


def at(*places, by=1.0, function="clip_grad_norm_"):
    def clips(place, parameters):
        if place in places:
            getattr(tn.utils, function)(parameters(), by)

    return clips


@pytest.mark.parametrize(
    ("clips", "told"),
    [
        (at("before"), True),
        (at("behind"), True),
        (at("between", function="clip_grad_value_"), False),
        (at("between"), False),
        (at("before", "between"), False),
        (at(), False),
    ],
)
def test_a_clip_where_no_gradient_is(clips, told):
    found = played(clips)
    assert ("clipped too soon" in found) == told
    if told:
        assert found["clipped too soon"].severity == "notice"  # it learns


def test_of_a_run_that_explodes_it_is_the_cause():
    found = played(at("before"), lr=5.0, x=X * 10)
    first = next(iter(found.values()))
    assert first.kind == "clipped too soon"
    assert first.severity == "fatal"
    sane = played(at("between"), lr=5.0, x=X * 10)
    assert "clipped too soon" not in sane


def test_another_network_s_clip_says_nothing():
    assert "clipped too soon" not in played(at("before"), of=tn.Linear(2, 2))


def rounded(dtype, lr, by=torch.optim.Adam, steps=60):
    torch.manual_seed(0)
    model = tn.Sequential(tn.Linear(6, 32), tn.Tanh(), tn.Linear(32, 1)).to(dtype)
    optimizer = by(model.parameters(), lr=lr)
    flow = watch(model, optimizer, histograms=False)
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(model(X.to(dtype)), Y.to(dtype)).backward()
        optimizer.step()
    return {one.kind: one for one in flow.findings()}


@pytest.mark.parametrize(
    ("dtype", "lr", "told"),
    [
        (torch.bfloat16, 1e-5, True),
        (torch.bfloat16, 1e-2, False),
        (torch.float32, 1e-5, False),
    ],
)
def test_updates_that_rounding_loses(dtype, lr, told):
    found = rounded(dtype, lr)
    assert ("rounded updates" in found) == told
    if told:
        first = next(iter(found.values()))
        assert (first.kind, first.severity) == ("rounded updates", "serious")
        assert "bfloat16" in first.cause
