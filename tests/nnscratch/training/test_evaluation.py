"""Evaluation: the scores that go with the answers."""

from dataclasses import replace

import numpy as np
import pytest

import nnscratch as nn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 4))
LABELS = RNG.integers(0, 3, 40)


def test_classes_have_accuracy_and_confusion():
    model = nn.Sequential(nn.Dense(4, 3))
    found = nn.evaluate(model, nn.SoftmaxCrossEntropy(), X, LABELS)
    outputs = model.predict(X.astype(np.float32))
    assert found.loss == nn.SoftmaxCrossEntropy()(outputs, LABELS)[0]
    assert found.accuracy == nn.accuracy(outputs, LABELS)
    assert np.array_equal(found.confusion, nn.confusion(outputs, LABELS))
    assert found.r2 is None
    assert repr(found) == (
        f"Evaluation(loss {found.loss:.4g}, accuracy {found.accuracy:.4f}, 40 examples)"
    )


def test_numbers_have_r2():
    model = nn.Sequential(nn.Dense(4, 2))
    found = nn.evaluate(model, nn.MeanSquaredError(), X, X[:, :2])
    assert found.r2 == pytest.approx(nn.r2(found.outputs, X[:, :2].astype(np.float32)))
    assert (found.accuracy, found.confusion) == (None, None)
    assert "R2 " in repr(found)
    diverged = replace(found, outputs=found.outputs.astype(np.float64) + 1e20)
    assert len(repr(diverged)) < 60


def test_the_threshold_is_that_of_the_loss():
    model = nn.Sequential(nn.Dense(4, 1, init="zeros", bias_init="zeros"))
    model.params["0.bias"][...] = 0.3
    yes = (LABELS[:, None] > 0).astype(float)
    assert nn.evaluate(model, nn.SigmoidCrossEntropy(), X, yes).accuracy == yes.mean()
    assert (
        nn.evaluate(model, nn.BinaryCrossEntropy(), X, yes).accuracy
        == 0.3
        == round(1 - yes.mean(), 9)
    )


def test_the_trainer_evaluates_with_its_own_loss():
    model = nn.Sequential(nn.Dense(4, 3))
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    loss, accuracy = trainer.evaluate(X, LABELS)
    found = trainer.evaluate(X, LABELS)
    assert (loss, accuracy) == (found.loss, found.accuracy)


def test_what_is_no_model_is_named():
    with pytest.raises(nn.ConfigError, match="evaluate model must be a Sequential, got 'tanh'"):
        nn.evaluate("tanh", nn.SoftmaxCrossEntropy(), X, LABELS)
