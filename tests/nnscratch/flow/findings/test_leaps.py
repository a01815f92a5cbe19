"""Steps that leap because of what comes back through time: clipped, not made small."""

import numpy as np


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
    assert found.advice[1].what.startswith("or train with the learning rate")
    assert "leaps" in found.cause
    for change, kinds in ((exploding(clip="yes"), "rnn dense"), (leaps, "dense dense")):
        found = run.of(run(change, kinds=kinds, widths=(20, 3)), "learning rate too large")
        assert "ClipBy" not in found.advice[0].line
