"""The one limit between healthy, vanishing and exploding."""

import math

import pytest

from nnscratch_records import FIELDS
from nnscratch_records.limits import FACTOR, LEAST_UPDATE, MOST_UPDATE, UPDATE, verdict


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (0.0, "vanishing"), (0.0099, "vanishing"), (0.01, "healthy"), (1.0, "healthy"),
        (100.0, "healthy"), (100.1, "exploding"), (math.inf, "exploding"), (math.nan, "vanishing"),
    ],
)  # fmt: skip
def test_a_factor_of_100_is_the_limit(ratio, said):
    assert verdict(ratio) == said


def test_sentences_state_the_limits():
    sentence = FIELDS["gradient_norm"].sentence
    assert f"less than 1/{FACTOR:.0f} of" in sentence
    assert f"more than {FACTOR:.0f} times" in sentence
    for limit in (UPDATE, LEAST_UPDATE, MOST_UPDATE):
        assert str(limit) in FIELDS["update_ratio"].sentence
