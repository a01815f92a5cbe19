"""The makers of data: shapes, scales, and what can be read from them."""

import numpy as np
import pytest

from nnscratch import datasets
from nnscratch.experiments.public import data as d
from nnscratch.experiments.public import series
from nnscratch.experiments.public.cases import brook_data, lake_data


def made(maker, seed=0):
    return maker(np.random.default_rng(seed))


def test_truth_tables():
    assert made(d.XOR).x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert made(d.XOR).y.tolist() == [0, 1, 1, 0]
    assert made(d.XNOR).y.tolist() == [1, 0, 0, 1]


def test_curve():
    data = made(d.curve(lambda x: 2 * x, 1, 3, 5))
    assert data.x[:, 0].tolist() == [1, 1.5, 2, 2.5, 3]
    np.testing.assert_array_equal(data.y, 2 * data.x)
    noisy = made(d.curve(lambda x: 0 * x, 0, 1, 4000, noise=0.5, random=True))
    assert noisy.y.std() == pytest.approx(0.5, rel=0.05)
    assert noisy.x.mean() == pytest.approx(0.5, abs=0.02)


def test_rings_and_half_rings():
    data = made(d.circles(400, 0.0, factor=0.5))
    radius = np.hypot(*data.x.T)
    np.testing.assert_allclose(radius, np.where(data.y == 1, 0.5, 1.0))
    data = made(d.moons(400, 0.0))
    centre = np.where(data.y[:, None] == 1, [1.0, 0.5], [0.0, 0.0])
    np.testing.assert_allclose(np.hypot(*(data.x - centre).T), 1)
    assert np.bincount(data.y).tolist() == [200, 200]


def test_spirals_and_blobs():
    data = made(d.spirals(300, 3))
    assert np.hypot(*data.x.T).max() <= 1
    assert np.bincount(data.y).tolist() == [100] * 3
    data = made(d.blobs(3000, 3, features=4, spread=0.5))
    for k in range(3):
        np.testing.assert_allclose(data.x[data.y == k].std(axis=0), 0.5, rtol=0.1)


def test_digits_enlarged_are_the_digits():
    small, labels, _, _ = datasets.digits()
    data = made(d.digits(255.0, n=50))
    assert data.x.shape == (50, 784)
    image = data.x.reshape(50, 28, 28)
    assert not image[:, :2].any()
    assert not image[:, :, -2:].any()
    np.testing.assert_allclose(image[:, 3:26:3, 3:26:3], 255 * small[:50].reshape(-1, 8, 8))
    np.testing.assert_array_equal(data.y, labels[:50])
    two = made(d.digits(only=(3, 5)))
    assert set(two.y) == {0, 1}
    assert len(two.y) == np.isin(labels, (3, 5)).sum()


def test_irises_have_the_means_of_the_irises():
    data = made(d.iris)
    assert data.x.shape == (150, 4)
    np.testing.assert_allclose(data.x.mean(axis=0), [5.84, 3.06, 3.76, 1.2], atol=0.12)


def test_table():
    data = made(d.table(4000, [(100, 5), (0, 1)], (7.0, 3.0), held_out=1000))
    assert data.x.shape == (3000, 2)
    assert data.held_out[0].shape == (1000, 2)
    np.testing.assert_allclose(data.x.mean(axis=0), [100, 0], atol=0.3)
    np.testing.assert_allclose(data.x.std(axis=0), [5, 1], rtol=0.05)
    assert data.y.mean() == pytest.approx(7, abs=0.2)
    assert data.y.std() == pytest.approx(3, rel=0.05)
    classes = made(d.table(900, [(0, 1)] * 3, 3))
    assert np.bincount(classes.y).tolist() == [300, 300, 300]


def test_words():
    data = made(d.words(500, 200, 4, held_out=100))
    assert data.x.shape == (400, 200)
    assert set(np.unique(data.x)) == {0, 1}
    assert set(data.y) == {0, 1, 2, 3}
    assert 10 < data.x.sum(axis=1).mean() < 60


def test_standard_measures_on_what_is_trained_on():
    plain = d.table(600, [(100, 5)], (7.0, 3.0), held_out=200)
    raw, both = made(plain), made(d.standard(plain, "xy"))
    np.testing.assert_allclose(both.x, (raw.x - raw.x.mean()) / raw.x.std(), rtol=1e-6)
    np.testing.assert_allclose(both.y.mean(), 0, atol=1e-12)
    np.testing.assert_allclose(both.held_out[0], (raw.held_out[0] - raw.x.mean()) / raw.x.std())
    only = made(d.standard(plain))
    np.testing.assert_array_equal(only.y, raw.y)
    np.testing.assert_array_equal(only.held_out[1], raw.held_out[1])


