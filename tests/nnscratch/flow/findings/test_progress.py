"""Whether a run learns: on both sides of every limit."""

import math

import numpy as np
import pytest

from nnscratch.flow.findings.progress import Progress


def progress(losses, constant=1.0, free=0.0, floor=0.0, linear=math.nan, near=math.nan):
    losses = np.asarray(losses, float)
    return Progress(losses, np.arange(len(losses)), constant, free, floor, linear, near)


def flat(level, steps=100):
    return np.full(steps, float(level))


def test_the_share_is_of_the_way_from_a_constant_answer_to_the_least():
    assert progress(flat(0.4)).share == pytest.approx(0.6)
    assert progress(flat(0.4), constant=1.2, free=0.2).share == pytest.approx(0.8)
    assert progress(flat(1.5)).share == pytest.approx(-0.5)
    unknown = progress([2.0, *flat(0.5)], constant=math.nan)
    assert not unknown.known
    assert unknown.share == pytest.approx(0.75)  # of the first loss
    assert not progress(flat(1.0), constant=1.0, free=1.0).known


@pytest.mark.parametrize(("level", "learned"), [(0.245, True), (0.26, False)])
def test_three_quarters_are_learned(level, learned):
    assert progress(flat(level)).learned == learned


@pytest.mark.parametrize(
    ("share", "told", "learned"),
    [
        (0.37, 0.40, True),  # more than nine tenths of what other examples tell
        (0.35, 0.40, False),
        (0.46, 0.49, True),
        (0.49, 0.51, False),  # the answers are plain to see: three quarters are asked for
        (0.155, 0.16, True),
        (0.135, 0.14, False),  # next to nothing is told
    ],
)
def test_or_as_much_as_other_examples_tell_where_that_is_little(share, told, learned):
    assert progress(flat(1 - share), linear=told, near=0.0).learned == learned
    assert progress(flat(1 - share), linear=-0.1, near=told).learned == learned


@pytest.mark.parametrize(("level", "learns"), [(0.79, True), (0.81, False)])
def test_a_fifth_is_on_the_way(level, learns):
    assert progress(flat(level)).learns == learns


@pytest.mark.parametrize(
    ("share", "told", "learns"),
    [(0.16, 0.3, True), (0.14, 0.3, False), (0.08, 0.15, True), (0.08, 0.14, False)],
)
def test_or_half_of_what_other_examples_tell(share, told, learns):
    assert progress(flat(1 - share), linear=told, near=0.0).learns == learns


@pytest.mark.parametrize(("fall", "learns"), [(0.055, True), (0.045, False)])
def test_or_a_brisk_fall(fall, learns):
    """Half of the 1.1 that is missing, at that pace: within three times the steps made."""
    quarter = 25.0
    losses = np.repeat([1.2, 1.15, 1.1 + fall, 1.1], 25)
    assert progress(losses).steps_left == pytest.approx(0.55 / fall * (99 / 4))
    assert (0.55 / fall * quarter < 300) == learns
    assert progress(losses).learns == learns
    assert progress([2.0] * 9 + [1.9] * 10).learns  # too soon to say more
    assert not progress([2.0] * 20).learns


@pytest.mark.parametrize(("back", "worse"), [(0.34, False), (0.37, True)])
def test_a_loss_that_rose_again_by_a_quarter_is_worse(back, worse):
    losses = np.concatenate([flat(0.1, 60), flat(back, 40)])
    assert progress(losses).worse == worse
    assert progress(losses, constant=2.0, free=1.0).learned == (not worse)


def test_now_is_the_latest_tenth_or_more_where_batches_differ():
    losses = np.concatenate([flat(1.0, 90), flat(0.5, 10)])
    assert progress(losses).now == 0.5
    noise = np.where(np.arange(100) % 2, 2.0, 0.0)
    noisy = progress(np.concatenate([noise[:50] + 1, noise[50:]]))
    assert noisy.now == pytest.approx(1.0)  # over the latest half
    assert noisy.error == pytest.approx(math.sqrt(2 / 50))  # neighbours differ by 2
    assert progress(losses[-3:]).now == 0.5


