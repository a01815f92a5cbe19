"""A record of a few steps."""

import pytest

import nnscratch as nn


@pytest.fixture(scope="module")
def small_record():
    x, y, _, _ = nn.datasets.digits()
    model = nn.Sequential(nn.Dense(64, 4), nn.ReLU(), nn.Dense(4, 10))
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    trainer.fit(x[:50], y[:50], epochs=3, batch_size=10, callbacks=[flow], progress=False)
    return flow.to_dict()
