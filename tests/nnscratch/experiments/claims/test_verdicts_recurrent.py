"""The rules of the claims about recurrent networks on made-up numbers."""

import pytest

from nnscratch.experiments.claims import Measured, Quantity, registry
from nnscratch.experiments.claims.claim import CONDITION, FAILS, HOLDS, UNCHECKED
from nnscratch.experiments.claims.through_time import FRAMEWORKS

WIDE = 50.0


def quantity(mean, spread=1e-3, expected=None):
    return Quantity("", [mean - spread, mean, mean + spread], expected)


def judge(name, quantities, curves=None):
    (claim,) = registry.select([name])
    return claim.verdict(Measured(quantities, curves or {})).word


@pytest.mark.parametrize(
    ("usual", "small", "spread", "word"),
    [
        (-20, -3, 1e-3, HOLDS),
        (-20, -1, 1e-3, CONDITION),
        (-1, -1, 1e-3, FAILS),
        (-20, -3, WIDE, UNCHECKED),
    ],
)
def test_defaults(usual, small, spread, word):
    given = {name: quantity(usual, spread) for name in FRAMEWORKS}
    given |= {name + ", small inputs": quantity(small) for name in FRAMEWORKS}
    assert judge("recurrent-defaults-vanish", given) == word


@pytest.mark.parametrize(
    ("none", "one", "two", "word"),
    [
        (-20, -1, -0.5, HOLDS),
        (-20, -7, -0.5, CONDITION),
        (-20, -7, -3, FAILS),
        (-1, -1, -0.5, FAILS),
    ],
)
def test_forget_bias(none, one, two, word):
    means = {"plain": -28, "forget bias 0": none, "forget bias 1": one, "forget bias 2": two}
    assert judge("forget-bias", {key: quantity(mean) for key, mean in means.items()}) == word


def test_forget_bias_with_few_draws_is_unchecked():
    means = {"plain": -28, "forget bias 0": -20, "forget bias 1": -7, "forget bias 2": -0.5}
    given = {key: quantity(mean, WIDE) for key, mean in means.items()}
    assert judge("forget-bias", given) == UNCHECKED


@pytest.mark.parametrize(
    ("measured", "spread", "word"),
    [(0.801, 1e-3, HOLDS), (0.83, 1e-3, FAILS), (0.801, 0.02, UNCHECKED)],
)
def test_recurrent_rates(measured, spread, word):
    given = {"a": quantity(0.5, expected=0.5), "b": quantity(measured, spread, 0.8)}
    assert judge("recurrent-rates", given, {"untied": {"a": 0.4, "b": 0.7}}) == word


@pytest.mark.parametrize(
    ("largest", "alone", "word"),
    [(0.86, 1.0, HOLDS), (1.0, 1.0, FAILS), (0.86, 0.9, UNCHECKED)],
)
def test_wide_orthogonal(largest, alone, word):
    gate = "a gate of Keras's LSTM"
    given = {
        "one gate by itself: smallest": Quantity("", [alone] * 3),
        f"{gate}: variance": quantity(0.25),
        f"{gate}: largest": Quantity("", [largest] * 3),
        f"{gate}: radius": quantity(0.5),
    }
    assert judge("wide-orthogonal", given) == word


@pytest.mark.parametrize(
    ("first", "gone", "word"),
    [
        ([28, 29, 29], [70, 71, 69], HOLDS),
        ([28, 29, 31], [70, 71, 69], CONDITION),
        ([40, 41, 42], [70, 71, 69], FAILS),
        ([28, 29, 29], [90, 91, float("inf")], FAILS),
    ],
)
def test_repeated_products(first, gone, word):
    given = {"first": Quantity("", first), "gone": Quantity("", gone)}
    assert judge("repeated-product-overflows", given) == word


@pytest.mark.parametrize(
    ("gains", "word"),
    [
        ({10: [0, 0, 0], 20: [1, 1, 1]}, HOLDS),
        ({10: [-1, -1, -1], 20: [1, 1, 1]}, CONDITION),
        ({10: [0, 0, 0], 20: [0, 0, 0]}, FAILS),
        ({10: [-1, -1, -1], 20: [0, 0, 0]}, FAILS),
        ({10: [0, 0, 0], 20: [0, 1, 0]}, UNCHECKED),
    ],
)
def test_clipping_on_temporal_order(gains, word):
    given = {f"gain, length {n}": Quantity("", values) for n, values in gains.items()}
    for n in gains:
        given |= {f"{kind}, length {n}": quantity(0.5) for kind in ("clipped", "not clipped")}
    assert judge("clipping-temporal-order", given, {"lengths": list(gains)}) == word


@pytest.mark.parametrize("name", ["chrono", "identity-relu"])
@pytest.mark.parametrize(
    ("gains", "word"),
    [
        ([[1, 1, 1], [1, 1, 0.9]], HOLDS),
        ([[1, 1, 1], [0, 0, 0]], FAILS),
        ([[1, 1, 1], [0, 1, 0]], UNCHECKED),
    ],
)
def test_long_memory(name, gains, word):
    given = {f"gain over {i}": Quantity("", values) for i, values in enumerate(gains)}
    assert judge(name, {"this": quantity(0.9), **given}) == word


