"""The command line as a user meets it: exit codes, messages, no stack traces."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnscratch.cli import main
from nnscratch.flow import save_record
from nnscratch_records import memory


def fails(capsys, *arguments):
    """Return the exit code and standard error of a command that ends in an error."""
    try:
        code = main(arguments)
    except SystemExit as error:
        code = error.code
    printed, message = capsys.readouterr()
    assert not printed
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
        (["train", "--width", "9999999999"], "x 9,999,999,999 needs 7.2e+09 TB of memory, and "),
        (["train", "--depth", "9" * 20], "hidden layers x 100 needs "),
        (
            ["train", "--depth", "9" * 9, "--width", "1", "--batch", "1500"],
            "training, 1,500 examples at a time, a network of 999,999,999 hidden layers x 1 needs",
        ),
        (["compare", "--width", "3000000"], "x 3,000,000 needs 648 TB of memory, and "),
        (["predict", "--width", "3000000"], "x 3,000,000 needs 648 TB of memory, and "),
        (["cure", "--width", "3000000"], "x 3,000,000 needs 648 TB of memory, and "),
        (["compare", "--family", "recurrent", "--length", "9" * 9], "over 999,999,999 steps needs"),
        (["predict", "--family", "recurrent", "--width", "9" * 9], "of 999,999,999 units over 30 "),
        (["cure", "--family", "recurrent", "--width", "9" * 9], "of 999,999,999 units over 30 "),
        (
            ["predict", "--width", "9" * 5000],
            "width must be a whole number >= 1, got '999999999999",
        ),
        (["cure", "--lr", "9" * 5000], "lr must be a finite number > 0, got inf"),
        (
            ["train", "--batch", "9" * 30],
            "batch must be a whole number >= 1 and <= 1e+09, got a la",
        ),
        (["diagnose", "--self-test", "--seeds", "9" * 30], "seeds must be a whole number >= 1 and"),
        (
            ["find-rate", "--steps", "9" * 9],
            "test of 999,999,999 steps needs 100 GB of memory",
        ),
        (
            ["cure", "--steps", "9" * 9],
            "trials of 999,999,999 steps needs 96 GB of memory, and ",
        ),
        (["predict", "--measure", "9" * 9], "of 999,999,999 draws needs 1.41 TB of memory, and "),
        (["export", "a\0b", "--npz", "a"], "no file can have such a name"),
        (["diagnose", "a\0b"], "no file can have such a name"),
        (["export", "\x1b[31m.flow", "--npz", "a.npz"], "no such file: \\x1b[31m.flow"),
        (["\x1b]0;title\x07"], "invalid choice: '\\x1b]0;title\\x07'"),
        (["report", "a.npz", "\x1b[2J"], "no such file"),
        (
            ["train", "--depth", "1", "\x1b[2J"],
            "unrecognized arguments: \\x1b[2J (see nnscratch train",
        ),
        (
            ["train", "."],
            "unrecognized arguments: .; give it data by --data . (see nnscratch train -",
        ),
        (
            ["map", "."],
            "nnscratch map: error: unrecognized arguments: . (see nnscratch map --help)",
        ),
        (
            ["cure", "--epochs", "3"],
            "--epochs 3; did you mean --steps? (see nnscratch cure --help)",
        ),
        (["train", "--steps", "3"], "--steps 3; did you mean --epochs?"),
        (["train", "--learning-rate=3"], "--learning-rate=3; did you mean --lr?"),
        (["train", "--standardize"], "--standardize; did you mean --standardise?"),
        (["export", "a.flow", "--learning-rate", "3"], "--learning-rate 3 (see nnscratch export"),
        (["reproduce", "mnist"], "did you mean 'mnist-bn-elu'?"),
        (["reproduce", "mnist-bn-elu", "--data-dir", "nowhere"], "--download"),
    ],
)
def test_bad_input_is_an_error_of_one_line_and_exit_code_2(
    arguments, said, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(memory, "available", lambda: 20 * 10**9)  # whatever machine this is
    code, message = fails(capsys, *arguments)
    assert code == 2
    assert said in message
    assert all(c.isprintable() or c == "\n" for c in message)
    if "mnist" not in str(arguments):
        assert len(message.splitlines()) == 1
        assert len(message) < 400


def test_a_lack_of_memory_in_the_middle_is_an_error_of_one_line(capsys, monkeypatch):
    def lacking(*arguments):
        raise MemoryError("Unable to allocate 32.7 TiB for an array with shape (3000000, 3000000)")

    monkeypatch.setattr("nnscratch.cli.report.load_record", lacking)
    code, message = fails(capsys, "report", "a.npz")
    assert code == 2
    assert message == (
        "nnscratch report: error: not enough memory: Unable to allocate 32.7 TiB for an array with "
        "shape (3000000, 3000000)\n"
    )


EVIL = "\x1b]0;owned\x07\x1b[31m\x1b[2J\u202egod"


def test_a_label_gives_the_terminal_no_orders(capsys, tmp_path, small_record):
    path = save_record(tmp_path / "\x1b[31mred.npz", {**small_record, "label": EVIL})
    for arguments in (
        ["diagnose", path],
        ["export", path, "--json-lines", tmp_path / "out.jsonl"],
        ["report", path, "--out", tmp_path / "page.html"],
    ):
        assert main(list(map(str, arguments))) in (0, 1)
    captured = capsys.readouterr()
    printed = captured.out + captured.err
    assert all(c.isprintable() or c == "\n" for c in printed)
    assert "\\x1b]0;owned\\x07" in printed.replace("\n", "")


UGLY = "a\nb\x1b[2J[red]c[x]"


def test_a_name_of_a_file_stays_on_its_line(capfd, tmp_path, small_record, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_record(tmp_path / f"{UGLY}.npz", small_record)
    Path(f"{UGLY}.csv").write_text("".join(f"{i},{i % 7},{i % 2}\n" for i in range(40)))
    Path(f"{UGLY}.toml").write_text("x = [")
    small = ["--depth", "1", "--width", "2"]
    for arguments in (
        ["diagnose", f"{UGLY}.npz", "--json", f"{UGLY}.json"],
        ["export", f"{UGLY}.npz", "--json-lines", f"{UGLY}.jsonl", "--npz", f"{UGLY}2.npz"],
        ["report", f"{UGLY}.npz", "--out", f"{UGLY}.html"],
        ["report", f"{UGLY}.none", "--out", f"{UGLY}.html"],
        ["train", *small, "--data", f"{UGLY}.csv", "--epochs", "1", "--html", f"{UGLY}.html"],
        ["train", *small, "--data", f"{UGLY}.csv", "--target", UGLY],
        ["predict", *small, "--data", f"{UGLY}.csv", "--out", UGLY, "--init", "he_normal"],
        ["sweep", f"{UGLY}.toml", "--out", UGLY],
        ["find-rate", *small, "--data", f"{UGLY}.csv", "--steps", "5", "--plot", f"{UGLY}.png"],
        ["replay", f"{UGLY}.npz"],
    ):
        assert main(arguments) in (0, 1, 2)
        said = "".join(capfd.readouterr())
        assert "\\nb\\x1b[2J[red]c[x]" in said, arguments
        assert not [line for line in said.splitlines() if line.startswith("b\\x1b")], arguments


def test_folders_of_what_is_written_are_made(capsys, tmp_path, small_record):
    run, new = save_record(tmp_path / "run.npz", small_record), tmp_path / "new"
    for arguments in (
        ["diagnose", run, "--json", new / "a" / "said.json"],
        ["export", run, "--npz", new / "b" / "run.npz", "--json-lines", new / "c" / "run.jsonl"],
        ["report", run, "--out", new / "d" / "page.html"],
    ):
        assert main(list(map(str, arguments))) in (0, 1)
    assert {path.name for path in new.glob("*/*")} == {
        "said.json", "run.npz", "run.jsonl", "page.html",
    }  # fmt: skip
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "said.json")
    main(["diagnose", str(run), "--json", str(tmp_path / "link")])
    assert (tmp_path / "elsewhere" / "said.json").exists()


def test_no_folder_is_looked_at_where_no_file_is_made(capsys, tmp_path, small_record, monkeypatch):
    def refused(folder):
        raise AssertionError(folder)

    run = save_record(tmp_path / "run.npz", small_record)
    monkeypatch.setattr("nnscratch.cli.arguments.make_folder", refused)
    assert main(["diagnose", str(run), "--json", os.devnull]) in (0, 1)


def test_a_map_of_which_every_run_failed_is_an_error(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["--width", "999999999", "--variances", "1", "2", "--depths", "2", "3"]
    arguments += ["--workers", "1"]
    code, message = fails(capsys, "map", *arguments)
    assert code == 2
    assert "every run failed (" in message
    assert "2 hidden layers x 999,999,999 needs" in message


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


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("NNSCRATCH_NUM_THREADS", "many", "NNSCRATCH_NUM_THREADS is 'many'"),
        ("MPLBACKEND", "nope", "environment variable MPLBACKEND=nope: unset it, or set it to agg"),
        ("NUMBA_DISABLE_JIT", "1", "or set NNSCRATCH_KERNELS=reference for the readable ones"),
    ],
)
def test_what_the_environment_says_wrong(variable, value, said, tmp_path):
    environment = {**os.environ, "NNSCRATCH_KERNELS": "numba", variable: value}
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
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_without_a_compiler_the_readable_kernels_run(tmp_path):
    environment = {**os.environ, "NNSCRATCH_KERNELS": "reference", "NUMBA_DISABLE_JIT": "1"}
    arguments = ["train", "--epochs", "1", "--depth", "1", "--width", "5"]
    done = subprocess.run(
        [sys.executable, "-m", "nnscratch", *arguments],
        env=environment, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
