"""What a record says was added to the loss: known, nothing, or not known."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch_records.looked import NOTHING


class Theirs(nn.Callback):
    """Somebody's own, which may add anything to the gradient."""


@pytest.mark.parametrize(
    ("callbacks", "said"),
    [
        ([], NOTHING),
        ([nn.Penalty(l2=0.01)], "Penalty(l1=0, l2=0.01)"),
        ([Theirs()], ""),
        ([nn.Penalty(l2=0.01), Theirs()], "Penalty(l1=0, l2=0.01)"),
    ],
)
def test_what_was_added_to_the_loss(callbacks, said):
    model = nn.Sequential(nn.Dense(4, 3), nn.ReLU(), nn.Dense(3, 2), seed=0)
    flow, x = nn.GradientFlow(model), np.random.default_rng(0).standard_normal((20, 4))
    trainer = nn.Trainer(model, nn.MeanSquaredError(), nn.SGD(lr=0.1))
    x = x.astype(np.float32)
    trainer.fit(x, x[:, :2], epochs=2, batch_size=10, callbacks=[flow, *callbacks], progress=False)
    assert str(flow.to_dict()["penalty"]) == said


def test_a_loop_of_ones_own_may_add_anything():
    model = nn.Sequential(nn.Dense(4, 2), seed=0)
    flow, optimizer = nn.GradientFlow(model), nn.SGD(lr=0.1)
    x = np.ones((5, 4), np.float32)
    with flow.attached(optimizer):
        for _ in range(3):
            flow.record(model.training_pass(x, x[:, :2], nn.MeanSquaredError()))
            optimizer.step(model.params, model.grads)
    assert str(flow.to_dict()["penalty"]) == ""
