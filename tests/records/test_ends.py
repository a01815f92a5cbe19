"""The first and the last layer with weights, in chains and where several come first."""

import numpy as np
import pytest

from nnscratch_records.ends import ends, ratios, weight_columns


def attends(record, gradients):
    """Return a record of query, key, value and a head, with the gradient at each."""
    names = ["block.query", "block.key", "block.value", "head"]
    changed = {
        "layers": np.array(names),
        "roles": np.array(["weights"] * 4),
        "blocks": np.array(["block"] * 3 + [""]),
        "depths": np.array([1, 1, 1, 2]),
        "gradient_norm": np.array([gradients] * 5, dtype=np.float64),
    }
    return {**record, **changed}


def test_of_a_chain_they_are_the_outermost(record):
    assert weight_columns(record) == [0, 3]
    assert ends(record) == (0, 3)
    bare = {**record, "roles": np.array(["activation"] * 4)}
    assert ends(bare) == (0, 3)


@pytest.mark.parametrize(
    ("gradients", "first"),
    [((1e-6, 1e-7, 0.5, 1.0), 2), ((3.0, 1e-7, 0.5, 1.0), 0), ((np.nan, 1.0, np.inf, 1.0), 1)],
)
def test_of_those_side_by_side_it_is_the_one_that_gets_most(record, gradients, first):
    assert ends(attends(record, gradients)) == (first, 3)


@pytest.mark.parametrize(
    ("field", "values"),
    [("blocks", ["", "", "", ""]), ("blocks", ["a", "b", "c", ""]), ("depths", [1, 2, 3, 4])],
)
def test_others_are_not_side_by_side(record, field, values):
    other = {**attends(record, (1e-6, 0.3, 0.5, 1.0)), field: np.array(values)}
    assert ends(other) == (0, 3)


def test_ratios_by_step():
    norms = np.array([[1.0, 7.0, 4.0], [0.0, 7.0, 0.0], [1.0, 7.0, 0.0]])
    assert ratios(norms, (0, 2)).tolist() == [0.25, 0.0, np.inf]
