"""A network of one kind of layer, its forecast, and what is proposed for it."""

import math
from types import SimpleNamespace

import numpy as np

import nnscratch as nn
from nnscratch.curing import read_plan
from nnscratch.curing.candidates import propose
from nnscratch.curing.forecast import forecast

LOSS = nn.SoftmaxCrossEntropy()
NONE = math.nan


def network(activation=nn.Tanh, init="he_normal", *, norm=False, depth=4, width=30):
    parts, n_in = [], 20
    for _ in range(depth):
        parts.append(nn.Dense(n_in, width, init=init))
        parts += [nn.BatchNorm(width)] if norm else []
        parts += [activation()] if activation else []
        n_in = width
    return nn.Sequential(*parts, nn.Dense(n_in, 3, init=init))


def data(rows=40):
    rng = np.random.default_rng(0)
    return rng.standard_normal((rows, 20)).astype(np.float32), rng.integers(0, 3, rows)


def looked_at(model, optimizer):
    plan = read_plan(model, optimizer, LOSS)
    return plan, forecast(plan, *data(), 20, 0)


def proposed(
    model, optimizer, ills=(), rows=20, rate=NONE, adam_rate=NONE, narrow=False, heart=False,
    skill=0.3, notices=(),
):  # fmt: skip
    plan, now = looked_at(model, optimizer)
    trial = SimpleNamespace(
        plan=plan, forecast=now, ills=ills, diverged="diverged" in ills, by_heart=heart,
        skill=skill, findings=SimpleNamespace(kinds=(*ills, *notices)),
    )  # fmt: skip
    rates = {"rate": rate, "adam_rate": adam_rate}
    return [str(one) for one in propose(trial, rows=rows, steps=100, narrow=narrow, **rates)]
