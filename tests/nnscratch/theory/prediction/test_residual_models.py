"""Which residual networks `predict` takes, and what it says of them."""

import re

import numpy as np
import pytest

import nnscratch as nn

N = 30
HE = "he_normal"


def branch(init=HE, last="lecun_normal"):
    return nn.Dense(N, N, init=init), nn.ReLU(), nn.Dense(N, N, init=last)


def blocks(count, make=branch, *, first=(), scale=1.0, after=()):
    for _ in range(count):
        yield nn.Residual(*(norm(N) for norm in first), *make(), scale=scale)
        yield from (norm(N) for norm in after)


def network(*parts):
    return nn.Sequential(nn.Dense(N, N), *parts, nn.Dense(N, 3), seed=0)


def said(*parts):
    return nn.predict(network(*parts)).verdict


def test_sums_of_he_explode_and_the_scale_that_would_help_is_named():
    found = said(*blocks(40))
    assert found.startswith("exploding")
    assert "(2 a block on the squared norm)" in found
    assert "within a factor of 20 up to about 9 such blocks, and it has 40" in found
    assert "With scale=0.158 in each nn.Residual, 1 / sqrt(blocks)" in found
    assert "1.6-fold at most" in found  # the square root of e
    healed = nn.predict(network(*blocks(40, scale=0.158)))
    assert healed.word == "healthy"
    assert healed.regime.blocks_within == pytest.approx(6 * 40, rel=0.02)
    assert "With scale" not in healed.verdict


@pytest.mark.parametrize(("count", "deeper"), [(9, False), (10, True)])
def test_more_blocks_than_stay_in_bounds(count, deeper):
    assert (f"and it has {count}" in said(*blocks(count))) == deeper
    assert ("With scale=" in said(*blocks(count))) == deeper


@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm, nn.BatchNorm])
def test_norms_that_begin_the_branches_make_a_power_of_the_depth(norm):
    found = nn.predict(network(*blocks(30, first=[norm])))
    power = float(
        re.search(r"a power of the depth: as \(number of blocks\)\^(\S+)\)", found.verdict)[1]
    )
    # Of the batch's variance half as much again: pi / (pi - 1) in the end.
    low, high = (0.66, 0.74) if norm is nn.BatchNorm else (0.49, 0.53)
    assert low < power < high
    assert "nothing in this theory limits the depth" in found.verdict
    assert found.word == "healthy"
    # The norm that ends such networks changes nothing of that.
    assert "a power of the depth" in said(*blocks(30, first=[norm]), norm(N))


@pytest.mark.parametrize(
    ("first", "formula"),
    [([nn.LayerNorm], "norms begin the branches"), ([], "norms after the sums")],
)
def test_a_norm_behind_a_single_block_is_part_of_it_if_none_begins_it(first, formula):
    found = nn.predict(network(*blocks(1, first=first), nn.LayerNorm(N)))
    assert found.regime.formula.startswith(formula)


def test_an_identity_around_a_branch_is_nothing():
    def made(skip):
        block = nn.Residual(nn.LayerNorm(N), *branch(), skip=skip)
        return nn.predict(network(block, nn.Identity(), nn.Residual(*branch())))

    assert made(nn.Identity()).verdict == made(None).verdict


def test_norms_after_the_sums():
    found = nn.predict(network(*blocks(12, after=[nn.LayerNorm])))
    assert "a block on the squared norm)" in found.verdict
    assert 1.05 < found.regime.rate < 1.1  # of 30 units; in wide layers 1
    assert "norms after the sums" in found.regime.formula


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"scale": 0.0}, "flat: blocks of scale 0 hand it on"),
        ({"make": lambda: branch(last="zeros")}, "flat: nothing comes back through the branches"),
    ],
)
def test_blocks_that_begin_as_what_goes_around_them(options, told):
    found = nn.predict(network(*blocks(5, **options)))
    assert told in found.verdict
    assert found.concerns == ()  # weights of 0 at the end of a branch are told apart from above
    assert [block.rate for block in found.blocks] == [1.0] * 5
    first = nn.predict(network(*blocks(5, make=lambda: branch(init="zeros"))))
    assert "all weights of 1.0.dense" in first.concerns[0]


def test_a_rate_that_changes_on_the_way_is_said_at_both_ends():
    def tanh():
        return nn.Dense(N, N, init="lecun_normal"), nn.Tanh(), nn.Dense(N, N, init="lecun_normal")

    assert re.search(r"\(1\.\d+ a block on the squared norm at the first, 1\.\d+ at the last\)",
                     said(*blocks(20, tanh)))  # fmt: skip


@pytest.mark.parametrize(("count", "both"), [(4, False), (5, True)])
def test_rates_that_differ_by_a_tenth_of_their_distance_from_1_are_two(count, both):
    """1.65 at the first, and 1.60 or 1.58 at the last."""
    parts = [nn.Residual(nn.Dense(200, 200, init="lecun_normal"), nn.ELU()) for _ in range(count)]
    verdict = nn.predict(nn.Sequential(nn.Dense(200, 200), *parts, nn.Dense(200, 10))).verdict
    assert ("a block on the squared norm at the first" in verdict) == both