def test_one_seed_gives_the_same_data():
    for maker in (d.iris, d.words(50, 20, 2), d.table(50, [(0, 1)], 2), d.spirals(30, 3)):
        np.testing.assert_array_equal(made(maker, 3).x, made(maker, 3).x)
        assert not np.array_equal(made(maker, 3).x, made(maker, 4).x)


def test_letters_that_often_follow():
    data = made(series.letters(3000, 4, 6))
    assert data.x.shape == (3000, 4, 6)
    assert (data.x.sum(axis=2) == 1).all()
    np.testing.assert_array_equal(data.x[1:, -1].argmax(axis=1), data.y[:-1])
    last, often = data.x[:, -1].argmax(axis=1), np.zeros((6, 6))
    np.add.at(often, (last, data.y), 1)
    assert (often.max(axis=1) / often.sum(axis=1)).mean() == pytest.approx(0.617, abs=0.05)
    np.testing.assert_array_equal(
        made(series.flat(series.letters(20, 4, 6))).x.reshape(20, 4, 6),
        made(series.letters(20, 4, 6)).x,
    )


def test_two_marked_numbers_are_added():
    data = made(series.two_marked(50, 10))
    assert (data.x[:, :5, 1].sum(axis=1) == 1).all()
    assert (data.x[:, 5:, 1].sum(axis=1) == 1).all()
    np.testing.assert_allclose(data.y[:, 0], [row[row[:, 1] == 1, 0].sum() for row in data.x])


def test_frequent_words_have_small_numbers():
    data = made(series.word_numbers(400, 20, 100.0))
    assert data.x.max() <= 100
    assert data.x[data.y == 1].mean() == pytest.approx(40, abs=2)  # 100 / 2.5
    assert data.x[data.y == 0].mean() == pytest.approx(100 / 1.7, abs=2)


def test_half_of_two_classes_bear_each_others_label_where_it_is_learned_alone():
    plain = d.table(1300, [(0, 1)] * 4, 4)
    own, sick = made(brook_data.held(plain)), made(brook_data.interchanged(plain, 1, 2))
    np.testing.assert_array_equal(own.x, sick.x)
    np.testing.assert_array_equal(own.held_out[1], sick.held_out[1])
    one = own.y == 1
    assert (sick.y[one] == 2).mean() == pytest.approx(0.5, abs=0.1)
    assert set(sick.y[one]) == {1, 2}
    np.testing.assert_array_equal(sick.y[(own.y == 0) | (own.y == 3)], own.y[~one & (own.y != 2)])


def test_several_answers_a_row_of_which_a_share_is_yes():
    data = made(brook_data.several(400, 6, 5, 0.1))
    assert data.y.dtype == bool
    np.testing.assert_allclose(data.y.mean(axis=0), 0.1, atol=0.005)


def test_labels_that_went_astray_are_judged_by_right_ones():
    own = brook_data.held(d.table(900, [(0, 1)] * 4, 3))
    plain = made(own)
    for how in (lake_data.first_only, lake_data.without_the_first):
        sick = made(d.changed(own, how))
        for mine, theirs in zip(sick.held_out, plain.held_out, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert set(made(d.changed(own, lake_data.first_only)).y) == {0}
    rest = made(d.changed(own, lake_data.without_the_first))
    assert set(rest.y) == {1, 2}
    np.testing.assert_array_equal(rest.x, plain.x[plain.y > 0])


def test_inputs_are_shuffled_and_targets_are_not():
    own = d.table(60, [(0, 1)] * 3, (0.0, 1.0), held_out=20)
    plain, sick = made(own), made(d.changed(own, lake_data.inputs_shuffled))
    np.testing.assert_array_equal(sick.y, plain.y)
    assert (sick.x != plain.x).any()
    np.testing.assert_array_equal(np.sort(sick.x, axis=0), np.sort(plain.x, axis=0))


def test_whole_numbers_lose_what_comes_after_the_point():
    cut = made(d.changed(lake_data.wobbling, lake_data.whole_numbers))
    np.testing.assert_array_equal(cut.x, np.trunc(made(lake_data.wobbling).x))
    assert (cut.x == 0).mean() > 0.9


def test_two_of_three_centres_are_told_from_the_other_corner():
    right, wrong = made(lake_data.boxes(False)), made(lake_data.boxes(True))
    turned = (wrong.y != right.y).all(axis=1)
    assert turned.mean() == pytest.approx(2 / 3, abs=0.05)
    np.testing.assert_allclose(wrong.y[turned], 1 - right.y[turned])
    np.testing.assert_array_equal(wrong.held_out[1], right.held_out[1])


def test_few_couplets_are_judged_by_many():
    data = made(lake_data.couplets(30))
    assert (len(data.x), len(data.y), len(data.held_out[1])) == (30, 30, 400)
    assert len(made(lake_data.few(lake_data.couplets(30), 7)).x) == 7