@pytest.mark.parametrize(
    ("level", "nothing"), [(0.94, False), (0.96, True), (1.0, True), (1.2, True)]
)
def test_nothing_is_learned_at_a_twentieth(level, nothing):
    assert progress(flat(level)).nothing == nothing


@pytest.mark.parametrize(("steps", "nothing"), [(49, False), (50, True)])
def test_a_loss_stands_after_fifty_steps(steps, nothing):
    assert progress(flat(1.0, steps)).nothing == nothing


@pytest.mark.parametrize(("size", "nothing"), [(0.38, True), (0.42, False)])
def test_nothing_is_said_where_batches_differ_too_much(size, nothing):
    signs = (-1.0) ** np.arange(100)  # 2.5 standard errors are size / 2
    assert progress(1 + size * signs).nothing == nothing


def slope(fall, steps=100):
    """A loss that falls by this much from the third to the last quarter."""
    return 0.5 - fall * (np.arange(steps) - steps / 2) / (steps / 4)


@pytest.mark.parametrize(("fall", "falling"), [(0.0045, False), (0.006, True)])
def test_a_fall_of_a_two_hundredth_over_a_quarter_counts(fall, falling):
    assert progress(slope(fall)).fall == pytest.approx(fall)
    stairs = np.repeat([0.5, 0.5, 0.5, 0.5 - fall], 25)
    assert progress(stairs).falling == falling


def test_a_fall_within_the_noise_is_none():
    noise = 0.1 * (-1.0) ** np.arange(100)
    stairs = np.repeat([0.5, 0.5, 0.5, 0.45], 25)
    # The difference of two quarters has a standard error of 0.04 noise: 2.5 of them are 0.1.
    assert progress(stairs + 0.4 * noise).falling
    assert not progress(stairs + 0.6 * noise).falling
    assert not progress(slope(0.5)[:19]).falling  # too short to say


@pytest.mark.parametrize("steps", [4, 10, 31, 48])
def test_the_pace_of_a_short_run_is_that_of_its_halves(steps):
    half = steps // 2
    even = progress(np.linspace(1.0, 0.8, steps))
    fall = 0.2 / (steps - 1) * half
    assert even.pace == pytest.approx(0.5 * even.now / fall * half)
    assert not even.rising
    assert progress(np.linspace(0.8, 1.0, steps)).rising
    assert progress(np.linspace(0.8, 1.0, steps)).pace == math.inf


def test_three_losses_have_no_pace():
    assert progress([1.0, 0.9, 0.8]).pace == math.inf
    assert not progress([0.8, 0.9, 1.0]).rising
    assert progress([1.0]).pace == progress([]).pace == math.inf


@pytest.mark.parametrize(("fall", "sure"), [(0.061, False), (0.067, True)])
def test_halves_must_differ_by_more_than_batches(fall, sure):
    """Neighbours differ by 0.1, in turn: 2.5 standard errors of sixteen are 0.0635."""
    noise = 0.05 * (-1.0) ** np.arange(32)
    stairs = np.where(np.arange(32) < 16, 1.0, 1.0 - fall)
    assert (progress(stairs + noise).pace < math.inf) == sure
    assert progress(2 - stairs + noise).rising == sure


@pytest.mark.parametrize(("rise", "rising"), [(0.045, False), (0.055, True)])
def test_a_rise_of_a_twentieth_counts(rise, rising):
    assert progress(np.where(np.arange(30) < 15, 1.0, 1.0 + rise)).rising == rising


@pytest.mark.parametrize(("level", "unfinished"), [(0.3, True), (0.16, True), (0.14, False)])
def test_more_is_to_be_learned_below_85_percent(level, unfinished):
    stairs = np.repeat([level + 0.1, level + 0.1, level + 0.02, level], 25)
    assert progress(stairs).unfinished == unfinished


