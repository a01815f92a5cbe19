"""Omega: both published forms, their gradients by differences, and what training with it does."""

from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn

LOSS = nn.SoftmaxCrossEntropy()


def trained(steps=8, dtype=np.float64, **options):
    model = nn.Sequential(
        nn.RNN(3, 6, **options), nn.LastStep(), nn.Dense(6, 4), dtype=dtype, seed=2
    )
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((5, steps, 3)).astype(dtype), rng.integers(0, 4, 5)
    model.training_pass(x, y, LOSS)
    return model, x, y


def by_definition(form, d, a, weight):
    """Omega with states and their gradients fixed, example by example and step by step."""
    values = []
    for example in range(len(d)):
        for t in range(d.shape[1]):
            back = (d[example, t] * (1 - np.tanh(a[example, t]) ** 2)) @ weight.T
            ratio = np.linalg.norm(back) / np.linalg.norm(d[example, t])
            values.append((ratio - 1) ** 2 if form == "paper" else (ratio**2 - 1) ** 2)
    return sum(values) / len(d) if form == "paper" else np.mean(values)


@pytest.mark.parametrize("form", ["paper", "code"])
def test_value_and_gradient_are_those_of_the_definition(form):
    model, _, _ = trained()
    inside = model.last["0.rnn"].copy()
    weight, before = (of["0.recurrent_weight"].copy() for of in (model.params, model.grads))
    value = nn.Omega(weight=3.0, form=form).add(model)
    given = form, inside.hidden_gradient, inside.before
    assert value == pytest.approx(by_definition(*given, weight), rel=1e-10)
    added = model.grads["0.recurrent_weight"] - before
    slope = np.empty_like(weight)
    for index in np.ndindex(weight.shape):
        nudge = np.zeros_like(weight)
        nudge[index] = 1e-6
        slope[index] = (
            by_definition(*given, weight + nudge) - by_definition(*given, weight - nudge)
        ) / 2e-6
    np.testing.assert_allclose(added, 3 * slope, rtol=1e-6, atol=1e-9)


def test_nothing_else_is_changed():
    model, _, _ = trained()
    before = {name: values.copy() for name, values in model.grads.items()}
    nn.Omega().add(model)
    for name, values in model.grads.items():
        assert (values == before[name]).all() == (name != "0.recurrent_weight")


def test_a_step_without_gradient_counts_nothing():
    model, _, _ = trained()
    model.backward(np.zeros((5, 4)))
    for form in ("paper", "code"):
        before = model.grads.flat.copy()
        assert nn.Omega(form=form).add(model) == 0
        np.testing.assert_array_equal(model.grads.flat, before)


@pytest.mark.parametrize("form", ["paper", "code"])
def test_training_with_it_keeps_the_gradient(form):
    ratios = []
    for omega in ([], [nn.Omega(weight=1.0, form=form)]):
        model, x, y = trained(30, recurrent_init=nn.initializers.Normal(0.2))
        trainer = nn.Trainer(model, LOSS, nn.SGD(lr=0.05, clip=nn.ClipByGlobalNorm(1.0)))
        trainer.fit(x, y, epochs=200, batch_size=5, progress=False, callbacks=omega)
        norms = np.linalg.norm(model.last["0.rnn"].hidden_gradient, axis=(0, 2))
        ratios.append(norms[0] / norms[-1])
    assert ratios[1] > 1e3 * ratios[0]
    assert omega[0].values[-1] < 0.5 * omega[0].values[0]


@pytest.mark.parametrize("form", ["paper", "code"])
@pytest.mark.parametrize(
    ("component", "believed"), [(np.nan, False), (np.inf, False), (2e10, False), (9e9, True)]
)
def test_the_programs_form_shrinks_where_the_gradient_is_not_to_be_believed(
    form, component, believed
):
    model, _, _ = trained()
    model.grads["2.bias"][0] = component
    added = nn.Omega(form=form)
    added.on_backward(SimpleNamespace(model=model), None)
    weight, own = model.params["0.recurrent_weight"], model.grads["0.recurrent_weight"].copy()
    model.grads["0.recurrent_weight"][...] = 0
    if believed or form == "paper":
        assert not np.array_equal(own, 0.02 * weight)
        np.testing.assert_equal(model.grads["2.bias"][0], component)
    else:
        np.testing.assert_array_equal(own, 0.02 * weight)
        assert not model.grads.flat.any()


def test_other_models_are_refused():
    gated = nn.Sequential(nn.GRU(3, 4), nn.LastStep())
    with pytest.raises(
        nn.ConfigError, match=r"plain recurrent layers, nn.RNN; the model has 0.gru"
    ):
        nn.Omega().add(gated)
    plain = nn.Sequential(nn.RNN(3, 4))
    plain.forward(np.zeros((2, 3, 3), np.float32))
    with pytest.raises(nn.ConfigError, match="needs a backward pass first"):
        nn.Omega().add(plain)
    with pytest.raises(nn.UnknownNameError, match="form of Omega"):
        nn.Omega(form="text")
