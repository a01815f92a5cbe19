"""States of recurrent layers that are answers, which end at 1."""

import numpy as np
import pytest

import nnscratch as nn


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (
            lambda: [nn.LSTM(3, 8), nn.GRU(8, 2), nn.LastStep()],
            "model, optimizer = nn.Sequential(nn.LSTM(3, 8), nn.GRU(8, 16), nn.LastStep(), "
            "nn.Dense(16, 2)), nn.Adam(lr=0.005)",
        ),
        (lambda: [nn.Bidirectional(nn.GRU(3, 1)), nn.LastStep()], ""),
        (lambda: [nn.RNN(3, 8, activation="relu"), nn.LSTM(8, 2), nn.LastStep()], ""),
    ],
)
def test_states_of_several_layers_get_a_dense_one_where_all_can_be_written_down(parts, line):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 5, 3)).astype(np.float32)
    y = rng.uniform(-4, 4, (40, 2)).astype(np.float32)
    flow = nn.GradientFlow(nn.Sequential(*parts(), seed=0), histograms=False)
    trainer = nn.Trainer(flow.model, nn.MeanSquaredError(), nn.SGD(lr=0.1))
    trainer.fit(x, y, epochs=30, batch_size=20, callbacks=[flow], progress=False)
    (one,) = [f for f in flow.findings() if f.kind == "output activation"]
    assert one.advice[0].line == line


@pytest.mark.parametrize(("top", "told"), [(1.03, False), (1.05, True)])
def test_states_that_are_the_answers_end_at_one(top, told):
    """Out of reach by more than a fiftieth of what the answers span."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 5, 3)).astype(np.float32)
    y = rng.uniform(-0.9, 0.9, (40, 2)).astype(np.float32)
    y[0, 0], y[1, 0] = -1.0, top
    model = nn.Sequential(nn.GRU(3, 2), nn.LastStep(), seed=0)
    flow = nn.GradientFlow(model, histograms=False)
    trainer = nn.Trainer(model, nn.MeanSquaredError(), nn.SGD(lr=0.1))
    trainer.fit(x, y, epochs=30, batch_size=20, callbacks=[flow], progress=False)
    found = flow.findings()
    assert ("output activation" in found.kinds) == told
    if told:
        assert found[0].severity == "serious"
        scope = {"nn": nn}
        exec(found[0].advice[0].line, scope)
        assert scope["model"].forward(x).shape == (40, 2)
        assert list(scope["model"].layers) == ["0.gru", "1.laststep", "2.dense"]
