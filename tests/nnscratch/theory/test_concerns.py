"""What is said before step 0: on both sides of every limit."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.errors import ConfigError, DataError, DtypeError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 20)).astype(np.float32)


def model(*after, init="he_normal", outputs=3, kind=nn.ReLU):
    layers = [nn.Dense(20, 50, init=init), kind(), nn.Dense(50, 50, init=init), kind()]
    return nn.Sequential(*layers, nn.Dense(50, outputs, init=init), *after, seed=0)


def said(*data, made=None):
    return nn.predict(made or model(), *data).concerns


def test_healthy_data_and_weights_are_no_concern():
    assert said(X) == ()
    assert said() == ()
    assert said(X, np.arange(60) % 3) == ()
    assert nn.predict(model(), X).verdict.startswith("healthy")


@pytest.mark.parametrize(
    ("size", "word"), [(11, "large"), (9.8, ""), (0.0102, ""), (0.0098, "small")]
)
def test_the_size_of_inputs(size, word):
    found = said(size * X / np.sqrt(np.square(X).mean()))
    assert bool(found) == bool(word)
    if word:
        assert f"the inputs are {word}, root mean square {size}" in found[0]


@pytest.mark.parametrize(("mean", "told"), [(5.3, True), (4.7, False)])
def test_inputs_far_from_zero(mean, told):
    found = said(mean + (X - X.mean(axis=0)) / X.std(axis=0))
    assert bool(found) == told
    if told:
        assert "lie far from 0" in found[0]


@pytest.mark.parametrize(
    ("rows", "code", "told"), [(3, -999, True), (2, -999, False), (3, -9, False)]
)
def test_a_code_for_missing_values_comes_before_the_scale_that_it_makes(rows, code, told):
    x = X.copy()
    x[:rows, 3] = code
    found = " ".join(said(x))
    assert ("5 % of the rows have the number -999, far from all others" in found) == told
    assert not told or "the inputs are large" not in found


def test_raw_pixels_come_first_in_the_sentence():
    pixels = np.abs(128 * X)
    assert nn.predict(model(), pixels).verdict.startswith("first of all: the inputs are large")
    normed = nn.Sequential(nn.BatchNorm(20), *[nn.Dense(20, 3)], seed=0)
    assert said(pixels, made=normed) == ()


@pytest.mark.parametrize(("deviation", "told"), [(0.27, False), (0.31, True), (1.0, True)])
def test_saturated_tanh(deviation, told):
    """A slope below a tenth: |u| > 1.82, where a fifth of N(0, 1.42^2) lies."""
    made = model(init=nn.initializers.Normal(deviation), kind=nn.Tanh)
    found = nn.predict(made, X).concerns
    assert bool(found) == told
    if told:
        assert "begin saturated" in found[0]
    rectified = model(init=nn.initializers.Normal(deviation))
    assert not any("saturated" in one for one in said(X, made=rectified))


def test_the_share_that_saturates_worked_out_another_way():
    first = nn.Dense(20, 400, init=nn.initializers.Normal(0.5))
    made = nn.Sequential(first, nn.Tanh(), nn.Dense(400, 3), seed=0)
    (found,) = said(X, made=made)
    u = X @ made.params["0.weight"]
    share = np.mean(1 - np.tanh(u) ** 2 < 0.1)
    assert float(found.split(" %")[0]) == pytest.approx(100 * share, abs=3)


def test_weights_that_are_zero_or_equal():
    zero, equal = model(init="zeros"), model()
    (first, *_) = said(X, made=zero)
    assert first.startswith("all weights of 0.dense and 2.dense are 0")
    equal.params["2.weight"][...] = RNG.standard_normal((50, 1))
    (found,) = [one for one in said(X, made=equal) if "equal" in one]
    assert found.startswith("the units of 2.dense have equal weights")
    equal.params["2.weight"][0, 0] += 0.1
    assert not any("equal" in one for one in said(X, made=equal))


def test_units_of_the_last_layer_are_told_apart_by_their_answers():
    """Logistic regression begins at 0, and so does many a last layer."""
    regression = nn.Sequential(nn.Dense(20, 3, init="zeros"), seed=0)
    assert said(X, np.arange(60) % 3, made=regression) == ()
    last = model()
    last.params["4.weight"][...] = 0
    assert said(X, np.arange(60) % 3, made=last) == ()


@pytest.mark.parametrize(
    ("size", "word"), [(11, "large"), (9.5, ""), (0.011, ""), (0.009, "small")]
)
def test_the_size_of_targets(size, word):
    y = size * np.ones((60, 3), np.float32)
    found = said(X, y)
    assert bool(found) == bool(word)
    if word:
        assert f"the targets are {word}, root mean square {size}" in found[0]


@pytest.mark.parametrize(("top", "told"), [(1.0, False), (1.005, False), (1.05, True)])
def test_targets_that_the_output_cannot_give(top, told):
    y = np.linspace(0, top, 60)[:, None]
    found = said(X, y, made=model(nn.Sigmoid(), outputs=1))
    assert any("to 1 at most" in one for one in found) == told
    assert not said(X, y, made=model(outputs=1))


@pytest.mark.parametrize(
    ("end", "low", "high", "said_of"),
    [
        (nn.ReLU, -1, 1, "nothing below 0"),
        (nn.ReLU, 0, 1000, ""),
        (nn.Softplus, 0.1, 1000, ""),
        (nn.Exponential, -1, 1, "nothing below 0"),
        (nn.ELU, -0.9, 1000, ""),
        (nn.ELU, -1.5, 1, "nothing below -1"),
        (nn.SiLU, -1, 1, "nothing below -0.28"),
        (nn.LeakyReLU, -1000, 1000, ""),
        (nn.Softsign, -1, 1, ""),
        (nn.Tanh, -1.1, 1, "-1 to 1 at most"),
        (nn.Sigmoid, 0, 1, ""),
        (nn.Sigmoid, -1, 1, "0 to 1 at most"),
    ],
)
def test_what_an_activation_can_give(end, low, high, said_of):
    found = [
        one
        for one in said(X, np.linspace(low, high, 60), made=model(end(), outputs=1))
        if "at the output gives" in one
    ]
    assert bool(found) == bool(said_of)
    assert all(f"the activation at the output gives {said_of}: end with" in one for one in found)


def test_a_softmax_at_the_end_is_a_part_of_the_loss():
    labels = np.arange(60) % 3
    bare, ended = model(), model(nn.Softmax())
    assert said(X, np.eye(3)[labels], made=ended) == said(X, labels, made=ended) == ()
    (found,) = said(X, 2 * np.eye(3)[labels], made=ended)
    assert "run from 0 to 2, and softmax at the output gives 0 to 1 at most" in found
    one, other = nn.predict(bare, X, labels), nn.predict(ended, X, labels)
    assert one.last_gradient == other.last_gradient > 0
    assert other.measured == pytest.approx(one.measured, rel=1e-4)
    inside = nn.Sequential(nn.Dense(20, 9), nn.Softmax(), nn.Dense(9, 3), seed=0)
    with pytest.raises(
        ConfigError, match=r"layer '1.softmax' is a softmax between layers: its units share"
    ):
        nn.predict(inside)


@pytest.mark.parametrize("units", [1, 2])
def test_a_softmax_over_one_unit(units):
    found = said(made=model(nn.Softmax(), outputs=units))
    assert found == (
        ()
        if units > 1
        else (
            "a softmax over one unit gives 1 whatever goes in, and no gradient passes it: end with "
            "nn.Sigmoid()",
        )
    )


@pytest.mark.parametrize("kind", [int, bool, np.uint8, float, list])
def test_answers_of_one_output_are_numbers_of_any_kind(kind):
    y = np.arange(60) % 2
    y = y.tolist() if kind is list else y.astype(kind)
    assert said(X.tolist(), y, made=model(nn.Sigmoid(), outputs=1)) == ()


def test_targets_of_one_output_may_lack_their_axis_and_must_fit():
    assert said(X, np.linspace(-1, 1, 60), made=model(outputs=1)) == ()
    with pytest.raises(ShapeError, match=r"y must have shape \(batch, 3\)"):
        said(X, np.ones((60, 2)))
    with pytest.raises(DataError, match="not finite"):
        said(X, np.full((60, 3), np.nan))
    with pytest.raises(ShapeError, match=r"\(60,\); classes are integers: y.astype\(np.int64\)"):
        said(X, np.ones(60))
    with pytest.raises(DtypeError, match="y must hold numbers, got <U1"):
        said(X, np.full((60, 3), "a"))
    with pytest.raises(ShapeError, match="y without x"):
        nn.predict(model(), None, np.ones((60, 3)))


@pytest.mark.slow
def test_great_depth_at_finite_width():
    """ReLU with He's weights: ln of the norm falls by 5 / (4 n) a layer, a hundredfold over
    3.7 n layers (Hanin 2018)."""
    layers = [
        part for _ in range(1000) for part in (nn.Dense(100, 100, init="he_normal"), nn.ReLU())
    ]
    deep = nn.predict(nn.Sequential(*layers, nn.Dense(100, 10, init="he_normal")), batch_size=50)
    assert deep.width_depth == pytest.approx(4 * math.log(100) * 100 / 5, rel=0.25)
    assert deep.trainable_depth == deep.width_depth
    assert deep.word == "vanishing"
    assert "nothing in this theory limits" not in deep.verdict
    assert "for their width: 100 units" in deep.verdict
    shallow = nn.predict(model(), batch_size=50)
    assert shallow.width_depth > 10 * len(shallow.layers)
    assert "for their width" not in shallow.verdict
