"""Attribution by edges: named by roles, and telescoping along any way."""

import itertools

import numpy as np
import pytest

from nnscratch_records.attribution import TERMS, attribute
from nnscratch_records.errors import ConfigError

STEPS = 3


def made(layers, edges, gaps=None, batchnorm=(), seed=0):
    """Return a record of these layers, name: role, with gradients and signals drawn at random."""
    rng = np.random.default_rng(seed)
    by_layer = (STEPS, len(layers))
    return {
        "format": 3,
        "layers": list(layers),
        "roles": list(layers.values()),
        "edges": edges,
        "gaps": gaps or [0] * len(edges),
        "steps": np.arange(STEPS),
        "gradient_norm": rng.lognormal(0, 3, by_layer),
        "input_mean": rng.normal(size=STEPS),
        "input_std": rng.lognormal(size=STEPS),
        "output_mean": rng.normal(size=by_layer),
        "output_std": rng.lognormal(size=by_layer),
        "batchnorm_layers": list(batchnorm),
        "batchnorm_scale": rng.lognormal(size=(STEPS, len(batchnorm))),
    }


CHAIN_ROLES = ("weights", "norm", "activation", "noise", "shape", "opaque", "norm", "weights")
CHAIN_NAMES = ("fc0", "bn", "act", "drop", "flat", "mine", "ln", "fc1")
CHAIN = dict(zip(CHAIN_NAMES, CHAIN_ROLES, strict=True))
CHAIN_EDGES = [(i - 1, i) for i in range(len(CHAIN))]
# h forks into a lane that keeps it and a branch; their sum is read by the last layer.
BLOCK_ROLES = ("weights", "shape", "norm", "activation", "weights", "shape", "join", "weights")
BLOCK_NAMES = ("h", "branch", "ln", "act", "fc", "skip", "sum", "last")
BLOCK = dict(zip(BLOCK_NAMES, BLOCK_ROLES, strict=True))
BLOCK_EDGES = [(-1, 0), (0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (4, 6), (5, 6), (6, 7)]


def test_what_a_layer_contributes_is_named_by_its_role_whatever_its_name():
    attribution = attribute(made(CHAIN, CHAIN_EDGES, batchnorm=["bn"]))
    assert attribution.terms == (
        *("weights", "scale", "derivative", "noise", "sum", "opaque", "norm", "weights"),
    )


def test_a_layer_that_nobody_knows_is_opaque_and_never_a_derivative():
    parts = attribute(made(CHAIN, CHAIN_EDGES)).between("flat", "mine")
    assert parts["opaque"] != 0
    assert parts["derivative"] == 0


def test_a_fork_without_lanes_cannot_be_told_apart():
    edges = [(-1, 0), (0, 1), (1, 2), (0, 2)]
    layers = {"h": "weights", "fc": "weights", "sum": "join"}
    attribution = attribute(made(layers, edges))
    assert attribution.terms == ("weights", "unrecorded", "sum", "sum")


def test_layers_left_out_are_a_term():
    gaps = [0, 0, 3, *[0] * (len(CHAIN) - 3)]
    assert attribute(made(CHAIN, CHAIN_EDGES, gaps)).terms[2] == "unrecorded"


def test_the_surplus_at_a_fork_is_the_sum_whichever_way_one_goes():
    record = made(BLOCK, BLOCK_EDGES)
    attribution = attribute(record)
    log = dict(zip(BLOCK, np.log10(record["gradient_norm"][0]), strict=True))
    skipped = attribution.between("h", "sum", step=0)
    assert {term for term, value in skipped.items() if value} == {"sum"}
    assert skipped["sum"] == pytest.approx(log["h"] - log["sum"], abs=1e-12)
    branch = attribution.between("h", "sum", step=0, path=["fc"])
    expected = {
        "weights": log["act"] - log["fc"],
        "derivative": log["ln"] - log["act"],
        "norm": log["branch"] - log["ln"],
        "sum": log["h"] - log["branch"] + log["fc"] - log["sum"],
    }
    assert {term: value for term, value in branch.items() if value} == pytest.approx(expected)


def ways(edges, low, high):
    """Return all ways up from one column to another, by trying."""
    if low == high:
        return [[low]]
    return [
        [low, *rest]
        for source, reader in edges
        if source == low
        for rest in ways(edges, reader, high)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_the_parts_add_up_along_any_way_through_any_network(seed):
    rng = np.random.default_rng(seed)
    roles = ["weights", "activation", "norm", "noise", "join", "shape", "opaque"]
    count = 7
    layers = {f"layer{i}": str(rng.choice(roles)) for i in range(count)}
    edges = [(-1, 0)] + [
        (int(source), reader)
        for reader in range(1, count)
        for source in rng.choice(reader, size=min(reader, 2), replace=False)
    ]
    record = made(layers, edges, seed=seed)
    attribution = attribute(record)
    logs = np.log10(record["gradient_norm"])
    sizes = np.log10(np.hypot(record["output_mean"], record["output_std"]))
    tried = 0
    for low, high in itertools.combinations(range(count), 2):
        for way in ways(edges, low, high):
            names = [f"layer{i}" for i in way]
            found = attribution.way(names[0], names[-1], names[1:-1])
            for levels, forward in ((-logs, False), (sizes, True)):
                total = attribution.sums(found, forward=forward).sum(axis=1)
                np.testing.assert_allclose(total, levels[:, high] - levels[:, low], atol=1e-12)
            tried += 1
    assert tried > count


def test_what_is_lost_whole_and_there_again_is_nan_without_a_warning():
    record = made(BLOCK, BLOCK_EDGES)
    record["gradient_norm"][0, 4] = 0  # a branch of scale 0
    record["gradient_norm"][0, 3] = 0
    record["gradient_norm"][0, 2] = 0
    record["gradient_norm"][0, 1] = 0
    down = attribute(record).between("h", "last", step=0, path=["branch"])
    assert np.isnan(down["sum"])
    past = attribute(record).between("h", "last", step=0, path=["skip"])
    assert np.isfinite(list(past.values())).all()


def test_groups_run_from_weights_to_weights_and_from_sum_to_sum():
    record = made(BLOCK, BLOCK_EDGES)
    attribution = attribute(record)
    heads, values = attribution.grouped()
    assert heads == ("h", "sum")
    logs = np.log10(record["gradient_norm"])
    expected = -np.diff(logs[:, [0, 6, 7]], axis=1)
    np.testing.assert_allclose(values.sum(axis=2), expected, atol=1e-12)
    heads, values = attribution.grouped(forward=True)
    assert heads == ("h", "sum", "last")
    sizes = np.hypot(record["output_mean"], record["output_std"])
    first = np.hypot(record["input_mean"], record["input_std"])
    # the lane that skips is part of what comes after h
    steps = np.diff(np.log10(np.column_stack([first, sizes[:, [5, 6, 7]]])), axis=1)
    np.testing.assert_allclose(values.sum(axis=2), steps, atol=1e-12)


def test_what_lies_before_the_first_weights_is_a_group_of_its_own():
    layers = {"flat": "shape", "fc0": "weights", "act": "activation", "fc1": "weights"}
    attribution = attribute(made(layers, [(i - 1, i) for i in range(4)]))
    heads, values = attribution.grouped()
    assert heads == ("flat", "fc0")
    assert values[0, 0, TERMS.index("weights")] == attribution.backward[0, 1]


def test_batch_norm_has_one_term_on_the_way_up():
    attribution = attribute(made(CHAIN, CHAIN_EDGES, batchnorm=["bn"]))
    up = attribution.sums([1], forward=True)
    assert np.flatnonzero(up[0]).tolist() == [TERMS.index("norm")]
    down = attribution.sums([1])
    assert np.flatnonzero(down[0]).tolist() == [TERMS.index("scale"), TERMS.index("projection")]


def test_a_way_that_does_not_exist_is_refused():
    attribution = attribute(made(BLOCK, BLOCK_EDGES))
    with pytest.raises(ConfigError, match="no way leads from 'fc' up to 'skip'"):
        attribution.between("fc", "skip")
    with pytest.raises(ConfigError, match="'sum' is the higher of the two: exchange them"):
        attribution.between("sum", "h")
    with pytest.raises(ConfigError, match="unknown layer 'relu'"):
        attribution.between("h", "sum", path=["relu"])


def test_the_table_keeps_its_columns_whatever_layers_are_called():
    layers = {"a.very.long.name.of.an.encoder": "weights", "b": "activation"}
    rows = str(attribute(made(layers, [(-1, 0), (0, 1)]))).splitlines()[1:]
    terms = [row.index(term) for row, term in zip(rows, ("term", "deriv", "weights"), strict=True)]
    assert len(set(terms)) == 1


def test_the_table_shows_no_nan_for_the_networks_input():
    shown = repr(attribute(made(BLOCK, BLOCK_EDGES)))
    assert "nan" not in shown
    assert len(shown.splitlines()) == 2 + len(BLOCK_EDGES)
    assert "from h" in shown
