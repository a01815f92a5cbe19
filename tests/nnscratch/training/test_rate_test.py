"""The range test: which rate it finds, and that it leaves everything as it was."""

import math
from fractions import Fraction

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.schedules import Geometric
from nnscratch.training.rate_test import _suggest

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 6)).astype(np.float32)
TARGETS = X @ RNG.standard_normal((6, 1)).astype(np.float32)
LABELS = (TARGETS[:, 0] > 0).astype(int)


def model(**options):
    return nn.Sequential(
        nn.Dense(6, 20, init="he_normal"), nn.ReLU(), nn.Dense(20, 2), seed=0, **options
    )


def test_the_rate_it_finds_trains_and_ten_times_the_lowest_does_not():
    loss = nn.SoftmaxCrossEntropy()
    found = nn.find_rate(model(), loss, nn.SGD(lr=1), X, LABELS, batch_size=20)
    assert 1e-3 < found.rate < found.lowest <= 10
    assert f"falls fastest at lr={found.rate:.2g} (begin there)" in str(found)
    trainer = nn.Trainer(model(), loss, nn.SGD(lr=found.rate))
    trainer.fit(X, LABELS, epochs=10, batch_size=20, progress=False)
    assert trainer.evaluate(X, LABELS).accuracy > 0.95


def test_a_squared_error_explodes_at_a_known_rate():
    """Gradient descent on a quadratic form of curvature h explodes above 2 / h."""
    x = np.full((50, 1), 3.0, np.float32)
    noisy = x + RNG.standard_normal((50, 1)).astype(np.float32)  # or the gradient ends as 0
    line = nn.Sequential(nn.Dense(1, 1, init="zeros"), seed=0)
    options = {"batch_size": 10, "low": 1e-4, "high": 100.0}
    found = nn.find_rate(line, nn.MeanSquaredError(), nn.SGD(lr=1), x, noisy, **options)
    assert found.exploded
    limit = 2 / (2 * (3.0**2 + 1))  # of weight and bias together
    assert found.rate < found.lowest < 2 * limit
    assert limit < found.rates[-1] < 10 * limit


def test_nothing_is_changed():
    network, optimizer = model(), nn.Adam(lr=0.123)
    optimizer.step(network.params, network.grads)
    before = network.params.flat.copy(), optimizer.state_dict()
    first = nn.find_rate(network, nn.SoftmaxCrossEntropy(), optimizer, X, LABELS, batch_size=20)
    again = nn.find_rate(network, nn.SoftmaxCrossEntropy(), optimizer, X, LABELS, batch_size=20)
    assert np.array_equal(network.params.flat, before[0])
    assert optimizer.lr == 0.123
    np.testing.assert_equal(optimizer.state_dict(), before[1])
    assert np.array_equal(first.losses, again.losses)


def test_each_step_has_the_next_rate():
    found = nn.find_rate(
        model(), nn.SoftmaxCrossEntropy(), nn.SGD(lr=1), X, LABELS, batch_size=20, steps=50,
        low=1e-5, high=1e-3,
    )  # fmt: skip
    np.testing.assert_allclose(found.rates, np.geomspace(1e-5, 1e-3, 50))
    assert len(found.losses) == len(found.smooth) == 50
    assert not found.exploded


