"""Every rule on made-up numbers: both ways, and where the interval is too wide."""

import pytest

from nnscratch.experiments.claims import Measured, Quantity, registry
from nnscratch.experiments.claims.claim import CONDITION, FAILS, HOLDS, UNCHECKED

WIDE = "wide"  # an interval that reaches across any limit


def judge(name, curves=None, **means):
    """Return the verdict where three seeds measured about these means ("_" stands for " ")."""
    (claim,) = registry.select([name])
    quantities = {}
    for key, mean in means.items():
        spread = 1e-4
        if isinstance(mean, tuple):
            mean, spread = mean[0], 10.0
        values = [mean - spread, mean, mean + spread]
        quantities[key if " " in key else key.replace("_", " ")] = Quantity(key, values)
    return claim.verdict(Measured(quantities, curves or {}))


@pytest.mark.parametrize(
    ("first", "late", "top", "word"),
    [
        (1.5, 1.2, 0.8, HOLDS),
        (1.5, 1.0, 0.8, CONDITION),
        (0.9, 1.2, 0.8, FAILS),
        (1.5, 1.2, 0.3, FAILS),
        ((1.5, WIDE), 1.2, 0.8, UNCHECKED),
    ],
)
def test_sigmoid_saturates(first, late, top, word):
    assert judge("sigmoid-saturates", first=first, late=late, top=top).word == word


@pytest.mark.parametrize(
    ("narrow", "wide", "word"),
    [
        (0.5, 0.6, HOLDS),
        (0.5, 1.7, CONDITION),
        (1.1, 1.7, FAILS),
        ((0.9, WIDE), (1.0, WIDE), UNCHECKED),
    ],
)
def test_sigmoid_normal_vanishes(narrow, wide, word):
    assert judge("sigmoid-normal-vanishes", width_30=narrow, width_300=wide).word == word


@pytest.mark.parametrize(
    ("gain", "square", "variance", "word"),
    [
        (2.2, 1.01, 1.18, HOLDS),
        (0.8, 1.01, 1.18, FAILS),
        (2.2, 1.2, 1.18, FAILS),
        (2.2, 1.06, 1.18, FAILS),
        (2.2, 0.96, 1.06, HOLDS),
        (2.2, 1.01, 1.04, UNCHECKED),
        (2.2, (1.0, WIDE), 1.18, UNCHECKED),
    ],
)
def test_first_question(gain, square, variance, word):
    assert judge("first-question", gain=gain, square=square, variance=variance).word == word


TABLE = {"sigmoid_x1": 0.056, "tanh_x4": 2.38, "sigmoid_x4": 0.4, "tanh_x1": 1.0}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, FAILS),
        ({"sigmoid_x1": 0.9}, CONDITION),
        ({"sigmoid_x1": 0.9, "tanh_x1": 0.1}, HOLDS),
        ({"tanh_x1": (1.0, WIDE)}, UNCHECKED),
    ],
)
def test_table_rows(changed, word):
    assert judge("table-rows", **{**TABLE, **changed}).word == word


@pytest.mark.parametrize(
    ("clipping", "statistics", "word", "said"),
    [
        (0.07, 0.07, HOLDS, "clipping costs 0.0700"),
        (0.0, 0.07, FAILS, "that is the published drop"),
        (0.0, 0.0, FAILS, "lose 0.000"),
        ((0.0, WIDE), 0.07, UNCHECKED, "reaches across"),
    ],
)
def test_clipping_lowers_accuracy(clipping, statistics, word, said):
    found = judge("clipping-lowers-accuracy", clipping=clipping, statistics=statistics, largest=0.2)
    assert found.word == word
    assert said in found.reason


GLOROT = {
    "normalized_signal": 0.95, "normalized_gradient": 0.95,
    "standard_signal": 0.33, "standard_gradient": 0.33, "standard_weights": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changed", "word"),
    [
        ("glorot-keeps-variances", {}, HOLDS),
        ("glorot-keeps-variances", {"normalized_gradient": 0.6}, FAILS),
        ("glorot-keeps-variances", {"standard_signal": 0.9}, FAILS),
        ("glorot-keeps-variances", {"normalized_signal": (1.0, WIDE)}, UNCHECKED),
        ("weight-gradients-mislead", {}, HOLDS),
        ("weight-gradients-mislead", {"standard_weights": 0.4}, FAILS),
        ("weight-gradients-mislead", {"standard_gradient": 1.0}, FAILS),
        ("weight-gradients-mislead", {"standard_weights": (1.0, WIDE)}, UNCHECKED),
    ],
)
def test_glorot(name, changed, word):
    assert judge(name, **{**GLOROT, **changed}).word == word


