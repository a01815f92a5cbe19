"""What pictures are given is checked before they draw."""

import numpy as np
import pytest

from nnscratch_plots.given import increasing


@pytest.mark.parametrize("values", [[1.0, 2.0], range(5), np.array([-1.0, 0.0, 1e9])])
def test_two_or_more_increasing_numbers(values):
    np.testing.assert_array_equal(increasing({"sw2": values}, "sw2"), list(values))


@pytest.mark.parametrize(
    "values", [[], [1.0], [1.0, 1.0], [2.0, 1.0], [1.0, np.nan, 2.0], [[1.0, 2.0]], [[1], [2]], 3.0]
)
def test_anything_else_is_refused_by_name(values):
    with pytest.raises(ValueError, match="key 'sw2' must hold two or more increasing numbers"):
        increasing({"sw2": values}, "sw2")
