import numpy as np
import pytest

import nnscratch as nn


@pytest.fixture
def x():
    return np.random.default_rng(0).normal([5.0, -1.0, 0.0], [2.0, 0.1, 1.0], (50, 3))


def make(**options):
    layer = nn.BatchNorm(3, **options).initialize(0, np.float64)
    layer.params["gamma"][...] = [1.0, 2.0, -1.0]
    layer.params["beta"][...] = [0.0, 3.0, 0.5]
    return layer


def by_hand(x, mean, variance, epsilon=1e-3):
    return [1.0, 2.0, -1.0] * (x - mean) / np.sqrt(variance + epsilon) + [0.0, 3.0, 0.5]


def test_training_normalises_by_the_batch_with_the_biased_variance(x):
    y, _ = make().forward(x, training=True)
    mean = x.sum(axis=0) / 50
    variance = ((x - mean) ** 2).sum(axis=0) / 50
    np.testing.assert_allclose(y, by_hand(x, mean, variance), rtol=1e-12)


def test_running_statistics_follow_without_correction(x):
    layer = make(momentum=0.9)
    assert layer.statistics["running_mean"].tolist() == [0, 0, 0]
    assert layer.statistics["running_variance"].tolist() == [1, 1, 1]
    for part in (x[:20], x[20:]):
        layer.forward(part, training=True)
    mean = 0.9 * (0.1 * x[:20].mean(axis=0)) + 0.1 * x[20:].mean(axis=0)
    variance = 0.9 * (0.9 + 0.1 * x[:20].var(axis=0)) + 0.1 * x[20:].var(axis=0)
    np.testing.assert_allclose(layer.statistics["running_mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(layer.statistics["running_variance"], variance, rtol=1e-12)


def test_evaluation_takes_the_named_statistics_and_changes_none(x):
    layer = make()
    layer.forward(x[:20], training=True)
    before = {name: values.copy() for name, values in layer.statistics.items()}
    running = by_hand(x, before["running_mean"], before["running_variance"])
    np.testing.assert_allclose(layer.forward(x)[0], running, rtol=1e-12)
    np.testing.assert_allclose(layer.forward(x, False, "running")[0], running, rtol=1e-12)
    np.testing.assert_allclose(layer.forward(x, False, "initial")[0], by_hand(x, 0, 1), rtol=1e-12)
    batch = by_hand(x, x.mean(axis=0), x.var(axis=0))
    np.testing.assert_allclose(layer.forward(x, False, "batch")[0], batch, rtol=1e-12)
    assert all(np.array_equal(layer.statistics[name], before[name]) for name in before)


def test_the_gradient_through_batch_statistics_sums_to_zero_and_through_given_ones_does_not(x):
    dy = np.random.default_rng(1).standard_normal(x.shape)
    layer = make()
    for statistics, vanishes in (("batch", True), ("initial", False), ("running", False)):
        _, cache = layer.forward(x, False, statistics)
        dx = layer.backward(dy, cache)
        assert (np.abs(dx.sum(axis=0)).max() < 1e-12) == vanishes


def test_the_statistics_the_backward_needs_outlive_a_change_of_the_running_ones(x):
    layer = make()
    dy = np.random.default_rng(1).standard_normal(x.shape)
    expected = layer.backward(dy, layer.forward(x)[1]).copy()
    _, cache = layer.forward(x)
    layer.statistics["running_variance"][...] = 100
    layer.statistics["running_mean"][...] = 100
    assert np.array_equal(layer.backward(dy, cache), expected)


def test_wrong_options_are_refused(x):
    with pytest.raises(nn.ConfigError, match="BatchNorm features must be a whole number >= 1"):
        nn.BatchNorm(0)
    with pytest.raises(nn.ConfigError, match=r"BatchNorm momentum must be .*< 1, got 1"):
        nn.BatchNorm(3, momentum=1)
    with pytest.raises(nn.ConfigError, match=r"BatchNorm epsilon must be .*> 0, got 0"):
        nn.BatchNorm(3, epsilon=0)
    with pytest.raises(nn.ConfigError, match="did you mean 'running'"):
        make().forward(x, statistics="runing")


def test_representation():
    assert repr(nn.BatchNorm(7)) == "BatchNorm(7, momentum=0.9, epsilon=0.001)"