@pytest.mark.parametrize(
    ("normalized", "standard", "word"),
    [
        (0.81, 0.49, HOLDS),
        (0.9, 0.49, FAILS),
        (0.81, 0.7, FAILS),
        ((0.8, WIDE), 0.49, UNCHECKED),
    ],
)
def test_jacobian(normalized, standard, word):
    found = judge("jacobian-singular-values", normalized=normalized, standard=standard)
    assert found.word == word


@pytest.mark.parametrize(
    ("up", "down", "average", "word"),
    [
        (1.0, 1.0, 0.05, HOLDS),
        (0.3, 1.0, 0.05, FAILS),
        (1.0, 9.0, 0.05, FAILS),
        (1.0, 1.0, 0.9, FAILS),
        ((1.0, WIDE), 1.0, 0.05, UNCHECKED),
    ],
)
def test_one_fan(up, down, average, word):
    means = {"up fan_in": up, "down fan_in": down, "up average": average, "post average": 3.9}
    assert judge("he-one-fan", **means).word == word


@pytest.mark.parametrize(
    ("he22", "he30", "xavier22", "xavier30", "word"),
    [
        (0.1, 0.2, 0.9, 2.3, HOLDS),
        (0.1, 0.2, 2.3, 2.3, CONDITION),
        (0.9, 0.2, 0.1, 2.3, CONDITION),
        (0.1, 2.3, 0.9, 2.3, FAILS),
        (0.1, 0.2, 0.9, 0.5, FAILS),
        (0.1, (0.2, WIDE), 0.9, 2.3, UNCHECKED),
    ],
)
def test_he_against_xavier(he22, he30, xavier22, xavier30, word):
    means = {
        "He,_22_layers": he22, "He,_30_layers": he30,
        "Xavier,_22_layers": xavier22, "Xavier,_30_layers": xavier30,
    }  # fmt: skip
    assert judge("he-against-xavier", **means).word == word


@pytest.mark.parametrize(
    ("first", "top", "bottom"),
    [(4.0, HOLDS, FAILS), (1.0, FAILS, HOLDS), ((3.0, WIDE), UNCHECKED, UNCHECKED)],
)
def test_which_layer_saturates_first(first, top, bottom):
    means = {"first": first, **{f"layer {n}": 0.1 for n in range(1, 5)}}
    assert judge("sigmoid-top-first", **means).word == top
    assert judge("tanh-bottom-first", **means).word == bottom


@pytest.mark.parametrize(
    ("low", "middle", "high", "word"),
    [
        (0.4, 0.7, 1.5, HOLDS),
        (1.1, 0.7, 1.5, FAILS),
        (0.4, 0.7, 0.9, FAILS),
        (0.4, 1.2, 1.5, FAILS),
        ((0.4, WIDE), 0.7, 1.5, UNCHECKED),
    ],
)
def test_recurrent(low, middle, high, word):
    means = {
        f"{activation} {ratio:g}": factor
        for activation in ("tanh", "sigmoid")
        for ratio, factor in ((0.5, low), (2.0, middle), (8.0, high))
    }
    curves = {"ratios": [0.5, 2.0, 8.0]}
    assert judge("recurrent-singular-value", curves, **means).word == word


@pytest.mark.parametrize(
    ("measured", "word"),
    [
        ([1.0, 1.01, 0.99], HOLDS),
        ([1.2, 1.21, 1.19], FAILS),
        ([0.7, 0.71, 0.69], FAILS),
        ([0.5, 1.0, 1.5], UNCHECKED),
    ],
)
@pytest.mark.parametrize("name", ["mean-field-rates", "mean-field-residual"])
def test_mean_field_rates(name, measured, word):
    (claim,) = registry.select([name])
    quantities = {
        "right": Quantity("right", [0.5, 0.501, 0.499], 0.5),
        "other": Quantity("other", measured, 1.0),
    }
    assert claim.verdict(Measured(quantities)).word == word


@pytest.mark.parametrize(
    ("first", "last", "word"),
    [
        (0.88, 0.965, HOLDS),
        (0.88, 0.92, FAILS),
        (0.80, 0.965, FAILS),
        (0.88, None, UNCHECKED),
        ((0.80, WIDE), 0.965, UNCHECKED),
    ],
)
def test_post_accuracy(first, last, word):
    means = {"epoch 1": first, "epoch 20": last, "plain": 0.9}
    given = {key: mean for key, mean in means.items() if mean is not None}
    assert judge("post-accuracy", **given).word == word


@pytest.mark.parametrize(
    ("behind", "gain", "word"),
    [
        (5.0, 0.5, HOLDS),
        (5.0, (0.5, WIDE), CONDITION),
        (-1.0, 0.5, FAILS),
        (5.0, -0.5, FAILS),
        ((5.0, WIDE), 0.5, UNCHECKED),
    ],
)
def test_glorot_table(behind, gain, word):
    others = ("softsign", "softsign N", "tanh", "tanh N")
    means = {f"sigmoid less {name}": behind for name in others}
    assert judge("glorot-table", **means, **{"tanh less tanh N": gain}).word == word