def test_steps_until_half_of_what_is_missing_is_learned():
    stairs = np.repeat([0.9, 0.8, 0.7, 0.6], 25)
    quarter = 99 / 4
    assert progress(stairs).steps_left == pytest.approx(0.3 / 0.1 * quarter)
    assert progress(stairs, floor=0.2).steps_left == pytest.approx(0.2 / 0.1 * quarter)
    assert progress(flat(0.5)).steps_left == math.inf


def test_without_a_step_nothing_is_known():
    empty = progress([])
    assert math.isnan(empty.first)
    assert math.isnan(empty.share)
    assert not any([empty.learned, empty.learns, empty.nothing, empty.falling])


@pytest.mark.parametrize(
    ("level", "near", "nothing"),
    [(0.86, 0.85, True), (0.86, 0.75, False), (0.84, 0.85, False)],
)
def test_a_seventh_is_nothing_where_nearly_all_is_plain_to_see(level, near, nothing):
    assert progress(flat(level), linear=0.0, near=near).nothing == nothing


def test_a_single_loss_is_its_own_mean():
    one = progress([0.7])
    assert (one.now, one.error) == (0.7, 0.0)
    assert math.isnan(progress([]).now)


def stairs(quarters, steps, noise):
    """A loss of four steps down, each of a quarter of the run, of which batches differ in turn."""
    return progress(np.repeat(quarters, steps // 4) + noise * np.resize([1, 1, -1, -1], steps))


@pytest.mark.parametrize(("steps", "falling"), [(192, True), (208, False)])
def test_a_short_run_falls_if_its_later_halves_differ(steps, falling):
    noisy = stairs([1.0, 0.6, 0.5, 0.485], steps, 0.15)
    assert noisy.fall == pytest.approx(0.015, abs=0.01)
    assert noisy.falling == falling


@pytest.mark.parametrize(
    ("quarters", "falling"),
    [
        ([1.0, 0.6, 0.5, 0.485], True),
        ([1.0, 0.6, 0.5, 0.4975], False),  # the quarters say that it stands
        ([1.0, 0.6, 0.5, 0.51], False),
        ([1.5, 0.5, 0.5, 0.485], False),  # it fell at the beginning
        ([1.5, 1.2, 1.1, 1.085], False),  # and has learned nothing by now
    ],
)
def test_and_its_quarters_do_not_say_otherwise(quarters, falling):
    assert stairs(quarters, 160, 0.15).falling == falling


@pytest.mark.parametrize(("level", "nothing"), [(2.1, False), (3.0, True)])
def test_far_beyond_a_constant_answer_it_is_nothing_however_batches_differ(level, nothing):
    """The mean is known to within half of what there is to learn."""
    signs = (-1.0) ** np.arange(100)
    assert progress(level + 0.9 * signs).nothing == nothing


@pytest.mark.parametrize(
    ("every", "known", "worse"), [(5, False, False), (12, False, True), (5, True, True)]
)
def test_a_loss_that_jumps_from_sign_to_sign_is_no_height(every, known, worse):
    """As what a policy's gradient is computed of: it rose from -1, as far as that goes."""
    losses = np.r_[np.full(50, -1.0), np.full(50, 5.0)]
    losses[::every] *= -1
    one = progress(losses, constant=10.0 if known else math.nan)
    assert (one.tells, one.worse) == (worse, worse)
    assert worse or not one.rising
    assert worse or not one.nothing


@pytest.mark.parametrize(
    ("level", "steps", "learns"), [(0.95, 240, False), (0.85, 240, True), (0.95, 160, True)]
)
def test_a_long_run_that_is_worse_than_a_constant_answer_does_not_learn(level, steps, learns):
    assert progress(level + np.linspace(2.0, 0.0, steps)).learns == learns
