"""Both sides of the limits by which a prediction is put into words."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

import nnscratch as nn


def chain(activation, layers, width=50, init="he_normal", norm=None):
    parts = []
    for i in range(layers):
        between = [] if norm is None else [norm(width)]
        parts += [nn.Dense(width if i else 20, width, init=init), *between, activation()]
    return nn.Sequential(*parts, nn.Dense(width, 3, init=init), seed=0)


@pytest.mark.parametrize(("correlation", "said"), [(0.989, False), (0.991, True)])
def test_inputs_look_alike_from_a_correlation_of_99_percent(correlation, said):
    found = nn.predict(chain(nn.Sigmoid, 10))
    found = replace(found, correlation=np.full(11, correlation))
    assert ("look alike" in found.verdict) == said
    healthy = replace(found, relative_gradient=np.ones(11))
    assert "look alike" not in healthy.verdict


@pytest.mark.parametrize(
    ("rate", "scale", "said"),
    [
        (1.0019, 0.0019, "at the critical scale"),
        (1.0021, 0.0, "a depth of about"),  # healthy, and no advice
        (1.0, 0.0021, "a depth of about"),
        (0.9981, -0.0019, "at the critical scale"),
    ],
)
def test_the_critical_scale_is_met_to_2_in_1000(rate, scale, said):
    found = nn.predict(chain(nn.ReLU, 10))
    regime = replace(found.regime, rate=rate, sw2=found.cure.sw2 * math.exp(-scale))
    verdict = replace(found, regime=regime).verdict
    assert said in verdict
    assert ("critical scale" in verdict) == ("critical" in said)


@pytest.mark.parametrize(("log_rate", "advised"), [(0.049, False), (0.051, True), (-0.051, True)])
def test_a_rate_within_5_percent_of_1_asks_for_nothing(log_rate, advised):
    found = nn.predict(chain(nn.ReLU, 10))
    regime = replace(found.regime, rate=math.exp(log_rate))
    assert ("For a rate of 1" in replace(found, regime=regime).verdict) == advised


@pytest.mark.parametrize(("layers", "said"), [(75, True), (46, False)])
def test_a_width_counts_up_to_ten_times_the_depth(layers, said):
    found = nn.predict(chain(nn.Tanh, layers, 50, "lecun_normal"))
    assert (found.width_depth < 10 * len(found.layers)) == said
    assert found.width_depth < 15 * len(found.layers)
    assert ("for their width: 50 units" in found.verdict) == said


def test_what_was_measured_has_a_column():
    found = nn.predict(chain(nn.ReLU, 2))
    assert "measured" not in repr(found)
    assert re.search(r"spread +measured *\n", repr(replace(found, measured=np.ones(3))))


@pytest.mark.parametrize(("width", "said"), [(59, True), (61, False)])
def test_batch_norm_in_layers_narrow_for_their_number(width, said):
    """Three: 1/59 each are 0.0508 together, 1/61 are 0.0492."""
    found = nn.predict(chain(nn.ReLU, 3, width, norm=nn.BatchNorm))
    assert any("narrow for their number" in note for note in found.notes) == said
    norm = nn.Dense(width, width), nn.BatchNorm(width), nn.ReLU()
    plain = [part for _ in range(2) for part in (nn.Dense(width, width), nn.ReLU())]
    found = nn.predict(nn.Sequential(*plain, *norm, nn.Dense(width, 3)))  # one of the three has one
    assert any("narrow for their number" in note for note in found.notes) == said
    plain = nn.predict(chain(nn.ReLU, 3, width))
    assert not any("narrow for their number" in note for note in plain.notes)


@pytest.mark.parametrize(("below", "said"), [(0.009, False), (0.011, True)])
def test_targets_beyond_the_output_by_a_hundredth_of_their_range(below, said):
    x = np.random.default_rng(0).standard_normal((50, 20)).astype(np.float32)
    parts = nn.Dense(20, 30), nn.Tanh(), nn.Dense(30, 1), nn.Sigmoid()
    y = np.linspace(-below, 1 - below, 50, dtype=np.float32)[:, None]
    verdict = nn.predict(nn.Sequential(*parts, seed=0), x, y).verdict
    assert ("the targets run from" in verdict) == said
