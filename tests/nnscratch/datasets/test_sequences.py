"""Tasks for recurrent networks: where things stand, and what somebody without a memory gets."""

import math

import numpy as np
import pytest

from nnscratch import datasets
from nnscratch.errors import ConfigError, DtypeError, TooLargeError

MANY = 20_000


def cross_entropy_of_the_best_constant(labels, classes):
    shares = np.bincount(labels, minlength=classes) / len(labels)
    shares = shares[shares > 0]
    return -float(np.sum(shares * np.log(shares)))


@pytest.mark.parametrize("length", [10, 20, 57])
def test_temporal_order_puts_its_two_symbols_where_pascanu_does(length):
    x, y = datasets.temporal_order(2000, length, seed=0)
    assert x.shape == (2000, length, 6)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x.sum(axis=2), 1)
    places = np.argwhere(x[:, :, :2].any(axis=2))
    np.testing.assert_array_equal(places[:, 0], np.repeat(np.arange(2000), 2))
    first, second = places[:, 1].reshape(-1, 2).T
    k = length // 10
    assert set(first) == set(range(k, 2 * k))
    assert set(second) == set(range(length // 2, length // 2 + k))
    rows = np.arange(2000)
    np.testing.assert_array_equal(y, x[rows, first, 1] + 2 * x[rows, second, 1])
    assert set(x[0].argmax(axis=1)) > {2, 3, 4, 5} or length == 10


def test_temporal_order_without_a_memory():
    x, y = datasets.temporal_order(MANY, 20, seed=1)
    assert cross_entropy_of_the_best_constant(y, 4) == pytest.approx(math.log(4), abs=1e-3)
    # The last symbol says nothing.
    last = x[:, -1].argmax(axis=1)
    for symbol in range(2, 6):
        assert cross_entropy_of_the_best_constant(y[last == symbol], 4) > math.log(4) - 3e-3


def test_adding_as_the_urnn_authors_do():
    x, y = datasets.adding(MANY, 30, seed=0)
    assert x.shape == (MANY, 30, 2)
    number, mark = x[..., 0], x[..., 1]
    np.testing.assert_array_equal(mark[:, :15].sum(axis=1), 1)
    np.testing.assert_array_equal(mark[:, 15:].sum(axis=1), 1)
    assert (mark.sum(axis=0) > 0).all()
    np.testing.assert_allclose(y[:, 0], (number * mark).sum(axis=1), rtol=1e-6)
    assert np.mean((y - 1) ** 2) == pytest.approx(1 / 6, rel=0.02)


def test_adding_as_pascanu_does():
    x, y = datasets.adding(MANY, 50, seed=0, convention="pascanu")
    steps = x.shape[1]
    mark, number = x[..., 0], x[..., 1]
    first, second = np.argwhere(mark)[:, 1].reshape(-1, 2).T
    assert set(first) == set(range(steps // 10))
    assert set(second) == set(range(steps // 10, steps // 2))
    np.testing.assert_allclose(y[:, 0], (number * mark).sum(axis=1) / 2, rtol=1e-6)
    wrong = (y - 0.5) ** 2
    assert np.mean(wrong) == pytest.approx(1 / 24, rel=0.02)
    assert np.mean(wrong > 0.04) == pytest.approx(0.36, abs=0.01)


def test_pascanus_lengths_are_drawn_once_per_call():
    lengths = {datasets.adding(1, 50, s, "pascanu")[0].shape[1] for s in range(60)}
    assert lengths == set(range(50, 55))


def test_copying_is_set_up_as_by_the_urnn_authors():
    x, y = datasets.copying(MANY // 10, 100, seed=0)
    assert x.shape == (MANY // 10, 120, 10)
    shown = x.argmax(axis=2)
    np.testing.assert_array_equal(x.sum(axis=2), 1)
    assert set(shown[:, :10].ravel()) == set(range(1, 9))
    assert (shown[:, 10:109] == 0).all()
    assert (shown[:, 109] == 9).all()
    assert (shown[:, 110:] == 0).all()
    assert (y[:, :110] == 0).all()
    np.testing.assert_array_equal(y[:, 110:], shown[:, :10])


@pytest.mark.parametrize(("blanks", "expected"), [(100, 0.1733), (200, 0.0945), (500, 0.0400)])
def test_copying_without_a_memory(blanks, expected):
    _, y = datasets.copying(1000, blanks, seed=0)
    each = [cross_entropy_of_the_best_constant(step, 9) for step in y.T if step.any()]
    assert sum(each) / y.shape[1] == pytest.approx(expected, rel=0.01)


def test_digits_are_read_by_row_and_by_pixel():
    plain = datasets.digits()
    rows, pixels = datasets.digit_sequences(), datasets.digit_sequences("pixel")
    assert rows[0].shape == (1500, 8, 8)
    assert pixels[2].shape == (297, 64, 1)
    for other in (rows, pixels):
        np.testing.assert_array_equal(other[0].reshape(-1, 64), plain[0])
        np.testing.assert_array_equal(other[1], plain[1])
        np.testing.assert_array_equal(other[2].reshape(-1, 64), plain[2])
    assert cross_entropy_of_the_best_constant(plain[1], 10) == pytest.approx(math.log(10), abs=1e-3)


def test_permuted_pixels_are_in_the_same_order_in_all_digits():
    plain = datasets.digit_sequences("pixel")
    mixed = datasets.digit_sequences("pixel", permuted=3)
    order = np.random.default_rng(3).permutation(64)
    np.testing.assert_array_equal(mixed[0], plain[0][:, order])
    np.testing.assert_array_equal(mixed[2], plain[2][:, order])
    assert not np.array_equal(mixed[0], plain[0])


MAKERS = {
    "temporal order": lambda seed, dtype=np.float32: datasets.temporal_order(50, 20, seed, dtype),
    "adding": lambda seed, dtype=np.float32: datasets.adding(50, 20, seed, dtype=dtype),
    "adding, Pascanu": lambda seed, dtype=np.float32: datasets.adding(
        50, 20, seed, "pascanu", dtype
    ),
    "copying": lambda seed, dtype=np.float32: datasets.copying(50, 20, seed, dtype=dtype),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_seed_makes_the_same_sequences_and_another_makes_others(make):
    (x, y), (again, same) = make(0), make(0)
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(y, same)
    assert not np.array_equal(y, make(7)[1])
    assert make(0, np.float64)[0].dtype == np.float64
    with pytest.raises(DtypeError):
        make(0, np.int32)
    with pytest.raises(ConfigError, match="seed must be a whole number >= 0"):
        make(-1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: datasets.temporal_order(5, 9, 0), "length must be a whole number >= 10"),
        (lambda: datasets.adding(5, 0, 0), "length must be a whole number >= 10"),
        (lambda: datasets.adding(0, 20, 0), "examples must be a whole number >= 1"),
        (lambda: datasets.adding(5, 20, 0, "urn"), "did you mean 'urnn'"),
        (lambda: datasets.copying(5, 0, 0), "blanks must be a whole number >= 1"),
        (lambda: datasets.copying(5, 9, 0, symbols=1), "symbols must be a whole number >= 2"),
        (lambda: datasets.digit_sequences("rows"), "did you mean 'row'"),
    ],
)
def test_what_cannot_be_made_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_more_than_fits_into_memory_is_refused():
    with pytest.raises(TooLargeError, match="sequences of"):
        datasets.copying(10**9, 10**6, 0)
