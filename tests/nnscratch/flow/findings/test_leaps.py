"""Steps that leap because of what comes back through time: clipped, not made small."""

import re

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.findings import find


def exploding(optimizer="SGD(lr=0.01)", lr=0.01, **fields):
    """Through 40 steps a gradient grows 3,000 times, and the first update is as large."""

    def grown(record):
        record["time_rate"][...] = 1.22
        record["update_ratio"][0] = 40.0
        record["loss"][...] = 10.0 ** np.minimum(np.arange(len(record["loss"])), 8)
        record["optimizer"], record["lr"][...] = optimizer, lr
        record.update(fields)

    return grown


def test_what_comes_back_through_time_is_clipped_before_a_usual_rate_is_blamed(run):
    found = run(exploding(), kinds="rnn dense", widths=(20, 3))
    assert found.kinds[0] == "exploding through time"
    assert run.of(found, "learning rate too large").because == "exploding through time"
    line = "model, optimizer = nn.remake(model), nn.SGD(lr=0.01, clip=nn.ClipByGlobalNorm(1))"
    assert found.first.line == line


def test_an_unusual_rate_is_blamed_for_what_it_does_through_time(run):
    found = run(exploding("SGD(lr=0.8)", 0.8), kinds="rnn dense", widths=(20, 3))
    assert found.kinds[0] == "learning rate too large"
    assert "clip" not in found.first.line


def test_a_leap_of_a_recurrent_network_is_clipped_of_others_the_rate_is_lowered(run):
    def leaps(record):
        exploding()(record)
        if "time_rate" in record:
            record["time_rate"][...] = 1.0

    found = run.of(run(leaps, kinds="rnn dense", widths=(20, 3)), "learning rate too large")
    assert "clip=nn.ClipByGlobalNorm(1)" in found.advice[0].line
    assert found.advice[-1].what.startswith("or train with the learning rate")
    assert "leaps" in found.cause
    for change, kinds in ((exploding(clip="yes"), "rnn dense"), (leaps, "dense dense")):
        found = run.of(run(change, kinds=kinds, widths=(20, 3)), "learning rate too large")
        assert "ClipBy" not in found.advice[0].line


def blown(change=lambda ratios: ratios):
    """The record of a ReLU network through time that one step throws out of all numbers, with other
    sizes of that step: of the input's, the recurrent, and the output's weights."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((64, 50, 4)).astype(np.float32), rng.integers(0, 3, 64)
    layer = nn.RNN(4, 40, activation="relu", recurrent_init="identity", init="lecun_normal")
    model = nn.Sequential(layer, nn.LastStep(), nn.Dense(40, 3), seed=0)
    flow = nn.GradientFlow(model, histograms=False)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    trainer.fit(x, y, epochs=3, batch_size=32, callbacks=[flow], progress=False)
    record = flow.to_dict()
    assert not np.isfinite(record["loss"][-1])
    columns = [record["params"].tolist().index(f"{n}weight") for n in ("0.", "0.recurrent_", "2.")]
    for column, ratio in zip(columns, change(record["update_ratio"][0, columns]), strict=True):
        record["update_ratio"][0, column] = ratio
    return record


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((0.02, 0.31, 0.2), "changed the recurrent weights by 31 % of their norm, where usual are"),
        ((0.02, 0.29, 0.2), None),
        ((0.31, 0.4, 0.31), "changed the weights by 31 % of their norm in half of the layers"),
    ],
)
def test_recurrent_weights_alone_may_be_what_one_step_throws_off(sizes, said):
    found = find(blown(lambda _: sizes))
    told = [one for one in found if one.kind == "learning rate too large"]
    assert bool(told) == (said is not None)
    if said:
        assert said in told[0].sentence
        assert found[0].kind == "learning rate too large"


def test_each_line_names_the_rate_that_is_said_before_it():
    """A clip keeps the rate, and the other change is a lower one."""
    (found,) = (one for one in find(blown()) if one.kind == "learning rate too large")
    clip, other, lower = found.advice
    assert other.what.startswith("or let the step fit each weight")
    assert "nn.SGD(lr=0.1, clip=nn.ClipByGlobalNorm(1))" in clip.line
    (rate,) = re.findall(r"learning rate ([\d.e-]+)", lower.what)
    assert float(rate) < 0.1
    assert lower.line.endswith(f"nn.SGD(lr={rate})")
