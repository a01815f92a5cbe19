"""Ctrl-C and the request to end, from the moment that anything of this project runs."""

import os
import signal
import subprocess
import sys

import pytest

from nnscratch.experiments import faults
from nnscratch.flow import load_record
from nnscratch.training import Callback, Trainer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

# Comes before anything else, as a module that Python looks for itself, and sends the signal when
# the module that is the moment is about to be imported.
AT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {moment!r}:
            sys.meta_path.remove(self)
            signal.raise_signal({number})
sys.meta_path.insert(0, Finder())
"""
COMMANDS = {
    "module": [sys.executable, "-m", "nnscratch"],
    "script": [
        sys.executable,
        "-c",
        "import sys; from nnscratch_start import main; sys.exit(main())",
    ],
}


def start(arguments, folder=None, how="module"):
    places = [str(folder)] if folder else []
    places += [os.path.abspath(place) for place in sys.path if place]
    return subprocess.Popen(
        [*COMMANDS[how], *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), "MPLBACKEND": "Agg"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("how", list(COMMANDS))
@pytest.mark.parametrize("moment", ["numpy", "nnscratch.cli", "argparse"])
def test_while_the_packages_are_imported(tmp_path, moment, how, number):
    (tmp_path / "sitecustomize.py").write_text(AT.format(moment=moment, number=int(number)))
    process = start(["--version"], tmp_path, how)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert said == ""


# Its module goes when Python's own handlers have gone.
LATE = """
import os
class Late:
    def __del__(self, kill=os.kill, own=os.getpid()):
        kill(own, {number})
late = Late()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("how", list(COMMANDS))
def test_while_the_interpreter_ends_the_exit_code_stands(tmp_path, how, number):
    (tmp_path / "sitecustomize.py").write_text(LATE.format(number=int(number)))
    process = start(["--version"], tmp_path, how)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert said.startswith("nnscratch 0")


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_while_a_network_is_trained_the_step_is_ended_and_the_record_closed(tmp_path, number):
    size = ["--depth", "1", "--width", "4", "--epochs", "1000000", "--batch", "500"]
    process = start(["train", *size, "--record", tmp_path / "run.flow"])
    said = ""
    while "epoch" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    process.send_signal(number)
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert rest.rstrip().endswith("nnscratch train: interrupted")
    record = load_record(tmp_path / "run.flow")
    assert record["note"] == ""
    assert len(record["steps"]) >= 3


def test_what_runs_behind_a_script_ignores_ctrl_c_and_ends_when_asked(tmp_path):
    arguments = ["train", "--depth", "1", "--width", "4", "--epochs", "1000000"]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the process inherits
    try:
        process = start(arguments)
    finally:
        signal.signal(signal.SIGINT, before)
    while "epoch" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert "epoch" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in rest


def test_a_labelled_run_that_is_interrupted_is_not_judged(monkeypatch):
    fit, made = Trainer.fit, []

    class CtrlC(Callback):
        def on_step(self, trainer, step):
            if len(made) == 2:
                signal.raise_signal(signal.SIGINT)

    def fit_and_interrupt(self, *arguments, **options):
        made.append(self)
        options["callbacks"] = [*options["callbacks"], CtrlC()]
        return fit(self, *arguments, **options)

    monkeypatch.setattr(Trainer, "fit", fit_and_interrupt)
    cases = [case for case in faults.CASES if not case.healthy][:3]
    with pytest.raises(KeyboardInterrupt):
        faults.run_suite([faults.SEEDS[0]], cases)
    assert len(made) == 2
