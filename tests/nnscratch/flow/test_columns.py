"""Columns that are names, numbers of classes in no order, and the value a series had last."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow import columns
from nnscratch.flow.answers import Answers

RNG = np.random.default_rng(0)
N = 500
SHOP = RNG.integers(0, 100, N)
NOISE = RNG.standard_normal(N)


def codes(column, y, *others):
    x = np.column_stack([*others, column]).astype(float)
    return columns.codes(x, np.asarray(y, float).reshape(N, -1))


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (RNG.standard_normal(100)[SHOP], True),
        (SHOP / 29, False),  # a measure
        (np.sin(SHOP / 15), False),
        (SHOP % 2, True),  # what a number has in common with its neighbour's neighbour
        (np.zeros(N), False),
    ],
)
@pytest.mark.parametrize("scale", [1.0, 0.037])
def test_a_column_of_names_tells_by_equal_numbers_and_not_by_near_ones(own, told, scale):
    found = codes(SHOP * scale, own + 0.3 * NOISE, NOISE)
    assert (found.get("codes_one") == 1.0) == told
    if told:
        assert 0.6 < found["codes_told"] < 1


@pytest.mark.parametrize(("noise", "told"), [(0.9, True), (2.6, False)])
def test_a_fifth_of_the_variance_has_to_lie_between_them(noise, told):
    own = RNG.standard_normal(100)[SHOP] + noise * NOISE
    assert bool(codes(SHOP, own)) == told


@pytest.mark.parametrize(("values", "told"), [(8, True), (7, False)])
def test_of_few_values_a_column_is_no_list_of_names(values, told):
    shop = SHOP % values
    own = np.array([0, 3, -2, 2, -3, 1, -1, 4])[shop]
    assert bool(codes(shop, own + 0.3 * NOISE)) == told


def test_values_that_lie_anywhere_are_measures():
    assert not codes(np.sort(RNG.random(100))[SHOP], RNG.standard_normal(100)[SHOP])
    assert not codes(RNG.permutation(N), NOISE)  # each its own: nothing says what equal ones share


@pytest.mark.parametrize(("others", "told"), [(39, True), (40, False)])
def test_of_very_many_columns_none_is_a_name(others, told):
    own = RNG.standard_normal(100)[SHOP] + 0.3 * NOISE
    assert bool(codes(SHOP, own, *RNG.standard_normal((others, N)))) == told


def test_of_several_columns_two_are_named_the_plainest_first():
    user = RNG.integers(0, 30, N)
    own = 1.3 * RNG.standard_normal(100)[SHOP] + RNG.standard_normal(30)[user]
    found = codes(SHOP, own, NOISE, user)
    assert (found["codes_one"], found["codes_other"]) == (1.0, 2.0)


def kinds(means, y, spread=0.5):
    x = means[y] + spread * np.random.default_rng(1).standard_normal((len(y), means.shape[1]))
    return columns.kinds(x, y[:, None].astype(float))


def test_classes_in_no_order_lie_anywhere_and_ages_do_not():
    y = RNG.integers(0, 8, N)
    names = kinds(RNG.standard_normal((8, 5)), y)
    assert names["kinds_told"] > 0.8
    assert names["kinds_order"] < 0.3
    assert names["kinds_count"] == 8
    ages = kinds(np.outer(np.arange(8), [1.0, 0.5, 0, 0, 0]), y)
    assert ages["kinds_order"] > 0.95


@pytest.mark.parametrize(
    ("y", "known"),
    [
        (np.arange(N) % 5, True),
        (np.arange(N) % 4, False),  # of so few their order says nothing
        (np.arange(N) % 50, True),
        (np.arange(N) % 51, False),
        (np.arange(N) % 5 + 0.5, False),
        (np.r_[np.arange(N - 4) % 5, [9] * 4], False),  # four of a class
    ],
)
def test_only_whole_numbers_of_a_few_classes_may_be_kinds(y, known):
    assert bool(columns.kinds(RNG.standard_normal((N, 3)), y[:, None].astype(float))) == known


def series(hold=1.0):
    v = np.cumsum(NOISE)
    w = np.lib.stride_tricks.sliding_window_view(v, 6)
    return hold * w[:, :5], w[:, 5:]


def test_the_last_value_of_a_series_is_the_forecast_to_beat():
    x, y = series()
    found = columns.naive(x, y, lambda z: float(((z - y) ** 2).mean()))
    assert found["naive_column"] == 4
    assert found["loss_naive"] == pytest.approx(NOISE[5:].var(), rel=0.1)
    assert columns.naive(x[:, 2:], y, lambda z: 1.0)
    assert columns.naive(x[:, 3:], y, lambda z: 1.0) == {}  # of two columns: no window
    assert columns.naive(series(0.0)[0], y - y.mean(), lambda z: 1.0) == {}  # none is nearer
    assert columns.naive(np.column_stack([x, y]), y, lambda z: 1.0) == {}  # it stands there


def known(x, y, outputs=1, loss=None):
    answers = Answers()
    answers.add(0, x.astype(np.float32), y, outputs)
    shape = (outputs,)
    asked = loss or nn.MeanSquaredError()
    return answers.measure(asked, shape, np.dtype(np.float32), lambda z: z) | answers.guess(shape)


def test_all_of_it_is_asked_of_the_examples_of_a_run():
    x, y = series()
    assert known(x, y.astype(np.float32))["naive_column"] == 4
    shops = known(np.column_stack([NOISE, SHOP]), RNG.standard_normal((100, 1))[SHOP])
    assert shops["codes_one"] == 1
    # Columns of a sequence are steps.
    steps = np.column_stack([NOISE, SHOP])[:, :, None]
    assert "codes_one" not in known(steps, RNG.standard_normal((100, 1))[SHOP])
    y = np.arange(N) % 6
    x = RNG.standard_normal((6, 4))[y] + 0.1 * RNG.standard_normal((N, 4))
    assert known(x, y[:, None].astype(np.float32))["kinds_count"] == 6
    assert "kinds_count" not in known(x, y, 6, nn.SoftmaxCrossEntropy())


@pytest.mark.parametrize("copies", [True, False])
def test_of_inputs_that_are_the_answers_a_line_tells_all(copies):
    """Few examples do not show that of so many columns."""
    x = np.eye(400, dtype=np.float32)[RNG.permutation(400)]
    y = x if copies else np.roll(x, 1, axis=1)
    assert (known(x, y, 400)["guess_linear"] == 1.0) == copies
    plain = RNG.standard_normal((300, 5)).astype(np.float32)
    assert known(plain, plain, 5)["guess_linear"] > 0.95
