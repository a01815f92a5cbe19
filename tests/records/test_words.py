"""Numbers and names in sentences."""

import math

import pytest

from nnscratch_records.words import factor, listed, number, percent, plural, printable, sentence


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0431, "0.043"),
        (1.0, "1"),
        (99.6, "100"),
        (1234.0, "1200"),
        (9960.0, "1.0e4"),
        (17_000.0, "1.7e4"),
        (3e-8, "3.0e-8"),
        (-0.0005, "-5.0e-4"),
        (0.0, "0"),
        (math.inf, "infinity"),
        (-math.inf, "-infinity"),
        (math.nan, "NaN"),
    ],
)
def test_a_number_has_two_digits(value, text):
    assert number(value) == text


def test_a_number_may_have_more_digits():
    assert [number(v, 4) for v in (0.043217, 1234.6, 0.00012345)] == ["0.04322", "1235", "1.234e-4"]


def test_a_factor_is_a_power_of_ten():
    assert factor(-2) == "a factor 100"
    assert factor(-math.inf) == "everything"
    assert factor(math.inf) == "an infinite factor"


def test_shares_lists_and_counts():
    assert [percent(v) for v in (0.97, 0.003, 0.0, 12.0)] == ["97 %", "0.3 %", "0 %", "1200 %"]
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a to c (3 layers)"
    assert [plural(n, "layer") for n in (1, 2)] == ["1 layer", "2 layers"]
    assert sentence("so it is") == "So it is."


def test_no_character_of_a_label_can_act():
    assert printable("a\x1b[31m\u202eb\nc $ é") == "a\\x1b[31m\\u202eb c $ é"
