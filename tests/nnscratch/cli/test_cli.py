"""The command line as a user meets it: exit codes, messages, no stack traces."""

import importlib.metadata
import os
import subprocess
import sys

import pytest

from nnscratch.cli import main


def fails(capsys, *arguments):
    """Return the exit code and standard error of a command that ends in an error."""
    try:
        code = main(arguments)
    except SystemExit as error:
        code = error.code
    message = capsys.readouterr().err
    assert "Traceback" not in message
    return code, message


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: COMMAND"),
        (["compete"], "invalid choice: 'compete'"),
        (["compare", "--lr", "-1"], "lr must be a finite number > 0, got -1"),
        (["compare", "--lr", "nan"], "lr must be a finite number > 0, got nan"),
        (["compare", "--lr", "fast"], "lr must be a number > 0, got 'fast'"),
        (["compare", "--depth", "0"], "depth must be a whole number >= 1, got 0"),
        (["compare", "--epochs", "two"], "epochs must be a whole number >= 1, got 'two'"),
        (["compare", "--seed", "-3"], "seed must be a whole number >= 0, got -3"),
        (["compare", "--data", "mnits"], "did you mean 'mnist'?"),
        (["compare", "--only", "relu"], "unknown configuration 'relu'"),
        (["compare", "--data-dir", "here"], "has no meaning for the digits"),
        (["compare", "--data", "mnist", "--data-dir", "nowhere"], "nowhere"),
        (["reproduce", "mnist"], "did you mean 'mnist-bn-elu'?"),
        (["reproduce", "mnist-bn-elu", "--data-dir", "nowhere"], "--download"),
    ],
)
def test_bad_input_is_an_error_of_one_line_and_exit_code_2(
    arguments, said, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, message = fails(capsys, *arguments)
    assert code == 2
    assert said in message


def test_output_folder_that_is_a_file(capsys, tmp_path):
    (tmp_path / "taken").write_text("")
    code, message = fails(capsys, "compare", "--out", str(tmp_path / "taken"))
    assert code == 2
    assert "cannot write into folder" in message


def test_reproduce_without_a_name_lists(capsys):
    assert main(["reproduce"]) == 0
    assert "mnist-bn-elu" in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"nnscratch {importlib.metadata.version('nnscratch')}\n"


def test_help_names_every_configuration(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    printed = capsys.readouterr().out
    assert "sigmoid-glorot" in printed
    assert "random seed (default: 0)" in printed


def test_a_wrong_number_of_threads_in_the_environment(tmp_path):
    environment = {**os.environ, "NNSCRATCH_NUM_THREADS": "many", "NNSCRATCH_KERNELS": "numba"}
    arguments = ["compare", "--epochs", "1", "--only", "relu-he", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "nnscratch", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "NNSCRATCH_NUM_THREADS is 'many'" in done.stderr