@pytest.mark.parametrize(
    ("whole", "one", "both", "word"),
    [
        (1.0, 0.5, 0.25, HOLDS),
        (1.0, 0.98, 0.4, FAILS),
        (1.0, 0.75, 0.4, CONDITION),
        (0.5, 0.5, 0.25, UNCHECKED),
        (1.0, 0.5, 0.7, UNCHECKED),
    ],
)
def test_truncation(whole, one, both, word):
    names = ("not cut", "first symbol beyond the cut", "both beyond the cut")
    given = {n: quantity(mean) for n, mean in zip(names, (whole, one, both), strict=True)}
    assert judge("truncation", given) == word


@pytest.mark.parametrize(
    ("off", "cut", "drawn", "spread", "word"),
    [
        (1e-16, 0.6, 1.0, 1e-3, HOLDS),
        (1e-6, 0.6, 1.0, 1e-3, FAILS),
        (1e-16, 0.95, 1.0, 1e-3, FAILS),
        (1e-16, 0.6, 0.9, 1e-3, FAILS),
        (1e-16, 0.6, 1.0, 0.1, UNCHECKED),
    ],
)
def test_random_truncation(off, cut, drawn, spread, word):
    given = {
        "parts": quantity(off, 0),
        "cut": quantity(cut),
        "cut at random": quantity(drawn, spread),
    }
    assert judge("random-truncation", given) == word


def solved(clipped, omega, lengths=(20, 30)):
    """Gains of clipping over nothing and of Omega over clipping, three seeds at each length."""
    given = {}
    for name, gains in (("clipped", clipped), ("clipped, with Omega", omega)):
        for n, gain in zip(lengths, gains, strict=True):
            given[f"gain, {name}, length {n}"] = Quantity("", gain)
    for name in ("SGD", "clipped", "clipped, with Omega", "Omega without a clip"):
        given |= {f"{name}, length {n}": quantity(0.5) for n in lengths}
    return given, {"lengths": list(lengths)}


ALL, NONE, SOME, FEWER = [1, 1, 1], [0, 0, 0], [0, 1, 0], [-1, -1, -1]


@pytest.mark.parametrize(
    ("clipped", "omega", "word"),
    [
        ([ALL, NONE], [NONE, ALL], HOLDS),
        ([ALL, NONE], [FEWER, ALL], CONDITION),
        ([ALL, NONE], [NONE, NONE], FAILS),
        ([NONE, FEWER], [NONE, ALL], FAILS),
        ([ALL, NONE], [NONE, SOME], UNCHECKED),
    ],
)
def test_clipping_and_omega_on_temporal_order(clipped, omega, word):
    assert judge("omega-temporal-order", *solved(clipped, omega)) == word


@pytest.mark.parametrize(
    ("lstm", "relu", "tanh", "word"),
    [
        (0.01, 0.02, 1.0, HOLDS),
        (0.01, 0.5, 1.0, CONDITION),
        (0.2, 0.02, 1.0, FAILS),
        (0.01, 0.02, 0.5, FAILS),
        (0.1, 0.02, 1.0, UNCHECKED),
        (0.01, 0.02, 0.9, UNCHECKED),
    ],
)
def test_adding(lstm, relu, tanh, word):
    kinds = {"LSTM, forget bias 1": lstm, "ReLU, identity": relu, "tanh, PyTorch": tanh}
    given = {f"pascanu: {name}": quantity(value) for name, value in kinds.items()}
    others = {**kinds, "LSTM, forget bias 1": 0.01, "tanh, PyTorch": 1.0}
    given |= {f"urnn: {name}": quantity(value) for name, value in others.items()}
    assert judge("adding", given) == word


@pytest.mark.parametrize(
    ("chrono", "one", "tanh", "word"),
    [
        (0.7, 0.97, 1.0, HOLDS),
        (0.7, 0.8, 1.0, CONDITION),
        (0.8, 0.7, 1.0, FAILS),
        (0.7, 0.97, 0.8, FAILS),
        (0.97, 1.0, 1.0, FAILS),
        (0.95, 1.0, 1.0, UNCHECKED),
        (0.7, 0.97, 0.95, UNCHECKED),
    ],
)
def test_copying(chrono, one, tanh, word):
    means = {"LSTM, chrono biases": chrono, "LSTM, forget bias 1": one, "tanh, PyTorch": tanh}
    means["gain"] = one - chrono
    assert judge("copying", {key: quantity(mean) for key, mean in means.items()}) == word


@pytest.mark.parametrize(
    ("rows", "pixels", "identity", "word"),
    [
        (0.1, 0.1, 0.1, HOLDS),
        (0.1, 0.1, -0.1, CONDITION),
        (0.1, 0.1, 0.0, CONDITION),
        (0.1, -0.1, 0.1, FAILS),
        (-0.1, 0.1, 0.1, FAILS),
        (0.0, 0.1, 0.1, UNCHECKED),
    ],
)
def test_digits_in_time(rows, pixels, identity, word):
    lstm, relu, tanh = "LSTM, forget bias 1", "ReLU, identity", "tanh, PyTorch"
    read = [("rows", lstm), ("rows", tanh), ("pixels", lstm), ("pixels", relu), ("pixels", tanh)]
    given = {f"{way}: {name}": quantity(0.8) for way, name in read}
    given[f"gain, rows: {lstm}"] = quantity(rows)
    given[f"gain, pixels: {lstm}"] = quantity(pixels)
    given[f"gain, pixels: {relu}"] = quantity(identity)
    assert judge("digits-in-time", given) == word
