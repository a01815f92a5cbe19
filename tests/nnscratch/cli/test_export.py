"""``nnscratch export``: what it writes, what it says, what it refuses."""

import json

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.cli import main
from nnscratch.flow import load_record


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run recorded both ways, and a file that was cut off."""
    folder = tmp_path_factory.mktemp("export")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 8)).astype(np.float32), rng.integers(0, 3, 40)
    model = nn.Sequential(nn.Dense(8, 6), nn.ReLU(), nn.Dense(6, 3))
    flow = nn.GradientFlow(model, label="[bold] a run", file=folder / "run.flow")
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(0.1))
    trainer.fit(x, y, epochs=3, batch_size=10, callbacks=[flow], progress=False)
    flow.close()
    flow.save(folder / "run.npz")
    (folder / "cut.flow").write_bytes((folder / "run.flow").read_bytes()[:-100])
    return folder


def export(capsys, *arguments):
    assert main(["export", *map(str, arguments)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", ["run.flow", "run.npz"])
def test_all_formats_at_once(folder, tmp_path, capsys, name):
    lines, events, arrays = tmp_path / "a.jsonl", tmp_path / "events", tmp_path / "a.npz"
    where = ["--json-lines", lines, "--tensorboard", events, "--npz", arrays]
    said = export(capsys, folder / name, *where)
    assert f"{name}: [bold] a run, 12 recorded steps, 0 to 11, of 3 layers\n" in said
    assert "Note" not in said
    expected = load_record(folder / "run.npz")
    np.testing.assert_equal(load_record(arrays), expected)
    losses = [json.loads(line)["loss"] for line in lines.read_text().splitlines()]
    assert losses == expected["loss"].tolist()
    (file,) = events.iterdir()
    for path in (lines, file, arrays):
        assert f"wrote {path}\n" in said
    assert f"tensorboard --logdir {events}\n" in said


def test_some_steps_with_histograms(folder, tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    some = ["--keep-every", "2", "--last", "3", "--histograms"]
    said = export(capsys, folder / "run.flow", "--json-lines", path, *some)
    assert "Note: of 12 recorded steps one in 2 was read; only the last 3 of 6 were kept.\n" in said
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [6, 8, 10]
    assert len(lines[0]["output_histogram"]["1.relu"]) == 64


def test_a_file_that_was_cut_off_says_so(folder, tmp_path, capsys):
    said = export(capsys, folder / "cut.flow", "--npz", tmp_path / "a.npz")
    assert "Note: the file is cut off at byte " in said
    assert said.count("it is read up to step 10.\n") == 1
    assert load_record(tmp_path / "a.npz")["steps"].tolist() == list(range(11))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run.npz"], "nothing to write: say --json-lines FILE"),
        (["run.npz", "--npz", "a.npz", "--histograms"], "no meaning without --json-lines"),
        (["none.npz", "--npz", "a.npz"], "no such file: none.npz"),
        (["empty.flow", "--npz", "a.npz"], "empty.flow is empty: no record"),
        (["text.npz", "--npz", "a.npz"], "text.npz is not a complete .npz file"),
        (["text.flow", "--npz", "a.npz"], "text.flow is no .flow record of a run"),
        ([".", "--npz", "a.npz"], "cannot read ."),
        (["run.npz", "--npz", "run.npz"], "run.npz is the record itself; choose another name"),
        (["run.npz", "--npz", "text.npz/a.npz"], "cannot write text.npz/a.npz"),
        (["run.npz", "--tensorboard", "text.npz"], "cannot write into folder text.npz"),
        (["run.npz", "--npz", "a.npz", "--keep-every", "0"], "must be a whole number >= 1, got 0"),
        ([], "arguments are required: RUN"),
    ],
)
def test_bad_input_is_an_error_of_one_line(folder, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(folder)
    (folder / "empty.flow").touch()
    for name in ("text.npz", "text.flow"):
        (folder / name).write_text("not a record at all")
    try:
        code = main(["export", *arguments])
    except SystemExit as stop:
        code = stop.code
    message = capsys.readouterr().err
    assert code == 2
    assert said in message
    assert message.splitlines()[-1].startswith("nnscratch export: error: ")
    assert not (folder / "a.npz").exists()
