"""``nnscratch find-rate``."""

import pytest

from nnscratch.cli import main

SMALL = ["find-rate", "--depth", "2", "--width", "20", "--batch", "100"]


def test_it_prints_a_rate_and_draws_the_test(capsys, tmp_path):
    picture = tmp_path / "new" / "rates.png"
    assert main([*SMALL, "--plot", str(picture)]) == 0
    printed = capsys.readouterr().out
    assert "The loss falls fastest at lr=" in printed
    assert printed.endswith(f"wrote {picture}\n")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_no_rate_is_exit_code_1(capsys):
    assert main([*SMALL, "--init", "zeros", "--high", "1e-3"]) == 1
    assert "falls at none of them" in capsys.readouterr().out


def test_where_no_rate_helps_what_is_wrong_with_the_data_is_said(capsys, tmp_path):
    path = tmp_path / "far.csv"
    path.write_text("a,b,c\n" + "".join(f"{1e5 * i},{i % 7},{i % 2}\n" for i in range(100)))
    assert main([*SMALL, "--data", str(path)]) == 1
    said = capsys.readouterr().out
    assert "before the first step: the inputs are large" in said
    assert "(here: --standardise)" in said
    assert main([*SMALL, "--data", str(path), "--standardise"]) == 0
    assert "before the first step" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--low", "1", "--high", "0.1"], "find_rate high must be a finite number > 1"),
        (["--steps", "5"], "find_rate steps must be a whole number >= 40"),
        (["--plot", "rates.txt"], "rates.txt must end in .png"),
        (["--activation", "reul"], "did you mean 'relu'"),
    ],
)
def test_wrong_arguments_are_said(capsys, arguments, message):
    assert main([*SMALL, *arguments]) == 2
    assert message in capsys.readouterr().err
