"""Records read from files that grow: the same as from memory, or as much as there is."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow import load_record, save_record
from nnscratch.flow.stream import StreamWriter, read_stream


def check_equal(record, expected):
    assert list(record) == list(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(record[key], value, err_msg=key, strict=True)


def write(path, recording, description=None, rows=None, close=True):
    layout = recording.layout
    writer = StreamWriter(
        path,
        layout.describe() if description is None else description,
        scalars=layout.numbers,
        samples=layout.samples,
        codes=layout.codes,
    )
    census = dict(zip(recording.census_steps, recording.census, strict=True))
    for i, step in list(enumerate(recording.steps))[:rows]:
        if step in census:
            writer.census(step, census[step])
        writer.row(step, recording.numbers[i], recording.samples[i])
    if close:
        writer.close()
    return writer


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.flow"


def test_a_record_from_a_file_is_that_from_memory(path, recording):
    write(path, recording)
    check_equal(load_record(path), recording.record())


def test_the_name_of_the_file_does_not_matter(tmp_path, recording):
    write(tmp_path / "a.record", recording)
    check_equal(load_record(tmp_path / "a.record"), recording.record())


def test_a_record_from_a_file_is_saved_and_read_again(tmp_path, path, recording):
    write(path, recording)
    save_record(tmp_path / "a.npz", load_record(path))
    check_equal(load_record(tmp_path / "a.npz"), recording.record())


def test_left_out_steps_are_said(path, recording):
    write(path, recording)
    record = load_record(path, keep_every=3)
    assert record["steps"].tolist() == [0, 3, 6, 9]
    assert record["kept_every"] == 3
    assert record["note"] == "of 10 recorded steps one in 3 was read"
    np.testing.assert_array_equal(record["loss"], recording.record()["loss"][::3])
    record = load_record(path, last=2)
    assert record["steps"].tolist() == [8, 9]
    assert record["note"] == "only the last 2 of 10 were kept"


def test_memory_bounds_how_many_steps_are_read(path, recording):
    write(path, recording)
    row = recording.layout.row_bytes + 64  # at most, with its number
    for memory, kept in ((100 * row, 1), (11 * row, 1), (6 * row, 2), (3 * row, 4), (1, 16)):
        record = load_record(path, memory=memory)
        assert record["kept_every"] == kept
        assert record["steps"].tolist() == list(range(0, 10, kept))
        said = f"of 10 recorded steps one in {kept} was read"
        assert record["note"] == (said if kept > 1 else "")


def test_a_file_that_is_still_written_says_so(path, recording):
    writer = write(path, recording, rows=7, close=False)
    writer.flush()
    record = load_record(path)
    writer.close()
    assert record["steps"].tolist() == list(range(7))
    assert record["note"].endswith("still goes on): it is read up to step 6")
    assert load_record(path)["note"] == ""


def test_another_format_is_named(path, recording):
    write(path, recording, description={**recording.layout.describe(), "format": 4})
    with pytest.raises(nn.DataError, match=r"a\.flow: description 'a run' has format 4"):
        load_record(path)


@pytest.mark.parametrize("description", [{"layers": ["0.dense"]}, {"stranger": 1}])
def test_a_description_that_does_not_fit_is_refused(path, recording, description):
    write(path, recording, description={**recording.layout.describe(), **description})
    with pytest.raises(nn.DataError, match=r"a\.flow"):
        load_record(path)


def test_a_file_without_a_step_is_refused(path, recording):
    write(path, recording, rows=0)
    with pytest.raises(nn.DataError, match=r"a\.flow holds no step of a run"):
        load_record(path)


@pytest.mark.parametrize("name", ["empty.flow", "empty.npz", "text.flow", "text.npz"])
def test_what_is_no_record_is_refused(tmp_path, name):
    (tmp_path / name).write_text("" if name.startswith("empty") else "x" * 100)
    with pytest.raises(nn.DataError, match=name):
        load_record(tmp_path / name)


TRAINING = """
import os, signal, sys
import numpy as np
import nnscratch as nn

rng = np.random.default_rng(0)
x, y = rng.standard_normal((40, 8)).astype(np.float32), rng.integers(0, 3, 40)
model = nn.Sequential(nn.Dense(8, 6), nn.BatchNorm(6), nn.Tanh(), nn.Dense(6, 3))
flow = nn.GradientFlow(model, probe=x, probe_every=5, file=sys.argv[1])

class Kill(nn.Callback):
    def on_step(self, trainer, step):
        if step.step == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(0.1))
trainer.fit(x, y, epochs=100, batch_size=10, progress=False, callbacks=[flow, Kill()])
"""


def train(path, kill_at):
    code = TRAINING
    return subprocess.run(
        [sys.executable, "-c", code, path, str(kill_at)], capture_output=True, text=True
    )


def test_a_killed_training_leaves_its_record(path):
    done = train(path, 160)
    assert done.returncode == -9, done.stderr
    record = load_record(path)
    last = record["steps"][-1]
    assert 100 <= last <= 160  # blocks of 50 steps or a second
    assert record["steps"].tolist() == list(range(last + 1))
    assert record["note"].endswith(f"it is read up to step {last}")
    assert np.isfinite(record["gradient_norm"]).all()
    assert record["census_steps"].tolist()[:3] == [0, 5, 10]


def small_training(flow_file):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 8)).astype(np.float32), rng.integers(0, 3, 40)
    model = nn.Sequential(nn.Dense(8, 6), nn.BatchNorm(6), nn.Tanh(), nn.Dense(6, 3))
    flow = nn.GradientFlow(model, probe=x, probe_every=5, file=flow_file)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(0.1))
    return trainer, flow, (x, y)


def test_a_training_records_the_same_into_file_and_memory(path):
    trainer, flow, data = small_training(path)
    trainer.fit(*data, epochs=3, batch_size=10, progress=False, callbacks=[flow])
    flow.close()
    check_equal(load_record(path), flow.to_dict())


def test_a_full_disk_ends_the_file_and_the_training_goes_on(path):
    """The parameters end with the bits that they have without a file."""
    resource = pytest.importorskip("resource", reason="no limits of file size here")
    trainer, flow, data = small_training(None)
    trainer.fit(*data, epochs=30, batch_size=10, progress=False, callbacks=[flow])
    expected = trainer.model.params.flat.copy()

    trainer, flow, data = small_training(path)
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, most))
    try:
        with pytest.warns(RuntimeWarning, match=r"a\.flow ended at step \d+: File too large"):
            trainer.fit(*data, epochs=30, batch_size=10, progress=False, callbacks=[flow])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
    np.testing.assert_array_equal(trainer.model.params.flat, expected)
    assert len(flow) == 120
    lost = flow._writer.lost.step
    assert 0 < lost < 120
    assert load_record(path)["steps"].tolist() == list(range(lost))


def test_notes_of_the_writer_come_first(path, recording):
    writer = write(path, recording, close=False)
    writer.note("the clock was wrong")
    writer.flush()
    note = read_stream(path).note
    assert note.startswith("the clock was wrong; the file was not closed")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        writer.close()
