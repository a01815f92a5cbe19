"""A loop of PyTorch that is watched, and what it trains, for tests."""

import torch

from nnscratch.pytorch import watch

tn = torch.nn
G = torch.Generator().manual_seed(3)
X = torch.randn(240, 8, generator=G)
Y = (X @ torch.randn(8, 4, generator=G)).argmax(1)


def trained(model, loss, steps=60, x=X, between=None, lr=3e-3):
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    flow = watch(model, optimizer, histograms=False)
    for step in range(steps):
        rows = torch.arange(step * 24, step * 24 + 24) % len(x)
        optimizer.zero_grad()
        loss(model, x[rows], rows).backward()
        optimizer.step()
        if between is not None:
            between(step)
    return flow


def told(flow, kind):
    return next((one for one in flow.findings() if one.kind == kind), None)


def layers(*parts):
    torch.manual_seed(1)
    return tn.Sequential(*parts)


def plain():
    return layers(tn.Linear(8, 16), tn.ReLU(), tn.Linear(16, 4))