def test_no_rate_is_suggested_where_none_helps():
    """One softmax over one unit learns nothing at any rate."""
    network = nn.Sequential(nn.Dense(6, 1), nn.Softmax(), seed=0)
    labels = LABELS[:, None].astype(np.float32)
    options = {"batch_size": 20}
    found = nn.find_rate(network, nn.MeanSquaredError(), nn.SGD(lr=1), X, labels, **options)
    assert math.isnan(found.rate)
    assert math.isnan(found.lowest)
    assert str(found).endswith("the loss falls at none of them. See findings for what is wrong.")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 0}, "find_rate low must be a finite number > 0"),
        ({"low": 1.0, "high": 0.5}, "find_rate high must be a finite number > 1"),
        ({"steps": 39}, "find_rate steps must be a whole number >= 40"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(nn.ConfigError, match=message):
        nn.find_rate(
            model(), nn.SoftmaxCrossEntropy(), nn.SGD(lr=1), X, LABELS, batch_size=20, **options
        )


def test_a_loss_that_is_nan_from_the_start_is_named():
    network = model()
    network.params.flat[...] = np.nan
    with pytest.raises(nn.ConfigError, match="the loss is nan at the first step"):
        nn.find_rate(network, nn.SoftmaxCrossEntropy(), nn.SGD(lr=1), X, LABELS, batch_size=20)


def test_a_geometric_schedule_goes_from_one_rate_to_the_other():
    schedule = Geometric(1e-3, 10.0, steps=5, first=2)
    found = [schedule(step) for step in range(9)]
    np.testing.assert_allclose(found, [1e-3] * 3 + [1e-2, 1e-1, 1.0, 10.0, 10.0, 10.0])


def test_a_steep_wobble_before_the_fall_is_not_taken_for_it():
    rates = np.geomspace(1e-5, 1.0, 100)
    losses = np.concatenate([np.full(50, 1.0), np.linspace(1.0, 0.5, 50)])
    losses[20:25] += np.array([0.0, 0.15, 0.3, 0.15, 0.0])
    rate, lowest = _suggest(rates, losses, losses)
    assert rates[55] < rate < lowest == rates[-1]


def test_a_batch_of_easy_rows_before_the_fall_is_not_taken_for_it():
    """A steep way down to three quarters and up again; the fall begins at the middle."""
    rates = np.geomspace(1e-6, 1.0, 120)
    losses = np.concatenate([np.full(80, 1.0), np.linspace(1.0, 0.2, 40)])
    losses[30:41] -= 0.25 * np.array([0.3, 0.7, 1, 1, 1, 1, 1, 1, 1, 0.7, 0.3])
    rate, lowest = _suggest(rates, losses, losses)
    assert rates[83] < rate < lowest == rates[-1]


@pytest.mark.parametrize(("steps", "early"), [(25, True), (14, False)])
def test_what_stays_below_for_a_decade_is_the_fall_whatever_comes_later(steps, early):
    rates = np.geomspace(1e-6, 1.0, 120)  # 20 to a decade
    losses = np.concatenate([np.full(60, 1.0), np.full(60, 0.5)])
    losses[60 + steps : 66 + steps] = 1.0
    losses[-1] = 0.45
    rate, _ = _suggest(rates, losses, losses)
    assert (rate < rates[63]) == early
    assert (rate > rates[60 + steps]) != early


def test_below_what_noise_makes_of_the_first_losses_a_fall_begins():
    """Of single losses 0.4 apart, means of nine wander by 0.13: a step of 0.3 tells nothing."""
    rates = np.geomspace(1e-6, 1.0, 120)
    smooth = np.concatenate([np.full(40, 2.0), np.full(40, 1.7), np.linspace(1.7, 0.7, 40)])
    losses = smooth.copy()
    for deviation, late in ((0.4, True), (0.1, False)):
        losses[:12] = 2.0 + deviation * np.tile([1.0, -1.0], 6)
        rate, _ = _suggest(rates, losses, smooth)
        assert (rate > rates[80]) == late
        assert (rate < rates[45]) != late


def test_where_noise_is_much_half_of_the_fall_is_one():
    rates = np.geomspace(1e-6, 1.0, 120)
    smooth = np.concatenate([np.full(40, 2.0), np.full(40, 1.35), np.linspace(1.35, 1.0, 40)])
    losses = smooth.copy()
    losses[:12] = 2.0 + 0.8 * np.tile([1.0, -1.0], 6)  # whose means of nine wander by 0.27
    rate, _ = _suggest(rates, losses, smooth)
    assert rate < rates[45]


def test_a_table_with_a_few_far_targets_is_given_a_rate_that_trains():
    """Where the loss hangs on which rows a batch has, from a rate of 1e-4 on it is training."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((400, 4)).astype(np.float32)
        y = (x[:, :1] * x[:, 1:2] + x[:, 2:3] + 0.1 * rng.standard_normal((400, 1))) ** 3
        y = ((y - y.mean()) / y.std()).astype(np.float32)
        network = nn.Sequential(
            nn.Dense(4, 50, init="he_normal"), nn.ReLU(), nn.Dense(50, 1), seed=seed
        )
        given = network, nn.MeanSquaredError(), nn.Adam(lr=1)
        found = nn.find_rate(*given, x, y, batch_size=20, seed=seed)
        assert math.isnan(found.rate) or 1e-4 < found.rate < 0.1


def test_masked_steps_play_no_part():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 6, 3)).astype(np.float32), rng.integers(0, 2, 40)
    mask = np.arange(6) < rng.integers(2, 7, 40)[:, None]
    network = nn.Sequential(nn.RNN(3, 5), nn.LastStep(), nn.Dense(5, 2), seed=0)
    given = network, nn.SoftmaxCrossEntropy(), nn.SGD(lr=1)
    options = {"batch_size": 20, "steps": 40, "mask": mask}
    first = nn.find_rate(*given, x, y, **options)
    again = nn.find_rate(*given, np.where(mask[:, :, None], x, 9.0), y, **options)
    np.testing.assert_array_equal(first.losses, again.losses)


def test_ends_are_numbers_of_any_kind():
    given = {"batch_size": 20, "steps": 40}
    found, same = (
        nn.find_rate(model(), nn.SoftmaxCrossEntropy(), nn.SGD(lr=1), X, LABELS, **given, **ends)
        for ends in ({"low": Fraction(1, 10**6), "high": 10**25}, {"low": 1e-6, "high": 1e25})
    )
    np.testing.assert_array_equal(found.rates, same.rates)
    np.testing.assert_array_equal(found.losses, same.losses)
