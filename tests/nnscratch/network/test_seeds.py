"""Seeds of weights and noise."""

import numpy as np
import pytest

import nnscratch as nn

from .small import X, make, step


def test_a_seed_gives_the_same_weights_and_noise():
    a, b, c = make(nn.Dropout(0.5)), make(nn.Dropout(0.5)), make(nn.Dropout(0.5), seed=1)
    assert np.array_equal(a.params.flat, b.params.flat)
    assert not np.array_equal(a.params.flat, c.params.flat)
    assert np.array_equal(a.forward(X, training=True), b.forward(X, training=True))
    assert [step(a) for _ in range(3)] == [step(b) for _ in range(3)]


def test_a_seed_sequence_is_a_seed_and_is_not_used_up():
    seed = np.random.SeedSequence(5).spawn(2)[1]
    a, b = make(seed=seed), make(seed=seed)
    assert np.array_equal(a.params.flat, b.params.flat)
    assert seed.n_children_spawned == 0
    assert not np.array_equal(a.params.flat, make(seed=5).params.flat)


def test_no_seed_is_another_model_every_time():
    assert not np.array_equal(make(seed=None).params.flat, make(seed=None).params.flat)


def test_changing_one_layer_leaves_the_weights_of_the_others():
    a = nn.Sequential(nn.Dense(4, 6), nn.ReLU(), nn.Dense(6, 3))
    b = nn.Sequential(nn.Dense(4, 6, init="he_normal"), nn.PReLU(), nn.Dense(6, 3))
    assert np.array_equal(a.params["2.weight"], b.params["2.weight"])
    assert not np.array_equal(a.params["0.weight"], b.params["0.weight"])


def test_both_dtypes_start_from_the_same_weights():
    single, double = make(), make(dtype=np.float64)
    np.testing.assert_allclose(single.params.flat, double.params.flat, rtol=1e-6)
    assert single.forward(X).dtype == np.float32
    np.testing.assert_allclose(
        single.forward(X), double.forward(X.astype(np.float64)), rtol=1e-4, atol=1e-5
    )


def test_noise_can_be_put_back():
    model = make(nn.Dropout(0.5))
    state = model.noise_state()
    first = model.forward(X, training=True).copy()
    assert not np.array_equal(model.forward(X, training=True), first)
    model.set_noise_state(state)
    assert np.array_equal(model.forward(X, training=True), first)


@pytest.mark.parametrize(
    "spoil", [lambda states: states[:1], lambda states: [states[0], {"bit_generator": "PCG64"}]]
)
def test_a_noise_state_of_another_network_changes_nothing(spoil):
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5), seed=0)
    states = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5), seed=1).noise_state()
    before = model.noise_state()
    with pytest.raises(nn.DataError, match="no state of noise of this network"):
        model.set_noise_state(spoil(states))
    assert model.noise_state() == before
