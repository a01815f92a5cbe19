"""L1 and L2 penalties: their gradient, what they act on, and that training follows them."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.optimizers import names, optimizer

RNG = np.random.default_rng(0)
X = RNG.standard_normal((24, 4))
LABELS = RNG.integers(0, 3, 24)


def make(**options):
    return nn.Sequential(
        nn.Dense(4, 5, init="he_normal", bias_init="normal"), nn.BatchNorm(5), nn.Tanh(),
        nn.Dense(5, 3, bias_init="normal"), seed=0, dtype=np.float64, **options,
    )  # fmt: skip


def test_value_and_gradient_by_differences():
    model, penalty = make(), nn.Penalty(l1=0.3, l2=0.2)
    model.grads.flat[...] = 0
    value = penalty.add(model)
    weights = [model.params[f"{i}.weight"] for i in (0, 3)]
    assert value == pytest.approx(sum(0.3 * abs(w).sum() + 0.2 * (w**2).sum() for w in weights))
    found = model.grads.flat.copy()
    step = 1e-6
    for i in range(model.params.flat.size):
        kept, values = model.params.flat[i], []
        for moved in (kept + step, kept - step):
            model.params.flat[i] = moved
            values.append(penalty.add(model))
        model.params.flat[i] = kept
        assert found[i] == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-8)


def test_biases_and_norms_go_free():
    model = make()
    model.grads.flat[...] = 0
    nn.Penalty(l1=1, l2=1).add(model)
    moved = {name for name, gradient in model.grads.items() if gradient.any()}
    assert moved == {"0.weight", "3.weight"}


def test_recurrent_weights_are_weights():
    model = nn.Sequential(nn.GRU(3, 4), nn.LastStep(), nn.Dense(4, 2))
    model.grads.flat[...] = 0
    nn.Penalty(l2=1).add(model)
    moved = {name for name, gradient in model.grads.items() if gradient.any()}
    assert moved == {"0.weight", "0.recurrent_weight", "2.weight"}


def test_a_layer_in_two_places_is_penalised_once():
    shared = nn.Dense(4, 4)
    model = nn.Sequential(shared, nn.Tanh(), shared, dtype=np.float64)
    value = nn.Penalty(l2=0.5).add(model)
    assert value == pytest.approx(0.5 * np.sum(shared.params["weight"] ** 2))


@pytest.mark.parametrize("name", names())
def test_every_optimizer_follows_it(name):
    """With l2 large the weights end smaller; what happens is what a loop by hand does."""
    ends = {}
    for l2 in (0.0, 0.5):
        model, penalty = make(), nn.Penalty(l2=l2)
        trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), optimizer(name, 0.01))
        options = {"epochs": 4, "batch_size": 8, "progress": False, "callbacks": [penalty]}
        trainer.fit(X, LABELS, **options)
        ends[l2] = nn.Penalty(l2=1).add(model)
        assert len(penalty.values) == 12
    assert ends[0.5] < ends[0.0]


def test_the_loss_of_the_history_is_that_of_the_data():
    model = make()
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(0.0))
    options = {"epochs": 1, "batch_size": 24, "progress": False}
    history = trainer.fit(X, LABELS, callbacks=[nn.Penalty(l2=9)], **options)
    other = nn.Trainer(make(), nn.SoftmaxCrossEntropy(), nn.SGD(0.0))
    assert history.loss == other.fit(X, LABELS, **options).loss


def test_bad_settings():
    with pytest.raises(nn.ConfigError, match="Penalty l2 must be"):
        nn.Penalty(l2=-1)
