"""Looks: when, and what is seen of examples and units."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow import load_record
from nnscratch.flow.looks import due

X, Y, X_TEST, Y_TEST = nn.datasets.digits()


def test_looks_lie_farther_and_farther_apart():
    found = [count for count in range(200) if due(count)]
    assert found == [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192]
    for every in (2, 8, 32):  # a thinned recording keeps some
        assert sum(due(count) for count in range(0, 200, every)) >= 5


def train(flow, model, **options):
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    settings = {"epochs": 3, "batch_size": 64, "progress": False, **options}
    trainer.fit(X, Y, callbacks=[flow], **settings)
    return trainer


def network(init="he_normal"):
    return nn.Sequential(nn.Dense(64, 16, init=init), nn.ReLU(), nn.Dense(16, 10))


def test_a_record_holds_what_was_seen_and_nan_between():
    model = network()
    flow = nn.GradientFlow(model)
    train(flow, model, max_steps=60)
    record = flow.to_dict()
    seen = ~np.isnan(record["loss_constant"])
    assert list(np.flatnonzero(seen)) == [n for n in range(60) if due(n)]
    assert (~np.isnan(record["output_spread"][:, 0]) == seen).all()
    assert record["loss_constant"][48] == pytest.approx(math.log(10), rel=0.01)
    assert record["optimizer"] == "SGD(lr=0.1)"
    assert record["loss_kind"] == "SoftmaxCrossEntropy"
    assert np.isnan(record["guess_linear"][:48]).all()
    assert 0.4 < record["guess_linear"][48] < 0.8
    assert record["param_copies"][0, 0] == 0
    assert np.isnan(record["param_copies"][0, 1])  # a bias


def test_looking_changes_no_bit():
    models = [network(), network()]
    for model, callbacks in zip(models, ([nn.GradientFlow(models[0])], []), strict=True):
        trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
        trainer.fit(X, Y, epochs=2, batch_size=64, callbacks=callbacks, progress=False)
    assert models[0].params.flat.tobytes() == models[1].params.flat.tobytes()


def test_held_out_losses_stand_in_the_rows_of_their_epochs(tmp_path):
    model = network()
    flow = nn.GradientFlow(model, file=tmp_path / "a.flow", probe=X[:20], probe_every=1)
    trainer = train(flow, model, validation=(X_TEST, Y_TEST))
    record = flow.to_dict()
    per_epoch = -(-len(X) // 64)
    rows = np.flatnonzero(~np.isnan(record["validation_loss"]))
    assert list(rows) == [per_epoch, 2 * per_epoch, 3 * per_epoch - 1]
    np.testing.assert_array_equal(record["validation_loss"][rows], trainer.history.val_loss)
    np.testing.assert_array_equal(record["validation_accuracy"][rows], trainer.history.val_accuracy)
    flow.close()
    kept = load_record(tmp_path / "a.flow")
    np.testing.assert_equal(kept, record)


def test_a_chosen_layer_is_seen_as_itself():
    model = network()
    whole, part = nn.GradientFlow(model), nn.GradientFlow(model, layers=["1.relu"])
    train(whole, model, max_steps=1)
    model = network()
    part = nn.GradientFlow(model, layers=["1.relu"])
    train(part, model, max_steps=1)
    for name in ("output_spread", "output_dead"):
        assert part.to_dict()[name][0, 0] == whole.to_dict()[name][0, 1]
