"""Standard streams that are full, closed, given up, or of another encoding."""

import io
import json
import os
import subprocess
import sys

import pytest

import nnscratch as nn
from nnscratch.cli import BAD_INPUT, BROKEN_PIPE, main
from nnscratch.flow import save_record


def run(arguments, folder, **environment):
    """Run Python with these arguments in a process of its own."""
    places = os.pathsep.join(os.path.abspath(place) for place in sys.path if place)
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": places, "MPLBACKEND": "Agg", **environment},
        cwd=folder,
        capture_output=True,
        timeout=300,
        check=False,
    )


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="no /dev/stdout here")
def test_what_goes_into_standard_output_is_alone_there(tmp_path, small_record):
    path = save_record(tmp_path / "run.npz", small_record)
    done = run(["-m", "nnscratch", "export", path, "--json-lines", "/dev/stdout"], tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["step"] for line in lines] == small_record["steps"].tolist()
    assert b"wrote /dev/stdout" in done.stderr
    done = run(["-m", "nnscratch", "diagnose", path, "--json", "/dev/stdout"], tmp_path)
    assert json.loads(done.stdout)["runs"][0]["file"] == str(path)


SAY_ALL = """
import sys
from nnscratch.cli import main
path, page = sys.argv[1:]
for arguments in (["diagnose", path], ["report", path, "--out", page], ["reproduce"]):
    if (code := main(arguments)) > 1:
        sys.exit(code)
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_names_and_terminals_of_any_encoding(tmp_path, small_record, encoding):
    """In one process, which takes a second to start."""
    name = os.fsdecode(b"\xff\xfe \xe9.npz")
    try:
        path = save_record(tmp_path / name, {**small_record, "label": "β ✔ \ud800"})
    except nn.FileError:
        pytest.skip("file names are UTF-8 here")
    page = tmp_path / "page.html"
    command = ["-c", SAY_ALL, path, page]
    done = run(command, tmp_path, PYTHONIOENCODING=encoding, PYTHONUTF8="1")
    assert done.returncode == 0, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    said = done.stdout.decode(encoding)
    assert "page.html" in said
    assert "mnist-bn-elu" in said
    assert page.exists()


def test_a_reader_that_has_read_enough_is_no_error(tmp_path):
    command = f"{sys.executable} -m nnscratch reproduce | true; echo done"
    done = subprocess.run(["sh", "-c", command], capture_output=True, cwd=os.getcwd(), check=False)
    assert (done.stdout, done.stderr) == (b"done\n", b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
def test_a_full_disk_behind_standard_output_is_said_once():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nnscratch", "reproduce"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "No space left on device" in done.stderr


class Taken(io.StringIO):
    """Standard output of which nobody takes what is flushed at first."""

    def __init__(self, file, errors):
        super().__init__()
        self.fileno, self.pending = file.fileno, errors

    def flush(self):
        if self.pending:
            raise self.pending.pop()


@pytest.mark.parametrize(
    ("errors", "code", "said"),
    [
        ([BrokenPipeError()], BROKEN_PIPE, ""),
        ([OSError(28, "full")] * 2, BAD_INPUT, "nnscratch reproduce: error: [Errno 28] full\n"),
    ],
)
def test_what_nobody_takes_is_not_tried_again(tmp_path, monkeypatch, capsys, errors, code, said):
    with (tmp_path / "output").open("w") as file:
        monkeypatch.setattr(sys, "stdout", Taken(file, list(errors)))
        assert main(["reproduce"]) == code
        monkeypatch.undo()
        assert os.path.samestat(os.fstat(file.fileno()), os.stat(os.devnull))
    assert capsys.readouterr().err == said


@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_that_are_closed_lead_nowhere(closed, tmp_path):
    folder = tmp_path / "written"  # where the first file that is opened must not take their places
    arguments = f"sweep {tmp_path / 'grid.toml'} --out {folder} --workers 1"
    (tmp_path / "grid.toml").write_text("")
    command = f"{sys.executable} -m nnscratch {arguments} {closed}; echo code $?"
    done = subprocess.run(
        ["sh", "-c", f"( {command} ) 2>&1"], capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("code 2\n")
    assert "Traceback" not in done.stdout


def test_a_warning_shows_no_line_of_our_source():
    command = "import nnscratch_start as s, warnings; s._command(); warnings.warn('it is so')"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert done.stderr == "it is so\n"
