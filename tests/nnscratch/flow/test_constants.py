"""The best one and the same answer for all examples, by formulas, against a search for it."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow import constants

RNG = np.random.default_rng(0)
LABELS = RNG.choice(3, 200, p=(0.9, 0.07, 0.03))
THREE = np.eye(3)[LABELS]
TWO = (RNG.random((200, 2)) < (0.05, 0.3)).astype(float)


def losses(made, t):
    def value(outputs):
        return float(made(np.ascontiguousarray(outputs, np.float64), t)[0])

    found = [*constants.usual(t), *constants.of_classes(t, value)]
    return value, [value(np.broadcast_to(one, t.shape)) for one in found]


def searched(value, t, rounds=400):
    """The least loss that small random changes of a constant lead to."""
    rng, best = np.random.default_rng(1), np.zeros(t.shape[1])
    least = value(np.broadcast_to(best, t.shape))
    for i in range(rounds):
        other = best + rng.normal(0, 3 * 0.985**i, t.shape[1])
        if (now := value(np.broadcast_to(other, t.shape))) < least:
            best, least = other, now
    return least


@pytest.mark.parametrize(
    ("made", "t"),
    [
        (nn.SoftmaxCrossEntropy(class_weights=(1, 20, 50)), THREE),
        (nn.SoftmaxCrossEntropy(class_weights=(5, 0.1, 0.1)), THREE),
        (nn.SoftmaxCrossEntropy(), THREE),
        (nn.SoftmaxCrossEntropy(class_weights=(1, 20)), np.eye(2)[np.minimum(LABELS, 1)]),
        (nn.SigmoidCrossEntropy(class_weights=(1, 30)), TWO),
        (nn.SigmoidCrossEntropy(), TWO),
        (nn.MeanSquaredError(), TWO),
    ],
)
def test_the_best_constant_is_among_them(made, t):
    value, found = losses(made, t)
    assert min(found) == pytest.approx(searched(value, t), rel=2e-3)


def test_of_weighed_classes_the_usual_ones_are_not_the_best():
    value, found = losses(nn.SoftmaxCrossEntropy(class_weights=(1, 20, 50)), THREE)
    usual = [value(np.broadcast_to(one, THREE.shape)) for one in constants.usual(THREE)]
    assert min(usual) > 1.1 * min(found)


@pytest.mark.parametrize("t", [THREE[:, None], np.eye(21)[:20], 2 * THREE])
def test_where_none_is_asked_for(t):
    assert list(constants.of_classes(t, lambda z: pytest.fail("was asked"))) == []


def test_twenty_outputs_are_asked_for():
    assert len(list(constants.of_classes(np.eye(20), lambda z: float(z.sum())))) == 2


@pytest.mark.parametrize(
    ("least", "most", "between"),
    [(0.0, 1.0, True), (-1e-9, 1.0, False), (0.0, 1 + 1e-9, False), (0.0, 1.5, False)],
)
def test_entropies_are_of_answers_between_0_and_1(least, most, between):
    t = np.array([[least, 0.5], [0.5, most], [0.5, 0.5]])
    assert len(list(constants.usual(t))) == (4 if between else 2)
    assert bool(list(constants.of_classes(t, lambda z: float((z**2).sum())))) == between
