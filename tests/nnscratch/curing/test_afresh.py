"""The network that one would begin with, where no change of the one there is helps."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import ClipGradient, Run, Trial, read_plan
from nnscratch.curing.afresh import as_usual
from nnscratch.curing.search import _Search


def lines(parts, loss):
    plan = read_plan(nn.Sequential(*parts), nn.SGD(lr=0.1), loss)
    return ["\n".join(change.apply(plan).statements(0)) for change in as_usual(plan)]


def sigmoids(*end):
    return nn.Dense(6, 4), nn.Sigmoid(), nn.Dense(4, 5), nn.Sigmoid(), nn.Dense(5, 1), *end


@pytest.mark.parametrize(
    ("parts", "loss", "targets", "hidden"),
    [
        (sigmoids(), nn.MeanSquaredError(), True, 2),
        (sigmoids(), nn.Huber(), True, 2),
        (sigmoids(), nn.MeanAbsoluteError(), True, 2),
        (sigmoids(nn.Sigmoid()), nn.MeanSquaredError(), False, 2),  # which a sigmoid cannot reach
        (sigmoids(), nn.SigmoidCrossEntropy(), False, 2),
        ((nn.Dense(6, 1),), nn.MeanSquaredError(), True, 1),
    ],
)
def test_the_usual_networks(parts, loss, targets, hidden):
    rectified, saturating = lines(parts, loss)
    for text, name, init in ((rectified, "ReLU", "he_normal"), (saturating, "Tanh", "lecun")):
        assert "inputs = nn.Standardizer(x)" in text
        assert ("targets = nn.Standardizer(y)" in text) == targets
        assert "optimizer = nn.Adam(lr=" in text
        made = {"nn": nn, "x": np.eye(6), "y": np.eye(6, 1)}
        exec(text, made)
        model = made["model"]
        assert sum(type(layer).__name__ == name for layer in model) == hidden
        assert {layer.n_out for layer in model if layer.kind == "dense"} == {32, 1}
        assert init in text


def test_recurrent_networks_have_changes_of_their_own():
    assert lines((nn.LSTM(6, 4), nn.LastStep(), nn.Dense(4, 1)), nn.MeanSquaredError()) == []


@pytest.mark.parametrize(("learns", "asked"), [(True, False), (False, True)])
def test_it_is_asked_for_where_nothing_learns(monkeypatch, learns, asked):
    plan = read_plan(nn.Sequential(*sigmoids()), nn.SGD(lr=0.1), nn.MeanSquaredError())
    tried = []

    def trial(self, change):
        tried.append(str(change))
        usual = "32 units" in tried[-1]
        runs = (Run([1.0, 0.5], 0.4 if learns or usual else 0.0, 1.0),)
        return Trial(change, self.changed(change), None, runs, None, None, None)

    def around(self, best):
        tried.append("a round")
        return best

    monkeypatch.setattr(_Search, "_try", trial)
    monkeypatch.setattr(_Search, "_round", around)
    monkeypatch.setattr("nnscratch.curing.search.named_rate", lambda trial: None)
    for name in ("named_in_data", "named_in_network"):
        monkeypatch.setattr(f"nnscratch.curing.search.{name}", lambda *_: [])
    monkeypatch.setattr("nnscratch.curing.search.repairs", lambda *_: [ClipGradient(2.0)])
    search = _Search(plan, None, 5, None)
    start = search.tried(None)
    monkeypatch.setattr(Trial, "ills", ())
    monkeypatch.setattr(Trial, "word", "healthy")
    found = search._search(start)
    usual = [i for i, one in enumerate(tried) if "Tanh" in one and "clip to norm 2" in one]
    assert bool(usual) == asked
    assert ("a round" in tried[usual[0] :] if usual else False) == asked
    assert found.skill == 0.4
