"""What is written is read: in blocks, after an interrupt, through a link, after a step back."""

import os
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nnscratch as nn
from nnscratch.flow.stream import StreamWriter, read_stream

from .frames import CODES, DESCRIPTION, SAMPLES, check_rows, open_writer, row, write


def bits(dtype, shape):
    """Any bits at all: every NaN, infinity and subnormal."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return st.binary(min_size=size, max_size=size).map(
        lambda raw: np.frombuffer(raw, dtype).reshape(shape)
    )


@given(data=st.data(), flush_every=st.sampled_from([1, 3, 50]))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_whatever_is_written_is_read_bit_for_bit(tmp_path_factory, data, flush_every):
    path = tmp_path_factory.mktemp("stream") / "a.flow"
    rows, scalars, samples = (data.draw(st.integers(0, 7)) for _ in range(3))
    steps = data.draw(hnp.arrays(np.int64, rows))
    values = data.draw(bits(np.float64, (rows, scalars)))
    bins = data.draw(bits(np.uint8, (rows, samples)))
    census = data.draw(bits(np.uint8, (rows, 2)))
    with StreamWriter(
        path, DESCRIPTION, scalars=scalars, samples=samples, codes=2, flush_every=flush_every
    ) as writer:
        for i in range(rows):
            writer.row(int(steps[i]), values[i], bins[i])
            writer.census(i, census[i])
    stream = read_stream(path)
    assert stream.description == DESCRIPTION
    np.testing.assert_array_equal(stream.steps, steps)
    np.testing.assert_array_equal(stream.scalars.view(np.uint64), values.view(np.uint64))
    np.testing.assert_array_equal(stream.samples, bins)
    np.testing.assert_array_equal(stream.census_steps, np.arange(rows))
    np.testing.assert_array_equal(stream.census, census)
    assert (stream.rows, stream.closed, stream.note) == (rows, True, "")
    dtypes = [array.dtype for array in (stream.steps, stream.scalars, stream.samples)]
    assert dtypes == [np.int64, np.float64, np.uint8]


def test_notes_are_kept_and_cut_to_their_longest(path):
    with open_writer(path) as writer:
        writer.note("one step in 4 was kept")
        writer.note("é" * 5000)
    note = read_stream(path).note
    assert note.startswith("one step in 4 was kept; éé")
    assert note.count("é") == 2048


def test_rows_reach_the_file_in_blocks(path):
    writer = open_writer(path, flush_every=4, flush_seconds=1e9)
    reached = []
    for step in range(10):
        writer.row(*row(step))
        reached.append(read_stream(path).rows)
    writer.close()
    assert reached == [0, 0, 0, 4, 4, 4, 4, 8, 8, 8]
    assert read_stream(path).rows == 10


def test_slow_steps_reach_the_file_one_by_one(path):
    writer = open_writer(path, flush_seconds=0)
    writer.row(*row(0))
    assert read_stream(path).rows == 1
    writer.close()


def test_a_finished_file_may_go_on(path):
    writer = open_writer(path)
    writer.row(*row(0))
    writer.finish()
    assert read_stream(path).closed
    writer.row(*row(1))
    writer.flush()
    assert not read_stream(path).closed
    writer.close()
    check_rows(read_stream(path), [0, 1])
    assert read_stream(path).closed


def test_a_forgotten_writer_closes_its_file(path):
    writer = open_writer(path)
    writer.row(*row(0))
    del writer
    assert read_stream(path).closed


def test_a_closed_writer_takes_no_rows(path):
    writer = open_writer(path)
    writer.close()
    writer.close()
    with pytest.raises(nn.ConfigError, match="closed: nothing more can be recorded"):
        writer.row(*row(0))


def test_shapes_are_checked(path):
    with open_writer(path) as writer:
        with pytest.raises(nn.ShapeError, match=r"scalars \(1,\) .* expected \(5,\) and \(3,\)"):
            writer.row(0, np.zeros(1), np.zeros(SAMPLES, np.uint8))
        with pytest.raises(nn.ShapeError, match=r"census .* got \(5,\), expected \(4,\)"):
            writer.census(0, np.zeros(5, np.uint8))


def test_an_interrupted_flush_writes_nothing_twice(path, monkeypatch):
    writer = open_writer(path)
    for step in range(3):
        writer.row(*row(step))

    def interrupt(written):
        raise KeyboardInterrupt

    monkeypatch.setattr(writer, "_count", interrupt)
    with pytest.raises(KeyboardInterrupt):
        writer.flush()
    monkeypatch.undo()
    writer.row(*row(3))
    writer.close()
    check_rows(read_stream(path), range(4))


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link.flow").symlink_to("far/a.flow")
    for steps in (range(3), range(5)):
        write(tmp_path / "link.flow", steps)
        check_rows(read_stream(tmp_path / "far" / "a.flow"), steps)
    assert (tmp_path / "link.flow").is_symlink()
    assert os.listdir(tmp_path / "far") == ["a.flow"]


def test_a_description_must_be_json(path):
    with pytest.raises(nn.ConfigError, match="must be plain JSON"):
        StreamWriter(path, {"clip": np.nan}, scalars=1)
    assert not path.exists()


def test_nothing_warns_when_all_is_well(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write(path, range(200), flush_every=7)
    check_rows(read_stream(path), range(200))


@pytest.mark.parametrize("flush_every", [1, 4, 50])
@pytest.mark.parametrize("back", [0, 3, 7, 20])
def test_what_is_truncated_is_gone_and_what_follows_is_whole(path, flush_every, back):
    with open_writer(path, flush_every=flush_every) as writer:
        for step in range(10):
            if step % 3 == 0:
                writer.census(step, np.full(CODES, step, np.uint8))
            writer.row(*row(step))
        writer.finish()
        writer.truncate(back)
        assert writer.rows == min(back, 10)
        for step in range(back, back + 5):
            writer.row(*row(step))
    stream = read_stream(path)
    check_rows(stream, [*range(min(back, 10)), *range(back, back + 5)])
    assert stream.census_steps.tolist() == [step for step in (0, 3, 6, 9) if step < back]
    assert stream.note == ""
    assert writer.lost is None


@pytest.mark.parametrize("counted", ["scalars", "samples", "codes"])
def test_a_negative_number_of_values_is_refused_by_name(path, counted):
    with pytest.raises(nn.ConfigError, match=f"StreamWriter {counted} must be"):
        StreamWriter(path, {}, **{"scalars": 1, counted: -1})
    assert not path.exists()