def test_a_layer_norm_behind_the_activation_is_better_before_it():
    parts = [
        part for _ in range(30) for part in (nn.Dense(N, N, init=HE), nn.ReLU(), nn.LayerNorm(N))
    ]
    found = nn.predict(nn.Sequential(*parts, nn.Dense(N, 3)))
    assert found.word == "exploding"
    assert "A norm between the weights and the activation, not behind it, gives a rate of 1." in (
        found.verdict
    )
    assert "E phi'^2 / Var phi" in found.regime.formula


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        (lambda: [nn.Residual(nn.ReLU())], "'1.sum': without a Dense"),
        (lambda: [nn.Residual(nn.Residual(*branch()))], "'1.sum': without a Dense"),
        (lambda: [nn.RReLU(), nn.Residual(*branch()), nn.ReLU()], "layer '3.relu' there"),
        (lambda: [nn.Residual(nn.Dense(N, N), nn.Softmax(), nn.Dense(N, N))], "'1.1.softmax'"),
        (lambda: [nn.ReLU(), nn.Residual(nn.BatchNorm(N), *branch())], "layer '2.0.batchnorm'"),
    ],
)
def test_what_it_refuses_by_name(parts, named):
    with pytest.raises(nn.ConfigError, match=named):
        nn.predict(network(*parts()))


def test_shared_weights_are_refused():
    layer = nn.Dense(N, N)
    with pytest.raises(nn.ConfigError, match=r"'\d\.dense' shares its weights"):
        nn.predict(network(layer, nn.ReLU(), layer))


class Around:
    """A block whose lanes have a layer in common, or none that says where they begin."""

    def write(self, writer, source):
        first = writer.put(nn.Dense(N, N), source)
        second = writer.put(nn.Dense(N, N), first)
        return writer.put_own(nn.layers.Sum(), second, first)


def test_lanes_of_another_kind_of_block_are_refused():
    with pytest.raises(nn.ConfigError, match=r"'1\.sum' begins or ends another kind of branch"):
        nn.predict(network(Around()))


def test_data_go_straight_into_a_block():
    x = np.random.default_rng(0).standard_normal((200, N)).astype(np.float32) + 1
    model = nn.Sequential(nn.Residual(*branch()), nn.LayerNorm(N), nn.Dense(N, 3), seed=0)
    found = nn.predict(model, x)
    assert found.second_moment[0] == pytest.approx(2 * np.mean(x * x))
    # Skip and branch have mean squares 2, of which the inputs' mean is taken away.
    left = float(np.mean(x.var(axis=1))) + np.mean(x * x)
    assert left == pytest.approx(
        found.blocks[0].second_moment - np.mean(x.mean(axis=1) ** 2), rel=1e-3
    )
    assert found.second_moment[-1] == pytest.approx(2 / (N + 3) * N, rel=1e-3)


def test_the_output_of_a_block_can_be_that_of_the_network():
    x, y = np.random.default_rng(0).standard_normal((64, N)).astype(np.float32), np.arange(64) % N
    found = nn.predict(nn.Sequential(nn.Dense(N, N), nn.Residual(*branch())), x, y)
    assert found.relative_gradient[-1] == 1
    np.testing.assert_allclose(found.gradient_norm, found.measured, rtol=0.2)
    assert found.sd[-1] >= 0


def recorded(model):
    x, y = np.random.default_rng(0).standard_normal((64, N)).astype(np.float32), np.arange(64) % 3
    flow = nn.GradientFlow(model)
    nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1)).fit(
        x, y, epochs=2, batch_size=32, callbacks=[flow], progress=False
    )
    return flow


def test_a_run_of_a_residual_network_has_its_prediction():
    model = network(*blocks(3, first=[nn.LayerNorm]))
    flow = recorded(model)
    assert flow.prediction().word == "healthy"
    assert "gamma or beta is no longer" in repr(nn.predict(model))


def test_a_gain_that_began_otherwise_has_none():
    model = network(*blocks(3, first=[nn.RMSNorm]))
    model.params["1.0.gamma"][...] = 3
    assert "1.0.rmsnorm: gamma is no longer 1" in repr(nn.predict(model))
    flow = recorded(model)
    with pytest.raises(nn.ConfigError, match=r"1\.0\.gamma did not begin so"):
        flow.prediction()


@pytest.mark.parametrize(
    ("norm", "said"),
    [
        (nn.LayerNorm, "gamma or beta is no longer 1 or 0; theory uses 1 and 0"),
        (nn.RMSNorm, "gamma is no longer 1, as theory has"),
    ],
)
def test_norms_that_are_no_longer_fresh_are_noted(norm, said):
    model = network(norm(N), nn.ReLU())
    model.params["1.gamma"][...] = 2.0
    assert f"1.{norm.kind}: {said}" in nn.predict(model).notes
